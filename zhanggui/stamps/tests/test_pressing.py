"""A stamp pressed on the card: what is booked, what is refused, what raises an alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.core import clock
from zhanggui.core.errors import DomainError, KeyReused
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import (
    CardState,
    NonceOver,
    NonceUsed,
    PointsFew,
    PressOff,
    Replayed,
    ScaleOff,
    SealNotInUse,
    StampUnknown,
    StoreShut,
)
from zhanggui.stamps.models import (
    Case,
    CaseKind,
    DeviceScale,
    Kind,
    Method,
    Press,
    PressNonce,
    ProgrammeStore,
    Seal,
    SealState,
    StampRecord,
)
from zhanggui.stamps.tests.factories import Shop, balance_of, make_card, stamp
from zhanggui.stamps.tests.pressing import (
    T1,
    T2,
    make_seal,
    nonce_of,
    points_px,
    press,
)


@pytest.fixture
def seal(shop: Shop) -> Seal:
    return make_seal(shop.store)


def outcomes() -> list[str]:
    return list(Press.objects.order_by("pk").values_list("outcome", flat=True))


def cases() -> list[tuple[str, str]]:
    return list(Case.objects.order_by("pk").values_list("kind", "subject"))


class TestPress:
    def test_books_one_stamp_by_the_stamp_of_the_store(self, shop: Shop, seal: Seal) -> None:
        done = press(shop.card)

        record = StampRecord.objects.get()
        assert (done.before, done.after, done.store_name) == (0, 1, shop.store.name)
        assert (record.method, record.amount, record.code_id) == (Method.PRESS, 1, None)
        assert (record.store_id, record.manager_id) == (shop.store.pk, 0)
        assert record.manager_name == seal.name
        assert balance_of(shop.card) == 1
        assert shop.adds_up()
        kept = Press.objects.get()
        assert (kept.seal_id, kept.record_id, kept.card_id) == (seal.pk, record.pk, shop.card.pk)
        assert kept.customer_id == shop.card.customer_id
        assert kept.residual_um is not None
        assert len(kept.frames["frames"]) == 3
        entry = AuditEntry.objects.get(action="stamps.press.accepted")
        assert (entry.actor_kind, entry.actor_id) == ("customer", shop.card.customer_id)

    def test_cancels_in_the_layer_of_cancelling(self, shop: Shop, seal: Seal) -> None:
        press(shop.card)
        done = press(shop.card, kind=Kind.CANCEL)

        assert (done.kind, done.amount, done.after) == ("cancel", -1, 0)
        assert balance_of(shop.card) == 0
        assert shop.adds_up()

    def test_a_right_to_stamp_never_cancels(self, shop: Shop, seal: Seal) -> None:
        press(shop.card)
        nonce = nonce_of(shop.card, Kind.ACCUMULATE)

        with pytest.raises(NonceOver):
            press(shop.card, kind=Kind.CANCEL, nonce=nonce)
        assert balance_of(shop.card) == 1

    def test_the_stamp_of_another_store_of_the_programme(self, shop: Shop, seal: Seal) -> None:
        other = make_store(shop.merchant)
        make_seal(other, T2)
        press(shop.card, points_px(T2))

        assert StampRecord.objects.get().store_id == other.pk

    def test_a_store_outside_the_programme_is_unknown(self, shop: Shop, seal: Seal) -> None:
        other = make_store(shop.merchant)
        make_seal(other, T2)
        ProgrammeStore(programme=shop.programme, store=shop.store).save()

        with pytest.raises(StampUnknown):
            press(shop.card, points_px(T2))
        assert outcomes() == ["E_STAMP_UNKNOWN"]

    def test_a_refused_card_keeps_the_press_and_books_nothing(self, shop: Shop, seal: Seal) -> None:
        services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)

        with pytest.raises(CardState):
            press(shop.card)
        assert outcomes() == ["E_CARD_STATE"]
        assert balance_of(shop.card) == 0

    def test_without_a_stamp_in_use_there_are_codes(self, shop: Shop) -> None:
        assert not selectors.takes_press(shop.programme)
        with pytest.raises(PressOff):
            press(shop.card)

    def test_a_hand_is_no_stamp(self, shop: Shop, seal: Seal) -> None:
        hand = [(10.0, 210.0), (95.0, 120.0), (180.0, 105.0), (265.0, 140.0), (330.0, 300.0)]
        with pytest.raises(StampUnknown):
            press(shop.card, hand)
        with pytest.raises(PointsFew) as refused:
            press(shop.card, hand[:4])
        assert refused.value.details == {"n": 4}
        assert balance_of(shop.card) == 0


class TestNonce:
    @pytest.mark.spec("stamps press 17")
    def test_the_same_right_twice(self, shop: Shop, seal: Seal) -> None:
        nonce, points = nonce_of(shop.card), points_px(T1)
        press(shop.card, points, nonce=nonce)

        with pytest.raises(NonceUsed) as refused:
            press(shop.card, points, nonce=nonce)
        assert refused.value.code == "E_NONCE_USED"
        assert balance_of(shop.card) == 1

    def test_a_repeated_request_answers_the_same(self, shop: Shop, seal: Seal) -> None:
        nonce, points = nonce_of(shop.card), points_px(T1)
        first = press(shop.card, points, nonce=nonce, key="k1")

        assert press(shop.card, points, nonce=nonce, key="k1") == first
        with pytest.raises(KeyReused):
            press(shop.card, nonce=nonce_of(shop.card), key="k1")
        assert balance_of(shop.card) == 1

    def test_lives_120_seconds(self, shop: Shop, seal: Seal) -> None:
        now = clock.now()
        with clock.at(now):
            young, old = nonce_of(shop.card), nonce_of(shop.card)
        with clock.at(now + timedelta(seconds=119.9)):
            press(shop.card, nonce=young)
        with clock.at(now + timedelta(seconds=120)), pytest.raises(NonceOver):
            press(shop.card, nonce=old)
        assert balance_of(shop.card) == 1

    def test_is_bound_to_card_and_customer(self, shop: Shop, seal: Seal) -> None:
        other = make_card(shop.programme)
        with pytest.raises(NonceOver):
            press(other, nonce=nonce_of(shop.card))
        with pytest.raises(NonceOver):
            press(shop.card, nonce="")
        assert not StampRecord.objects.exists()

    def test_a_refused_press_uses_it_up(self, shop: Shop, seal: Seal) -> None:
        nonce = nonce_of(shop.card)
        with pytest.raises(StampUnknown):
            press(shop.card, points_px(T2), nonce=nonce)
        with pytest.raises(NonceUsed):
            press(shop.card, nonce=nonce)
        assert PressNonce.objects.filter(used_at=None).count() == 0

    def test_only_its_hash_is_kept(self, shop: Shop) -> None:
        nonce = nonce_of(shop.card)
        assert nonce.encode() not in bytes(PressNonce.objects.get().digest)


class TestAlarms:
    @pytest.mark.spec("stamps press 18")
    def test_the_same_coordinates_again(self, shop: Shop, seal: Seal) -> None:
        points = points_px(T1)
        press(shop.card, points)
        first = Press.objects.get()

        for card in (shop.card, make_card(shop.programme)):
            with pytest.raises(Replayed) as refused:
                press(card, points)
            assert refused.value.code == "E_REPLAY"
        assert cases() == [(CaseKind.REPLAYED, f"press:{first.pk}")]
        assert balance_of(shop.card) == 1
        assert outcomes() == ["ok", "E_REPLAY", "E_REPLAY"]

    def test_a_refused_press_is_not_repeated_either(self, shop: Shop, seal: Seal) -> None:
        points = points_px(T1)
        services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)
        with pytest.raises(CardState):
            press(shop.card, points)
        services.resume_programme(programme_id=shop.programme.pk, actor=ACTOR)
        with pytest.raises(Replayed):
            press(shop.card, points)

    def test_after_90_days_coordinates_are_free(self, shop: Shop, seal: Seal) -> None:
        points = points_px(T1)
        press(shop.card, points)
        with clock.at(clock.now() + timedelta(days=90, seconds=1)):
            press(shop.card, points)
        assert balance_of(shop.card) == 2

    @pytest.mark.parametrize(
        ("state", "alarms"),
        [(SealState.LOST, 1), (SealState.RETIRED, 1), (SealState.SUSPENDED, 0)],
    )
    def test_a_stamp_out_of_use(
        self, shop: Shop, seal: Seal, state: SealState, alarms: int
    ) -> None:
        make_seal(shop.store, T2)
        services.step_seal(seal_id=seal.pk, to=state, reason="不见了", actor=ACTOR)

        for _ in range(2):
            with pytest.raises(SealNotInUse):
                press(shop.card)
        assert [kind for kind, _subject in cases()] == [CaseKind.GONE_SEAL] * alarms
        assert Press.objects.filter(seal=seal, outcome="E_STAMP_STATE").count() == 2
        assert balance_of(shop.card) == 0

    def test_two_presses_too_exact_for_a_hand(self, shop: Shop, seal: Seal) -> None:
        press(shop.card, points_px(T1, noise=0.0))
        assert cases() == []
        press(shop.card, points_px(T1, noise=0.0))
        assert cases() == [(CaseKind.TOO_EXACT, f"customer:{shop.card.customer_id}")]
        assert balance_of(shop.card) == 2


class TestPhones:
    def test_the_size_of_a_model_is_learned_from_three_presses(
        self, shop: Shop, seal: Seal
    ) -> None:
        for _ in range(3):
            press(shop.card, points_px(T1, noise=0.05))
        known = DeviceScale.objects.get()
        assert (known.model, known.presses) == ("V2055A 393x873@2", 3)

        with pytest.raises(ScaleOff):
            press(shop.card, points_px(T1, scale=1.08, noise=0.05))
        assert balance_of(shop.card) == 3

    def test_before_that_every_size_in_bounds_is_taken(self, shop: Shop, seal: Seal) -> None:
        press(shop.card, points_px(T1, scale=1.12, noise=0.05))
        with pytest.raises(ScaleOff):
            press(shop.card, points_px(T1, scale=1.3, noise=0.05))


class TestLimits:
    def test_many_presses_wait(self, shop: Shop, seal: Seal) -> None:
        moment = clock.now()
        codes: list[str] = []
        with clock.at(moment):
            for _ in range(services.pressing.PRESSES.most + 1):
                try:
                    press(shop.card, nonce="x")
                except DomainError as refusal:
                    codes.append(refusal.code)
        assert codes[-1] == "E_TOO_MANY"
        assert set(codes[:-1]) == {"E_NONCE_OVER"}

    def test_codes_and_presses_go_together(self, shop: Shop, seal: Seal) -> None:
        with clock.at(clock.now() - timedelta(minutes=1)):
            stamp(shop.desk, shop.card)
        press(shop.card)
        assert balance_of(shop.card) == 2
        assert shop.adds_up()


class TestOpeningHours:
    """A stamp pressed while its store is closed (7.7)."""

    NIGHT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # 23:00 of Sunday in Shanghai
    DAY = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

    @pytest.fixture(autouse=True)
    def closes(self, shop: Shop) -> None:
        every_day = {str(day): ["09:00", "21:30"] for day in range(1, 8)}
        type(shop.store).objects.filter(pk=shop.store.pk).update(hours=every_day)

    def test_counts_and_is_a_case_once_a_day(self, shop: Shop, seal: Seal) -> None:
        with clock.at(self.DAY):
            press(shop.card)
        assert cases() == []
        with clock.at(self.NIGHT):
            press(shop.card)
            press(shop.card)
        assert balance_of(shop.card) == 3
        assert cases() == [("shut_press", f"seal:{seal.pk}:2026-11-22")]

    def test_is_refused_where_the_shop_wants_that(self, shop: Shop, seal: Seal) -> None:
        values = services.LimitsInput(200, False, 5, may_press_when_shut=False)
        services.set_limits(values=values, actor=ACTOR)
        with clock.at(self.NIGHT), pytest.raises(StoreShut):
            press(shop.card)
        assert balance_of(shop.card) == 0
        assert outcomes() == ["E_STORE_SHUT"]
        assert cases() == [("shut_press", f"seal:{seal.pk}:2026-11-22")]
        with clock.at(self.DAY):
            press(shop.card)
        assert balance_of(shop.card) == 1

    def test_a_store_that_told_no_hours_is_never_shut(self, shop: Shop, seal: Seal) -> None:
        type(shop.store).objects.filter(pk=shop.store.pk).update(hours={})
        values = services.LimitsInput(200, False, 5, may_press_when_shut=False)
        services.set_limits(values=values, actor=ACTOR)
        with clock.at(self.NIGHT):
            press(shop.card)
        assert (balance_of(shop.card), cases()) == (1, [])

    def test_the_ledger_tells_what_was_done_outside_them(self, shop: Shop) -> None:
        type(shop.store).objects.update(hours={"7": ["09:00", "12:00"]})
        with clock.at(self.DAY - timedelta(hours=2)):
            stamp(shop.desk, shop.card)
        with clock.at(self.DAY):  # Sunday noon: nobody would call it night
            stamp(shop.desk, shop.card)
        rows = selectors.with_hour(StampRecord.objects.all(), shop.desk.zone)
        odd = rows.filter(selectors.odd_hours())
        assert [one.at for one in odd] == [self.DAY]
