"""Where everything stands on a poster, a table tent and a counter card.

One face is composed for a width and a height. A picture of the shop's own takes its top, on wide
faces its left side, and the place of the drawn card, whose reward is then told in words.
Sheets hold a face once, twice (folded into a tent, the upper half on its head) or four times (to be
cut). Codes are at least 25 mm wide with their quiet zone, on white, whatever the background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from PIL import Image

from zhanggui.channels.wechat.tracking.pictures import Look as CodeLook
from zhanggui.channels.wechat.tracking.pictures import code_png
from zhanggui.stamps.models import Look
from zhanggui.stamps.posters.shapes import (
    Circle,
    Line,
    Page,
    Part,
    Photo,
    Picture,
    Rect,
    Shape,
    Sign,
    Words,
    fitting,
    headline_of,
    lines_of,
    moved,
    printable,
)
from zhanggui.ui.stampcard import SIGNS

WIDEST_ROW = 10
"""Places in one row of the drawn card; more go into a second row."""
SAMPLE_SHARE = 0.4
FOOT, WORDS_TO_CODE = 26, 6
"""Below the code, and between it and the words above; in hundredths of a tall face's width."""
WIDE_PHOTO = 0.34
"""What an own picture takes of a wide face; of a tall one as much as the code leaves free."""
LEAST_PHOTO, MOST_PHOTO = 0.18, 0.42
CODE_UNDER_PHOTO = 34
"""The code's width under a picture, in hundredths of the face's."""
MARK = "#9aa0a6"
MARK_MM = 4.0
HEADLINE_STEP = 1.3
"""From one line of a headline to the next, in its size."""
CAP = 0.36
"""Half the height of a sign, so that a line looks centred."""


@dataclass(frozen=True, slots=True)
class Colours:
    """A drawn background."""

    ground: str
    frame: str
    ink: str
    muted: str
    accent: str
    seal: str
    """Stamped places of the card."""


COLOURS = {
    Look.PAPER: Colours("#F7F5F1", "#C2362B", "#1F2328", "#5A616B", "#C2362B", "#C2362B"),
    Look.CINNABAR: Colours("#B22F25", "#F3D9A8", "#FFFFFF", "#F8E3DF", "#FBE3B4", "#FBE3B4"),
    Look.CELADON: Colours("#E8F1EC", "#2F7D6B", "#173B33", "#48665E", "#1F6657", "#2F7D6B"),
    Look.NIGHT: Colours("#1E2430", "#E0B45C", "#F5EFE2", "#B9C0CC", "#E0B45C", "#E0B45C"),
}


@dataclass(frozen=True, slots=True)
class Content:
    """What a poster says."""

    code: str
    """The printed address."""
    shop: str
    store: str
    """Empty: it may hang anywhere."""
    headline: str
    text: str
    reward: str
    """What the full card is worth; empty where it leads to all cards."""
    slots: int
    """Places of the drawn card; 0: none is drawn."""
    number: str
    """What people can read out; empty before there is one."""
    call: str
    """Under the code: what to do with it."""
    logo: bytes | None = None
    has_picture: bool = False
    """Whether the shop has chosen one of its own."""
    picture_url: str = ""
    picture: bytes = b""
    design: str = ""
    """Which sign is on the stamped places (``ui.stampcard.SIGNS``)."""

    @property
    def words(self) -> tuple[str, ...]:
        """What people typed."""
        return (self.shop, self.store, self.headline, self.text, self.reward)

    @property
    def offer(self) -> str:
        """What the full card is worth, for faces without a drawn one."""
        if not self.has_picture or not self.reward:
            return ""
        return gettext("%(slots)s stamps: %(reward)s") % {
            "slots": self.slots,
            "reward": self.reward,
        }

    def as_printed(self) -> Content:
        """Without what the font cannot print, so that picture and paper say the same."""
        shop, store, headline, text, reward = map(printable, self.words)
        return replace(self, shop=shop, store=store, headline=headline, text=text, reward=reward)


