"""Bookings: each carries a key, and the same key again gets the same answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from django.http import HttpRequest, HttpResponse

from zhanggui.api import services
from zhanggui.api.errors import KeyMissing
from zhanggui.api.guards import Caller, caller_of
from zhanggui.core import idempotency

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEYED: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": HEADER,
            "required": True,
            "description": "Chosen by you, for example the number of the bill and of the try.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": idempotency.LONGEST_KEY,
                "pattern": "^[!-~]+$",
            },
            "example": "bill-20261122-0017-1",
        }
    ]
}
"""``openapi_extra`` of every booking."""


def key_of(request: HttpRequest) -> str:
    """The key of a booking.

    Raises:
        KeyMissing: none, or longer than 80 signs, or other signs than plain ones (400).
    """
    key = request.headers.get(HEADER, "")
    is_plain = key.isascii() and key.isprintable() and " " not in key
    if not (0 < len(key) <= idempotency.LONGEST_KEY and is_plain):
        raise KeyMissing
    return key


class Booking:
    """One booking of a caller: runs once for its key, in one transaction with its count."""

    def __init__(self, caller: Caller, key: str, door: str, content: Mapping[str, Any]) -> None:
        """Begin.

        Args:
            caller: who books.
            key: of ``key_of``.
            door: the name of the operation.
            content: what is asked for, beside what ``also`` adds.
        """
        self.caller = caller
        self.key = key
        self.content = {"door": door, **content}
        self.is_replayed = True

    @classmethod
    def of(cls, request: HttpRequest, door: str, content: Mapping[str, Any]) -> Self:
        """The booking of a call.

        Raises:
            KeyMissing: see ``key_of``.
        """
        return cls(caller_of(request), key_of(request), door, content)

    def also(self, **content: Any) -> None:
        """Add to what is asked for; digits only as keyed hash."""
        self.content |= content

    def once(self, write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Run ``write``, count it, keep its answer; or answer what was answered before.

        Raises:
            KeyReused: the key was used for something else (E_KEY_REUSED, 409).
            InProgress: the same call is under way at this moment (E_IN_PROGRESS, 409).
            TooManyWrites: all of today's are done (E_DAY_LIMIT, 429).
        """

        def counted() -> dict[str, Any]:
            answer = write()
            services.count_write(token=self.caller.token)
            self.is_replayed = False
            return answer

        return idempotency.once(
            caller=self.caller.actor.key, key=self.key, content=self.content, write=counted
        )

    def mark(self, response: HttpResponse) -> None:
        """Say in the answer whether it is a repeated one."""
        if self.is_replayed:
            response[REPLAYED] = "true"
