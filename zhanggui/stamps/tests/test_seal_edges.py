"""Every step of a physical stamp by the office's door, and what a stamp out of use does.

Source: docs/state-machines.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import Person, Role
from zhanggui.accounts.tests.factories import make_staff, make_store
from zhanggui.core import clock
from zhanggui.stamps import services
from zhanggui.stamps.errors import SealNotInUse, StampUnknown
from zhanggui.stamps.models import STEPS, Case, CaseKind, Seal, SealChange, SealState
from zhanggui.stamps.tests.factories import Shop, balance_of
from zhanggui.stamps.tests.pressing import make_seal, press, sent

S = SealState
BY_HAND = sorted(STEPS - {(S.ENROLLING, S.ACTIVE)})
ENDS = (S.RETIRED, S.LOST)


@pytest.fixture
def office(shop: Shop) -> Client:
    """Somebody in the back office."""
    client = Client()
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return client


def seal_in(shop: Shop, state: SealState) -> Seal:
    """A stamp of the shop in this state."""
    return make_seal(shop.store, state=state)


def post(office: Client, seal: Seal, name: str, **fields: Any) -> Any:
    """The office does something to it."""
    place = [seal.store.merchant.slug, seal.pk]
    return office.post(reverse(f"stamps:{name}", args=place), fields)


def step(office: Client, seal: Seal, to: SealState, reason: str = "换章芯") -> Any:
    """One step, by the button that takes it."""
    if to == S.ENROLLING:
        return post(office, seal, "seal_enrol")
    return post(office, seal, "seal_step", to=to.value, reason=reason)


def edge(before: str, after: str) -> Any:
    """A case that proves a step."""
    marks = {
        ("draft", "enrolling"): pytest.mark.edge("seal DRAFT>ENROLLING"),
        ("active", "suspended"): pytest.mark.edge("seal ACTIVE>SUSPENDED"),
        ("suspended", "active"): pytest.mark.edge("seal SUSPENDED>ACTIVE"),
        ("draft", "retired"): pytest.mark.edge("seal DRAFT>RETIRED"),
        ("enrolling", "retired"): pytest.mark.edge("seal ENROLLING>RETIRED"),
        ("active", "retired"): pytest.mark.edge("seal ACTIVE>RETIRED"),
        ("suspended", "retired"): pytest.mark.edge("seal SUSPENDED>RETIRED"),
        ("draft", "lost"): pytest.mark.edge("seal DRAFT>LOST"),
        ("enrolling", "lost"): pytest.mark.edge("seal ENROLLING>LOST"),
        ("active", "lost"): pytest.mark.edge("seal ACTIVE>LOST"),
        ("suspended", "lost"): pytest.mark.edge("seal SUSPENDED>LOST"),
    }
    return pytest.param(S(before), S(after), id=f"{before}>{after}", marks=marks[before, after])


@pytest.mark.parametrize(("before", "after"), [edge(*pair) for pair in BY_HAND])
def test_a_step(shop: Shop, office: Client, before: SealState, after: SealState) -> None:
    seal = seal_in(shop, before)
    assert step(office, seal, after).status_code == 302
    seal.refresh_from_db()
    assert seal.state == after
    newest = SealChange.objects.filter(seal=seal).latest("pk")
    assert (newest.from_state, newest.to_state) == (before, after)


@pytest.mark.edge("seal RETIRED stays", "seal LOST stays", "seal ENROLLING not by hand")
def test_no_other_step(shop: Shop, office: Client) -> None:
    seal = seal_in(shop, S.DRAFT)
    for before, after in set(product(S, S)) - set(BY_HAND):
        Seal.objects.filter(pk=seal.pk).update(state=before)
        written = SealChange.objects.count()
        refused = step(office, seal, after)
        seal.refresh_from_db()
        assert (refused.status_code, seal.state) == (409, before), f"{before} > {after}"
        assert SealChange.objects.count() == written


@pytest.mark.edge("seal RETIRED stays", "seal LOST stays")
@pytest.mark.parametrize("end", ENDS)
def test_at_its_end_it_moves_to_no_other_store(shop: Shop, office: Client, end: SealState) -> None:
    seal = seal_in(shop, end)
    post(office, seal, "seal_move", store=make_store(shop.merchant, "二店").pk)
    seal.refresh_from_db()
    assert seal.store_id == shop.store.pk


@pytest.mark.edge("seal without a reason")
@pytest.mark.parametrize("to", [S.SUSPENDED, *ENDS])
def test_out_of_use_only_with_a_reason(shop: Shop, office: Client, to: SealState) -> None:
    seal = seal_in(shop, S.ACTIVE)
    assert step(office, seal, to, reason=" ").status_code == 422
    seal.refresh_from_db()
    assert seal.state == S.ACTIVE


@pytest.mark.edge("seal out of use gives nothing")
@pytest.mark.parametrize("state", sorted(set(S) - {S.ACTIVE}))
def test_out_of_use_it_gives_nothing(shop: Shop, state: SealState) -> None:
    make_seal(shop.store, [[-12, 4], [13, -10], [-4, 9], [-7, -5], [11, 3]])  # so that they press
    seal_in(shop, state)
    is_known = state in {S.SUSPENDED, *ENDS}
    with pytest.raises(SealNotInUse if is_known else StampUnknown):
        press(shop.card)
    assert balance_of(shop.card) == 0
    assert Case.objects.exists() == (state in ENDS)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(S.LOST, marks=pytest.mark.edge("seal LOST used alarms")),
        pytest.param(S.RETIRED, marks=pytest.mark.edge("seal RETIRED used alarms")),
    ],
)
def test_used_after_its_end_it_alarms_at_every_door(shop: Shop, end: SealState) -> None:
    make_seal(shop.store, [[-12, 4], [13, -10], [-4, 9], [-7, -5], [11, 3]])
    seal = seal_in(shop, end)
    manager = Person.objects.get(pk=shop.desk.person_id)
    doors: list[Callable[[], object]] = [
        lambda: press(shop.card),
        lambda: services.enter_by_press(person=manager, sent=sent(), actor=person_actor(manager)),
    ]
    for day, door in enumerate(doors):
        with clock.at(clock.now() + timedelta(days=day)):
            for _ in range(2):
                with pytest.raises(SealNotInUse):
                    door()
        assert Case.objects.filter(kind=CaseKind.GONE_SEAL).count() == day + 1
    assert {case.subject.split(":")[1] for case in Case.objects.all()} == {str(seal.pk)}
    assert balance_of(shop.card) == 0
