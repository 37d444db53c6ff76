"""Redeeming a coupon by its code in two trips (``codes.desk.AtOnce``).

The first spends the code and uses the coupon that it holds, in one chained UPDATE; the second
writes what ``services.redeem`` writes. A coupon that is not simply held by its code, in use today
and here, is left alone: ``counter.confirm`` does or refuses it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from zoneinfo import ZoneInfo

from zhanggui.accounts import audit
from zhanggui.codes.desk import AtOnce, Booked
from zhanggui.codes.services import CONSUME
from zhanggui.contacts.services import masked_name
from zhanggui.core.db import pipeline as read
from zhanggui.core.db.pipeline import Line, Statement, Values
from zhanggui.coupons import rules, told
from zhanggui.coupons.models import CouponState, UseKind, UseMethod
from zhanggui.coupons.operations import REDEEM, SUBJECT
from zhanggui.coupons.services.using import ACCOUNT_USED, CODE_HOLDER, EVENT_USED, REDEEMED
from zhanggui.ledger import hot as ledger
from zhanggui.ledger.models import Unit
from zhanggui.messaging import outbox

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.codes.desk import Asked, Counter

USE: LiteralString = f"""
WITH spent AS ({CONSUME}),
used AS (
  UPDATE coupons_coupon c
  SET state = CASE WHEN c.usable > 0 THEN 'usable' ELSE 'redeemed' END,
      held = 0, redeemed = c.redeemed + 1, held_by = '', held_until = NULL,
      version = c.version + 1
  FROM spent, coupons_coupontemplate t, contacts_customer k, ledger_account a
  WHERE c.merchant_id = %(merchant)s AND c.id = spent.subject_id
    AND c.state = 'held' AND c.held = 1 AND c.held_by = %(holder)s::text || spent.id
    AND c.held_until > %(now)s AND c.ends_at > %(now)s
    AND t.merchant_id = %(merchant)s AND t.id = c.template_id AND t.state <> 'paused'
    AND (t.weekdays = '{{}}' OR %(weekday)s::smallint = ANY(t.weekdays))
    AND (NOT EXISTS (SELECT 1 FROM coupons_templatestore s
                     WHERE s.merchant_id = %(merchant)s AND s.template_id = t.id)
         OR EXISTS (SELECT 1 FROM coupons_templatestore s
                    WHERE s.merchant_id = %(merchant)s AND s.template_id = t.id
                      AND s.store_id = %(store)s))
    AND k.merchant_id = %(merchant)s AND k.id = c.customer_id AND k.state = 'active'
    AND a.merchant_id = %(merchant)s AND a.unit = %(unit)s AND NOT a.is_cached
    AND a.code = %(account_used)s::text || ':' || t.id
  RETURNING c.id, c.account_id, c.version, c.usable, c.use_no, c.customer_id, c.template_id,
            t.name AS coupon, t.kind, t.amount_fen, t.percent_off, k.name, k.name_key,
            a.id AS other_id
),
paid AS (
  UPDATE ledger_account SET balance = balance - 1
  WHERE merchant_id = %(merchant)s AND id = (SELECT account_id FROM used)
    AND is_cached AND balance >= 1
  RETURNING id
)
SELECT spent.id, used.id, used.account_id, used.version, used.usable, used.use_no,
       used.customer_id, used.template_id, used.coupon, used.kind, used.amount_fen,
       used.percent_off, used.name, used.name_key, used.other_id,
       nextval('ledger_transaction_id_seq'), nextval('coupons_userecord_id_seq')
FROM spent LEFT JOIN (used JOIN paid ON paid.id = used.account_id) ON true
"""  # noqa: S608  constants only

CHANGE: LiteralString = """
INSERT INTO coupons_couponchange (merchant_id, coupon_id, before, after, note, by, store_id, at)
VALUES (%(merchant)s, %(coupon)s, 'held', %(after)s, '', %(by)s, %(store)s, %(now)s)
"""

RECORD: LiteralString = """
INSERT INTO coupons_userecord
  (merchant_id, id, transaction_id, kind, method, coupon_id, template_id, template_name,
   customer_id, customer_name, name_key, store_id, manager_id, manager_name, worth_fen, use_no,
   code_id, reverses_id, reason, reported_text, at, business_date)
VALUES (%(merchant)s, %(record)s, %(transaction)s, %(kind)s, %(method)s, %(coupon)s, %(template)s,
        %(template_name)s, %(customer)s, %(customer_name)s, %(name_key)s, %(store)s, %(person)s,
        %(person_name)s, %(worth)s, %(use_no)s, %(code)s, NULL, '', '', %(now)s, %(day)s)
