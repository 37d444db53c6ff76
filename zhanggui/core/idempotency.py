"""The same key twice is one write: the second request gets the first one's answer.

The record is written in the business transaction, so that answer and effect commit together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, LiteralString

from django.db import IntegrityError, transaction

from zhanggui.core import clock
from zhanggui.core.db.pipeline import Statement, Values
from zhanggui.core.errors import InProgress, KeyReused
from zhanggui.core.models import IdempotencyRecord

REPLAY_FOR = timedelta(hours=24)
LONGEST_KEY = 80

_FORGET: LiteralString = """
DELETE FROM core_idempotencyrecord
WHERE merchant_id = %(merchant)s AND caller = %(caller)s AND key = %(key)s
  AND created_at <= %(replay_since)s
"""

_ANSWER: LiteralString = """
INSERT INTO core_idempotencyrecord (merchant_id, caller, key, fingerprint, answer, created_at)
VALUES (%(merchant)s, %(caller)s, %(key)s, %(fingerprint)s, %(answer)s, %(now)s)
"""


def fingerprint(content: Mapping[str, Any]) -> bytes:
    """What the request asked for; the same key with another content is refused."""
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()


def replay(*, caller: str, key: str, print_: bytes) -> dict[str, Any] | None:
    """The stored answer of this key, if there is one younger than 24 hours.

    Raises:
        KeyReused: the key was used for another content (409).
    """
    record = IdempotencyRecord.objects.filter(caller=caller, key=key).first()
    if record is None or record.created_at <= clock.now() - REPLAY_FOR:
        return None
    return check_record(bytes(record.fingerprint), record.answer, print_)


def check_record(stored: bytes, answer: Any, print_: bytes) -> dict[str, Any] | None:
    """Compare a stored record with a request.

    Raises:
        KeyReused: other content (409).
    """
    if stored != print_:
        raise KeyReused
    return dict(answer) if answer is not None else None


def once(
    *, caller: str, key: str, content: Mapping[str, Any], write: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Run ``write`` in one transaction with its record, or answer what it answered before.

    Args:
        caller: who holds the key, for example ``person:17``.
        key: chosen by the client, at most 80 signs; without one the write simply runs.
        content: what the request asks for; becomes the fingerprint.
        write: does the work and returns a JSON answer.

    Raises:
        KeyReused: same key, other content (409).
        InProgress: two requests with one key at the same moment; this one lost (409).
    """
    if not key:
        with transaction.atomic():
            return write()
    key = key.replace("\0", "")[:LONGEST_KEY]  # no text of the database can hold a zero byte
    print_ = fingerprint(content)
    found = replay(caller=caller, key=key, print_=print_)
    if found is not None:
        return found
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.filter(
                caller=caller, key=key, created_at__lte=clock.now() - REPLAY_FOR
            ).delete()
            answer = write()
            IdempotencyRecord(caller=caller, key=key, fingerprint=print_, answer=answer).save(
                force_insert=True
            )
    except IntegrityError as error:
        if "one_answer_per_key" not in str(error):
            raise
        found = replay(caller=caller, key=key, print_=print_)
        if found is None:
            raise InProgress from error
        return found
    return answer


def keeping(
    *,
    merchant_id: int,
    caller: str,
    key: str,
    print_: bytes,
    answer: Mapping[str, Any],
    now: datetime,
    is_old: bool,
) -> list[Statement]:
    """What ``once`` writes, for the last trip of a hot door; nothing without a key.

    Args:
        merchant_id: whose record it is.
        caller: as for ``once``.
        key: as for ``once``.
        print_: of the request.
        answer: what a repeat is answered.
        now: the door's moment.
        is_old: whether an answer older than 24 hours has to make room.
    """
    if not key:
        return []
    values: Values = {
        "merchant": merchant_id,
        "caller": caller,
        "key": key,
        "fingerprint": print_,
        "answer": dict(answer),
        "now": now,
        "replay_since": now - REPLAY_FOR,
    }
    kept = Statement(_ANSWER, values)
    return [Statement(_FORGET, values), kept] if is_old else [kept]
