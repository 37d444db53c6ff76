"""What all calls with an account's token share: the token, and one more try with a fresh one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zhanggui.channels.wechat.client.answers import Answer, File
from zhanggui.channels.wechat.client.http import Http, Request, Upload
from zhanggui.channels.wechat.errors import ChannelError, TokenExpired


class Bound:
    """Calls of one account.

    Args:
        http: the way to WeChat.
        app_id: the account's.
        token: answers a good token, another one than the rejected one it is given.
        on_error: is told of every error that reaches the caller.
    """

    def __init__(
        self,
        http: Http,
        *,
        app_id: str,
        token: Callable[[str], str],
        on_error: Callable[[ChannelError], None] = lambda _error: None,
    ) -> None:
        self._http = http
        self.app_id = app_id
        self._token = token
        self._on_error = on_error

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        return self._renewing(path, "GET", self._http.ask, query=query)

    def _post(self, path: str, body: Mapping[str, Any], *, is_repeatable: bool = True) -> Answer:
        return self._renewing(path, "POST", self._http.ask, body=body, is_repeatable=is_repeatable)

    def _upload(self, path: str, upload: Upload, query: Mapping[str, str]) -> Answer:
        return self._renewing(
            path, "POST", self._http.ask, upload=upload, query=query, is_repeatable=False
        )

    def _file(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> File | Answer:
        method = "GET" if body is None else "POST"
        return self._renewing(
            path, method, self._http.fetch, query=query, body=body, wants_file=True
        )

    def _renewing[Got](
        self, path: str, method: str, ask: Callable[[Request], Got], **values: Any
    ) -> Got:
        def once(token: str) -> Got:
            return ask(Request(method, path, self.app_id, token=token, **values))

        try:
            token = self._token("")
            try:
                return once(token)
            except TokenExpired:
                return once(self._token(token))
        except ChannelError as error:
            self._on_error(error)
            raise
