"""Clock, tokens and refusals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from zhanggui.core import clock, errors, tokens
from zhanggui.core.errors import DomainError

MOMENT = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


class TestClock:
    def test_goes_with_the_world(self) -> None:
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)

    def test_can_be_moved_for_a_while(self) -> None:
        with clock.at(MOMENT):
            assert clock.now() == MOMENT
        assert clock.now() != MOMENT

    def test_stands_still_in_production(self, settings: Any) -> None:
        settings.IS_PRODUCTION = True
        with pytest.raises(RuntimeError, match="production"), clock.at(MOMENT):
            pass

    def test_the_business_date_is_the_merchants(self) -> None:
        assert clock.local_date(MOMENT, "Asia/Shanghai") == date(2026, 11, 23)
        assert clock.local_date(MOMENT, "Europe/Berlin") == date(2026, 11, 22)

    def test_a_day_begins_at_midnight_of_the_merchant(self) -> None:
        start = clock.start_of(date(2026, 11, 23), "Asia/Shanghai")
        assert start == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


class TestTokens:
    def test_are_long_and_never_the_same(self) -> None:
        made = {tokens.new_token() for _ in range(1000)}
        assert len(made) == 1000
        assert {len(token) for token in made} == {26}

    def test_use_no_signs_that_look_alike(self) -> None:
        signs = set("".join(tokens.new_token() for _ in range(200)))
        assert signs <= set(tokens.ALPHABET)
        assert signs.isdisjoint("01ilo")
        assert len(tokens.ALPHABET) ** 26 > 2**128

    def test_the_digest_is_what_the_database_compares(self) -> None:
        token = tokens.new_token(8)
        assert tokens.digest(token) == tokens.digest(token)
        assert len(tokens.digest(token)) == 32


REFUSALS = [
    (errors.NotFound(), 404, "E_NOT_FOUND", "无权查看", "not yours to see"),
    (errors.NotAllowed(), 403, "E_NOT_ALLOWED", "没有这项权限", "do not have the right"),
    (errors.SignedOut(), 401, "E_SIGNED_OUT", "请重新登录", "Sign in again"),
    (errors.TooMany(retry_after_s=12), 429, "E_TOO_MANY", "请等 12 秒", "Wait 12 seconds"),
    (errors.KeyReused(), 409, "E_KEY_REUSED", "重新打开页面", "Open the page again"),
    (errors.InProgress(), 409, "E_IN_PROGRESS", "正在处理", "still being worked on"),
]


class TestErrors:
    @pytest.mark.parametrize(
        ("refusal", "status", "code", "chinese", "english"),
        REFUSALS,
        ids=[refusal[2] for refusal in REFUSALS],
    )
    def test_say_it_in_both_languages(
        self, refusal: DomainError, status: int, code: str, chinese: str, english: str
    ) -> None:
        assert (refusal.status, refusal.code) == (status, code)
        with translation.override("zh-hans"):
            assert chinese in refusal.message
        with translation.override("en"):
            assert english in str(refusal)

    def test_go_to_the_api_with_code_message_and_details(self) -> None:
        class CardFull(DomainError):
            code = "E_CARD_FULL"
            text = "%(filled)s stamps"

        assert CardFull(filled=10).as_json() == {
            "code": "E_CARD_FULL",
            "message": "10 stamps",
            "details": {"filled": 10},
        }

    def test_waiting_is_told_to_the_api(self) -> None:
        assert errors.TooMany(retry_after_s=12).as_json()["retry_after"] == 12
