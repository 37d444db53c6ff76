"""Saving, publishing, restoring and deleting the menu of an account."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import api, tokens
from zhanggui.channels.wechat.authors import author_of
from zhanggui.channels.wechat.client.menus import Button as WechatButton
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    MenuEmpty,
    MenuFaulty,
    MenuOverwritten,
    NoMenuDefaults,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.menus import builtin, defaults, rules
from zhanggui.channels.wechat.menus.rules import Menu, Problem
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    ConditionalMenu,
    MenuDraft,
    MenuVersion,
)
from zhanggui.channels.wechat.services import record
from zhanggui.core import clock

NO_MENU = 46003


def problems_of(account: ChannelAccount, menu: Menu) -> list[Problem]:
    """What stands against publishing a menu, and hints."""
    own_host = urlsplit(settings.BASE_URL).hostname or ""
    return rules.problems(menu, builtin=builtin.addresses(account), own_host=own_host)


def save_draft(*, account: ChannelAccount, menu: Menu, revision: int, actor: Actor) -> MenuDraft:
    """Keep a draft; it may be unfinished.

    Args:
        account: whose menu.
        menu: as it stands in the editor.
        revision: of the draft the editor began with; 0 when there was none.
        actor: who saves.

    Raises:
        MenuOverwritten: somebody else has saved meanwhile (E_MENU_OVERWRITTEN, 409).
    """
    content = rules.as_json(menu)
    with transaction.atomic():
        draft = MenuDraft.objects.select_for_update().filter(account=account).first()
        if draft is None:
            draft, is_new = MenuDraft.objects.get_or_create(
                account=account,
                defaults={"content": content, "saved_by_id": author_of(actor)},
            )
            if is_new:
                record(actor, account, "wechat.menu.saved")
                return draft
        if draft.content == content:
            return draft
        if draft.revision != revision:
            raise MenuOverwritten
        _put(draft, content, actor)
        record(actor, account, "wechat.menu.saved")
    return draft


def _put(draft: MenuDraft, content: list[dict[str, Any]], actor: Actor) -> None:
    draft.content, draft.saved_at, draft.saved_by_id = content, clock.now(), author_of(actor)
    draft.revision += 1
    draft.save(update_fields=["content", "saved_at", "saved_by", "revision"])


def publish(*, account: ChannelAccount, actor: Actor) -> MenuVersion:
    """Send the draft to WeChat; what is taken becomes a version.

    Raises:
        MenuEmpty: there is no draft (E_MENU_EMPTY, 409).
        MenuFaulty: rows are wrong, found by us or by WeChat; ``problems`` names them (422).
        WechatRefused: WeChat said no for another reason (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    tokens.not_in_transaction()
    draft = MenuDraft.objects.filter(account=account).first()
    if draft is None or not draft.content:
        raise MenuEmpty
    menu = rules.read(draft.content)
    found = [one for one in problems_of(account, menu) if not one.is_hint]
    if found:
        raise MenuFaulty(found)
    pages = builtin.addresses(account)
    sent = rules.to_wechat(menu, pages.__getitem__)
    try:
        api.for_account(account).menu_create(sent)
    except ChannelRefused as refusal:
        faults = rules.faults(refusal.code, menu)
        if faults:
            raise MenuFaulty(faults) from refusal
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error
    wire = [button.wire() for button in sent]
    return _note(account, draft.content, wire, "wechat.menu.published", actor)


def _note(
    account: ChannelAccount,
    content: list[dict[str, Any]],
    sent: list[dict[str, Any]],
    action: str,
    actor: Actor,
) -> MenuVersion:
    with transaction.atomic():
        # the account's row orders versions: two people may publish at one moment
        ChannelAccount.objects.select_for_update().get(pk=account.pk)
        newest = MenuVersion.objects.filter(account=account).order_by("-number").first()
        version = MenuVersion.objects.create(
            account=account,
            number=newest.number + 1 if newest else 1,
            content=content,
            sent=sent,
            published_by_id=author_of(actor),
        )
        record(actor, account, action, details={"version": version.number})
    return version


def delete_at_wechat(*, account: ChannelAccount, actor: Actor) -> None:
    """Take the menus away from the chat, those for some followers too; drafts and versions stay.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    tokens.not_in_transaction()
    try:
        api.for_account(account).menu_delete()
    except ChannelRefused as refusal:
        if refusal.code != NO_MENU:
            raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error
    with transaction.atomic():
        # WeChat takes those for some followers away together with the one for everybody
        standing = ConditionalMenu.objects.filter(account=account).exclude(menu_id="")
        standing.update(menu_id="")
        _note(account, [], [], "wechat.menu.deleted", actor)


def restore(*, version: MenuVersion, actor: Actor) -> MenuDraft:
    """Make the draft what a version was; publishing it is another step."""
    return _replace_draft(version.account, version.content, "wechat.menu.restored", actor)


def _replace_draft(
    account: ChannelAccount, content: list[dict[str, Any]], action: str, actor: Actor
) -> MenuDraft:
    with transaction.atomic():
        draft, is_new = MenuDraft.objects.select_for_update().get_or_create(
            account=account,
            defaults={"content": content, "saved_by_id": author_of(actor)},
        )
        if not is_new:
            _put(draft, content, actor)
        record(actor, account, action)
    return draft


def use_defaults(*, account: ChannelAccount, actor: Actor) -> MenuDraft:
    """Make the draft what the products that are switched on offer; publishing is another step.

    Raises:
        NoMenuDefaults: no product has a page for this account (E_NO_MENU_DEFAULTS, 409).
    """
    menu = defaults.menu_of(account)
    if not menu:
        raise NoMenuDefaults
    return _replace_draft(account, rules.as_json(menu), "wechat.menu.defaults", actor)


def take_over(*, account: ChannelAccount, actor: Actor) -> MenuDraft:
    """Make the draft what stands at WeChat now, as far as the editor knows its contents.

    Raises:
        MenuEmpty: no menu stands there (E_MENU_EMPTY, 409).
        WechatRefused, WechatUnreachable: as ``current``.
    """
    sent = current(account)
    if not sent:
        raise MenuEmpty
    versions = MenuVersion.objects.filter(account=account)
    contents = versions.order_by("number").values_list("content", flat=True)
    known = [row for content in contents for row in rules.rows(rules.read(content))]
    menu = rules.from_wechat(sent, known=known, builtin=builtin.addresses(account))
    return _replace_draft(account, rules.as_json(menu), "wechat.menu.taken_over", actor)


def current(account: ChannelAccount) -> tuple[WechatButton, ...]:
    """Ask WeChat what its chat shows now, also a menu made in WeChat's own editor.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    tokens.not_in_transaction()
    try:
        shown = api.for_account(account).menu_current()
    except ChannelRefused as refusal:
        if refusal.code == NO_MENU:
            return ()
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error
    return shown.buttons if shown.is_open else ()
