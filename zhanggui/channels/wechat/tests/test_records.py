"""Calls are written down, masked and counted, and stop when the day's allowance is used up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stamina
from django.db import transaction

from zhanggui.channels.wechat import api, records
from zhanggui.channels.wechat.client import masking
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import QuotaUsedUp
from zhanggui.channels.wechat.models import ApiCall, CallDay
from zhanggui.channels.wechat.tests.factories import (
    TEXT_PATH,
    TOKEN_PATH,
    fake_wechat,
    make_account,
)
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
RID = "6541b1a2-3f4e5d6c-7a8b9c0d"
EVENING = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)  # a minute before midnight in Beijing


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


def test_a_refused_call_keeps_code_and_number_and_nothing_personal() -> None:
    account = make_account()
    answer = {"errcode": 45015, "errmsg": f"response out of time limit rid: {RID}"}
    with fake_wechat(**{TEXT_PATH: answer}), pytest.raises(Exception, match="45015"):
        api.for_account(account).custom_send("oSECRETopenid", Text("SECRET words"))
    kept = ApiCall.objects.get(path=TEXT_PATH)
    assert (kept.code, kept.rid, kept.app_id) == (45015, RID, account.app_id)
    assert "SECRET" not in f"{kept.request}{kept.answer}"
    assert '"msgtype": "text"' in kept.request
    token_call = ApiCall.objects.get(path=TOKEN_PATH)
    assert "token-1" not in token_call.answer
    day = CallDay.objects.get(path=TEXT_PATH)
    assert (day.used, day.failed) == (1, 1)


def test_after_45009_nothing_goes_out_before_midnight_in_beijing() -> None:
    account = make_account()
    with fake_wechat(**{TEXT_PATH: [{"errcode": 45009}, {"errcode": 0}]}) as fake:
        with clock.at(EVENING):
            for _time in range(3):
                with pytest.raises(QuotaUsedUp) as caught:
                    api.for_account(account).custom_send("o", Text("x"))
                assert caught.value.until == EVENING + timedelta(minutes=1)
            assert fake.paths().count(TEXT_PATH) == 1
        with clock.at(EVENING + timedelta(minutes=1)):
            api.for_account(account).custom_send("o", Text("x"))
    assert fake.paths().count(TEXT_PATH) == 2


def test_a_reset_of_the_counters_opens_the_way_again() -> None:
    account = make_account()
    answers = {TEXT_PATH: [{"errcode": 45009}, {"errcode": 0}]}
    with fake_wechat(**answers, **{"/cgi-bin/clear_quota": {"errcode": 0}}):
        with pytest.raises(QuotaUsedUp):
            api.for_account(account).custom_send("o", Text("x"))
        api.for_account(account).clear_quota()
        api.for_account(account).custom_send("o", Text("x"))


def test_a_call_inside_a_transaction_is_refused() -> None:
    account = make_account()
    with fake_wechat() as fake, transaction.atomic(), pytest.raises(RuntimeError):
        api.for_account(account).menu_delete()
    assert fake.calls == []


def test_old_calls_and_counts_are_forgotten() -> None:
    account = make_account()
    with fake_wechat(), clock.at(clock.now() - timedelta(days=50)):
        api.for_account(account).custom_send("o", Text("x"))
    records.forget()
    assert not ApiCall.objects.exists()
    assert not CallDay.objects.exists()


def test_masks_hide_what_nobody_declared_harmless() -> None:
    body = {
        "touser": "o123",
        "name": "茶单",
        "list": [{"x": "y"}] * 7,
        "deep": [[[[[[[[["z"]]]]]]]]],
    }
    shown = masking.written(body)
    assert "o123" not in shown
    assert "茶单" in shown
    assert "+2" in shown
    assert '"z"' not in shown
