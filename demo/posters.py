"""Posters of the tea house, at door, window and tables, and what its rewards cost."""

from __future__ import annotations

from io import BytesIO
from math import sin

from PIL import Image, ImageDraw

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, store_key
from demo.models import Made
from zhanggui.accounts.models import Merchant
from zhanggui.core import tenancy
from zhanggui.stamps import services
from zhanggui.stamps.models import Look, Programme, ProgrammeState
from zhanggui.stamps.services import PosterInput

PICTURED = "window"
WIDE, HIGH = 1920, 1080
HILLS = ((0.42, "#b9d3cb"), (0.55, "#8db8ab"), (0.68, "#5d9585"), (0.82, "#2f6a5c"))
"""How far from the top a row of hills begins, and its colour; the nearest one last."""


def make() -> None:
    """Make what is missing; each asks the sandbox for a permanent code."""
    tea = MERCHANTS[0]
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{tea.slug}"))
    owner = owner_of(tea)
    with tenancy.merchant_scope(merchant.pk):
        programme = Programme.objects.filter(state=ProgrammeState.ACTIVE).order_by("pk").first()
        wanted = {
            "door": PosterInput(
                name="大门口",
                headline="盖章集好礼",
                text="每消费一次盖一枚，集满就送。",
                programme_id=programme.pk if programme else None,
            ),
            "table": PosterInput(
                name=f"{tea.stores[0].name}桌牌",
                headline="边喝茶边集章",
                text="微信扫一扫，领张集章卡。",
                programme_id=programme.pk if programme else None,
                store_id=id_of(store_key(tea, tea.stores[0])),
                look=Look.CELADON,
            ),
        }
        wanted[PICTURED] = PosterInput(
            name="临街橱窗",
            headline="集章送好茶",
            text="进店坐坐，喝一杯明前茶。",
            programme_id=programme.pk if programme else None,
            look=Look.CELADON,
        )
        if programme and find("costs") is None:
            costs = {5: 600, programme.slots: 1_800}
            row = services.set_costs(
                programme_id=programme.pk, costs=costs, percent=None, actor=owner
            )
            Made.objects.create(key="costs", row_id=row.pk)
        for key, values in wanted.items():
            if find(f"poster:{key}") is None:  # asks the sandbox, so not inside a transaction
                made = services.make_poster(merchant=merchant, values=values, actor=owner)
                Made.objects.create(key=f"poster:{key}", row_id=made.pk)
                if key == PICTURED:
                    services.set_poster_picture(poster_id=made.pk, content=_hills(), actor=owner)


def _hills() -> bytes:
    """What the tea house is named after: green hills in the mist, as a JPEG."""
    picture = Image.new("RGB", (WIDE, HIGH), "#eef3ee")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((1380, 130, 1580, 330), fill="#e9b9a8")
    for number, (top, colour) in enumerate(HILLS):
        ridge = [
            (
                x,
                HIGH * top
                - 90 * sin(x / (310 - 40 * number) + 2 * number)
                - 38 * sin(x / 97 + number),
            )
            for x in range(0, WIDE + 1, 8)
        ]
        pen.polygon([(0, HIGH), *ridge, (WIDE, HIGH)], fill=colour)
    made = BytesIO()
    picture.save(made, "JPEG", quality=90)
    return made.getvalue()
