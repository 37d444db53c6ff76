"""Who may use the staff's phone pages: ``@staff_view`` on addresses under ``/staff/``.

Staff sign in through the platform's official account: silently inside WeChat, the first time with
the question for nickname and picture. Whether the person manages a store is a question for the
product, on top of this guard.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from zhanggui.accounts import devices
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.guards import SignedInRequest, mark, wants_piece
from zhanggui.accounts.models import Person
from zhanggui.accounts.sessions import DEVICE_KEY
from zhanggui.channels.wechat import oauth, services
from zhanggui.channels.wechat.errors import NoAccount
from zhanggui.contacts.guards import open_in_wechat
from zhanggui.core.errors import SignedOut

ACCOUNT_KEY = "wechat_account_id"
"""In the session: through which account the person signed in."""


class StaffRequest(SignedInRequest):
    """A request of a person who signed in through the platform's official account."""


type View[**P] = Callable[Concatenate[StaffRequest, P], HttpResponseBase]


def staff_view[**P](view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let people through who signed in by WeChat; sign others in.

    Not signed in: inside WeChat to the sign-in and back, elsewhere a page that says to open it in
    WeChat; htmx, JSON and forms get 401. A password sign-in is not enough: it does not say which
    WeChat this is.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        person = _person(request)
        if person is None:
            return _sign_in(request)
        request.person = person  # type: ignore[attr-defined]
        request.actor = person_actor(person, request)  # type: ignore[attr-defined]
        request.permissions = frozenset()  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)  # type: ignore[arg-type]

    return mark(guarded, "staff")


def _person(request: HttpRequest) -> Person | None:
    account_id = request.session.get(ACCOUNT_KEY)
    if account_id is None or not isinstance(request.user, Person):
        return None
    if not devices.is_of(request.session.get(DEVICE_KEY, ""), request):
        return None  # carried off to another device (threats of section 8)
    account = services.platform_account()
    return request.user if account is not None and account.pk == account_id else None


def _sign_in(request: HttpRequest) -> HttpResponseBase:
    if wants_piece(request) or request.method not in {"GET", "HEAD"}:
        raise SignedOut
    if services.platform_account() is None:
        raise NoAccount
    if not oauth.is_inside_wechat(request.headers.get("User-Agent", "")):
        return open_in_wechat(request)
    return HttpResponseRedirect(oauth.staff_start_url(request.get_full_path()))
