"""Filling the demo: by the services, once, and going on where it stopped."""

from __future__ import annotations

import fcntl
import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Model, Q, Sum

from demo import days, fill, progress, regulars
from demo.cast import ACCOUNTS, MERCHANTS, NEWCOMER, OPERATORS, PLATFORM_ACCOUNT
from demo.channels import COMPONENT
from demo.models import Day
from demo.pages import MINI
from demo.plans import SHOPS
from demo.rhythm import Joined, Stamped, Story
from demo.tests.conftest import NOON, SMALL, Filled
from zhanggui.accounts.models import AuditEntry, Merchant, Operator, Person, Store
from zhanggui.channels.wechat.models import Follower
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.contacts import selectors as contact_selectors
from zhanggui.contacts.models import Customer, IdentityLink, Merge, Segment, Tag
from zhanggui.core import clock, tenancy
from zhanggui.ledger.models import Entry, Transaction, Unit
from zhanggui.stamps import services as stamp_services
from zhanggui.stamps.models import Card, Kind, ManagerBinding, StampRecord
from zhanggui.stamps.operations import SUBJECT

OTHERS = Q(manager_id=0) | Q(distance_m__isnull=False)


def counts() -> dict[str, int]:
    """How many rows of each kind there are, over all merchants."""
    models: list[type[Model]] = [
        *(Merchant, Operator, Person, Store, Customer, IdentityLink, Follower, Card),
        *(StampRecord, OneTimeCode, Transaction, Entry, AuditEntry, ManagerBinding),
    ]
    with tenancy.all_merchants("count in a test"):
        made = {model.__name__: model._default_manager.count() for model in models}
        stamps = Transaction.objects.filter(unit=Unit.STAMP)
        entries = Entry.objects.filter(transaction__unit=Unit.STAMP)
        return made | {"Transaction": stamps.count(), "Entry": entries.count()}


def others() -> int:
    """How many stamps are none of the story: no manager gave them, or a phone told its place."""
    with tenancy.all_merchants("count in a test"):
        return StampRecord.objects.filter(OTHERS).count()


def events_until(moment: Any, size: Any = SMALL) -> list[Joined | Stamped]:
    first_day = Day.objects.first()
    assert first_day is not None
    story = Story(first_day.day, size.people, size.days)
    told = [event for _day, events in story.until(moment.date()) for event in events]
    return [event for event in told if event.at <= moment]


