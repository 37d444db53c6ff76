"""What the living page shows: invented shops and people, every component in every state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock
from zhanggui.ui import lists, navigation
from zhanggui.ui.charts import Chart, Series
from zhanggui.ui.forms import DigitsInput, LinesInput, PhoneInput
from zhanggui.ui.paging import Count, Page


@dataclass(frozen=True)
class KitPage:
    """A page of the kit and its line in the menu."""

    template: str
    label: navigation.Text
    icon: str
    section: navigation.Section


BACK_OFFICE = navigation.Section("back-office", _("Back office"), "layout-dashboard", 100)
PHONE = navigation.Section("phone", pgettext_lazy("device", "Phone"), "device-mobile", 200)
PAGES = {
    "overview": KitPage("overview.html", _("Overview"), "layout-dashboard", BACK_OFFICE),
    "list": KitPage("list.html", _("List"), "table", BACK_OFFICE),
    "detail": KitPage("detail.html", _("Detail"), "id", BACK_OFFICE),
    "form": KitPage("form.html", _("Form"), "forms", BACK_OFFICE),
    "states": KitPage("states.html", _("States and feedback"), "bell", BACK_OFFICE),
    "stampcards": KitPage("stampcards.html", _("Stamp cards"), "rubber-stamp", BACK_OFFICE),
    "type": KitPage("type.html", _("Colours and type"), "palette", BACK_OFFICE),
    "sign-in": KitPage("sign_in.html", _("Sign-in"), "login", BACK_OFFICE),
    "phone": KitPage("phone.html", _("Phone: lists and figures"), "device-mobile", PHONE),
    "phone-card": KitPage("phone_card.html", _("Phone: stamp card"), "cards", PHONE),
    "phone-code": KitPage("phone_code.html", _("Phone: code"), "number-123", PHONE),
    "phone-desk": KitPage("phone_desk.html", _("Phone: manager desk"), "keyboard", PHONE),
}


def register() -> None:
    """Put the pages into the menu of their own surface."""
    navigation.add_surface("kit", label=_("Kit"), prefix="/ui/")
    for order, (name, page) in enumerate(PAGES.items()):
        entry = navigation.Entry(
            name=name,
            label=page.label,
            icon=page.icon,
            url_name="ui:kit" if name == "overview" else "ui:kit-page",
            order=order,
            section=page.section,
            arguments=() if name == "overview" else (name,),
        )
        navigation.register(surface="kit", entry=entry)


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(
        label=_("Name of the store"),
        max_length=30,
        help_text=_("Customers see it on their card."),
        initial="南京东路店",
    )
    phone = forms.CharField(label=_("Phone"), widget=PhoneInput(), required=False)
    size = forms.IntegerField(
        label=_("Stamps to fill the card"), min_value=4, max_value=20, initial=10
    )
    city = forms.ChoiceField(
        label=_("City"), choices=[("sh", "上海"), ("hz", "杭州"), ("cd", "成都")]
    )
    when_full = forms.ChoiceField(
        label=_("When the card is full"),
        widget=forms.RadioSelect(),
        choices=[("stop", _("Refuse more stamps")), ("renew", _("Give the reward, start anew"))],
        initial="renew",
        help_text=_("Can be changed later; cards that are full stay full."),
    )
    weekdays = forms.MultipleChoiceField(
        label=_("Open on"),
        widget=forms.CheckboxSelectMultiple(),
        required=False,
        choices=[("1", "周一"), ("2", "周二"), ("3", "周三")],
    )
    opened_on = forms.DateField(
        label=_("Opened on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    note = forms.CharField(
        label=_("Note"), required=False, widget=LinesInput(attrs={"rows": 3}), max_length=200
    )
    picture = forms.FileField(
        label=_("Picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png"}),
        help_text=_("JPEG, PNG or WebP, at most 5 MB."),
    )
    digits = forms.CharField(label=_("Six digits of the customer"), widget=DigitsInput())
    is_open = forms.BooleanField(label=_("Open for customers"), required=False, initial=True)


NAMES = ("陈思远", "林小满", "欧阳婉清", "赵一鸣", "王芳", "Alexandra Featherstonehaugh", "刘洋")
LONG = "上海市黄浦区南京东路步行街与西藏中路交叉口东南角地下一层美食广场店（地铁人民广场站）"
TONES = ("success", "waiting", "danger", "muted")


STORES = ("南京东路店", "静安寺店", LONG, "徐家汇店")
OPERATIONS = ("stamp", "cancel", "redeem", "checkin")
STAMPS = (0, 7, 4, 1, 8, 6170, 2, 9)


CUSTOMERS = lists.ListPage(
    name="ui.kit",
    search=_("Name, member number or last four digits"),
    columns=(
        lists.Column("name", _("Customer"), is_fixed=True, sort="name"),
        lists.Column("phone", _("Phone")),
        lists.Column("store", _("Store")),
        lists.Column("state", _("State")),
        lists.Column("operation", _("Operation")),
        lists.Column("stamps", _("Stamps"), css="num"),
        lists.Column("seen", _("Last seen"), sort="seen"),
    ),
    sorts=(
        lists.Sort("seen", _("Last seen first"), ("-at",)),
        lists.Sort("name", _("By name"), ("name",)),
    ),
    filters=(
        lists.Choice(
            "state",
            _("State"),
            [("success", _("Active")), ("waiting", _("Waiting")), ("danger", _("Blocked"))],
            every=_("All states"),
        ),
        lists.Period("seen", _("Last seen")),
    ),
    bulk=(
        lists.Bulk("tag", _("Add a tag"), "tag-plus"),
        lists.Bulk("archive", _("Archive"), "archive", is_danger=True),
    ),
)


def _row(at: int, now: datetime) -> dict[str, Any]:
    return {
        "pk": at + 1,
        "name": NAMES[at % len(NAMES)],
        "phone": f"1380013{8000 + at * 37}",
        "store": STORES[at % len(STORES)],
        "stamps": STAMPS[at],
        "operation": OPERATIONS[at % len(OPERATIONS)],
        "tone": TONES[at % len(TONES)],
        "at": now - timedelta(minutes=3 + at * 400),
        "is_off": TONES[at % len(TONES)] == "muted",
    }


def _list(request: HttpRequest, rows: list[dict[str, Any]]) -> lists.Shown:
    """The sample rows as the request asks for them, with two views that somebody saved."""
    views = [
        lists.SavedView(1, str(_("Waiting")), "state=waiting", is_shared=True, may_delete=True),
        lists.SavedView(2, "欧阳", "q=欧阳", is_shared=False, may_delete=True),
    ]
    shown = CUSTOMERS.read(request, request.GET)
    shown.keep(request, lists.Kept(views))
    shown.address = request.path
    wanted = shown.values["state"]
    fitting = [row for row in rows if shown.search in row["name"] and wanted in {"", row["tone"]}]
    by_name = shown.sort.name == "name"
    shown.rows = sorted(fitting, key=lambda r: r["name" if by_name else "at"], reverse=not by_name)
    shown.page = Page(shown.rows, "", "", 50)
    if not shown.is_filtered:
        shown.page = Page(shown.rows, "next-token", "previous-token", 50, lambda: Count(12_843))
    return shown


def samples(request: HttpRequest) -> dict[str, Any]:
    """Everything the kit's templates show."""
    now = clock.now()
    labels = [f"11-{day:02d}" for day in range(9, 23)]
    stamps = [42, 55, 61, 38, 44, 70, 88, 51, 49, 63, 58, 77, 96, 64]
    cancels = [2, 1, 0, 3, 1, 2, 4, 0, 1, 2, 1, 3, 2, 1]
    rows = [_row(at, now) for at in range(8)]
    return {
        "rows": rows,
        "list": _list(request, rows),
        "page": Page(rows, "next-token", "previous-token", 50),
        "now": now,
        "soon": now + timedelta(hours=5, minutes=30),
        "chart": Chart(
            labels,
            [
                Series(_("Stamps"), stamps),
                Series(_("Cancelled"), cancels, colour="plum"),
            ],
            unit=_("times"),
        ),
        "line": Chart(
            labels,
            [Series(_("Customers"), [n * 3 for n in stamps], colour="indigo", kind="line")],
        ),
        "operations": (
            ("stamp", _("Stamp")),
            ("cancel", _("Cancel a stamp")),
            ("redeem", _("Redeem")),
            ("checkin", _("Check in")),
        ),
        "tones": ("success", "waiting", "danger", "info", "muted", "brand"),
        "sizes": ((4, 1), (6, 4), (8, 3), (10, 6), (12, 12), (15, 0), (20, 13)),
        "colours": ("brand", "celadon", "amber", "plum", "indigo", "muted"),
        "statuses": (400, 403, 404, 409, 410, 422, 429, 500, 503),
    }
