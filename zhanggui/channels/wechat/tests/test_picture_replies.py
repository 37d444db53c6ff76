"""Pictures as automatic replies: sent in, handed to WeChat, answered, forgotten."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat import passive
from zhanggui.channels.wechat.models import AutoReply, ChannelAccount, ReplyPicture, Standing
from zhanggui.channels.wechat.replies import answering, pictures
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account, run_jobs
from zhanggui.core import clock
from zhanggui.files.tests.factories import picture

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/replies/"
UPLOAD = "/cgi-bin/media/upload"
KEPT = {"type": "image", "media_id": "media-1", "created_at": 1}


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(merchant=make_merchant("tea", name="茶舍"))


@pytest.fixture
def owner(client: Client, account: ChannelAccount) -> Client:
    tea = Merchant.objects.get(slug="tea")
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def form(content: bytes | None = None, **changes: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "words": "菜单",
        "match": "inside",
        "priority": "0",
        "kind": "picture",
        "is_on": "on",
        **changes,
    }
    if content is not None:
        values["picture"] = SimpleUploadedFile("菜单.png", content)
    return values


def said() -> object:
    rule = AutoReply.objects.get()
    return answering.said(rule.account, rule)


def test_a_picture_is_written_anew_and_handed_to_wechat(owner: Client) -> None:
    sent = picture(format_="PNG", mode="RGBA") + b"hidden behind the picture"
    assert owner.post(f"{HERE}new", form(sent)).status_code == 302
    kept = ReplyPicture.objects.get()
    assert b"hidden" not in bytes(kept.content)
    assert said() is None
    with fake_wechat(**{UPLOAD: KEPT}) as wechat:
        run_jobs()
        run_jobs()

    assert wechat.paths().count(UPLOAD) == 2  # safe to repeat
    assert "菜单".encode() not in wechat.calls[-1].content
    assert said() == passive.Media("image", "media-1")
    rule = AutoReply.objects.get()
    shown = owner.get(f"{HERE}{rule.pk}/picture")
    assert Image.open(BytesIO(shown.content)).size == (60, 40)
    for page in (f"{HERE}{rule.pk}/", f"{HERE}try?text=菜单"):
        assert f"{HERE}{rule.pk}/picture" in owner.get(page).content.decode()


@pytest.mark.parametrize(
    "content",
    [None, b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a"],
    ids=["none", "empty", "drawing", "other-kind"],
)
def test_what_is_no_picture_is_refused_at_its_field(owner: Client, content: bytes | None) -> None:
    answer = owner.post(f"{HERE}new", form(content))
    assert answer.status_code == 422
    assert answer.context["form"].errors["picture"]
    assert not AutoReply.objects.exists()


def test_what_wechat_forgot_becomes_the_text(owner: Client) -> None:
    owner.post(f"{HERE}new", form(picture(), text="稍后再试"))
    with fake_wechat(**{UPLOAD: KEPT}):
        run_jobs()
    assert isinstance(said(), passive.Media)
    with clock.at(clock.now() + timedelta(hours=71)):
        assert said() == passive.Text("稍后再试")


def test_another_picture_takes_its_place_and_a_text_ends_it(owner: Client) -> None:
    owner.post(f"{HERE}new", form(picture()))
    with fake_wechat(**{UPLOAD: KEPT}):
        run_jobs()
    rule = AutoReply.objects.get()
    owner.post(f"{HERE}{rule.pk}/", form(None, text="另一句"))  # keeps the picture it has
    assert said() == passive.Media("image", "media-1")
    owner.post(f"{HERE}{rule.pk}/", form(picture(size=(10, 10))))
    assert said() is None
    owner.post(f"{HERE}{rule.pk}/", form(None, kind="text", text="9:00-18:00"))
    assert said() == passive.Text("9:00-18:00")
    assert not ReplyPicture.objects.exists()


def test_a_refusal_is_tried_again_every_hour(owner: Client) -> None:
    owner.post(f"{HERE}new", form(picture()))
    with fake_wechat(**{UPLOAD: {"errcode": 48001, "errmsg": "no"}}):
        run_jobs()
        pictures.renew()
    assert said() is None
    with fake_wechat(**{UPLOAD: KEPT}) as wechat:
        pictures.renew()
        pictures.renew()
    assert wechat.paths().count(UPLOAD) == 1
    assert said() == passive.Media("image", "media-1")


def test_nothing_is_handed_over_for_an_account_that_is_gone(
    owner: Client, account: ChannelAccount
) -> None:
    owner.post(f"{HERE}new", form(picture()))
    ChannelAccount.objects.update(standing=Standing.REVOKED)
    with fake_wechat() as wechat:
        pictures.renew()
    assert wechat.calls == []
