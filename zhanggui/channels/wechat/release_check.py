"""WeChat's own test before a third-party platform may be used by everybody (全网发布检测).

Source: Open Platform, Release Check; section 3.14 of the digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.channels.wechat import push, tasks, tokens
from zhanggui.channels.wechat.client import Api, current
from zhanggui.channels.wechat.client.sendables import Text as ChatText
from zhanggui.channels.wechat.errors import ChannelRefused
from zhanggui.channels.wechat.models import Component
from zhanggui.channels.wechat.passive import Text

if TYPE_CHECKING:
    from zhanggui.channels.wechat.answering import Seal

APP_IDS = frozenset({"wx570bc396a51b8ff8", "wxd101a85aa106f53e"})
"""Test accounts that never authorise: their pushes are answered as WeChat's page demands."""
ASKED, ANSWERED = "TESTCOMPONENT_MSG_TYPE_TEXT", "TESTCOMPONENT_MSG_TYPE_TEXT_callback"
CODE_MARK = "QUERY_AUTH_CODE:"


def take(component: Component, app_id: str, text: str, seal: Seal) -> str:
    """Answer a push of a test account; nothing is kept."""
    from zhanggui.channels.wechat import answering  # noqa: PLC0415  it reads pushes, too

    try:
        message = push.read(text)
    except push.CannotRead:
        return answering.SUCCESS
    if message.is_event:
        return answering.said(Text(f"{message.kind}from_callback"), message, text, seal)
    if message.text == ASKED:
        return answering.said(Text(ANSWERED), message, text, seal)
    if message.text.startswith(CODE_MARK):
        tasks.answer_release_check.defer(
            component_id=component.pk,
            openid=message.openid,
            code=message.text.removeprefix(CODE_MARK),
        )
        return ""
    return answering.SUCCESS


def answer(*, component_id: int, openid: str, code: str) -> None:
    """Exchange the code of the test and send it back as a customer message.

    Raises:
        ChannelRefused: WeChat's code gave no token.
    """
    component = Component.objects.get(pk=component_id)
    granted = tokens.component_api(component).query_auth(code)
    if granted.token is None:
        message = "no token in the answer"
        raise ChannelRefused(message)
    token = granted.token.value
    api = Api(current(), app_id=granted.app_id, token=lambda _rejected: token)
    api.custom_send(openid, ChatText(f"{code}_from_api"))
