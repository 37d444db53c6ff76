"""The calls to WeChat that the product makes: typed, thin, and nothing but calls.

``api.for_account`` binds them to an account; ``http`` carries them.
"""

from zhanggui.channels.wechat.client.http import (
    Http,
    Request,
    check_world,
    current,
    using,
)
from zhanggui.channels.wechat.client.messages import Messaging
from zhanggui.channels.wechat.client.mini import MiniProgram
from zhanggui.channels.wechat.client.official import Official


class Api(Official, MiniProgram, Messaging):
    """Every call with an account's token; what an account may not do is answered by 48001."""


__all__ = ["Api", "Http", "Request", "check_world", "current", "using"]