"""

BOOKED = (*ledger.BOOKED, CHANGE, RECORD, audit.ENTRY)


@dataclass(frozen=True, slots=True)
class Used:
    """What ``USE`` answers when the coupon was used."""

    code_id: int
    coupon_id: int
    account_id: int
    version: int
    """After this use."""
    usable: int
    use_no: int
    customer_id: int
    template_id: int
    coupon: str
    kind: str
    amount_fen: int
    percent_off: int
    customer_name: str
    name_key: str
    other_id: int
    transaction_id: int
    record_id: int


def spend(asked: Asked) -> Statement:
    """Spend the code and use the coupon, both or neither."""
    weekday = asked.now.astimezone(ZoneInfo(asked.zone)).isoweekday()
    return Statement(
        USE,
        {
            "merchant": asked.merchant_id,
            "hashes": asked.hashes,
            "subject_type": SUBJECT,
            "now": asked.now,
            "person": asked.person_id,
            "store": asked.store_id,
            "holder": CODE_HOLDER,
            "weekday": weekday,
            "unit": Unit.COUPON.value,
            "account_used": ACCOUNT_USED,
        },
    )


def book(
    row: Line, asked: Asked, counter: Counter, actor: Actor, wanted: Collection[str]
) -> Booked | None:
    """What is written of the use, and what the manager sees."""
    if row[1] is None:
        return None
    used = _used(row)
    values = _values(used, asked, counter, actor)
    statements = [Statement(text, values) for text in BOOKED]
    if told.REDEEMED.name in wanted:
        statements.append(_message(used, asked, counter))
    page = {
        "record_id": used.record_id,
        "kind": "redeem",
        "coupon": used.coupon,
        "worth": rules.worth_text(used),
        "customer_name": masked_name(used.customer_name),
        "store_name": counter.store_name,
        "left": used.usable,
    }
    return Booked(used.code_id, REDEEM, page, statements)


def _used(row: Line) -> Used:
    return Used(
        code_id=read.number(row[0]),
        coupon_id=read.number(row[1]),
        account_id=read.number(row[2]),
        version=read.number(row[3]),
        usable=read.number(row[4]),
        use_no=read.number(row[5]),
        customer_id=read.number(row[6]),
        template_id=read.number(row[7]),
        coupon=read.text(row[8]),
        kind=read.text(row[9]),
        amount_fen=read.number(row[10]),
        percent_off=read.number(row[11]),
        customer_name=read.text(row[12]),
        name_key=read.text(row[13]),
        other_id=read.number(row[14]),
        transaction_id=read.number(row[15]),
        record_id=read.number(row[16]),
    )


def _values(used: Used, asked: Asked, counter: Counter, actor: Actor) -> Values:
    after = CouponState.USABLE if used.usable else CouponState.REDEEMED
    method = UseMethod.CODE.value
    return {
        "merchant": asked.merchant_id,
        "transaction": used.transaction_id,
        "unit": Unit.COUPON.value,
        "event": EVENT_USED,
        "cause": f"coupon:{used.coupon_id}:{used.version - 1}:{EVENT_USED}",
        "reversed": None,
        "store": asked.store_id,
        "now": asked.now,
        "day": asked.day,
        "from_account": used.account_id,
        "to_account": used.other_id,
        "amount": 1,
        "coupon": used.coupon_id,
        "after": after.value,
        "by": actor.name[:80],
        "record": used.record_id,
        "kind": UseKind.REDEEM.value,
        "method": method,
        "template": used.template_id,
        "template_name": used.coupon,
        "customer": used.customer_id,
        "customer_name": used.customer_name,
        "name_key": used.name_key,
        "person": counter.person_id,
        "person_name": counter.person_name,
        "worth": rules.worth_fen(used),
        "use_no": used.use_no,
        "code": used.code_id,
        "actor_kind": actor.kind.value,
        "actor": actor.id,
        "action": REDEEMED,
        "target": f"coupon:{used.coupon_id}",
        "details": {"method": method, "use": used.record_id},
        "device": actor.device,
        "ip": actor.ip,
    }


def _message(used: Used, asked: Asked, counter: Counter) -> Statement:
    return outbox.statement(
        merchant_id=asked.merchant_id,
        customer_id=used.customer_id,
        customer_name=used.customer_name,
        template=told.REDEEMED.name,
        data=told.use_values(used.coupon, counter.store_name, asked.now, asked.zone),
        once=(told.PURPOSE, f"use:{used.record_id}", ""),
        now=asked.now,
    )


AT_ONCE = AtOnce(spend=spend, book=book, tells=(told.REDEEMED.name,))
