"""Scans at once: a QR code binds as many people as it is for, a person manages one store."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from tests.races.racing import outcomes, race
from zhanggui.accounts import services as account_services
from zhanggui.accounts.models import Person
from zhanggui.accounts.tests.factories import ACTOR, make_person, make_store
from zhanggui.core.db import turns
from zhanggui.stamps import services
from zhanggui.stamps.models import ManagerBinding, ManagerInvitation
from zhanggui.stamps.services import managers
from zhanggui.stamps.tests.factories import Shop, make_invitation, make_manager


def people(many: int) -> list[Person]:
    """People with WeChat."""
    return [make_person(f"店员{n}", phone=None) for n in range(many)]


def scans(shop: Shop, pairs: list[tuple[ManagerInvitation, Person]]) -> dict[str, int]:
    """Scan all at once."""
    answers = race(
        shop.merchant.pk,
        [
            partial(services.accept_scan, invitation_id=invitation.pk, person=person)
            for invitation, person in pairs
        ],
    )
    return dict(outcomes(answers))


class TestOneCode:
    @pytest.mark.edge("invitation one winner")
    @pytest.mark.spec("stamps D07")
    def test_two_scan_a_single_use_code_and_one_is_bound(self, shop: Shop) -> None:
        for _ in range(2):
            invitation = make_invitation(shop.store)
            found = scans(shop, [(invitation, person) for person in people(2)])

            assert found == {"ok": 1, "E_QR_USED": 1}
        assert ManagerBinding.objects.count() == 3

    def test_control_without_the_condition_both_are_bound(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns, "TAKE", "SELECT %(turn)s::bigint")
        monkeypatch.setattr(managers, "use", lambda _invitation_id: True)
        bound = 0
        for _ in range(4):
            invitation = make_invitation(shop.store)
            found = scans(shop, [(invitation, person) for person in people(2)])
            bound = max(bound, found.get("ok", 0))
            ManagerBinding.objects.all().delete()

        assert bound == 2

    @pytest.mark.edge("binding one per person")
    @pytest.mark.spec("stamps R05")
    def test_one_person_scans_codes_of_two_stores_and_gets_one(self, shop: Shop) -> None:
        (person,) = people(1)
        other = make_store(shop.merchant)
        pairs = [(make_invitation(store), person) for store in (shop.store, other)]

        assert scans(shop, pairs) == {"ok": 1, "E_BOUND_ELSEWHERE": 1}
        assert ManagerBinding.objects.filter(person=person, removed_at=None).count() == 1

    def test_control_without_the_constraint_it_gets_both(self, shop: Shop) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX one_active_binding_per_person")
        both = 0
        for _ in range(6):
            (person,) = people(1)
            other = make_store(shop.merchant)
            found = scans(shop, [(make_invitation(store), person) for store in (shop.store, other)])
            both = max(both, found.get("ok", 0))
            ManagerBinding.objects.filter(person=person).delete()

        assert both == 2

    @pytest.mark.spec("stamps D01")
    def test_five_managers_however_many_codes(self, shop: Shop) -> None:
        for number in range(2):
            make_manager(shop.store, f"老店员{number}")
        pairs = [(make_invitation(shop.store), person) for person in people(5)]

        assert scans(shop, pairs) == {"ok": 2, "E_MANAGER_LIMIT": 3}


class TestClosing:
    """Whoever scans while the store closes is not left as its manager."""

    def close_while_scanning(self, shop: Shop) -> int:
        """Five people scan at the moment of closing; how many are managers afterwards."""
        store = make_store(shop.merchant)
        invitation = make_invitation(store, max_people=5)
        closing = partial(account_services.close_store, store=store, actor=ACTOR)
        scanning = [
            partial(services.accept_scan, invitation_id=invitation.pk, person=person)
            for person in people(5)
        ]
        found = dict(outcomes(race(shop.merchant.pk, [*scanning[:2], closing, *scanning[2:]])))
        assert found.pop("ok") >= 1
        assert set(found) <= {"E_QR_REVOKED", "E_QR_USED"}
        return ManagerBinding.objects.filter(store_id=store.pk, removed_at=None).count()

    def test_nobody_stays(self, shop: Shop) -> None:
        assert [self.close_while_scanning(shop) for _ in range(3)] == [0, 0, 0]

    def test_control_without_turns_somebody_may_stay(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns, "TAKE", "SELECT %(turn)s::bigint")
        assert max(self.close_while_scanning(shop) for _ in range(12)) > 0
