"""Customers as a spreadsheet: what can be imported, what is exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, Func, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store
from zhanggui.contacts import birthdays, cells, conditions, selectors
from zhanggui.contacts.models import Customer, DuplicatePair, Segment, Source, Tag
from zhanggui.contacts.permissions import (
    IMPORT_CUSTOMERS,
    KEEP_PRIVACY,
    MERGE_CUSTOMERS,
    VIEW_CUSTOMERS,
)
from zhanggui.contacts.sample import sample
from zhanggui.contacts.services import handing_out, import_undo, importing
from zhanggui.files import exports, imports, jobs
from zhanggui.files.imports import Column, ImportKind, Option

SOURCES = {
    "微信": Source.WECHAT,
    "店员添加": Source.HAND,
    "导入": Source.IMPORT,
    "其他": Source.OTHER,
}

KIND = ImportKind(
    name="contacts.customers",
    label=_("Customers"),
    permission=IMPORT_CUSTOMERS.name,
    icon="users-group",
    lead=_(
        "One row a customer. Who has the same phone number is the same customer; stamps and cards"
        " are not imported."
    ),
    columns=(
        Column(
            "name",
            _("Name"),
            parse=imports.text(80),
            required=True,
            example="陈思远",
            aliases=("名字", "客户姓名", "顾客", "会员姓名", "name"),
        ),
        Column(
            "phone",
            _("Phone"),
            parse=cells.phone,
            example="13800138000",
            help=_("With or without +86; blanks and hyphens do no harm."),
            aliases=("手机", "手机号", "手机号码", "电话", "联系电话", "phone", "mobile"),
        ),
        Column(
            "birthday",
            _("Birthday"),
            parse=cells.birthday,
            example="1990-05-17",
            help=_("With or without the year: 1990-05-17 or 05-17."),
            aliases=("出生日期", "生日日期", "birthday"),
        ),
        Column(
            "gender",
            _("Gender"),
            parse=cells.gender,
            example="女",
            aliases=("gender", "sex"),
            choices=("男", "女"),
        ),
        Column(
            "tags",
            _("Tags"),
            parse=cells.tags,
            example="老顾客、附近上班",
            help=_("Several with a comma between them; new ones are made."),
            aliases=("分组", "标记", "tags"),
        ),
        Column(
            "note",
            _("Note"),
            parse=imports.text(1000),
            example="少糖",
            aliases=("说明", "remark", "note"),
        ),
        Column(
            "source",
            pgettext_lazy("how a customer came", "Source"),
            parse=imports.choice(SOURCES),
            example="导入",
            aliases=("渠道", "source"),
            choices=tuple(SOURCES),
        ),
        Column(
            "stores",
            _("Stores"),
            parse=cells.stores,
            help=_("Names as they stand in your list of stores."),
            aliases=("门店名称", "所属门店", "store"),
        ),
        Column(
            "number",
            _("Member number"),
            parse=cells.number,
            example="A1024",
            help=_("Your own; left empty, a number is drawn."),
            aliases=("会员编号", "会员卡号", "编号", "number"),
        ),
    ),
    check_rows=importing.check_rows,
    write_rows=importing.write_rows,
    cost=importing.cost,
    undo=import_undo.undo,
    undo_note=_("Customers who were used since stay; tags that were made stay."),
    options=(
        Option(
            importing.EXISTING,
            _("Customers you know already"),
            (
                (importing.UPDATE, _("Update them; empty cells change nothing")),
                (importing.SKIP, _("Leave them as they are")),
            ),
            _("Known by the phone number, else by the member number."),
        ),
    ),
    sample=sample,
    url=lambda slug: reverse("contacts:customers", args=[slug]),
)


def _found(query: exports.Query) -> QuerySet[Customer]:
    return selectors.found(selectors.Filters.of(query.values, zone=query.time_zone))


def _rows(query: exports.Query) -> Iterator[tuple[Any, ...]]:
    tags = dict(Tag.objects.values_list("pk", "name"))
    stores = dict(Store.objects.values_list("pk", "name"))
    for customer in _found(query).iterator(chunk_size=2_000):
        yield (
            customer.number,
            customer.name,
            customer.phone,
            str(birthdays.of_columns(customer.birthday, customer.birth_year) or ""),
            str(customer.get_gender_display()) if customer.gender else "",
            "、".join(tags[pk] for pk in customer.tag_ids if pk in tags),
            customer.note,
            str(customer.get_source_display()),
            "、".join(stores[pk] for pk in customer.store_ids if pk in stores),
            str(customer.get_state_display()),
            customer.created_at,
            customer.visited_at,
        )


EXPORT = exports.Export(
    name="contacts.customers",
    label=_("Customers"),
    permission=VIEW_CUSTOMERS.name,
    columns=(
        exports.Column("number", _("Member number")),
        exports.Column("name", _("Name")),
        exports.Column("phone", _("Phone"), kind="phone"),
        exports.Column("birthday", _("Birthday"), width=12),
        exports.Column("gender", _("Gender"), width=8),
        exports.Column("tags", _("Tags"), width=24),
        exports.Column("note", _("Note"), width=32),
        exports.Column("source", pgettext_lazy("how a customer came", "Source"), width=12),
        exports.Column("stores", _("Stores"), width=24),
        exports.Column("state", _("State"), width=12),
        exports.Column("since", _("Customer since"), kind="moment", width=18),
        exports.Column("seen", _("Last seen"), kind="moment", width=18),
    ),
    rows=_rows,
    count=lambda query: query.counted(_found(query)),
    parameters=frozenset(
        {
            *("q", "state", "source", "store", "tag", "segment", "birthday", "phone", "followed"),
            *("created_from", "created_to", "ids"),
        }
    ),
)


def _tag_rows(_query: exports.Query) -> Iterator[tuple[Any, ...]]:
    used = dict(
        Customer.objects.filter(~Q(state__in=selectors.GONE))
        .order_by()
        .values_list(Func(F("tag_ids"), function="unnest"))
        .annotate(Count("pk"))
    )
    for tag in selectors.tags():
        yield (tag.name, used.get(tag.pk, 0), tag.created_at)


TAGS = exports.Export(
    name="contacts.tags",
    label=_("Tags"),
    permission=VIEW_CUSTOMERS.name,
    columns=(
        exports.Column("name", _("Tag"), width=20),
        exports.Column("customers", _("Customers"), kind="number", width=12),
        exports.Column("made", _("Made at"), kind="moment", width=18),
    ),
    rows=_tag_rows,
    count=lambda _query: Tag.objects.count(),
    parameters=frozenset(),
)


def _segment_rows(_query: exports.Query) -> Iterator[tuple[Any, ...]]:
    for segment in Segment.objects.order_by("name"):
        fitting = selectors.found(selectors.Filters(segment=segment.pk))
        yield (segment.name, "；".join(conditions.words_of(segment)), fitting.count())


SEGMENTS = exports.Export(
    name="contacts.segments",
    label=_("Segments"),
    permission=VIEW_CUSTOMERS.name,
    columns=(
        exports.Column("name", _("Segment"), width=20),
        exports.Column("conditions", _("Conditions"), width=48),
        exports.Column("customers", _("Customers"), kind="number", width=12),
    ),
    rows=_segment_rows,
    count=lambda _query: Segment.objects.count(),
    parameters=frozenset(),
)


def _pairs(query: exports.Query) -> QuerySet[DuplicatePair]:
    return selectors.pairs(state=query.get("state"), likeness=query.get("likeness"))


def _pair_rows(query: exports.Query) -> Iterator[tuple[Any, ...]]:
    for pair in _pairs(query).order_by("-id").iterator(chunk_size=500):
        first, second = pair.first, pair.second
        yield (
            first.name,
            first.number,
            first.phone,
            second.name,
            second.number,
            second.phone,
            str(pair.get_likeness_display()),
            str(pair.get_state_display()),
            pair.found_at,
        )


DUPLICATES = exports.Export(
    name="contacts.duplicates",
    label=_("Duplicates"),
    permission=MERGE_CUSTOMERS.name,
    columns=(
        exports.Column("first", _("The older one"), width=20),
        exports.Column("first_number", _("Member number")),
        exports.Column("first_phone", _("Phone"), kind="phone"),
        exports.Column("second", _("The newer one"), width=20),
        exports.Column("second_number", _("Member number")),
        exports.Column("second_phone", _("Phone"), kind="phone"),
        exports.Column("why", _("Why"), width=24),
        exports.Column("state", _("State"), width=14),
        exports.Column("found", _("Found at"), kind="moment", width=18),
    ),
    rows=_pair_rows,
    count=lambda query: _pairs(query).count(),
    parameters=frozenset({"state", "likeness"}),
)


def register_all() -> None:
    """Make customers importable and exportable, and a person's data something to gather."""
    imports.register(KIND)
    for export in (EXPORT, TAGS, SEGMENTS, DUPLICATES):
        exports.register(export)
    jobs.register(
        jobs.TaskKind(
            name=handing_out.TASK,
            label=_("Everything about one person"),
            run=handing_out.run_dossier,
            icon="file-zip",
            unit=_("rows"),
            rights=lambda _task: frozenset({KEEP_PRIVACY.name}),
        )
    )
