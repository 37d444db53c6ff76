"""Menus for some followers (个性化菜单): drawing them up, publishing, taking them away.

WeChat knows no change of such a menu: a new one is put there, then the old one is taken away, so
that nobody is without a menu in between. Of several that fit, followers see the newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import api, tokens
from zhanggui.channels.wechat.authors import author_of
from zhanggui.channels.wechat.client.menus import Button as WechatButton
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    ConditionalFull,
    LabelGone,
    MenuEmpty,
    MenuFaulty,
    MenuOverwritten,
    NoAudience,
    NoMenuForAll,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.menus import builtin, rules
from zhanggui.channels.wechat.menus.rules import Menu
from zhanggui.channels.wechat.menus.services import problems_of
from zhanggui.channels.wechat.models import ChannelAccount, ConditionalMenu, ConditionalVersion
from zhanggui.channels.wechat.services import record
from zhanggui.core import clock
from zhanggui.core.errors import DomainError

GONE = 65301
NO_MENU_FOR_ALL = 65303
FULL = 65305
NO_LABEL = frozenset({45058, 45159})
DRAWN = ("name", "tag_id", "tag_name", "platform", "content")


@dataclass(frozen=True, slots=True)
class Audience:
    """What the shop calls a menu, and whom it is for; each empty part narrows nothing."""

    name: str
    tag_id: int | None = None
    tag_name: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A version that stands at WeChat now."""

    version: ConditionalVersion
    is_old_left: bool
    """The one before could not be taken away: WeChat did not answer."""


def add(
    *, account: ChannelAccount, audience: Audience, drawn: Menu, actor: Actor
) -> ConditionalMenu:
    """Begin a menu for some followers; nothing of it reaches WeChat before publishing."""
    with transaction.atomic():
        menu = ConditionalMenu(account=account)
        _put(menu, audience, drawn, actor)
        menu.save()
        _record(menu, "wechat.conditional.saved", actor)
    return menu


def save(
    *, menu: ConditionalMenu, audience: Audience, drawn: Menu, revision: int, actor: Actor
) -> ConditionalMenu:
    """Keep a draft; it may be unfinished.

    Args:
        menu: which one.
        audience: its name and whom it is for.
        drawn: as it stands in the editor.
        revision: of the draft the editor began with.
        actor: who saves.

    Raises:
        MenuOverwritten: somebody else has saved meanwhile (E_MENU_OVERWRITTEN, 409).
    """
    with transaction.atomic():
        kept = ConditionalMenu.objects.select_for_update().get(pk=menu.pk)
        before = _values(kept)
        _put(kept, audience, drawn, actor)
        if _values(kept) == before:
            return kept
        if kept.revision != revision:
            raise MenuOverwritten
        kept.revision += 1
        kept.save(update_fields=[*DRAWN, "saved_at", "saved_by", "revision"])
        _record(kept, "wechat.conditional.saved", actor)
    return kept


def _put(menu: ConditionalMenu, audience: Audience, drawn: Menu, actor: Actor) -> None:
    menu.name, menu.platform = audience.name, audience.platform
    menu.tag_id, menu.tag_name = audience.tag_id, audience.tag_name
    menu.content = rules.as_json(drawn)
    menu.saved_at, menu.saved_by_id = clock.now(), author_of(actor)


def _values(menu: ConditionalMenu | ConditionalVersion) -> dict[str, Any]:
    return {name: getattr(menu, name) for name in DRAWN}


def _record(menu: ConditionalMenu, action: str, actor: Actor, **details: Any) -> None:
    record(actor, menu.account, action, details={"menu": menu.name, **details})


