"""What the fraud desk finds by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.core import clock
from zhanggui.stamps.models import Case, CaseKind, Method, Seal, StampRecord
from zhanggui.stamps.services import watching
from zhanggui.stamps.services.alarming import alarm
from zhanggui.stamps.tests.factories import Shop, make_card, make_manager, make_programme, stamp
from zhanggui.stamps.tests.pressing import make_seal

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def records(shop: Shop, by_code: int, pressed: int, manager_id: int = 0) -> None:
    """So many operations at the store, as they would have been written."""
    if not StampRecord.objects.exists():
        stamp(shop.desk, shop.card)
    first = StampRecord.objects.order_by("pk")[0]
    methods = [Method.CODE] * by_code + [Method.PRESS] * pressed
    for number, method in enumerate(methods):
        row = StampRecord.objects.get(pk=first.pk)
        row.pk, row.code, row.method = None, None, method
        row.manager_id = manager_id or row.manager_id
        row.transaction_id = -1 - StampRecord.objects.count()
        row.at = clock.now() + timedelta(seconds=number)
        row.save(force_insert=True)


@pytest.mark.spec("stamps D25")
class TestShareOfCodes:
    @pytest.fixture(autouse=True)
    def _unchecked(self, db: None) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")

    @pytest.mark.edge("threat collusion")
    @pytest.mark.parametrize(("by_code", "is_told"), [(10, False), (11, True)])
    def test_above_a_fifth_of_fifty_the_office_is_told(
        self, shop: Shop, by_code: int, is_told: bool
    ) -> None:
        make_seal(shop.store)
        records(shop, by_code, 50 - by_code)
        for _ in range(2):
            watching.watch_codes(ACTOR)

        assert Case.objects.filter(kind="code_share").count() == int(is_told)

    def test_without_a_stamp_in_use_codes_are_no_matter(self, shop: Shop) -> None:
        records(shop, 60, 0)
        watching.watch_codes(ACTOR)
        assert not Case.objects.exists()
        assert not Seal.objects.exists()

    def test_before_fifty_nothing_is_said(self, shop: Shop) -> None:
        make_seal(shop.store)
        records(shop, 40, 0)
        watching.watch_codes(ACTOR)
        assert not Case.objects.exists()

    @pytest.mark.edge("threat collusion")
    def test_a_manager_far_ahead_of_the_others_stands_out(self, shop: Shop) -> None:
        others = [make_manager(shop.store, f"店员{n}") for n in range(3)]
        for desk in others:
            records(shop, 10, 0, desk.person_id)
        records(shop, 60, 0, shop.desk.person_id)
        watching.watch_managers(ACTOR)

        case = Case.objects.get(kind="outlier")
        assert (case.manager_id, case.manager_name) == (shop.desk.person_id, "李店长")


class TestFastCards:
    def test_filled_within_a_day(self, shop: Shop) -> None:
        quick = make_card(make_programme(slots=4, max_per_code=3))
        slow = make_card(make_programme(slots=4, max_per_code=3))
        with clock.at(T0):
            stamp(shop.desk, slow, amount=3, reason="三杯")
        with clock.at(T0 + timedelta(days=2)):
            stamp(shop.desk, slow)
            stamp(shop.desk, quick, amount=3, reason="三杯")
            stamp(shop.desk, quick)
            watching.watch(ACTOR)

        (case,) = Case.objects.all()
        assert case.kind == "fast_card"
        assert case.subject == f"reward:{quick.rewards.get().pk}"
        assert case.store_id == shop.store.pk


def test_the_log_names_what_was_found_and_who_looked(shop: Shop, client: Client) -> None:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    patrol = system_actor("Look at the counters")
    for subject, manager in (("manager:1", (1, "阿芷")), ("store:1", None)):
        alarm(CaseKind.OUTLIER, subject, store_id=None, actor=patrol, manager=manager)

    shown = client.get(reverse("accounts:audit", args=[shop.merchant.slug])).content.decode()

    assert "阿芷" in shown
    assert shown.count("柜台巡查") == 2
    assert "None" not in shown
