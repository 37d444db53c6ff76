"""Templates: which one carries which of our messages, tried with example values.

Three lists stand side by side: template messages and subscription notifications of the official
account, subscription messages of the mini program. ``of`` in the address says which one is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages as toasts
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import bindings, notices, permits
from zhanggui.channels.wechat.bindings import Template
from zhanggui.channels.wechat.errors import advice_for
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    Follower,
    Form,
    Kind,
    OutgoingMessage,
    TemplateBinding,
)
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.tracking.resolver import masked
from zhanggui.channels.wechat.views import places
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError

FOLLOWERS = 30


@dataclass(frozen=True, slots=True)
class TemplateList:
    """One of WeChat's lists of templates, as our pages call it."""

    name: str
    """``of`` in the address."""
    label: str | Promise
    lead: str | Promise
    kind: Kind
    form: Form

    def url(self, request: HttpRequest, page: str = "templates", *arguments: Any) -> str:
        """A page of this list at the place one is at."""
        address = places.url(request, page, *arguments)
        return f"{address}?of={self.name}" if self.name else address


LISTS = (
    TemplateList(
        "",
        pgettext_lazy("list of templates", "Template messages"),
        gettext_lazy("To everybody who follows, as often as there is something to tell."),
        Kind.OFFICIAL,
        Form.TEMPLATE,
    ),
    TemplateList(
        "notice",
        pgettext_lazy("list of templates", "Subscription notifications"),
        gettext_lazy(
            "To whoever allowed it in WeChat, followers or not; each permission is good for one "
            "message, with few exceptions."
        ),
        Kind.OFFICIAL,
        Form.NOTICE,
    ),
    TemplateList(
        "mini",
        pgettext_lazy("list of templates", "Mini program"),
        gettext_lazy(
            "To whoever allowed it in the mini program; each yes is good for one message."
        ),
        Kind.MINI,
        Form.NOTICE,
    ),
)
_BY_NAME = {one.name: one for one in LISTS}


def list_of(kind: str, form: str) -> TemplateList:
    """The list of a kind of account and a form of messages."""
    return next(one for one in LISTS if (one.kind, one.form) == (kind, form))


def _asked(request: HttpRequest) -> TemplateList:
    return _BY_NAME.get(request.GET.get("of", ""), LISTS[0])


def _account_or_404(request: HttpRequest, shown: TemplateList) -> ChannelAccount:
    account = places.own_account(request, kind=shown.kind)
    if account is None:
        raise Http404
    return account


def _held(account: ChannelAccount, shown: TemplateList) -> dict[str, TemplateBinding]:
    rows = TemplateBinding.objects.select_related("account")
    return {one.template_key: one for one in rows.filter(account=account, form=shown.form)}


def templates(request: PlaceRequest) -> HttpResponse:
    """All our messages with the template that carries each."""
    shown = _asked(request)
    account = places.own_account(request, kind=shown.kind)
    may_edit = places.may(request, EDIT_CONTENT)
    page: dict[str, Any] = {
        "section": "templates",
        "shown": shown,
        "lists": [(one, one.url(request)) for one in LISTS],
        "account": account,
        "may_edit": may_edit,
    }
    if account is None and shown.kind == Kind.OFFICIAL:
        page = {"section": "templates", "may_manage": may_edit}
        return places.show(request, "wechat/backoffice/no_account.html", page)
    if account is not None:
        held = _held(account, shown)
        page |= {
            "rows": [
                (one, held.get(one.name), shown.url(request, "template", one.name))
                for one in notices.known()
            ],
            "used": bindings.used(account, shown.form),
            "most": bindings.MOST_TEMPLATES,
            "gone": [one for one in held.values() if one.state == "gone"],
            "check_url": shown.url(request, "templates_check"),
        }
    return places.show(request, "wechat/backoffice/templates.html", page)


def templates_check(request: PlaceRequest) -> HttpResponse:
    """Ask WeChat which templates are still there."""
    shown = _asked(request)
    account = _account_or_404(request, shown)
    try:
        found = bindings.templates_of(account, shown.form)
        bindings.note_templates(account, shown.form, found)
    except DomainError as refusal:
        toasts.error(request, refusal.message)
    else:
        toasts.success(request, _("Compared with WeChat's list."))
    return redirect(shown.url(request))


