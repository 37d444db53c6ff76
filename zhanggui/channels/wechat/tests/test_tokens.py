"""The token store: one fetch for all, renewed early, one more try for a dead token."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import stamina
from django.db import connection, transaction

from zhanggui.channels.wechat import api, tokens
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import ChannelRefused, ChannelUnreachable, TokenExpired
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import (
    TEXT_PATH,
    TOKEN_PATH,
    FakeWechat,
    fake_wechat,
    make_account,
)
from zhanggui.core import clock


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


def counting(fake: FakeWechat) -> None:
    """Let every fetch give another token."""
    numbers = iter(range(1, 100))
    fake.answers[TOKEN_PATH] = lambda _request: {
        "access_token": f"token-{next(numbers)}",
        "expires_in": 7200,
    }


@pytest.mark.django_db
class TestStore:
    def test_fetches_once_and_keeps_it_encrypted(self) -> None:
        account = make_account()
        with fake_wechat() as fake:
            assert [tokens.access_token(account.pk) for _time in range(3)] == ["token-1"] * 3
        assert fake.paths() == [TOKEN_PATH]
        account.refresh_from_db()
        assert b"token-1" not in bytes(account.access_token_sealed or b"")
        assert account.unseal("access_token") == "token-1"

    @pytest.mark.parametrize(
        ("after_s", "fetches"), [(6800, 1), (6950, 2), (7300, 2)], ids=["good", "early", "over"]
    )
    def test_renews_five_minutes_early(self, after_s: int, fetches: int) -> None:
        account = make_account()
        with fake_wechat() as fake:
            counting(fake)
            start = clock.now()
            with clock.at(start):
                tokens.access_token(account.pk)
            with clock.at(start + timedelta(seconds=after_s)):
                assert tokens.access_token(account.pk) == f"token-{fetches}"
        assert len(fake.calls) == fetches

    def test_keeps_using_the_old_one_while_another_renews(self) -> None:
        account = make_account()
        with fake_wechat() as fake:
            counting(fake)
            tokens.access_token(account.pk)
            with clock.at(clock.now() + timedelta(seconds=7000)):
                ChannelAccount.objects.update(
                    token_lease="theirs", token_lease_until=clock.now() + tokens.LEASE
                )
                assert tokens.access_token(account.pk) == "token-1"
        assert len(fake.calls) == 1

    @pytest.mark.parametrize(
        "answer",
        [httpx2.ConnectError("x"), {"errcode": 40125, "errmsg": "invalid appsecret"}],
        ids=["no-answer", "new-secret"],
    )
    def test_goes_on_with_the_old_one_when_wechat_gives_none(self, answer: Any) -> None:
        account = make_account()
        with fake_wechat() as fake:
            tokens.access_token(account.pk)
            with clock.at(clock.now() + timedelta(seconds=7000)):
                fake.answers[TOKEN_PATH] = answer
                assert [tokens.access_token(account.pk) for _time in range(3)] == ["token-1"] * 3
        assert len(fake.calls) == 2  # the second trouble is not asked for before ten seconds
        account.refresh_from_db()
        assert account.last_error_at is not None

    def test_takes_over_the_lease_of_a_process_that_died(self) -> None:
        account = make_account()
        ChannelAccount.objects.update(
            token_lease="theirs", token_lease_until=clock.now() - timedelta(seconds=1)
        )
        with fake_wechat():
            assert tokens.access_token(account.pk) == "token-1"
        account.refresh_from_db()
        assert account.token_lease == ""

    def test_does_not_wait_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "PATIENCE_S", 0.1)
        account = make_account()
        ChannelAccount.objects.update(
            token_lease="theirs", token_lease_until=clock.now() + tokens.LEASE
        )
        with fake_wechat() as fake, pytest.raises(ChannelUnreachable):
            tokens.access_token(account.pk)
        assert fake.calls == []

    def test_gives_the_lease_back_when_wechat_refuses(self) -> None:
        account = make_account()
        with (
            fake_wechat(**{TOKEN_PATH: {"errcode": 40125, "errmsg": "x"}}),
            pytest.raises(ChannelRefused),
        ):
            tokens.access_token(account.pk)
        account.refresh_from_db()
        assert (account.token_lease, account.token_lease_until) == ("", None)

    def test_a_token_whose_key_left_the_ring_is_fetched_anew(self) -> None:
        account = make_account()
        ChannelAccount.objects.update(
            access_token_sealed=b"\x09" + bytes(40),
            access_token_expires_at=clock.now() + timedelta(hours=1),
        )
        with fake_wechat():
            assert tokens.access_token(account.pk) == "token-1"

    def test_is_never_fetched_inside_a_transaction(self) -> None:
        account = make_account()
        with fake_wechat() as fake, transaction.atomic(), pytest.raises(RuntimeError):
            tokens.access_token(account.pk)
        assert fake.calls == []


@pytest.mark.django_db
class TestCall:
    def send(self, account: ChannelAccount) -> None:
        api.for_account(account).custom_send("o", Text("x"))

    @pytest.mark.parametrize("code", [40001, 40014, 42001])
    def test_renews_a_dead_token_once(self, code: int) -> None:
        account = make_account()
        with fake_wechat(**{TEXT_PATH: [{"errcode": code}, {"errcode": 0}]}) as fake:
            counting(fake)
            self.send(account)
        assert fake.paths() == [TOKEN_PATH, TEXT_PATH, TOKEN_PATH, TEXT_PATH]
        assert fake.calls[-1].url.params["access_token"] == "token-2"

    def test_gives_up_after_the_second(self) -> None:
        account = make_account()
        with fake_wechat(**{TEXT_PATH: {"errcode": 40001}}) as fake:
            counting(fake)
            with pytest.raises(TokenExpired):
                self.send(account)
        assert fake.paths().count(TEXT_PATH) == 2
        account.refresh_from_db()
        assert account.last_error_code == 40001

    def test_forces_a_new_one_where_wechat_hands_out_the_dead_one(self) -> None:
        account = make_account()
        given = [{"access_token": "dead", "expires_in": 7000}] * 2
        answers = [*given, {"access_token": "fresh", "expires_in": 7200}]
        with fake_wechat(
            **{TOKEN_PATH: answers, TEXT_PATH: [{"errcode": 40001}, {"errcode": 0}]}
        ) as fake:
            self.send(account)
        assert fake.paths() == [TOKEN_PATH, TEXT_PATH, TOKEN_PATH, TOKEN_PATH, TEXT_PATH]
        assert fake.body(3)["force_refresh"] is True

    def test_uses_what_another_process_fetched_meanwhile(self) -> None:
        account = make_account()
        with fake_wechat() as fake:
            counting(fake)
            tokens.access_token(account.pk)
            tokens.refresh(account.pk)
            assert tokens.access_token(account.pk, rejected="token-1") == "token-2"
        assert len(fake.calls) == 2

    def test_a_good_test_clears_the_last_error(self) -> None:
        account = make_account()
        ChannelAccount.objects.update(last_error="x", last_error_code=1, last_error_at=clock.now())
        with fake_wechat():
            tokens.refresh(account.pk)
        account.refresh_from_db()
        assert (account.last_error, account.last_error_at) == ("", None)


class TestRace:
    def fetches(self, *, threads: int) -> int:
        return self.asked(make_account(), threads=threads)

    def asked(self, account: ChannelAccount, *, threads: int) -> int:
        barrier = threading.Barrier(threads)

        def slow(_request: httpx2.Request) -> dict[str, object]:
            time.sleep(0.3)
            return {"access_token": "token-1", "expires_in": 7200}

        def ask(_number: int) -> str:
            barrier.wait()
            try:
                return tokens.access_token(account.pk)
            finally:
                connection.close()

        with fake_wechat(**{TOKEN_PATH: slow}) as fake, ThreadPoolExecutor(threads) as pool:
            assert set(pool.map(ask, range(threads))) == {"token-1"}
        return len(fake.calls)

    def test_twenty_at_once_fetch_once(self, race_db: str) -> None:
        assert self.fetches(threads=20) == 1

    def test_of_those_who_wait_for_another_process_one_asks_the_database(
        self, race_db: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = make_account()
        tries: list[float] = []
        take = tokens._take_lease

        def counted(holder: ChannelAccount) -> str:
            tries.append(time.monotonic())
            return take(holder)

        monkeypatch.setattr(tokens, "_take_lease", counted)
        died_at = clock.now() + timedelta(seconds=0.6)
        ChannelAccount.objects.update(token_lease="theirs", token_lease_until=died_at)
        began = time.monotonic()
        assert self.asked(account, threads=20) == 1  # the other process died: one takes over
        assert time.monotonic() - began < 3
        assert len(tries) <= 8

    def test_wechats_refusal_is_told_to_everybody_who_waited(self, race_db: str) -> None:
        account = make_account()
        barrier = threading.Barrier(10)

        def refuse(_request: httpx2.Request) -> dict[str, object]:
            time.sleep(0.3)
            return {"errcode": 40125, "errmsg": "invalid appsecret"}

        def ask(_number: int) -> int | None:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            try:
                tokens.access_token(account.pk)
            except ChannelRefused as refusal:
                return refusal.code
            finally:
                connection.close()
            return None

        with fake_wechat(**{TOKEN_PATH: refuse}) as fake, ThreadPoolExecutor(10) as pool:
            assert list(pool.map(ask, range(10))) == [40125] * 10
        assert len(fake.calls) == 1

    def test_control_without_the_lease_they_all_fetch(
        self, race_db: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "_take_lease", lambda _account: "mine")
        monkeypatch.setattr(tokens, "_shared", lambda _holder, work, _until: work())
        assert self.fetches(threads=20) > 1
