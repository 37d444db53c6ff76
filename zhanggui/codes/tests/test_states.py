"""The states of a code against the table of specification 5.1, by random histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.codes import services
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.core import clock, tenancy

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
LIFE_S = 180
LIFE_MS, HOLD_MS = 180_000, 60_000  # whole numbers: sums of floats miss the boundary
TERMINAL = {CodeState.CONSUMED, CodeState.REVOKED, CodeState.EXPIRED}


@dataclass
class Model:
    """What 5.1 says, written down once more without any SQL."""

    state: CodeState = CodeState.ACTIVE
    holder: int | None = None
    held_until_ms: int = 0

    def pass_time(self, now_ms: int) -> None:
        if self.state in TERMINAL:
            return
        if now_ms >= LIFE_MS:
            self.state = CodeState.EXPIRED
        elif self.state == CodeState.HELD and now_ms >= self.held_until_ms:
            self.state, self.holder = CodeState.ACTIVE, None

    def may(self, person: int) -> bool:
        mine = self.state == CodeState.HELD and self.holder == person
        return self.state == CodeState.ACTIVE or mine

    def hold(self, person: int, now_ms: int) -> bool:
        if not self.may(person):
            return False
        self.state, self.holder = CodeState.HELD, person
        self.held_until_ms = min(now_ms + HOLD_MS, LIFE_MS)
        return True

    def consume(self, person: int) -> bool:
        if not self.may(person):
            return False
        self.state = CodeState.CONSUMED
        return True

    def revoke(self) -> bool:
        if self.state in TERMINAL:
            return False
        self.state = CodeState.REVOKED
        return True


steps = st.lists(
    st.tuples(
        st.sampled_from(["hold", "consume", "revoke", "tidy"]),
        st.sampled_from([1, 2]),
        st.sampled_from([0, 100, 29_900, 59_900, 60_000, 60_100, 119_900, 170_000]),
    ),
    min_size=1,
    max_size=7,
)


@pytest.mark.edge("code random histories", "code HELD never lives longer")
@pytest.mark.django_db
@pytest.mark.spec("stamps D12", "stamps D18")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=steps)
def test_every_history_follows_the_table(history: list[tuple[str, int, int]]) -> None:
    merchant = make_merchant()
    with tenancy.merchant_scope(merchant.pk), clock.at(T0):
        issued = services.issue(services.Order("tests.give", "tests.subject", 1, 1, [], LIFE_S))
        model, now_ms = Model(), 0
        for action, person, wait_ms in history:
            now_ms += wait_ms
            model.pass_time(now_ms)
            with clock.at(T0 + timedelta(milliseconds=now_ms)):
                _step(model, issued, action, person, now_ms)


def _step(model: Model, issued: services.Issued, action: str, person: int, now_ms: int) -> None:
    where = {"store_id": 3, "person_id": person, "subject_type": "tests.subject"}
    done: dict[str, Callable[[], tuple[bool, bool]]] = {
        "hold": lambda: (
            services.hold(digits=issued.digits, **where) is not None,  # type: ignore[arg-type]
            model.hold(person, now_ms),
        ),
        "consume": lambda: (
            services.consume(digits=issued.digits, **where) is not None,  # type: ignore[arg-type]
            model.consume(person),
        ),
        "revoke": lambda: (
            services.revoke(code_id=issued.code.pk, subject_type="tests.subject", subject_id=1),
            model.revoke(),
        ),
        "tidy": lambda: (bool(services.tidy()), True),
    }
    found, expected = done[action]()
    assert found is expected
    code = OneTimeCode.objects.get(pk=issued.code.pk)
    assert services.state_now(code, clock.now()) == model.state
    assert code.expires_at == T0 + timedelta(seconds=LIFE_S)
    assert code.held_until is None or code.held_until <= code.expires_at
