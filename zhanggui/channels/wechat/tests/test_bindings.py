"""Templates of an account: chosen, mapped, counted, tried, and gone at WeChat."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat import bindings, notices
from zhanggui.channels.wechat.models import (
    BindingState,
    ChannelAccount,
    Follower,
    Form,
    Kind,
    OutgoingMessage,
    Permit,
    TemplateBinding,
)
from zhanggui.channels.wechat.notices import Field, Notice
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account, run_jobs
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
HERE = "/m/tea/channels/wechat/templates/"
LIST = "/cgi-bin/template/get_all_private_template"
CONTENT = "门店：{{thing1.DATA}}\n时间：{{time2.DATA}}\n备注：{{thing3.DATA}}"
STAMPED = Notice(
    "tests.stamped",
    "集章通知",
    (
        Field("store", "门店", "湖滨店"),
        Field("at", "时间", "2026年3月1日 12:00", "time"),
        Field("reward", "奖励", "招牌茶一杯"),
    ),
)


def listed(*ids: str) -> dict[str, Any]:
    return {
        LIST: {
            "template_list": [
                {"template_id": one, "title": "集章成功", "content": CONTENT, "example": ""}
                for one in ids
            ]
        }
    }


@pytest.fixture(autouse=True)
def notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_known", {STAMPED.name: STAMPED})


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    return make_account(merchant=tea)


@pytest.fixture
def owner(client: Client, tea: Merchant, account: ChannelAccount) -> Client:
    assert account.pk
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


FORM = {
    "template_id": "tm-1",
    "number": "43216",
    "place-thing1": "store",
    "place-time2": "at",
    "place-thing3": "=",
    "fixed-thing3": "凭短信到店",
}


def choose(owner: Client, **change: str) -> int:
    with fake_wechat(**listed("tm-1", "tm-2")):
        return owner.post(f"{HERE}{STAMPED.name}/", FORM | change).status_code


class TestChoosing:
    @pytest.mark.spec("platform P22")
    def test_places_are_guessed_by_kind_and_previewed(self, owner: Client) -> None:
        with fake_wechat(**listed("tm-1")):
            answer = owner.get(f"{HERE}{STAMPED.name}/?template_id=tm-1")
        values = {row["place"].key: row["value"] for row in answer.context["rows"]}
        assert values == {"thing1": "store", "time2": "at", "thing3": "reward"}
        assert answer.context["preview"].startswith("门店：湖滨店\n时间：2026年3月1日")

    def test_chosen_it_fills_its_places(self, owner: Client, account: ChannelAccount) -> None:
        assert choose(owner) == 302
        binding = TemplateBinding.objects.get(account=account)
        assert (binding.form, binding.state) == (Form.TEMPLATE, BindingState.GOOD)
        assert bindings.filled(binding, {"store": "湖滨店", "at": "12:00"}) == {
            "thing1": "湖滨店",
            "time2": "12:00",
            "thing3": "凭短信到店",
        }

    @pytest.mark.parametrize(
        "change",
        [
            {"template_id": "tm-9"},
            {"place-thing1": ""},
            {"place-thing1": "x"},
            {"fixed-thing3": ""},
        ],
        ids=["unknown-id", "nothing", "unknown-field", "empty-text"],
    )
    def test_a_wrong_choice_is_refused(self, owner: Client, change: dict[str, str]) -> None:
        assert choose(owner, **change) == 422
        assert not TemplateBinding.objects.exists()

    @pytest.mark.spec("platform P22")
    def test_one_number_counts_once_of_25(self, owner: Client, account: ChannelAccount) -> None:
        for place in range(25):
            TemplateBinding.objects.create(
                account=account,
                template_key=f"other.{place}",
                template_id=f"id-{place}",
                number=str(place) if place < 24 else "23",
            )
        assert bindings.used(account, Form.TEMPLATE) == 24
        assert choose(owner) == 302
        assert bindings.used(account, Form.TEMPLATE) == 25
        TemplateBinding.objects.filter(template_key=STAMPED.name).delete()
        TemplateBinding.objects.create(account=account, template_key="one.more", template_id="z")
        assert choose(owner) == 409
        assert choose(owner, number="5") == 302


class TestAfterwards:
    def test_gone_at_wechat_is_told_and_not_used(self, owner: Client) -> None:
        choose(owner)
        with fake_wechat(**listed("tm-2")):
            owner.post(f"{HERE}check")
        assert TemplateBinding.objects.get().state == BindingState.GONE
        assert "已在微信删除" in owner.get(HERE).content.decode()
        assert "消息模板" in owner.get("/m/tea/").content.decode()

    @pytest.mark.spec("platform P22")
    def test_a_test_goes_to_one_follower(self, owner: Client, account: ChannelAccount) -> None:
        choose(owner)
        follower = Follower.objects.create(account=account, openid="o-1")
        answer = owner.post(f"{HERE}{STAMPED.name}/test", {"person": str(follower.pk)})
        assert answer.status_code == 302
        message = OutgoingMessage.objects.get()
        assert (message.openid, message.kind) == ("o-1", "template")
        assert "等待发送" in self._told(owner, answer)
        with fake_wechat(**{"/cgi-bin/message/template/send": {"errcode": 47003, "errmsg": "no"}}):
            run_jobs()
        assert "错误码 47003" in self._told(owner, answer)
        other = Follower.objects.create(account=make_account(), openid="o-2")
        sent = owner.post(f"{HERE}{STAMPED.name}/test", {"person": str(other.pk)})
        assert sent.status_code == 404
        assert OutgoingMessage.objects.count() == 1

    @staticmethod
    def _told(owner: Client, answer: Any) -> str:
        """What the page says about the test."""
        with fake_wechat(**listed("tm-1")):
            page: str = owner.get(answer["Location"]).content.decode()
        return page.partition('id="wm-tested"')[2].partition("</main>")[0]

    def test_taken_away(self, owner: Client) -> None:
        choose(owner)
        owner.post(f"{HERE}{STAMPED.name}/unbind")
        assert not TemplateBinding.objects.exists()
        assert owner.get(f"{HERE}unknown.notice/").status_code == 404


NOTICES = "/wxaapi/newtmpl/gettemplate"
OFFERED = {
    NOTICES: {
        "data": [
            {"priTmplId": one, "title": title, "content": CONTENT, "example": "", "type": kind}
            for one, title, kind in (("sub-1", "取餐提醒", 2), ("sub-3", "服务通知", 3))
        ]
    }
}
NOTIFY = "/cgi-bin/message/subscribe/bizsend"
MINI_SEND = "/cgi-bin/message/subscribe/send"


def allow(account: ChannelAccount, openid: str, template_id: str = "sub-1") -> Permit:
    return Permit.objects.create(
        account=account, openid=openid, template_id=template_id, given_at=clock.now()
    )


class TestSubscriptions:
    """The other two lists: notifications of the account, messages of the mini program (P22)."""

    @pytest.mark.spec("platform P22")
    @pytest.mark.parametrize("of", ["notice", "mini"])
    def test_chosen_from_the_list_or_pasted(
        self, owner: Client, tea: Merchant, account: ChannelAccount, of: str
    ) -> None:
        speaking = make_account(merchant=tea, kind=Kind.MINI) if of == "mini" else account
        with fake_wechat(**OFFERED) as wechat:
            page = owner.get(f"{HERE}{STAMPED.name}/?of={of}&pasted=sub-1")
            assert page.context["preview"].startswith("门店：湖滨店\n时间：2026年3月1日")
            assert [one.is_lasting for one in page.context["found"]] == [False, True]
            answer = owner.post(f"{HERE}{STAMPED.name}/?of={of}", {**FORM, "template_id": "sub-3"})
        assert answer["Location"] == f"{HERE}?of={of}"
        assert set(wechat.paths()[1:]) == {NOTICES}
        binding = TemplateBinding.objects.get()
        assert (binding.account_id, binding.form) == (speaking.pk, Form.NOTICE)
        assert (binding.template_id, binding.is_lasting) == ("sub-3", True)
        listed_page = owner.get(f"{HERE}?of={of}").content.decode()
        assert "服务通知" in listed_page
        assert "服务通知" not in owner.get(HERE).content.decode()

    def test_the_lists_count_for_themselves(self, owner: Client, account: ChannelAccount) -> None:
        for place in range(25):
            TemplateBinding.objects.create(
                account=account, template_key=f"other.{place}", template_id=f"id-{place}"
            )
        with fake_wechat(**OFFERED):
            taken = {**FORM, "template_id": "sub-1"}
            answer = owner.post(f"{HERE}{STAMPED.name}/?of=notice", taken)
        assert answer.status_code == 302
        assert bindings.used(account, Form.NOTICE) == 1

    @pytest.mark.spec("platform P22")
    @pytest.mark.parametrize(("of", "path"), [("notice", NOTIFY), ("mini", MINI_SEND)])
    def test_a_test_uses_up_one_permission(
        self, owner: Client, tea: Merchant, account: ChannelAccount, of: str, path: str
    ) -> None:
        speaking = make_account(merchant=tea, kind=Kind.MINI) if of == "mini" else account
        with fake_wechat(**OFFERED):
            owner.post(f"{HERE}{STAMPED.name}/?of={of}", {**FORM, "template_id": "sub-1"})
            page = owner.get(f"{HERE}{STAMPED.name}/?of={of}")
        assert page.context["people"] == []
        permit = allow(speaking, "o-reader")
        test = f"{HERE}{STAMPED.name}/test?of={of}"
        assert owner.post(test, {"person": str(permit.pk)}).status_code == 302
        with fake_wechat(**{path: {"errcode": 0, "errmsg": "ok"}}) as wechat:
            run_jobs()
        body = wechat.body()
        assert (body["touser"], body["template_id"]) == ("o-reader", "sub-1")
        assert body["data"]["thing1"] == {"value": "湖滨店"}
        assert owner.post(test, {"person": str(permit.pk)}).status_code == 404
        assert OutgoingMessage.objects.count() == 1

    def test_refused_it_gives_the_permission_back(
        self, owner: Client, account: ChannelAccount
    ) -> None:
        with fake_wechat(**OFFERED):
            owner.post(f"{HERE}{STAMPED.name}/?of=notice", {**FORM, "template_id": "sub-1"})
        permit = allow(account, "o-reader")
        for code, is_free in ((47003, True), (43101, False)):
            Permit.objects.update(used_by="")
            owner.post(f"{HERE}{STAMPED.name}/test?of=notice", {"person": str(permit.pk)})
            with fake_wechat(**{NOTIFY: {"errcode": code, "errmsg": "no"}}):
                run_jobs()
            permit.refresh_from_db()
            assert (permit.used_by == "") is is_free

    def test_without_a_mini_program_the_page_says_so(self, owner: Client) -> None:
        page = owner.get(f"{HERE}?of=mini")
        assert page.status_code == 200
        assert "还没有连接小程序" in page.content.decode()
        assert owner.get(f"{HERE}{STAMPED.name}/?of=mini").status_code == 404
