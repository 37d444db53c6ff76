"""What the phases of a plan and its features do at every door; they go by the clock alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.architecture.addresses import ROWS, Address, of_kind
from zhanggui.accounts import features, hooks, permissions, standing
from zhanggui.accounts.errors import PlanLimit
from zhanggui.accounts.models import AuditEntry, Merchant, Person, Role, Store
from zhanggui.accounts.tests.factories import ACTOR, make_staff, make_store
from zhanggui.billing import services
from zhanggui.billing.models import Edition, Reminder
from zhanggui.billing.services import plans
from zhanggui.billing.tests.factories import BASIC, PLUS, edition, make_subscriber
from zhanggui.core import clock, tenancy
from zhanggui.ui import navigation

pytestmark = pytest.mark.django_db
GRACE = timedelta(days=-1)
READ_ONLY = timedelta(days=-8)
ARCHIVED = timedelta(days=-98)


def signed_in(client: Client, merchant: Merchant, role: Role = Role.OWNER) -> Merchant:
    client.force_login(make_staff(merchant, role=role))
    return merchant


def overview(merchant: Merchant) -> str:
    return reverse("accounts:overview", args=[merchant.slug])


def open_store(client: Client, merchant: Merchant, name: str = "新店") -> Any:
    return client.post(reverse("accounts:store_new", args=[merchant.slug]), {"name": name})


@pytest.mark.spec("platform P10")
class TestPhases:
    def test_in_grace_all_works_under_a_banner(self, client: Client) -> None:
        merchant = signed_in(client, make_subscriber(left=GRACE))
        assert open_store(client, merchant).status_code == 302
        assert "zg-banner" in client.get(overview(merchant)).content.decode()

    def test_read_only_reads_and_pays_but_changes_nothing(self, client: Client) -> None:
        merchant = signed_in(client, make_subscriber(left=READ_ONLY))
        assert client.get(overview(merchant)).status_code == 200
        assert client.get(reverse("accounts:stores", args=[merchant.slug])).status_code == 200
        assert open_store(client, merchant).status_code == 403
        with tenancy.merchant_scope(merchant.pk):
            assert not Store.objects.exists()
        renew = reverse("billing:renew", args=[merchant.slug])
        assert client.post(renew, {"offer": f"{BASIC}:1"}).status_code == 302

    @pytest.mark.parametrize(("role", "offers"), [(Role.OWNER, True), (Role.CLERK, False)])
    def test_the_refusal_leads_to_the_account_whoever_may_see_it(
        self, client: Client, role: Role, offers: bool
    ) -> None:
        merchant = signed_in(client, make_subscriber(left=READ_ONLY), role)
        refused = client.post(reverse("stamps:programme_new", args=[merchant.slug]))
        if role == Role.OWNER:
            refused = open_store(client, merchant)
        link = f'href="{reverse("billing:account", args=[merchant.slug])}">我的账户</a>'
        assert refused.status_code == 403
        assert (link in refused.content.decode()) is offers

    def test_put_away_opens_my_account_for_owners_alone(self, client: Client) -> None:
        merchant = make_subscriber(left=ARCHIVED)
        account = reverse("billing:account", args=[merchant.slug])
        signed_in(client, merchant)
        assert client.get(overview(merchant))["Location"] == account
        assert client.get(account).status_code == 200
        signed_in(client, merchant, Role.FINANCE)
        assert client.get(overview(merchant)).status_code == 403
        assert client.get(account).status_code == 403

    def test_paying_opens_everything_at_once(self, client: Client) -> None:
        merchant = signed_in(client, make_subscriber(left=ARCHIVED))
        services.grant(
            merchant=merchant, edition=edition(), months=1, days=0, reason="续", actor=ACTOR
        )
        assert open_store(client, merchant).status_code == 302

    def test_the_clock_alone_changes_the_phase(self, client: Client) -> None:
        merchant = signed_in(client, make_subscriber(left=timedelta(days=3)))
        with clock.at(clock.now() + timedelta(days=11)):
            assert open_store(client, merchant).status_code == 403


def posts() -> list[Address]:
    return [a for a in of_kind("merchant") if "billing" not in a.permission]


def test_every_post_of_a_read_only_merchant_is_refused(
    client: Client, works_read_only: frozenset[str]
) -> None:
    merchant = signed_in(client, make_subscriber(code=PLUS, left=READ_ONLY))
    refused, admitted = 0, []
    for address in posts():
        answer = client.post(address.path(merchant=merchant.slug))
        if answer.status_code == 405 or address.route in works_read_only:
            continue
        if answer.status_code == 403 and "E_READ_ONLY" in answer.content.decode():
            refused += 1
        else:
            admitted.append((address.route, answer.status_code))
    assert admitted == []
    assert refused > 50


@pytest.fixture(scope="session")
def works_read_only() -> frozenset[str]:
    """Addresses whose views say that they work when a plan is over: exports above all."""
    from django.urls import get_resolver

    found = set()

    def walk(patterns: list[Any], before: str) -> None:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, route)
            elif getattr(pattern.callback, "works_read_only", False):
                found.add(route)

    walk(get_resolver().url_patterns, "")
    return frozenset(found)


def of_feature() -> list[tuple[str, Address]]:
    """Every feature with every address whose right belongs to it."""
    return [
        (permissions.feature_of(address.permission), address)
        for address in of_kind("merchant")
        if permissions.feature_of(address.permission)
    ]


ASKS_FOR_MORE = {
    "m/<slug:merchant>/coupons/issue",
    "m/<slug:merchant>/coupons/templates/<int:coupon_template_id>/state",
    "m/<slug:merchant>/stamps/seals/<int:seal_id>/move",
    "m/<slug:merchant>/stamps/seals/<int:seal_id>/step",
}
"""Nothing is there without a word in the form or in the query."""


def is_filled_by_a_row(address: Address) -> bool:
    """Whether one row says all of the address: two made apart do not fit together."""
    rows = [is_number for name, is_number in address.places if name != "merchant"]
    return all(rows) and len(rows) < 2 and address.route not in ASKS_FOR_MORE


def switched() -> list[tuple[str, Address, bool]]:
    """Each off, and on where one row fills the address."""
    on = [
        (feature, address, True) for feature, address in of_feature() if is_filled_by_a_row(address)
    ]
    return [(feature, address, False) for feature, address in of_feature()] + on


@pytest.mark.spec("platform P09")
@pytest.mark.parametrize(
    ("feature", "address", "is_on"),
    switched(),
    ids=[f"{feature}-{'on' if on else 'off'}-/{a.route}" for feature, a, on in switched()],
)
def test_what_is_switched_off_is_not_there(
    client: Client, feature: str, address: Address, is_on: bool
) -> None:
    merchant = signed_in(client, make_subscriber(code=PLUS))
    row = edition(PLUS)
    if not is_on:
        row.features = [name for name in row.features if name != feature]
        row.save()
        plans.copy_edition(row)
    values = {
        name: ROWS[name](merchant) for name, is_number in address.places if is_number and is_on
    }
    path = address.path(merchant=merchant.slug, **values)
    answer = client.get(path)
    status = client.post(path).status_code if answer.status_code == 405 else answer.status_code
    assert (status == 404) is not is_on


@pytest.mark.spec("platform P09")
@pytest.mark.parametrize("code", [BASIC, PLUS])
def test_the_menu_has_what_the_edition_has(client: Client, code: str) -> None:
    merchant = signed_in(client, make_subscriber(code=code))
    menu = client.get(overview(merchant)).content.decode()
    has = set(edition(code).features)
    for entry in navigation.entries_of("merchant").values():
        feature = permissions.feature_of(entry.permission)
        href = f'href="{reverse(entry.url_name, args=[merchant.slug, *entry.arguments])}"'
        if feature:
            assert (href in menu) is (feature in has), entry.name


class TestLimits:
    @pytest.mark.spec("repairs U-41")
    def test_one_store_too_many_is_refused_with_what_to_do(self, client: Client) -> None:
        merchant = signed_in(client, make_subscriber())
        Edition.objects.filter(code=BASIC).update(limits={"stores": 1})
        plans.copy_edition(edition())
        assert open_store(client, merchant, "一店").status_code == 302
        answer = open_store(client, merchant, "二店")
        assert answer.status_code == 409
        assert "基础版" in answer.content.decode()
        with tenancy.merchant_scope(merchant.pk):
            assert Store.objects.count() == 1

    def test_no_plan_has_no_limit(self, client: Client) -> None:
        merchant = make_subscriber()
        Merchant.objects.filter(pk=merchant.pk).update(plan_steps=None)
        merchant.refresh_from_db()
        standing.refuse_beyond(merchant, "staff", has=10_000, what="x")

    def test_what_is_too_many_after_a_downgrade_stays(self) -> None:
        merchant = make_subscriber()
        for _ in range(5):
            make_store(merchant)
        with tenancy.merchant_scope(merchant.pk):
            assert Store.objects.count() == 5
        with pytest.raises(PlanLimit):
            standing.refuse_beyond(merchant, "stores", has=5, what="x")


NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
"""10:00 in Shanghai."""


class TestReminders:
    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What owners were told."""
        found: list[str] = []

        def note(person: Person, text: Any) -> None:
            found.append(str(text))

        monkeypatch.setattr(hooks, "_notifiers", [note])
        return found

    @pytest.mark.spec("platform P10")
    def test_go_out_7_3_and_1_days_before_and_once_each(self, told: list[str]) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(left=timedelta(days=8))
            make_staff(merchant, role=Role.OWNER)
            make_staff(merchant, role=Role.CLERK)
        days_told = []
        for hour in range(24 * 9):
            with clock.at(NOW + timedelta(hours=hour)):
                before = len(told)
                services.remind()
                if len(told) > before:
                    days_told.append(8 - hour // 24)
        assert days_told == [7, 3, 1]
        assert len(told) == 3
        with tenancy.merchant_scope(merchant.pk):
            assert Reminder.objects.count() == 3
            assert AuditEntry.objects.filter(action="billing.owners.warned").count() == 3

    def test_what_was_missed_is_made_up_for_by_the_nearest_alone(self, told: list[str]) -> None:
        with clock.at(NOW):
            make_staff(make_subscriber(left=timedelta(hours=12)), role=Role.OWNER)
            assert services.remind() == 1
            assert services.remind() == 0
        assert len(told) == 1

    def test_a_renewal_starts_them_anew(self, told: list[str]) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(left=timedelta(days=1))
            make_staff(merchant, role=Role.OWNER)
            services.remind()
            services.grant(
                merchant=merchant, edition=edition(), months=0, days=2, reason="续", actor=ACTOR
            )
            assert services.remind() == 1

    def test_owners_hear_30_7_and_1_days_before_data_may_go(self, told: list[str]) -> None:
        with clock.at(NOW):
            make_staff(make_subscriber(left=timedelta(0)), role=Role.OWNER)
        days_told = []
        for day in range(140, 190):
            with clock.at(NOW + timedelta(days=day, hours=1)):
                if services.remind():
                    days_told.append(187 - day)
        assert days_told == [30, 7, 1]

    def test_that_data_go_is_told_a_day_before_however_late_the_job_runs(
        self, told: list[str]
    ) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(left=timedelta(0))
            make_staff(merchant, role=Role.OWNER)
        for day, is_told in ((250, True), (251, False)):
            with clock.at(NOW + timedelta(days=day, hours=1)):
                services.remind()
                assert bool(told) is is_told
                told.clear()

    def test_nobody_is_woken_at_night(self, told: list[str]) -> None:
        with clock.at(NOW.replace(hour=18)):
            make_staff(make_subscriber(left=timedelta(days=1)), role=Role.OWNER)
            assert services.remind() == 0


def test_features_have_words_for_the_price_table() -> None:
    assert all(str(feature.label) and str(feature.explanation) for feature in features.known())
