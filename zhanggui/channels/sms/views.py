"""The platform's page of text messages: what went out, and the emergency switch."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts import rights
from zhanggui.accounts.guards import PlatformRequest, platform_view
from zhanggui.channels.sms import client, selectors, services
from zhanggui.channels.sms.models import SmsPurpose
from zhanggui.ui.paging import keyset


class StopForm(forms.Form):
    """Why messages are switched off."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)


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
        "addresses": selectors.addresses(),
        "form": form,
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
    }
    return render(request, "sms/messages.html", page, status=status)


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
