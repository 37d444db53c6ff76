"""The demo's tiers, stores, staff, accounts and programmes, made by the product's services."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils.translation import gettext_noop

from demo import colleagues, plans
from demo.cast import (
    MERCHANTS,
    OPERATORS,
    PASSWORD,
    PLATFORM_ACCOUNT,
    PLATFORM_STAFF,
    AccountPlan,
    MerchantPlan,
    StaffPlan,
    StorePlan,
)
from demo.made import find, id_of, made, manager_key, store_key
from demo.rhythm import ZONE
from demo.sandbox import Sandbox
from demo.world import managers
from zhanggui.accounts import hours
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor, person_actor, system_actor
from zhanggui.accounts.models import Merchant, Operator, Person, Role, Store, Tier
from zhanggui.channels.wechat import services as wechat_services
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tenancy
from zhanggui.stamps import services as stamp_services
from zhanggui.stamps.models import Method, Programme, WhenFull, ways_at_first
from zhanggui.stamps.services.programmes import ProgrammeInput, RewardInput

ACTOR = system_actor(gettext_noop("Demo data"))
PAPER_CUSTOMERS = ("周先生", "钱阿姨", "李老师", "吴姐")
"""Names from the paper list a shop had before; known by phone, not by WeChat."""


class Base:
    """Makes what stands before the first customer comes.

    Args:
        first_day: of the story; everything here happened in the weeks before.
        sandbox: knows the openids of the managers.
    """

    def __init__(self, first_day: date, sandbox: Sandbox) -> None:
        self.opened = datetime.combine(first_day, time(9, 30), tzinfo=ZONE)
        self.sandbox = sandbox

    def make(self) -> None:
        """Make everything that is missing."""
        with clock.at(self._before(40)):
            self._staff(None, "platform", PLATFORM_STAFF)
            self._account(PLATFORM_ACCOUNT, Tier.PLATFORM)
            for plan in OPERATORS:
                self._operator(plan.slug)
            plans.set_up(ACTOR)
        for number, cast in enumerate(MERCHANTS):
            with clock.at(self._before(30 - number, minutes=number * 17)):
                self._merchant(cast)
        self._managers()
        plans.open_shops(ACTOR)
        hotpot = MERCHANTS[1]
        merchant = Merchant.objects.get(pk=id_of(f"merchant:{hotpot.slug}"))
        plans.wait_for_review(merchant, owner_of(hotpot))
        self._colleagues()

    def _colleagues(self) -> None:
        tea = MERCHANTS[0]
        merchant = Merchant.objects.select_related("operator").get(pk=id_of(f"merchant:{tea.slug}"))
        operator = next(one for one in OPERATORS if one.slug == tea.operator)
        helper_key = f"member:operator:{operator.slug}/{operator.staff[0].key}"
        colleagues.shape(merchant, owner_of(tea), helper_key)

    def _before(self, days: int, minutes: int = 0) -> datetime:
        return self.opened - timedelta(days=days) + timedelta(minutes=minutes)

    def _operator(self, slug: str) -> None:
        plan = next(one for one in OPERATORS if one.slug == slug)
        row_id = made(
            f"operator:{slug}",
            lambda: account_services.create_operator(name=plan.name, slug=slug, actor=ACTOR),
        )
        operator = Operator.objects.get(pk=row_id)
        self._staff(operator, f"operator:{slug}", plan.staff)
        if plan.account:
            self._account(plan.account, Tier.OPERATOR, operator=operator)

    def _staff(
        self, place: Merchant | Operator | None, key: str, people: tuple[StaffPlan, ...]
    ) -> None:
        for plan in people:
            made(f"member:{key}/{plan.key}", lambda plan=plan: self._member(place, plan))  # type: ignore[misc]

    def _member(self, place: Merchant | Operator | None, plan: StaffPlan) -> Person:
        person = account_services.create_person(
            name=plan.name, phone=plan.phone, password=PASSWORD, actor=ACTOR
        )
        account_services.add_membership(
            person=person, place=place, role=Role(plan.role), actor=ACTOR
        )
        return person

    def _account(
        self,
        plan: AccountPlan,
        tier: Tier,
        operator: Operator | None = None,
        merchant: Merchant | None = None,
    ) -> None:
        made(
            f"account:{plan.key}",
            lambda: wechat_services.connect_account(
                tier=tier,
                operator=operator,
                merchant=merchant,
                name=plan.name,
                credentials=wechat_services.Credentials(
                    app_id=plan.app_id,
                    secret=plan.secret,
                    callback_token=plan.callback_token,
                    aes_key=plan.aes_key,
                ),
                original_id=plan.original_id,
                actor=ACTOR,
                is_tested=False,
            ),
        )

    def _merchant(self, plan: MerchantPlan) -> None:
        row_id = made(f"merchant:{plan.slug}", lambda: self._new_merchant(plan))
        merchant = Merchant.objects.get(pk=row_id)
        self._staff(merchant, f"merchant:{plan.slug}", plan.staff)
        if plan.account:
            self._account(plan.account, Tier.MERCHANT, merchant=merchant)
        with tenancy.merchant_scope(merchant.pk):
            owner = owner_of(plan)
            stores = [
                made(store_key(plan, store), lambda store=store: _store(store, owner))  # type: ignore[misc]
                for store in plan.stores
            ]
            seller = plans.actor_of(f"member:platform/{PLATFORM_STAFF[0].key}")
            plans.buy(plan, merchant, owner, seller)
            made(
                f"programme:{plan.slug}",
                lambda: stamp_services.create_programme(
                    values=_programme(plan, stores), actor=owner
                ),
            )
            for place, name in enumerate(PAPER_CUSTOMERS):
                phone = f"+86138001390{MERCHANTS.index(plan) * 10 + place:02d}"
                made(
                    f"customer:{plan.slug}/{place}",
                    lambda name=name, phone=phone: _paper_customer(name, phone, owner),  # type: ignore[misc]
                )

    @staticmethod
    def _new_merchant(plan: MerchantPlan) -> Merchant:
        operator = None
        if plan.operator:
            operator = Operator.objects.get(pk=id_of(f"operator:{plan.operator}"))
        return account_services.create_merchant(
            name=plan.name, slug=plan.slug, operator=operator, trade=plan.trade, actor=ACTOR
        )

    def _managers(self) -> None:
        missing = [
            (merchant, store, place, phone)
            for merchant, store, place, phone in managers()
            if find(manager_key(merchant, store, place)) is None
        ]
        if not missing:
            return
        account = ChannelAccount.objects.get(pk=id_of(f"account:{PLATFORM_ACCOUNT.key}"))
        openids = self.sandbox.openids(PLATFORM_ACCOUNT.app_id)
        for number, (merchant, store, place, phone) in enumerate(missing):
            moment = self._before(9, minutes=number * 13)
            with tenancy.merchant_scope(id_of(f"merchant:{merchant.slug}")):
                invitation_id = _invite(merchant, store, moment)
                with clock.at(moment + timedelta(minutes=4)):
                    person = wechat_services.person_of_openid(
                        account=account, openid=openids[phone.slug], nickname=phone.nickname
                    )
                    stamp_services.accept_scan(invitation_id=invitation_id, person=person)
                made(manager_key(merchant, store, place), lambda person=person: person)  # type: ignore[misc]
        # used up weeks ago: on the phones they would only be in the way of new ones
        self.sandbox.forget_codes(PLATFORM_ACCOUNT.app_id)


def _invite(merchant: MerchantPlan, store: StorePlan, moment: datetime) -> int:
    with clock.at(moment):
        invited = stamp_services.invite_manager(
            store=Store.objects.get(pk=id_of(store_key(merchant, store))),
            actor=owner_of(merchant),
        )
    return invited.invitation_id


def owner_of(merchant: MerchantPlan) -> Actor:
    """The merchant's owner as an actor."""
    key = f"member:merchant:{merchant.slug}/{merchant.staff[0].key}"
    return person_actor(Person.objects.get(pk=id_of(key)))


HOURS = {str(day): ["07:00", "23:00"] for day in hours.WEEKDAYS}
"""When the demo's stores are open."""


def _store(plan: StorePlan, owner: Actor) -> Store:
    return account_services.create_store(
        name=plan.name, address=plan.address, phone=plan.phone, hours=HOURS, actor=owner
    )


def _programme(plan: MerchantPlan, store_ids: list[int]) -> ProgrammeInput:
    card = plan.programme
    return ProgrammeInput(
        name=card.name,
        reward=card.reward,
        slots=card.slots,
        rules=card.rules,
        max_per_code=card.max_per_code,
        design=card.design,
        on_the_way=[RewardInput(at, name) for at, name in card.on_the_way],
        when_full=WhenFull.RENEW,
        store_ids=store_ids,
        ways=[*ways_at_first(), Method.COUNTER.value],
    )


def _paper_customer(name: str, phone: str, owner: Actor) -> Customer:
    return contact_services.create_customer(name=name, phone=phone, actor=owner)


def programme_of(merchant: MerchantPlan) -> Programme:
    """The programme of a merchant of the cast; needs its scope."""
    return Programme.objects.get(pk=id_of(f"programme:{merchant.slug}"))
