"""The sandbox as WeChat of a measurement: a process with any number of followers."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks import load
from benchmarks.place import ROOT, free_port

TEMPLATE_PATH = "/cgi-bin/message/template/send"
TEMPLATE_ID = "x" * 43
PROBE = "probe"
READY_S = 30.0
MANY_AT_ONCE = 5_000
_numbers = count(1)


@dataclass
class Wechat:
    """A sandbox process of its own; ``stop`` it."""

    app_id: str
    secret: str
    port: int = field(default_factory=free_port)
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="zhanggui-wechat-")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of ``api.weixin.qq.com``."""
        return f"http://127.0.0.1:{self.port}/api.weixin.qq.com"

    def start(self, people: int) -> dict[str, str]:
        """Start it with followers ``b1`` ... ``b<people>``; answers the openid of each."""
        command = [sys.executable, "-m", "wechat_sandbox", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--data", str(self.home / "wechat.sqlite3")],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()
        template = {
            "template_id": TEMPLATE_ID,
            "title": "通知",
            "content": "事项:{{thing1.DATA}}\n说明:{{thing2.DATA}}\n",
        }
        account = {"name": "茶舍", "secret": self.secret, "kind": "service"}
        self.control("PUT", f"accounts/{self.app_id}", {**account, "templates": [template]})
        slugs = [PROBE, *(f"b{number}" for number in range(1, people + 1))]
        for first in range(0, len(slugs), MANY_AT_ONCE):
            some = slugs[first : first + MANY_AT_ONCE]
            self.control("PUT", "people", [{"slug": slug, "nickname": slug} for slug in some])
        self.control("PUT", "quotas", {"appid": self.app_id, "path": TEMPLATE_PATH, "daily": 10**7})
        with self._memory() as memory:  # by hand it would be one call for each
            memory.execute(
                "INSERT OR REPLACE INTO follows (slug, appid, followed, since, scene, qr_scene)"
                " SELECT slug, ?, 1, ?, 'ADD_SCENE_QR_CODE', '' FROM people",
                (self.app_id, int(time.time())),
            )
        found: dict[str, str] = self.control("GET", f"openids?appid={self.app_id}")
        return found

    def stop(self) -> None:
        """End it and forget everything."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def limit(self, openid: str, seconds: float, connections: int) -> float:
        """Template messages a second it takes from a caller that does nothing else."""
        token = self._token()
        until = time.monotonic() + seconds
        plans = [self._pushing(token, openid, until) for _connection in range(connections)]
        outcome = load.run(self.port, plans)
        return outcome.rate

    def delivered(self) -> tuple[int, int]:
        """Template messages on phones, and phones that have one; without the probe's."""
        with self._memory() as memory:
            return tuple(
                memory.execute(
                    "SELECT count(*), count(DISTINCT slug) FROM messages"
                    " WHERE kind = 'template' AND slug <> ?",
                    (PROBE,),
                ).fetchone()
            )

    def calls(self) -> int:
        """How often a message was handed over, the probe's included."""
        with self._memory() as memory:
            found = memory.execute(
                "SELECT coalesce(sum(used), 0) FROM quota_used WHERE path = ?", (TEMPLATE_PATH,)
            ).fetchone()
        return int(found[0])

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call to its control interface."""
        return self._ask(method, f"http://127.0.0.1:{self.port}/_sandbox/api/{path}", body)

    def _token(self) -> str:
        body = {
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": self.secret,
        }
        return str(self._ask("POST", f"{self.url}/cgi-bin/stable_token", body)["access_token"])

    def _pushing(self, token: str, openid: str, until: float) -> Iterator[bytes]:
        path = f"/api.weixin.qq.com{TEMPLATE_PATH}?access_token={token}"
        while time.monotonic() < until:
            content = {
                "touser": openid,
                "template_id": TEMPLATE_ID,
                "data": {"thing1": {"value": "营业时间"}, "thing2": {"value": "假期照常营业"}},
                "client_msg_id": f"p{next(_numbers)}",
            }
            body = json.dumps(content, ensure_ascii=False).encode()
            lines = [
                f"POST {path} HTTP/1.1",
                f"Host: 127.0.0.1:{self.port}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
            ]
            yield "\r\n".join(lines).encode() + load.END + body

    def _ask(self, method: str, url: str, body: object) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=content, method=method)  # noqa: S310  our own
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  our own
            return json.load(answer)

    def _memory(self) -> sqlite3.Connection:
        return sqlite3.connect(self.home / "wechat.sqlite3", timeout=30)

    def _wait(self) -> None:
        until = time.monotonic() + READY_S
        while True:
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/_sandbox/health", timeout=1
                ).close()
            except (urllib.error.URLError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return
