"""Kept connections: reused, replaced when the other side closed them, and what went wrong told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from pytest_django import Settings

from zhanggui.channels.wechat.client import Api, Http, lines
from zhanggui.channels.wechat.client.lines import Lines, NoAnswer, NoLine
from zhanggui.channels.wechat.client.sendables import Text
from zhanggui.channels.wechat.errors import ChannelRefused, ChannelUnreachable

type Talk = Callable[[socket.socket, bytes], bool]
"""What a server does with a request; False ends the connection."""


class Server:
    """A server that counts its connections and keeps what was sent."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._door = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._door.getsockname()[1]}/wechat"
        self.connections = 0
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _address = self._door.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._attend, args=[visitor], daemon=True).start()

    def _attend(self, visitor: socket.socket) -> None:
        with closing(visitor), visitor.makefile("rb") as read:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = read.readline()
                    if not line:
                        return
                    head += line
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.requests.append(head + read.read(int(length)))
                if not self._talk(visitor, self.requests[-1]):
                    return

    def close(self) -> None:
        self._door.close()


def answer(body: bytes = b'{"errcode":0}', more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
    return head % (more, len(body)) + body


def says(content: bytes, *, goes_on: bool = True) -> Talk:
    def talk(visitor: socket.socket, _request: bytes) -> bool:
        visitor.sendall(content)
        return goes_on

    return talk


@pytest.fixture
def serving() -> Iterator[Callable[[Talk], Server]]:
    made: list[Server] = []

    def serve(talk: Talk) -> Server:
        made.append(Server(talk))
        return made[-1]

    yield serve
    for server in made:
        server.close()


@pytest.fixture
def kept() -> Iterator[Lines]:
    with closing(Lines()) as made:
        yield made


def test_one_connection_carries_many_calls(serving: Callable[[Talk], Server], kept: Lines) -> None:
    server = serving(says(answer()))
    for _call in range(3):
        reply = kept.post(server.base, "/send?access_token=t", "你".encode(), most=100)
        assert (reply.status, reply.content) == (200, b'{"errcode":0}')
    assert (server.connections, len(server.requests)) == (1, 3)
    assert server.requests[0].startswith(b"POST /wechat/send?access_token=t HTTP/1.1\r\n")
    assert server.requests[0].endswith("\r\n\r\n你".encode())


@pytest.mark.parametrize(
    "talk",
    [says(answer(), goes_on=False), says(answer(more=b"Connection: close\r\n"))],
    ids=["closed", "said so"],
)
def test_a_closed_connection_is_not_used_again(
    serving: Callable[[Talk], Server], kept: Lines, talk: Talk
) -> None:
    server = serving(talk)
    for _call in range(2):
        assert kept.post(server.base, "/send", b"{}", most=100).status == 200
        threading.Event().wait(0.02)  # the other side's end is on its way
    assert server.connections == 2


def test_an_old_connection_is_not_used_again(
    serving: Callable[[Talk], Server], kept: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serving(says(answer()))
    kept.post(server.base, "/send", b"{}", most=100)
    monkeypatch.setattr(lines, "KEPT_FOR_S", 0.0)
    kept.post(server.base, "/send", b"{}", most=100)
    assert server.connections == 2


def test_of_a_long_answer_only_so_much_is_read(
    serving: Callable[[Talk], Server], kept: Lines
) -> None:
    server = serving(says(answer(b"x" * 5_000)))
    for _call in range(2):
        assert len(kept.post(server.base, "/send", b"{}", most=1_000).content) == 1_001
    assert server.connections == 2


@pytest.mark.parametrize(
    "content", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"x\r\n"]
)
def test_what_breaks_off_may_have_arrived(
    serving: Callable[[Talk], Server], kept: Lines, content: bytes
) -> None:
    server = serving(says(content, goes_on=False))
    with pytest.raises(NoAnswer):
        kept.post(server.base, "/send", b"{}", most=100)
    assert len(server.requests) == 1


def test_no_answer_in_time_may_have_arrived(
    serving: Callable[[Talk], Server], kept: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "ANSWER_S", 0.05)
    server = serving(says(b""))
    with pytest.raises(NoAnswer, match="TimeoutError"):
        kept.post(server.base, "/send", b"{}", most=100)


def test_without_a_server_nothing_was_sent(kept: Lines) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        base = f"http://127.0.0.1:{door.getsockname()[1]}"
    with pytest.raises(NoLine):
        kept.post(base, "/send", b"{}", most=100)


class TestCallsByThem:
    """The client's own treatment, over real connections."""

    @pytest.fixture(autouse=True)
    def http(self) -> Iterator[None]:
        with closing(Http()) as self.made:
            yield

    def api(self, settings: Settings, server: Server) -> Api:
        settings.WECHAT_API_URL = server.base
        return Api(self.made, app_id="wxsb0000000000000001", token=lambda _rejected: "a&b")

    def test_sends_utf8_and_reads_the_answer(
        self, serving: Callable[[Talk], Server], settings: Settings
    ) -> None:
        server = serving(says(answer(b'{"errcode":0,"msgid":7}')))
        sent = self.api(settings, server).template_send("o1", "t1", {"thing1": "茶"}, client_id="c")
        assert sent == "7"
        head, _end, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"?access_token=a%26b HTTP/1.1" in head
        assert "茶".encode() in body
        assert json.loads(body)["client_msg_id"] == "c"

    def test_a_refusal_keeps_its_code(
        self, serving: Callable[[Talk], Server], settings: Settings
    ) -> None:
        server = serving(says(answer(b'{"errcode":43004,"errmsg":"no"}')))
        with pytest.raises(ChannelRefused) as refused:
            self.api(settings, server).template_send("o1", "t1", {})
        assert refused.value.code == 43004

    def test_a_chat_text_that_may_have_arrived_is_not_sent_again(
        self, serving: Callable[[Talk], Server], settings: Settings
    ) -> None:
        server = serving(says(b"", goes_on=False))
        with pytest.raises(ChannelUnreachable) as lost:
            self.api(settings, server).custom_send("o1", Text("茶"))
        assert lost.value.is_sent
        assert len(server.requests) == 1


def test_behind_a_proxy_httpx_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert lines.direct() is not None
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert lines.direct() is None
