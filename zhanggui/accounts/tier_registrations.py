"""What the pages of platform and operators tell the registries: audit texts, targets, menus."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from zhanggui.accounts import audit, rights, tier_selectors, todo
from zhanggui.accounts.models import Application, Operator
from zhanggui.ui import navigation as menus
from zhanggui.ui import sections

ACTIONS = {
    "accounts.merchant.edited": _("Merchant changed"),
    "accounts.merchant.registered_name": _("Registered name changed"),
    "accounts.merchant.archived": _("Merchant deleted"),
    "accounts.merchant.restored": _("Merchant restored"),
    "accounts.merchant.transferred": _("Merchant transferred"),
    "accounts.operator.edited": _("Operator changed"),
    "accounts.operator.frozen": _("Operator frozen"),
    "accounts.operator.unfrozen": _("Operator unfrozen"),
    "accounts.operator.archived": _("Operator deleted"),
    "accounts.operator.restored": _("Operator restored"),
    "accounts.registration.edited": _("Registration settings changed"),
    "accounts.registration.picture_changed": _("Picture of the sign-in page changed"),
    "accounts.registration.picture_removed": _("Picture of the sign-in page removed"),
    "accounts.agreement.published": _("Agreement published"),
    "accounts.application.made": _("Application made"),
    "accounts.application.approved": _("Application approved"),
    "accounts.application.rejected": _("Application rejected"),
}
FIELDS = {
    "name": pgettext_lazy("field of the audit log", "Name"),
    "slug": pgettext_lazy("field of the audit log", "Short name"),
    "trade": pgettext_lazy("field of the audit log", "Trade"),
    "registered_name": pgettext_lazy("field of the audit log", "Registered name"),
    "title": pgettext_lazy("field of the audit log", "Login title"),
    "is_open": pgettext_lazy("field of the audit log", "Registration open"),
    "needs_approval": pgettext_lazy("field of the audit log", "Approval needed"),
    "shortest_password": pgettext_lazy("field of the audit log", "Shortest password"),
}


def register_all() -> None:
    """Fill the registries; once per process."""
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    for name, label in FIELDS.items():
        audit.register_field(name, label)
    audit.register_field("operator", pgettext_lazy("field of the audit log", "Operator"), _operator)
    audit.register_target("operator", _("Operator"), _operators)
    audit.register_target("application", _("Application"), _applications)
    todo.register(_applications_wait, surface="operator")
    todo.register(_applications_wait, surface="platform")
    _menus()


def _menus() -> None:
    for surface, view, manage in (
        ("operator", rights.OPERATOR_VIEW, rights.OPERATOR_MANAGE),
        ("platform", rights.PLATFORM_VIEW, rights.PLATFORM_MANAGE),
    ):
        for entry in (
            menus.Entry(
                "applications",
                _("Applications"),
                "user-plus",
                f"accounts:{surface}_applications",
                view.name,
                order=200,
                section=sections.COMING_IN,
                badge=_waiting,
            ),
            menus.Entry(
                "registration",
                _("Registration"),
                "door-enter",
                f"accounts:{surface}_registration",
                manage.name,
                order=210,
                section=sections.COMING_IN,
            ),
        ):
            menus.register(surface=surface, entry=entry)
    menus.register(
        surface="platform",
        entry=menus.Entry(
            "audit",
            _("Audit log"),
            "history",
            "accounts:platform_audit",
            rights.PLATFORM_AUDIT.name,
            order=610,
            section=sections.ADMINISTRATION,
        ),
    )


def _waiting(request: HttpRequest) -> int | None:
    place = getattr(request, "operator", None)
    return tier_selectors.waiting_applications(place).count() or None


def _applications_wait(request: Any) -> Iterator[todo.Question]:
    operator = getattr(request, "operator", None)
    surface, args = ("operator", [operator.slug]) if operator else ("platform", [])

    def waiting(many: int) -> Iterator[todo.Todo]:
        if many:
            yield todo.Todo(
                ngettext(
                    "%(n)s application waits for an answer",
                    "%(n)s applications wait for an answer",
                    many,
                )
                % {"n": many},
                _("Merchants who want to join. They see your answer when they sign in."),
                reverse(f"accounts:{surface}_applications", args=args),
                "user-plus",
                order=10,
            )

    view = rights.OPERATOR_VIEW if operator else rights.PLATFORM_VIEW
    if view.name in request.permissions:
        yield todo.how_many(tier_selectors.waiting_applications(operator), waiting)


def _operator(value: Any) -> str:
    if value is None:
        return str(_("Directly under the platform"))
    found = Operator.objects.filter(pk=value).values_list("name", flat=True).first()
    return found or str(value)


def _operators(ids: Collection[int]) -> audit.Rows:
    return Operator.objects.filter(pk__in=ids).values_list("pk", "name")


def _applications(ids: Collection[int]) -> audit.Rows:
    return Application.objects.filter(pk__in=ids).values_list("pk", "registered_name")
