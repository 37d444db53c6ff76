"""Which template of an account carries which of our messages (P22), and what it then says.

Whoever sends asks ``lookup`` with the name of a notice; nothing here sends but the test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import api, messages, notices, template_values, tokens
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    TemplatesFull,
    TemplateUnknown,
    TemplateUnmapped,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.models import BindingState, ChannelAccount, Form, TemplateBinding
from zhanggui.channels.wechat.notices import Notice
from zhanggui.channels.wechat.services import record
from zhanggui.core import clock

MOST_TEMPLATES = 25
"""Of one list of an account; ids with one number of the library count once (seed 001, 9)."""
LASTING = 3
"""The type of a notification that is allowed for good (digest 4.10)."""
PLACE = re.compile(r"\{\{\s*(\w+)\.DATA\s*\}\}")
FIXED = template_values.FIXED
FIXED_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Template:
    """A template of the account, of either list."""

    id: str
    title: str
    content: str
    is_lasting: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a template with the words before it."""

    key: str
    label: str


def places_of(content: str) -> list[Place]:
    """The places of a template in order, with the words that stand before each on its line."""
    found: dict[str, Place] = {}
    for line in content.splitlines():
        for match in PLACE.finditer(line):
            label = PLACE.sub("", line[: match.start()]).strip(" :：")
            found.setdefault(match[1], Place(match[1], label or match[1]))
    return list(found.values())


def templates_of(account: ChannelAccount, form: Form) -> list[Template]:
    """Ask WeChat for one of the account's lists of templates.

    Raises:
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    tokens.not_in_transaction()
    calls = api.for_account(account)
    try:
        if form == Form.TEMPLATE:
            return [Template(one.id, one.title, one.content) for one in calls.template_list()]
        return [
            Template(one.id, one.title, one.content, one.type == LASTING)
            for one in calls.subscription_list()
        ]
    except ChannelRefused as refusal:
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def guess(notice: Notice, template: Template) -> dict[str, str]:
    """A mapping to begin with: by the kind of a place first come, first served."""
    left = list(notice.fields)
    mapping: dict[str, str] = {}
    for place in places_of(template.content):
        kind = place.key.rstrip("0123456789")
        fitting = [field for field in left if field.kind == kind]
        if fitting:
            mapping[place.key] = fitting[0].name
            left.remove(fitting[0])
    return mapping


def bind(
    *,
    account: ChannelAccount,
    form: Form = Form.TEMPLATE,
    notice: Notice,
    template_id: str,
    number: str,
    mapping: Mapping[str, str],
    actor: Actor,
) -> TemplateBinding:
    """Let a template carry one of our messages. Asks WeChat whether the account has it.

    Args:
        account: whose template.
        form: of which of its lists.
        notice: our message.
        template_id: picked from the list or pasted.
        number: of the library, if it is known; several ids of one number count once.
        mapping: place to the name of a field, or ``=`` and a text.
        actor: who chooses.

    Raises:
        TemplateUnknown: the account has no such template (E_TEMPLATE_UNKNOWN, 422).
        TemplateUnmapped: a place has nothing to show (E_TEMPLATE_UNMAPPED, 422).
        TemplatesFull: 25 are in use (E_TEMPLATES_FULL, 409).
        WechatRefused, WechatUnreachable: as ``templates_of``.
    """
    found = templates_of(account, form)
    template = next((one for one in found if one.id == template_id), None)
    if template is None:
        raise TemplateUnknown
    kept = _checked(notice, template, mapping)
    now = clock.now()
    with transaction.atomic():
        ChannelAccount.objects.select_for_update().get(pk=account.pk)
        rows = TemplateBinding.objects.filter(account=account, form=form)
        used = {one.number or one.template_id for one in rows.exclude(template_key=notice.name)}
        if len(used | {number or template_id}) > MOST_TEMPLATES:
            raise TemplatesFull
        binding, _is_new = TemplateBinding.objects.update_or_create(
            account=account,
            form=form,
            template_key=notice.name,
            defaults={
                "template_id": template_id,
                "number": number,
                "title": template.title[:80],
                "content": template.content,
                "mapping": kept,
                "is_lasting": template.is_lasting,
                "state": BindingState.GOOD,
                "checked_at": now,
                "changed_at": now,
            },
        )
        record(actor, account, "wechat.template.bound", details={"notice": notice.name})
    return binding


def _checked(notice: Notice, template: Template, mapping: Mapping[str, str]) -> dict[str, str]:
    fields = {field.name for field in notice.fields}
    kept = {}
    for place in places_of(template.content):
        chosen = mapping.get(place.key, "").strip()
        is_fixed = chosen.startswith(FIXED) and bool(chosen.removeprefix(FIXED).strip())
        if chosen not in fields and not is_fixed:
            raise TemplateUnmapped
        kept[place.key] = chosen[: len(FIXED) + FIXED_LENGTH] if is_fixed else chosen
    return kept


def unbind(*, binding: TemplateBinding, actor: Actor) -> None:
    """Send this message by no template any more."""
    with transaction.atomic():
        gone, _rows = TemplateBinding.objects.filter(pk=binding.pk).delete()
        if gone:
            record(
                actor,
                binding.account,
                "wechat.template.unbound",
                details={"notice": binding.template_key},
            )


def used(account: ChannelAccount, form: Form) -> int:
    """How many of the 25 are in use, each number of the library once."""
    rows = TemplateBinding.objects.filter(account=account, form=form)
    pairs = rows.values_list("number", "template_id")
    return len({number or template_id for number, template_id in pairs})


def note_templates(account: ChannelAccount, form: Form, templates: list[Template]) -> None:
    """Mark what was removed at WeChat, and what is there again."""
    there = [one.id for one in templates]
    rows = TemplateBinding.objects.filter(account=account, form=form)
    now = clock.now()
    rows.filter(template_id__in=there).update(state=BindingState.GOOD, checked_at=now)
    rows.exclude(template_id__in=there).update(state=BindingState.GONE, checked_at=now)


def filled(binding: TemplateBinding, values: Mapping[str, str]) -> dict[str, str]:
    """The data of a message: place to what stands there, made to fit."""
    return template_values.data(binding.mapping, values)


def examples(notice: Notice) -> dict[str, str]:
    """Example values of a message's fields."""
    return {field.name: str(field.example) for field in notice.fields}


def preview(content: str, data: Mapping[str, str]) -> str:
    """What a template says with these data."""
    return PLACE.sub(lambda match: data.get(match[1], ""), content).strip()


def send_test(*, binding: TemplateBinding, openid: str, actor: Actor) -> int:
    """Send the message with example values to one person; answers the message's id.

    A notification uses up one permission of that person, as every one does.

    Raises:
        NotPermitted: the person allows none (E_NOT_PERMITTED, 409).
    """
    notice = notices.find(binding.template_key)
    data = filled(binding, examples(notice) if notice else {})
    with transaction.atomic():
        if binding.form == Form.NOTICE:
            message_id = messages.send_notice(binding=binding, openid=openid, data=data)
        else:
            message_id = messages.send_template(
                account_id=binding.account_id,
                openid=openid,
                template_id=binding.template_id,
                data=data,
            )
        record(
            actor,
            binding.account,
            "wechat.template.tested",
            details={"notice": binding.template_key},
        )
    return message_id