def template(request: PlaceRequest, name: str) -> HttpResponse:
    """Choose the template of one message and say what stands at its places."""
    shown = _asked(request)
    account = _account_or_404(request, shown)
    notice = notices.find(name)
    if notice is None:
        raise Http404
    held = _held(account, shown).get(name)
    refused: DomainError | None = None
    found: list[Template] = []
    try:
        found = bindings.templates_of(account, shown.form)
    except DomainError as refusal:
        refused = refusal
    asked = request.POST if request.method == "POST" else request.GET
    picked = asked.get("template_id", held.template_id if held else "")
    chosen_id = (asked.get("pasted", "") or picked).strip()[:64]
    chosen = next((one for one in found if one.id == chosen_id), None)
    mapping = _mapping(request, notice, held, chosen)
    if request.method == "POST" and refused is None:
        try:
            bindings.bind(
                account=account,
                form=shown.form,
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
            return redirect(shown.url(request))
    page = {
        "section": "templates",
        "shown": shown,
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
        "people": _people(request, held) if held else [],
        "is_notice": shown.form == Form.NOTICE,
        "list_url": shown.url(request),
        "page_url": shown.url(request, "template", name),
        "test_url": shown.url(request, "template_test", name),
        "unbind_url": shown.url(request, "template_unbind", name),
    }
    page |= _test_of(request, account)
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


def _reached(binding: TemplateBinding) -> dict[int, str]:
    """Who can get a test, by the id of a row: newest followers, or whoever allowed it now."""
    if binding.form == Form.NOTICE:
        return permits.people_of(binding, FOLLOWERS)
    rows = Follower.objects.filter(account=binding.account, is_following=True)
    return dict(rows.order_by("-changed_at").values_list("pk", "openid")[:FOLLOWERS])


def _people(request: PlaceRequest, binding: TemplateBinding) -> list[tuple[int, str]]:
    """Some people to test with: names where the shop knows them, else the end of the openid."""
    found = _reached(binding)
    names: dict[str, str] = {}
    if isinstance(places.place_of(request), Merchant):
        links = IdentityLink.objects.select_related("customer").filter(
            account_id=binding.account_id, openid__in=found.values()
        )
        names = {link.openid: link.customer.name for link in links}
    return [(pk, names.get(openid) or masked(openid)) for pk, openid in found.items()]


def template_test(request: PlaceRequest, name: str) -> HttpResponse:
    """Send a message with example values to a chosen person."""
    shown = _asked(request)
    binding = _binding_or_404(request, shown, name)
    openid = _reached(binding).get(numbers.whole(request.POST.get("person", "")) or 0)
    if openid is None:
        raise Http404
    try:
        tested = bindings.send_test(binding=binding, openid=openid, actor=request.actor)
    except DomainError as refusal:
        toasts.error(request, refusal.message)
        return redirect(shown.url(request, "template", name))
    query = urlencode({"of": shown.name, "tested": tested})
    return redirect(f"{places.url(request, 'template', name)}?{query}")


def _test_of(request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:
    """What became of the test that was sent last; the page asks again while it waits."""
    number = numbers.whole(request.GET.get("tested", ""))
    found = OutgoingMessage.objects.filter(pk=number or 0, account=account).first()
    advice = advice_for(found.error_code) if found and found.error_code is not None else ""
    return {"tested": found, "tested_advice": advice}


def template_unbind(request: PlaceRequest, name: str) -> HttpResponse:
    """Send a message by no template any more."""
    shown = _asked(request)
    bindings.unbind(binding=_binding_or_404(request, shown, name), actor=request.actor)
    toasts.success(request, _("This message no longer goes out by that template."))
    return redirect(shown.url(request))


def _binding_or_404(request: HttpRequest, shown: TemplateList, name: str) -> TemplateBinding:
    rows = TemplateBinding.objects.select_related("account")
    account = _account_or_404(request, shown)
    return get_object_or_404(rows, account=account, form=shown.form, template_key=name)
