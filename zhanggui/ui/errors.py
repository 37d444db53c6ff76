"""The pages people see when something did not work: what happened, what is safe, what to do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Trouble:
    """What an error page says."""

    title: Text
    what: Text
    advice: Text
    icon: str


TROUBLES = {
    400: Trouble(
        _("This request could not be read"),
        _("The address or the form arrived damaged. Nothing was changed."),
        _("Go back, open the page again and repeat what you did."),
        "file-broken",
    ),
    403: Trouble(
        _("You do not have the right to do this"),
        _("The page exists, but your role does not include it. Nothing was changed."),
        _("Ask the owner of the shop to give you the right, or sign in as somebody else."),
        "lock",
    ),
    404: Trouble(
        _("There is nothing at this address"),
        _("The page was moved or deleted, or it is not yours to see."),
        _("Check the address, or start again from the first page."),
        "map-search",
    ),
    409: Trouble(
        _("Something else came first"),
        _("The data changed while you were working. Your change was not saved."),
        _("Open the page again, look at what is there now, then decide."),
        "arrows-exchange",
    ),
    410: Trouble(
        _("This is over"),
        _("The link or the code was used up or has expired."),
        _("Ask for a new one."),
        "hourglass-empty",
    ),
    422: Trouble(
        _("Something in the form is not right"),
        _("The form was not saved."),
        _("Go back and correct the fields that are marked."),
        "forms",
    ),
    429: Trouble(
        _("Too many tries"),
        _("To keep everybody safe we take a break here. Nothing was changed."),
        _("Wait a little, then try again."),
        "hand-stop",
    ),
    500: Trouble(
        _("We made a mistake"),
        _("Something broke on our side and was reported. What was saved before is safe."),
        _("Try again in a minute. If it comes back, tell support the code below."),
        "alert-triangle",
    ),
    503: Trouble(
        _("Back in a moment"),
        _("The system is being updated or very busy. Your data is safe."),
        _("Wait a minute, then open the page again."),
        "tools",
    ),
}


STALE = Trouble(
    _("The page is out of date"),
    _("The page was open for too long. Open it again and repeat; nothing was changed."),
    _("Go back and load the page again; sign in if you are asked to."),
    "clock-x",
)
"""A form whose token is missing or old."""


def refuse(
    request: HttpRequest,
    status: int,
    *,
    what: Text = "",
    code: str = "",
    trouble: Trouble | None = None,
) -> HttpResponse:
    """The page for a status; only its inner part where htmx asked for a piece of a page.

    Args:
        request: decides between the phone's and the computer's look.
        status: one of ``TROUBLES``.
        what: a better sentence than the usual one, for example a refusal's own text.
        code: the machine's name of the refusal, shown small.
        trouble: said instead of what the status usually means.
    """
    trouble = trouble or TROUBLES.get(status, TROUBLES[500])
    is_piece = request.headers.get("HX-Request") == "true"
    page = {
        "status": status,
        "trouble": trouble,
        "what": what or trouble.what,
        "code": code,
        "support_code": support_code(request),
        "is_phone": is_phone(request),
        "home": _home(request),
        "theme": request.COOKIES.get("theme", ""),
        "retry": status in {409, 429, 500, 503},
    }
    template = "ui/error/piece.html" if is_piece else "ui/error/page.html"
    # no context processors: they may be what broke
    return HttpResponse(loader.render_to_string(template, page), status=status)


def _home(request: HttpRequest) -> str:
    """Where the reader begins again: customers at their shop, managers at their desk."""
    merchant = getattr(request, "merchant", None)
    if merchant is not None and request.path.startswith("/w/"):
        return f"/w/{merchant.slug}/"
    return "/staff/" if request.path.startswith("/staff/") else "/"


def is_phone(request: HttpRequest) -> bool:
    """Whether the reader is on one of the phone surfaces or inside WeChat."""
    agent = request.headers.get("User-Agent", "")
    return request.path.startswith(("/w/", "/staff/")) or "MicroMessenger" in agent


def support_code(request: HttpRequest) -> str:
    """What the person reads out to support; the log line carries the same."""
    return getattr(request, "support_code", "") or secrets.token_hex(4).upper()
