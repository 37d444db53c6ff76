"""A mailing put into the queue: one statement chooses ways, counts caps and writes every message.

Messages of a mailing carry no words of their own: the mailing keeps them once. 100,000 rows take
seconds, because nothing goes through Python row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from zhanggui.contacts import conditions
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.core import clock
from zhanggui.messaging import hours, links, segments, templates, wallet, words
from zhanggui.messaging.models import Campaign, Kind, Purse
from zhanggui.messaging.routing import House
from zhanggui.messaging.templates import MessageTemplate

NAME_PLACE = "{customer}"

# Who gets it by what; the reasons are members of ``models.Why``.
_PEOPLE: LiteralString = """
people AS (
  SELECT c.id, c.name,
    CASE WHEN %(wechat)s AND l.id IS NOT NULL AND coalesce(w.wants, NOT %(needs_consent)s)
           THEN 'wechat'
         WHEN %(sms)s AND c.phone_hash IS NOT NULL AND coalesce(s.wants, NOT %(needs_consent)s)
           THEN 'sms'
         ELSE '' END AS route,
    CASE WHEN (%(wechat)s AND l.id IS NOT NULL AND w.wants IS FALSE)
           OR (%(sms)s AND c.phone_hash IS NOT NULL AND s.wants IS FALSE) THEN 'refuses'
         WHEN (%(wechat)s AND l.id IS NOT NULL) OR (%(sms)s AND c.phone_hash IS NOT NULL)
           THEN 'no_consent'
         ELSE 'no_way' END AS why,
    %(fixed)s + %(names)s * char_length(c.name) AS signs
  FROM contacts_customer c
  LEFT JOIN LATERAL (
    SELECT i.id FROM contacts_identitylink i
    WHERE i.merchant_id = %(merchant)s AND i.customer_id = c.id AND i.account_id = %(account)s
      AND i.state = 'active' AND i.follows
    LIMIT 1
  ) l ON true
  LEFT JOIN messaging_consent w ON w.merchant_id = %(merchant)s AND w.customer_id = c.id
    AND w.kind = %(kind)s AND w.route = 'wechat'
  LEFT JOIN messaging_consent s ON s.merchant_id = %(merchant)s AND s.customer_id = c.id
    AND s.kind = %(kind)s AND s.route = 'sms'
  WHERE c.merchant_id = %(merchant)s AND c.id IN (SELECT id FROM chosen)
)
"""

_COST: LiteralString = """
CASE WHEN signs <= %(single)s THEN 1 ELSE ceil(signs / %(part)s::numeric)::int END
"""

_ESTIMATE_HEAD: LiteralString = "WITH chosen AS ("
_ESTIMATE_TAIL: LiteralString = f"""
), {_PEOPLE}
SELECT count(*), count(*) FILTER (WHERE route = 'wechat'), count(*) FILTER (WHERE route = 'sms'),
       coalesce(sum({_COST}) FILTER (WHERE route = 'sms'), 0),
       count(*) FILTER (WHERE route = '' AND why = 'no_way'),
       count(*) FILTER (WHERE route = '' AND why = 'no_consent'),
       count(*) FILTER (WHERE route = '' AND why = 'refuses')
FROM people
"""  # noqa: S608  constants only

_QUEUE_TAIL: LiteralString = f"""
), {_PEOPLE}, counted AS (
  INSERT INTO messaging_messageday AS d (merchant_id, customer_id, day, service, marketing)
  SELECT %(merchant)s, p.id, %(day)s, %(service)s, %(marketing)s FROM people p
  WHERE p.route <> '' AND %(cap)s > 0
  ON CONFLICT (merchant_id, customer_id, day) DO UPDATE
     SET service = d.service + excluded.service, marketing = d.marketing + excluded.marketing
   WHERE CASE WHEN %(marketing)s = 1 THEN d.marketing ELSE d.service END < %(cap)s
  RETURNING d.customer_id
), written AS (
  INSERT INTO messaging_message
    (merchant_id, template, kind, once, customer_id, to_masked, campaign_id, route, state, error,
     error_kind, wechat_error, segments, milli_fen, attempt, due_at, claim, platform_id, link_token,
     created_at, done_at)
  SELECT %(merchant)s, %(template)s, %(kind)s, %(once)s || p.id, p.id, p.name, %(campaign)s,
         CASE WHEN c.customer_id IS NULL THEN '' ELSE p.route END,
         CASE WHEN c.customer_id IS NULL THEN 'skipped' ELSE 'queued' END,
         CASE WHEN c.customer_id IS NOT NULL THEN '' WHEN p.route = '' THEN p.why
              ELSE 'capped' END,
         '', '',
         CASE WHEN c.customer_id IS NOT NULL AND p.route = 'sms' THEN {_COST} ELSE 0 END,
         CASE WHEN c.customer_id IS NOT NULL AND p.route = 'sms' THEN %(price)s ELSE 0 END,
         0, %(due)s, '', '', CASE WHEN %(marketing)s = 1 THEN gen_random_uuid() END,
         %(now)s, CASE WHEN c.customer_id IS NULL THEN %(now)s::timestamptz END
  FROM people p LEFT JOIN counted c ON c.customer_id = p.id
  RETURNING route, state, segments
)
SELECT count(*), count(*) FILTER (WHERE state = 'queued' AND route = 'wechat'),
       count(*) FILTER (WHERE state = 'queued' AND route = 'sms'), coalesce(sum(segments), 0)
