"""Filling the demo: by the services, once, and going on where it stopped."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Model, Sum

from demo import days, progress
from demo.cast import ACCOUNTS, MERCHANTS, OPERATORS, PLATFORM_ACCOUNT
from demo.models import Day
from demo.rhythm import Joined, Stamped, Story
from demo.tests.conftest import NOON, SMALL, Fill
from demo.tests.fake_sandbox import FakeSandbox
from zhanggui.accounts.models import AuditEntry, Merchant, Operator, Person, Store
from zhanggui.channels.wechat.models import Follower
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.contacts.models import Customer, IdentityLink
from zhanggui.core import tenancy
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.stamps.models import Card, Kind, ManagerBinding, StampRecord


def counts() -> dict[str, int]:
    """How many rows of each kind there are, over all merchants."""
    models: list[type[Model]] = [
        *(Merchant, Operator, Person, Store, Customer, IdentityLink, Follower, Card),
        *(StampRecord, OneTimeCode, Transaction, Entry, AuditEntry, ManagerBinding),
    ]
    with tenancy.all_merchants("count in a test"):
        return {model.__name__: model._default_manager.count() for model in models}


def events_until(moment: Any, size: Any = SMALL) -> list[Joined | Stamped]:
    first_day = Day.objects.first()
    assert first_day is not None
    story = Story(first_day.day, size.people, size.days)
    told = [event for _day, events in story.until(moment.date()) for event in events]
    return [event for event in told if event.at <= moment]


class TestFirstFill:
    def test_makes_every_event_by_the_services(self, filled: Fill) -> None:
        outcome = filled().outcome

        events = events_until(NOON)
        stamps = [event for event in events if isinstance(event, Stamped)]
        assert outcome.refused == 0
        assert outcome.confirmed == len(stamps) > 20
        assert outcome.joined == len(events) - len(stamps) > 20
        made = counts()
        assert made["StampRecord"] == made["Transaction"] == len(stamps)
        assert made["Entry"] == 2 * len(stamps)
        assert made["Card"] == made["IdentityLink"] == outcome.joined

    def test_has_the_whole_cast(self, filled: Fill) -> None:
        filled()

        made = counts()
        assert made["Merchant"] == len(MERCHANTS)
        assert made["Operator"] == len(OPERATORS)
        assert made["Store"] == sum(len(merchant.stores) for merchant in MERCHANTS)
        managers = sum(len(store.managers) for m in MERCHANTS for store in m.stores)
        assert made["ManagerBinding"] == managers

    def test_books_balance(self, filled: Fill) -> None:
        filled()

        call_command("check_ledger")
        with tenancy.all_merchants("check in a test"):
            assert Entry.objects.aggregate(sum=Sum("amount"))["sum"] == 0
            for card in Card.objects.select_related("account"):
                booked = Entry.objects.filter(
                    merchant_id=card.merchant_id, account_id=card.account_id
                ).aggregate(sum=Sum("amount"))["sum"]
                assert card.balance == card.account.balance == (booked or 0)

    def test_every_entry_has_its_spent_code_and_moment(self, filled: Fill) -> None:
        filled()

        with tenancy.all_merchants("check in a test"):
            moments = {record.at for record in StampRecord.objects.all()}
            assert not StampRecord.objects.filter(code=None).exists()
            assert set(OneTimeCode.objects.values_list("state", flat=True)) == {CodeState.CONSUMED}
        assert moments == {e.at for e in events_until(NOON) if isinstance(e, Stamped)}

    def test_tells_the_sandbox_accounts_people_and_follows(
        self, filled: Fill, world: FakeSandbox
    ) -> None:
        filled()

        assert set(world.accounts) == {account.app_id for account in ACCOUNTS}
        platform = world.accounts[PLATFORM_ACCOUNT.app_id]
        assert platform["callback_url"].endswith(f"/hooks/wechat/{PLATFORM_ACCOUNT.app_id}/")
        assert platform["menu"][0]["url"].endswith("/staff/")
        assert sum(len(slugs) for slugs in world.follows.values()) > SMALL.people
        assert len([slug for slug in world.people if slug.startswith("guest-")]) == 6

    def test_leaves_the_list_for_the_launcher(self, filled: Fill) -> None:
        filled()

        left = json.loads((settings.ENV.var / "demo.json").read_text(encoding="utf-8"))
        assert left["product"] == settings.BASE_URL
        assert {"title", "who", "role", "phone", "password", "url"} <= set(left["sign_ins"][0])
        assert all(phone["url"].endswith(".localhost:8001/_phone/") for phone in left["phones"])
        news = progress.read()
        assert news
        assert news.is_done
        assert news.percent == 100


class TestLaterRuns:
    def test_the_same_day_makes_nothing(self, filled: Fill, world: FakeSandbox) -> None:
        filled()
        before, follows = counts(), {app: set(who) for app, who in world.follows.items()}

        again = filled(NOON + timedelta(hours=5))

        assert counts() == before
        assert again.days == 0
        assert world.follows == follows

    def test_a_later_day_adds_only_what_is_missing(self, filled: Fill) -> None:
        filled()
        with tenancy.all_merchants("look in a test"):
            before = set(StampRecord.objects.values_list("merchant_id", "id"))
        later = NOON + timedelta(days=2)

        added = filled(later)

        assert added.days == 3  # the rest of the first run's day, and two more
        events = events_until(later)
        new = [event for event in events if event.at > NOON]
        assert added.outcome.confirmed == sum(isinstance(event, Stamped) for event in new)
        with tenancy.all_merchants("look in a test"):
            after = set(StampRecord.objects.values_list("merchant_id", "id"))
            assert before < after
            added_at = StampRecord.objects.exclude(id__in=[id_ for _m, id_ in before])
            assert not added_at.filter(at__lte=NOON).exists()
        call_command("check_ledger")

    def test_goes_on_after_a_kill(self, filled: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
        real, left = days.Teller._confirm, [9]

        def killed(teller: days.Teller, *given: Any) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            real(teller, *given)

        monkeypatch.setattr(days.Teller, "_confirm", killed)
        with pytest.raises(KeyboardInterrupt):
            filled()
        stopped = progress.read()
        assert stopped
        assert stopped.is_stuck
        monkeypatch.setattr(days.Teller, "_confirm", real)

        filled()

        stamps = [event for event in events_until(NOON) if isinstance(event, Stamped)]
        assert counts()["StampRecord"] == len(stamps)
        call_command("check_ledger")

    def test_leaves_alone_what_people_changed(self, filled: Fill, world: FakeSandbox) -> None:
        filled()
        tea = Merchant.objects.get(slug="qinglan-tea")
        with tenancy.merchant_scope(tea.pk):
            Store.objects.filter(name="湖滨店").update(name="西湖店")
            ManagerBinding.objects.filter(merchant_id=tea.pk).update(removed_at=NOON)
        before = counts()

        later = filled(NOON + timedelta(days=3))

        made = counts()
        assert made["Store"] == before["Store"]
        assert made["ManagerBinding"] == before["ManagerBinding"]
        assert later.outcome.refused > 0
        with tenancy.merchant_scope(tea.pk):
            assert not StampRecord.objects.filter(at__gt=NOON).exists()

    def test_a_sandbox_that_was_reset_learns_everything_again(
        self, filled: Fill, world: FakeSandbox
    ) -> None:
        filled()
        people, follows = set(world.people), dict(world.follows)
        world.people.clear()
        world.follows.clear()
        before = counts()

        filled()

        assert set(world.people) == people
        assert world.follows == follows
        assert counts() == before

    def test_unfollowing_in_the_demo_stays(self, filled: Fill, world: FakeSandbox) -> None:
        filled()
        followers = world.follows[ACCOUNTS[2].app_id]
        followers.pop()
        left = set(followers)

        filled()

        assert world.follows[ACCOUNTS[2].app_id] == left


class TestCommand:
    def test_fills_and_says_so(
        self, demo: None, world: FakeSandbox, race_db: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("demo_data", "--people", "12", "--days", "3", "--workers", "1")

        assert "demo data ready: 3 days" in capsys.readouterr().out
        assert counts()["Merchant"] == 6

    def test_works_in_several_processes(self, filled: Fill) -> None:
        alone = filled(size=SMALL.__class__(people=30, days=6, workers=2))

        stamps = [event for event in events_until(NOON) if isinstance(event, Stamped)]
        assert alone.outcome.confirmed == len(stamps) == counts()["StampRecord"]

    def test_refuses_outside_the_demo(self) -> None:
        with pytest.raises(CommandError, match="demo mode only"):
            call_command("demo_data")

    def test_says_when_the_sandbox_is_missing(
        self, demo: None, race_db: str, settings: Any
    ) -> None:
        settings.SANDBOX_URL = None
        with pytest.raises(CommandError, match="ZHANGGUI_SANDBOX_URL"):
            call_command("demo_data", "--people", "12", "--days", "3")


class TestCancels:
    def test_a_cancel_takes_back_the_stamp_of_the_story(self, filled: Fill) -> None:
        size = SMALL.__class__(people=60, days=12, workers=1)
        filled(size=size)

        wanted = [e for e in events_until(NOON, size) if isinstance(e, Stamped) and e.is_cancel]
        with tenancy.all_merchants("look in a test"):
            cancels = StampRecord.objects.filter(kind=Kind.CANCEL)
            assert {record.at for record in cancels} == {event.at for event in wanted} != set()
            assert not cancels.filter(reverses=None).exists()