class TestFirstFill:
    @pytest.mark.spec("platform P50")
    def test_makes_every_event_by_the_services(self, filled: Filled) -> None:
        outcome = filled.outcome

        events = events_until(NOON)
        stamps = [event for event in events if isinstance(event, Stamped)]
        assert outcome.refused == 0
        assert outcome.confirmed == len(stamps) > 20
        assert outcome.joined == len(events) - len(stamps) > 20
        made = counts()
        booked = len(stamps) + others()
        assert others() > 0
        assert made["StampRecord"] == made["Transaction"] == booked
        assert made["Entry"] == 2 * booked
        assert made["Card"] == made["IdentityLink"] == outcome.joined

    def test_has_the_whole_cast(self, filled: Filled) -> None:
        made = counts()
        assert made["Merchant"] == len(MERCHANTS) + len(SHOPS)
        assert made["Operator"] == len(OPERATORS)
        stores = sum(len(merchant.stores) for merchant in MERCHANTS)
        assert made["Store"] == stores + len(SHOPS)
        managers = sum(len(store.managers) for m in MERCHANTS for store in m.stores)
        assert made["ManagerBinding"] == managers

    def test_knows_its_regulars(self, filled: Filled) -> None:
        with tenancy.merchant_scope(Merchant.objects.get(slug=MERCHANTS[0].slug).pk):
            used = contact_selectors.use_of_tags(contact_selectors.tags())
            assert set(used) == set(Tag.objects.values_list("pk", flat=True))
            assert len(used) == len(regulars.TAGS)
            assert Segment.objects.count() == len(regulars.SEGMENTS)
            assert Merge.objects.count() == 1
            twins = {one.first.name for one in contact_selectors.pairs()}
            assert {"林晓雨", "赵明远"} <= twins

    def test_books_balance(self, filled: Filled) -> None:
        call_command("verify_ledger")
        with tenancy.all_merchants("check in a test"):
            assert Entry.objects.aggregate(sum=Sum("amount"))["sum"] == 0
            for card in Card.objects.all():
                booked = Entry.objects.filter(
                    merchant_id=card.merchant_id, account_id=card.account_id
                ).aggregate(sum=Sum("amount"))["sum"]
                assert card.balance == (booked or 0)

    def test_every_entry_has_its_spent_code_and_moment(self, filled: Filled) -> None:
        with tenancy.all_merchants("check in a test"):
            by_code = StampRecord.objects.exclude(OTHERS)
            moments = {record.at for record in by_code}
            assert not by_code.filter(code=None).exists()
            codes = OneTimeCode.objects.filter(subject_type=SUBJECT)
            assert set(codes.values_list("state", flat=True)) == {CodeState.CONSUMED}
        assert moments == {e.at for e in events_until(NOON) if isinstance(e, Stamped)}

    def test_tells_the_sandbox_accounts_people_and_follows(self, filled: Filled) -> None:
        connected = {account.app_id for account in ACCOUNTS}
        assert set(filled.world.accounts) == connected | {NEWCOMER.app_id, MINI.app_id}
        assert set(filled.world.components) == {COMPONENT.app_id}
        platform = filled.world.accounts[PLATFORM_ACCOUNT.app_id]
        assert platform["callback_url"].endswith(f"/hooks/wechat/{PLATFORM_ACCOUNT.app_id}/")
        assert platform["menu"][0]["url"].endswith("/staff/")
        assert sum(len(slugs) for slugs in filled.world.follows.values()) > SMALL.people
        assert len([slug for slug in filled.world.people if slug.startswith("guest-")]) == 6

    def test_every_account_hears_from_a_follower(self, filled: Filled) -> None:
        wrote = [call for call in filled.world.calls if call.endswith("/messages")]
        assert len(wrote) == len(ACCOUNTS)

    def test_leaves_the_list_for_the_launcher(self, filled: Filled) -> None:
        left = json.loads((settings.ENV.var / "demo.json").read_text(encoding="utf-8"))
        assert left["product"] == settings.BASE_URL
        assert {"title", "who", "role", "phone", "password", "url"} <= set(left["sign_ins"][0])
        assert all(phone["url"].endswith(".localhost:8001/_phone/") for phone in left["phones"])
        news = progress.read()
        assert news
        assert news.is_done
        assert news.percent == 100

    def test_a_cancel_takes_back_the_stamp_of_the_story(self, filled: Filled) -> None:
        wanted = [e for e in events_until(NOON) if isinstance(e, Stamped) and e.is_cancel]

        with tenancy.all_merchants("look in a test"):
            cancels = StampRecord.objects.filter(kind=Kind.CANCEL)
            assert {record.at for record in cancels} == {event.at for event in wanted} != set()
            assert not cancels.filter(reverses=None).exists()