@dataclass(frozen=True, slots=True)
class Format:
    """A way to print it."""

    name: str
    label: str | Promise
    text: str | Promise
    width: float
    height: float
    """Of the sheet."""
    columns: int = 1
    rows: int = 1
    is_folded: bool = False


FORMATS = {
    one.name: one
    for one in (
        Format("poster", _("Poster, A4"), _("For door, window and wall."), 210, 297),
        Format(
            "tent",
            _("Table tent, A4 folded"),
            _("Fold along the line: it stands on a table and is read from both sides."),
            210,
            297,
            rows=2,
            is_folded=True,
        ),
        Format(
            "card",
            _("Counter cards, four on A4"),
            _("Cut along the marks: four cards to stand at the till or to hand out."),
            210,
            297,
            columns=2,
            rows=2,
        ),
    )
}


def page(chosen: Format, content: Content, look: Look, *, code_edge: int = 1000) -> Page:
    """A sheet, ready to be drawn; ``code_edge`` is the width of the code's picture in px."""
    width, height = chosen.width / chosen.columns, chosen.height / chosen.rows
    shapes = face(width, height, content.as_printed(), COLOURS[look], code_edge)
    parts = [
        Part(
            column * width,
            row * height,
            width,
            height,
            shapes,
            is_turned=chosen.is_folded and row == 0,
        )
        for row in range(chosen.rows)
        for column in range(chosen.columns)
    ]
    return Page(chosen.width, chosen.height, parts, _marks(chosen, width, height))


def _marks(chosen: Format, width: float, height: float) -> list[Line]:
    """Where to cut: short lines at the edges of the sheet; where to fold: a dashed one across."""
    if chosen.is_folded:
        return [Line(0, height, chosen.width, height, MARK, is_dashed=True)]
    marks: list[Line] = []
    for column in range(1, chosen.columns):
        x = column * width
        marks += [
            Line(x, 0, x, MARK_MM, MARK),
            Line(x, chosen.height - MARK_MM, x, chosen.height, MARK),
        ]
    for row in range(1, chosen.rows):
        y = row * height
        marks += [
            Line(0, y, MARK_MM, y, MARK),
            Line(chosen.width - MARK_MM, y, chosen.width, y, MARK),
        ]
    return marks


def face(
    width: float, height: float, content: Content, colours: Colours, code_edge: int
) -> list[Shape]:
    """One face; wide ones have the code at the right, tall ones below the words."""
    if content.has_picture:
        return _with_photo(width, height, content, colours, code_edge)
    shapes = _ground(width, height, colours)
    if width > height:
        shapes += _wide(width, height, content, colours, code_edge)
    else:
        shapes += _tall(width, height, content, colours, code_edge)
    return shapes


def _with_photo(
    width: float, height: float, content: Content, colours: Colours, code_edge: int
) -> list[Shape]:
    """The picture, the logo on it, and everything else in what is left of the face."""
    if width > height:
        right, down = width * WIDE_PHOTO, 0.0
        photo = Photo(0, 0, right, height, content.picture_url, content.picture)
    else:
        right, down = 0.0, _photo_height(width, height, content, colours)
        photo = Photo(0, 0, width, down, content.picture_url, content.picture)
    left_wide, left_high = width - right, height - down
    rest = _ground(left_wide, left_high, colours)
    rest += _tall(left_wide, left_high, content, colours, code_edge)
    unit = left_wide / 100
    corner = 11 * unit
    logo = _logo(corner, photo.height - corner, 7 * unit, content.logo) if content.logo else []
    return [photo, *logo, *(moved(shape, right, down) for shape in rest)]


def _photo_height(width: float, height: float, content: Content, colours: Colours) -> float:
    """What words and a code of a good size leave of a tall face."""
    unit = width / 100
    _shapes, words_end = _words_of(width, content, colours)
    free = height - words_end - (FOOT + CODE_UNDER_PHOTO + WORDS_TO_CODE) * unit
    return min(max(free, height * LEAST_PHOTO), height * MOST_PHOTO)