def publish(*, menu: ConditionalMenu, actor: Actor) -> Published:
    """Put the draft to WeChat above all others, and take its version from before away.

    Raises:
        MenuEmpty: nothing is drawn up (E_MENU_EMPTY, 409).
        NoAudience: it is for nobody (E_NO_AUDIENCE, 422).
        MenuFaulty: rows are wrong, found by us or by WeChat; ``problems`` names them (422).
        NoMenuForAll, ConditionalFull, LabelGone: WeChat wants something else first (409).
        WechatRefused: WeChat said no for another reason (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    tokens.not_in_transaction()
    if not menu.content:
        raise MenuEmpty
    if not menu.rule:
        raise NoAudience
    drawn = rules.read(menu.content)
    found = [one for one in problems_of(menu.account, drawn) if not one.is_hint]
    if found:
        raise MenuFaulty(found)
    sent = rules.to_wechat(drawn, builtin.addresses(menu.account).__getitem__)
    menu_id = _put_there(menu, drawn, sent)
    version, old = _note(menu, menu_id, sent, actor)
    try:
        if old:
            _take_away(menu.account, old)
    except WechatUnreachable:
        return Published(version, is_old_left=True)
    return Published(version, is_old_left=False)


def _put_there(menu: ConditionalMenu, drawn: Menu, sent: tuple[WechatButton, ...]) -> str:
    try:
        return api.for_account(menu.account).menu_add_conditional(sent, menu.rule)
    except ChannelRefused as refusal:
        raise _refused(refusal, drawn) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def _refused(refusal: ChannelRefused, drawn: Menu) -> DomainError:
    faults = rules.faults(refusal.code, drawn)
    if faults:
        return MenuFaulty(faults)
    if refusal.code == NO_MENU_FOR_ALL:
        return NoMenuForAll()
    if refusal.code == FULL:
        return ConditionalFull()
    if refusal.code in NO_LABEL:
        return LabelGone()
    return WechatRefused(code=refusal.code, advice=refusal.advice)


def _note(
    menu: ConditionalMenu, menu_id: str, sent: tuple[WechatButton, ...], actor: Actor
) -> tuple[ConditionalVersion, str]:
    """Keep the version; answers also the number of the one that stood there before."""
    with transaction.atomic():
        kept = ConditionalMenu.objects.select_for_update().get(pk=menu.pk)
        old, kept.menu_id, kept.live_at = kept.menu_id, menu_id, clock.now()
        kept.save(update_fields=["menu_id", "live_at"])
        version = ConditionalVersion.objects.create(
            menu=kept,
            number=kept.versions.count() + 1,
            sent=[button.wire() for button in sent],
            published_by_id=author_of(actor),
            **_values(menu),
        )
        _record(kept, "wechat.conditional.published", actor, version=version.number)
    return version, old


def _take_away(account: ChannelAccount, menu_id: str) -> None:
    tokens.not_in_transaction()
    try:
        api.for_account(account).menu_delete_conditional(menu_id)
    except ChannelRefused as refusal:
        if refusal.code != GONE:
            raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def withdraw(*, menu: ConditionalMenu, actor: Actor) -> None:
    """Take a menu away from the chat; draft and versions stay. Nothing happens to one not there.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    if not menu.menu_id:
        return
    _take_away(menu.account, menu.menu_id)
    with transaction.atomic():
        standing = ConditionalMenu.objects.filter(pk=menu.pk, menu_id=menu.menu_id)
        if standing.update(menu_id=""):
            _record(menu, "wechat.conditional.withdrawn", actor)
    menu.menu_id = ""


def archive(*, menu: ConditionalMenu, actor: Actor) -> None:
    """Put a menu away for good, at WeChat first; taps on phones that still show it are answered.

    Raises:
        WechatRefused, WechatUnreachable: as ``withdraw``.
    """
    withdraw(menu=menu, actor=actor)
    with transaction.atomic():
        open_ = ConditionalMenu.objects.filter(pk=menu.pk, archived_at=None)
        if open_.update(archived_at=clock.now()):
            _record(menu, "wechat.conditional.deleted", actor)


def restore(*, version: ConditionalVersion, actor: Actor) -> ConditionalMenu:
    """Make the draft what a version was; publishing it is another step."""
    with transaction.atomic():
        menu = ConditionalMenu.objects.select_for_update().get(pk=version.menu_id)
        for name, value in _values(version).items():
            setattr(menu, name, value)
        menu.saved_at, menu.saved_by_id = clock.now(), author_of(actor)
        menu.revision += 1
        menu.save(update_fields=[*DRAWN, "saved_at", "saved_by", "revision"])
        _record(menu, "wechat.conditional.restored", actor, version=version.number)
    return menu


def take_foreign_away(*, account: ChannelAccount, menu_id: str, actor: Actor) -> None:
    """Take a menu away that other software, or an interrupted publication, left at WeChat.

    Raises:
        WechatRefused, WechatUnreachable: as ``withdraw``.
    """
    if ConditionalMenu.objects.filter(account=account, menu_id=menu_id).exists():
        return  # ours: it has a page of its own
    _take_away(account, menu_id)
    record(actor, account, "wechat.conditional.foreign", details={"menu_id": menu_id})
