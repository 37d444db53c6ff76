"""Amounts in the capital numerals of receipts: 299800 fen is 贰仟玖佰玖拾捌元整."""

from __future__ import annotations

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿")
GROUP = 4


def yuan(fen: int) -> str:
    """The amount as accountants write it, so that no digit can be added by hand."""
    whole, rest = divmod(fen, 100)
    jiao, last = divmod(rest, 10)
    text = f"{_whole(whole)}元" if whole else ""
    if not rest:
        return f"{text or '零元'}整"
    if jiao:
        text += f"{DIGITS[jiao]}角"
    elif whole:
        text += "零"
    return text + (f"{DIGITS[last]}分" if last else "整")


def _whole(number: int) -> str:
    text = ""
    for place, digit in enumerate(reversed(str(number))):
        group, within = divmod(place, GROUP)
        if within == 0 and group and (number // 10**place) % 10**GROUP:
            text = GROUPS[group] + text
        if digit != "0":
            text = DIGITS[int(digit)] + PLACES[within] + text
        elif text and text[0] not in (DIGITS[0], *GROUPS[1:]):
            text = DIGITS[0] + text
    return text