def _ground(width: float, height: float, colours: Colours) -> list[Shape]:
    """The colour, and a double frame as on a shop's label."""
    unit = min(width, height) / 100
    outer, inner = 4.5 * unit, 6 * unit
    return [
        Rect(0, 0, width, height, colours.ground),
        Rect(
            outer, outer, width - 2 * outer, height - 2 * outer, "", colours.frame, 0.7 * unit,
            3 * unit,
        ),
        Rect(
            inner, inner, width - 2 * inner, height - 2 * inner, "", colours.frame, 0.2 * unit,
            2 * unit,
        ),
    ]  # fmt: skip


def _tall(
    width: float, height: float, content: Content, colours: Colours, code_edge: int
) -> list[Shape]:
    unit = width / 100
    middle, room = width / 2, width * 0.8
    shapes, y = _words_of(width, content, colours)
    bottom = height - 12 * unit
    has_card = content.slots > 0 and not content.has_picture
    under = 43 if has_card else 14 + WORDS_TO_CODE
    most = 44 if has_card else 56
    code = max(min(most * unit, bottom - y - under * unit), 25.0)
    code_top = bottom - 14 * unit - code
    if has_card:
        shapes += _card(
            Rect(width * 0.1, y + 3 * unit, room, code_top - y - 8 * unit), content, colours
        )
    shapes += _code(middle - code / 2, code_top, code, content, code_edge)
    shapes.append(
        _fit(Words(middle, bottom - 5 * unit, content.call, 4.4 * unit, colours.ink), room)
    )
    shapes.append(_fit(Words(middle, bottom, _foot(content), 2.8 * unit, colours.muted), room))
    return shapes


def _words_of(width: float, content: Content, colours: Colours) -> tuple[list[Shape], float]:
    """What a tall face says above its code, and where the last line of it stands."""
    unit = width / 100
    middle, room = width / 2, width * 0.8
    shapes: list[Shape] = []
    y = 15 * unit
    if content.logo and not content.has_picture:
        shapes += _logo(middle, y + 3 * unit, 7 * unit, content.logo)
        y += 17 * unit
    shapes.append(_fit(Words(middle, y, content.shop, 5 * unit, colours.accent), room))
    y += 13 * unit
    lines, size = headline_of(content.headline, 11 * unit, room, least=6 * unit, most=2)
    for number, line in enumerate(lines):
        y += size * HEADLINE_STEP * (number > 0)
        shapes.append(Words(middle, y, line, size, colours.ink, is_bold=True))
    y += 4 * unit
    for line in lines_of(content.text, 4.4 * unit, room, 2):
        y += 6 * unit
        shapes.append(_fit(Words(middle, y, line, 4.4 * unit, colours.muted), room))
    if content.offer:
        y += 8 * unit
        offer = Words(middle, y, content.offer, 4.8 * unit, colours.accent, is_bold=True)
        shapes.append(_fit(offer, room))
    return shapes, y


def _wide(
    width: float, height: float, content: Content, colours: Colours, code_edge: int
) -> list[Shape]:
    unit = height / 100
    code = max(56 * unit, 25.0)
    right = width - 15 * unit - code / 2
    left, room = 14 * unit, width - code - 40 * unit
    shapes: list[Shape] = []
    y = 22 * unit
    if content.logo:
        shapes += _logo(left + 6 * unit, y - 2 * unit, 6 * unit, content.logo)
    name_left = left + (15 * unit if content.logo else 0)
    name_room = room - (name_left - left)
    shapes.append(
        _fit(Words(name_left, y, content.shop, 6 * unit, colours.accent, "start"), name_room)
    )
    y += 17 * unit
    lines, size = headline_of(content.headline, 12 * unit, room, least=7 * unit, most=3)
    for number, line in enumerate(lines):
        y += size * HEADLINE_STEP * (number > 0)
        shapes.append(Words(left, y, line, size, colours.ink, "start", is_bold=True))
    y += 2 * unit
    for line in lines_of(content.text, 5 * unit, room, 2):
        y += 7.5 * unit
        shapes.append(_fit(Words(left, y, line, 5 * unit, colours.muted, "start"), room))
    if content.slots:
        shapes += _card(Rect(left, y + 5 * unit, room, 88 * unit - y), content, colours)
    code_top = 16 * unit
    shapes += _code(right - code / 2, code_top, code, content, code_edge)
    under = code_top + code
    shapes.append(_fit(Words(right, under + 10 * unit, content.call, 5 * unit, colours.ink), code))
    shapes.append(
        _fit(Words(right, under + 16 * unit, _foot(content), 3 * unit, colours.muted), code)
    )
    return shapes


