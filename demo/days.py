"""The story's events, made by the product's services at the moment at which they happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection

from demo import nicknames
from demo.base import ACTOR, programme_of
from demo.cast import MerchantPlan, account_of
from demo.made import id_of, manager_key
from demo.rhythm import Event, Joined, Stamped, Story
from demo.world import customer_slug
from zhanggui.accounts.actors import Actor, customer_actor, person_actor
from zhanggui.accounts.models import Person
from zhanggui.channels.wechat import deliveries
from zhanggui.codes.errors import CodeExpired, CodeInvalid
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import DomainError
from zhanggui.stamps import selectors as stamp_selectors
from zhanggui.stamps import services as stamp_services
from zhanggui.stamps.models import Card, Kind, Method, StampRecord
from zhanggui.stamps.results import Desk

Report = Callable[[int], None]
PREVIEWED = timedelta(days=2)
"""How far back codes are also looked at before they are confirmed: a preview leaves nothing but
its audit entry and costs a third of the time."""
TRIES = 3
"""The worker tidies away codes that ran out by the real clock, which those of the story have."""


@dataclass(frozen=True)
class Span:
    """Which part of the story is to be made."""

    first_day: date
    people: int
    days: int
    until: Mapping[date, datetime]
    """Days to be told, each up to a moment."""

    def events_of(self, merchant: MerchantPlan) -> list[Event]:
        """One merchant's events in order."""
        if not self.until:
            return []
        story = Story(self.first_day, self.people, self.days)
        return [
            event
            for day, events in story.until(max(self.until))
            if day in self.until
            for event in events
            if event.merchant == merchant.slug and event.at <= self.until[day]
        ]


@dataclass
class Outcome:
    """What became of a merchant's events."""

    joined: int = 0
    confirmed: int = 0
    refused: int = 0
    """People who use the demo may be in the way of its story: a card full, a manager removed."""


@dataclass
class Teller:
    """Makes the missing events of one merchant; what is there already stays untouched."""

    merchant: MerchantPlan
    openids: Mapping[str, str]
    outcome: Outcome = field(default_factory=Outcome)

    def tell(self, events: list[Event], report: Report) -> Outcome:
        """Make these events; ``report`` hears of each."""
        _be_quick()
        with tenancy.merchant_scope(id_of(f"merchant:{self.merchant.slug}")):
            self._look_around(events)
            for event in events:
                with clock.at(event.at):
                    if isinstance(event, Joined):
                        self._join(event)
                    else:
                        self._stamp(event)
                report(1)
        return self.outcome

    def _look_around(self, events: list[Event]) -> None:
        self._programme = programme_of(self.merchant)
        self._account_id = id_of(f"account:{account_of(self.merchant).key}")
        self._managers: dict[tuple[str, int], tuple[Desk, Actor] | None] = {}
        cards = {card.customer_id: card for card in self._programme.cards.all()}
        links = IdentityLink.objects.filter(account_id=self._account_id).select_related("customer")
        self._cards = {
            link.openid: (cards[link.customer_id], customer_actor(link.customer_id, link.nickname))
            for link in links
            if link.customer_id in cards
        }
        if events:
            self._previews_since = events[-1].at - PREVIEWED
            # a code is confirmed at a moment of its own, so that card and moment name the event
            records = StampRecord.objects.filter(
                method=Method.CODE, at__gte=events[0].at, at__lte=events[-1].at
            )
            self._known = set(records.values_list("card_id", "at"))

    def _join(self, event: Joined) -> None:
        openid = self.openids[customer_slug(event.person)]
        if openid in self._cards:
            return
        nickname = nicknames.nickname(event.person)
        deliveries.note_follow(
            account_id=self._account_id, openid=openid, is_following=True, at=event.at
        )
        link = contact_services.customer_of_identity(
            account_id=self._account_id,
            openid=openid,
            unionid="",
            nickname=nickname,
            avatar_url=f"{settings.SANDBOX_URL}/wx.qlogo.cn/mmopen/{customer_slug(event.person)}/132",
            actor=ACTOR,
        )
        actor = customer_actor(link.customer_id, nickname)
        card = stamp_services.open_card(
            programme=self._programme, customer_id=link.customer_id, actor=actor
        )
        self._cards[openid] = card, actor
        self.outcome.joined += 1

    def _stamp(self, event: Stamped) -> None:
        holder = self._cards.get(self.openids[customer_slug(event.person)])
        if holder is None or (holder[0].pk, event.at) in self._known:
            return
        desk = self._desk(event)
        if desk is None:
            self.outcome.refused += 1
            return
        for _try in range(TRIES):
            try:
                self._confirm(event, *holder, *desk)
            except (CodeExpired, CodeInvalid):
                continue
            except DomainError:
                break
            self.outcome.confirmed += 1
            return
        self.outcome.refused += 1

    def _confirm(
        self, event: Stamped, card: Card, customer: Actor, desk: Desk, manager: Actor
    ) -> None:
        kind = Kind.CANCEL if event.is_cancel else Kind.ACCUMULATE
        with clock.at(event.at - timedelta(seconds=event.waited_s)):
            shown = stamp_services.request_code(card=card, kind=kind, actor=customer)
        if event.is_cancel or event.at > self._previews_since:
            with clock.at(event.at - timedelta(seconds=5)):
                stamp_services.preview(desk=desk, digits=shown.digits, actor=manager)
        done = stamp_services.confirm(
            desk=desk,
            digits=shown.digits,
            actor=manager,
            amount=1 if event.is_cancel else event.amount,
            reason=event.reason,
        )
        if done.won:
            for reward in stamp_selectors.won_without_coupon(done.record_id):
                stamp_services.hand_over(desk=desk, reward_id=reward.pk, actor=manager)

    def _desk(self, event: Stamped) -> tuple[Desk, Actor] | None:
        """Where the manager works now, if it is still the store of the story."""
        place = event.store, event.manager
        if place not in self._managers:
            store = next(one for one in self.merchant.stores if one.name == event.store)
            person = Person.objects.get(pk=id_of(manager_key(self.merchant, store, event.manager)))
            desk = stamp_selectors.desk_of(person.pk)
            is_there = desk and desk.store_id == id_of(f"store:{self.merchant.slug}/{store.name}")
            self._managers[place] = (desk, person_actor(person)) if desk and is_there else None
        return self._managers[place]


def _be_quick() -> None:
    """Let commits of this connection not wait for the disk: what a crash takes is made again."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
