"""What goes in and out: base classes, and texts that the database can hold."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_noop
from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

LAST_ID = 2**63 - 1
PLAIN = r"^[^\x00-\x1f\x7f]*$"
DIGITS = "048213"

Id = Annotated[int, Strict(), Field(ge=1, le=LAST_ID)]
Line = Annotated[str, Strict(), StringConstraints(max_length=200, pattern=PLAIN)]
Digits = Annotated[
    str,
    Strict(),
    StringConstraints(min_length=1, max_length=40, pattern=PLAIN),
    Field(
        description=gettext_noop("Six digits; full width, blanks and hyphens are folded."),
        examples=[DIGITS],
    ),
]


def _plain(schema: dict[str, Any]) -> None:
    """Docstrings speak to whoever reads the code."""
    schema.pop("description", None)


class In(BaseModel):
    """What a program sends; a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_plain)


class Out(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_plain)


class Texts(Out):
    """A text in both languages."""

    zh: str
    en: str


class Fault(Out):
    """Why something was refused."""

    code: str = Field(examples=["E_CODE_EXPIRED"])
    text: Texts
    details: dict[str, Any]
    retry_after: int | None = Field(
        default=None, description=gettext_noop("Seconds to wait, where waiting helps.")
    )


class Refused(Out):
    """The body of every refusal."""

    error: Fault


class StoreOut(Out):
    """A store."""

    id: int
    name: str
    address: str
    is_open: bool


class Customer(Out):
    """Whose card or coupon it is; the name is masked."""

    number: str = Field(description=gettext_noop("The member number that people read out."))
    name: str = Field(examples=["王**"])


class Page(Out):
    """A page of a list."""

    next: str = Field(
        description=gettext_noop("Send it as “cursor” for the next page; empty on the last one.")
    )
