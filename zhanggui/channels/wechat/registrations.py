"""What this channel tells the registries: rights, audit texts, menu, how customers sign in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from django.db.models import F, OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, permissions, todo
from zhanggui.accounts import hooks as merchant_hooks
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.channels.wechat import (
    customers,
    hooks,
    moving,
    oauth,
    permits,
    records,
    services,
    spreadsheets,
    tickets,
)
from zhanggui.channels.wechat.client import http
from zhanggui.channels.wechat.menus import spreadsheets as menu_spreadsheets
from zhanggui.channels.wechat.models import (
    BindingState,
    ChannelAccount,
    MiniCode,
    Standing,
    TemplateBinding,
)
from zhanggui.channels.wechat.permissions import (
    ALL,
    OPERATOR_ACCOUNT,
    PLATFORM_ACCOUNT,
    VIEW_ACCOUNT,
)
from zhanggui.channels.wechat.replies import answering, scanning
from zhanggui.channels.wechat.tracking import scans
from zhanggui.channels.wechat.tracking import services as tracked_codes
from zhanggui.contacts import holders, timeline
from zhanggui.contacts import hooks as contact_hooks
from zhanggui.core import tenancy
from zhanggui.ui import navigation, panels, sections

if TYPE_CHECKING:
    from zhanggui.accounts.guards import PlaceRequest

ACTIONS = {
    "wechat.account.connected": _("Official account connected"),
    "wechat.account.disconnected": _("Official account disconnected"),
    "wechat.account.authorised": _("Account authorised"),
    "wechat.account.revoked": _("Authorisation withdrawn"),
    "wechat.account.moved_away": _("Account moved to another place"),
    "wechat.account.moved_here": _("Account moved here"),
    "wechat.account.move_dismissed": _("Account left where it is"),
    "wechat.component.changed": _("Third-party platform set up"),
    "wechat.delivery.replayed": _("Callback worked on again"),
    "wechat.mini_code.created": _("Mini program code created"),
    "wechat.mini_code.archived": _("Mini program code put away"),
    "wechat.menu.saved": _("Draft of the menu saved"),
    "wechat.menu.published": _("Menu published"),
    "wechat.menu.deleted": _("Menu deleted at WeChat"),
    "wechat.menu.restored": _("Version of the menu restored"),
    "wechat.menu.taken_over": _("Menu taken over from WeChat"),
    "wechat.menu.defaults": _("Menu of defaults taken"),
    "wechat.conditional.saved": _("Draft of a menu for some followers saved"),
    "wechat.conditional.published": _("Menu for some followers published"),
    "wechat.conditional.withdrawn": _("Menu for some followers taken away at WeChat"),
    "wechat.conditional.deleted": _("Menu for some followers deleted"),
    "wechat.conditional.restored": _("Version of a menu for some followers restored"),
    "wechat.label.added": _("Label of followers made"),
    "wechat.label.put_on": _("Label put on customers with a tag"),
    "wechat.label.deleted": _("Label of followers deleted"),
    "wechat.conditional.foreign": _("Menu of other software deleted at WeChat"),
    "wechat.reply.added": _("Automatic reply added"),
    "wechat.reply.changed": _("Automatic reply changed"),
    "wechat.reply.switched_on": _("Automatic reply switched on"),
    "wechat.reply.switched_off": _("Automatic reply switched off"),
    "wechat.reply.deleted": _("Automatic reply deleted"),
    "wechat.code.created": _("QR code created"),
    "wechat.code.changed": _("QR code changed"),
    "wechat.code.archived": _("QR code put away"),
    "wechat.code.brought_back": _("QR code brought back"),
    "wechat.template.bound": _("Template chosen"),
    "wechat.template.tested": _("Test message sent"),
    "wechat.template.unbound": _("Template taken away"),
    "wechat.serving.changed": _("Another account serves the customers"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    http.watch(records.Records())
    permissions.register(*ALL)
    permissions.register_area("wechat", _("WeChat"), order=400)
    merchant_hooks.on_data_deleted(_leave)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("wechat_account", _("Official account"), _accounts)
    audit.register_target("wechat_component", _("Third-party platform"))
    audit.register_target("callback", _("Callback"))
    audit.register_target("mini_code", _("Mini program code"), _mini_codes)
    audit.register_field("wechat.serving", _("Serving account"))
    for surface in ("merchant", "operator", "platform"):
        todo.register(_waiting, surface=surface)
    todo.register(_tickets, surface="platform")
    for surface in ("operator", "platform"):
        todo.register(_wanted_elsewhere, surface=surface)
    spreadsheets.register_all()
    menu_spreadsheets.register_all()
    _menus()
    panels.register(place="accounts.home", panel=panels.Panel("wechat/public/entry.html", _entry))
    hooks.on_scan(tracked_codes.PURPOSE, scans.scanned)
    hooks.on_reply(answering.answer_to)
    hooks.on_event(permits.POPUP, permits.popped_up)
    hooks.on_event(permits.CHANGED, permits.changed)
    scanning.register(scans.read_printed)
    holders.register(customers.HOLDER)
    timeline.register(customers.TIMELINE)
    contact_hooks.register(
        contact_hooks.SignIn(
            account_id=_account_id,
            start_url=oauth.customer_start_url,
            is_inside=oauth.is_inside_wechat,
            account_name=oauth.account_name,
            account_sql=services.EFFECTIVE_ACCOUNT,
        )
    )


def _waiting(request: PlaceRequest) -> Iterator[todo.Question]:
    """What is wrong with the account of this place, for whoever looks after it."""
    if not {VIEW_ACCOUNT.name, OPERATOR_ACCOUNT.name, PLATFORM_ACCOUNT.name} & request.permissions:
        return
    from zhanggui.channels.wechat.views import (  # noqa: PLC0415  views are the last to load
        places,
        templates,
    )

    def wrong(found: todo.Found) -> Iterator[todo.Todo]:
        for account in found:
            if account["standing"] == Standing.REVOKED:
                yield todo.Todo(
                    _("The authorisation of %(name)s was withdrawn") % {"name": account["name"]},
                    _(
                        "No message goes out. Authorise it again, or connect it with app id and "
                        "secret."
                    ),
                    places.url(request, places.name_of("account", account["kind"])),
                    "plug-connected-x",
                    tone="danger",
                    order=10,
                )
            if account["gone"]:
                yield todo.Todo(
                    _("A message template was removed at WeChat"),
                    _("Its messages do not go out by WeChat until you choose another one."),
                    templates.list_of(account["kind"], account["gone"]).url(request),
                    "template-off",
                    order=40,
                )

    gone = TemplateBinding.objects.filter(account=OuterRef("pk"), state=BindingState.GONE)
    wanted = {
        **{name: F(name) for name in ("name", "standing", "kind")},
        "gone": Subquery(gone.order_by("pk").values("form")[:1]),
    }
    yield todo.Question(places.own_accounts(request, kind=None), wrong, wanted)


def _tickets(request: PlaceRequest) -> Iterator[todo.Question]:
    """Whether WeChat has stopped telling the third-party platform anything."""

    def late(many: int) -> Iterator[todo.Todo]:
        if many:
            yield todo.Todo(
                _("WeChat sends no tickets to the third-party platform"),
                _("Accounts that authorised it stop working within hours. Check its address."),
                reverse("wechat:platform_component"),
                "building-broadcast-tower",
                tone="danger",
                order=10,
            )

    if PLATFORM_ACCOUNT.name in request.permissions:
        yield todo.how_many(tickets.late_components(), late)


def _wanted_elsewhere(request: PlaceRequest) -> Iterator[todo.Question]:
    """Accounts that a shop authorised while another one uses them."""
    if not {OPERATOR_ACCOUNT.name, PLATFORM_ACCOUNT.name} & request.permissions:
        return
    operator = request.place if isinstance(request.place, Operator) else None
    name = "operator_account" if operator else "platform_account"
    url = reverse(f"wechat:{name}", args=[operator.slug] if operator else [])

    def wanted(many: int) -> Iterator[todo.Todo]:
        if many:
            yield todo.Todo(
                _("An official account is wanted by another shop"),
                _("It was authorised there and is in use elsewhere. Move it, or leave it."),
                f"{url}#wanted",
                "arrows-exchange",
                order=30,
            )

    yield todo.how_many(moving.waiting(operator), wanted)


def _menus() -> None:
    for surface, url_name, right, order, section in (
        ("merchant", "account", VIEW_ACCOUNT, 400, sections.WECHAT),
        ("operator", "operator_account", OPERATOR_ACCOUNT, 500, sections.ADMINISTRATION),
        ("platform", "platform_account", PLATFORM_ACCOUNT, 500, sections.ADMINISTRATION),
    ):
        entry = navigation.Entry(
            "wechat",
            _("Official account"),
            "brand-wechat",
            f"wechat:{url_name}",
            right.name,
            order=order,
            section=section,
        )
        navigation.register(surface=surface, entry=entry)


def _entry(request: HttpRequest, subject: object) -> dict[str, str]:
    return {"url": reverse("wechat:entry")}


def _account_id(merchant: Merchant) -> int | None:
    account = services.effective_account(merchant)
    return account.pk if account else None


def _accounts(ids: Collection[int]) -> audit.Rows:
    found = ChannelAccount.objects.filter(pk__in=ids, merchant_id=tenancy.current_merchant_id())
    return found.values_list("pk", "name")


def _mini_codes(ids: Collection[int]) -> audit.Rows:
    return MiniCode.objects.filter(pk__in=ids).values_list("pk", "name")


def _leave(merchant: Merchant, actor: Actor) -> int:
    """A shop whose data are deleted sends and receives nothing any more."""
    own = ChannelAccount.objects.filter(merchant=merchant, is_connected=True)
    for account in own:
        services.disconnect_account(account=account, actor=actor)
    return 0
