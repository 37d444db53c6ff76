"""Settings of an installation, read from the environment and checked before anything starts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
SECRET_KEY_LENGTH = 32
KEY_BYTES = 32
LAST_KEY_VERSION = 255
REAL_API = "https://api.weixin.qq.com"
REAL_OPEN = "https://open.weixin.qq.com"
REAL_MP = "https://mp.weixin.qq.com"
REAL_DOMAIN = ".weixin.qq.com"
REAL_JS = "https://res.wx.qq.com/open/js/jweixin-1.6.0.js"
REAL_SCRIPTS = ".wx.qq.com"
TENCENT_SMS = "https://sms.tencentcloudapi.com"
ALIYUN_SMS = "https://dysmsapi.aliyuncs.com"
REAL_PAY = "https://api.mch.weixin.qq.com"
REAL_PAY_BACKUP = "https://api2.mch.weixin.qq.com"


class Mode(StrEnum):
    """How the installation runs; only production refuses the sandbox and the moving clock."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class SmsProvider(StrEnum):
    """Who carries text messages."""

    NONE = ""
    SANDBOX = "sandbox"
    TENCENT = "tencent"
    ALIYUN = "aliyun"


@dataclass(frozen=True, slots=True)
class TencentSms:
    """An account at Tencent Cloud for text messages."""

    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    sign_name: str
    region: str
    templates: Mapping[str, str]
    """Numbers of approved templates by purpose (code, notice, marketing) or name of a message."""
    url: str = TENCENT_SMS


@dataclass(frozen=True, slots=True)
class AliyunSms:
    """An account at Alibaba Cloud for text messages."""

    key_id: str
    key_secret: str = field(repr=False)
    sign_name: str
    templates: Mapping[str, str]
    """Codes of approved templates by purpose (code, notice, marketing) or name of a message."""
    url: str = ALIYUN_SMS


