"""The platform's page of text messages: what went out, and the emergency switch."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts import rights
from zhanggui.accounts.forms import PhoneField, put_refusal
from zhanggui.accounts.guards import PlatformRequest, platform_view
from zhanggui.channels.sms import client, desk, selectors, services
from zhanggui.channels.sms.models import SmsPurpose, SmsState
from zhanggui.core import limits
from zhanggui.core.errors import DomainError
from zhanggui.core.limits import Limit
from zhanggui.ui.paging import keyset


class StopForm(forms.Form):
    """Why messages are switched off."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)


TESTS = Limit("sms-test", most=10, window_s=3_600, lock_s=3_600)


class TestForm(forms.Form):
    """To which number a test goes."""

    phone = PhoneField(label=gettext_lazy("To the number"))


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def messages_sent(request: PlatformRequest) -> HttpResponse:
    """Messages newest first, with their fate; phones are masked, texts are not kept."""
    return _page(request, StopForm())


def _page(request: PlatformRequest, form: StopForm, status: int = 200) -> HttpResponse:
    chosen = {name: request.GET.get(name, "")[:20] for name in ("state", "purpose", "since")}
    found = selectors.outgoing(**chosen)
    page = {
        **chosen,
        "is_filtered": any(chosen.values()),
        "today": selectors.today().isoformat(),
        "page": keyset(found, order=("-created_at", "-id"), after=request.GET.get("after", "")),
        "states": selectors.STATES,
        "purposes": SmsPurpose.choices,
        "figures": selectors.figures_of_today(),
        "stop": selectors.stop(),
        "is_set_up": client.is_set_up(),
        "provider": settings.SMS_PROVIDER,
        "down": desk.down().first(),
        "form": form,
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
    }
    return render(request, "sms/messages.html", page, status=status)


@require_GET
@platform_view(rights.PLATFORM_VIEW.name)
def providers(request: PlatformRequest) -> HttpResponse:
    """The providers of this installation and how each is doing; secrets are never shown."""
    return _providers(request)


def _providers(
    request: PlatformRequest, tried: str = "", form: TestForm | None = None, status: int = 200
) -> HttpResponse:
    page = {
        "desks": [
            (one, form if form and one.name == tried else _test_form(request, one.name))
            for one in desk.providers()
        ],
        "stop": selectors.stop(),
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
    }
    return render(request, "sms/providers.html", page, status=status)


def _test_form(request: PlatformRequest, provider: str) -> TestForm:
    own = {"phone": getattr(request.user, "phone", "") or ""}
    return TestForm(initial=own, auto_id=f"id_{provider}_%s")


@require_POST
@platform_view(rights.PLATFORM_MANAGE.name)
def provider_test(request: PlatformRequest, *, provider: str) -> HttpResponse:
    """Send one message by one provider and say at once what it answered."""
    form = TestForm(request.POST, auto_id=f"id_{provider}_%s")
    if provider not in desk.NAMES:
        raise Http404
    if not form.is_valid():
        return _providers(request, provider, form, status=422)
    try:
        limits.claim(TESTS, request.actor.key)
        sent = services.send_test(
            provider=provider, phone=form.cleaned_data["phone"], actor=request.actor
        )
    except DomainError as refusal:
        return _providers(request, provider, form, put_refusal(form, refusal, "phone"))
    if sent.state in {SmsState.SENT, SmsState.DELIVERED}:
        messages.success(request, _("Handed over. Look at the phone."))
    else:
        messages.error(request, f"{sent.error} · {sent.advice}")
    return redirect("sms:providers")


@require_POST
@platform_view(rights.PLATFORM_MANAGE.name)
def stop(request: PlatformRequest) -> HttpResponse:
    """Switch all messages off."""
    form = StopForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    services.stop_sending(reason=form.cleaned_data["reason"], actor=request.actor)
    messages.success(request, _("No text message goes out until you switch them on again."))
    return redirect("sms:messages")


@require_POST
@platform_view(rights.PLATFORM_MANAGE.name)
def resume(request: PlatformRequest) -> HttpResponse:
    """Switch messages on again."""
    services.resume_sending(actor=request.actor)
    messages.success(request, _("Text messages go out again."))
    return redirect("sms:messages")
