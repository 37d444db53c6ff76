"""The log of messages: every one with its fate, its cost and what helps."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.channels.sms import selectors as sms
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.core.sealing import CannotOpen
from zhanggui.messaging import fates, routing, selectors, services, templates, words
from zhanggui.messaging.lists import MESSAGES
from zhanggui.messaging.models import Message, Route, State
from zhanggui.messaging.permissions import MANAGE, VIEW


@require_safe
@merchant_view(VIEW.name)
def log(request: MerchantRequest) -> HttpResponse:
    """Messages newest first, with filters, search and export."""
    zone = request.merchant.time_zone
    shown = MESSAGES.open(request)
    found = selectors.messages(shown.values, search=shown.search, zone=zone)
    shown.fill(found)
    dress(shown.rows)
    page = {
        "list": shown,
        "costs": selectors.costs(found) if shown.is_filtered else None,
        "today": selectors.today(zone),
        "day": clock.local_date(clock.now(), zone).isoformat(),
        "may_manage": MANAGE.name in request.permissions,
        "stop": sms.stop(),
    }
    return render(request, "messaging/log.html", page)


def dress(rows: list[Message]) -> None:
    """Put on the rows what the list shows of them beside their columns."""
    for row in rows:
        shown: Any = row
        shown.label = templates.label_of(row.template)
        shown.tone = fates.tone(row)
        shown.advice = fates.advice(row)
        shown.may_resend = services.may_resend(row)


@require_safe
@merchant_view(VIEW.name)
def message(request: MerchantRequest, *, message_id: int) -> HttpResponse:
    """One message: its words, its way, its fate."""
    rows = Message.objects.select_related("customer", "campaign")
    row = get_object_or_404(rows, pk=message_id)
    dress([row])
    page = {
        "message": row,
        "text": _text(request, row),
        "detour": fates.detour(row),
        "is_waiting": row.state in {State.QUEUED, State.SENDING},
        "is_sms": row.route == Route.SMS,
        "later": Message.objects.filter(resent_from=row.pk).first(),
        "may_resend": MANAGE.name in request.permissions and services.may_resend(row),
    }
    return render(request, "messaging/message.html", page)


def _text(request: MerchantRequest, row: Message) -> str:
    """The words as they went by SMS or stood in the chat; empty once they are erased."""
    template = templates.find(row.template)
    if template is None or (row.campaign is None and row.body_sealed is None):
        return ""
    try:
        return words.of(routing.house_of(request.merchant), template, row)
    except CannotOpen:
        return ""


@require_POST
@merchant_view(MANAGE.name)
def resend(request: MerchantRequest, *, message_id: int) -> HttpResponse:
    """Send a message that did not get through once more."""
    get_object_or_404(Message.objects.all(), pk=message_id)
    try:
        row = services.resend(merchant=request.merchant, message_id=message_id, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("messaging:message", request.merchant.slug, message_id)
    if row.state == State.SKIPPED:
        messages.warning(request, str(fates.advice(row)))
    else:
        messages.success(request, _("It is on its way again."))
    return redirect("messaging:message", request.merchant.slug, row.pk)
