"""Customers who look like one person: found by comparing keys, decided by staff.

A job compares all customers of a merchant with three statements over keys that stand on the rows
(unionid, name and birthday, name and the hash of the last four digits), so that nobody's number is
opened. In a group of equals each is paired with the oldest one only: 500 rows with one birthday
make 499 pairs, and merging them one by one empties the list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import LiteralString

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts.keys import NAMELESS
from zhanggui.contacts.models import DuplicatePair, DuplicateSearch, Likeness, PairState
from zhanggui.core import clock, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import NotFound
from zhanggui.files import jobs
from zhanggui.files.models import Task

# One statement for each likeness; the surer one comes first and keeps the pair.
_BY_KEY: LiteralString = """
SELECT first_value(id) OVER same, id FROM contacts_customer
WHERE merchant_id = %(merchant)s AND state IN ('active', 'blocked', 'dormant', 'disputed')
  AND name <> %(nameless)s AND {known}
WINDOW same AS (PARTITION BY name_key, {key} ORDER BY id)
"""
_LIKENESSES: dict[Likeness, LiteralString] = {
    Likeness.UNIONID: """
SELECT first_value(l.customer_id) OVER same, l.customer_id
FROM contacts_identitylink l
JOIN contacts_customer c ON c.merchant_id = %(merchant)s AND c.id = l.customer_id
WHERE l.merchant_id = %(merchant)s AND l.unionid <> ''
  AND c.state IN ('active', 'blocked', 'dormant', 'disputed')
WINDOW same AS (PARTITION BY l.unionid ORDER BY l.customer_id)
""",
    Likeness.NAME_BIRTHDAY: _BY_KEY.format(
        known="birthday IS NOT NULL", key="birthday, coalesce(birth_year, 0)"
    ),
    Likeness.NAME_TAIL: _BY_KEY.format(known="phone_tail_hash IS NOT NULL", key="phone_tail_hash"),
}
_KEEP: LiteralString = """
INSERT INTO contacts_duplicatepair
  (merchant_id, first_id, second_id, likeness, state, found_at)
SELECT DISTINCT %(merchant)s::bigint, found.first_id, found.second_id, %(likeness)s, 'open',
       %(now)s::timestamptz
FROM ({pairs}) AS found (first_id, second_id)
WHERE found.first_id < found.second_id
ON CONFLICT (merchant_id, first_id, second_id) DO UPDATE SET found_at = EXCLUDED.found_at
"""


SEARCH = "contacts.find_duplicates"


def begin_search(*, actor: Actor) -> Task:
    """Begin to compare all customers now; one comparison of a merchant at a time is enough."""
    with transaction.atomic():
        turns.take("contacts.begin_search", tenancy.current_merchant_id())
        running = Task.objects.filter(kind=SEARCH, state__in=["queued", "running"]).first()
        if running is not None:
            return running
        return jobs.start(
            kind=SEARCH,
            title=_("Compare all customers"),
            arguments={},
            actor=actor,
            total=len(_LIKENESSES),
        )


def run_search(task: Task) -> jobs.Outcome:
    """The work of the task."""
    found = find_duplicates(
        actor=jobs.actor_of(task), tell=lambda done: jobs.progress(task, done, len(_LIKENESSES))
    )
    return jobs.Outcome({"pairs": found})


def find_duplicates(*, actor: Actor, tell: Callable[[int], None] = lambda _done: None) -> int:
    """Compare all customers of the merchant in scope; answers how many pairs wait for a decision.

    Pairs that were told apart stay so; pairs that no longer look alike go. ``tell`` hears how many
    of the three comparisons are done.
    """
    merchant_id = tenancy.current_merchant_id()
    now = clock.now()
    with transaction.atomic():
        turns.take("contacts.duplicates", merchant_id)
        with connection.cursor() as cursor:
            for done, (likeness, pairs) in enumerate(_LIKENESSES.items()):
                tell(done)
                cursor.execute(
                    _KEEP.format(pairs=pairs),
                    {
                        "merchant": merchant_id,
                        "likeness": likeness.value,
                        "now": now,
                        "nameless": NAMELESS,
                    },
                )
        waiting = DuplicatePair.objects.filter(state=PairState.OPEN)
        waiting.filter(found_at__lt=now).delete()
        found = waiting.count()
        DuplicateSearch.objects.update_or_create(
            merchant_id=merchant_id, defaults={"looked_at": now, "found": found}
        )
        audit.record(
            actor,
            "contacts.duplicates.searched",
            f"merchant:{merchant_id}",
            details={"found": found},
        )
    return found


def dismiss_pair(*, pair_id: int, actor: Actor) -> DuplicatePair:
    """Say that a pair is two different people; it is not offered again.

    Raises:
        NotFound: no such pair (404).
    """
    return _decide(pair_id, PairState.DISMISSED, "contacts.pair.dismissed", actor)


def reopen_pair(*, pair_id: int, actor: Actor) -> DuplicatePair:
    """Offer a pair again that was told apart."""
    return _decide(pair_id, PairState.OPEN, "contacts.pair.reopened", actor)


def _decide(pair_id: int, state: PairState, action: str, actor: Actor) -> DuplicatePair:
    with transaction.atomic():
        pair = DuplicatePair.objects.select_for_update().filter(pk=pair_id).first()
        if pair is None:
            raise NotFound
        if pair.state == state:
            return pair
        pair.state = state
        is_open = state == PairState.OPEN
        pair.decided_at, pair.decided_by_id = (None, None) if is_open else (clock.now(), actor.id)
        pair.save(update_fields=["state", "decided_at", "decided_by_id"])
        audit.record(actor, action, f"customer:{pair.first_id}", details={"other": pair.second_id})
    return pair


def note_different(one: int, other: int, actor: Actor) -> None:
    """Remember that two customers are different people, in the caller's transaction."""
    first, second = sorted((one, other))
    DuplicatePair.objects.update_or_create(
        merchant_id=tenancy.current_merchant_id(),
        first_id=first,
        second_id=second,
        defaults={
            "likeness": Likeness.UNIONID,
            "state": PairState.DISMISSED,
            "decided_at": clock.now(),
            "decided_by_id": actor.id,
        },
    )


def forget_pairs_of(customer_id: int) -> None:
    """Forget all pairs of a customer who is no longer there, in the caller's transaction."""
    DuplicatePair.objects.filter(Q(first_id=customer_id) | Q(second_id=customer_id)).delete()
