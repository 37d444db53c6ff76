"""Pictures of people and accounts: a coloured tile with a character."""

from __future__ import annotations

import html

from starlette.responses import Response

from wechat_sandbox.accounts import Account
from wechat_sandbox.people import COLOURS, Person


def _tile(text: str, colour: str) -> Response:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="132" height="132" viewBox="0 0 132 132">'
        f'<rect width="132" height="132" fill="{html.escape(colour)}"/>'
        '<text x="66" y="68" fill="#fff" font-size="64" text-anchor="middle" '
        'dominant-baseline="central" font-family="PingFang SC,Noto Sans CJK SC,sans-serif">'
        f"{html.escape(text)}</text></svg>"
    )
    # Opened on its own, the picture must not be able to run anything.
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(svg, media_type="image/svg+xml", headers=policy)


def of_person(person: Person) -> Response:
    """A person's picture."""
    return _tile(person.avatar["text"], person.avatar["colour"])


def of_account(account: Account) -> Response:
    """An account's picture; the phone's script draws the same."""
    wish = account.avatar
    is_colour = wish.startswith("#")
    text = wish[:2] if wish and not is_colour else account.name[:1]
    if is_colour:
        return _tile(text, wish)
    if not text[0].isalnum():
        return _tile(text, "#ededed")
    total = 0
    for one in account.appid:
        total = (total * 31 + ord(one)) % 9973
    return _tile(text, COLOURS[total % ACCOUNT_COLOURS])


ACCOUNT_COLOURS = 8
