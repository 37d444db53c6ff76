"""Setting up the third-party platform (第三方平台) that accounts authorise by scanning."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat.errors import AccountTaken
from zhanggui.channels.wechat.models import Component
from zhanggui.channels.wechat.services import Credentials, keep_old_keys

SETS: dict[int, str] = {
    1: "消息管理",
    2: "用户管理",
    3: "账号服务（二维码）",
    4: "网页服务（网页授权、JS-SDK）",
    6: "客服",
    7: "群发与通知（模板消息）",
    8: "微信卡券",
    11: "素材管理",
    15: "自定义菜单",
    17: "小程序账号管理",
    18: "小程序开发与订阅消息",
    24: "开放平台账号管理",
    25: "开放平台账号管理",
    58: "小程序码",
    89: "订阅通知",
}
"""Permission sets by number, as WeChat calls them (digest 3.11); WeChat's own names, no texts."""


def set_up_component(*, name: str, credentials: Credentials, actor: Actor) -> Component:
    """Take the platform's app id and keys into use; the same app id only changes its keys.

    Another app id takes the place of the one before, whose accounts must authorise again.

    Raises:
        AccountTaken: two people set it up at one moment (E_ACCOUNT_TAKEN, 409).
    """
    try:
        with transaction.atomic():
            found = Component.objects.select_for_update().filter(app_id=credentials.app_id).first()
            Component.objects.filter(is_active=True).exclude(app_id=credentials.app_id).update(
                is_active=False
            )
            component = found or Component(app_id=credentials.app_id)
            if found is not None:
                keep_old_keys(found, credentials.callback_token, credentials.aes_key)
            component.name, component.is_active = name[:80], True
            component.seal("secret", credentials.secret)
            component.seal("callback_token", credentials.callback_token)
            component.seal("aes_key", credentials.aes_key)
            component.access_token_sealed = component.access_token_expires_at = None
            component.save()
            audit.record_platform(
                actor,
                "wechat.component.changed",
                f"wechat_component:{component.pk}",
                details={"app_id": component.app_id},
            )
    except IntegrityError as error:
        if "one_active_component" in str(error) or "app_id" in str(error):
            raise AccountTaken from error
        raise
    return component


def sets_of(numbers: list[int]) -> list[str]:
    """Permission sets in words, in WeChat's order; unknown ones by their number."""
    return [SETS.get(number, str(number)) for number in sorted(numbers)]
