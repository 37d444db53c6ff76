"""A message written by a hot door: one statement in its trip, the way is chosen by the worker.

The door asks ``SWITCHED_ON`` among its first questions and writes nothing for a shop that does not
want the message, which costs it one look at an index. The row and the job that carries it out
commit with the business.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString

from zhanggui.core.db.pipeline import Statement
from zhanggui.messaging import links, services, tasks, templates, words
from zhanggui.messaging.models import Kind

SWITCHED_ON: LiteralString = """ARRAY(
  SELECT r.template FROM messaging_rule r
  WHERE r.merchant_id = %(merchant)s AND r.is_on AND r.template = ANY(%(templates)s))"""
"""A field of a door's own SELECT: which of these messages the merchant wants told."""

_WRITE: LiteralString = """
WITH told AS (
  INSERT INTO messaging_message
    (merchant_id, template, kind, once, customer_id, to_masked, body_sealed, route, state, error,
     error_kind, wechat_error, segments, milli_fen, attempt, due_at, claim, platform_id, link_token,
     created_at)
  VALUES (%(merchant)s, %(template)s, %(kind)s, %(once)s, %(customer)s, %(name)s, %(body)s, '',
          'queued', '', '', '', 0, 0, 0, %(now)s, '', '', %(link)s::uuid, %(now)s)
  RETURNING id
)
SELECT procrastinate_defer_jobs_v1(ARRAY[
  ROW(%(queue)s::text, %(task)s::text, 0, NULL, NULL,
      jsonb_build_object('merchant_id', %(merchant)s::bigint), NULL)
    ::procrastinate_job_to_defer_v1])
FROM told
"""


def statement(
    *,
    merchant_id: int,
    customer_id: int,
    customer_name: str,
    template: str,
    data: Mapping[str, str],
    once: tuple[str, str, str],
    now: datetime,
    path: str = "",
) -> Statement:
    """The statement that writes a message to a customer, as ``services.send`` would.

    Args:
        merchant_id: whose.
        customer_id: to whom.
        customer_name: as the log shows it.
        template: a registered name that ``SWITCHED_ON`` answered.
        data: the values of its fields.
        once: purpose, subject, state.
        now: the door's moment.
        path: which page a tap in WeChat opens.
    """
    values = {**data, words.PATH: path} if path else data
    token = links.new(templates.get(template))
    return Statement(
        _WRITE,
        {
            "merchant": merchant_id,
            "template": template,
            "kind": Kind.SERVICE.value,
            "once": services.once_of(*once),
            "customer": customer_id,
            "name": customer_name[:80],
            "body": services.sealed_body(values, merchant_id),
            "link": str(token) if token else None,
            "now": now,
            "queue": tasks.QUEUE,
            "task": tasks.drain.name,
        },
    )
