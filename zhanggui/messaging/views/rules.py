"""What the shop sends: every message with its ways and words; hours and caps; one's wishes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts.models import Customer
from zhanggui.contacts.permissions import EDIT_CUSTOMERS
from zhanggui.core.errors import DomainError
from zhanggui.messaging import (
    consents,
    house_rules,
    links,
    routing,
    segments,
    templates,
    words,
)
from zhanggui.messaging.forms import RuleForm, SettingsForm
from zhanggui.messaging.house_rules import SettingsInput
from zhanggui.messaging.models import ConsentSource, Kind, Route
from zhanggui.messaging.permissions import MANAGE
from zhanggui.messaging.routing import House
from zhanggui.messaging.templates import MessageTemplate

NOBODYS = UUID("6f1c2a9b-7d34-4e8a-9b52-c01de7f3a845")
"""Stands in previews for the token of a message: as long as a real one."""


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE.name)
def rules(request: MerchantRequest) -> HttpResponse:
    """All messages, and the rules that hold for every one of them."""
    now = house_rules.current()
    initial = {name: getattr(now, name) for name in house_rules.SETTINGS}
    form = SettingsForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                house_rules.change_settings(
                    wanted=SettingsInput(**form.cleaned_data), actor=request.actor
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("Saved. It holds for every message from now on."))
                return redirect("messaging:rules", request.merchant.slug)
    house = routing.house_of(request.merchant)
    page = {
        "form": form,
        "house": house,
        "rows": [_row(house, one) for one in templates.known() if one.has_rule],
    }
    return render(request, "messaging/rules.html", page, status=status)


def _row(house: House, template: MessageTemplate) -> dict[str, Any]:
    return {
        "template": template,
        "rule": house.rule(template),
        "binding": house.binding(template),
        "notices": [one for _route, one in house.notices(template)],
        "is_own": bool(house.rule(template).words),
    }


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE.name)
def rule(request: MerchantRequest, *, template: str) -> HttpResponse:
    """One message: whether it goes, by what, in which words."""
    known = _known(template)
    house = routing.house_of(request.merchant)
    now = house.rule(known)
    fixed = words.has_own_template(known)
    initial = {name: getattr(now, name) for name in house_rules.RULE}
    form = RuleForm(request.POST or None, initial=initial, template=known, fixed=fixed)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = {"by_wechat": False, "by_notice": False, "words": "", **form.cleaned_data}
            try:
                house_rules.change_rule(template=known, actor=request.actor, **values)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "words")
            else:
                messages.success(request, _("Saved. The next message goes like this."))
                return redirect("messaging:rules", request.merchant.slug)
    typed = "" if fixed else str(form["words"].value() or "")
    page = {
        "template": known,
        "form": form,
        "is_fixed": fixed,
        "binding": house.binding(known),
        "notices": [one for _route, one in house.notices(known)],
        "account": house.account,
        **_preview(request, known, typed),
    }
    return render(request, "messaging/rule.html", page, status=status)


@require_POST
@merchant_view(MANAGE.name)
def preview(request: MerchantRequest, *, template: str) -> HttpResponse:
    """The words on the screen as a customer would read them, with their segments."""
    page = _preview(request, _known(template), request.POST.get("words", "")[:300])
    return render(request, "messaging/_preview.html", page)


def _preview(request: MerchantRequest, template: MessageTemplate, typed: str) -> dict[str, Any]:
    examples = {field.name: str(field.example) for field in template.all_fields()}
    examples["shop"] = request.merchant.name
    examples["stop"] = links.address(request.merchant, links.STOP, NOBODYS)
    examples["link"] = links.address(request.merchant, template.page, NOBODYS)
    text = words.signature() + templates.sms_text(template, typed, examples)
    unknown = templates.unknown_places(template, typed)
    return {
        "text": text,
        "signs": segments.length_of(text),
        "segments": segments.count(text),
        "unknown": ", ".join(f"{{{name}}}" for name in unknown),
    }


def _known(name: str) -> MessageTemplate:
    found = templates.find(name)
    if found is None or not found.has_rule:
        raise Http404
    return found


@require_POST
@merchant_view(EDIT_CUSTOMERS.name)
def wishes(request: MerchantRequest, *, customer_id: int) -> HttpResponse:
    """Note what a customer said about messages."""
    customer = get_object_or_404(Customer.objects.all(), pk=customer_id)
    kind, route = request.POST.get("kind", ""), request.POST.get("route", "")
    if kind not in Kind.values or route not in {Route.WECHAT, Route.SMS}:
        raise Http404
    consents.note(
        customer=customer,
        kind=Kind(kind),
        route=Route(route),
        wants=request.POST.get("wants") == "yes",
        source=ConsentSource.STAFF,
        actor=request.actor,
    )
    messages.success(request, _("Noted."))
    return redirect("contacts:customer", request.merchant.slug, customer.pk)
