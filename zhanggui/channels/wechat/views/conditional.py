"""Menus for some followers: the list, the editor, and what stands at WeChat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat.audience_forms import AudienceForm, LabelForm
from zhanggui.channels.wechat.errors import LabelGone, MenuFaulty, NoAudience
from zhanggui.channels.wechat.menus import builtin, conditional, matching, rules, services
from zhanggui.channels.wechat.menus.conditional import Audience
from zhanggui.channels.wechat.menus.rules import Menu, Problem
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    ConditionalMenu,
    ConditionalVersion,
    Follower,
)
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.tracking.resolver import masked
from zhanggui.channels.wechat.views import menu as editor
from zhanggui.channels.wechat.views import places
from zhanggui.contacts.models import IdentityLink, Tag
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging

FOLLOWERS = 30
LONGEST_ID = 64
SHOWN = 10


def menus(
    request: PlaceRequest, *, label_form: LabelForm | None = None, status: int = 200
) -> HttpResponse:
    """All of an account, in the order in which WeChat looks through them."""
    account = places.own_account(request)
    if account is None:
        page = {"section": "menu", "may_manage": places.may(request, EDIT_CONTENT)}
        return places.show(request, "wechat/backoffice/no_account.html", page)
    page = {
        "section": "menu",
        "account": account,
        "rows": matching.menus_of(account),
        "people": _people(request, account),
        "label_form": label_form or LabelForm(tags=tags_here(request)),
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    return places.show(request, "wechat/backoffice/conditional_menus.html", page, status=status)


def tags_here(request: PlaceRequest) -> list[Tag]:
    """The shop's own tags; an account of an operator or the platform has no customers."""
    is_shop = isinstance(places.place_of(request), Merchant)
    return list(Tag.objects.order_by("name_key")) if is_shop else []


def _people(request: PlaceRequest, account: ChannelAccount) -> list[tuple[int, str]]:
    """Newest followers to try it with: names where the shop knows them, else the openid's end."""
    rows = Follower.objects.filter(account=account, is_following=True).order_by("-changed_at")
    found = dict(rows.values_list("pk", "openid")[:FOLLOWERS])
    names: dict[str, str] = {}
    if isinstance(places.place_of(request), Merchant):
        links = IdentityLink.objects.select_related("customer").filter(
            account_id=account.pk, openid__in=found.values()
        )
        names = {link.openid: link.customer.name for link in links}
    return [(pk, names.get(openid) or masked(openid)) for pk, openid in found.items()]


def _menu_or_404(request: PlaceRequest, conditional_id: int) -> ConditionalMenu:
    account = places.own_account_or_404(request)
    rows = ConditionalMenu.objects.select_related("account__merchant", "saved_by")
    return get_object_or_404(rows, pk=conditional_id, account=account, archived_at=None)


def menu_new(request: PlaceRequest) -> HttpResponse:
    """Begin one with what the menu for everybody holds."""
    return _edit(request, places.own_account_or_404(request), None)


def menu_edit(request: PlaceRequest, conditional_id: int) -> HttpResponse:
    """The editor of one; POST saves it, or saves and publishes it."""
    menu = _menu_or_404(request, conditional_id)
    return _edit(request, menu.account, menu)


def _edit(
    request: PlaceRequest, account: ChannelAccount, menu: ConditionalMenu | None
) -> HttpResponse:
    if request.method == "POST":
        return _save(request, account, menu)
    shown = rules.read(menu.content) if menu else matching.begun(account)
    found = services.problems_of(account, shown) if menu else []
    return _show(request, account, menu, form=_form(menu), shown=shown, found=found)


def _form(menu: ConditionalMenu | None, posted: Any = None) -> AudienceForm:
    if menu is None:
        return AudienceForm(posted)
    initial = {"name": menu.name, "tag_id": menu.tag_id, "platform": menu.platform}
    return AudienceForm(posted, initial=initial, label=(menu.tag_id, menu.tag_name))


def _save(
    request: PlaceRequest, account: ChannelAccount, menu: ConditionalMenu | None
) -> HttpResponse:
    drawn, form = editor.drawn_of(request), _form(menu, request.POST)
    if not form.is_valid():
        return _show(request, account, menu, form=form, shown=drawn, status=422)
    revision = numbers.whole(request.POST.get("revision", "")) or 0
    published = None
    try:
        audience = _audience(account, menu, form)
        if menu is None:
            menu = conditional.add(
                account=account, audience=audience, drawn=drawn, actor=request.actor
            )
        else:
            menu = conditional.save(
                menu=menu, audience=audience, drawn=drawn, revision=revision, actor=request.actor
            )
        if request.POST.get("do") == "publish":
            published = conditional.publish(menu=menu, actor=request.actor)
    except DomainError as refusal:
        found = list(refusal.problems) if isinstance(refusal, MenuFaulty) else []
        if isinstance(refusal, NoAudience | LabelGone):
            form.add_error("tag_id", refusal.message)
        return _show(
            request,
            account,
            menu,
            form=form,
            shown=drawn,
            found=found,
            refusal=refusal,
            status=refusal.status,
        )
    _tell(request, published)
    return redirect(places.url(request, "conditional_edit", menu.pk))


def _audience(
    account: ChannelAccount, menu: ConditionalMenu | None, form: AudienceForm
) -> Audience:
    """What the form says; the name of a label that was not chosen before is asked of WeChat.

    Raises:
        LabelGone: the account has no such label (E_LABEL_GONE, 409).
        WechatRefused, WechatUnreachable: WeChat did not say.
    """
    typed = form.cleaned_data
    tag_id, tag_name = typed["tag_id"], ""
    if tag_id and menu is not None and menu.tag_id == tag_id:
        tag_name = menu.tag_name
    elif tag_id:
        names = {label.id: label.name for label in matching.labels_of(account)}
        if tag_id not in names:
            raise LabelGone
        tag_name = names[tag_id][:30]
    return Audience(typed["name"], tag_id, tag_name, typed["platform"])


