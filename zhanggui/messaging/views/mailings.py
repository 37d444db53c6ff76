"""Mailings: list, write, look at reach and cost, confirm, follow, cancel."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts.models import Segment
from zhanggui.core import clock, numbers
from zhanggui.core.errors import DomainError
from zhanggui.files import following
from zhanggui.messaging import (
    campaigns,
    hours,
    mass,
    packs,
    routing,
    segments,
    selectors,
    templates,
    wallet,
    words,
)
from zhanggui.messaging.forms import MailingForm
from zhanggui.messaging.models import (
    GONE_OUT,
    TROUBLE,
    WAITING,
    Campaign,
    CampaignState,
    Kind,
    Message,
    Purse,
    State,
    in_fen,
)
from zhanggui.messaging.permissions import MAILING
from zhanggui.messaging.routing import House
from zhanggui.messaging.templates import MessageTemplate
from zhanggui.ui.paging import keyset

TONES = {
    CampaignState.DRAFT: "muted",
    CampaignState.QUEUING: "waiting",
    CampaignState.SENDING: "waiting",
    CampaignState.DONE: "success",
    CampaignState.CANCELLED: "danger",
}
OUT_OF_REACH = {
    (True, True): _("Do not follow the account and have no mobile number"),
    (True, False): _("Do not follow the official account"),
    (False, True): _("Have no mobile number"),
    (False, False): _("Neither WeChat nor SMS is switched on for this message"),
}
"""Whom a mailing cannot reach, by its ways: WeChat, SMS."""


@require_safe
@merchant_view(MAILING.name)
def mailings(request: MerchantRequest) -> HttpResponse:
    """All mailings, newest first."""
    state = request.GET.get("state", "")
    found = selectors.mailings()
    if state in CampaignState.values:
        found = found.filter(state=state)
    page = keyset(found, order=selectors.ORDER, after=request.GET.get("after", ""))
    shown = {
        "page": page,
        "rows": [
            (row, TONES[CampaignState(row.state)], templates.label_of(row.template))
            for row in page.rows
        ],
        "state": state,
        "states": CampaignState.choices,
    }
    return render(request, "messaging/mailings.html", shown)


@require_http_methods(["GET", "POST"])
@merchant_view(MAILING.name)
def new(request: MerchantRequest) -> HttpResponse:
    """Write a mailing."""
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
@merchant_view(MAILING.name)
def edit(request: MerchantRequest, *, mailing_id: int) -> HttpResponse:
    """Change a draft."""
    drafts = Campaign.objects.filter(state=CampaignState.DRAFT)
    return _edit(request, get_object_or_404(drafts, pk=mailing_id))


def _edit(request: MerchantRequest, row: Campaign | None) -> HttpResponse:
    possible = [one for one in templates.known() if one.for_many]
    chosen = _chosen(request, row, possible)
    form = MailingForm(
        request.POST or None,
        initial=_initial(row, chosen, request.GET.get("segment", "")),
        templates=possible,
        segments=[
            (str(pk), name)
            for pk, name in Segment.objects.order_by("name").values_list("pk", "name")
        ],
        chosen=chosen,
    )
    status = 200
    if request.method == "POST" and "look" not in request.POST:
        status = 422
        if form.is_valid():
            try:
                saved = campaigns.draft(
                    name=form.cleaned_data["name"],
                    template=chosen.name,
                    body=form.body(),
                    segment_id=numbers.whole(form.cleaned_data["segment"]),
                    actor=request.actor,
                    campaign=row,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                return redirect("messaging:mailing", request.merchant.slug, saved.pk)
    page = {"form": form, "mailing": row, "chosen": chosen, "possible": possible}
    return render(request, "messaging/mailing_form.html", page, status=status)


def _chosen(
    request: MerchantRequest, row: Campaign | None, possible: list[MessageTemplate]
) -> MessageTemplate:
    asked = request.POST.get("template") or request.GET.get("template")
    wanted = asked or (row.template if row else "")
    return next((one for one in possible if one.name == wanted), possible[0])


def _initial(row: Campaign | None, chosen: MessageTemplate, segment: str) -> dict[str, Any]:
    if row is None:
        return {"template": chosen.name, "segment": segment}
    return {
        "name": row.name,
        "template": chosen.name,
        "segment": str(row.segment_id or ""),
        **{f"field_{name}": value for name, value in row.body.items()},
    }


@require_safe
@merchant_view(MAILING.name)
def mailing(request: MerchantRequest, *, mailing_id: int) -> HttpResponse:
    """One mailing: before it begins its reach and cost, then how far it is."""
    row = get_object_or_404(Campaign.objects.all(), pk=mailing_id)
    template = templates.find(row.template)
    page: dict[str, Any] = {
        "mailing": row,
        "label": templates.label_of(row.template),
        "tone": TONES[CampaignState(row.state)],
        "is_draft": row.state == CampaignState.DRAFT,
        "is_open": row.state in campaigns.OPEN,
        "segment": Segment.objects.filter(pk=row.segment_id).first() if row.segment_id else None,
    }
    if template is not None:
        house = routing.house_of(request.merchant)
        page |= _words(house, template, row)
        if row.state == CampaignState.DRAFT:
            page |= _cost(house, template, row)
    if row.state != CampaignState.DRAFT:
        page |= _progress(row)
    if request.headers.get("HX-Request") == "true":
        return render(request, "messaging/_progress.html", page)
    return render(request, "messaging/mailing.html", page)


def _words(house: House, template: MessageTemplate, row: Campaign) -> dict[str, Any]:
    examples = {field.name: str(field.example) for field in template.all_fields()}
    values = {**examples, **row.body, "shop": house.merchant.name}
    text = words.signature() + templates.sms_text(template, house.rule(template).words, values)
    return {"text": text, "signs": segments.length_of(text), "parts": segments.count(text)}


def _cost(house: House, template: MessageTemplate, row: Campaign) -> dict[str, Any]:
    is_marketing = template.kind == Kind.MARKETING
    purse = Purse.MARKETING if is_marketing else Purse.SERVICE
    found = mass.estimate(house, row)
    left = wallet.balance(purse)
    now = clock.now()
    due = hours.due(template.kind, now, house.settings, house.merchant.time_zone)
    return {
        "estimate": found,
        "out_of_reach": OUT_OF_REACH[mass.ways(house, template)],
        "purse": purse,
        "left": left,
        "missing": max(found.segments - left, 0),
        "worth_fen": in_fen(found.segments * packs.milli_fen_a_segment(house.merchant.operator_id)),
        "due": due if due > now else None,
        "has_binding": house.binding(template) is not None,
        "wants_wechat": house.rule(template).by_wechat,
        "is_marketing": is_marketing,
    }


def _progress(row: Campaign) -> dict[str, Any]:
    figures = campaigns.figures(row)

    def total(states: tuple[State, ...]) -> int:
        return sum(figures.get(state.value, 0) for state in states)

    waiting = total(WAITING)
    goal = row.wechat + row.sms
    return {
        "goal": goal,
        "done": max(goal - waiting, 0),
        "figures": [
            (_("Gone out"), total(GONE_OUT), "out"),
            (_("Waiting"), waiting, "waiting"),
            (_("Did not get through"), total(TROUBLE), "trouble"),
            (_("Not sent"), figures.get(State.SKIPPED.value, 0), "skipped"),
            (_("Cancelled"), figures.get(State.CANCELLED.value, 0), "cancelled"),
        ],
        "first": Message.objects.filter(campaign=row).first(),
    }


@require_POST
@merchant_view(MAILING.name)
def confirm(request: MerchantRequest, *, mailing_id: int) -> HttpResponse:
    """Begin the mailing."""
    get_object_or_404(Campaign.objects.all(), pk=mailing_id)
    try:
        campaigns.confirm(merchant=request.merchant, campaign_id=mailing_id, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        following.follow(request)
        messages.success(request, _("It begins now. You may leave this page."))
    return redirect("messaging:mailing", request.merchant.slug, mailing_id)


@require_POST
@merchant_view(MAILING.name)
def cancel(request: MerchantRequest, *, mailing_id: int) -> HttpResponse:
    """Stop what has not gone out."""
    get_object_or_404(Campaign.objects.all(), pk=mailing_id)
    try:
        campaigns.cancel(merchant=request.merchant, campaign_id=mailing_id, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Stopped. Credit for what did not go out is back."))
    return redirect("messaging:mailing", request.merchant.slug, mailing_id)
