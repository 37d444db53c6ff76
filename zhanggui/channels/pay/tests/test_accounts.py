"""Connecting a merchant number: keys that fit, keys that do not, certificates that change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from zhanggui.accounts.models import AuditEntry, Merchant, PlatformAuditEntry, Tier
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_operator
from zhanggui.channels.pay import selectors, signing
from zhanggui.channels.pay.errors import (
    PayAccountHeld,
    PayDown,
    PayNotOffered,
    PayRefusedHere,
)
from zhanggui.channels.pay.forms import ConnectForm
from zhanggui.channels.pay.models import Mode, PayAccount, PlatformCertificate
from zhanggui.channels.pay.services import accounts
from zhanggui.channels.pay.services.accounts import Keys, Place
from zhanggui.channels.pay.tests.factories import (
    API_V3_KEY,
    CERTIFICATES,
    PUBLIC_KEY_ID,
    QUERY,
    SERIAL,
    certificate_of,
    fake_pay,
    give_certificate,
    make_pay_account,
    make_sub_account,
    merchant_key,
    pem_of,
    public_pem_of,
    refused,
    sealed,
    wechat_key,
)
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
KEYS = Keys(SERIAL, pem_of(merchant_key()), API_V3_KEY, PUBLIC_KEY_ID, public_pem_of(wechat_key()))
OLD_KEYS = Keys(SERIAL, pem_of(merchant_key()), API_V3_KEY)


def connect(merchant: Merchant, keys: Keys = KEYS, **values: Any) -> PayAccount:
    usual: dict[str, Any] = {"mode": Mode.DIRECT, "mchid": "1900000001"}
    return accounts.connect_account(
        place=Place(Tier.MERCHANT, merchant=merchant),
        name="茶舍收款",
        app_id="wxsbtest00000001",
        keys=keys,
        ways=["native", "nonsense"],
        actor=ACTOR,
        **(usual | values),
    )


class TestConnecting:
    def test_asks_wechat_first_and_keeps_everything_sealed(self, tea: Merchant) -> None:
        with fake_pay() as fake:
            account = connect(tea)
        assert fake.names()[0] == CERTIFICATES
        assert fake.names()[1].startswith(QUERY)
        stored = PayAccount.objects.get(pk=account.pk)
        assert stored.unseal("api_v3_key") == API_V3_KEY
        assert API_V3_KEY.encode() not in bytes(stored.api_v3_key_sealed or b"")
        assert b"PRIVATE KEY" not in bytes(stored.private_key_sealed or b"")
        assert stored.ways == ["native"]
        assert AuditEntry.objects.get().details["mchid"] == "1900000001"

    @pytest.mark.parametrize(
        ("answer", "refusal"),
        [
            (refused("SIGN_ERROR", 401), PayRefusedHere),
            (refused("MCH_NOT_EXISTS"), PayRefusedHere),
            (httpx2.ConnectError("x"), PayDown),
        ],
        ids=["other-key", "no-such-number", "down"],
    )
    def test_what_wechat_does_not_accept_is_not_stored(
        self, tea: Merchant, answer: Any, refusal: type[Exception]
    ) -> None:
        with fake_pay({QUERY: answer}), pytest.raises(refusal):
            connect(tea)
        assert not PayAccount.objects.exists()

    def test_with_platform_certificates_they_are_fetched(self, tea: Merchant) -> None:
        pem = certificate_of(wechat_key())
        serial = signing.serial_of(signing.load_certificate(pem))
        answer = {"data": [{"encrypt_certificate": sealed(pem, about="certificate")}]}
        with fake_pay({CERTIFICATES: answer}, serial=serial):
            account = connect(tea, OLD_KEYS)
        assert PlatformCertificate.objects.get().serial == serial
        assert selectors.health(account).certificates[0].serial == serial

    def test_another_api_v3_key_is_told(self, tea: Merchant) -> None:
        pem = certificate_of(wechat_key())
        answer = {"data": [{"encrypt_certificate": sealed(pem, key="f" * 32)}]}
        with (
            fake_pay({CERTIFICATES: answer}),
            pytest.raises(PayRefusedHere, match="APIv3 密钥"),
        ):
            connect(tea, OLD_KEYS)

    def test_new_keys_change_the_row(self, tea: Merchant) -> None:
        with fake_pay():
            first = connect(tea)
            second = connect(tea)
        assert (first.pk, first.token) == (second.pk, second.token)

    def test_another_number_beside_it_is_refused(self, tea: Merchant) -> None:
        with fake_pay():
            account = connect(tea)
            with pytest.raises(PayAccountHeld):
                connect(tea, mchid="1900000002")
            accounts.disconnect_account(account=account, actor=ACTOR)
            connect(tea, mchid="1900000002")
        assert PayAccount.objects.filter(is_connected=True).count() == 1

    def test_the_number_of_another_is_refused(self, tea: Merchant) -> None:
        other = make_merchant()
        with fake_pay():
            connect(tea)
            with pytest.raises(PayAccountHeld):
                connect(other)

    def test_the_platforms_goes_into_its_own_log(self, db: None) -> None:
        with fake_pay():
            accounts.connect_account(
                place=Place(Tier.PLATFORM),
                mode=Mode.PARTNER,
                name="平台",
                mchid="1900000001",
                app_id="wxsbtest00000001",
                keys=KEYS,
                ways=["native"],
                actor=ACTOR,
            )
        assert PlatformAuditEntry.objects.get().action == "pay.account.connected"

    def test_name_and_ways_can_be_changed(self, account: PayAccount) -> None:
        accounts.change_account(account=account, name="新名", ways=["h5"], actor=ACTOR)
        entry = AuditEntry.objects.get()
        assert entry.after == {"name": "新名", "ways": ["h5"]}


class TestPartner:
    def connect(self, tea: Merchant, partner: PayAccount) -> PayAccount:
        return accounts.connect_sub(
            merchant=tea,
            partner=partner,
            name="茶舍",
            sub_mchid="1700000001",
            sub_app_id="",
            ways=["native", "jsapi"],
            actor=ACTOR,
        )

    def test_signs_for_the_merchant(self, tea: Merchant) -> None:
        partner = make_pay_account(mode=Mode.PARTNER)
        path = "GET /v3/pay/partner/transactions/out-trade-no/"
        with fake_pay({path: refused("ORDER_NOT_EXIST", 404)}) as fake:
            account = self.connect(tea, partner)
        assert "sub_mchid=1700000001" in str(fake.calls[0].url)
        assert (account.mode, account.signer, account.api_v3_key_sealed) == ("sub", partner, None)

    def test_a_number_that_is_not_under_it_is_refused(self, tea: Merchant) -> None:
        partner = make_pay_account(mode=Mode.PARTNER)
        path = "GET /v3/pay/partner/transactions/out-trade-no/"
        with fake_pay({path: refused("NO_AUTH", 403)}), pytest.raises(PayRefusedHere):
            self.connect(tea, partner)
        assert selectors.account_of(tea) is None

    def test_only_a_service_provider_can(self, tea: Merchant) -> None:
        with pytest.raises(PayNotOffered):
            self.connect(tea, make_pay_account())

    def test_the_operators_comes_before_the_platforms(self, db: None) -> None:
        operator = make_operator()
        merchant = make_merchant(operator=operator)
        assert selectors.partner_for(merchant) is None
        platforms = make_pay_account(mode=Mode.PARTNER)
        assert selectors.partner_for(merchant) == platforms
        own = make_pay_account(operator=operator, mode=Mode.PARTNER)
        assert selectors.partner_for(merchant) == own


class TestTesting:
    def test_a_signed_question(self, account: PayAccount) -> None:
        with fake_pay() as fake:
            accounts.test_account(account=account)
        account.refresh_from_db()
        assert (len(fake.calls), account.last_error) == (2, "")
        assert account.last_ok_at is not None

    def test_trouble_is_kept_with_its_advice(self, account: PayAccount) -> None:
        with fake_pay({QUERY: refused("SIGN_ERROR", 401)}), pytest.raises(PayRefusedHere):
            accounts.test_account(account=account)
        account.refresh_from_db()
        health = selectors.health(account)
        assert (account.last_error_code, health.tone) == ("SIGN_ERROR", "danger")
        assert "证书序列号" in str(health.advice)

    def test_certificates_are_fetched_regularly(self, tea: Merchant) -> None:
        account = make_pay_account(tea, has_public_key=False)
        make_sub_account(make_merchant(), make_pay_account(mode=Mode.PARTNER))
        pem = certificate_of(wechat_key())
        serial = signing.serial_of(signing.load_certificate(pem))
        answer = {"data": [{"encrypt_certificate": sealed(pem, about="certificate")}]}
        with fake_pay({CERTIFICATES: answer}, serial=serial) as fake:
            assert accounts.refresh_all_certificates() == 1
        assert fake.names() == [CERTIFICATES]
        assert PlatformCertificate.objects.get().account == account


PEMS = {
    "certificate": certificate_of(merchant_key()),
    "private_key_text": pem_of(merchant_key()),
    "public_key_text": public_pem_of(wechat_key()),
}


class TestForm:
    def fill(self, **changes: Any) -> ConnectForm:
        usual = {
            "name": "茶舍收款",
            "mode": "direct",
            "mchid": "1900000001",
            "app_id": "wxsbtest00000001",
            "ways": ["native"],
            "private_key_text": PEMS["private_key_text"],
            "api_v3_key": API_V3_KEY,
            "public_key_id": PUBLIC_KEY_ID,
            "public_key_text": PEMS["public_key_text"],
        }
        pem = changes.pop("certificate", PEMS["certificate"])
        files: Any = {"certificate": SimpleUploadedFile("c.pem", pem.encode())} if pem else {}
        return ConnectForm(usual | changes, files)

    def test_reads_the_serial_number_out_of_the_certificate(self, db: None) -> None:
        form = self.fill()
        assert form.is_valid(), form.errors
        assert form.keys().serial == "AB12CD34EF56"

    def test_takes_the_serial_number_alone(self, db: None) -> None:
        form = self.fill(certificate="", serial=SERIAL.lower())
        assert form.is_valid(), form.errors
        assert form.keys().serial == SERIAL

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"certificate": ""}, "certificate"),
            ({"certificate": "rubbish"}, "certificate"),
            ({"certificate": certificate_of(merchant_key(), days=-1)}, "certificate"),
            ({"certificate": certificate_of(wechat_key())}, "private_key"),
            ({"private_key_text": ""}, "private_key"),
            ({"private_key_text": PEMS["public_key_text"]}, "private_key"),
            ({"public_key_id": ""}, "public_key_id"),
            ({"public_key_text": ""}, "public_key"),
            ({"public_key_text": PEMS["private_key_text"]}, "public_key"),
            ({"api_v3_key": "short"}, "api_v3_key"),
            ({"mchid": "wx123"}, "mchid"),
            ({"ways": []}, "ways"),
        ],
    )
    def test_says_what_is_wrong_where(self, db: None, changes: dict[str, Any], field: str) -> None:
        form = self.fill(**changes)
        assert not form.is_valid()
        assert list(form.errors) == [field]


def test_the_newest_certificate_ends_soon(tea: Merchant) -> None:
    account = make_pay_account(tea, has_public_key=False)
    certificate = give_certificate(account, certificate_of(wechat_key(), days=20))
    assert selectors.health(account).ends_soon
    with clock.at(certificate.expires_at + timedelta(days=1)):
        assert selectors.health(account).certificates == []
