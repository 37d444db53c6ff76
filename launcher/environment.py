"""The settings and command lines of the programs the launcher starts."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from launcher.paths import ROOT
from launcher.secretfile import Secrets

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Addresses:
    """Where the demo's two programs are reached."""

    port: int
    sandbox_port: int

    @property
    def product(self) -> str:
        """Canonical address of the product."""
        return f"http://{HOST}:{self.port}"

    @property
    def sandbox(self) -> str:
        """Address of the WeChat sandbox."""
        return f"http://{HOST}:{self.sandbox_port}"


def sandbox_settings(sandbox_url: str) -> dict[str, str]:
    """Point the product at the sandbox instead of WeChat: each played host is a path."""
    return {
        "ZHANGGUI_SANDBOX_URL": sandbox_url,
        "ZHANGGUI_WECHAT_API_URL": f"{sandbox_url}/api.weixin.qq.com",
        "ZHANGGUI_WECHAT_OPEN_URL": f"{sandbox_url}/open.weixin.qq.com",
        "ZHANGGUI_WECHAT_MP_URL": f"{sandbox_url}/mp.weixin.qq.com",
        "ZHANGGUI_WECHAT_JS_URL": f"{sandbox_url}/res.wx.qq.com/open/js/jweixin-1.6.0.js",
        "ZHANGGUI_PAY_BASE_URL": f"{sandbox_url}/api.mch.weixin.qq.com",
        "ZHANGGUI_PAY_BACKUP_URL": f"{sandbox_url}/api.mch.weixin.qq.com",
        "ZHANGGUI_SMS_PROVIDER": "sandbox",
        "ZHANGGUI_SMS_GATEWAY_URL": f"{sandbox_url}/sms.gateway",
    }


def demo_environment(
    var: Path, secrets: Secrets, database_url: str, addresses: Addresses
) -> dict[str, str]:
    """Everything the product's programs of a demo need; other settings of ours do not leak in.

    Bytecode is kept even where somebody forbade it: five programs would compile all of the code
    at each start.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ZHANGGUI_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return inherited | {
        "PYTHONUNBUFFERED": "1",
        "PYPINYIN_NO_DICT_COPY": "true",  # half a second of each start
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url,
        "ZHANGGUI_MODE": "demo",
        "ZHANGGUI_VAR": str(var),
        "ZHANGGUI_BASE_URL": addresses.product,
        "ZHANGGUI_SECRET_KEY": secrets.secret_key,
        "ZHANGGUI_KEY_RING": secrets.key_ring,
        "ZHANGGUI_METRICS_TOKEN": "demo",
        "ZHANGGUI_LOG_REQUESTS": "false",  # open phones ask each second and bury the sign-ins
        **sandbox_settings(addresses.sandbox),
    }


def manage(*arguments: str) -> list[str]:
    """A command of Django's."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def web(host: str, port: int) -> list[str]:
    """The web server: a few processes with a few threads each, see ADR 3 and ADR 24."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", host, "--port", str(port)),
        *("--workers", os.environ.get("ZHANGGUI_WEB_PROCESSES", "2")),
        *("--blocking-threads", os.environ.get("ZHANGGUI_WEB_THREADS", "8")),
        # A thread keeps its database connection, so threads should not come and go.
        *("--blocking-threads-idle-timeout", "600"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "8"),
        # Its one warning is about more than five threads on two cores.
        *("--log-level", "error"),
        "config.wsgi:application",
    ]


def shared_metrics(var: Path) -> dict[str, str]:
    """An empty folder in which all web processes count together, and the setting that names it."""
    folder = var / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def worker() -> list[str]:
    """The program that runs jobs."""
    return manage("procrastinate", "worker")


def sandbox(addresses: Addresses, data: Path) -> list[str]:
    """The stand-in for WeChat."""
    return [
        *(sys.executable, "-m", "wechat_sandbox"),
        *("--host", HOST, "--port", str(addresses.sandbox_port)),
        *("--product", addresses.product, "--data", str(data)),
    ]