def _foot(content: Content) -> str:
    return " · ".join(part for part in (content.store, content.number) if part)


def _code(left: float, top: float, size: float, content: Content, edge: int) -> list[Shape]:
    """The code on white; its picture has its quiet zone."""
    around = size * 0.03
    picture = code_png(content.code, CodeLook(logo=content.logo), edge=edge)
    return [
        Rect(
            left - around, top - around, size + 2 * around, size + 2 * around, "#FFFFFF",
            radius=size * 0.05,
        ),
        Picture(left, top, size, size, picture),
    ]  # fmt: skip


def _logo(x: float, y: float, radius: float, logo: bytes) -> list[Shape]:
    """The shop's logo in a white disc, whole, in its own shape."""
    with Image.open(BytesIO(logo)) as picture:
        wide, high = picture.size
    edge = radius * 1.3
    width, height = (edge, edge * high / wide) if wide >= high else (edge * wide / high, edge)
    return [
        Circle(x, y, radius, "#FFFFFF"),
        Picture(x - width / 2, y - height / 2, width, height, logo),
    ]


def _card(box: Rect, content: Content, colours: Colours) -> list[Shape]:
    """The card to be filled: some places stamped, the last one with the reward."""
    many = content.slots
    rows = 1 if many <= WIDEST_ROW // 2 else -(-many // WIDEST_ROW) if many > WIDEST_ROW else 2
    columns = -(-many // rows)
    caption = min(box.height * 0.2, box.width * 0.06)
    step = min(box.width / columns, (box.height - caption * 1.6) / rows)
    radius = step * 0.38
    if radius <= 0:
        return []
    filled = max(1, int(many * SAMPLE_SHARE))
    start_x = box.left + (box.width - step * columns) / 2 + step / 2
    space = box.height - caption * 1.6 - step * rows
    start_y = box.top + max(space, 0) / 2 + step / 2
    shapes: list[Shape] = []
    for place in range(many):
        row, column = divmod(place, columns)
        x, y = start_x + column * step, start_y + row * step
        line = radius * 0.08
        if place == many - 1:
            shapes.append(Circle(x, y, radius, colours.accent, colours.accent, line))
            shapes.append(
                _inside(x, y, radius, pgettext("on a stamp card", "Free"), colours.ground)
            )
        elif place < filled:
            shapes.append(Circle(x, y, radius, colours.seal, colours.seal, line))
            shapes.append(Circle(x, y, radius * 0.8, "", colours.ground, line))
            sign = SIGNS.get(content.design, SIGNS[""])
            shapes.append(Sign(x, y, radius * 1.2, sign, colours.ground))
        else:
            shapes.append(Circle(x, y, radius, "", colours.frame, line))
            shapes.append(_inside(x, y, radius, str(place + 1), colours.muted))
    words = Words(
        box.left + box.width / 2,
        start_y + step * (rows - 0.5) + caption * 1.25,
        content.reward,
        fitting(content.reward, caption, box.width, is_bold=True),
        colours.accent,
        is_bold=True,
    )
    return [*shapes, words]


def _inside(x: float, y: float, radius: float, text: str, fill: str) -> Words:
    size = fitting(text, radius * 0.8, radius * 1.5, is_bold=True)
    return Words(x, y + size * CAP, text, size, fill, is_bold=True)


def _fit(words: Words, room: float) -> Words:
    """A line made smaller until it fits."""
    size = fitting(words.text, words.size, room, is_bold=words.is_bold)
    return replace(words, size=size)