FROM written
"""  # noqa: S608  constants only

_CANCEL: LiteralString = """
WITH gone AS (
  UPDATE messaging_message
  SET state = 'cancelled', done_at = %(now)s
  WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s AND state = 'queued'
  RETURNING route, segments
)
SELECT count(*), coalesce(sum(segments) FILTER (WHERE route = 'sms'), 0) FROM gone
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Whom a mailing would reach and what it would cost."""

    people: int
    wechat: int
    sms: int
    segments: int
    no_way: int
    no_consent: int
    refuses: int

    @property
    def reached(self) -> int:
        """Everybody it goes to."""
        return self.wechat + self.sms


@dataclass(frozen=True, slots=True)
class Queued:
    """What was written: messages in all, those that go out, what they cost."""

    messages: int
    wechat: int
    sms: int
    segments: int


def chosen(campaign: Campaign) -> QuerySet[Customer]:
    """The customers a mailing is for; nobody who is blocked, merged or erased."""
    gone = (CustomerState.BLOCKED, CustomerState.REPLACED, CustomerState.ERASED)
    rows = Customer.objects.exclude(state__in=gone)
    if campaign.segment_id is not None:
        rows = rows.filter(conditions.fitting(campaign.conditions))
    return rows


def estimate(house: House, campaign: Campaign) -> Estimate:
    """Count whom it reaches by what, and the segments it takes."""
    sql, params = _with_people(campaign, _ESTIMATE_TAIL, _values(house, campaign))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return Estimate(*map(int, cursor.fetchone()))


def queue(house: House, campaign: Campaign) -> Queued:
    """Write every message of a mailing down, in the caller's transaction."""
    values = _values(house, campaign) | _more_values(house, campaign)
    sql, params = _with_people(campaign, _QUEUE_TAIL, values)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return Queued(*map(int, cursor.fetchone()))


def cancel(campaign: Campaign) -> tuple[int, int]:
    """Take what still waits out of the queue; answers messages and segments set free."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CANCEL,
            {"merchant": campaign.merchant_id, "campaign": campaign.pk, "now": clock.now()},
        )
        many, freed = cursor.fetchone()
    return int(many), int(freed)


def ways(house: House, template: MessageTemplate) -> tuple[bool, bool]:
    """Whether a mailing goes by WeChat, and whether by SMS, as the shop is set up now."""
    rule = house.rule(template)
    has_wechat = house.account is not None and bool(house.binding(template))
    return rule.by_wechat and has_wechat, rule.by_sms and house.has_sms


def _with_people(
    campaign: Campaign, tail: LiteralString, values: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Our statement around the customers as Django finds them, whose values get names."""
    inner, given = chosen(campaign).order_by().values("id").query.sql_with_params()
    names = {f"chosen_{place}": value for place, value in enumerate(given)}
    inner %= tuple(f"%({name})s" for name in names)
    return f"{_ESTIMATE_HEAD}{inner}{tail}", {**values, **names}


def _values(house: House, campaign: Campaign) -> dict[str, Any]:
    template = templates.get(campaign.template)
    text = _text(house, template, campaign)
    account = house.account
    by_wechat, by_sms = ways(house, template)
    return {
        "merchant": house.merchant.pk,
        "wechat": by_wechat,
        "sms": by_sms,
        "account": account.pk if account else 0,
        "kind": template.kind.value,
        "needs_consent": template.kind == Kind.MARKETING and house.settings.needs_consent,
        "fixed": segments.length_of(text.replace(NAME_PLACE, "")),
        "names": text.count(NAME_PLACE),
        "single": segments.SINGLE,
        "part": segments.PART,
    }


def _text(house: House, template: MessageTemplate, campaign: Campaign) -> str:
    """The SMS with its signature, the customer's name still a place."""
    body = {name: str(value) for name, value in campaign.body.items()}
    stop = links.address(house.merchant, links.STOP, UUID(int=0))
    shared = {"shop": house.merchant.name, "stop": stop}
    text = templates.sms_text(template, house.rule(template).words, {**body, **shared})
    return words.signature() + text


def _more_values(house: House, campaign: Campaign) -> dict[str, Any]:
    template = templates.get(campaign.template)
    is_marketing = template.kind == Kind.MARKETING
    now = clock.now()
    due = hours.due(template.kind, now, house.settings, house.merchant.time_zone)
    caps = house.settings
    return {
        "campaign": campaign.pk,
        "template": template.name,
        "once": f"mailing|{campaign.pk}|",
        "day": clock.local_date(due, house.merchant.time_zone),
        "service": int(not is_marketing),
        "marketing": int(is_marketing),
        "price": wallet.price_of(Purse.MARKETING if is_marketing else Purse.SERVICE),
        "cap": caps.marketing_a_day if is_marketing else caps.service_a_day,
        "due": due,
        "now": now,
    }
