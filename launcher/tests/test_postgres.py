"""Our own PostgreSQL: starts, survives every kill, and is nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from launcher.accounts import Account
from launcher.messages import Stop
from launcher.postgres import Cluster, home_within_reach

PASSWORD = "only-for-tests"
START_AND_DIE = """
import os, sys
from pathlib import Path
from launcher.postgres import Cluster
cluster = Cluster(Path(sys.argv[1]), password=sys.argv[2], is_durable=False)
cluster.start()
print(cluster.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """What has been made and not been started; it takes as long as three starts."""
    home = home_within_reach(tmp_path_factory.mktemp("first") / "pg")
    made = Cluster(home, password=PASSWORD, is_durable=False)
    made.prepare()
    yield made
    made.remove()


@pytest.fixture
def cluster(first: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(home_within_reach(tmp_path / "pg"), password=PASSWORD, is_durable=False)
    subprocess.run(["cp", "-a", first.home, made.home], check=True)
    yield made
    made.remove()


def write_row(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def rows(cluster: Cluster) -> int:
    with psycopg.connect(cluster.url("postgres")) as connection:
        return len(connection.execute("SELECT id FROM kept").fetchall())


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestCluster:
    def test_keeps_its_data_from_start_to_start(self, cluster: Cluster) -> None:
        cluster.start()
        write_row(cluster)
        cluster.stop()
        cluster.start()
        assert rows(cluster) == 1

    def test_is_private(self, cluster: Cluster) -> None:
        cluster.start()
        assert cluster.process
        assert cluster.home.stat().st_mode & 0o077 == 0
        assert cluster.socket_folder.stat().st_mode & 0o077 == 0
        assert len(str(cluster.socket_folder)) < 100
        assert Path(f"/proc/{cluster.process.pid}").stat().st_uid != 0
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(cluster.url("postgres").replace(PASSWORD, "wrong"))

    def test_says_when_its_password_is_lost(self, cluster: Cluster) -> None:
        cluster.start()
        cluster.password = "another"
        with pytest.raises(Stop, match=r"secrets\.json"):
            cluster.is_ready()

    def test_takes_a_short_socket_path_for_a_long_home(self, tmp_path: Path) -> None:
        cluster = Cluster(tmp_path / ("x" * 90), password=PASSWORD)
        assert len(str(cluster.socket_folder)) < 100


class TestRecovery:
    def test_loses_nothing_when_the_server_is_killed(self, tmp_path: Path) -> None:
        cluster = Cluster(home_within_reach(tmp_path / "pg"), password=PASSWORD)
        cluster.start()
        write_row(cluster)
        assert cluster.process
        guest = psycopg.connect(cluster.url("postgres"))  # keeps a backend for itself
        cluster.process.kill()
        cluster.process.wait()
        cluster.start()
        guest.close()
        assert rows(cluster) == 1
        cluster.remove()

    def test_from_a_lock_file_with_the_number_of_another_process(self, cluster: Cluster) -> None:
        cluster.start()
        cluster.stop()
        other = subprocess.Popen(["sleep", "60"])
        (cluster.data / "postmaster.pid").write_text(
            f"{other.pid}\n{cluster.data}\n1\n5432\n{cluster.socket_folder}\n\n\nready\n"
        )
        cluster.start()
        assert other.poll() is None
        other.kill()
        other.wait()

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems cannot")
    def test_server_ends_with_a_killed_launcher(self, cluster: Cluster) -> None:
        launcher = subprocess.Popen(
            [sys.executable, "-c", START_AND_DIE, str(cluster.home), PASSWORD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with launcher:
            assert launcher.stdout
            pid = int(launcher.stdout.readline())
            assert is_alive(pid)
            launcher.kill()
        wait_until_gone(pid)
        cluster.start()

    def test_ends_a_server_that_outlived_its_launcher(self, cluster: Cluster) -> None:
        cluster.start()
        assert cluster.process
        forgotten = cluster.process
        write_row(cluster)
        cluster.start()
        forgotten.wait(10)
        assert rows(cluster) == 1


class TestAccount:
    @pytest.mark.parametrize(("mode", "expected"), [(0o755, True), (0o700, False), (0o711, False)])
    def test_knows_where_it_may_enter(self, tmp_path: Path, mode: int, expected: bool) -> None:
        folder = tmp_path / "home"
        folder.mkdir()
        for part in [folder, tmp_path, *tmp_path.parents]:
            if part.stat().st_uid == os.getuid() and "pytest-of-" in str(part):
                part.chmod(0o755)
        folder.chmod(mode)
        stranger = Account("nobody", 65_534, 65_534)
        assert stranger.may_enter(folder) is expected

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody to drop to")
    def test_root_keeps_the_data_where_the_server_reaches_them(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        home = home_within_reach(tmp_path / "pg")
        assert not home.is_relative_to(tmp_path)
        cluster = Cluster(home, password=PASSWORD, is_durable=False)
        cluster.start()
        cluster.remove()
        assert not home.exists()
