"""What the registries learn about people and roles: audit texts, menus, banner, what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit, audit_log, colleagues, permissions, rights, todo
from zhanggui.accounts.models import Invitation, RoleSet, SupportSession
from zhanggui.accounts.services.roles import open_now
from zhanggui.core import clock
from zhanggui.ui import formats, notices, sections
from zhanggui.ui import navigation as menus

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

ACTIONS = {
    "accounts.membership.added": _("Person added"),
    "accounts.membership.changed": _("Role changed"),
    "accounts.membership.removed": _("Person removed"),
    "accounts.membership.left": _("Left by themselves"),
    "accounts.membership.handed_over": _("Ownership handed over"),
    "accounts.invitation.created": _("Invitation made"),
    "accounts.invitation.renewed": _("New link for an invitation"),
    "accounts.invitation.revoked": _("Invitation taken back"),
    "accounts.role.created": _("Own role made"),
    "accounts.role.edited": _("Own role changed"),
    "accounts.role.deleted": _("Own role deleted"),
    "accounts.support.opened": _("Support session begun"),
    "accounts.support.ended": _("Support session ended"),
    "accounts.support.allowed": _("Support access allowed"),
    "accounts.support.forbidden": _("Support access forbidden"),
}


def register_all() -> None:
    """Fill the registries; once per process, from ``registrations.py``."""
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("role", _("Role"), _roles)
    audit.register_target("invitation", _("Invitation"), _invitations)
    audit.register_field("role", _("Role"), audit_log.role_text)
    audit.register_field("rights", _("Rights"), _rights_text)
    audit.register_field("name", pgettext_lazy("field of the audit log", "Name"))
    audit.register_field("explanation", _("What it is for"))
    audit.register_field("max_uses", _("For how many people"))
    audit.register_field("expires_at", _("Valid until"), _moment)
    permissions.register_area("accounts", _("Shop and staff"), order=10)
    todo.register(_open_invitations)
    notices.register(_support_banner)
    _menus()


def _menus() -> None:
    for entry in (
        menus.Entry(
            "staff",
            _("Staff"),
            "users",
            "accounts:staff",
            rights.VIEW_STAFF.name,
            order=510,
            section=sections.SHOP,
        ),
        menus.Entry(
            "audit",
            _("Audit log"),
            "history",
            "accounts:audit",
            rights.VIEW_AUDIT.name,
            order=610,
            section=sections.ADMINISTRATION,
        ),
        menus.Entry(
            "support",
            _("Support access"),
            "lifebuoy",
            "accounts:support",
            rights.MANAGE_SUPPORT.name,
            order=630,
            section=sections.ADMINISTRATION,
        ),
    ):
        menus.register(surface="merchant", entry=entry)
    for surface, url_name, right in (
        ("operator", "accounts:operator_staff", rights.OPERATOR_STAFF),
        ("platform", "accounts:platform_staff", rights.PLATFORM_STAFF),
    ):
        entry = menus.Entry(
            "staff",
            _("Employees"),
            "users",
            url_name,
            right.name,
            order=510,
            section=sections.ADMINISTRATION,
        )
        menus.register(surface=surface, entry=entry)


def _support_banner(request: HttpRequest) -> Iterator[notices.Notice]:
    session: Any = getattr(request, "support", None)
    if isinstance(session, SupportSession):
        left = int((session.ends_at - clock.now()).total_seconds())
        yield notices.Notice(
            _("Support access to %(name)s. Reason: %(reason)s. The merchant sees every step.")
            % {"name": session.merchant.name, "reason": session.reason},
            tone="warning",
            icon="lifebuoy",
            post_label=_("End the visit"),
            post_url=reverse("accounts:support_leave", args=[session.pk]),
            left=max(left, 0),
            total=int((session.ends_at - session.starts_at).total_seconds()),
        )


def _open_invitations(request: MerchantRequest) -> Iterator[todo.Question]:
    def waiting(many: int) -> Iterator[todo.Todo]:
        if many:
            yield todo.Todo(
                _("Invitations nobody has accepted yet: %(count)s") % {"count": many},
                _("The link works for a limited time; make a new one if it got lost."),
                reverse("accounts:invitations", args=[request.merchant.slug]),
                "user-question",
                "info",
                order=200,
            )

    if colleagues.may_manage(request.merchant, request.permissions):
        found = colleagues.invitations(request.merchant).filter(open_now())
        yield todo.how_many(found, waiting)


def _rights_text(names: Any) -> str:
    known = [permissions.find(str(name)) for name in names] if isinstance(names, list) else []
    return "、".join(str(right.label) for right in known if right)


def _moment(value: Any) -> str:
    return formats.moment(datetime.fromisoformat(str(value)))


def _roles(ids: Collection[int]) -> audit.Rows:
    return RoleSet.objects.filter(pk__in=ids).values_list("pk", "name")


def _invitations(ids: Collection[int]) -> audit.Rows:
    rows = Invitation.objects.filter(pk__in=ids).exclude(note="")
    return rows.values_list("pk", "note")
