"""Phones, devices, actors and the command that makes the first owner."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from zhanggui.accounts import actors, devices, phones
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.accounts.models import Membership, Person, Role, Tier

WECHAT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49 NetType/WIFI"
)
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("+86 13800138000", "+8613800138000"),
        ("0086 13800138000", "+8613800138000"),
        ("+852 5123 4567", "+85251234567"),
        ("010-62781234", "+861062781234"),
    ],
)
def test_phones_are_folded(typed: str, number: str) -> None:
    assert phones.parse(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "abc", "138001380", "138001380001", "10000000000", "+", "13800138000x5", "1" * 40]
)
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(PhoneFormat) as refusal:
        phones.parse(typed)
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (WECHAT, "iPhone · 微信"),
        (CHROME, "Windows · Chrome"),
        (CHROME + " Edg/130.0", "Windows · Edge"),
        (WECHAT + " wxwork/4.1", "iPhone · 企业微信"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/116 MicroMessenger/8.0.50", "Android · 微信"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1", "HarmonyOS"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/17 Safari/605", "Mac · Safari"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0", "Linux · Firefox"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_devices_have_short_names(agent: str, device: str) -> None:
    assert devices.describe(agent) == device


class TestAddress:
    def ip(self, proxies: int, settings: Any, forwarded: str = "") -> str | None:
        settings.PROXIES = proxies
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers=headers)
        return devices.ip_of(request)

    def test_without_a_proxy_the_header_is_not_believed(self, settings: Any) -> None:
        assert self.ip(0, settings, "203.0.113.9") == "10.0.0.1"

    def test_behind_one_proxy_its_entry_counts(self, settings: Any) -> None:
        assert self.ip(1, settings, "6.6.6.6, 203.0.113.9") == "203.0.113.9"

    def test_behind_two_proxies_the_outer_ones_entry_counts(self, settings: Any) -> None:
        assert self.ip(2, settings, "6.6.6.6, 203.0.113.9, 10.0.0.2") == "203.0.113.9"

    def test_too_short_a_chain_did_not_come_through(self, settings: Any) -> None:
        assert self.ip(2, settings, "6.6.6.6") == "10.0.0.1"

    @pytest.mark.parametrize(
        ("ip", "network"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:a::1", "2001:db8:1:2::/64"),
            ("", ""),
            (None, ""),
        ],
    )
    def test_limits_count_a_household(self, ip: str | None, network: str) -> None:
        assert devices.network_of(ip) == network

    def test_nonsense_is_no_address(self, settings: Any) -> None:
        assert self.ip(1, settings, "<script>") is None


class TestActors:
    def test_know_their_key(self) -> None:
        person = Person(pk=17, name="李")
        request = RequestFactory().get("/", headers={"User-Agent": WECHAT})
        actor = actors.person_actor(person, request)
        assert (actor.key, actor.device, actor.ip) == ("person:17", "iPhone · 微信", "127.0.0.1")
        assert actors.customer_actor(5, "王").key == "customer:5"
        assert actors.system_actor("retention").key == "system:retention"


@pytest.mark.django_db
@pytest.mark.spec("platform P46")
class TestCreateOwner:
    def call(self, **options: str) -> str:
        out = StringIO()
        call_command("createowner", stdout=out, **options)
        return out.getvalue()

    def test_makes_an_owner_of_the_platform(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ZHANGGUI_OWNER_PASSWORD", "red-seal-48")
        assert "赵平台" in self.call(name="赵平台", phone="13800138000")
        membership = Membership.objects.get()
        assert (membership.tier, membership.role) == (Tier.PLATFORM, Role.OWNER)
        assert membership.person.check_password("red-seal-48")

    def test_prints_no_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ZHANGGUI_OWNER_PASSWORD", "red-seal-48")
        assert "red-seal-48" not in self.call(name="赵平台", phone="13800138000")

    def test_has_no_default_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ZHANGGUI_OWNER_PASSWORD", raising=False)
        with pytest.raises(CommandError, match="ZHANGGUI_OWNER_PASSWORD"):
            self.call(name="赵", phone="13800138000")
        assert not Person.objects.exists()

    def test_wants_name_and_phone_without_a_terminal(self) -> None:
        with pytest.raises(CommandError, match="--phone"):
            self.call(name="赵")

    @pytest.mark.parametrize(
        ("phone", "password"), [("1", "red-seal-48"), ("13800138000", "12345")]
    )
    def test_bad_input_makes_nobody(
        self, monkeypatch: pytest.MonkeyPatch, phone: str, password: str
    ) -> None:
        monkeypatch.setenv("ZHANGGUI_OWNER_PASSWORD", password)
        with pytest.raises(CommandError):
            self.call(name="赵", phone=phone)
        assert not Person.objects.exists()

    def test_asks_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ZHANGGUI_OWNER_PASSWORD", raising=False)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        answers = iter(["赵平台", "13800138000"])
        monkeypatch.setattr("builtins.input", lambda _question: next(answers))
        monkeypatch.setattr("getpass.getpass", lambda _question: "red-seal-48")
        self.call()
        assert Person.objects.get().name == "赵平台"

    def test_two_different_passwords_make_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ZHANGGUI_OWNER_PASSWORD", raising=False)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        passwords = iter(["red-seal-48", "red-seal-49"])
        monkeypatch.setattr("getpass.getpass", lambda _question: next(passwords))
        with pytest.raises(CommandError, match="differ"):
            self.call(name="赵", phone="13800138000")
        assert not Person.objects.exists()
