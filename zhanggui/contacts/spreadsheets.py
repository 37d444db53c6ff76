"""Customers as a spreadsheet: what can be imported, what is exported."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.contacts import cells
from zhanggui.contacts.models import Source
from zhanggui.contacts.permissions import IMPORT_CUSTOMERS
from zhanggui.contacts.sample import sample
from zhanggui.contacts.services import import_undo, importing
from zhanggui.files import imports
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


def register_all() -> None:
    """Make customers importable."""
    imports.register(KIND)