class Env(BaseSettings):
    """Every setting, its meaning and its default; names are ``ZHANGGUI_<FIELD>``."""

    model_config = SettingsConfigDict(
        env_prefix="ZHANGGUI_", extra="ignore", hide_input_in_errors=True
    )

    mode: Mode = Mode.PRODUCTION
    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    database_direct_url: SecretStr | None = None
    """For workers when ``DATABASE_URL`` is a pooler in transaction mode."""
    var: Path = ROOT / "var"
    base_url: str = "http://127.0.0.1:8000"
    secret_key: SecretStr
    key_ring: SecretStr
    """``1:<base64 of 32 bytes>,2:...``; the last one encrypts, all of them decrypt."""
    wechat_api_url: str = REAL_API
    wechat_open_url: str = REAL_OPEN
    wechat_mp_url: str = REAL_MP
    wechat_js_url: str = REAL_JS
    """WeChat's script for pages that use the phone (JS-SDK)."""
    pay_base_url: str = REAL_PAY
    """WeChat Pay."""
    pay_backup_url: str = REAL_PAY_BACKUP
    """Asked when the first host of WeChat Pay cannot be reached."""
    sandbox_url: str | None = None
    sms_provider: SmsProvider = SmsProvider.NONE
    """Who carries text messages; without one people sign in by password."""
    sms_gateway_url: str = "http://127.0.0.1:8001/sms.gateway"
    """The sandbox's gateway, for the provider ``sandbox``."""
    sms_secret_id: str = ""
    sms_secret_key: SecretStr = SecretStr("")
    sms_app_id: str = ""
    """``SmsSdkAppId`` of Tencent Cloud."""
    sms_sign_name: str = ""
    """The approved signature (短信签名)."""
    sms_region: str = "ap-guangzhou"
    sms_code_template: str = ""
    """Number of the approved template for codes; its only place is the code."""
    sms_notice_template: str = ""
    """Number of the approved template for notices; its only place is the sentence."""
    sms_templates: str = ""
    """More approved templates: ``marketing=449740,stamps.stamped=449741``; their places are the
    fields of that message, in order."""
    sms_tencent_url: str = TENCENT_SMS
    sms_aliyun_key_id: str = ""
    sms_aliyun_key_secret: SecretStr = SecretStr("")
    sms_aliyun_sign_name: str = ""
    sms_aliyun_templates: str = ""
    """Approved templates: ``code=SMS_1,notice=SMS_2,marketing=SMS_3``; the places are called
    ``code`` and ``text``, or like the fields of the message."""
    sms_aliyun_url: str = ALIYUN_SMS
    sms_reserve_provider: SmsProvider = SmsProvider.NONE
    """Another provider that is asked when the first one is down or its account is empty."""
    sms_daily_budget: int = Field(default=2000, ge=0)
    """Messages a day on the platform's account, mostly codes."""
    sms_merchant_budget: int = Field(default=500, ge=0)
    """Messages a day on each merchant's account."""
    phone_countries: str = ""
    """Country codes besides 86 whose people may sign up, for example ``852,853``."""
    sms_stopped: bool = False
    """The kill switch for whoever has only the environment; the platform's page has another."""
    metrics_token: SecretStr = SecretStr("")
    """Who sends it as ``Authorization: Bearer`` may read ``/metrics``; empty: nobody."""
    slow_statement_ms: int = Field(default=500, ge=1)
    """Database statements slower than this are logged, without their values."""
    log_requests: bool = True
    """Whether each answered request gets a line in the log."""
    proxies: int = Field(default=0, ge=0, le=5)
    """How many proxies of ours stand in front; that many of ``X-Forwarded-For`` are believed."""

    @field_validator(
        *("base_url", "wechat_api_url", "wechat_open_url", "wechat_mp_url", "sms_gateway_url"),
        "wechat_js_url",
        *("sms_tencent_url", "sms_aliyun_url"),
        *("pay_base_url", "pay_backup_url"),
    )
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"must be an address such as https://shop.example, not {value!r}"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("sms_templates", "sms_aliyun_templates")
    @classmethod
    def _templates(cls, value: str) -> str:
        parse_templates(value)
        return value

    @field_validator("phone_countries")
    @classmethod
    def _countries(cls, value: str) -> str:
        if not re.fullmatch(r"([1-9][0-9]{0,2}(,[1-9][0-9]{0,2})*)?", value):
            message = "ZHANGGUI_PHONE_COUNTRIES must look like 852,853"
            raise ValueError(message)
        return value

    @field_validator("key_ring")
    @classmethod
    def _ring(cls, value: SecretStr) -> SecretStr:
        parse_key_ring(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _production(self) -> Env:
        if self.mode is Mode.PRODUCTION:
            if self.sandbox_url:
                message = "ZHANGGUI_SANDBOX_URL must not be set in production"
                raise ValueError(message)
            if len(self.secret_key.get_secret_value()) < SECRET_KEY_LENGTH:
                message = "ZHANGGUI_SECRET_KEY must have at least 32 characters"
                raise ValueError(message)
            if urlsplit(self.base_url).scheme != "https":
                message = "ZHANGGUI_BASE_URL must begin with https:// in production"
                raise ValueError(message)
            self._refuse_played_wechat()
            if SmsProvider.SANDBOX in {self.sms_provider, self.sms_reserve_provider}:
                message = "ZHANGGUI_SMS_PROVIDER must not be sandbox in production"
                raise ValueError(message)
            if (self.sms_tencent_url, self.sms_aliyun_url) != (TENCENT_SMS, ALIYUN_SMS):
                message = "ZHANGGUI_SMS_TENCENT_URL and _ALIYUN_URL must not be set in production"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _sms(self) -> Env:
        needed = {
            SmsProvider.TENCENT: {
                "SECRET_ID": self.sms_secret_id,
                "SECRET_KEY": self.sms_secret_key.get_secret_value(),
                "APP_ID": self.sms_app_id,
                "SIGN_NAME": self.sms_sign_name,
                "CODE_TEMPLATE": self.sms_code_template,
            },
            SmsProvider.ALIYUN: {
                "ALIYUN_KEY_ID": self.sms_aliyun_key_id,
                "ALIYUN_KEY_SECRET": self.sms_aliyun_key_secret.get_secret_value(),
                "ALIYUN_SIGN_NAME": self.sms_aliyun_sign_name,
                "ALIYUN_TEMPLATES": parse_templates(self.sms_aliyun_templates).get("code", ""),
            },
        }
        for name, provider in (
            ("ZHANGGUI_SMS_PROVIDER", self.sms_provider),
            ("ZHANGGUI_SMS_RESERVE_PROVIDER", self.sms_reserve_provider),
        ):
            values = needed.get(provider, {})
            missing = [f"ZHANGGUI_SMS_{part}" for part, value in values.items() if not value]
            if missing:
                message = f"{name}={provider.value} also needs {', '.join(missing)}"
                raise ValueError(message)
        return self

    def _refuse_played_wechat(self) -> None:
        """Secrets go to WeChat's own hosts only, never to a sandbox or in clear."""
        for name in (
            "wechat_api_url",
            "wechat_open_url",
            "wechat_mp_url",
            "pay_base_url",
            "pay_backup_url",
        ):
            url: str = getattr(self, name)
            parts = urlsplit(url)
            if parts.scheme != "https" or not f".{parts.hostname}".endswith(REAL_DOMAIN):
                message = f"ZHANGGUI_{name.upper()} must be https://...weixin.qq.com in production"
                raise ValueError(message)
        script = urlsplit(self.wechat_js_url)
        if script.scheme != "https" or not (script.hostname or "").endswith(REAL_SCRIPTS):
            message = "ZHANGGUI_WECHAT_JS_URL must be https://...wx.qq.com in production"
            raise ValueError(message)

    @property
    def tencent_sms(self) -> TencentSms:
        """What the provider ``tencent`` needs."""
        return TencentSms(
            secret_id=self.sms_secret_id,
            secret_key=self.sms_secret_key.get_secret_value(),
            app_id=self.sms_app_id,
            sign_name=self.sms_sign_name,
            region=self.sms_region,
            templates={
                "code": self.sms_code_template,
                "notice": self.sms_notice_template,
                **parse_templates(self.sms_templates),
            },
            url=self.sms_tencent_url,
        )

    @property
    def aliyun_sms(self) -> AliyunSms:
        """What the provider ``aliyun`` needs."""
        return AliyunSms(
            key_id=self.sms_aliyun_key_id,
            key_secret=self.sms_aliyun_key_secret.get_secret_value(),
            sign_name=self.sms_aliyun_sign_name,
            templates=parse_templates(self.sms_aliyun_templates),
            url=self.sms_aliyun_url,
        )

    @property
    def is_production(self) -> bool:
        return self.mode is Mode.PRODUCTION


def parse_key_ring(text: str) -> dict[int, bytes]:
    """Read ``version:base64`` pairs, oldest first.

    Raises:
        ValueError: a pair is not of that form or a key is not 32 bytes long.
    """
    ring: dict[int, bytes] = {}
    for pair in text.split(","):
        version, _, encoded = pair.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
            number = int(version)
        except (ValueError, binascii.Error):
            message = "ZHANGGUI_KEY_RING must look like 1:<base64>,2:<base64>"
            raise ValueError(message) from None
        if len(key) != KEY_BYTES or not 0 < number <= LAST_KEY_VERSION:
            message = "each key of ZHANGGUI_KEY_RING is 32 bytes, its version 1 to 255"
            raise ValueError(message)
        ring[number] = key
    return ring


def parse_templates(text: str) -> dict[str, str]:
    """Read ``name=number`` pairs with commas between them.

    Raises:
        ValueError: a pair is not of that form.
    """
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, is_there, number = (part.strip() for part in pair.partition("="))
        if not (name and is_there and number):
            message = "templates must look like code=SMS_1,notice=SMS_2"
            raise ValueError(message)
        found[name] = number
    return found
