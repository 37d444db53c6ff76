"""The block of store managers on the store's page: QR codes, approvals, removing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Role, Store
from zhanggui.accounts.tests.factories import make_person, make_staff, make_store
from zhanggui.channels.wechat.tests.factories import (
    FakeWechat,
    fake_wechat,
    make_account,
    make_identity,
)
from zhanggui.core import clock
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import InvitationPending
from zhanggui.stamps.models import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    PendingState,
)
from zhanggui.stamps.tests.factories import Shop, make_invitation, make_manager, make_shop, stamp

HTMX = {"HX-Request": "true"}


@pytest.fixture
def wechat(db: None) -> Iterator[FakeWechat]:
    """The platform's account, and a WeChat that answers."""
    make_account()
    with fake_wechat() as fake:
        yield fake


class Panel:
    """The panel of one store, seen by the owner."""

    def __init__(self, client: Client, shop: Shop) -> None:
        self.client, self.shop = client, shop
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))

    def url(self, name: str, *args: Any, store: Store | None = None) -> str:
        place = [self.shop.merchant.slug, (store or self.shop.store).pk]
        return reverse(f"stamps:{name}", args=[*place, *args])

    def post(self, name: str, *args: Any, **fields: Any) -> Any:
        return self.client.post(self.url(name, *args), fields, headers=HTMX)

    def store_page(self) -> str:
        args = [self.shop.merchant.slug, self.shop.store.pk]
        return self.client.get(reverse("accounts:store", args=args)).content.decode()


@pytest.fixture
def panel(client: Client, shop: Shop) -> Panel:
    return Panel(client, shop)


class TestList:
    @pytest.mark.spec("stamps R06")
    def test_warns_below_two(self, panel: Panel) -> None:
        assert "管理员不足两名" in panel.store_page()
        make_manager(panel.shop.store, "赵小敏")
        assert "管理员不足两名" not in panel.store_page()

    def test_stands_first_until_there_is_a_manager(self, panel: Panel) -> None:
        store = make_store(panel.shop.merchant)
        address = reverse("accounts:store", args=[panel.shop.merchant.slug, store.pk])

        def is_first() -> bool:
            page = panel.client.get(address).content.decode()
            assert page.count('id="managers"') == 1
            return page.index('id="managers"') < page.index("?days=")

        assert is_first()
        make_manager(store, "赵小敏")
        assert not is_first()

    def test_names_managers_as_they_are_called_now(self, panel: Panel) -> None:
        person = make_person("微信用户", phone=None)
        make_identity(make_account(), person=person, nickname="周敏")
        ManagerBinding.objects.create(
            person=person,
            merchant_id=panel.shop.merchant.pk,
            store_id=panel.shop.store.pk,
            name="微信用户",
        )
        person.name = "周敏"
        person.save()

        page = panel.store_page()

        assert "周敏" in page
        assert "微信用户" not in page

    def test_is_sent_again_only_when_something_is_new(self, panel: Panel) -> None:
        first = panel.client.get(panel.url("managers"), headers=HTMX)
        version = first.context["version"]

        same = panel.client.get(panel.url("managers"), {"v": version}, headers=HTMX)
        make_manager(panel.shop.store, "赵小敏")
        other = panel.client.get(panel.url("managers"), {"v": version}, headers=HTMX)

        assert same.status_code == 204
        assert other.status_code == 200
        assert "赵小敏" in other.content.decode()

    def test_shows_no_buttons_without_the_right(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, "stamps.view", "accounts.view_stores"))
        url = reverse("accounts:store", args=[shop.merchant.slug, shop.store.pk])

        page = client.get(url).content.decode()

        assert "李店长" in page
        assert "添加管理员" not in page.replace("“添加管理员”", "")
        assert "删除管理员" not in page

    def test_is_hidden_without_any_right(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, "accounts.view_stores"))
        url = reverse("accounts:store", args=[shop.merchant.slug, shop.store.pk])

        assert "李店长" not in client.get(url).content.decode()


