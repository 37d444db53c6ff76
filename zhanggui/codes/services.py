"""One-time codes for any product: issue, hold, consume, revoke.

Every function runs in the open merchant scope; those that write run in the caller's transaction.
A product names its operations (``stamps.accumulate``) and its subjects (``stamps.card``); the
code itself knows nothing of what it lets happen.

Source: stamps specification 5.1, D12-D23 and section 8.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from zhanggui.accounts import audit
from zhanggui.codes.errors import (
    Busy,
    CodeExpired,
    CodeFormat,
    CodeHeld,
    CodeInvalid,
    CodeRevoked,
    CodeUsed,
    TooManyCodes,
    WrongStore,
)
from zhanggui.codes.models import LIVE, CodeState, OneTimeCode
from zhanggui.core import clock, constraints, sealing, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import DomainError

LENGTH = 6
FOLD = {0xFF10 + number: str(number) for number in range(10)} | dict.fromkeys(
    map(ord, "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d")
)
HOLD = timedelta(seconds=60)
SHOW_AGAIN = timedelta(seconds=30)
NEW_CODES_WINDOW = timedelta(minutes=10)
NEW_CODES_AT_MOST = 5
DRAWS = 5
LIVE_AT_MOST = 50_000
ENDED_IS_TOLD_FOR = timedelta(minutes=10)
DIGITS_KEPT_FOR = timedelta(hours=24)
DIGITS_COLUMN = "codes_onetimecode.digits"

# Who may use a code now: it lives, it is for this store, nobody else looks at it. The one rule
# of hold() and consume(), and of hot doors that chain further updates to it.
USABLE: LiteralString = """
merchant_id = %(merchant)s AND digits_hash = ANY(%(hashes)s) AND subject_type = %(subject_type)s
AND state IN ('active', 'held') AND expires_at > %(now)s
AND (state = 'active' OR held_by_id = %(person)s OR held_until <= %(now)s)
AND (store_ids = '{}' OR %(store)s = ANY(store_ids))
"""

CONSUME: LiteralString = f"""
UPDATE codes_onetimecode
SET state = 'consumed', digits_sealed = NULL, ended_at = %(now)s, ended_by_id = %(person)s,
    ended_store_id = %(store)s
WHERE {USABLE}
RETURNING id, operation, subject_id
"""  # noqa: S608  constants only

HOLDS: LiteralString = f"""
UPDATE codes_onetimecode
SET state = 'held', held_by_id = %(person)s, held_until = LEAST(%(until)s, expires_at)
WHERE {USABLE}
RETURNING id
"""  # noqa: S608  constants only

_FIND: LiteralString = f"SELECT id FROM codes_onetimecode WHERE {USABLE}"  # noqa: S608

_INSERT: LiteralString = """
INSERT INTO codes_onetimecode
  (merchant_id, operation, subject_type, subject_id, customer_id, store_ids, digits_hash,
   digits_sealed, key_version, state, created_at, expires_at)
VALUES
  (%(merchant)s, %(operation)s, %(subject_type)s, %(subject_id)s, %(customer_id)s,
   %(store_ids)s::bigint[], %(hash)s, %(sealed)s, %(key_version)s, 'active', %(now)s,
   %(expires_at)s)
