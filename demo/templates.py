"""Which templates of the tea house's official account carry which of our messages.

So a stamp given in the demo stands in the customer's chat a moment later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, made
from demo.pages import MINI
from demo.sandbox import Sandbox
from zhanggui.channels.wechat import bindings, notices
from zhanggui.channels.wechat.models import ChannelAccount, Form


@dataclass(frozen=True)
class Plan:
    """A template in WeChat's list and the message it carries."""

    notice: str
    template_id: str
    number: str
    title: str
    content: str
    mapping: Mapping[str, str]
    form: Form = Form.TEMPLATE
    is_mini: bool = False


STAMP = (
    "集章卡：{{thing1.DATA}}\n变动：{{number2.DATA}}\n现有枚数：{{number3.DATA}}\n"
    "门店：{{thing4.DATA}}\n时间：{{time5.DATA}}"
)
TAKEN = STAMP.replace("变动：", "取消枚数：")
PLACES = {
    "thing1": "programme",
    "number2": "amount",
    "number3": "balance",
    "thing4": "store",
    "time5": "time",
}
PLANS = (
    Plan("stamps.stamped", "demo-stamp-given-000001", "45601", "集章成功通知", STAMP, PLACES),
    Plan("stamps.cancelled", "demo-stamp-taken-000002", "45602", "集章取消通知", TAKEN, PLACES),
    Plan(
        "stamps.stamped",
        "demo-stamp-notice-000003",
        "",
        "集章提醒",
        STAMP,
        PLACES,
        Form.NOTICE,
    ),
    Plan(
        "stamps.stamped",
        "demo-mini-notice-000004",
        "",
        "集章提醒",
        STAMP,
        PLACES,
        Form.NOTICE,
        is_mini=True,
    ),
)


def make(sandbox: Sandbox) -> None:
    """Put the templates into the sandbox and choose them, where that was not done."""
    tea = MERCHANTS[0]
    for plan in PLANS:
        app_id = MINI.app_id if plan.is_mini else tea.account.app_id if tea.account else ""
        account = ChannelAccount.objects.select_related("merchant").filter(app_id=app_id).first()
        notice = notices.find(plan.notice)
        if account is None or notice is None or find(_key(plan)) is not None:
            continue
        sandbox.put_template(app_id, _given(plan), is_notice=plan.form == Form.NOTICE)
        binding = bindings.bind(
            account=account,
            form=plan.form,
            notice=notice,
            template_id=plan.template_id,
            number=plan.number,
            mapping=plan.mapping,
            actor=owner_of(tea),
        )
        made(_key(plan), lambda row=binding: row)  # type: ignore[misc]


def _key(plan: Plan) -> str:
    return f"template:{plan.template_id}"


def _given(plan: Plan) -> dict[str, object]:
    return {"template_id": plan.template_id, "title": plan.title, "content": plan.content}
