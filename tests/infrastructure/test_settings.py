"""A wrong setting stops the start; production knows neither sandbox nor demo."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from config.env import ROOT, Env

GOOD = {
    "ZHANGGUI_MODE": "production",
    "DATABASE_URL": "postgresql://zhanggui@127.0.0.1/zhanggui",
    "ZHANGGUI_BASE_URL": "https://shop.example",
    "ZHANGGUI_SECRET_KEY": "s" * 40,
    "ZHANGGUI_KEY_RING": "1:" + base64.b64encode(b"k" * 32).decode(),
}
WRONG: dict[str, dict[str, str]] = {
    "sandbox": {"ZHANGGUI_SANDBOX_URL": "http://127.0.0.1:8001"},
    "played-api": {"ZHANGGUI_WECHAT_API_URL": "http://127.0.0.1:8001/api.weixin.qq.com"},
    "api-in-clear": {"ZHANGGUI_WECHAT_API_URL": "http://api.weixin.qq.com"},
    "other-consent-page": {"ZHANGGUI_WECHAT_OPEN_URL": "https://open.notweixin.qq.com"},
    "other-pictures": {"ZHANGGUI_WECHAT_MP_URL": "https://mp.weixin.qq.com.evil.example"},
    "other-script": {"ZHANGGUI_WECHAT_JS_URL": "https://res.wx.qq.com.evil.example/jweixin.js"},
    "played-pay": {"ZHANGGUI_PAY_BASE_URL": "http://127.0.0.1:8001/api.mch.weixin.qq.com"},
    "other-backup": {"ZHANGGUI_PAY_BACKUP_URL": "https://api2.mch.example"},
    "short-secret": {"ZHANGGUI_SECRET_KEY": "s" * 31},
    "in-clear": {"ZHANGGUI_BASE_URL": "http://shop.example"},
    "short-key": {"ZHANGGUI_KEY_RING": "1:" + base64.b64encode(b"k" * 31).decode()},
    "no-mode-of-ours": {"ZHANGGUI_MODE": "debug"},
    "played-sms": {"ZHANGGUI_SMS_PROVIDER": "sandbox"},
    "half-set-sms": {
        "ZHANGGUI_SMS_PROVIDER": "tencent",
        "ZHANGGUI_SMS_SECRET_KEY": "s" * 31,
    },
}
LOOK = """
import sys
import django
django.setup()
from django.conf import settings as s
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
for name in ("demo:sign_in", "demo:start", "ui:kit"):
    try:
        reverse(name)
    except NoReverseMatch:
        continue
    raise SystemExit(name)
try:
    raise SystemExit(resolve("/demo/sign-in").route)
except Resolver404:
    assert resolve("/").view_name == "accounts:home"
assert not s.DEBUG and "demo" not in s.INSTALLED_APPS
assert s.ALLOWED_HOSTS == ["shop.example"]
assert s.SESSION_COOKIE_SECURE and s.CSRF_COOKIE_SECURE and s.SESSION_COOKIE_HTTPONLY
assert s.SECURE_HSTS_SECONDS >= 31_536_000
slow = {"fontTools", "fpdf", "pypinyin"} & set(sys.modules)
assert not slow, f"{slow}: import it where it is used, each of these costs every start"
"""


def env_of(monkeypatch: pytest.MonkeyPatch, **values: Any) -> Env:
    for name in [name for name in os.environ if name.startswith("ZHANGGUI_")]:
        monkeypatch.delenv(name)
    for name, value in (GOOD | values).items():
        monkeypatch.setenv(name, value)
    return Env()


class TestProduction:
    def test_starts_with_what_it_needs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert env_of(monkeypatch).is_production

    @pytest.mark.spec("platform P47")
    @pytest.mark.parametrize("values", WRONG.values(), ids=WRONG.keys())
    def test_refuses(self, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
        with pytest.raises(ValidationError) as refusal:
            env_of(monkeypatch, **values)
        told = str(refusal.value)
        assert "s" * 31 not in told
        assert any(name.removeprefix("ZHANGGUI_").lower() in told.lower() for name in values), told

    @pytest.mark.spec("platform P47")
    @pytest.mark.parametrize("name", ["DATABASE_URL", "ZHANGGUI_SECRET_KEY", "ZHANGGUI_KEY_RING"])
    def test_says_what_is_missing(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        env_of(monkeypatch)
        monkeypatch.delenv(name)
        with pytest.raises(ValidationError) as refusal:
            Env()
        told = str(refusal.value)
        assert name.removeprefix("ZHANGGUI_").lower() in told.lower()
        assert GOOD["ZHANGGUI_KEY_RING"][-12:] not in told
        assert GOOD["ZHANGGUI_SECRET_KEY"][-12:] not in told

    def test_has_no_door_of_the_demo_and_safe_cookies(self) -> None:
        kept = {name: value for name, value in os.environ.items() if "ZHANGGUI" not in name}
        done = subprocess.run(
            [sys.executable, "-c", LOOK],
            cwd=ROOT,
            env=kept | GOOD | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
