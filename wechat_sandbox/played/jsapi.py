"""Tickets for JS-SDK (digest 4.12)."""

from __future__ import annotations

from wechat_sandbox import jssdk
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint


@endpoint("/cgi-bin/ticket/getticket", method="GET", capability="jsapi", daily=1_000_000)
def getticket(call: Call) -> Answer:
    """The ticket pages are signed with, or the one for cards."""
    kind = call.query("type")
    if kind not in ("jsapi", "wx_card"):
        raise Refusal(40097)
    value, seconds = jssdk.ticket(call.world, call.account, kind)
    return call.answered(ticket=value, expires_in=seconds)
