"""What an account answers to a push, ready in memory for the passive reply."""

from __future__ import annotations

from dataclasses import dataclass

from zhanggui.channels.wechat import passive
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.menus import rules as menu_rules
from zhanggui.channels.wechat.menus import selectors as menu_selectors
from zhanggui.channels.wechat.models import AutoReply, ChannelAccount, Occasion, ReplyKind
from zhanggui.channels.wechat.passive import Reply
from zhanggui.channels.wechat.push import Push
from zhanggui.channels.wechat.replies import rules, scanning
from zhanggui.channels.wechat.tracking import scans
from zhanggui.core import clock


@dataclass(frozen=True, slots=True)
class Found:
    """The rule that answers, and the word it heard; empty for the rule for everything else."""

    rule: AutoReply
    word: str = ""


def answer_to(account: ChannelAccount, message: Push) -> Reply | None:
    """What an account answers to one push; None for silence."""
    if message.is_event:
        return _to_event(account, message)
    if message.name == "text":
        found = rule_for(account, message.text)
        return said(account, found.rule) if found else None
    return _usual(account, Occasion.DEFAULT)


def _to_event(account: ChannelAccount, message: Push) -> Reply | None:
    if message.scene:  # a code of another purpose has an answer of its own, in a message
        code = scans.code_of(account, message.scene)
        if code is None:
            return None
        own = scans.said(account, code)
        return own or (_usual(account, Occasion.FOLLOW) if message.name == "subscribe" else None)
    if message.name == "subscribe":
        return _usual(account, Occasion.FOLLOW)
    if message.name == "click":
        text = menu_selectors.reply_of_tap(account.pk, message.key)
        return passive.Text(text) if text else None
    if message.name == "scancode_waitmsg" and message.key == menu_rules.SCAN_KEY:
        return scanning.answer_to_scan(account, message.scanned)
    return None


def rule_for(account: ChannelAccount, text: str) -> Found | None:
    """The rule that answers a text, else the one for everything else."""
    listening = [rule for rule in account.listening if rule.occasion != Occasion.FOLLOW]
    heard = rules.answering(listening, text)
    if heard:
        return Found(heard[0], heard[1].text)
    return next((Found(rule) for rule in listening if rule.occasion == Occasion.DEFAULT), None)


def _usual(account: ChannelAccount, occasion: Occasion) -> Reply | None:
    rule = next((rule for rule in account.listening if rule.occasion == occasion), None)
    return said(account, rule) if rule else None


def said(account: ChannelAccount, rule: AutoReply) -> Reply | None:
    """What a rule says; a card whose page nobody offers any more becomes its text.

    So does a picture that WeChat does not keep (yet); without a text there is silence.
    """
    if rule.kind == ReplyKind.TEXT:
        return passive.Text(rule.text)
    if rule.kind == ReplyKind.PICTURE:
        if rule.media_until is not None and rule.media_until > clock.now():
            return passive.Media("image", rule.media_id)
        return passive.Text(rule.text) if rule.text else None
    url = builtin.address_of(account, rule.page) if rule.page else rule.url
    if not url:
        return passive.Text(rule.text or rule.title)
    return passive.News([passive.Article(rule.title, url, rule.text, rule.picture_url)])
