"""An account that was authorised at one place while it is in use at another (U-47).

The place that asked is refused. Whoever stands above both, their operator or the platform, sees
that it was wanted and may move it: its menu, replies and followers go along, the customers of
both shops sign in again by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Operator, Tier
from zhanggui.channels.wechat import connecting, services, tasks
from zhanggui.channels.wechat.connecting import Place
from zhanggui.channels.wechat.errors import MoveOver
from zhanggui.channels.wechat.models import AuthorisationVisit, ChannelAccount, Ending, Standing
from zhanggui.core import clock

REMEMBERED_FOR = timedelta(days=30)
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """An account wanted somewhere else than where it is."""

    visit_id: int
    account: ChannelAccount
    by: str
    """Who wants it."""
    held_by: str
    """Who has it; empty for the platform."""


def waiting(operator: Operator | None) -> QuerySet[AuthorisationVisit]:
    """What an operator (None: the platform) may decide, newest first."""
    rows = (
        AuthorisationVisit.objects.filter(
            ending=Ending.REFUSED,
            ended_at__gt=clock.now() - REMEMBERED_FOR,
            wanted__is_connected=True,
            wanted__standing=Standing.GOOD,
        )
        .exclude(merchant__isnull=False, merchant=F("wanted__merchant"))
        .order_by("-ended_at", "-pk")
    )
    if operator is None:
        return rows
    held_below = Q(wanted__merchant__operator=operator) | Q(wanted__operator=operator)
    return rows.filter(held_below, Q(merchant__operator=operator) | Q(operator=operator))


def wishes(operator: Operator | None) -> list[Wish]:
    """The same for the page, each account and place once."""
    rows = waiting(operator).select_related(
        "merchant", "operator", "wanted__merchant", "wanted__operator"
    )
    found: dict[tuple[int, str, int], Wish] = {}
    for row in rows[: MOST_SHOWN * 3]:
        place, held = row.merchant or row.operator, row.wanted
        if held is None:
            continue
        held_by = held.merchant or held.operator
        key = (held.pk, row.tier, place.pk if place else 0)
        found.setdefault(
            key,
            Wish(row.pk, held, place.name if place else "", held_by.name if held_by else ""),
        )
    return list(found.values())[:MOST_SHOWN]


def move(*, visit_id: int, operator: Operator | None, actor: Actor) -> ChannelAccount:
    """Give an account to the place that authorised it.

    Args:
        visit_id: the refused authorisation.
        operator: who decides; None is the platform.
        actor: for the audit logs of both places.

    Raises:
        MoveOver: decided meanwhile, or not theirs to decide (E_MOVE_OVER, 409).
        AccountHeld: another account is in use at the new place (E_ACCOUNT_HELD, 409).
    """
    with transaction.atomic():
        visit = _taken(visit_id, operator)
        account = ChannelAccount.objects.select_for_update(of=("self",)).get(wanted_by=visit)
        old = connecting.place_of(account)
        new = Place(Tier(visit.tier), visit.operator, visit.merchant)
        if old == new or not connecting.is_in_use(account):
            raise MoveOver
        connecting.make_room(new, app_id=account.app_id, kind=account.kind)
        services.record(actor, account, "wechat.account.moved_away")
        account.tier, account.operator, account.merchant = new.tier, new.operator, new.merchant
        account.save(update_fields=["tier", "operator", "merchant"])
        services.record(actor, account, "wechat.account.moved_here")
        AuthorisationVisit.objects.filter(pk=visit.pk).update(
            ending=Ending.CONNECTED, account=account, wanted=None, refusal=""
        )
        for place in (old, new):
            tasks.note_serving.defer(merchant_id=place.merchant.pk if place.merchant else None)
    return account


def dismiss(*, visit_id: int, operator: Operator | None, actor: Actor) -> None:
    """Leave an account where it is.

    Raises:
        MoveOver: decided meanwhile, or not theirs to decide (E_MOVE_OVER, 409).
    """
    with transaction.atomic():
        visit = _taken(visit_id, operator)
        held = ChannelAccount.objects.get(wanted_by=visit)
        rows = AuthorisationVisit.objects.filter(
            wanted=held, tier=visit.tier, operator=visit.operator, merchant=visit.merchant
        )
        rows.update(wanted=None)
        services.record(actor, held, "wechat.account.move_dismissed")


def _taken(visit_id: int, operator: Operator | None) -> AuthorisationVisit:
    rows = waiting(operator).filter(pk=visit_id).select_for_update(of=("self",))
    visit = rows.select_related("operator", "merchant").first()
    if visit is None:
        raise MoveOver
    return visit
