"""How one comes into the demo: the platform's second factor, open to everybody, and sign-up."""

from __future__ import annotations

from demo.base import ACTOR
from demo.cast import PLATFORM_STAFF
from demo.made import find, id_of, made
from zhanggui.accounts import services as account_services
from zhanggui.accounts.models import Person
from zhanggui.signin.services import factors

SECRET = "ZHANGGUIDEMOZHANGGUIDEMOZHANGGUI"  # noqa: S105  shown on the start page, demo only
AGREEMENT = """# 商家入驻协议（演示）

这是演示用的协议，没有法律效力。

# 一、账号

手机号是您的登录名，请妥善保管密码，不要把验证码告诉任何人。

# 二、顾客资料

顾客资料归商家所有，平台只在商家同意时进入后台协助。

# 三、试用

注册后可以免费试用 15 天，到期前会提醒您续费。"""


def open_registration() -> None:
    """Let merchants sign up at the platform, while everything else is still being made."""
    if find("registration:platform") is None:
        account_services.publish_agreement(place=None, text=AGREEMENT, actor=ACTOR)
        made(
            "registration:platform",
            lambda: account_services.edit_registration(
                place=None, is_open=True, needs_approval=False, title="", actor=ACTOR
            ),
        )


def make() -> None:
    """Give the platform's people their app."""
    for plan in PLATFORM_STAFF:
        person = Person.objects.get(pk=id_of(f"member:platform/{plan.key}"))
        made(
            f"totp:{plan.key}",
            lambda person=person: factors.keep_totp(  # type: ignore[misc]
                person=person, secret=SECRET, actor=ACTOR
            ),
        )
