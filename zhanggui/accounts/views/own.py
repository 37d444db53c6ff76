"""One's own pages: name, password, sessions."""

from __future__ import annotations

from django.contrib import auth, messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts import navigation, services
from zhanggui.accounts.errors import PasswordWeak
from zhanggui.accounts.forms import PasswordForm, ProfileForm, put_refusal
from zhanggui.accounts.guards import SignedInRequest, signed_in_view
from zhanggui.accounts.models import Session
from zhanggui.core import clock
from zhanggui.core.errors import DomainError

WAYS = {
    "password": gettext_lazy("password"),
    "sms": gettext_lazy("code by SMS"),
    "passkey": gettext_lazy("passkey"),
    "wechat": gettext_lazy("WeChat"),
    "totp": gettext_lazy("app"),
    "recovery": gettext_lazy("recovery code"),
}


def way_in_words(way: str) -> str:
    """How somebody signed in, in words: ``password+totp`` is “password + app”."""
    return " + ".join(str(WAYS.get(part, part)) for part in way.split("+") if part)


def _page(
    request: SignedInRequest,
    *,
    profile: ProfileForm | None = None,
    password: PasswordForm | None = None,
    status: int = 200,
) -> HttpResponse:
    sessions = Session.objects.filter(
        person_id=request.person.pk, expire_date__gt=clock.now()
    ).order_by("-last_used_at", "-created_at")
    page = {
        "profile": profile or ProfileForm(initial={"name": request.person.name}),
        "password": password or PasswordForm(),
        "places": [
            {"id": m.pk, "name": navigation.name_of(m), "kind": navigation.kind_of(m)}
            for m in navigation.memberships_of(request.person)
        ],
        "sessions": [
            {
                "handle": services.handle_of(session.session_key),
                "device": session.device,
                "ip": session.ip,
                "way": way_in_words(session.way),
                "created_at": session.created_at,
                "last_used_at": session.last_used_at,
                "is_this": session.session_key == request.session.session_key,
            }
            for session in sessions
        ],
    }
    return render(request, "accounts/profile.html", page, status=status)


@require_GET
@signed_in_view
def profile(request: SignedInRequest) -> HttpResponse:
    """Name, password and the browsers where one is signed in."""
    return _page(request)


@require_POST
@signed_in_view
def rename(request: SignedInRequest) -> HttpResponse:
    """Change one's name."""
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _page(request, profile=form, status=422)
    services.rename_person(
        person=request.person, name=form.cleaned_data["name"], actor=request.actor
    )
    messages.success(request, _("Your name is saved."))
    return redirect("accounts:profile")


@sensitive_post_parameters()
@require_POST
@signed_in_view
def change_password(request: SignedInRequest) -> HttpResponse:
    """Change one's password; other browsers are signed out."""
    form = PasswordForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            services.change_password(
                person=request.person,
                present=form.cleaned_data["present"],
                new=form.cleaned_data["new"],
                session_key=request.session.session_key or "",
                actor=request.actor,
            )
        except DomainError as refusal:
            field = "new" if isinstance(refusal, PasswordWeak) else "present"
            status = put_refusal(form, refusal, field)
        else:
            auth.update_session_auth_hash(request, request.person)
            why = services.weakness_of(form.cleaned_data["new"], request.person.phone)
            if why:
                messages.warning(
                    request, _("This password is easy to guess. %(why)s") % {"why": why}
                )
            messages.success(
                request, _("The password is changed. All other browsers are signed out.")
            )
            return redirect("accounts:profile")
    return _page(request, password=form, status=status)


@require_POST
@signed_in_view
def end_other_sessions(request: SignedInRequest) -> HttpResponse:
    """Sign all of one's other browsers out."""
    ended = services.end_other_sessions(
        person=request.person,
        session_key=request.session.session_key or "",
        actor=request.actor,
    )
    if ended:
        messages.success(request, _("All other browsers are signed out."))
    return redirect("accounts:profile")


@require_POST
@signed_in_view
def end_session(request: SignedInRequest) -> HttpResponse:
    """Sign one of one's own browsers out."""
    services.end_session(
        person=request.person, handle=request.POST.get("session", ""), actor=request.actor
    )
    messages.success(request, _("That browser is signed out."))
    return redirect("accounts:profile")
