"""Django's settings, derived from the typed environment in ``config.env``."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from config.env import Env, Mode, parse_key_ring
from config.logs import logging_config
from zhanggui.ui.assets import STATICFILES_FINDERS as UI_FINDERS

ENV = Env()

SECRET_KEY = ENV.secret_key.get_secret_value()
KEY_RING = parse_key_ring(ENV.key_ring.get_secret_value())
DEBUG = False
IS_PRODUCTION = ENV.is_production
IS_DEMO = ENV.mode is Mode.DEMO
CLOCK_FILE = ENV.var / "demo-clock" if IS_DEMO else None
BASE_URL = ENV.base_url
ALLOWED_HOSTS = [urlsplit(BASE_URL).hostname or "", "127.0.0.1", "localhost", "testserver"]
if IS_PRODUCTION:
    ALLOWED_HOSTS = [urlsplit(BASE_URL).hostname or ""]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
PROXIES = ENV.proxies
METRICS_TOKEN = ENV.metrics_token.get_secret_value()
SLOW_STATEMENT_MS = ENV.slow_statement_ms
IS_HTTPS = BASE_URL.startswith("https://")

WECHAT_API_URL = ENV.wechat_api_url
WECHAT_OPEN_URL = ENV.wechat_open_url
WECHAT_MP_URL = ENV.wechat_mp_url
WECHAT_JS_URL = ENV.wechat_js_url
SANDBOX_URL = ENV.sandbox_url
PAY_BASE_URL = ENV.pay_base_url
PAY_BACKUP_URL = ENV.pay_backup_url

SMS_PROVIDER = ENV.sms_provider.value
SMS_GATEWAY_URL = ENV.sms_gateway_url
SMS_TENCENT = ENV.tencent_sms
SMS_ALIYUN = ENV.aliyun_sms
SMS_RESERVE = ENV.sms_reserve_provider.value
SMS_DAILY_BUDGET = ENV.sms_daily_budget
SMS_MERCHANT_BUDGET = ENV.sms_merchant_budget
SMS_IS_STOPPED = ENV.sms_stopped
PHONE_COUNTRIES = [code for code in ENV.phone_countries.split(",") if code]

INSTALLED_APPS = [
    "demo",
    "zhanggui.stamps",
    "zhanggui.coupons",
    "zhanggui.collecting",
    "zhanggui.billing",
    "zhanggui.messaging",
    "zhanggui.signin",
    "zhanggui.channels.sms",
    "zhanggui.channels.wechat",
    "zhanggui.channels.pay",
    "zhanggui.contacts",
    "zhanggui.api",
    "zhanggui.codes",
    "zhanggui.files",
    "zhanggui.ledger",
    "zhanggui.accounts",
    "zhanggui.ui",
    "zhanggui.core",
    "django_cotton",
    "django_htmx",
    "procrastinate.contrib.django",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
]
if IS_PRODUCTION:
    INSTALLED_APPS.remove("demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "zhanggui.core.middleware.CompressionMiddleware",
    "zhanggui.core.middleware.RequestLogMiddleware",
    "zhanggui.core.middleware.PlainInputMiddleware",
    "zhanggui.accounts.sessions.SessionMiddleware",
    "zhanggui.core.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "zhanggui.core.uploads.UploadMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "zhanggui.core.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "zhanggui.ui.context.page",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": [
                "django.templatetags.i18n",
                "zhanggui.ui.templatetags.rows",
                "django_cotton.templatetags.cotton",
                "zhanggui.ui.templatetags.ui",
            ],
        },
    }
]
FORM_RENDERER = "zhanggui.ui.forms.Renderer"


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    options: dict[str, object] = {
        "prepare_threshold": 3,
        "application_name": "zhanggui",
        "connect_timeout": 5,
    }
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    host = unquote(query.pop("host", parts.hostname or ""))
    return {
        "ENGINE": "zhanggui.core.db",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | query,
    }


DATABASES = {"default": _database(ENV.database_url.get_secret_value())}
DATABASE_DIRECT_URL = (ENV.database_direct_url or ENV.database_url).get_secret_value()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["zhanggui.accounts.backends.PhoneBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if ENV.mode is Mode.TEST:  # argon2 takes 0.2 s on purpose
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 6},
    },
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/choose"
SECOND_FACTOR_URL = "/me/second-factor"
SESSION_ENGINE = "zhanggui.accounts.sessions"
SESSION_COOKIE_NAME = "zhanggui_session"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_NAME = "zhanggui_csrf"
CSRF_FAILURE_VIEW = "zhanggui.ui.views.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if IS_PRODUCTION and IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Faces of people lie on WeChat's picture hosts; in demo and tests the sandbox plays them.
FACES = [SANDBOX_URL] if SANDBOX_URL else ["https://thirdwx.qlogo.cn", "https://wx.qlogo.cn"]
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:", *FACES],
    "connect-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
# Pages in WeChat may load its script, from its folder only.
PHONE_CSP = SECURE_CSP | {"script-src": [CSP.SELF, WECHAT_JS_URL.rpartition("/")[0] + "/"]}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["zhanggui.core.uploads.NoFiles"]  # views say otherwise: takes_files
# "private" is the seam for another place of files; nothing outside the storage knows paths.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": str(ENV.var / "files"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LANGUAGE_COOKIE_NAME = "zhanggui_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = ENV.var / "static"
STATIC_PACKED = ENV.var / "packed"  # the same files, compressed
STATICFILES_FINDERS = UI_FINDERS

LOGGING = logging_config(is_production=IS_PRODUCTION, logs_requests=ENV.log_requests)
LOGGING_CONFIG = "logging.config.dictConfig"
TEST_RUNNER = "django.test.runner.DiscoverRunner"
PROCRASTINATE_WORKER_DEFAULTS = {
    "delete_jobs": "successful",
    "concurrency": 4,
    # A worker is told of new jobs, but forgets what it is told while it looks for one: what it
    # missed, and jobs that come again, wait for its next look. Procrastinate's own 5 s are felt.
    "fetch_job_polling_interval": 0.5,
}
SILENCED_SYSTEM_CHECKS: list[str] = []
