"""``serve``, ``worker``, ``check`` and the other commands of an installation in production."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from config.env import Env, parse_key_ring
from launcher import backup as archives
from launcher import environment as settings
from launcher.database import require_database
from launcher.demo import cluster_of_demo
from launcher.messages import Stop
from launcher.paths import ROOT, require_writable, var_directory
from launcher.secretfile import demo_secrets


def require_settings() -> Env:
    """Read the settings of this installation.

    Raises:
        Stop: names every setting that is wrong or missing.
    """
    try:
        return Env()
    except ValidationError as error:
        faults = "\n".join(
            f"  {_setting(fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise Stop(
            f"设置有误或缺失：\n{faults}",
            "These settings are wrong or missing; docs/ lists all of them.",
        ) from error


def check() -> int:
    """Say whether this installation could start, and what is missing if not."""
    env = require_settings()
    require_database(env.database_url.get_secret_value())
    require_writable(env.var)
    if _manage("migrate", "--check"):
        raise Stop(
            "数据库结构不是最新的。请运行 zhanggui migrate。",
            "The database is not up to date. Run zhanggui migrate.",
        )
    if _manage("check", "--fail-level", "ERROR"):
        return 1
    print("一切就绪。 All is well.")  # noqa: T201  # the command's answer
    return 0


def serve(host: str, port: int) -> NoReturn:
    """Become the web server."""
    env = require_settings()
    require_database(env.database_url.get_secret_value())
    require_writable(env.var)
    if _manage("collectstatic", "--noinput", "--verbosity", "0"):
        raise Stop("静态文件收集失败。", "The static files could not be collected.")
    os.environ.update(settings.shared_metrics(env.var))
    _become(settings.web(host, port))


def worker() -> NoReturn:
    """Become a worker; listening for jobs needs a direct connection, no pooler in between."""
    env = require_settings()
    url = (env.database_direct_url or env.database_url).get_secret_value()
    require_database(url)
    os.environ["DATABASE_URL"] = url
    _become(settings.worker())


def manage(arguments: list[str]) -> NoReturn:
    """Become a command of Django's, on the demo's data when no installation is configured."""
    _require_installation()
    _become(settings.manage(*arguments))


def backup(target: Path | None) -> int:
    """Save database and files of this installation, or of the demo, in one archive."""
    place = _place()
    made_at = datetime.now().astimezone()
    target = target or Path.cwd() / f"zhanggui-{made_at:%Y%m%d-%H%M%S}.backup"
    saved = archives.backup(place, target)
    print(  # noqa: T201  # the command's answer
        f"已备份 {saved.tables} 张表、{saved.rows} 行、{saved.files} 个文件："
        f"{saved.path}（{saved.size / 2**20:.1f} MB）。密钥环不在备份里，请另外保管。\n"
        f"Saved {saved.tables} tables, {saved.rows} rows and {saved.files} files. The key ring "
        "is not in it: keep that elsewhere."
    )
    return 0


def restore(source: Path) -> int:
    """Fill an empty installation from an archive."""
    restored = archives.restore(_place(), source)
    print(  # noqa: T201  # the command's answer
        f"已恢复 {restored.tables} 张表、{restored.rows} 行、{restored.files} 个文件，并已核对。"
        "接着运行 zhanggui migrate 和 zhanggui check。\n"
        f"Restored and compared {restored.tables} tables, {restored.rows} rows and "
        f"{restored.files} files. Next: zhanggui migrate, zhanggui check."
    )
    return 0


def _place() -> archives.Place:
    _require_installation()
    env = require_settings()
    # a dump holds one transaction open for long, which is nothing for a pooler
    url = (env.database_direct_url or env.database_url).get_secret_value()
    require_database(url)
    ring = parse_key_ring(env.key_ring.get_secret_value())
    return archives.Place(url, env.var / "files", ring)


def _require_installation() -> None:
    if not os.environ.get("ZHANGGUI_MODE") and not os.environ.get("DATABASE_URL"):
        _use_demo()
    else:
        require_settings()


def _use_demo() -> None:
    var = var_directory()
    if not (var / "secrets.json").exists():
        require_settings()
    secrets = demo_secrets(var)
    addresses = settings.Addresses(
        port=int(os.environ.get("ZHANGGUI_PORT", "8000")),
        sandbox_port=int(os.environ.get("ZHANGGUI_SANDBOX_PORT", "8001")),
    )
    url = cluster_of_demo(var, secrets.database_password).url()
    os.environ.update(settings.demo_environment(var, secrets, url, addresses))


def _manage(*arguments: str) -> int:
    return subprocess.run(settings.manage(*arguments), cwd=ROOT, check=False).returncode


def _become(command: list[str]) -> NoReturn:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  # no shell wanted


def _setting(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper() if location else "ZHANGGUI_*"
    if name == "DATABASE_URL" or name.startswith("ZHANGGUI_"):
        return name
    return f"ZHANGGUI_{name}"
