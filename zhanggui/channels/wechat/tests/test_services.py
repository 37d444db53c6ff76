"""Connecting accounts, choosing the effective one, codes to scan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import stamina
from django.db import transaction

from zhanggui.accounts.models import AuditEntry, Merchant, PlatformAuditEntry, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_operator
from zhanggui.channels.wechat import services
from zhanggui.channels.wechat.errors import (
    AccountHeld,
    AccountTaken,
    CredentialsRefused,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.models import ChannelAccount, SceneCode
from zhanggui.channels.wechat.services import Credentials
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    QR_PATH,
    SECRET,
    TOKEN,
    TOKEN_PATH,
    fake_wechat,
    make_account,
)
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db
APP_ID = "wxsb00000000000000aa"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


def connect(merchant: Merchant | None = None, **changes: Any) -> ChannelAccount:
    values: dict[str, Any] = {
        "tier": Tier.MERCHANT if merchant else Tier.PLATFORM,
        "merchant": merchant,
        "name": "茶舍",
        "credentials": Credentials(APP_ID, SECRET, TOKEN, AES_KEY),
        "actor": ACTOR,
    }
    return services.connect_account(**values | changes)


def other(app_id: str) -> Credentials:
    return Credentials(app_id, SECRET, TOKEN, AES_KEY)


class TestConnect:
    def test_asks_wechat_first_and_keeps_the_secrets_encrypted(self) -> None:
        merchant = make_merchant("tea")
        with fake_wechat() as fake:
            account = connect(merchant)
        assert fake.paths() == [TOKEN_PATH]
        assert account.unseal("secret") == SECRET
        assert SECRET.encode() not in bytes(account.secret_sealed or b"")
        with tenancy.merchant_scope(merchant.pk):
            entry = AuditEntry.objects.get()
        assert entry.action == "wechat.account.connected"
        assert entry.details == {"app_id": APP_ID, "by": "tests"}

    def test_of_the_platform_is_in_the_platforms_log(self) -> None:
        with fake_wechat():
            connect()
        assert PlatformAuditEntry.objects.get().action == "wechat.account.connected"

    @pytest.mark.parametrize(
        ("answer", "refusal"),
        [
            ({"errcode": 40125, "errmsg": "x"}, CredentialsRefused),
            ({"errcode": 40013, "errmsg": "x"}, CredentialsRefused),
            (httpx2.ConnectError("x"), WechatUnreachable),
        ],
        ids=["secret", "app-id", "no-answer"],
    )
    def test_of_a_wrong_secret_writes_nothing(self, answer: Any, refusal: type[Exception]) -> None:
        with fake_wechat(**{TOKEN_PATH: answer}), pytest.raises(refusal):
            connect(make_merchant("tea"))
        assert not ChannelAccount.objects.exists()

    def test_of_somebody_elses_app_id_is_refused_before_wechat_is_asked(self) -> None:
        with fake_wechat():
            connect(make_merchant("tea"))
        with fake_wechat() as fake, pytest.raises(AccountTaken):
            connect(make_merchant("coffee"))
        assert fake.calls == []

    def test_of_a_second_account_is_refused(self) -> None:
        merchant = make_merchant("tea")
        with fake_wechat():
            connect(merchant)
            with pytest.raises(AccountHeld):
                connect(merchant, credentials=other("wxsb00000000000000bb"))

    def test_again_changes_the_secrets_and_keeps_the_old_key_for_late_messages(self) -> None:
        merchant = make_merchant("tea")
        with fake_wechat():
            first = connect(merchant)
            again = connect(merchant, credentials=Credentials(APP_ID, "n" * 32, "tok", "k" * 43))
        assert again.pk == first.pk
        assert again.unseal("secret") == "n" * 32
        assert again.unseal("aes_key") == "k" * 43
        assert again.unseal("previous_aes_key") == AES_KEY

    def test_after_disconnecting_brings_the_same_account_back(self) -> None:
        merchant = make_merchant("tea")
        with fake_wechat():
            first = connect(merchant)
            services.disconnect_account(account=first, actor=ACTOR)
            assert services.effective_account(merchant) is None
            services.disconnect_account(account=first, actor=ACTOR)  # nothing left to do
            connect(merchant, credentials=other("wxsb00000000000000bb"))
            services.disconnect_account(
                account=ChannelAccount.objects.get(is_connected=True), actor=ACTOR
            )
            assert connect(merchant).pk == first.pk
        with tenancy.merchant_scope(merchant.pk):
            actions = AuditEntry.objects.values_list("action", flat=True)
        assert sorted(actions).count("wechat.account.disconnected") == 2

    def test_the_database_is_the_last_guard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "_refuse_taken", lambda _app_id, _place: None)
        merchant = make_merchant("tea")
        with fake_wechat():
            connect(merchant)
            with pytest.raises(AccountHeld):
                connect(merchant, credentials=other("wxsb00000000000000bb"))
            with pytest.raises(AccountTaken):
                connect(make_merchant("coffee"))
        assert ChannelAccount.objects.count() == 1

    def test_without_asking_wechat_where_it_cannot_answer_yet(self) -> None:
        with fake_wechat() as fake:
            account = connect(is_tested=False)
        assert (fake.calls, account.access_token_sealed) == ([], None)

    def test_is_refused_inside_a_transaction(self) -> None:
        with fake_wechat() as fake, transaction.atomic(), pytest.raises(RuntimeError):
            connect(make_merchant("tea"))
        assert fake.calls == []


class TestEffectiveAccount:
    def test_own_then_operators_then_platforms(self) -> None:
        operator = make_operator()
        merchant = make_merchant("tea", operator=operator)
        assert services.effective_account(merchant) is None
        platform = make_account()
        assert services.effective_account(merchant) == platform
        lent = make_account(operator=operator)
        assert services.effective_account(merchant) == lent
        own = make_account(merchant=merchant)
        assert services.effective_account(merchant) == own
        ChannelAccount.objects.filter(pk=own.pk).update(is_connected=False)
        assert services.effective_account(merchant) == lent

    def test_another_operators_is_nobodys(self) -> None:
        make_account(operator=make_operator())
        assert services.effective_account(make_merchant("tea", operator=make_operator())) is None
        assert services.effective_account(make_merchant("coffee")) is None


class TestSceneCode:
    def make(self, account: ChannelAccount, **changes: Any) -> SceneCode:
        values: dict[str, Any] = {
            "purpose": "test.scan",
            "merchant_id": 7,
            "subject_id": 42,
            "expires_in_s": 86400,
        }
        return services.create_scene_code(account=account, **values | changes)

    def test_cannot_be_guessed_and_is_drawn_from_wechats_address(self) -> None:
        account = make_account()
        with fake_wechat() as fake:
            code, again = self.make(account), self.make(account)
        assert len(code.scene) == 26
        assert code.scene != again.scene
        assert fake.body(1)["action_info"]["scene"]["scene_str"] == code.scene
        assert (code.url, code.merchant_id, code.subject_id) == (
            "http://weixin.qq.com/q/abc",
            7,
            42,
        )
        assert code.expires_at is not None
        assert code.expires_at - code.created_at == timedelta(days=1)

    @pytest.mark.parametrize(
        ("answer", "refusal"),
        [
            ({"errcode": 45029, "errmsg": "x"}, WechatRefused),
            (httpx2.ReadTimeout("x"), WechatUnreachable),
        ],
        ids=["refused", "no-answer"],
    )
    def test_wechats_refusal_leaves_no_code(self, answer: Any, refusal: type[Exception]) -> None:
        account = make_account()
        with fake_wechat(**{QR_PATH: answer}), pytest.raises(refusal):
            self.make(account)
        assert not SceneCode.objects.exists()
        account.refresh_from_db()
        assert account.last_error_at is not None

    @pytest.mark.parametrize("seconds", [0, -1, 30 * 86400 + 1])
    def test_lives_for_at_most_thirty_days(self, seconds: int) -> None:
        with fake_wechat() as fake, pytest.raises(ValueError, match="30 days"):
            self.make(make_account(), expires_in_s=seconds)
        assert fake.calls == []


class TestTesting:
    def test_fetches_a_token_although_one_is_good(self) -> None:
        account = make_account()
        with fake_wechat() as fake:
            services.test_account(account=account)
            services.test_account(account=account)
        assert fake.paths() == [TOKEN_PATH] * 2

    @pytest.mark.parametrize(
        ("answer", "refusal"),
        [({"errcode": 40164}, CredentialsRefused), (httpx2.ConnectError("x"), WechatUnreachable)],
        ids=["refused", "no-answer"],
    )
    def test_notes_what_went_wrong(self, answer: Any, refusal: type[Exception]) -> None:
        account = make_account()
        with fake_wechat(**{TOKEN_PATH: answer}), pytest.raises(refusal):
            services.test_account(account=account)
        account.refresh_from_db()
        assert account.last_error_at is not None
        assert clock.now() - account.last_error_at < timedelta(minutes=1)

    def test_waits_for_another_process_that_is_fetching(self) -> None:
        account = make_account()
        account.seal("access_token", "token-0")
        account.access_token_expires_at = clock.now() + timedelta(hours=2)
        account.token_lease = "theirs"
        account.token_lease_until = clock.now() + timedelta(seconds=30)
        account.save()
        with fake_wechat() as fake:
            services.test_account(account=account)
        assert fake.calls == []
