"""The registration page of a place: settings, pictures, agreement; what closed means."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from PIL import Image

from zhanggui.accounts import services
from zhanggui.accounts.errors import (
    AgreementChanged,
    AppliedAlready,
    RegistrationClosed,
)
from zhanggui.accounts.models import (
    AgreementVersion,
    Application,
    ApplicationState,
    Merchant,
    Operator,
    Person,
    PlacePicture,
    PlatformAuditEntry,
    RegistrationSettings,
    Role,
    TierState,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
    membership_of,
)
from zhanggui.core.errors import NotFound

pytestmark = pytest.mark.django_db
Place = Operator | None
SHORTEST = {"shortest_password": "6"}


@pytest.fixture
def operator() -> Operator:
    return make_operator("jiangnan", name="江南")


@pytest.fixture
def base(request: pytest.FixtureRequest, client: Client, operator: Operator) -> str:
    """Somebody who manages is signed in; answers where their pages begin."""
    if request.param == "platform":
        client.force_login(make_platform_staff(role=Role.OWNER))
        return "/platform/"
    client.force_login(make_operator_staff(operator, role=Role.OWNER))
    return "/operator/jiangnan/"


@pytest.fixture
def place(base: str, operator: Operator) -> Place:
    return None if base == "/platform/" else operator


both = pytest.mark.parametrize("base", ["platform", "operator"], indirect=True)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def open_up(place: Place, *, needs_approval: bool = True) -> None:
    services.edit_registration(
        place=place, is_open=True, needs_approval=needs_approval, title="", actor=ACTOR
    )


def apply(place: Place, person: Person | None = None, **values: Any) -> Application | Merchant:
    wanted: dict[str, Any] = {"registered_name": "新茶有限公司", "agreement_version": None} | values
    return services.apply_as_merchant(
        place=place, person=person or make_person(), actor=ACTOR, **wanted
    )


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **options)
    return out.getvalue()


@pytest.mark.spec("platform P02")
@both
class TestSettings:
    def test_closed_until_somebody_opens_it(self, client: Client, base: str, place: Place) -> None:
        assert not services.registration_of(place).is_open
        page = text(client.get(f"{base}registration/"))
        assert "/join/jiangnan" in page if place else "/join" in page
        assert "data:image/svg" in page
        form = {"is_open": "on", "needs_approval": "on", "title": "江南商家"} | SHORTEST
        client.post(f"{base}registration/", form)
        shown = services.registration_of(place)
        assert (shown.is_open, shown.needs_approval, shown.title) == (True, True, "江南商家")
        client.post(f"{base}registration/", form)
        entry = PlatformAuditEntry.objects.get(action="accounts.registration.edited")
        assert entry.after == {"is_open": True, "title": "江南商家"}
        client.post(f"{base}registration/", {"title": ""} | SHORTEST)
        assert not services.registration_of(place).is_open

    def test_a_title_of_200_signs_is_refused(self, client: Client, base: str, place: Place) -> None:
        answer = client.post(f"{base}registration/", {"title": "茶" * 200} | SHORTEST)
        assert answer.status_code == 422
        assert not RegistrationSettings.objects.filter(is_open=True).exists()

    @pytest.mark.spec("repairs U-7")
    @pytest.mark.parametrize(
        ("typed", "kept"), [("12", 12), ("32", 32), ("5", 6), ("33", 6), ("x", 6), ("", 6)]
    )
    def test_raise_the_shortest_password(
        self, client: Client, base: str, place: Place, typed: str, kept: int
    ) -> None:
        answer = client.post(f"{base}registration/", {"title": "", "shortest_password": typed})
        assert answer.status_code == (302 if str(kept) == typed else 422)
        assert services.registration_of(place).shortest_password == kept
        assert services.shortest_password(Person(), place=place) == kept

    def test_places_do_not_share_their_settings(
        self, client: Client, base: str, place: Place
    ) -> None:
        other = make_operator("jiangbei")
        client.post(f"{base}registration/", {"is_open": "on", "title": "我们"} | SHORTEST)
        assert services.registration_of(place).is_open
        for untouched in {other} | ({None} if place else set()):
            assert not services.registration_of(untouched).is_open
            assert services.registration_of(untouched).title != "我们"


@pytest.mark.spec("platform P02")
@both
class TestPictures:
    def upload(self, client: Client, base: str, content: bytes, kind: str = "logo") -> Any:
        file = SimpleUploadedFile("bild.png", content)
        return client.post(f"{base}registration/pictures/{kind}", {"picture": file})

    @pytest.mark.parametrize("kind", ["logo", "background"])
    def test_are_shown_to_everybody(
        self, client: Client, base: str, place: Place, kind: str
    ) -> None:
        assert self.upload(client, base, picture(size=(3000, 1000)), kind).status_code == 302
        shown = getattr(services.registration_of(place), kind)
        answer = Client().get(shown)
        assert answer["Content-Type"] == "image/webp"
        assert "immutable" in answer["Cache-Control"]
        kept = Image.open(BytesIO(answer.content))
        assert max(kept.size) == (512 if kind == "logo" else 1920)
        assert shown in text(client.get(f"{base}registration/"))

    def test_lose_what_they_carried(self, client: Client, base: str, place: Place) -> None:
        exif = Image.Exif()
        exif[0x010F] = "Phone maker"
        self.upload(client, base, picture("JPEG", exif=exif))
        kept = bytes(PlacePicture.objects.get().content)
        assert b"Phone maker" not in kept
        assert not Image.open(BytesIO(kept)).getexif()

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "空"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "JPEG"),
            (picture()[:60], "JPEG"),
            (picture("GIF"), "JPEG"),
            (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "JPEG"),
        ],
        ids=["empty", "svg", "cut", "gif", "damaged"],
    )
    def test_refuses_what_is_none(
        self, client: Client, base: str, place: Place, content: bytes, told: str
    ) -> None:
        answer = self.upload(client, base, content)
        assert answer.status_code == 422
        assert told in text(answer)
        assert not PlacePicture.objects.exists()

    def test_refuses_a_bomb(self, client: Client, base: str, place: Place) -> None:
        out = BytesIO()
        Image.new("1", (10_000, 5_000)).save(out, "PNG")
        answer = self.upload(client, base, out.getvalue())
        assert answer.status_code == 422
        assert "太大" in text(answer)
        assert not PlacePicture.objects.exists()

    def test_refuses_more_than_5_megabytes(self, client: Client, base: str, place: Place) -> None:
        answer = self.upload(client, base, b"x" * (7 * 1024 * 1024))
        assert answer.status_code == 413
        assert not PlacePicture.objects.exists()

    def test_replaced_and_removed_ones_are_gone(
        self, client: Client, base: str, place: Place
    ) -> None:
        self.upload(client, base, picture())
        first = services.registration_of(place).logo
        self.upload(client, base, picture(size=(20, 20)))
        assert Client().get(first).status_code == 404
        client.post(f"{base}registration/pictures/logo", {"do": "remove"})
        assert services.registration_of(place).logo == ""
        assert not PlacePicture.objects.exists()

    def test_there_are_two_kinds(self, client: Client, base: str, place: Place) -> None:
        assert self.upload(client, base, picture(), "portrait").status_code == 404


@pytest.mark.spec("platform P02")
@both
class TestAgreement:
    def test_versions_are_kept(self, client: Client, base: str, place: Place) -> None:
        address = f"{base}registration/agreement/"
        assert "还没有内容" in text(client.get(address))
        client.post(address, {"text": "# 第一条\r\n\r\n内容", "do": "publish"})
        client.post(address, {"text": "# 第一条\n\n内容", "do": "publish"})
        client.post(address, {"text": "# 第一条\n\n新内容", "do": "publish"})
        versions = AgreementVersion.objects.order_by("number").values_list("number", "text")
        assert list(versions) == [(1, "# 第一条\n\n内容"), (2, "# 第一条\n\n新内容")]
        newest = services.registration_of(place).agreement
        assert newest is not None
        assert newest.number == 2
        assert newest.paragraphs == [(True, "第一条"), (False, "新内容")]
        old = text(client.get(f"{address}1"))
        assert "<h3>第一条</h3>" in old
        assert "新内容" not in old

    def test_preview_publishes_nothing(self, client: Client, base: str, place: Place) -> None:
        answer = client.post(
            f"{base}registration/agreement/",
            {"text": "# 标题\n\n<script>alert(1)</script>", "do": "preview"},
        )
        assert "<h3>标题</h3>" in text(answer)
        assert "<script>alert" not in text(answer)
        assert not AgreementVersion.objects.exists()

    @pytest.mark.parametrize("typed", ["", "  \n ", "茶" * 20_001])
    def test_needs_a_text_of_bounded_length(
        self, client: Client, base: str, place: Place, typed: str
    ) -> None:
        answer = client.post(f"{base}registration/agreement/", {"text": typed})
        assert answer.status_code == 422
        assert not AgreementVersion.objects.exists()

    def test_of_another_place_is_not_there(self, client: Client, base: str, place: Place) -> None:
        services.publish_agreement(place=make_operator(), text="x", actor=ACTOR)
        assert client.get(f"{base}registration/agreement/1").status_code == 404
        assert client.get(f"{base}registration/agreement/x").status_code == 404


def test_a_published_agreement_is_never_changed() -> None:
    services.publish_agreement(place=None, text="x", actor=ACTOR)
    for change in (
        "UPDATE accounts_agreementversion SET text = 'y'",
        "DELETE FROM accounts_agreementversion",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


@pytest.mark.spec("platform P02")
class TestClosed:
    @pytest.mark.parametrize("slug", ["", "jiangnan"], ids=["platform", "operator"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_the_address_itself_says_so(
        self, client: Client, operator: Operator, slug: str, method: str
    ) -> None:
        answer = getattr(client, method)(f"/join/{slug}" if slug else "/join")
        assert answer.status_code == 403
        assert "关闭" in text(answer) or "未开放" in text(answer)

    @pytest.mark.parametrize("state", [TierState.FROZEN, TierState.ARCHIVED])
    def test_an_operator_that_is_shut_takes_in_nobody(self, operator: Operator, state: str) -> None:
        open_up(operator)
        services.refuse_closed(operator)
        Operator.objects.update(state=state)
        operator.refresh_from_db()
        with pytest.raises(RegistrationClosed):
            services.refuse_closed(operator)

    def test_nobody_applies_where_it_is_closed(self, operator: Operator) -> None:
        for place in (None, operator):
            with pytest.raises(RegistrationClosed):
                apply(place)
        assert not Application.objects.exists()
        assert not Merchant.objects.exists()

    def test_places_are_found_by_their_short_name(self, operator: Operator) -> None:
        assert services.place_named("") is None
        assert services.place_named("jiangnan") == operator
        Operator.objects.update(state=TierState.ARCHIVED)
        for slug in ("jiangnan", "nobody"):
            with pytest.raises(NotFound):
                services.place_named(slug)


@pytest.mark.spec("platform P02")
class TestApplying:
    def test_without_approval_begins_at_once_and_keeps_the_agreement(
        self, operator: Operator
    ) -> None:
        open_up(operator, needs_approval=False)
        version = services.publish_agreement(place=operator, text="协议", actor=ACTOR)
        person = make_person()
        merchant = apply(operator, person, agreement_version=version, trade="茶")
        assert isinstance(merchant, Merchant)
        assert (merchant.operator, merchant.registered_name) == (operator, "新茶有限公司")
        assert membership_of(person, merchant).role == Role.OWNER
        kept = Application.objects.get()
        assert (kept.state, kept.merchant, kept.agreement, kept.decided_by_id) == (
            ApplicationState.APPROVED,
            merchant,
            version,
            None,
        )

    def test_with_approval_waits_and_makes_no_merchant(self, operator: Operator) -> None:
        open_up(operator)
        application = apply(operator)
        assert isinstance(application, Application)
        assert application.state == ApplicationState.WAITING
        assert not Merchant.objects.exists()

    def test_only_the_version_in_force_is_accepted(self, operator: Operator) -> None:
        open_up(operator)
        old = services.publish_agreement(place=operator, text="1", actor=ACTOR)
        services.publish_agreement(place=operator, text="2", actor=ACTOR)
        foreign = services.publish_agreement(place=None, text="1", actor=ACTOR)
        for accepted in (None, old, foreign):
            with pytest.raises(AgreementChanged):
                apply(operator, agreement_version=accepted)
        assert not Application.objects.exists()

    def test_one_waits_at_a_time_at_one_place(self, operator: Operator) -> None:
        open_up(operator)
        open_up(None)
        person = make_person()
        apply(operator, person)
        with pytest.raises(AppliedAlready):
            apply(operator, person)
        apply(None, person)
        assert Application.objects.count() == 2
