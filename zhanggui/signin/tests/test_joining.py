"""Signing up: as a merchant, as a person; what is told to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.models import (
    Application,
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_operator,
    make_person,
    make_staff,
)
from zhanggui.channels.sms.models import OutgoingSms
from zhanggui.core import clock
from zhanggui.signin.services import factors
from zhanggui.signin.tests.inbox import Inbox, answer_of, ask, picture

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
NEW_PASSWORD = "moon lantern 9"


def open_registration(place: Operator | None = None, *, needs_approval: bool = False) -> None:
    account_services.edit_registration(
        place=place, is_open=True, needs_approval=needs_approval, title="", actor=ACTOR
    )


@pytest.fixture
def registration() -> None:
    open_registration()


def fields(digits: str, **more: Any) -> dict[str, Any]:
    return {
        "phone": "13800138000",
        "code": digits,
        "registered_name": "青岚茶事",
        "name": "许岚",
        "password": NEW_PASSWORD,
        "again": NEW_PASSWORD,
        "sent": "1",
        **more,
    }


def sign_up(client: Client, inbox: Inbox, page: str = "/join", **more: Any) -> Any:
    assert ask(client, page, "13800138000").status_code == 200
    return client.post(page, fields(inbox.code(PHONE), **more))


@pytest.mark.usefixtures("registration")
class TestJoin:
    @pytest.mark.spec("repairs A2", "repairs A3", "platform P04")
    def test_a_merchant_begins_with_its_owner(self, client: Client, inbox: Inbox) -> None:
        answer = sign_up(client, inbox)
        merchant = Merchant.objects.get()
        assert answer["Location"] == f"/m/{merchant.slug}/"
        assert (merchant.name, merchant.registered_name) == ("青岚茶事", "青岚茶事")
        assert merchant.plan_ends_at is not None
        trial = merchant.plan_ends_at - merchant.created_at
        assert timedelta(days=14, hours=23, minutes=59) <= trial <= timedelta(days=15, minutes=1)
        owner = Person.objects.get()
        assert (owner.name, owner.phone) == ("许岚", PHONE)
        assert owner.phone_proved_at is not None
        assert owner.check_password(NEW_PASSWORD)
        assert Membership.objects.get().role == Role.OWNER
        assert client.session[SESSION_KEY] == str(owner.pk)

    @pytest.mark.spec("repairs A2")
    @pytest.mark.parametrize("empty", ["phone", "code", "registered_name", "password", "again"])
    def test_every_field_is_needed(self, client: Client, inbox: Inbox, empty: str) -> None:
        answer = sign_up(client, inbox, **{empty: ""})
        assert answer.status_code == 422
        assert not Person.objects.exists()
        assert not Merchant.objects.exists()

    @pytest.mark.spec("repairs A5")
    @pytest.mark.parametrize(
        ("password", "again", "status"),
        [
            ("12345", "12345", 422),
            ("s9d!x2", "s9d!x2", 302),
            (" 茶 x9 ", " 茶 x9 ", 302),
            ("a1" * 64, "a1" * 64, 302),
            ("a1" * 64 + "b", "a1" * 64 + "b", 422),
            (NEW_PASSWORD, "other lantern", 422),
        ],
        ids=["five", "six", "blanks-and-hanzi", "128", "129", "differing"],
    )
    def test_bounds_of_the_password(
        self, client: Client, inbox: Inbox, password: str, again: str, status: int
    ) -> None:
        """T-1."""
        answer = sign_up(client, inbox, password=password, again=again)
        assert answer.status_code == status
        assert Person.objects.exists() is (status == 302)
        if status == 302:
            assert Person.objects.get().check_password(password)

    @pytest.mark.spec("repairs A5")
    def test_what_was_typed_stays_but_for_secrets(self, client: Client, inbox: Inbox) -> None:
        page = sign_up(client, inbox, again="differs").content.decode()
        assert 'value="青岚茶事"' in page
        assert 'value="13800138000"' in page
        assert NEW_PASSWORD not in page
        assert "两次输入的密码不一致" in page
        # the code was not spent by a mistake elsewhere
        assert client.post("/join", fields(inbox.code(PHONE))).status_code == 302

    @pytest.mark.parametrize("weak", ["123456", "138000", "aaaaaa", "password"])
    def test_a_weak_password_is_a_warning(self, client: Client, inbox: Inbox, weak: str) -> None:
        answer = sign_up(client, inbox, password=weak, again=weak)
        assert answer.status_code == 302
        assert "您的密码容易被猜到" in client.get("/choose?stay=1").content.decode()

    @pytest.mark.parametrize("wrong", ["wrong", "none", "used"])
    def test_a_wrong_code_makes_nothing(self, client: Client, inbox: Inbox, wrong: str) -> None:
        if wrong != "none":
            ask(client, "/join", "13800138000")
        right = inbox.code(PHONE) if wrong != "none" else "048213"
        if wrong == "used":
            client.post("/join", fields(right))
            Client().post("/logout")
            client = Client()
            answer = client.post("/join", fields(right, registered_name="另一家"))
            assert Merchant.objects.count() == 1
        else:
            digits = "000000" if right != "000000" else "111111"
            answer = client.post("/join", fields(digits))
            assert not Person.objects.exists()
        assert answer.status_code in {410, 422}

    def test_a_code_for_signing_in_is_not_one_for_signing_up(
        self, client: Client, inbox: Inbox
    ) -> None:
        make_person(phone=PHONE)
        ask(client, "/login?way=sms", "13800138000", way="sms")
        answer = client.post("/join", fields(inbox.code(PHONE)))
        assert answer.status_code == 422
        assert not Merchant.objects.exists()

    @pytest.mark.spec("repairs A4")
    def test_no_message_without_the_picture_code(self, client: Client) -> None:
        sent = {"do": "ask", "phone": "13800138000", **picture(client, "/join"), "picture": "ZZZZ"}
        answer = client.post("/join", sent)
        assert answer.status_code == 422
        assert "请输入新图片中的字符" in answer.content.decode()
        assert not OutgoingSms.objects.exists()
        again = client.post("/join", {**sent, "picture": answer_of(sent["picture_token"])})
        assert again.status_code == 410

    def test_the_piece_with_the_code_comes_alone_for_htmx(self, client: Client) -> None:
        sent = {"do": "ask", "phone": "13800138000", **picture(client, "/join")}
        answer = client.post("/join", sent, headers={"HX-Request": "true"})
        page = answer.content.decode()
        assert "<html" not in page
        assert "138****8000" in page
        assert 'data-countdown="60"' in page
        assert "_sandbox/sms?find=13800138000" in page
        fresh = client.post(
            "/join", {"do": "again", "phone": "13800138000"}, headers={"HX-Request": "true"}
        )
        assert 'name="picture_token"' in fresh.content.decode()

    @pytest.mark.spec("repairs A3", "repairs U-6")
    def test_who_is_registered_is_told_only_after_the_code(
        self, client: Client, inbox: Inbox
    ) -> None:
        person = make_person("沈清", phone=PHONE)
        asked = ask(client, "/join", "13800138000").content.decode()
        assert "沈清" not in asked
        assert "已有账号" not in asked
        wrong = client.post("/join", fields("000000")).content.decode()
        assert "沈清" not in wrong
        answer = client.post("/join", fields(inbox.code(PHONE)))
        assert answer["Location"] == "/signin/existing"
        assert "沈清" in client.get("/signin/existing").content.decode()
        assert not Merchant.objects.exists()
        assert Person.objects.count() == 1
        person.refresh_from_db()
        assert person.check_password(PASSWORD)

    def test_the_merchant_can_be_added_to_the_account(self, client: Client, inbox: Inbox) -> None:
        person = make_person(phone=PHONE)
        sign_up(client, inbox)
        answer = client.post("/signin/existing", {"do": "found"})
        assert answer["Location"] == "/join"
        page = client.get("/join").content.decode()
        assert 'value="青岚茶事"' in page
        client.post("/join", {"registered_name": "青岚茶事"})
        assert Membership.objects.get().person == person

    def test_the_second_factor_is_asked_for_on_that_way_too(
        self, client: Client, inbox: Inbox
    ) -> None:
        person = make_person(phone=PHONE)
        factors.keep_totp(person=person, secret="JBSWY3DPEHPK3PXP", actor=ACTOR)
        sign_up(client, inbox)
        answer = client.post("/signin/existing", {"do": "found"})
        assert answer["Location"] == "/signin/second"
        assert SESSION_KEY not in client.session

    def test_the_proof_lasts_ten_minutes(self, client: Client, inbox: Inbox) -> None:
        make_person(phone=PHONE)
        sign_up(client, inbox)
        with clock.at(clock.now() + timedelta(minutes=11)):
            assert client.get("/signin/existing")["Location"] == "/login"

    def test_somebody_without_a_proof_sees_no_account(self, client: Client) -> None:
        make_person(phone=PHONE)
        assert client.get("/signin/existing")["Location"] == "/login"
        assert client.post("/signin/existing", {"do": "enter"})["Location"] == "/login"

    @pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202e茶🍵", "长" * 80])
    def test_any_name_is_only_a_name(self, client: Client, inbox: Inbox, text: str) -> None:
        answer = sign_up(client, inbox, registered_name=text, name=text)
        assert answer.status_code == 302
        assert "<script>alert" not in client.get(answer["Location"]).content.decode()

    def test_a_name_of_200_signs_is_refused(self, client: Client, inbox: Inbox) -> None:
        assert sign_up(client, inbox, registered_name="长" * 200).status_code == 422
        assert not Merchant.objects.exists()


class TestPlaces:
    def test_a_closed_platform_says_so(self, client: Client) -> None:
        answer = client.get("/join")
        assert answer.status_code == 403
        assert "未开放入驻" in answer.content.decode()
        assert client.post("/join", fields("048213")).status_code == 403
        assert not Person.objects.exists()

    def test_an_operators_page_founds_its_merchant(self, client: Client, inbox: Inbox) -> None:
        south = make_operator("nanfeng", name="南风商户服务")
        open_registration(south)
        assert "南风商户服务" in client.get("/join/nanfeng").content.decode()
        sign_up(client, inbox, "/join/nanfeng")
        assert Merchant.objects.get().operator == south

    def test_where_approval_is_needed_the_application_waits(
        self, client: Client, inbox: Inbox
    ) -> None:
        open_registration(make_operator("nanfeng"), needs_approval=True)
        answer = sign_up(client, inbox, "/join/nanfeng")
        assert answer["Location"] == "/signin/waiting"
        assert "青岚茶事" in client.get("/signin/waiting").content.decode()
        assert not Merchant.objects.exists()
        assert Application.objects.get().registered_name == "青岚茶事"

    def test_the_agreement_must_be_accepted_and_is_kept(self, client: Client, inbox: Inbox) -> None:
        open_registration()
        version = account_services.publish_agreement(place=None, text="一\n\n二", actor=ACTOR)
        without = sign_up(client, inbox, agreement=version.pk)
        assert without.status_code == 422
        newer = account_services.publish_agreement(place=None, text="三", actor=ACTOR)
        stale = client.post("/join", fields(inbox.code(PHONE), agree="on", agreement=version.pk))
        assert stale.status_code == 409
        assert not Merchant.objects.exists()
        assert not Person.objects.exists()
        # the code was right: it need not be asked for again
        digits = inbox.code(PHONE)
        other = {**fields(digits, agree="on", agreement=newer.pk), "phone": "13800138001"}
        assert client.post("/join", other).status_code in {410, 422}
        client.post("/join", fields(digits, agree="on", agreement=newer.pk))
        assert Application.objects.get().agreement == newer

    def test_nobody_else_can_go_on_with_that_code(self, client: Client, inbox: Inbox) -> None:
        open_registration()
        version = account_services.publish_agreement(place=None, text="一", actor=ACTOR)
        ask(client, "/join", "13800138000")
        digits = inbox.code(PHONE)
        stale = fields(digits, agree="on", agreement=version.pk + 1)
        assert client.post("/join", stale).status_code == 409
        right = fields(digits, agree="on", agreement=version.pk)
        assert Client().post("/join", right).status_code == 410
        with clock.at(clock.now() + timedelta(minutes=11)):
            assert client.post("/join", right).status_code == 410
        assert not Person.objects.exists()

    @pytest.mark.parametrize("path", ["/join/nobody", "/login/nobody"])
    def test_no_such_operator(self, client: Client, path: str) -> None:
        assert client.get(path).status_code == 404

    def test_the_sign_in_page_has_the_operators_look(self, client: Client) -> None:
        make_operator("nanfeng", name="南风商户服务")
        assert "南风商户服务" in client.get("/login/nanfeng").content.decode()


class TestRegister:
    def test_a_person_without_a_merchant_goes_on_to_the_invitation(
        self, client: Client, inbox: Inbox
    ) -> None:
        answer = sign_up(client, inbox, "/register", next="/invite/abc")
        assert answer["Location"] == "/invite/abc"
        assert Person.objects.get().name == "许岚"
        assert not Membership.objects.exists()
        assert SESSION_KEY in client.session

    def test_a_known_number_is_let_in_with_its_own_password_kept(
        self, client: Client, inbox: Inbox
    ) -> None:
        person = make_person(phone=PHONE)
        answer = sign_up(client, inbox, "/register", next="/invite/abc")
        assert answer["Location"] == "/invite/abc"
        assert Person.objects.count() == 1
        person.refresh_from_db()
        assert person.check_password(PASSWORD)

    def test_leads_to_no_other_site(self, client: Client, inbox: Inbox) -> None:
        answer = sign_up(client, inbox, "/register", next="https://evil.example/")
        assert answer["Location"] == "/choose"


@pytest.mark.spec("repairs U-1")
@pytest.mark.usefixtures("registration")
class TestNumbers:
    """T-6, for signing up."""

    @pytest.mark.parametrize(
        "typed", ["13800138000", "１３８ 0013-8000", "+86 138 0013 8000", "0086 13800138000"]
    )
    def test_one_number_however_it_is_typed(self, client: Client, inbox: Inbox, typed: str) -> None:
        assert ask(client, "/join", typed).status_code == 200
        assert inbox.texts(PHONE)

    @pytest.mark.parametrize(
        "typed", ["12800138000", "010-12345678", "1380013800", "+852 5123 4567", "abc", ""]
    )
    def test_what_is_no_mobile_number_gets_nothing(self, client: Client, typed: str) -> None:
        answer = ask(client, "/join", typed)
        assert answer.status_code == 422
        assert not OutgoingSms.objects.exists()

    def test_other_countries_by_a_setting(
        self, client: Client, inbox: Inbox, settings: Any
    ) -> None:
        settings.PHONE_COUNTRIES = ["852"]
        assert ask(client, "/join", "+852 5123 4567").status_code == 200
        assert inbox.texts("+85251234567")


@pytest.mark.spec("repairs U-7")
class TestLongerPasswords:
    """The operator may raise the minimum; the platform's holds everywhere."""

    def raised(self, place: Operator | None, to: int) -> None:
        account_services.edit_registration(
            place=place,
            is_open=True,
            needs_approval=False,
            title="",
            shortest_password=to,
            actor=ACTOR,
        )

    @pytest.mark.parametrize(
        ("rules", "length", "works"),
        [
            ((6, 10), 9, False),
            ((6, 10), 10, True),
            ((12, 6), 11, False),
            ((12, 6), 12, True),
            ((6, 6), 6, True),
        ],
        ids=str,
    )
    def test_of_who_signs_up(
        self, client: Client, inbox: Inbox, rules: tuple[int, int], length: int, works: bool
    ) -> None:
        platform, operator = rules
        self.raised(None, platform)
        self.raised(make_operator("nanfeng"), operator)
        page = client.get("/join/nanfeng").content.decode()
        assert f"至少 {max(rules)} 个字符" in page
        password = "k9 lantern moon"[:length]
        answer = sign_up(client, inbox, "/join/nanfeng", password=password, again=password)
        assert answer.status_code == (302 if works else 422)
        assert Person.objects.exists() is works

    def test_of_who_follows_an_invitation(self, client: Client, inbox: Inbox) -> None:
        south = make_operator("nanfeng")
        self.raised(south, 12)
        merchant = make_merchant(operator=south)
        boss = make_staff(merchant, role=Role.OWNER)
        made = account_services.invite(
            place=merchant, role=Role.CLERK, inviter=boss, actor=person_actor(boss)
        )
        to = f"/invite/{made.token}"
        answer = sign_up(
            client, inbox, "/register", next=to, password="only 11 sig", again="only 11 sig"
        )
        assert answer.status_code == 422
        answer = client.post("/register", fields(inbox.code(PHONE), next=to))
        assert answer["Location"] == to

    @pytest.mark.parametrize(("length", "works"), [(9, False), (10, True)])
    def test_of_who_changes_or_resets_it(
        self, client: Client, inbox: Inbox, length: int, works: bool
    ) -> None:
        south = make_operator("nanfeng")
        person = make_staff(make_merchant(operator=south), role=Role.OWNER)
        person.set_phone(PHONE)
        person.set_password(PASSWORD)
        person.save()
        self.raised(south, 10)
        assert person.check_password(PASSWORD)  # what is in use keeps working
        new = "k9 lantern moon"[:length]
        client.force_login(person)
        change = {"present": PASSWORD, "new": new, "again": new}
        assert client.post("/me/password", change).status_code == (302 if works else 422)
        stranger = Client()
        ask(stranger, "/signin/forgot", "13800138000")
        values = {"phone": "13800138000", "code": inbox.code(PHONE), "sent": "1"}
        answer = stranger.post("/signin/forgot", values | {"password": new, "again": new})
        assert answer.status_code == (302 if works else 422)
        if not works:  # the code was right, so it is good for a better password
            longer = values | {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
            assert stranger.post("/signin/forgot", longer).status_code == 302
        person.refresh_from_db()
        assert person.check_password(new if works else NEW_PASSWORD)

    def test_nothing_is_told_before_the_code(self, client: Client, inbox: Inbox) -> None:
        south = make_operator("nanfeng")
        person = make_staff(make_merchant(operator=south))
        person.set_phone(PHONE)
        person.save()
        self.raised(south, 10)
        ask(client, "/signin/forgot", "13800138000")
        values = {
            "phone": "13800138000",
            "code": "000000",
            "password": "k9 lant",
            "again": "k9 lant",
        }
        answer = client.post("/signin/forgot", values | {"sent": "1"})
        assert set(answer.context["form"].errors) == {"code"}
