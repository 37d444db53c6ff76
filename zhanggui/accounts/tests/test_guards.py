"""The table of attacks on the guards: what somebody may try, and what they get."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from zhanggui.accounts import services
from zhanggui.accounts.models import (
    Membership,
    Merchant,
    Person,
    Role,
    RoleSet,
    Session,
    Store,
    TierState,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_person,
    make_role,
    make_staff,
    make_store,
    membership_of,
)
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db
STORES = "/m/tea/stores/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Person:
    person = make_staff(tea, role=Role.OWNER)
    client.force_login(person)
    return person


def remove(person: Person, tea: Merchant) -> None:
    make_staff(tea, role=Role.OWNER)
    services.remove_membership(membership=membership_of(person, tea), actor=ACTOR)


def remove_quietly(person: Person, _tea: Merchant) -> None:
    Membership.objects.filter(person=person).delete()


def switch_off(person: Person, _tea: Merchant) -> None:
    Person.objects.filter(pk=person.pk).update(is_active=False)


def change_password(person: Person, _tea: Merchant) -> None:
    person.set_password("another-48-seal")
    person.save(update_fields=["password"])


def end_sessions(person: Person, _tea: Merchant) -> None:
    services.end_sessions(person)


def let_expire(_person: Person, _tea: Merchant) -> None:
    Session.objects.update(expire_date=clock.now() - timedelta(seconds=1))


def freeze(_person: Person, tea: Merchant) -> None:
    services.freeze_merchant(merchant=tea, actor=ACTOR)


def take_right(person: Person, tea: Merchant) -> None:
    give_role(person, tea)


def forge_right(person: Person, tea: Merchant) -> None:
    give_role(person, tea, "accounts.platform_view", "accounts.operator_view", "*", "accounts")


def give_role(person: Person, tea: Merchant, *rights: str) -> None:
    Membership.objects.filter(person=person, merchant=tea).update(
        role=Role.CUSTOM, role_set=make_role(tea, *rights)
    )


def take_rights_of_the_role(person: Person, tea: Merchant) -> None:
    give_role(person, tea, "accounts.view_stores", "accounts.manage_stores")
    RoleSet.objects.update(rights=["accounts.view_audit"])


MEANWHILE: list[tuple[Callable[[Person, Merchant], None], int]] = [
    (remove, 302),
    (remove_quietly, 404),
    (switch_off, 302),
    (change_password, 302),
    (end_sessions, 302),
    (let_expire, 302),
    (freeze, 302),
    (take_right, 403),
    (forge_right, 403),
    (take_rights_of_the_role, 403),
]


@pytest.mark.parametrize(
    ("happens", "status"), MEANWHILE, ids=[happens.__name__ for happens, _ in MEANWHILE]
)
def test_an_open_page_does_not_outlive(
    client: Client,
    tea: Merchant,
    owner: Person,
    happens: Callable[[Person, Merchant], None],
    status: int,
) -> None:
    assert client.get(STORES).status_code == 200
    happens(owner, tea)
    assert client.get(STORES).status_code == status
    posted = client.post(f"{STORES}new", {"name": "South"})
    assert posted.status_code == status
    with tenancy.merchant_scope(tea.pk):
        assert not Store.objects.exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/m/TEA/stores/", 404),
        ("/m/tea%2F/stores/", 404),
        ("/m/tea%00/stores/", 400),
        ("/m/coffee/../tea/stores/", 404),
        ("/m//stores/", 404),
        ("/m/tea/stores/999999999999999999999/", 404),
        ("/m/tea/stores/-1/", 404),
        ("/m/tea/stores", 301),
    ],
)
def test_odd_addresses(client: Client, owner: Person, path: str, status: int) -> None:
    make_merchant("coffee")
    assert client.get(path).status_code == status


class TestRequests:
    def test_a_write_without_its_token_is_refused(self, tea: Merchant) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(make_staff(tea, role=Role.OWNER))
        assert browser.post(f"{STORES}new", {"name": "South"}).status_code == 403
        with tenancy.merchant_scope(tea.pk):
            assert not Store.objects.exists()

    def test_a_write_is_never_a_get(self, client: Client, tea: Merchant, owner: Person) -> None:
        store = make_store(tea)
        for action in ("close", "reopen"):
            assert client.get(f"{STORES}{store.pk}/{action}").status_code == 405
        assert client.get(f"{STORES}new?name=South").status_code == 200
        with tenancy.merchant_scope(tea.pk):
            assert Store.objects.count() == 1

    def test_another_host_is_refused(self, client: Client, owner: Person) -> None:
        assert client.get(STORES, headers={"Host": "evil.example"}).status_code == 400

    @pytest.mark.parametrize("value", ["x", "", "0" * 32, "a" * 4000])
    def test_a_made_up_session_is_nobody(self, tea: Merchant, value: str) -> None:
        browser = Client()
        browser.cookies["zhanggui_session"] = value
        assert browser.get(STORES).status_code == 302

    def test_a_stolen_handle_is_no_session(self, client: Client, owner: Person) -> None:
        session = Session.objects.get()
        browser = Client()
        browser.cookies["zhanggui_session"] = services.handle_of(session.session_key)
        assert browser.get(STORES).status_code == 302

    def test_rights_of_one_merchant_do_not_count_at_another(
        self, client: Client, tea: Merchant
    ) -> None:
        person = make_staff(tea, role=Role.CLERK)
        coffee = make_merchant("coffee")
        Membership.objects.create(person=person, tier="merchant", merchant=coffee, role=Role.OWNER)
        client.force_login(person)
        assert client.get("/m/coffee/staff/").status_code == 200
        assert client.get("/m/tea/staff/").status_code == 403

    def test_the_scope_ends_with_the_request(self, client: Client, owner: Person) -> None:
        client.get(STORES)
        with pytest.raises(tenancy.NoScope):
            tenancy.current()

    def test_after_signing_in_again_a_lost_post_shows_its_page(
        self, client: Client, tea: Merchant
    ) -> None:
        answer = client.post(
            f"{STORES}new",
            {"name": "South"},
            headers={"Referer": "http://testserver/m/tea/stores/new"},
        )
        assert answer["Location"] == "/login?next=%2Fm%2Ftea%2Fstores%2Fnew"

    def test_who_was_signed_out_elsewhere_reads_why(self, client: Client, owner: Person) -> None:
        client.force_login(owner)
        services.end_sessions(owner)
        answer = client.get(STORES)
        assert answer["Location"].endswith("&ended=1")
        assert "您已退出登录" in client.get(answer["Location"]).content.decode()
        assert "ended" not in client.get(STORES)["Location"], "said once"

    def test_a_foreign_referer_leads_nowhere_else(self, client: Client, tea: Merchant) -> None:
        answer = client.post(
            f"{STORES}new", {"name": "South"}, headers={"Referer": "https://evil.example/x"}
        )
        assert answer["Location"] == "/login?next=%2Fm%2Ftea%2Fstores%2Fnew"

    def test_a_password_is_not_in_the_page_again(self, client: Client) -> None:
        person = make_person()
        answer = client.post("/login", {"phone": person.phone, "password": f"{PASSWORD}-no"})
        assert f"{PASSWORD}-no" not in answer.content.decode()


def test_a_frozen_merchant_shuts_its_back_office_with_a_sentence(
    client: Client, tea: Merchant, owner: Person
) -> None:
    services.add_membership(person=owner, place=make_merchant(), role=Role.OWNER, actor=ACTOR)
    services.freeze_merchant(merchant=tea, actor=ACTOR)
    answer = client.get(STORES)
    assert answer.status_code == 403
    assert "已被冻结" in answer.content.decode()
    assert Merchant.objects.get(pk=tea.pk).state == TierState.FROZEN