ON CONFLICT DO NOTHING
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A live code with its digits in clear, for the customer's phone only."""

    code: OneTimeCode
    digits: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What a code shall let happen."""

    operation: str
    subject_type: str
    subject_id: int
    customer_id: int
    store_ids: Sequence[int]
    """Empty means every store of the merchant."""
    life_s: int


def normalise(typed: str) -> str:
    """Six half-width digits out of what was typed ("０48-213 ").

    Raises:
        CodeFormat: anything else; not a try (422).
    """
    digits = "".join(sign for sign in typed[:40].translate(FOLD) if not sign.isspace())
    if len(digits) != LENGTH or not (digits.isascii() and digits.isdecimal()):
        raise CodeFormat
    return digits


def hashes_of(digits: str) -> list[bytes]:
    """The keyed hashes under which these digits may stand, newest key first."""
    merchant_id = tenancy.current_merchant_id()
    return [
        sealing.keyed_hash(digits, purpose=DIGITS_COLUMN, merchant_id=merchant_id, version=version)
        for version in sealing.versions()
    ]


def issue(order: Order) -> Issued:
    """Give the subject its one live code.

    A code of the same operation with 30 s or more to live is shown again; any other live code
    of the subject is revoked.

    Raises:
        TooManyCodes: five new codes in ten minutes already; carries the wait (429).
        Busy: more than 50,000 live codes of this merchant, or no free number found (503).
    """
    with transaction.atomic():
        turns.take("codes.issue", tenancy.current_merchant_id(), order.customer_id)
        moment = clock.now()
        live = _live_of(order)
        if live is not None and _may_show_again(live, order, moment):
            return Issued(live, _digits_of(live), is_new=False)
        _check_flood(order.customer_id, moment)
        if live is not None:
            _end_live(Q(pk=live.pk), moment)
        _check_busy(moment)
        return _draw_and_insert(order, moment)


def _live_of(order: Order) -> OneTimeCode | None:
    return (
        OneTimeCode.objects.select_for_update()
        .filter(subject_type=order.subject_type, subject_id=order.subject_id, state__in=LIVE)
        .first()
    )


def _may_show_again(live: OneTimeCode, order: Order, moment: datetime) -> bool:
    is_same = live.operation == order.operation and list(live.store_ids) == list(order.store_ids)
    return is_same and live.expires_at - moment >= SHOW_AGAIN


def _digits_of(code: OneTimeCode) -> str:
    sealed = bytes(code.digits_sealed or b"")
    return sealing.unseal(sealed, column=DIGITS_COLUMN, merchant_id=code.merchant_id)


def _check_flood(customer_id: int, moment: datetime) -> None:
    made = list(
        OneTimeCode.objects.filter(
            customer_id=customer_id, created_at__gt=moment - NEW_CODES_WINDOW
        )
        .order_by("-created_at")
        .values_list("created_at", flat=True)[:NEW_CODES_AT_MOST]
    )
    if len(made) == NEW_CODES_AT_MOST:
        wait = made[-1] + NEW_CODES_WINDOW - moment
        raise TooManyCodes(retry_after_s=-(-wait // timedelta(seconds=1)))


def _check_busy(moment: datetime) -> None:
    live = OneTimeCode.objects.filter(state__in=LIVE, expires_at__gt=moment)
    if live.order_by()[: LIVE_AT_MOST + 1].count() > LIVE_AT_MOST:
        raise Busy


def _draw_and_insert(order: Order, moment: datetime) -> Issued:
    for _ in range(DRAWS):
        digits = draw()
        hashes = hashes_of(digits)
        _end_live(Q(digits_hash__in=hashes, expires_at__lte=moment), moment)
        if OneTimeCode.objects.filter(digits_hash__in=hashes[1:], state__in=LIVE).exists():
            continue  # the same digits live under an older key
        code_id = _insert(order, digits, hashes[0], moment)
        if code_id is not None:
            return Issued(OneTimeCode.objects.get(pk=code_id), digits, is_new=True)
    raise Busy


def draw() -> str:
    """Six digits, each as likely as any other."""
    return f"{secrets.randbelow(10**LENGTH):0{LENGTH}d}"


def _insert(order: Order, digits: str, hash_: bytes, moment: datetime) -> int | None:
    merchant_id = tenancy.current_merchant_id()
    values: dict[str, Any] = {
        "merchant": merchant_id,
        "operation": order.operation,
        "subject_type": order.subject_type,
        "subject_id": order.subject_id,
        "customer_id": order.customer_id,
        "store_ids": list(order.store_ids),
        "hash": hash_,
        "sealed": sealing.seal(digits, column=DIGITS_COLUMN, merchant_id=merchant_id),
        "key_version": sealing.newest_version(),
        "now": moment,
        "expires_at": moment + timedelta(seconds=order.life_s),
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        row = cursor.fetchone()
    return row[0] if row else None


def _end_live(which: Q, moment: datetime) -> int:
    """End live codes: those past their time expired, the others revoked."""
    is_over = Q(expires_at__lte=moment)
    return OneTimeCode.objects.filter(which, state__in=LIVE).update(
        state=Case(When(is_over, then=Value("expired")), default=Value("revoked")),
        ended_at=Case(When(is_over, then=F("expires_at")), default=Value(moment)),
        digits_sealed=None,
    )


def hold(*, digits: str, store_id: int, person_id: int, subject_type: str) -> int | None:
    """Hold a live code for one manager for 60 s, never longer than it lives.

    Returns:
        The id of the code, or None: ``why_not`` says why.
    """
    values = _values(digits, store_id, person_id, subject_type)
    with connection.cursor() as cursor:
        cursor.execute(HOLDS, {**values, "until": values["now"] + HOLD})
        row = cursor.fetchone()
    return row[0] if row else None


def consume(*, digits: str, store_id: int, person_id: int, subject_type: str) -> int | None:
    """Spend a live code; of all who try at once the row count lets one through.

    Book what the code stands for in the same transaction, with the code's id under a unique
    constraint.

    Returns:
        The id of the code, or None: ``why_not`` says why.
    """
    with connection.cursor() as cursor:
        cursor.execute(CONSUME, _values(digits, store_id, person_id, subject_type))
        row = cursor.fetchone()
    return row[0] if row else None


def find_usable(*, digits: str, store_id: int, person_id: int, subject_type: str) -> int | None:
    """The code that ``consume`` would spend now; reads only."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, _values(digits, store_id, person_id, subject_type))
        row = cursor.fetchone()
    return row[0] if row else None


