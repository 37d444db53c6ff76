"""Labels of followers: made, put on customers who carry a tag, deleted."""

from __future__ import annotations

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat.errors import ChannelRefused
from zhanggui.channels.wechat.menus import labelling
from zhanggui.channels.wechat.models import ChannelAccount, ConditionalMenu
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.contacts.models import Tag
from zhanggui.contacts.tests.factories import make_link, make_tag
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db

HERE = "/m/tea/channels/wechat/menu/conditional/"
CREATE, DELETE = "/cgi-bin/tags/create", "/cgi-bin/tags/delete"
GET, PUT = "/cgi-bin/tags/get", "/cgi-bin/tags/members/batchtagging"
GOOD = {"errcode": 0, "errmsg": "ok"}
MADE = {"tag": {"id": 101, "name": "熟客"}}
SEEN = {"tags": [{"id": 2, "name": "星标组", "count": 0}, {"id": 101, "name": "熟客", "count": 7}]}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def account(tea: Merchant) -> ChannelAccount:
    return make_account(merchant=tea)


@pytest.fixture
def owner(client: Client, tea: Merchant, account: ChannelAccount) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


@pytest.fixture
def tag(tea: Merchant) -> Tag:
    return make_tag(tea, "老顾客")


def waiting() -> list[dict[str, int]]:
    rows = ProcrastinateJob.objects.filter(task_name="wechat.label_customers")
    return [job.args for job in rows]


def entries(tea: Merchant) -> list[str]:
    with tenancy.merchant_scope(tea.pk):
        found = AuditEntry.objects.filter(action__startswith="wechat.label").order_by("pk")
        return list(found.values_list("action", flat=True))


class TestMaking:
    def test_makes_it_and_puts_it_on_customers(
        self, owner: Client, tea: Merchant, account: ChannelAccount, tag: Tag
    ) -> None:
        with fake_wechat(**{CREATE: MADE}) as wechat:
            answer = owner.post(f"{HERE}labels/new", {"label_name": "熟客", "tag": tag.pk})

        assert answer["Location"] == HERE
        assert wechat.body() == {"tag": {"name": "熟客"}}
        assert waiting() == [{"account_id": account.pk, "label_id": 101, "tag_id": tag.pk}]
        assert entries(tea) == ["wechat.label.added", "wechat.label.put_on"]

    def test_nobody_gets_it_unless_a_tag_is_chosen(self, owner: Client, tag: Tag) -> None:
        with fake_wechat(**{CREATE: MADE}):
            assert owner.post(f"{HERE}labels/new", {"label_name": "熟客"}).status_code == 302
        assert waiting() == []

    @pytest.mark.parametrize(
        ("code", "told"), [(45157, "微信里已有同名标签"), (45056, "最多 100 个标签")]
    )
    def test_says_what_wechat_refused(
        self, owner: Client, tea: Merchant, code: int, told: str
    ) -> None:
        with fake_wechat(**{CREATE: {"errcode": code, "errmsg": "no"}}):
            answer = owner.post(f"{HERE}labels/new", {"label_name": "熟客"})

        assert answer.status_code == 409
        assert told in answer.content.decode()
        assert entries(tea) == []

    @pytest.mark.parametrize("name", ["", "长" * 31], ids=["empty", "too-long"])
    def test_asks_for_a_name_that_wechat_takes(self, owner: Client, name: str) -> None:
        with fake_wechat() as wechat:
            assert owner.post(f"{HERE}labels/new", {"label_name": name}).status_code == 422
        assert wechat.calls == []

    def test_a_strangers_tag_is_none_of_ours(self, owner: Client, tag: Tag) -> None:
        strange = make_tag(make_merchant("coffee"), "常客")
        assert strange.pk != tag.pk
        with fake_wechat() as wechat:
            values = {"label_name": "熟客", "tag": strange.pk}
            assert owner.post(f"{HERE}labels/new", values).status_code == 422
            owner.post(f"{HERE}labels/101/put-on", {"tag": strange.pk})
        assert wechat.calls == []
        assert waiting() == []


class TestPuttingOn:
    def test_tells_followers_with_the_tag(
        self, tea: Merchant, account: ChannelAccount, tag: Tag
    ) -> None:
        for number in range(53):
            self.follower(tea, account, f"o{number}", tag)
        self.follower(tea, account, "left", tag, follows=False)
        self.follower(tea, account, "other", None)

        with fake_wechat(**{PUT: GOOD}) as wechat:
            assert self.run(account, tag) == 53

        sent = [wechat.body(place) for place in (-2, -1)]
        assert [len(one["openid_list"]) for one in sent] == [50, 3]
        assert {one["tagid"] for one in sent} == {101}

    def test_leaves_out_whom_wechat_refuses(
        self, tea: Merchant, account: ChannelAccount, tag: Tag
    ) -> None:
        self.follower(tea, account, "full", tag)
        with fake_wechat(**{PUT: {"errcode": 45059, "errmsg": "too many"}}):
            assert self.run(account, tag) == 0

    def test_ends_when_the_label_is_gone(
        self, tea: Merchant, account: ChannelAccount, tag: Tag
    ) -> None:
        self.follower(tea, account, "o1", tag)
        with (
            fake_wechat(**{PUT: {"errcode": 45159, "errmsg": "no label"}}),
            pytest.raises(ChannelRefused),
        ):
            self.run(account, tag)

    def run(self, account: ChannelAccount, tag: Tag) -> int:
        return labelling.label_customers(account_id=account.pk, label_id=101, tag_id=tag.pk)

    def follower(
        self,
        tea: Merchant,
        account: ChannelAccount,
        openid: str,
        tag: Tag | None,
        *,
        follows: bool = True,
    ) -> None:
        link = make_link(tea, account.pk, openid=openid)
        with tenancy.merchant_scope(tea.pk):
            link.customer.tag_ids = [tag.pk] if tag else []
            link.customer.save(update_fields=["tag_ids"])
            link.follows = follows
            link.save(update_fields=["follows"])


class TestList:
    def test_shows_what_may_be_changed(self, owner: Client, tag: Tag) -> None:
        with fake_wechat(**{GET: SEEN}):
            piece = owner.get(f"{HERE}labels/").content.decode()
        assert "熟客" in piece
        assert "7 位粉丝" in piece
        assert tag.name in piece
        assert "星标组" not in piece

    def test_deletes_one(self, owner: Client, tea: Merchant) -> None:
        with fake_wechat(**{DELETE: GOOD}) as wechat:
            owner.post(f"{HERE}labels/101/delete")
        assert wechat.body() == {"tag": {"id": 101}}
        assert entries(tea) == ["wechat.label.deleted"]

    def test_keeps_one_that_a_menu_is_for(
        self, owner: Client, tea: Merchant, account: ChannelAccount
    ) -> None:
        ConditionalMenu.objects.create(account=account, name="熟客菜单", tag_id=101)
        with fake_wechat() as wechat:
            answer = owner.post(f"{HERE}labels/101/delete", follow=True)
        assert "熟客菜单" in answer.content.decode()
        assert wechat.calls == []
        assert entries(tea) == []