def _tell(request: PlaceRequest, published: conditional.Published | None) -> None:
    if published is None:
        messages.success(request, _("Draft saved. Customers still see the published menu."))
        return
    text = _("Published as version %(n)s. Phones show it within five minutes.")
    messages.success(request, text % {"n": published.version.number})
    if published.is_old_left:
        messages.warning(
            request,
            _("WeChat did not take the version before away. Ask what stands there and delete it."),
        )


def _show(
    request: PlaceRequest,
    account: ChannelAccount,
    menu: ConditionalMenu | None,
    *,
    form: AudienceForm,
    shown: Menu,
    found: Sequence[Problem] = (),
    refusal: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    versions = list(matching.versions_of(menu)[:SHOWN]) if menu else []
    live = versions[0] if versions else None
    data = editor.data_of(builtin.choices(account), shown, found)
    page = {
        "section": "menu",
        "account": account,
        "menu": menu,
        "form": form,
        "revision": menu.revision if menu else 0,
        "is_published": menu is not None and matching.is_published(menu, live),
        "live": live,
        "versions": versions,
        "drawn": json.dumps(data, ensure_ascii=False),
        "whole": [one for one in found if not one.row],
        "refusal": refusal,
        "icons": editor.ICONS.items(),
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    return places.show(request, "wechat/backoffice/conditional_menu.html", page, status=status)


def labels(request: PlaceRequest) -> HttpResponse:
    """The labels to choose from, as a piece of the form; ``chosen`` is the one that is kept."""
    account = places.own_account_or_404(request)
    page: dict[str, Any] = {"chosen": numbers.whole(request.GET.get("tag_id", ""))}
    try:
        page["labels"] = matching.labels_of(account)
    except DomainError as refusal:
        page["refusal"] = refusal
    return places.show(request, "wechat/backoffice/_conditional_labels.html", page)


def versions(request: PlaceRequest, conditional_id: int) -> HttpResponse:
    """Everything that was published of one."""
    menu = _menu_or_404(request, conditional_id)
    found = paging.keyset(
        matching.versions_of(menu), order=("-number",), after=request.GET.get("after", "")
    )
    page = {
        "section": "menu",
        "account": menu.account,
        "menu": menu,
        "page": found,
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    return places.show(request, "wechat/backoffice/conditional_versions.html", page)


def restore(request: PlaceRequest, conditional_id: int, conditional_number: int) -> HttpResponse:
    """Take a version into the editor; publishing it is another step."""
    menu = _menu_or_404(request, conditional_id)
    rows = ConditionalVersion.objects.filter(menu=menu)
    version = get_object_or_404(rows, number=conditional_number)
    conditional.restore(version=version, actor=request.actor)
    text = _("Version %(n)s is in the editor. Look at it and publish it.")
    messages.success(request, text % {"n": version.number})
    return redirect(places.url(request, "conditional_edit", menu.pk))


def withdraw(request: PlaceRequest, conditional_id: int) -> HttpResponse:
    """Take one away from the chat; the draft stays."""
    menu = _menu_or_404(request, conditional_id)
    try:
        conditional.withdraw(menu=menu, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The menu is gone from the chat. Your draft is still here."))
    return redirect(places.url(request, "conditional_edit", menu.pk))


def delete(request: PlaceRequest, conditional_id: int) -> HttpResponse:
    """Put one away for good, at WeChat as well."""
    menu = _menu_or_404(request, conditional_id)
    try:
        conditional.archive(menu=menu, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(places.url(request, "conditional_edit", menu.pk))
    messages.success(request, _("The menu is deleted."))
    return redirect(places.url(request, "conditional"))


def now(request: PlaceRequest) -> HttpResponse:
    """What stands at WeChat beside what should stand there, as a piece of the page."""
    account = places.own_account_or_404(request)
    page: dict[str, Any] = {"account": account, "may_edit": places.may(request, EDIT_CONTENT)}
    status = 200
    try:
        page["standing"] = matching.standing(account)
    except DomainError as refusal:
        page["refusal"], status = refusal, refusal.status
    return places.show(request, "wechat/backoffice/_conditional_now.html", page, status=status)


def foreign_delete(request: PlaceRequest, menu_id: str) -> HttpResponse:
    """Take a menu away that is not one of ours."""
    account = places.own_account_or_404(request)
    try:
        conditional.take_foreign_away(account=account, menu_id=menu_id, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("WeChat took the menu away."))
    return redirect(places.url(request, "conditional"))


def match(request: PlaceRequest) -> HttpResponse:
    """Which menu somebody sees, as a piece of the page: a follower of the list, or a WeChat id."""
    account = places.own_account_or_404(request)
    typed = request.GET.get("wechat_id", "").strip()[:LONGEST_ID]
    user_id = typed or _openid(account, request.GET.get("person", ""))
    page: dict[str, Any] = {"account": account}
    status = 200
    try:
        page["match"] = matching.match(account, user_id)
    except DomainError as refusal:
        page["refusal"], status = refusal, refusal.status
    return places.show(request, "wechat/backoffice/_conditional_match.html", page, status=status)


def _openid(account: ChannelAccount, person: str) -> str:
    rows = Follower.objects.filter(account=account, pk=numbers.whole(person) or 0)
    found = rows.values_list("openid", flat=True).first()
    if found is None:
        raise Http404
    return found
