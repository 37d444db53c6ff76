"""Callbacks per second through HTTP against the same SQL under pgbench, and the cost of crypto."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks import load
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

CONNECTIONS = 32
REFERENCE = Path(__file__).with_name("callbacks.sql")
KEY = "x" * 43
WITHOUT_JOB = """
SELECT count(*) FROM (
  SELECT id FROM wechat_callbackdelivery
  EXCEPT
  SELECT jsonb_array_elements(args -> 'delivery_ids')::bigint FROM procrastinate_jobs
   WHERE task_name = 'wechat.handle_deliveries'
  EXCEPT
  SELECT (args -> 'delivery_id')::bigint FROM procrastinate_jobs
   WHERE task_name = 'wechat.handle_delivery'
) AS jobless
"""
"""Ours stand in jobs of several, those of pgbench in one each."""
_messages = count(1)


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """The reference before and after, in the same run on the same database."""
    each = 60 if is_quick else 400
    accept(world, 20)
    before = reference(world, each)
    product = accept(world, each)
    after = reference(world, each)
    least = (before + after) / 2
    jobless = world.counted(WITHOUT_JOB)
    bare, ours = crypto_cost(2_000 if is_quick else 20_000)
    return [
        Result("callbacks.pgbench", least, "per second", None, f"{CONNECTIONS} connections"),
        Result(
            "callbacks.http", product.rate, "per second", product.rate / least, "callbacks.pgbench"
        ),
        Result("callbacks.http.p50", product.percentile(0.5), "ms"),
        Result("callbacks.http.p99", product.percentile(0.99), "ms", None, "at most 50"),
        Result("callbacks.http.failed", failed(product), "requests"),
        Result("callbacks.without_job", jobless, "pushes", None, "must be 0"),
        Result("callbacks.crypto.bare", bare, "µs", None, "AES and SHA-1 of cryptography"),
        Result("callbacks.crypto", ours, "µs", ours / bare, "callbacks.crypto.bare"),
    ]


def failed(outcome: load.Outcome) -> int:
    """Answers other than 200."""
    return sum(number for status, number in outcome.statuses.items() if status != 200)


def accept(world: World, each: int) -> load.Outcome:
    """Let 32 connections push ``each`` different messages, one after the other."""
    plans = [iter(list(_pushes(world, each))) for _number in range(CONNECTIONS)]
    return load.run(world.place.port, plans)


def _pushes(world: World, each: int) -> Iterator[bytes]:
    from zhanggui.channels.wechat import crypto
    from zhanggui.channels.wechat.crypto import MessageBox

    box = MessageBox(KEY, world.account.app_id)
    stamp = str(int(time.time()))
    for number in (next(_messages) for _time in range(each)):
        sealed = box.encrypt(_message(number))
        query = {
            "signature": crypto.signature(KEY, stamp, f"n{number}"),
            "timestamp": stamp,
            "nonce": f"n{number}",
            "openid": f"oBench{number}",
            "encrypt_type": "aes",
            "msg_signature": crypto.signature(KEY, stamp, f"n{number}", sealed),
        }
        path = f"/hooks/wechat/{world.account.app_id}/?{urlencode(query)}"
        yield _request(world.place.port, path, _envelope(sealed))


def _message(number: int) -> str:
    return (
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName>"
        f"<FromUserName><![CDATA[oBenchmarkOfThePushes{number:07d}]]></FromUserName>"
        f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        "<Content><![CDATA[请问今天还有位置吗？我们一共六个人，大概七点到。]]></Content>"
        f"<MsgId>{time.time_ns()}{number}</MsgId></xml>"
    )


def _envelope(sealed: str) -> bytes:
    text = (
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName>"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return text.encode()


def _request(port: int, path: str, body: bytes) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: Mozilla/4.0",
        "Accept: */*",
        "Content-Type: text/xml",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + load.END + body


def reference(world: World, each: int) -> float:
    """Transactions per second of pgbench with pushes of its own."""
    place = world.place
    variables = {
        "account": world.account.pk,
        "first": time.time_ns(),
        "per_client": each,
        "i": 0,
    }
    command = [
        str(place.cluster.binaries / "pgbench"),
        *("-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-t", str(each)),
        *("-f", str(REFERENCE)),
        *(word for name, value in variables.items() for word in ("-D", f"{name}={value}")),
        place.url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or not found or "failed transactions: 0" not in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found.group(1))


def crypto_cost(times: int) -> tuple[float, float]:
    """Microseconds a message: bare AES-256-CBC and SHA-1, and our verifying and decrypting."""
    import base64

    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.hashes import SHA1, Hash

    from zhanggui.channels.wechat import crypto
    from zhanggui.channels.wechat.crypto import MessageBox
    from zhanggui.channels.wechat.receivers import Receiver

    box = MessageBox(KEY, "wxsb00000000000001")
    receiver = Receiver("wxsb00000000000001", (KEY,), (box,), takes_plain=False)
    sealed = box.encrypt(_message(1))
    given = crypto.signature(KEY, "1700000000", "nonce", sealed)
    key = base64.b64decode(f"{KEY}=")
    raw = base64.b64decode(sealed)
    signed = b"".join(sorted([KEY.encode(), b"1700000000", b"nonce", sealed.encode()]))

    def bare() -> None:
        decryptor = Cipher(AES(key), CBC(key[:16])).decryptor()
        decryptor.update(raw) + decryptor.finalize()
        digest = Hash(SHA1())  # noqa: S303  WeChat's choice
        digest.update(signed)
        digest.finalize()

    def ours() -> None:
        if not receiver.token_of(given, "1700000000", "nonce", sealed):
            raise AssertionError
        receiver.opened(sealed)

    return _microseconds(times, bare, ours)


def _microseconds(
    times: int, first: Callable[[], None], second: Callable[[], None]
) -> tuple[float, float]:
    """What a call of each costs: the quickest of nine runs, taken in turns."""
    each = times // 9 + 1
    found: tuple[list[float], list[float]] = ([], [])
    for _run in range(9):
        for work, costs in zip((first, second), found, strict=True):
            began = time.perf_counter()
            for _time in range(each):
                work()
            costs.append((time.perf_counter() - began) / each * 1e6)
    return min(found[0]), min(found[1])
