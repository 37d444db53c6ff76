"""What became of one call: handed over, refused for good, to be tried again, or nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from zhanggui.channels.sms.errors import SmsError, SmsOverLimit, SmsUnreachable
from zhanggui.channels.sms.models import OutgoingSms, SmsState
from zhanggui.channels.wechat.errorcodes import OF_ONE_RECEIVER
from zhanggui.channels.wechat.errors import (
    ChannelBusy,
    ChannelError,
    ChannelUnreachable,
    QuotaUsedUp,
)
from zhanggui.core import clock
from zhanggui.messaging.models import Message, State

WAITS_S = (30, 60, 120, 240)
"""Before the second to the fifth try."""
KNOWN_FOR = timedelta(minutes=9)
"""WeChat knows a repeat by ``client_msg_id`` for ten minutes. Source: digest 4.9."""
INTERRUPTED = "interrupted"
AN_HOUR = timedelta(hours=1)
TEN_MINUTES = timedelta(minutes=10)
NOBODY_THERE = frozenset(
    {40003, 43004, 43019, 43101, 43107, 45015, 45047, 45168, 48002, 50005, 70000}
)
"""The receiver cannot or does not want to be reached in WeChat: another way may do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new state of a message and what belongs to it."""

    state: State
    error: str = ""
    error_kind: str = ""
    platform_id: str = ""
    again_at: datetime | None = None
    """When to try again; only with ``QUEUED``."""
    used: int = 0
    """Segments the provider charges."""
    may_fall_back: bool = False
    is_minute: bool = False
    """WeChat takes no message of the account before ``again_at``, a minute away at most."""
    is_day: bool = False
    """The same until midnight."""


def of_wechat_error(message: Message, error: ChannelError, *, is_repeatable: bool) -> Outcome:
    """What an error of WeChat means for a message; a repeat of some calls sends a second one."""
    code = str(error.code) if error.code is not None else "unreachable"
    if isinstance(error, QuotaUsedUp):
        return Outcome(
            State.QUEUED, code, again_at=error.until, may_fall_back=True, is_day=is_repeatable
        )
    if isinstance(error, ChannelBusy):
        is_minute = is_repeatable and error.code not in OF_ONE_RECEIVER
        return Outcome(State.QUEUED, code, again_at=error.until, is_minute=is_minute)
    if isinstance(error, ChannelUnreachable):
        if error.is_sent and (not is_repeatable or is_past_knowing(message)):
            return Outcome(State.UNSURE, code)
        if message.attempt <= len(WAITS_S):
            return Outcome(State.QUEUED, code, again_at=_later(message))
        is_out = error.is_sent
        return Outcome(State.UNSURE if is_out else State.FAILED, code, may_fall_back=not is_out)
    return Outcome(State.REFUSED, code, may_fall_back=True)


def of_sms(message: Message, sms: OutgoingSms) -> Outcome:
    """What a message that was handed to the SMS channel became."""
    if sms.state in {SmsState.SENT, SmsState.DELIVERED, SmsState.LOST}:
        state = {SmsState.DELIVERED: State.DELIVERED, SmsState.LOST: State.LOST}.get(
            SmsState(sms.state), State.SENT
        )
        charged = min(sms.segments, message.segments) if sms.segments else message.segments
        return Outcome(state, platform_id=sms.out_id, used=charged)
    if sms.state == SmsState.REFUSED:
        return Outcome(State.REFUSED, sms.error, sms.error_kind)
    # nobody knows whether it went out, and the provider may charge it
    return Outcome(
        State.UNSURE, sms.error, sms.error_kind, platform_id=sms.out_id, used=message.segments
    )


def of_sms_down(message: Message, error: SmsError) -> Outcome:
    """No provider takes anything now: it waits, its credit stays set aside, until it is too old."""
    again = clock.now() + TEN_MINUTES
    if isinstance(error, SmsOverLimit):
        again = clock.now() + AN_HOUR
    elif isinstance(error, SmsUnreachable) and message.attempt <= len(WAITS_S):
        again = _later(message)
    return Outcome(State.QUEUED, error.code, type(error).__name__, again_at=again)


def is_past_knowing(message: Message) -> bool:
    """Whether a repeat now could be a second message."""
    first = message.first_try_at
    return first is not None and clock.now() - first > KNOWN_FOR


def _later(message: Message) -> datetime:
    place = min(max(message.attempt, 1), len(WAITS_S)) - 1
    return clock.now() + timedelta(seconds=WAITS_S[place])


def stopped(code: str) -> Outcome:
    """Text messages are switched off: it waits until they are not, or until it is too old."""
    return Outcome(State.QUEUED, code, again_at=clock.now() + TEN_MINUTES)
