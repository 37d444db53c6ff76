"""Templates: which one carries which of our messages, tried with example values."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import bindings, notices
from zhanggui.channels.wechat.client.messages import Template
from zhanggui.channels.wechat.models import ChannelAccount, Follower, TemplateBinding
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.tracking.resolver import masked
from zhanggui.channels.wechat.views import places
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError

FOLLOWERS = 30


def templates(request: PlaceRequest) -> HttpResponse:
    """All our messages with the template that carries each."""
    account = places.own_account(request)
    may_edit = places.may(request, EDIT_CONTENT)
    if account is None:
        page = {"section": "templates", "may_manage": may_edit}
        return places.show(request, "wechat/backoffice/no_account.html", page)
    held = {one.template_key: one for one in TemplateBinding.objects.filter(account=account)}
    page = {
        "section": "templates",
        "account": account,
        "rows": [(notice, held.get(notice.name)) for notice in notices.known()],
        "used": bindings.used(account),
        "most": bindings.MOST_TEMPLATES,
        "gone": [one for one in held.values() if one.state == "gone"],
        "may_edit": may_edit,
    }
    return places.show(request, "wechat/backoffice/templates.html", page)


def templates_check(request: PlaceRequest) -> HttpResponse:
    """Ask WeChat which templates are still there."""
    account = places.own_account_or_404(request)
    try:
        bindings.note_templates(account, bindings.templates_of(account))
    except DomainError as refusal:
        toasts.error(request, refusal.message)
    else:
        toasts.success(request, _("Compared with WeChat's list."))
    return redirect(places.url(request, "templates"))


def template(request: PlaceRequest, name: str) -> HttpResponse:
    """Choose the template of one message and say what stands at its places."""
    account = places.own_account_or_404(request)
    notice = notices.find(name)
    if notice is None:
        raise Http404
    held = TemplateBinding.objects.filter(account=account, template_key=name).first()
    refused: DomainError | None = None
    found: list[Template] = []
    try:
        found = bindings.templates_of(account)
    except DomainError as refusal:
        refused = refusal
    asked = request.POST if request.method == "POST" else request.GET
    chosen_id = asked.get("template_id", held.template_id if held else "").strip()[:64]
    chosen = next((one for one in found if one.id == chosen_id), None)
    mapping = _mapping(request, notice, held, chosen)
    if request.method == "POST" and refused is None:
        try:
            bindings.bind(
                account=account,
                notice=notice,
                template_id=chosen_id,
                number=request.POST.get("number", "").strip()[:20],
                mapping=mapping,
                actor=request.actor,
            )
        except DomainError as refusal:
            refused = refusal
        else:
            toasts.success(request, _("This message goes out by that template from now on."))
            return redirect(places.url(request, "templates"))
    page = {
        "section": "templates",
        "account": account,
        "notice": notice,
        "held": held,
        "found": found,
        "chosen_id": chosen_id,
        "chosen": chosen,
        "number": asked.get("number", held.number if held else ""),
        "rows": _rows(chosen, mapping),
        "preview": _preview(notice, chosen, mapping),
        "refused": refused,
        "is_unknown": bool(chosen_id) and chosen is None and bool(found),
        "followers": _followers(request, account) if held else [],
    }
    status = refused.status if refused else 200
    return places.show(request, "wechat/backoffice/template.html", page, status=status)


def _mapping(
    request: PlaceRequest,
    notice: notices.Notice,
    held: TemplateBinding | None,
    chosen: Template | None,
) -> dict[str, str]:
    if chosen is None:
        return {}
    asked = request.POST if request.method == "POST" else request.GET
    known = held.mapping if held and held.template_id == chosen.id else {}
    guessed = bindings.guess(notice, chosen)
    mapping = {}
    for place in bindings.places_of(chosen.content):
        value = asked.get(f"place-{place.key}")
        if value == bindings.FIXED:
            value = bindings.FIXED + asked.get(f"fixed-{place.key}", "").strip()
        mapping[place.key] = (
            value if value is not None else known.get(place.key, guessed.get(place.key, ""))
        )
    return mapping


def _rows(chosen: Template | None, mapping: dict[str, str]) -> list[dict[str, Any]]:
    if chosen is None:
        return []
    rows = []
    for place in bindings.places_of(chosen.content):
        value = mapping.get(place.key, "")
        is_fixed = value.startswith(bindings.FIXED)
        rows.append(
            {
                "place": place,
                "value": value,
                "is_fixed": is_fixed,
                "fixed": value.removeprefix(bindings.FIXED) if is_fixed else "",
            }
        )
    return rows


def _preview(notice: notices.Notice, chosen: Template | None, mapping: dict[str, str]) -> str:
    if chosen is None:
        return ""
    stand_in = TemplateBinding(mapping=mapping)
    data = bindings.filled(stand_in, bindings.examples(notice))
    return bindings.preview(chosen.content, data)


def _followers(request: PlaceRequest, account: ChannelAccount) -> list[tuple[int, str]]:
    """Some followers to test with, the newest first: names where the shop knows them."""
    rows = Follower.objects.filter(account=account, is_following=True).order_by("-changed_at")
    newest = list(rows[:FOLLOWERS])
    names: dict[str, str] = {}
    if isinstance(places.place_of(request), Merchant):
        links = IdentityLink.objects.select_related("customer").filter(
            account_id=account.pk, openid__in=[one.openid for one in newest]
        )
        names = {link.openid: link.customer.name for link in links}
    return [(one.pk, names.get(one.openid) or masked(one.openid)) for one in newest]


def template_test(request: PlaceRequest, name: str) -> HttpResponse:
    """Send a message with example values to a chosen follower."""
    account = places.own_account_or_404(request)
    binding = get_object_or_404(
        TemplateBinding.objects.select_related("account"), account=account, template_key=name
    )
    follower_id = numbers.whole(request.POST.get("follower", ""))
    follower = get_object_or_404(Follower, pk=follower_id, account=account, is_following=True)
    bindings.send_test(binding=binding, openid=follower.openid, actor=request.actor)
    toasts.success(request, _("On its way. Look at the phone of that follower."))
    return redirect(places.url(request, "template", name))


def template_unbind(request: PlaceRequest, name: str) -> HttpResponse:
    """Send a message by no template any more."""
    account = places.own_account_or_404(request)
    binding = get_object_or_404(
        TemplateBinding.objects.select_related("account"), account=account, template_key=name
    )
    bindings.unbind(binding=binding, actor=request.actor)
    toasts.success(request, _("This message no longer goes out by WeChat."))
    return redirect(places.url(request, "templates"))