@pytest.mark.usefixtures("wechat")
class TestInvite:
    @pytest.mark.edge("invitation new>FRESH")
    @pytest.mark.spec("stamps R01")
    def test_shows_a_code_for_24_hours(self, panel: Panel) -> None:
        response = panel.post("invite", people="1")

        assert response.status_code == 200
        page = response.content.decode()
        assert "data:image/svg+xml" in page
        assert "http://weixin.qq.com/q/abc" in page
        made = ManagerInvitation.objects.get()
        assert made.expires_at - made.created_at == timedelta(hours=24)
        assert response.context["seconds_left"] > 86_390

    @pytest.mark.spec("stamps R01")
    def test_knows_no_store_of_others(self, panel: Panel) -> None:
        other = make_shop("other")
        other.scope.close()

        for name in ("invite", "managers"):
            url = panel.url(name, store=other.store)
            response = panel.client.post(url) if name == "invite" else panel.client.get(url)
            assert response.status_code == 404
        assert not ManagerInvitation.objects.exists()

    @pytest.mark.spec("stamps R01")
    def test_is_unknown_to_the_admin_of_another_merchant(self, panel: Panel) -> None:
        rival = make_shop("rival")
        rival.scope.close()
        panel.client.force_login(make_staff(rival.merchant, role=Role.OWNER))

        page = reverse("accounts:store", args=[panel.shop.merchant.slug, panel.shop.store.pk])
        assert panel.client.get(page).status_code == 404
        assert panel.client.get(panel.url("managers")).status_code == 404
        assert panel.post("invite", people="1").status_code == 404
        assert not ManagerInvitation.objects.exists()

    def test_a_second_press_shows_the_same_code(self, panel: Panel) -> None:
        for _ in range(3):
            panel.post("invite", people="1")

        assert ManagerInvitation.objects.count() == 1

    @pytest.mark.spec("stamps D02")
    def test_may_be_for_several_people(self, panel: Panel) -> None:
        panel.post("invite", people="1")
        panel.post("invite", people="4")
        panel.post("invite", people="99")  # out of range counts as one

        counts = ManagerInvitation.objects.order_by("pk").values_list("max_people", flat=True)
        assert list(counts) == [1, 4]

    @pytest.mark.spec("stamps D04")
    def test_stops_at_five_open_codes(self, panel: Panel) -> None:
        for people in range(1, 6):
            panel.post("invite", people=str(people))
        ManagerInvitation.objects.filter(max_people=1).update(used_count=0, created_by_id=0)

        response = panel.post("invite", people="1")

        assert response.status_code == 409
        assert "E_QR_LIMIT" in response.content.decode()
        assert ManagerInvitation.objects.count() == 5

    def test_tells_when_it_was_used(self, panel: Panel) -> None:
        response = panel.post("invite", people="1")
        invitation = response.context["invitation"]
        url = panel.url("invitation", invitation.pk)
        mark = response.context["mark"]

        assert panel.client.get(url, {"v": mark}, headers=HTMX).status_code == 204
        services.accept_scan(invitation_id=invitation.pk, person=make_person("高店长", phone=None))
        after = panel.client.get(url, {"v": mark}, headers=HTMX)

        assert "绑定完成" in after.content.decode()
        assert "高店长已成为" in after.content.decode()

    @pytest.mark.spec("stamps R03")
    def test_can_be_saved_as_a_picture(self, panel: Panel) -> None:
        panel.post("invite", people="1")
        invitation = ManagerInvitation.objects.get()

        response = panel.client.get(panel.url("invitation_picture", invitation.pk))

        assert response["Content-Type"] == "image/png"
        assert response.content.startswith(b"\x89PNG")
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.edge("invitation FRESH>REVOKED by the office")
    @pytest.mark.spec("stamps D04")
    def test_is_withdrawn(self, panel: Panel) -> None:
        panel.post("invite", people="1")
        invitation = ManagerInvitation.objects.get()
        assert "还有效的二维码" in panel.store_page()

        response = panel.post("revoke", invitation.pk)

        assert response.status_code == 200
        assert "还有效的二维码" not in response.content.decode()
        assert ManagerInvitation.objects.get().state == InvitationState.REVOKED

    def test_needs_the_platform_s_account(self, panel: Panel, wechat: FakeWechat) -> None:
        from zhanggui.channels.wechat.models import ChannelAccount

        ChannelAccount.objects.all().delete()

        response = panel.post("invite", people="1")

        assert response.status_code == 409
        assert "E_NO_STAFF_ACCOUNT" in response.content.decode()


