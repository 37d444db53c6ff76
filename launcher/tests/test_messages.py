"""What people read when something is in the way: in Chinese and English, with a way out."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import paths
from launcher.binaries import postgres_binaries
from launcher.cli import main
from launcher.database import require_database
from launcher.messages import Stop
from launcher.ports import answers, require_free_port
from launcher.postgres import Cluster, home_within_reach
from launcher.production import require_settings
from launcher.secretfile import demo_secrets


def said(reason: pytest.ExceptionInfo[Stop]) -> str:
    stop = reason.value
    assert any("\u4e00" <= letter <= "\u9fff" for letter in stop.zh)
    assert stop.en
    assert str(stop) == f"{stop.zh}\n{stop.en}"
    return str(stop)


class TestPort:
    def test_in_use(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with pytest.raises(Stop) as reason:
                require_free_port("127.0.0.1", port, option="--port", setting="ZHANGGUI_PORT")
        text = said(reason)
        assert f"Port {port} is in use" in text
        assert f"({os.getpid()})" in text
        assert f"--port {port + 100}" in text
        assert f"ZHANGGUI_PORT={port + 100}" in text

    def test_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        require_free_port("127.0.0.1", port, option="--port", setting="ZHANGGUI_PORT")
        assert answers("127.0.0.1", port, "/") == 0

    def test_not_a_number(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZHANGGUI_PORT", "eighty")
        assert main(["check"]) == 1
        assert "ZHANGGUI_PORT must be a port" in capsys.readouterr().err


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    home = home_within_reach(tmp_path_factory.mktemp("server") / "pg")
    started = Cluster(home, password="right", is_durable=False)
    started.start()
    yield started
    started.remove()


class TestDatabaseUrl:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("mysql://root@db/shop", "malformed"),
            ("postgresql://user:hidden@db:5432", "malformed"),
            ("postgresql://user:hidden@127.0.0.1:1/shop", "127.0.0.1:1/shop cannot be reached"),
            ("postgresql://user:hidden@/shop?host=/nowhere", "/nowhere:5432/shop cannot be"),
        ],
        ids=["other-database", "no-name", "nobody-listens", "no-socket"],
    )
    def test_wrong(self, url: str, expected: str) -> None:
        with pytest.raises(Stop) as reason:
            require_database(url)
        assert expected in said(reason)
        assert "hidden" not in said(reason)

    def test_wrong_password_unknown_database_and_no_right(self, cluster: Cluster) -> None:
        require_database(cluster.url("postgres"))
        with pytest.raises(Stop, match="refused the user or password"):
            require_database(cluster.url("postgres").replace("right", "wrong"))
        with pytest.raises(Stop, match="no such database"):
            require_database(cluster.url("unknown"))

    def test_too_old(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("launcher.database.OLDEST", 99)
        with pytest.raises(Stop) as reason:
            require_database(cluster.url("postgres"))
        assert "too old: 99 or newer" in said(reason)


class TestBinaries:
    def test_none_new_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("launcher.binaries.OLDEST", 99)
        with pytest.raises(Stop) as reason:
            postgres_binaries(None)
        assert "No PostgreSQL 99 or newer" in said(reason)


class TestFolder:
    def test_full_disk(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(paths, "NEEDED_FREE_BYTES", 2**62)
        with pytest.raises(Stop) as reason:
            paths.require_writable(tmp_path)
        assert "disk is nearly full" in said(reason)

    def test_not_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(Stop) as reason:
            paths.require_writable(tmp_path / "file" / "var")
        assert "ZHANGGUI_VAR" in said(reason)

    def test_checking_an_installation_says_so(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("ZHANGGUI_VAR", str(tmp_path / "file" / "var"))
        monkeypatch.setattr("launcher.production.require_database", lambda _url: None)
        assert main(["check"]) == 1
        assert "ZHANGGUI_VAR" in capsys.readouterr().err


class TestSecrets:
    def test_are_made_once_and_private(self, tmp_path: Path) -> None:
        made = demo_secrets(tmp_path)
        assert demo_secrets(tmp_path) == made
        assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600

    def test_damaged(self, tmp_path: Path) -> None:
        (tmp_path / "secrets.json").write_text('{"secret_key": ')
        with pytest.raises(Stop) as reason:
            demo_secrets(tmp_path)
        assert "cannot be read" in said(reason)


class TestSettings:
    def test_names_every_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ZHANGGUI_MODE", "production")
        monkeypatch.delenv("ZHANGGUI_SECRET_KEY")
        monkeypatch.setenv("ZHANGGUI_KEY_RING", "1:short")
        monkeypatch.delenv("DATABASE_URL")
        with pytest.raises(Stop) as reason:
            require_settings()
        text = said(reason)
        for name in ("ZHANGGUI_SECRET_KEY", "ZHANGGUI_KEY_RING", "DATABASE_URL"):
            assert f"  {name}: " in text
