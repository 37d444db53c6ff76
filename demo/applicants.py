"""Shops that want to come in: an operator with its own look, and who knocked at its door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import BytesIO

from PIL import Image, ImageDraw

from demo.base import ACTOR
from demo.cast import PASSWORD
from demo.made import find, id_of, made
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import (
    AgreementVersion,
    Application,
    Operator,
    Person,
    PictureKind,
    RegistrationSettings,
)
from zhanggui.core import clock

OPERATOR = "nanfeng"
AGREEMENT = """# 南风商户服务入驻协议（演示）

这是演示用的协议，没有法律效力。

# 一、我们做什么

帮小店开通集章、管好门店和店员，工作日 9:00-18:00 有人接电话。

# 二、您要做什么

资料真实，和顾客说好的奖励要兑现。

# 三、怎样退出

随时可以退出；顾客手里的集章卡不受影响。"""


@dataclass(frozen=True)
class Applicant:
    """Somebody who knocks at the operator's door."""

    shop: str
    trade: str
    name: str
    tail: int
    """The last two digits of the number."""
    refused: str = ""
    """Why it was rejected."""


APPLICANTS = (
    Applicant("小满糖水铺", "甜品", "林小满", 41),
    Applicant("老街修表", "钟表", "洪师傅", 42),
    Applicant("星河电竞馆", "网吧", "雷浩", 43, "营业执照的照片看不清，请重新拍一张再申请。"),
)


def make() -> None:
    """Open the operator's registration and let people apply; once in the life of a database."""
    operator = Operator.objects.get(pk=id_of(f"operator:{OPERATOR}"))
    head = Person.objects.get(pk=id_of(f"member:operator:{OPERATOR}/{OPERATOR}-owner"))
    if find(f"registration:{OPERATOR}") is None:
        made(f"registration:{OPERATOR}", lambda: _open(operator, head))
    agreement = AgreementVersion.objects.filter(operator=operator).order_by("-number").first()
    for number, applicant in enumerate(APPLICANTS):
        key = f"application:{OPERATOR}/{number}"
        if find(key) is not None:
            continue
        with clock.at(clock.now() - timedelta(hours=3 + 19 * number)):
            made(key, partial(_apply, operator, agreement, applicant))
            if applicant.refused:
                account_services.reject_application(
                    application=Application.objects.get(pk=id_of(key)),
                    reason=applicant.refused,
                    actor=person_actor(head),
                )


def _open(operator: Operator, head: Person) -> RegistrationSettings:
    actor = person_actor(head)
    account_services.publish_agreement(place=operator, text=AGREEMENT, actor=actor)
    account_services.change_picture(
        place=operator, kind=PictureKind.LOGO, content=_logo(), actor=actor
    )
    return account_services.edit_registration(
        place=operator, is_open=True, needs_approval=True, title="南风商户服务", actor=actor
    )


def _apply(
    operator: Operator, agreement: AgreementVersion | None, applicant: Applicant
) -> Application:
    person = account_services.create_person(
        name=applicant.name,
        phone=f"+861380013{8000 + applicant.tail}",
        password=PASSWORD,
        actor=ACTOR,
    )
    waiting = account_services.apply_as_merchant(
        place=operator,
        registered_name=applicant.shop,
        trade=applicant.trade,
        person=person,
        agreement_version=agreement,
        actor=person_actor(person),
    )
    assert isinstance(waiting, Application)  # noqa: S101  the operator looks at each one
    return waiting


def _logo() -> bytes:
    """A south wind: three strokes on indigo."""
    picture = Image.new("RGB", (256, 256), "#2b4c7e")
    pen = ImageDraw.Draw(picture)
    for top, right in ((86, 196), (124, 216), (162, 176)):
        pen.line([(52, top), (right, top)], fill="#f7f5f1", width=16)
        pen.ellipse([(right - 8, top - 8), (right + 8, top + 8)], fill="#f7f5f1")
        pen.ellipse([(44, top - 8), (60, top + 8)], fill="#f7f5f1")
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
