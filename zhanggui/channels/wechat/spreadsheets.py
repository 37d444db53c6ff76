"""The lists of an official account as spreadsheets; one way for all three tiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import batched
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Tier
from zhanggui.accounts.permissions import Permission, at
from zhanggui.channels.wechat import health, notices, serving
from zhanggui.channels.wechat import services as account_services
from zhanggui.channels.wechat.errors import advice_for
from zhanggui.channels.wechat.models import (
    ApiCall,
    AutoReply,
    CallbackDelivery,
    ChannelAccount,
    CodeScan,
    Component,
    Kind,
    MenuVersion,
    TemplateBinding,
    TrackedCode,
)
from zhanggui.channels.wechat.permissions import (
    EDIT_CONTENT,
    OPERATOR_ACCOUNT,
    PLATFORM_ACCOUNT,
    VIEW_ACCOUNT,
)
from zhanggui.channels.wechat.replies.rules import words_of
from zhanggui.channels.wechat.tracking import resolver
from zhanggui.channels.wechat.tracking import selectors as tracking
from zhanggui.core import numbers
from zhanggui.files.exports import Column, Export, Query, register

CHUNK = 500
TIERS = {Tier.PLATFORM: PLATFORM_ACCOUNT.name, Tier.OPERATOR: OPERATOR_ACCOUNT.name}
WHEN = Column("at", _("When"), kind="moment", width=18)
STATE = Column("state", _("State"), width=16)

Row = tuple[Any, ...]


def listed(
    name: str,
    label: Any,
    right: Permission,
    columns: tuple[Column, ...],
    *,
    found: Callable[[Query], QuerySet[Any]],
    cells: Callable[[Sequence[Any]], Iterable[Row]],
    parameters: frozenset[str] = frozenset(),
) -> Export:
    """A list of all three tiers.

    Args:
        name: of the list.
        label: what people call it.
        right: to see it at a merchant.
        columns: of the sheet.
        found: the rows of a query, in order.
        cells: the values of some rows.
        parameters: its filters.
    """

    def rows(query: Query) -> Iterator[Row]:
        for piece in batched(found(query).iterator(chunk_size=CHUNK), CHUNK):
            yield from cells(piece)

    return Export(
        name=name,
        label=label,
        permission=right.name,
        tiers=TIERS,
        columns=columns,
        rows=rows,
        count=lambda query: query.counted(found(query)),
        parameters=parameters,
    )


def own(query: Query) -> QuerySet[ChannelAccount]:
    """The own account of the place: one row or none."""
    return ChannelAccount.objects.filter(is_connected=True, kind=Kind.OFFICIAL, **at(query.place))


def _codes(query: Query) -> QuerySet[TrackedCode]:
    merchant = query.merchant
    account = account_services.effective_account(merchant) if merchant else own(query).first()
    found = tracking.codes_of(account, merchant, archived=query.get("archive") == "1")
    wanted = query.get("q").strip()[:60]
    if wanted:
        found = found.filter(Q(name__icontains=wanted) | Q(caption__icontains=wanted))
    return found.order_by("-id")


def _code_cells(codes: Sequence[TrackedCode]) -> Iterator[Row]:
    figures = tracking.figures_of(codes)
    for code in codes:
        counted = figures.get(code.pk, tracking.Figures())
        yield (
            code.name,
            code.caption,
            counted.scans,
            counted.people,
            counted.followers,
            counted.opened,
            str(_("for ever")) if code.is_permanent else "",
            code.expires_at,
            resolver.address_of(code),
            code.created_at,
        )


CODES = listed(
    "wechat.codes",
    _("QR codes"),
    EDIT_CONTENT,
    (
        Column("name", _("Purpose"), width=24),
        Column("caption", _("Caption"), width=24),
        Column("scans", _("Scans"), kind="number", width=10),
        Column("people", _("Different people"), kind="number", width=10),
        Column("followers", _("New followers"), kind="number", width=10),
        Column("opened", _("Printed address opened"), kind="number", width=10),
        Column("for_ever", _("for ever"), width=10),
        Column("until", pgettext_lazy("QR code", "Good until"), kind="moment", width=18),
        Column("address", _("Printed address"), width=40),
        Column("made", pgettext_lazy("QR code", "Made"), kind="moment", width=18),
    ),
    found=_codes,
    cells=_code_cells,
    parameters=frozenset({"q", "archive"}),
)


def _scans(query: Query) -> QuerySet[CodeScan]:
    codes = TrackedCode.objects.filter(merchant=query.merchant)
    if query.merchant is None:
        codes = codes.filter(account__in=own(query))
    code = codes.filter(pk=numbers.whole(query.get("code")) or 0).first()
    found = tracking.scans_of(code, query.get("how")) if code else CodeScan.objects.none()
    return found.order_by("-at", "-id")


def _scan_cells(scans: Iterable[CodeScan]) -> Iterator[Row]:
    for scan in scans:
        yield scan.at, resolver.masked(scan.openid), _how(scan)


def _how(scan: CodeScan) -> str:
    if not scan.openid:
        return str(_("opened the printed address"))
    return str(_("began to follow") if scan.is_new_follower else _("followed before"))


SCANS = listed(
    "wechat.scans",
    _("Who scanned"),
    EDIT_CONTENT,
    (
        WHEN,
        Column("who", _("Scanned by"), width=24),
        Column("how", pgettext_lazy("a code was scanned", "How"), width=28),
    ),
    found=_scans,
    cells=_scan_cells,
    parameters=frozenset({"code", "how"}),
)


def _deliveries(query: Query) -> QuerySet[CallbackDelivery]:
    rows = CallbackDelivery.objects.filter(account__in=own(query))
    if query.get("callbacks") == "trouble":
        rows = rows.filter(state__in=health.IN_TROUBLE)
    return rows.defer("body_sealed", "platform_key").order_by("-received_at", "-id")


def _delivery_cells(rows: Iterable[CallbackDelivery]) -> Iterator[Row]:
    for row in rows:
        yield (
            row.received_at,
            str(row.kind_label),
            str(row.get_state_display()),
            row.tries,
            row.error,
            row.done_at,
        )


DELIVERY_COLUMNS = (
    WHEN,
    Column("what", _("What came"), width=24),
    STATE,
    Column("tries", _("Tries"), kind="number", width=8),
    Column("error", _("Error"), width=40),
    Column("done", _("Done at"), kind="moment", width=18),
)
DELIVERIES = listed(
    "wechat.deliveries",
    _("Callbacks"),
    VIEW_ACCOUNT,
    DELIVERY_COLUMNS,
    found=_deliveries,
    cells=_delivery_cells,
    parameters=frozenset({"callbacks"}),
)


def _notices(_query: Query) -> QuerySet[CallbackDelivery]:
    component = Component.objects.filter(is_active=True)
    rows = CallbackDelivery.objects.filter(component__in=component)
    return rows.defer("body_sealed", "platform_key").order_by("-received_at", "-id")


NOTICES = Export(
    name="wechat.notices",
    label=_("What WeChat told the platform"),
    tiers={Tier.PLATFORM: PLATFORM_ACCOUNT.name},
    columns=DELIVERY_COLUMNS,
    rows=lambda query: _delivery_cells(_notices(query).iterator(chunk_size=CHUNK)),
    count=lambda query: _notices(query).count(),
    parameters=frozenset(),
)


def _calls(query: Query) -> QuerySet[ApiCall]:
    rows = ApiCall.objects.filter(app_id__in=own(query).values("app_id"))
    return rows.defer("request", "answer").order_by("-at", "-id")


def _call_cells(rows: Iterable[ApiCall]) -> Iterator[Row]:
    for row in rows:
        advice = "" if row.code == 0 else str(advice_for(row.code))
        yield row.at, row.path, row.duration_ms, row.code, advice, row.rid


CALLS = listed(
    "wechat.calls",
    _("Calls to WeChat"),
    VIEW_ACCOUNT,
    (
        WHEN,
        Column("path", pgettext_lazy("to WeChat", "Call"), width=40),
        Column("took", _("Milliseconds"), kind="number", width=10),
        Column("code", pgettext_lazy("of WeChat", "Answer"), kind="number", width=10),
        Column("advice", _("What helps"), width=48),
        Column("rid", "rid", width=28),
    ),
    found=_calls,
    cells=_call_cells,
)


def _versions(query: Query) -> QuerySet[MenuVersion]:
    rows = MenuVersion.objects.select_related("published_by").filter(account__in=own(query))
    return rows.order_by("-number")


def _version_cells(rows: Iterable[MenuVersion]) -> Iterator[Row]:
    for row in rows:
        names = " · ".join(str(button.get("name", "")) for button in row.content)
        by = row.published_by.name if row.published_by else ""
        yield row.number, names, row.published_at, by


VERSIONS = listed(
    "wechat.menu_versions",
    _("Versions of the menu"),
    EDIT_CONTENT,
    (
        Column("number", _("Version"), kind="number", width=10),
        Column("menu", _("Menu"), width=40),
        Column("at", pgettext_lazy("a menu", "Published"), kind="moment", width=18),
        Column("by", pgettext_lazy("who", "By")),
    ),
    found=_versions,
    cells=_version_cells,
)


def _replies(query: Query) -> QuerySet[AutoReply]:
    rows = AutoReply.objects.filter(account__in=own(query))
    wanted = query.get("q").strip()[:60]
    if wanted:
        rows = rows.filter(words__icontains=wanted)
    return rows.order_by("occasion", "-priority", "id")


def _reply_cells(rows: Iterable[AutoReply]) -> Iterator[Row]:
    for row in rows:
        words = [f"={word.text}" if word.is_whole else word.text for word in words_of(row)]
        yield (
            str(row.get_occasion_display()),
            " ".join(words),
            row.title or row.text or str(row.get_kind_display()),
            row.url,
            row.priority,
            str(_("answers") if row.is_on else _("switched off")),
            row.changed_at,
        )


REPLIES = listed(
    "wechat.replies",
    _("Automatic replies"),
    EDIT_CONTENT,
    (
        Column("occasion", pgettext_lazy("automatic reply", "Occasion")),
        Column("words", _("Words"), width=32),
        Column("answer", pgettext_lazy("automatic reply", "Answer"), width=48),
        Column("url", _("Address"), width=32),
        Column("priority", _("Priority"), kind="number", width=10),
        STATE,
        Column("changed", _("Changed at"), kind="moment", width=18),
    ),
    found=_replies,
    cells=_reply_cells,
    parameters=frozenset({"q"}),
)


def _template_rows(query: Query) -> Iterator[Row]:
    accounts = ChannelAccount.objects.filter(is_connected=True, **at(query.place))
    rows = TemplateBinding.objects.select_related("account").filter(account__in=accounts)
    held: dict[str, list[TemplateBinding]] = {}
    for row in rows.order_by("account__kind", "-form"):
        held.setdefault(row.template_key, []).append(row)
    for notice in notices.known():
        label = str(notice.label)
        if notice.name not in held:
            yield label, str(_("not by WeChat")), "", "", "", "", None
        for row in held.get(notice.name, ()):
            state, form = str(row.get_state_display()), str(row.get_form_display())
            yield label, state, form, row.title, row.template_id, row.number, row.checked_at


TEMPLATES = Export(
    name="wechat.templates",
    label=_("Templates"),
    permission=EDIT_CONTENT.name,
    tiers=TIERS,
    columns=(
        Column("message", _("Message"), width=28),
        STATE,
        Column("form", pgettext_lazy("of a message", "Kind"), width=16),
        Column("template", _("Template"), width=28),
        Column("id", _("Template id"), width=48),
        Column("number", _("Template number")),
        Column("checked", _("Compared at"), kind="moment", width=18),
    ),
    rows=_template_rows,
    count=lambda query: sum(1 for _row in _template_rows(query)),
    parameters=frozenset(),
)


def _serving_rows(_query: Query) -> Iterator[Row]:
    for piece in batched(serving.history().iterator(chunk_size=CHUNK), CHUNK):
        ids = {period.account_id for period in piece if period.account_id is not None}
        names = dict(ChannelAccount.objects.filter(pk__in=ids).values_list("pk", "name"))
        for period in piece:
            name = names.get(period.account_id or 0, "")
            yield name, period.since, period.until, str(period.get_reason_display())


SERVING = Export(
    name="wechat.serving",
    label=_("Which account served"),
    permission=VIEW_ACCOUNT.name,
    columns=(
        Column("account", pgettext_lazy("official", "Account"), width=28),
        Column("since", _("Serves since"), kind="moment", width=18),
        Column("until", pgettext_lazy("end of a period", "Until"), kind="moment", width=18),
        Column("why", pgettext_lazy("an account serves", "Why"), width=32),
    ),
    rows=_serving_rows,
    count=lambda _query: serving.history().count(),
    parameters=frozenset(),
)


def register_all() -> None:
    """Make them exportable."""
    for export in (
        CODES,
        SCANS,
        DELIVERIES,
        NOTICES,
        CALLS,
        VERSIONS,
        REPLIES,
        TEMPLATES,
        SERVING,
    ):
        register(export)
