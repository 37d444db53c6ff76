"""What the tea house knows of its customers: tags, segments, notes, a merge, some duplicates."""

from __future__ import annotations

from datetime import timedelta

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import services
from zhanggui.contacts.birthdays import Birthday
from zhanggui.contacts.models import Customer, Merge, Segment, Tag, TagColour
from zhanggui.contacts.services import CustomerInput
from zhanggui.core import clock, tenancy

TAGS = {
    "regular": ("老顾客", TagColour.CINNABAR, 40),
    "lunch": ("附近上班", TagColour.INDIGO, 25),
    "gift": ("常买礼盒", TagColour.CELADON, 12),
    "quiet": ("喜欢安静", TagColour.PLUM, 6),
}
"""Name, colour, and how many of the newest customers carry it, every second and third one."""
SEGMENTS = {
    "regulars": ("老顾客有手机号", (("contacts.tag", "regular"), ("contacts.phone", "known"))),
    "sleeping": ("一个月没来", (("contacts.quiet", "30"),)),
}
PAPER = (
    ("林晓雨", "+8613800139501", Birthday(5, 17)),
    ("林晓雨", "+8613800139502", Birthday(5, 17)),
    ("赵明远", "+8613800139611", None),
    ("赵明远", "+8613800129611", None),
    ("孙佳", "+8613800139503", Birthday(12, 3)),
    ("孙佳", "+8613800139504", Birthday(12, 3)),
)
"""Twice on the paper list: name, number, birthday; the last two were merged."""


def make() -> None:
    """Make what is missing; the tea house's customers are there by now."""
    tea = MERCHANTS[0]
    owner = owner_of(tea)
    with tenancy.merchant_scope(id_of(f"merchant:{tea.slug}")):
        for key, (name, colour, many) in TAGS.items():
            made(f"tag:{tea.slug}/{key}", lambda n=name, c=colour: _tag(n, c, owner))  # type: ignore[misc]
            if find(f"tagged:{tea.slug}/{key}") is None:
                _put(f"{tea.slug}/{key}", many, owner)
        for key, (name, wanted) in SEGMENTS.items():
            made(f"segment:{tea.slug}/{key}", lambda n=name, w=wanted: _segment(n, w, owner))  # type: ignore[misc]
        _twins(tea.slug, owner)


def _tag(name: str, colour: str, owner: Actor) -> Tag:
    return services.create_tag(name=name, colour=colour, actor=owner)


def _put(key: str, many: int, owner: Actor) -> None:
    step = 2 + many % 2
    newest = Customer.objects.filter(state="active").order_by("-pk").values_list("pk", flat=True)
    chosen = list(newest[: many * step : step])
    if chosen:
        made(
            f"tagged:{key}",
            lambda: services.change_many(
                action="tag",
                customer_ids=chosen,
                tag_id=id_of(f"tag:{key}"),
                reason="",
                actor=owner,
            ),
        )


def _segment(name: str, wanted: tuple[tuple[str, str], ...], owner: Actor) -> Segment:
    slug = MERCHANTS[0].slug
    pairs = [
        (kind, str(id_of(f"tag:{slug}/{value}")) if kind == "contacts.tag" else value)
        for kind, value in wanted
    ]
    return services.create_segment(name=name, pairs=pairs, actor=owner)


def _twins(slug: str, owner: Actor) -> None:
    """Three people who stand on the list twice; two pairs wait, one was merged."""
    if find(f"merge:{slug}") is not None:
        return
    for number, (name, phone, birthday) in enumerate(PAPER):
        values = CustomerInput(name, phone, birthday=birthday)
        made(f"twin:{slug}/{number}", lambda v=values: _twin(v, owner))  # type: ignore[misc]
    made(f"merge:{slug}", lambda: _merge(slug, owner))
    services.find_duplicates(actor=owner)


def _twin(values: CustomerInput, owner: Actor) -> Customer:
    with clock.at(clock.now() - timedelta(days=20)):
        return services.create_customer(
            name=values.name, phone=values.phone, values=values, actor=owner
        )


def _merge(slug: str, owner: Actor) -> Merge:
    return services.merge_customers(
        survivor_id=id_of(f"twin:{slug}/4"),
        replaced_id=id_of(f"twin:{slug}/5"),
        taken=(),
        actor=owner,
    )
