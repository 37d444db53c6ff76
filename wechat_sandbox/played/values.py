"""What the values of a notice may hold, by the kind of their place (digest 7.6)."""

from __future__ import annotations

import re
from typing import Any

from wechat_sandbox.played.errors import Refusal

CLOCK = r"\d{1,2}[:：]\d{2}(?:[:：]\d{2})?"
DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|[-/.]\d{1,2}[-/.]\d{1,2})"
MOMENT = rf"(?:{DAY}\s*)?{CLOCK}"
DATE = rf"{DAY}(?:\s*{CLOCK})?"
RULES = {
    "thing": r"[\s\S]{1,20}",
    "number": r"-?(?=.{1,32}$)\d+(?:\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[\x21-\x7e ]{1,32}",
    "time": rf"{MOMENT}(?:\s*~\s*{MOMENT})?",
    "date": rf"{DATE}(?:\s*~\s*{DATE})?",
    "amount": r"[¥￥$€£]?\d{1,10}(?:\.\d+)?元?",
    "phone_number": r"[0-9+()\- ]{1,17}",
    "car_number": r"[0-9A-Za-z\u4e00-\u9fff]{1,8}",
    "name": r"[\u4e00-\u9fff·]{1,10}|[\x20-\x7e]{1,20}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
    "const": r"[\s\S]{1,20}",
    "enum": r"[\s\S]{1,20}",
    "enum_string": r"[\s\S]{1,20}",
}
# A text with this in it is what WeChat would take for forbidden.
FORBIDDEN = "沙箱违规词"


def kind_of(place: str) -> str:
    """``thing1`` is of kind ``thing``."""
    return place.rstrip("0123456789")


def checked(places: list[str], data: object, *, is_strict: bool = True) -> dict[str, str]:
    """A value for every place.

    Args:
        places: names such as thing1.
        data: ``{place: {"value": ...}}`` as it was posted.
        is_strict: check the form of every kind; otherwise lengths only.

    Raises:
        Refusal: 47003 naming the place, 45168 for a forbidden word.
    """
    if not isinstance(data, dict):
        raise Refusal(47003)
    values = {}
    for place in places:
        given = data.get(place)
        value = given.get("value") if isinstance(given, dict) else None
        if not isinstance(value, str | int | float) or not str(value).strip():
            raise Refusal(47003, f"argument invalid! data.{place}.value is empty")
        values[place] = _one(place, str(value), is_strict=is_strict)
    return values


def _one(place: str, text: str, *, is_strict: bool) -> str:
    kind = kind_of(place)
    rule = RULES.get(kind, r"[\s\S]{1,200}")
    too_long = kind in LONGEST and len(text) > LONGEST[kind]
    if too_long or (is_strict and not re.fullmatch(rule, text.strip())):
        raise Refusal(47003, f"argument invalid! data.{place}.value invalid")
    if FORBIDDEN in text:
        raise Refusal(45168)
    return text


LONGEST: dict[str, int] = {
    "thing": 20, "phrase": 5, "number": 32, "letter": 32, "character_string": 32, "symbol": 5,
    "amount": 13, "phone_number": 17, "car_number": 8, "name": 20, "const": 20,
}  # fmt: skip


def lines(content: str, values: dict[str, Any]) -> list[dict[str, str]]:
    """A template's lines with their values, as the phone shows them."""
    found = []
    for line in content.splitlines():
        name, _, _ = line.partition("{{")
        filled = re.sub(r"\{\{(\w+)\.DATA\}\}", lambda one: str(values[one.group(1)]), line)
        if line.strip():
            found.append({"name": name.strip(" :：\t"), "value": filled[len(name) :].strip()})
    return found