class TestLaterRuns:
    def test_the_same_day_makes_nothing(self, filled: Filled) -> None:
        before, follows = counts(), {app: set(who) for app, who in filled.world.follows.items()}

        again = filled.again(NOON + timedelta(hours=5))

        assert counts() == before
        assert again.days == 0
        assert filled.world.follows == follows

    def test_a_later_day_adds_only_what_is_missing(self, filled: Filled) -> None:
        with tenancy.all_merchants("look in a test"):
            before = set(StampRecord.objects.values_list("merchant_id", "id"))
        later = NOON + timedelta(days=2)

        added = filled.again(later)

        assert added.days == 3  # the rest of the first run's day, and two more
        events = events_until(later)
        new = [event for event in events if event.at > NOON]
        assert added.outcome.confirmed == sum(isinstance(event, Stamped) for event in new)
        with tenancy.all_merchants("look in a test"):
            after = set(StampRecord.objects.values_list("merchant_id", "id"))
            assert before < after
            added_at = StampRecord.objects.exclude(id__in=[id_ for _m, id_ in before])
            assert not added_at.filter(at__lte=NOON).exists()
        call_command("verify_ledger")

    def test_goes_on_after_a_kill(self, committed: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        real, left, later = days.Teller._confirm, [9], NOON + timedelta(days=2)
        before = counts()["StampRecord"]

        def killed(teller: days.Teller, *given: Any) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            real(teller, *given)

        monkeypatch.setattr(days.Teller, "_confirm", killed)
        with pytest.raises(KeyboardInterrupt):
            committed.again(later)
        stopped = progress.read()
        assert stopped
        assert stopped.is_stuck
        assert counts()["StampRecord"] == before + 8
        monkeypatch.setattr(days.Teller, "_confirm", real)

        committed.again(later)

        stamps = [event for event in events_until(later) if isinstance(event, Stamped)]
        assert counts()["StampRecord"] == len(stamps) + others()
        call_command("verify_ledger")

    def test_asks_again_when_the_worker_tidied_its_code_away(
        self, filled: Filled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, later = stamp_services.confirm, NOON + timedelta(days=1)

        def tidied(**given: Any) -> Any:
            monkeypatch.setattr(stamp_services, "confirm", real)
            live = OneTimeCode.objects.filter(state=CodeState.ACTIVE)
            live.update(state=CodeState.EXPIRED, ended_at=clock.now())
            return real(**given)

        monkeypatch.setattr(stamp_services, "confirm", tidied)

        outcome = filled.again(later).outcome

        assert outcome.refused == 0
        stamps = [event for event in events_until(later) if isinstance(event, Stamped)]
        assert counts()["StampRecord"] == len(stamps) + others()

    def test_works_in_several_processes(self, committed: Filled) -> None:
        later = NOON + timedelta(days=1)

        committed.again(later, fill.Size(people=24, days=6, workers=2))

        stamps = [event for event in events_until(later) if isinstance(event, Stamped)]
        assert counts()["StampRecord"] == len(stamps) + others()

    def test_leaves_alone_what_people_changed(self, filled: Filled) -> None:
        tea = Merchant.objects.get(slug="qinglan-tea")
        with tenancy.merchant_scope(tea.pk):
            Store.objects.filter(name="湖滨店").update(name="西湖店")
            ManagerBinding.objects.filter(merchant_id=tea.pk).update(removed_at=NOON)
        before = counts()

        later = filled.again(NOON + timedelta(days=3))

        made = counts()
        assert made["Store"] == before["Store"]
        assert made["ManagerBinding"] == before["ManagerBinding"]
        assert later.outcome.refused > 0
        with tenancy.merchant_scope(tea.pk):
            assert not StampRecord.objects.filter(at__gt=NOON).exists()

    def test_a_sandbox_that_was_reset_learns_everything_again(self, filled: Filled) -> None:
        people, follows = set(filled.world.people), dict(filled.world.follows)
        filled.world.people.clear()
        filled.world.follows.clear()
        before = counts()

        filled.again()

        assert set(filled.world.people) == people
        assert filled.world.follows == follows
        assert counts() == before

    def test_unfollowing_in_the_demo_stays(self, filled: Filled) -> None:
        followers = filled.world.follows[ACCOUNTS[2].app_id]
        followers.pop()
        left = set(followers)

        filled.again()

        assert filled.world.follows[ACCOUNTS[2].app_id] == left


class TestCommand:
    def test_says_what_it_made(self, filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
        with clock.at(NOON):
            call_command("demo_data", "--workers", "1")

        assert "demo data ready: all there, nothing to add" in capsys.readouterr().out

    def test_refuses_outside_the_demo(self) -> None:
        with pytest.raises(CommandError, match="demo mode only"):
            call_command("demo_data")

    def test_says_when_the_sandbox_is_missing(self, demo: None, db: None, settings: Any) -> None:
        settings.SANDBOX_URL = None
        with pytest.raises(CommandError, match="ZHANGGUI_SANDBOX_URL"):
            call_command("demo_data", "--days", "3")

    def test_does_not_run_twice_at_a_time(self, demo: None, db: None) -> None:
        settings.ENV.var.mkdir(exist_ok=True)
        with (settings.ENV.var / "demo-data.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(CommandError, match="by another process already"):
                call_command("demo_data", "--days", "3")
