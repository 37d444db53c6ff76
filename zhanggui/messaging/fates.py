"""What became of a message in words: tone, reason, advice."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.sms.errors import advice_of
from zhanggui.channels.wechat.errors import advice_for
from zhanggui.core import clock, numbers
from zhanggui.messaging.models import Message, Route, State, Why
from zhanggui.messaging.outcomes import INTERRUPTED
from zhanggui.ui.formats import moment

Text = str | Promise
TONES = {
    State.QUEUED: "waiting",
    State.SENDING: "waiting",
    State.SENT: "success",
    State.DELIVERED: "success",
    State.LOST: "danger",
    State.REFUSED: "danger",
    State.FAILED: "danger",
    State.UNSURE: "waiting",
    State.SKIPPED: "muted",
    State.CANCELLED: "muted",
}


def tone(message: Message) -> str:
    """The colour of its state."""
    return TONES[State(message.state)]


def advice(message: Message) -> Text:
    """Why, and what helps; until when it waits; empty when all is well."""
    if not message.error:
        return ""
    reason = _reason(message)
    if message.state != State.QUEUED or message.due_at <= clock.now():
        return reason
    return _("Waits until %(moment)s: %(why)s") % {"moment": moment(message.due_at), "why": reason}


def _reason(message: Message) -> Text:
    error = message.error
    if error in Why.values:
        return Why(error).label
    if error == INTERRUPTED or message.state == State.UNSURE:
        return _("We were interrupted while sending. It may have arrived: ask first.")
    if message.route == Route.SMS:
        return advice_of(message.error_kind)
    digits = error.removeprefix("-")
    number = numbers.whole(digits)
    return advice_for(None if number is None else number * (-1 if error != digits else 1))


def detour(message: Message) -> Text:
    """Why it went by SMS although WeChat came first; empty when it did not."""
    number = numbers.whole(message.wechat_error)
    return advice_for(number) if message.wechat_error else ""
