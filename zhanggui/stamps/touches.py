"""What a phone sends of a press: frames of touches, read once at the door.

The page sends JSON: ``{"screen": [w, h, ratio], "area": [w, h], "frames": [[ms, [[id, x, y], ...]],
...], "released": ms or null}``; coordinates are CSS pixels from the corner of the stamp area.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from zhanggui.stamps.errors import FormBroken
from zhanggui.stamps.recognition.rule import Frame, Press

MOST_FRAMES = 240
MOST_TOUCHES = 12
LONGEST_SENT = 60_000
LARGEST_PX = 100_000
LONGEST_MODEL = 80

_ANDROID = re.compile(r"Android [^;)]*; (?:[a-z]{2}[-_][A-Za-z]{2}; )?([^;)]+?)(?: Build/|[;)])")
_APPLE = re.compile(r"\b(iPhone|iPad)\b")


@dataclass(frozen=True, slots=True)
class Sent:
    """A press as it came."""

    press: Press
    raw: dict[str, Any]
    """The same as JSON, to be kept for 90 days."""
    model: str
    """Model and screen of the phone; empty when the phone tells nothing."""

    @property
    def touches(self) -> int:
        """The most fingers that were down at once."""
        return max((len(frame.touches) for frame in self.press.frames), default=0)


def read(text: str, user_agent: str) -> Sent:
    """Read what the page sent.

    Raises:
        FormBroken: not what a page of ours sends (E_FORM, 422).
    """
    if len(text) > LONGEST_SENT:
        raise FormBroken
    try:
        sent = json.loads(text)
        frames = [_frame(frame) for frame in sent["frames"][:MOST_FRAMES]]
        released = sent.get("released")
        area = sent.get("area")
        press = Press(
            frames=frames,
            released_ms=None if released is None else float(released),
            area_px=(float(area[0]), float(area[1])) if area else None,
        )
        screen = [int(part) for part in (sent.get("screen") or [])[:3]]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        raise FormBroken from None
    return Sent(press, _raw(press, screen), model_of(user_agent, screen))


def read_screen(text: str) -> list[int]:
    """Width, height and ratio of a screen.

    Raises:
        FormBroken: not what a page of ours sends (E_FORM, 422).
    """
    try:
        return [int(part) for part in json.loads(text)[:3]]
    except (ValueError, TypeError, OverflowError, KeyError):
        raise FormBroken from None


def _frame(sent: Any) -> Frame:
    at, touches = sent
    found = {int(name): (float(x), float(y)) for name, x, y in touches[:MOST_TOUCHES]}
    return Frame(float(at), found)


def _raw(press: Press, screen: Sequence[int]) -> dict[str, Any]:
    return {
        "screen": list(screen),
        "area": _kept(press.area_px or ()),
        "released": _number(press.released_ms),
        "frames": [
            [_number(frame.at_ms), [[name, *_kept(spot)] for name, spot in frame.touches.items()]]
            for frame in press.frames
        ],
    }


def _kept(numbers: Sequence[float]) -> list[float | None]:
    return [_number(number) for number in numbers]


def _number(number: float | None) -> float | None:
    """JSON of the database knows neither infinity nor NaN."""
    if number is None or not abs(number) < LARGEST_PX:
        return None
    return round(number, 2)


def model_of(user_agent: str, screen: Sequence[int]) -> str:
    """Model and screen: iPhones all call themselves alike, but their screens differ."""
    found = _ANDROID.search(user_agent) or _APPLE.search(user_agent)
    if found is None:
        return ""
    size = "x".join(str(part) for part in sorted(screen[:2]))
    ratio = f"@{screen[2]}" if len(screen) > 2 else ""  # noqa: PLR2004
    return f"{found[1].strip()} {size}{ratio}".strip()[:LONGEST_MODEL]


def mark_of(points: Sequence[tuple[float, float]]) -> bytes:
    """A mark of ten coordinates: two real presses never share all of them (7.7)."""
    return sha256("|".join(sorted(f"{x:.1f},{y:.1f}" for x, y in points)).encode()).digest()
