"""Everything all modules hold about one person, as a readable spreadsheet and as data.

Source: specification P16. The person gets a zip with ``data.json`` and an xlsx, one sheet a table.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from django.utils.translation import gettext as _

from zhanggui.contacts import fields, holders
from zhanggui.contacts.holders import Sheet
from zhanggui.contacts.models import Customer, IdentityLink, LinkMove, Merge, Whereabouts
from zhanggui.contacts.services.holding import merges_into
from zhanggui.files.writing import clean

LONGEST_TITLE = 31  # of a sheet, as xlsx has it
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


def sheets_of(customer: Customer) -> list[Sheet]:
    """Every table with rows about this person, also of rows that were merged into it."""
    everybody = [customer.pk, *merges_into(customer.pk)]
    found = [_profile(everybody), _identities(everybody), _merges(everybody), _places(everybody)]
    for holder in holders.known():
        parts = [sheet for pk in everybody for sheet in holder.sheets(pk)]
        found += _joined(parts)
    return found


def _joined(parts: Iterable[Sheet]) -> list[Sheet]:
    by_name: dict[str, Sheet] = {}
    for part in parts:
        known = by_name.get(part.name)
        rows = [*known.rows, *part.rows] if known else part.rows
        by_name[part.name] = Sheet(part.name, part.title, part.columns, rows)
    return list(by_name.values())


def _profile(ids: Sequence[int]) -> Sheet:
    labels = [field.label for field in fields.MERGED if field.label]
    shown = [field for field in fields.MERGED if field.label]
    customers = Customer.objects.filter(pk__in=ids).order_by("pk")
    rows = [
        (
            customer.number,
            customer.phone,
            *(field.shown(customer) for field in shown),
            str(customer.get_source_display()),
            str(customer.get_state_display()),
            customer.created_at,
            customer.last_seen_at,
        )
        for customer in customers
    ]
    head = [_("Member number"), _("Phone"), *labels, _("Came by"), _("State")]
    return Sheet("profile", _("Profile"), [*head, _("Customer since"), _("Last seen")], rows)


def _identities(ids: Sequence[int]) -> Sheet:
    links = IdentityLink.objects.filter(customer_id__in=ids).order_by("pk")
    columns = [_("Nickname"), "openid", "unionid", _("Avatar"), _("State"), _("Known since")]
    rows = [
        (
            link.nickname,
            link.openid,
            link.unionid,
            link.avatar_url,
            str(link.get_state_display()),
            link.created_at,
        )
        for link in links
    ]
    return Sheet("identities", _("WeChat identities"), columns, rows)


def _merges(ids: Sequence[int]) -> Sheet:
    merges = Merge.objects.select_related("survivor", "replaced").filter(survivor_id__in=ids)
    rows: list[tuple[Any, ...]] = [
        (merge.at, merge.replaced.number, merge.survivor.number, merge.undone_at)
        for merge in merges.order_by("pk")
    ]
    moves = LinkMove.objects.select_related("from_customer", "to_customer").filter(
        to_customer_id__in=ids
    )
    rows += [
        (move.at, move.from_customer.number, move.to_customer.number, None)
        for move in moves.order_by("pk")
    ]
    columns = [_("Time"), _("From"), _("To"), _("Taken back")]
    return Sheet("merges", _("Merges"), columns, rows)


def _places(ids: Sequence[int]) -> Sheet:
    columns = [_("Time"), _("Latitude"), _("Longitude"), _("Accuracy in metres")]
    told = Whereabouts.objects.filter(customer_id__in=ids).order_by("pk")
    rows = [(one.at, one.latitude, one.longitude, one.accuracy_m) for one in told]
    return Sheet("whereabouts", _("Place of the phone"), columns, rows)


def zip_of(sheets: Sequence[Sheet], zone: str) -> bytes:
    """The zip that is handed out."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("data.json", as_json(sheets))
        box.writestr("data.xlsx", as_xlsx(sheets, zone))
    return target.getvalue()


def as_json(sheets: Sequence[Sheet]) -> str:
    """For machines: ``{name: [{column: value}]}``."""
    content = {
        sheet.name: [
            dict(zip(map(str, sheet.columns), map(_plain, row), strict=True)) for row in sheet.rows
        ]
        for sheet in sheets
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def as_xlsx(sheets: Sequence[Sheet], zone: str) -> bytes:
    """For people: one sheet a table; nothing in it is run as a formula."""
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        bold, moment = book.add_format({"bold": True}), book.add_format()
        moment.set_num_format("yyyy-mm-dd hh:mm")
        for sheet in sheets:
            page = book.add_worksheet(str(sheet.title).translate(_FORBIDDEN)[:LONGEST_TITLE])
            page.set_column(0, max(0, len(sheet.columns) - 1), 18)
            page.write_row(0, 0, [str(column) for column in sheet.columns], bold)
            for number, row in enumerate(sheet.rows, 1):
                for column, value in enumerate(row):
                    if isinstance(value, datetime):
                        local = value.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
                        page.write_datetime(number, column, local, moment)
                    elif isinstance(value, int | float) and not isinstance(value, bool):
                        page.write_number(number, column, value)
                    elif value is not None:
                        page.write_string(number, column, clean(value))
    return target.getvalue()
