"""The ways to stamp: which there are, which are alike, and the mark in a code's QR picture.

Source: stamps specification 7.7, D26, features 2 and 9.
"""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest

from zhanggui.codes import services as codes
from zhanggui.core import clock, sealing, tenancy
from zhanggui.stamps.models import Method

OFFERED = (Method.PRESS, Method.CODE, Method.SCAN, Method.COUNTER)
"""What a programme may take."""
STRENGTHS = (Method.PRESS_COUNTER, Method.SCAN, Method.PRESS, Method.COUNTER)
"""What a reward of high value may need; a code that was only typed is never among them."""
NEEDED: dict[Method, Method] = {Method.PRESS_COUNTER: Method.PRESS}
"""What a programme must take for a way that it does not list itself."""
ALIKE: dict[Method, tuple[Method, ...]] = {
    Method.PRESS: (Method.PRESS, Method.PRESS_COUNTER),
    Method.PRESS_COUNTER: (Method.PRESS, Method.PRESS_COUNTER),
    Method.CODE: (Method.CODE, Method.SCAN),
    Method.SCAN: (Method.CODE, Method.SCAN),
    Method.COUNTER: (Method.COUNTER,),
}
AGAIN_WITHIN = timedelta(seconds=30)
"""So soon after a stamp that came another way, somebody must say that this is a second one."""
MARK_BYTES = 10
MARK = "stamps.scan"


@dataclass(frozen=True, slots=True)
class Typed:
    """What came into the bar of the desk."""

    digits: str
    """Six half-width digits."""
    method: Method
    """Scanned, or typed."""


def listed(method: Method) -> Method:
    """The way of a programme that this one belongs to."""
    return NEEDED.get(method, method)


def alike(method: Method) -> list[str]:
    """Ways that count as the same; a card without any stamp is like all."""
    return ["", *(one.value for one in ALIKE[method])]


def picture(digits: str) -> str:
    """What the QR code beside the digits says: they, and a mark that nobody types in."""
    return f"{digits}.{_mark(digits, 0, sealing.newest_version())}"


def read(sent: str) -> Typed:
    """Read what came into the bar: digits that were typed, or a QR code that was scanned.

    Raises:
        CodeFormat: neither; not a try (422).
    """
    text, dot, mark = sent.partition(".")
    digits = codes.normalise(text if dot else sent)
    if not dot:
        return Typed(digits, Method.CODE)
    if not _is_mark(digits, mark.strip()):
        codes.normalise(sent)  # says that it is none
    return Typed(digits, Method.SCAN)


def _is_mark(digits: str, mark: str) -> bool:
    marks = [_mark(digits, days, one) for days in (0, 1) for one in sealing.versions()]
    return any([compare_digest(mark.encode(), one.encode()) for one in marks])  # noqa: C419


def _mark(digits: str, days_ago: int, version: int) -> str:
    """Of this merchant, these digits and this day: who reads the digits cannot make it."""
    day = (clock.now() - timedelta(days=days_ago)).date()
    merchant_id = tenancy.current_merchant_id()
    made = sealing.keyed_hash(
        f"{digits}|{day}", purpose=MARK, merchant_id=merchant_id, version=version
    )
    return b32encode(made[:MARK_BYTES]).decode()
