"""The command line of ``zhanggui``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from launcher.demo import Options, run_demo
from launcher.environment import Addresses
from launcher.messages import Stop

PRODUCT_PORT = 8000
SANDBOX_PORT = 8001
LAST_PORT = 65_535


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a reason to stop is printed in both languages."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words[:1] in (["manage"], ["createowner"], ["migrate"], ["verify-ledger"]):
            return _pass_on(words)
        return _run(_parser().parse_args(words))
    except Stop as reason:
        sys.stdout.flush()
        print(f"\n{reason}", file=sys.stderr)  # noqa: T201  # for people
        return reason.status
    except KeyboardInterrupt:
        return 130


def _pass_on(words: list[str]) -> int:
    from launcher import production  # noqa: PLC0415  # a demo needs no settings of production

    production.manage(
        words[1:] if words[0] == "manage" else [words[0].replace("-", "_"), *words[1:]]
    )


def _run(asked: argparse.Namespace) -> int:
    if asked.command == "demo":
        addresses = Addresses(asked.port, asked.sandbox_port)
        return run_demo(Options(addresses, not asked.without_data, asked.reset))
    from launcher import production  # noqa: PLC0415

    if asked.command == "serve":
        production.serve(asked.host, asked.port)
    if asked.command == "worker":
        production.worker()
    if asked.command == "backup":
        return production.backup(asked.file)
    if asked.command == "restore":
        return production.restore(asked.file)
    return production.check()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zhanggui", description="掌柜：启动、检查和管理。 Start, check and manage Zhanggui."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="演示环境，数据会保留 run the demo, its data stay")
    demo.add_argument("--port", type=int, default=_port("ZHANGGUI_PORT", PRODUCT_PORT))
    demo.add_argument(
        "--sandbox-port", type=int, default=_port("ZHANGGUI_SANDBOX_PORT", SANDBOX_PORT)
    )
    demo.add_argument("--reset", action="store_true", help="重建数据 start over")
    demo.add_argument(
        "--without-data", action="store_true", help="不生成演示数据 make no demo data"
    )
    serve = commands.add_parser("serve", help="生产环境的网站 the web server in production")
    serve.add_argument("--host", default=os.environ.get("ZHANGGUI_HOST", "127.0.0.1"))
    serve.add_argument("--port", type=int, default=_port("ZHANGGUI_PORT", PRODUCT_PORT))
    commands.add_parser("worker", help="生产环境的任务进程 a worker in production")
    commands.add_parser("check", help="检查设置和数据库 check settings and database")
    commands.add_parser("migrate", help="更新数据库结构 bring the database up to date")
    backup = commands.add_parser(
        "backup", help="备份数据库和文件 save database and files in one archive"
    )
    backup.add_argument("file", nargs="?", type=Path, help="备份文件 the archive to write")
    restore = commands.add_parser(
        "restore", help="恢复到空的安装 fill an empty installation from an archive"
    )
    restore.add_argument("file", type=Path, help="备份文件 the archive to read")
    commands.add_parser("createowner", help="创建平台所有者 create the owner of the platform")
    commands.add_parser(
        "verify-ledger", help="核对所有账本 check sums, balances and seals of every ledger"
    )
    commands.add_parser("manage", help="Django 管理命令 a command of Django's")
    return parser


def _port(setting: str, default: int) -> int:
    text = os.environ.get(setting) or str(default)
    if not text.isdigit() or not 0 < int(text) <= LAST_PORT:
        raise Stop(
            f"{setting} 应当是 1 到 65535 之间的端口号，而不是 {text!r}。",
            f"{setting} must be a port from 1 to 65535, not {text!r}.",
        )
    return int(text)