class TestApproval:
    @pytest.fixture
    def pending(self, panel: Panel) -> PendingManager:
        """Somebody who scanned 31 minutes after the QR code was made."""
        with clock.at(clock.now() - timedelta(minutes=31)):
            invitation = make_invitation(panel.shop.store)
        with pytest.raises(InvitationPending):
            services.accept_scan(
                invitation_id=invitation.pk, person=make_person("晚到", phone=None)
            )
        return PendingManager.objects.get()

    @pytest.mark.edge("request new>WAITING", "request WAITING>APPROVED")
    @pytest.mark.spec("stamps D03")
    def test_waits_until_the_owner_approves(self, panel: Panel, pending: PendingManager) -> None:
        assert "等您通过" in panel.store_page()
        assert selectors.desk_of(pending.person_id) is None

        response = panel.post("decide", pending.pk, ok="1")

        assert response.status_code == 200
        assert selectors.desk_of(pending.person_id) is not None
        assert "等您通过" not in panel.store_page()

    @pytest.mark.edge("request WAITING>REJECTED")
    def test_is_turned_down(self, panel: Panel, pending: PendingManager) -> None:
        panel.post("decide", pending.pk, ok="0")

        pending.refresh_from_db()
        assert pending.state == PendingState.REJECTED
        assert selectors.desk_of(pending.person_id) is None

    @pytest.mark.edge("request decided stays")
    def test_is_decided_once(self, panel: Panel, pending: PendingManager) -> None:
        panel.post("decide", pending.pk, ok="0")

        response = panel.post("decide", pending.pk, ok="1")

        assert response.status_code == 409
        assert "E_QR_DECIDED" in response.content.decode()
        assert selectors.desk_of(pending.person_id) is None

    def test_stands_on_the_to_do_list(self, panel: Panel, pending: PendingManager) -> None:
        url = reverse("accounts:overview", args=[panel.shop.merchant.slug])

        assert "晚到 申请成为门店管理员" in panel.client.get(url).content.decode()


class TestRemove:
    @pytest.mark.edge("binding ACTIVE>REMOVED by the office")
    @pytest.mark.spec("stamps R07")
    def test_ends_the_rights(self, panel: Panel) -> None:
        other = make_manager(panel.shop.store, "赵小敏")

        response = panel.post("remove", other.binding_id)

        assert response.status_code == 200
        assert "赵小敏" not in response.content.decode()
        assert selectors.desk_of(other.person_id) is None

    @pytest.mark.spec("stamps D09")
    def test_the_last_one_needs_a_second_word(self, panel: Panel) -> None:
        only = panel.shop.desk
        assert "这是最后一名管理员" in panel.store_page()

        refused = panel.post("remove", only.binding_id)
        assert (refused.status_code, selectors.desk_of(only.person_id)) == (409, only)
        assert "E_LAST_MANAGER" in refused.content.decode()

        assert panel.post("remove", only.binding_id, last="1").status_code == 200
        assert selectors.desk_of(only.person_id) is None
        assert "管理员不足两名" in panel.store_page()

    @pytest.mark.spec("stamps D10")
    def test_keeps_the_history(self, panel: Panel) -> None:
        stamp(panel.shop.desk, panel.shop.card)

        panel.post("remove", panel.shop.desk.binding_id, last="1")

        url = reverse("stamps:ledger", args=[panel.shop.merchant.slug])
        assert "李店长" in panel.client.get(url).content.decode()

    def test_knows_no_manager_of_others(self, panel: Panel) -> None:
        other = make_shop("other")
        other.scope.close()
        elsewhere = make_manager(make_store(panel.shop.merchant, "二店"))

        for binding_id in (other.desk.binding_id, elsewhere.binding_id):
            assert panel.post("remove", binding_id, last="1").status_code == 404
        assert ManagerBinding.objects.filter(removed_at=None).count() == 3


def test_without_script_there_is_a_page(panel: Panel) -> None:
    other = make_manager(panel.shop.store, "赵小敏")

    response = panel.client.post(panel.url("remove", other.binding_id))

    assert "<html" in response.content.decode()
    assert selectors.desk_of(other.person_id) is None