def _values(digits: str, store_id: int, person_id: int, subject_type: str) -> dict[str, Any]:
    return {
        "merchant": tenancy.current_merchant_id(),
        "hashes": hashes_of(digits),
        "subject_type": subject_type,
        "now": clock.now(),
        "person": person_id,
        "store": store_id,
    }


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a code could not be used, and which code it was, if any."""

    refusal: DomainError
    code_id: int | None
    subject_type: str = ""
    subject_id: int = 0


def why_not(*, digits: str, store_id: int, person_id: int, subject_types: Sequence[str]) -> Reason:
    """Read why a code is of no use here; changes nothing.

    A code of another merchant is not looked for, so it answers like one that never was. What
    ended is told for ten minutes and only where it could have been used.
    """
    moment = clock.now()
    found = list(
        OneTimeCode.objects.filter(
            digits_hash__in=hashes_of(digits), subject_type__in=subject_types
        )
        .order_by("-created_at", "-pk")
        .defer("digits_hash", "digits_sealed")[:20]
    )
    live = next((code for code in found if code.state in LIVE and code.expires_at > moment), None)
    if live is not None:
        refusal = _why_not_live(live, store_id, person_id, moment)
        return Reason(refusal, live.pk, live.subject_type, live.subject_id)
    here = [code for code in found if not code.store_ids or store_id in code.store_ids]
    ended = max(here, key=_end_of, default=None)
    if ended is None or moment - _end_of(ended) > ENDED_IS_TOLD_FOR:
        return Reason(CodeInvalid(), None)
    return Reason(_why_ended(ended), ended.pk, ended.subject_type, ended.subject_id)


def _end_of(code: OneTimeCode) -> datetime:
    return code.ended_at or code.expires_at


def _why_not_live(
    code: OneTimeCode, store_id: int, person_id: int, moment: datetime
) -> DomainError:
    if code.store_ids and store_id not in code.store_ids:
        return WrongStore()
    if code.state == CodeState.HELD and code.held_by_id != person_id and code.held_until:
        wait = max(code.held_until - moment, timedelta(seconds=1))
        return CodeHeld(retry_after_s=-(-wait // timedelta(seconds=1)))
    return CodeHeld(retry_after_s=1)  # it was held a moment ago and is free again


def _why_ended(code: OneTimeCode) -> DomainError:
    if code.state == CodeState.CONSUMED:
        by = audit.names_of_typists({code.ended_by_id or 0}).get(code.ended_by_id or 0)
        at = timezone.localtime(_end_of(code))
        return CodeUsed(manager=by or "—", at=at.isoformat(), time=f"{at:%H:%M}")
    if code.state == CodeState.REVOKED:
        return CodeRevoked()
    return CodeExpired()


def revoke(*, code_id: int, subject_type: str, subject_id: int) -> bool:
    """Withdraw a live code of the subject; False when it had ended before."""
    which = Q(pk=code_id, subject_type=subject_type, subject_id=subject_id)
    return _end_live(which & Q(expires_at__gt=clock.now()), clock.now()) == 1


def revoke_live(*, subject_type: str, subject_id: int) -> int:
    """Withdraw whatever live code the subject has; answers how many there were."""
    return _end_live(Q(subject_type=subject_type, subject_id=subject_id), clock.now())


def revoke_free(*, subject_type: str, subject_ids: Collection[int]) -> None:
    """Withdraw the live codes of subjects whose customer the caller holds.

    A code that somebody is spending this moment is left to them: they may be waiting for the
    caller, and find afterwards what became of the customer.
    """
    _end_live(Q(pk__in=_free(subject_type, subject_ids)), clock.now())


def _free(subject_type: str, subject_ids: Collection[int]) -> list[int]:
    """Live codes that nobody is spending this moment, locked."""
    codes = OneTimeCode.objects.select_for_update(skip_locked=True)
    found = codes.filter(subject_type=subject_type, subject_id__in=subject_ids, state__in=LIVE)
    return list(found.values_list("pk", flat=True))


def hand_over(*, subject_type: str, from_id: int, to_id: int) -> None:
    """Let a live code of one subject be another's, or withdraw it where that has one of its own.

    As in ``revoke_free`` a code that somebody is spending this moment is left to them.
    """
    ids = _free(subject_type, [from_id])
    if not ids:
        return
    codes = OneTimeCode.objects.filter(subject_type=subject_type, state__in=LIVE)
    is_taken = codes.filter(subject_id=to_id).exists()
    try:
        with transaction.atomic():
            if not is_taken:
                OneTimeCode.objects.filter(pk__in=ids).update(subject_id=to_id)
    except IntegrityError as error:  # it got one this moment
        if constraints.violated(error) != "one_live_code_per_subject":
            raise
        is_taken = True
    if is_taken:
        _end_live(Q(pk__in=ids), clock.now())


def status_of(*, code_id: int, subject_type: str, subject_id: int) -> OneTimeCode | None:
    """A code of the subject as it stands now; reads only, so a phone may ask often."""
    code = (
        OneTimeCode.objects.filter(pk=code_id, subject_type=subject_type, subject_id=subject_id)
        .defer("digits_hash", "digits_sealed")
        .first()
    )
    if code is not None:
        code.state = state_now(code, clock.now())
    return code


def state_now(code: OneTimeCode, moment: datetime) -> CodeState:
    """The state by the clock: the row may not have been tidied yet."""
    if code.state not in LIVE:
        return CodeState(code.state)
    if code.expires_at <= moment:
        return CodeState.EXPIRED
    if code.state == CodeState.HELD and code.held_until and code.held_until > moment:
        return CodeState.HELD
    return CodeState.ACTIVE


def tidy() -> tuple[int, int]:
    """Mark what has expired, and wipe the digits 24 h after the end; of the scope's merchants.

    Returns:
        How many codes were marked and how many wiped.
    """
    moment = clock.now()
    marked = _end_live(Q(digits_hash__isnull=False, expires_at__lte=moment), moment)
    wiped = OneTimeCode.objects.filter(
        digits_hash__isnull=False,
        expires_at__lte=moment,
        ended_at__lte=moment - DIGITS_KEPT_FOR,
    ).update(digits_hash=None, digits_sealed=None)
    return marked, wiped
