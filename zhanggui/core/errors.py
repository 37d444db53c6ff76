"""What the product refuses: one exception with a code for machines and a text for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class DomainError(Exception):
    """A refusal a person can meet.

    Subclasses fix ``code``, ``status`` and ``text``; ``details`` fill named places of the text
    and go to the API. ``retry_after_s`` is set where waiting helps, ``way_url`` where whoever
    reads it can go and put it right.
    """

    code: ClassVar[str] = "E_REFUSED"
    status: ClassVar[int] = 409
    text: ClassVar[Text] = _("This is not possible now.")

    way_label: ClassVar[Text] = ""
    """What the button on its page says, where there is a place to put things right."""

    def __init__(
        self, *, retry_after_s: int | None = None, way_url: str = "", **details: Any
    ) -> None:
        self.retry_after_s = retry_after_s
        self.way_url = way_url
        self.details: Mapping[str, Any] = details
        super().__init__(self.code)

    @property
    def message(self) -> str:
        """The text in the language of whoever reads it."""
        places = {**self.details, "seconds": self.retry_after_s}
        return str(self.text) % places

    def __str__(self) -> str:
        return self.message

    def as_json(self) -> dict[str, Any]:
        """The body the API answers, without the outer ``error`` key."""
        body: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "details": dict(self.details),
        }
        if self.retry_after_s is not None:
            body["retry_after"] = self.retry_after_s
        return body


class NotFound(DomainError):
    code = "E_NOT_FOUND"
    status = 404
    text = _("There is nothing here, or it is not yours to see.")


class NotAllowed(DomainError):
    code = "E_NOT_ALLOWED"
    status = 403
    text = _("You do not have the right to do this. Ask the owner of the shop for it.")


class SignedOut(DomainError):
    code = "E_SIGNED_OUT"
    status = 401
    text = _("You are signed out. Sign in again; nothing was changed.")


class TooMany(DomainError):
    code = "E_TOO_MANY"
    status = 429
    text = _("Too many tries. Wait %(seconds)s seconds, then try again.")


class KeyReused(DomainError):
    code = "E_KEY_REUSED"
    status = 409
    text = _("This form was already sent with other content. Open the page again.")


class InProgress(DomainError):
    code = "E_IN_PROGRESS"
    status = 409
    text = _("The same request is still being worked on. Wait a moment, then look again.")
