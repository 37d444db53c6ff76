"""Whether a port is free, and who has it if not."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

from launcher.messages import Stop

LISTENING = "0A"


def require_free_port(host: str, port: int, *, option: str, setting: str) -> None:
    """See that a server can listen there.

    Raises:
        Stop: somebody else does, or the system does not allow it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise Stop(
                f"没有权限使用端口 {port}。请用 {option} 换一个大于 1024 的端口。",
                f"This user may not use port {port}. Choose one above 1024 with {option}.",
            ) from error
        except OSError as error:
            user = user_of_port(port)
            zh, en = (f"被 {user} ", f" by {user}") if user else ("被", "")
            raise Stop(
                f"端口 {port} 已{zh}占用。请先停止它，或换一个端口："
                f"zhanggui demo {option} {port + 100}（或设置 {setting}={port + 100}）。",
                f"Port {port} is in use{en}. Stop that program or choose another port: "
                f"zhanggui demo {option} {port + 100} (or set {setting}={port + 100}).",
            ) from error


def user_of_port(port: int) -> str:
    """Name and number of the process that listens on a port; empty when it cannot be told."""
    for inode in _listening_inodes(port):
        for process in Path("/proc").glob("[0-9]*"):
            if _holds(process, f"socket:[{inode}]"):
                return f"{_name(process)} ({process.name})"
    return ""


def answers(host: str, port: int, path: str) -> int:
    """Status of a page, 0 when nobody answers; asks directly, past any proxy."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _listening_inodes(port: int) -> list[str]:
    found = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = [row.split() for row in table.read_text().splitlines()[1:]]
        except OSError:
            continue
        found += [row[9] for row in rows if row[3] == LISTENING and row[1].endswith(f":{port:04X}")]
    return found


def _holds(process: Path, target: str) -> bool:
    try:
        return any(str(link.readlink()) == target for link in (process / "fd").iterdir())
    except OSError:
        return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"
