"""Preview and confirm: the way of a code from the phone to the card."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zhanggui.accounts.models import AuditEntry, Merchant, Store, StoreState, TierState
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.codes.models import CodeState, CodeTry, OneTimeCode
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import DomainError, KeyReused
from zhanggui.core.models import IdempotencyRecord
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.stamps import services
from zhanggui.stamps.errors import (
    AmountRefused,
    CardFull,
    CardState,
    CodeExpired,
    CodeFormat,
    CodeHeld,
    CodeInvalid,
    CodeRevoked,
    CodeUsed,
    NotManager,
    ReasonMissing,
    TooManyCodes,
    WrongStore,
)
from zhanggui.stamps.models import Card, Kind, ManagerBinding
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    confirm,
    customer_of,
    make_card,
    make_manager,
    make_programme,
    make_shop,
    preview,
    stamp,
    state_of,
    take_code,
    wrong_digits,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def nothing_booked() -> bool:
    """Whether neither ledger nor answer was written."""
    return not Transaction.objects.exists() and not IdempotencyRecord.objects.exists()


class TestConfirm:
    @pytest.mark.spec("stamps R10")
    def test_books_one_stamp(self, shop: Shop) -> None:
        booked = stamp(shop.desk, shop.card)

        assert (booked.before, booked.after, booked.amount, booked.slots) == (0, 1, 1, 10)
        assert booked.customer_name == "王**"
        assert balance_of(shop.card) == 1
        assert sorted(Entry.objects.values_list("amount", flat=True)) == [-1, 1]
        (record,) = shop.records()
        assert (record.kind, record.amount, record.balance_after) == (Kind.ACCUMULATE, 1, 1)
        assert (record.manager_name, record.customer_name) == ("李店长", "王小明")
        assert record.store_id == shop.store.pk
        assert shop.adds_up()

    @pytest.mark.spec("stamps D16")
    def test_folds_what_is_typed(self, shop: Shop) -> None:
        digits = take_code(shop.card).digits
        wide = digits[:3].translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})

        confirm(shop.desk, f"{wide} {digits[3:]}")

        assert balance_of(shop.card) == 1

    @pytest.mark.spec("stamps R12")
    def test_the_code_decides_what_happens(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        give = take_code(shop.card)
        booked = confirm(shop.desk, give.digits, record_id=shop.records()[0].pk)

        assert booked.kind == Kind.ACCUMULATE
        assert balance_of(shop.card) == 2
        assert cancel(shop.desk, shop.card).kind == Kind.CANCEL
        assert balance_of(shop.card) == 1

    @pytest.mark.spec("stamps D12")
    def test_lives_180_seconds(self, shop: Shop) -> None:
        with clock.at(T0):
            code = take_code(shop.card)
            assert code.seconds_left == 180
        with clock.at(T0 + timedelta(seconds=180)), pytest.raises(CodeExpired):
            confirm(shop.desk, code.digits)
        assert nothing_booked()
        with clock.at(T0 + timedelta(seconds=400)):
            code = take_code(shop.card)
        with clock.at(T0 + timedelta(seconds=579.9)):
            assert confirm(shop.desk, code.digits).after == 1

    @pytest.mark.spec("stamps D18")
    def test_a_used_code_says_who_and_when(self, shop: Shop) -> None:
        colleague = make_manager(shop.store, "赵店员")
        code = take_code(shop.card)
        confirm(shop.desk, code.digits)
        with pytest.raises(CodeUsed) as refusal:
            confirm(colleague, code.digits)

        assert "李店长" in refusal.value.message
        assert re.search(r"\d\d:\d\d", refusal.value.message)
        assert Transaction.objects.count() == 1

    @pytest.mark.spec("stamps D20")
    def test_at_the_wrong_store_it_stays_usable(self, shop: Shop) -> None:
        shop.programme = services.edit_programme(
            programme_id=shop.programme.pk,
            values=services.ProgrammeInput(name="集章卡", reward="一杯", store_ids=[shop.store.pk]),
            actor=ACTOR,
        )
        elsewhere = make_manager(make_store(shop.merchant), "周店员")
        code = take_code(shop.card)
        for _ in range(7):  # more often than wrong codes are allowed
            with pytest.raises(WrongStore):
                confirm(elsewhere, code.digits)

        assert state_of(code.code_id) == CodeState.ACTIVE
        refusals = AuditEntry.objects.filter(
            action="stamps.code.refused", target=f"code:{code.code_id}"
        )
        assert refusals.count() == 7
        assert confirm(shop.desk, code.digits).after == 1

    @pytest.mark.spec("stamps D21")
    def test_a_foreign_code_looks_like_an_unknown_one(self, shop: Shop) -> None:
        other = make_shop()
        with other.scope:
            foreign = take_code(other.card).digits
        with pytest.raises(CodeInvalid) as of_foreign:
            confirm(shop.desk, foreign)
        with pytest.raises(CodeInvalid) as of_unknown:
            confirm(make_manager(shop.store), wrong_digits())

        assert of_foreign.value.as_json() == of_unknown.value.as_json()
        assert CodeTry.objects.filter(kind="wrong").count() == 2
        with tenancy.merchant_scope(other.merchant.pk):
            assert OneTimeCode.objects.get().state == CodeState.ACTIVE
        assert nothing_booked()

    @pytest.mark.spec("stamps D39")
    def test_a_withdrawn_code_is_refused(self, shop: Shop) -> None:
        code = take_code(shop.card)
        ended = services.revoke_code(
            card=shop.card, code_id=code.code_id, actor=customer_of(shop.card)
        )

        assert ended.state == CodeState.REVOKED
        with pytest.raises(CodeRevoked):
            confirm(shop.desk, code.digits)
        assert nothing_booked()

    @pytest.mark.spec("stamps D39")
    def test_the_phone_sees_at_once_that_it_was_used(self, shop: Shop) -> None:
        code = take_code(shop.card)
        assert services.code_status(card=shop.card, code_id=code.code_id).state == "active"
        version = Card.objects.get(pk=shop.card.pk).version
        confirm(shop.desk, code.digits)
        seen = services.code_status(card=shop.card, code_id=code.code_id)

        assert (seen.state, seen.store_name) == ("consumed", shop.store.name)
        assert Card.objects.get(pk=shop.card.pk).version == version + 1

    @pytest.mark.parametrize("typed", ["12345", "1234567", "12345x", ""])
    @pytest.mark.spec("stamps D16")
    def test_bad_format_is_not_counted(self, shop: Shop, typed: str) -> None:
        for _ in range(6):
            with pytest.raises(CodeFormat):
                confirm(shop.desk, typed)

        assert stamp(shop.desk, shop.card).after == 1

    @pytest.mark.parametrize("amount", [-1, 0, 2, 10**12])
    @pytest.mark.spec("stamps D24")
    def test_one_stamp_per_code_unless_the_programme_says_more(
        self, shop: Shop, amount: int
    ) -> None:
        code = take_code(shop.card)
        with pytest.raises(AmountRefused) as refusal:
            confirm(shop.desk, code.digits, amount=amount, reason="两杯")

        assert refusal.value.details == {"most": 1}
        assert state_of(code.code_id) == CodeState.ACTIVE
        assert nothing_booked()


class TestAmount:
    @pytest.mark.spec("stamps D24")
    def test_up_to_k_with_a_reason(self, db: None) -> None:
        shop = make_shop(max_per_code=3)
        with shop.scope:
            code = take_code(shop.card)
            assert preview(shop.desk, code.digits).most == 3
            with pytest.raises(AmountRefused):
                confirm(shop.desk, code.digits, amount=4, reason="四杯")
            with pytest.raises(ReasonMissing):
                confirm(shop.desk, code.digits, amount=3, reason="  ")
            assert state_of(code.code_id) == CodeState.HELD
            assert confirm(shop.desk, code.digits, amount=3, reason="三杯").after == 3
            (record,) = shop.records()
            assert (record.amount, record.reason) == (3, "三杯")
            assert shop.adds_up()

    @pytest.mark.spec("stamps D27", "stamps D24")
    def test_more_than_fit_are_refused(self, db: None) -> None:
        shop = make_shop(max_per_code=3, slots=4)
        with shop.scope:
            stamp(shop.desk, shop.card, amount=2, reason="两杯")
            code = take_code(shop.card)
            assert preview(shop.desk, code.digits).most == 2
            with pytest.raises(CardFull):
                confirm(shop.desk, code.digits, amount=3, reason="三杯")
            assert balance_of(shop.card) == 2
            assert confirm(shop.desk, code.digits, amount=2, reason="两杯").after == 4


class TestFullCard:
    @pytest.mark.spec("stamps D27")
    def test_is_refused_at_creation_preview_and_confirm(self, db: None) -> None:
        shop = make_shop(slots=2)
        with shop.scope:
            stamp(shop.desk, shop.card)
            code = take_code(shop.card)
            Card.objects.filter(pk=shop.card.pk).update(balance=2)
            with pytest.raises(CardFull):
                preview(shop.desk, code.digits)
            with pytest.raises(CardFull):
                confirm(shop.desk, code.digits)
            with pytest.raises(CardFull) as refusal:
                take_code(shop.card)

            assert refusal.value.details == {"balance": 2, "slots": 2}
            assert state_of(code.code_id) == CodeState.ACTIVE
            assert Transaction.objects.count() == 1


def pause(shop: Shop) -> None:
    """The office pauses the programme."""
    services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)


def block(shop: Shop) -> None:
    """The office blocks the card."""
    services.block_card(card_id=shop.card.pk, reason="异常", actor=ACTOR)


def block_customer(shop: Shop) -> None:
    """The customer is blocked."""
    Customer.objects.filter(pk=shop.card.customer_id).update(state=CustomerState.BLOCKED)


def close(shop: Shop) -> None:
    """The store closes."""
    Store.objects.filter(pk=shop.store.pk).update(state=StoreState.CLOSED)


def freeze(shop: Shop) -> None:
    """The platform freezes the merchant."""
    Merchant.objects.filter(pk=shop.merchant.pk).update(state=TierState.FROZEN)


class TestCardState:
    @pytest.mark.spec("stamps D28")
    @pytest.mark.parametrize("change", [pause, block, block_customer, close])
    def test_refused_at_creation(self, shop: Shop, change: Any) -> None:
        change(shop)
        with pytest.raises(CardState):
            take_code(shop.card)

    @pytest.mark.spec("stamps D28")
    @pytest.mark.parametrize("change", [pause, block, block_customer, close, freeze])
    @pytest.mark.parametrize("kind", [Kind.ACCUMULATE, Kind.CANCEL])
    def test_refused_at_preview_and_confirm(self, shop: Shop, change: Any, kind: Kind) -> None:
        stamp(shop.desk, shop.card)
        code = take_code(shop.card, kind)
        change(shop)
        with pytest.raises(CardState):
            preview(shop.desk, code.digits)
        with pytest.raises(CardState):
            confirm(shop.desk, code.digits)

        assert Transaction.objects.count() == 1
        kept = CodeState.REVOKED if change is block else CodeState.ACTIVE
        assert state_of(code.code_id) == kept

    def test_works_again_afterwards(self, shop: Shop) -> None:
        pause(shop)
        services.resume_programme(programme_id=shop.programme.pk, actor=ACTOR)
        block(shop)
        services.unblock_card(card_id=shop.card.pk, actor=ACTOR)

        assert stamp(shop.desk, shop.card).after == 1


class TestPreview:
    @pytest.mark.spec("stamps D17")
    def test_shows_what_would_happen_and_books_nothing(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        seen = preview(shop.desk, take_code(shop.card).digits)

        assert (seen.kind, seen.customer_name) == (Kind.ACCUMULATE, "王**")
        assert (seen.before, seen.after, seen.slots, seen.most) == (1, 2, 10, 1)
        assert 58 <= seen.seconds_left <= 60
        assert balance_of(shop.card) == 1

    @pytest.mark.spec("stamps D17")
    def test_holds_the_code_for_60_seconds(self, shop: Shop) -> None:
        colleague = make_manager(shop.store, "赵店员")
        with clock.at(T0):
            code = take_code(shop.card)
            preview(shop.desk, code.digits)
            with pytest.raises(CodeHeld) as refusal:
                preview(colleague, code.digits)
            assert refusal.value.retry_after_s == 60
            with pytest.raises(CodeHeld):
                confirm(colleague, code.digits)
        with clock.at(T0 + timedelta(seconds=60)):
            assert preview(colleague, code.digits).before == 0
            assert confirm(colleague, code.digits).after == 1

    @pytest.mark.spec("stamps D17", "stamps D29")
    def test_of_a_cancel_shows_which_stamps(self, shop: Shop) -> None:
        first, second = stamp(shop.desk, shop.card), stamp(shop.desk, shop.card)
        seen = preview(shop.desk, take_code(shop.card, Kind.CANCEL).digits)

        assert seen.kind == Kind.CANCEL
        assert (seen.before, seen.after) == (2, 1)
        assert [choice.record_id for choice in seen.choices] == [
            second.record_id,
            first.record_id,
        ]

    def test_a_refusing_card_gives_the_hold_back(self, shop: Shop) -> None:
        code = take_code(shop.card)
        pause(shop)
        with pytest.raises(CardState):
            preview(shop.desk, code.digits)

        assert state_of(code.code_id) == CodeState.ACTIVE


class TestReplacedCode:
    @pytest.mark.spec("stamps D14")
    def test_the_older_operation_is_dead(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        give = take_code(shop.card)
        take = take_code(shop.card, Kind.CANCEL)
        with pytest.raises(CodeRevoked):
            confirm(shop.desk, give.digits)

        assert confirm(shop.desk, take.digits).after == 0

    @pytest.mark.spec("stamps D13")
    def test_second_tap_shows_the_same_code(self, shop: Shop) -> None:
        with clock.at(T0):
            first = take_code(shop.card)
        with clock.at(T0 + timedelta(seconds=100)):
            again = take_code(shop.card)

        assert (again.digits, again.seconds_left, again.is_new) == (first.digits, 80, False)

    @pytest.mark.spec("stamps D13")
    def test_sixth_code_in_ten_minutes(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        for kind in (Kind.CANCEL, Kind.ACCUMULATE, Kind.CANCEL, Kind.ACCUMULATE):
            take_code(shop.card, kind)
        with pytest.raises(TooManyCodes) as refusal:
            take_code(shop.card, Kind.CANCEL)

        assert 590 <= (refusal.value.retry_after_s or 0) <= 600


class TestBinding:
    @pytest.mark.spec("stamps D08")
    def test_is_checked_on_every_call(self, shop: Shop) -> None:
        code = take_code(shop.card)
        preview(shop.desk, code.digits)
        binding = ManagerBinding.objects.get(pk=shop.desk.binding_id)
        services.remove_manager(binding_id=binding.pk, actor=ACTOR)
        with pytest.raises(NotManager):
            confirm(shop.desk, code.digits)
        with pytest.raises(NotManager):
            preview(shop.desk, code.digits)

        assert state_of(code.code_id) == CodeState.HELD
        assert nothing_booked()
        colleague = make_manager(shop.store, "赵店员")
        with clock.at(clock.now() + timedelta(seconds=60)):  # the hold is over, the code lives
            assert confirm(colleague, code.digits).after == 1

    @pytest.mark.spec("stamps D10")
    def test_history_keeps_the_name_of_that_time(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card)
        services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)

        assert [record.manager_name for record in shop.records()] == ["李店长"]


class TestKey:
    @pytest.mark.spec("stamps D19")
    def test_twice_is_one_booking_with_the_same_answer(self, shop: Shop) -> None:
        code = take_code(shop.card)
        first = confirm(shop.desk, code.digits, key="k" * 26)
        again = confirm(shop.desk, code.digits, key="k" * 26)

        assert again == first
        assert Transaction.objects.count() == 1
        assert balance_of(shop.card) == 1

    @pytest.mark.spec("stamps D19")
    def test_is_replayed_for_24_hours(self, shop: Shop) -> None:
        with clock.at(T0):
            code = take_code(shop.card)
            first = confirm(shop.desk, code.digits, key="a-key")
        with clock.at(T0 + timedelta(hours=23, minutes=59)):
            assert confirm(shop.desk, code.digits, key="a-key") == first
        with clock.at(T0 + timedelta(hours=24)):
            assert stamp(shop.desk, shop.card, key="a-key").after == 2
            assert IdempotencyRecord.objects.count() == 1

    def test_with_other_content_is_refused(self, shop: Shop) -> None:
        stamp(shop.desk, shop.card, key="a-key")
        code = take_code(shop.card)
        with pytest.raises(KeyReused):
            confirm(shop.desk, code.digits, key="a-key")

        assert state_of(code.code_id) == CodeState.ACTIVE
        assert Transaction.objects.count() == 1

    def test_of_a_refused_request_may_be_used_again(self, shop: Shop) -> None:
        code = take_code(shop.card)
        pause(shop)
        with pytest.raises(CardState):
            confirm(shop.desk, code.digits, key="a-key")
        services.resume_programme(programme_id=shop.programme.pk, actor=ACTOR)

        assert confirm(shop.desk, code.digits, key="a-key").after == 1

    def test_of_a_colleague_is_another_key(self, shop: Shop) -> None:
        colleague = make_manager(shop.store, "赵店员")
        stamp(shop.desk, shop.card, key="a-key")

        assert stamp(colleague, shop.card, key="a-key").after == 2


def audit_of(action: str) -> list[AuditEntry]:
    """Entries of an action, oldest first."""
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


class TestAudit:
    @pytest.mark.spec("stamps D45")
    def test_names_person_store_code_device_and_address(self, shop: Shop) -> None:
        code = take_code(shop.card)
        preview(shop.desk, code.digits)
        confirm(shop.desk, code.digits)
        with pytest.raises(CodeUsed):
            confirm(shop.desk, code.digits)
        actions = ("stamps.code.previewed", "stamps.code.confirmed", "stamps.code.refused")
        for action in actions:
            (entry,) = audit_of(action)
            assert entry.target == f"code:{code.code_id}"
            assert (entry.actor_id, entry.store_id) == (shop.desk.person_id, shop.store.pk)
            assert (entry.device, entry.ip) == ("iPhone · 微信", "192.0.2.7")
        assert audit_of("stamps.code.refused")[0].details == {"code": "E_CODE_USED"}

    @pytest.mark.spec("stamps D45")
    def test_every_refusal_is_noted(self, shop: Shop) -> None:
        for typed in ("12", wrong_digits()):
            with pytest.raises(DomainError):
                preview(shop.desk, typed)
            with pytest.raises(DomainError):
                confirm(shop.desk, typed)

        noted = [entry.details["code"] for entry in audit_of("stamps.code.refused")]
        assert noted == ["E_CODE_FORMAT"] * 2 + ["E_CODE_INVALID"] * 2


class TestTwoProgrammes:
    def test_codes_of_two_cards_do_not_disturb_each_other(self, shop: Shop) -> None:
        other = make_card(make_programme(name="早餐卡"))
        first, second = take_code(shop.card), take_code(other)

        assert confirm(shop.desk, second.digits).programme_name == "早餐卡"
        assert confirm(shop.desk, first.digits).after == 1
