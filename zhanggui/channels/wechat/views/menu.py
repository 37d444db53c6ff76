"""The menu editor: draft, publishing, versions, what stands at WeChat now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.channels.wechat.errors import MenuFaulty
from zhanggui.channels.wechat.menus import builtin, defaults, rules, selectors, services
from zhanggui.channels.wechat.menus.rules import Menu, Problem
from zhanggui.channels.wechat.menus.words import WORDS
from zhanggui.channels.wechat.models import ChannelAccount, MenuVersion
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.views import places
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging

LONGEST = 100_000
SHOWN = 10
ICONS = {
    "plus": "plus",
    "scan": "scan",
    "page": "world",
    "builtin": "rubber-stamp",
    "reply": "message",
    "left": "arrow-left",
    "right": "arrow-right",
    "up": "arrow-up",
    "down": "arrow-down",
    "trash": "trash",
    "pointer": "hand-finger",
}
"""What the editor's script draws, and which drawing it is."""
LIMITS = {
    "buttons": rules.MOST_BUTTONS,
    "entries": rules.MOST_ENTRIES,
    "widths": rules.WIDTHS,
    "bytes": rules.BYTES,
    "shown": rules.SHOWN_WIDTH,
    "reply": rules.REPLY_SIGNS,
}


def menu(request: PlaceRequest) -> HttpResponse:
    """The editor with the draft; POST saves it, or saves and publishes it."""
    account = places.own_account(request)
    if account is None:
        page = {"section": "menu", "may_manage": places.may(request, EDIT_CONTENT)}
        return places.show(request, "wechat/backoffice/no_account.html", page)
    if request.method == "POST":
        return _save(request, account)
    editor = selectors.editor_of(account)
    found = services.problems_of(account, editor.menu) if not editor.is_suggestion else []
    return _show(request, account, editor.menu, editor.revision, found, editor=editor)


def _save(request: PlaceRequest, account: ChannelAccount) -> HttpResponse:
    drawn = drawn_of(request)
    revision = numbers.whole(request.POST.get("revision", "")) or 0
    is_publishing = request.POST.get("do") == "publish"
    try:
        draft = services.save_draft(
            account=account, menu=drawn, revision=revision, actor=request.actor
        )
        revision = draft.revision
        version = services.publish(account=account, actor=request.actor) if is_publishing else None
    except DomainError as refusal:
        found = list(refusal.problems) if isinstance(refusal, MenuFaulty) else []
        return _show(request, account, drawn, revision, found, refusal=refusal)
    if version is not None:
        text = _("Published as version %(n)s. Phones show it within five minutes.")
        messages.success(request, text % {"n": version.number})
    else:
        messages.success(request, _("Draft saved. Customers still see the published menu."))
    return redirect(places.url(request, "menu"))


def drawn_of(request: PlaceRequest) -> Menu:
    """The menu as the editor's script sends it.

    Raises:
        BadRequest: the script never sends such a thing.
    """
    content = request.POST.get("content", "")
    if len(content) > LONGEST:
        raise BadRequest
    try:
        return rules.read(json.loads(content))
    except (ValueError, RecursionError, rules.CannotRead):
        raise BadRequest from None


def _show(
    request: PlaceRequest,
    account: ChannelAccount,
    shown: Menu,
    revision: int,
    found: list[Problem],
    *,
    editor: selectors.Editor | None = None,
    refusal: DomainError | None = None,
) -> HttpResponse:
    editor = editor or selectors.editor_of(account)
    offered = builtin.choices(account)
    page = {
        "section": "menu",
        "account": account,
        "editor": editor,
        "revision": revision,
        "drawn": json.dumps(data_of(offered, shown, found), ensure_ascii=False),
        "whole": [one for one in found if not one.row],
        "versions": selectors.versions(account)[:SHOWN],
        "usual": rules.as_json(defaults.menu_of(account, offered)),
        "missing": [one.label for one in defaults.missing(account, shown, offered)],
        "refusal": refusal,
        "icons": ICONS.items(),
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    status = refusal.status if refusal else 200
    return places.show(request, "wechat/backoffice/menu.html", page, status=status)


def data_of(
    offered: Sequence[builtin.Choice], shown: Menu, found: Sequence[Problem]
) -> dict[str, Any]:
    """What the editor's script begins with."""
    return {
        "content": rules.as_json(shown),
        "pages": [{"name": one.name, "label": one.label} for one in offered],
        "problems": [_told(one) for one in found],
        "limits": LIMITS,
        "words": {name: str(text) for name, text in WORDS.items()},
    }


def _told(problem: Problem) -> dict[str, Any]:
    return {
        "row": problem.row,
        "field": problem.field,
        "text": str(problem.text),
        "hint": problem.is_hint,
    }


def menu_versions(request: PlaceRequest) -> HttpResponse:
    """Everything that was published, newest first."""
    account = places.own_account_or_404(request)
    found = paging.keyset(
        selectors.versions(account), order=("-number",), after=request.GET.get("after", "")
    )
    page = {
        "section": "menu",
        "account": account,
        "page": found,
        "live": selectors.live_version(account),
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    return places.show(request, "wechat/backoffice/menu_versions.html", page)


def menu_restore(request: PlaceRequest, version_number: int) -> HttpResponse:
    """Take a version into the editor; publishing it is another step."""
    account = places.own_account_or_404(request)
    version = get_object_or_404(MenuVersion, account=account, number=version_number)
    services.restore(version=version, actor=request.actor)
    text = _("Version %(n)s is in the editor. Look at it and publish it.")
    messages.success(request, text % {"n": version_number})
    return redirect(places.url(request, "menu"))


def menu_defaults(request: PlaceRequest) -> HttpResponse:
    """Take into the editor what the products that are switched on offer."""
    account = places.own_account_or_404(request)
    try:
        services.use_defaults(account=account, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The default menu is in the editor. Look at it and publish."))
    return redirect(places.url(request, "menu"))


def menu_delete(request: PlaceRequest) -> HttpResponse:
    """Take the menu away from the chat."""
    account = places.own_account_or_404(request)
    try:
        services.delete_at_wechat(account=account, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The menu is gone from the chat. Your draft is still here."))
    return redirect(places.url(request, "menu"))


def menu_current(request: PlaceRequest) -> HttpResponse:
    """What stands at WeChat now beside what was published last, as a piece of the page."""
    account = places.own_account_or_404(request)
    page: dict[str, Any] = {"account": account, "may_edit": places.may(request, EDIT_CONTENT)}
    try:
        sent = services.current(account)
    except DomainError as refusal:
        page["refusal"] = refusal
        return places.show(
            request, "wechat/backoffice/_menu_current.html", page, status=refusal.status
        )
    found = selectors.compare(selectors.live_version(account), sent)
    page |= {"differences": found, "is_same": all(one.is_same for one in found)}
    return places.show(request, "wechat/backoffice/_menu_current.html", page)


def menu_take_over(request: PlaceRequest) -> HttpResponse:
    """Take what stands at WeChat into the editor."""
    account = places.own_account_or_404(request)
    try:
        services.take_over(account=account, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("WeChat's menu is in the editor."))
    return redirect(places.url(request, "menu"))
