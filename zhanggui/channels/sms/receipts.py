"""What providers push: receipts and replies, known by an address nobody can guess.

Neither Tencent nor Alibaba signs these pushes, so the address carries a token derived from the
installation's key. A receipt may come late, twice, before we have noted the provider's number, or
never: the first one decides, an early one waits, a missing one leaves "handed over".
Source: WeChat reference digest 9.1 and 9.2.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from zhanggui.accounts import phones
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.channels.sms import hooks
from zhanggui.channels.sms.models import OutgoingSms, SmsPurpose, SmsReceipt, SmsState
from zhanggui.core import clock, sealing

TOKEN_PURPOSE = "sms.receipts"  # noqa: S105  names what the token is for
TOKEN_LENGTH = 40
PHONE_PURPOSE = "sms_outgoingsms.phone_hash"
REPLIES_WITHIN = timedelta(days=30)
MOST = 1_000
ZONE = ZoneInfo("Asia/Shanghai")
WAITS = (SmsState.WAITING, SmsState.HANDING, SmsState.SENT, SmsState.FAILED)
"""A receipt also settles what we gave up on: only the provider knows whether it went out."""


@dataclass(frozen=True, slots=True)
class Report:
    """One receipt as a provider words it."""

    provider_id: str
    out_id: str
    is_delivered: bool
    code: str
    segments: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of a person."""

    phone: str
    text: str
    at: datetime


def tokens_of(provider: str) -> list[str]:
    """The tokens in a provider's address, the one to give out first: one for each key."""
    return [
        sealing.keyed_hash(
            provider, purpose=TOKEN_PURPOSE, merchant_id=None, version=version
        ).hex()[:TOKEN_LENGTH]
        for version in sealing.versions()
    ]


def is_right(provider: str, token: str) -> bool:
    """Whether a push came to the provider's own address."""
    return any(hmac.compare_digest(known.encode(), token.encode()) for known in tokens_of(provider))


def hash_of(phone: str) -> bytes:
    """What a number is found by."""
    return sealing.keyed_hash(phone, purpose=PHONE_PURPOSE, merchant_id=None)


def read(provider: str, body: Any) -> tuple[list[Report], list[Answer]]:
    """The receipts and replies in the JSON of a push; what cannot be read is left out.

    Raises:
        ValueError: it is neither an object nor an array.
    """
    items = body if isinstance(body, list) else [body] if isinstance(body, dict) else None
    if items is None:
        message = "neither an object nor an array"
        raise ValueError(message)
    reports: list[Report] = []
    answers: list[Answer] = []
    for item in items[:MOST]:
        if isinstance(item, dict):
            one = _tencent(item) if provider == "tencent" else _aliyun(item)
            if isinstance(one, Report):
                reports.append(one)
            elif one is not None:
                answers.append(one)
    return reports, answers


def _tencent(item: dict[str, Any]) -> Report | Answer | None:
    if "report_status" in item:
        return Report(
            provider_id=_text(item, "sid"),
            out_id=_text(item, "ext"),
            is_delivered=item["report_status"] == "SUCCESS",
            code=_text(item, "errmsg"),
            segments=0,
            at=_moment(item.get("user_receive_time")),
        )
    if "text" in item:
        number = f"+{_text(item, 'nationcode') or '86'}{_text(item, 'mobile')}"
        return Answer(number, _text(item, "text"), _moment(item.get("time")))
    return None


def _aliyun(item: dict[str, Any]) -> Report | Answer | None:
    if "biz_id" in item:
        size = _text(item, "sms_size")
        return Report(
            provider_id=_text(item, "biz_id"),
            out_id=_text(item, "out_id"),
            is_delivered=item.get("success") is True,
            code=_text(item, "err_code"),
            segments=int(size) if size.isascii() and size.isdecimal() and len(size) < 3 else 0,  # noqa: PLR2004  a message has at most two digits of segments
            at=_moment(item.get("report_time")),
        )
    if "content" in item:
        return Answer(
            _text(item, "phone_number"), _text(item, "content"), _moment(item.get("send_time"))
        )
    return None


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return str(value)[:80] if isinstance(value, str | int) else ""


def _moment(value: object) -> datetime:
    """A provider's local time; ours when it cannot be read."""
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    except ValueError:
        return clock.now()


def take(provider: str, reports: Sequence[Report]) -> int:
    """Note what became of messages; answers how many were news."""
    known = list(_told(provider, reports))
    if known:
        hooks.tell_receipts(known)
    return len(known)


def _told(provider: str, reports: Sequence[Report]) -> Iterator[hooks.Receipt]:
    for report in reports:
        found = _message_of(provider, report)
        if found is None:
            _keep(provider, report)
            continue
        state = SmsState.DELIVERED if report.is_delivered else SmsState.LOST
        values: dict[str, Any] = {"state": state, "receipt_at": report.at, "body_sealed": None}
        if not report.is_delivered:
            values |= {"error": report.code[:80], "error_kind": ""}
        if report.segments:
            values["segments"] = report.segments
        rows = OutgoingSms.objects.filter(pk=found.pk, state__in=WAITS, receipt_at=None)
        if rows.update(**values) and found.out_id:
            yield hooks.Receipt(found.out_id, report.is_delivered, report.code, report.at)


def _message_of(provider: str, report: Report) -> OutgoingSms | None:
    same = Q(pk__in=[])
    if report.out_id:
        same |= Q(out_id=report.out_id)
    if report.provider_id:
        same |= Q(provider_id=report.provider_id)
    return OutgoingSms.objects.filter(same, provider=provider).order_by("-pk").first()


def _keep(provider: str, report: Report) -> None:
    if report.provider_id:
        SmsReceipt.objects.get_or_create(
            provider=provider,
            provider_id=report.provider_id,
            defaults={
                "is_delivered": report.is_delivered,
                "code": report.code,
                "segments": report.segments,
            },
        )


def take_early(message: OutgoingSms) -> None:
    """Use a receipt that came before the provider's number of this message was noted."""
    early = SmsReceipt.objects.filter(
        provider=message.provider, provider_id=message.provider_id
    ).first()
    if early is None:
        return
    early.delete()
    report = Report(
        early.provider_id, "", early.is_delivered, early.code, early.segments, early.received_at
    )
    take(message.provider, [report])


def take_answers(answers: Sequence[Answer]) -> None:
    """Tell who wrote what, with the merchants they may mean."""
    since = clock.now() - REPLIES_WITHIN
    for answer in answers:
        try:
            phone = phones.parse(answer.phone)
        except PhoneFormat:
            continue
        sent = OutgoingSms.objects.filter(
            phone_hash=hash_of(phone), created_at__gte=since, purpose=SmsPurpose.MARKETING
        )
        ids = sent.exclude(merchant_id=None).values_list("merchant_id", flat=True)
        merchants = tuple(sorted({pk for pk in ids if pk is not None}))
        hooks.tell_reply(hooks.Reply(phone, answer.text.strip(), merchants, answer.at))
