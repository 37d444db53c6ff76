"""What is sent in: refused early, kept under random names, shown to the one it is meant for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.guards import MerchantRequest
from zhanggui.accounts.models import AuditEntry, Merchant, Person, Role
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import DomainError
from zhanggui.core.uploads import FileTooBig
from zhanggui.files import kinds, links, quotas, scanners, services, storing
from zhanggui.files.errors import FileEmpty, FileInfected, FileKind, QuotaFull
from zhanggui.files.models import StoredFile
from zhanggui.files.services import retention
from zhanggui.files.tests.factories import picture, upload, xlsx

pytestmark = pytest.mark.spec("platform P34")


def keep(content: bytes | None = None, name: str = "店招.jpg", kind: str = "picture") -> StoredFile:
    return services.store_upload(file=upload(content or picture(), name), kind=kind, actor=ACTOR)


def on_disk(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def request_of(person: Person, merchant: Merchant) -> MerchantRequest:
    request = RequestFactory().get("/")
    request.person = person  # type: ignore[attr-defined]
    request.merchant = merchant  # type: ignore[attr-defined]
    request.actor = person_actor(person)  # type: ignore[attr-defined]
    return request  # type: ignore[return-value]


class TestStoring:
    def test_keeps_sizes_under_random_names(self, tea: Merchant, private_folder: Path) -> None:
        stored = keep(picture(size=(2000, 1000)))
        names = [path.name for path in on_disk(private_folder)]
        assert names == [f"{stored.token}.{size}" for size in ("large", "medium", "small")]
        assert stored.name == "店招.jpg"
        assert stored.size_of("large") == (1600, 800)
        assert stored.size == sum(path.stat().st_size for path in on_disk(private_folder))
        assert AuditEntry.objects.get().action == "files.file.stored"

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("../../etc/passwd", "passwd.jpg"),
            ("C:\\Users\\a.exe", "a.jpg"),
            ("x\u202egpj.exe", "xgpj.jpg"),
            ("😀" * 300, "😀" * 196 + ".jpg"),
            ("", "file.jpg"),
            ("a\nb\0.png", "a b.jpg"),
        ],
        ids=["folders", "windows", "right-to-left", "long", "none", "control"],
    )
    def test_names_are_harmless(self, tea: Merchant, name: str, shown: str) -> None:
        file = upload(picture(), "x.jpg")
        vars(file)["_name"] = name  # its own setter already cuts folders off
        assert services.store_upload(file=file, kind="picture", actor=ACTOR).name == shown

    def test_papers_are_pdf_or_pictures(self, tea: Merchant) -> None:
        assert keep(b"%PDF-1.7 x", "凭证.pdf", "document").content_type == "application/pdf"
        assert keep(picture(), "a", "document").content_type == "image/jpeg"

    @pytest.mark.parametrize(
        ("content", "kind", "refusal"),
        [
            (b"", "picture", FileEmpty),
            (b"\0" * (10 * 1024 * 1024 + 1), "picture", FileTooBig),
            (b"MZ\x90", "document", FileKind),
        ],
        ids=["empty", "too-big", "program"],
    )
    def test_refusal_leaves_nothing(
        self,
        tea: Merchant,
        private_folder: Path,
        content: bytes,
        kind: str,
        refusal: type[DomainError],
    ) -> None:
        with pytest.raises(refusal):
            services.store_upload(file=upload(content), kind=kind, actor=ACTOR)
        assert not StoredFile.objects.exists()
        assert on_disk(private_folder) == []

    def test_quota(self, tea: Merchant, private_folder: Path) -> None:
        first = keep()
        quotas.provide(lambda _merchant: first.size + 10)
        try:
            with pytest.raises(QuotaFull):
                keep()
        finally:
            quotas.provide(lambda _merchant: quotas.STANDARD)
        assert StoredFile.objects.count() == 1
        assert len(on_disk(private_folder)) == 3

    def test_virus_scanner_sees_it_first(self, tea: Merchant, private_folder: Path) -> None:
        seen: list[bytes] = []

        def scan(path: Path) -> str:
            seen.append(path.read_bytes())
            return "Eicar"

        scanners.register(scan)
        try:
            with pytest.raises(FileInfected):
                keep()
        finally:
            scanners.unregister(scan)
        assert seen == [picture()]
        assert on_disk(private_folder) == []


class TestLink:
    @pytest.fixture
    def person(self, tea: Merchant) -> Person:
        return make_staff(tea, role=Role.CLERK)

    @pytest.fixture
    def address(self, tea: Merchant, person: Person) -> Callable[[StoredFile], str]:
        return lambda stored: services.file_url(stored, request_of(person, tea), variant="")

    def test_shows_to_its_person_with_safe_headers(
        self, client: Client, person: Person, address: Callable[[StoredFile], str]
    ) -> None:
        client.force_login(person)
        response = client.get(address(keep()))
        assert response.status_code == 200
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response["Cache-Control"].startswith("private")
        assert b"".join(response.streaming_content)[:2] == b"\xff\xd8"  # type: ignore[attr-defined]

    def test_papers_are_downloaded_under_their_chinese_name(
        self, client: Client, person: Person, address: Callable[[StoredFile], str]
    ) -> None:
        client.force_login(person)
        response = client.get(address(keep(b"%PDF-1.7 x", "转账凭证.pdf", "document")))
        assert response["Content-Disposition"] == (
            "attachment; filename*=utf-8''%E8%BD%AC%E8%B4%A6%E5%87%AD%E8%AF%81.pdf"
        )
        assert b"".join(response.streaming_content) == b"%PDF-1.7 x"  # type: ignore[attr-defined]

    def test_is_nobody_elses(
        self, client: Client, tea: Merchant, address: Callable[[StoredFile], str]
    ) -> None:
        url = address(keep())
        client.force_login(make_staff(tea, role=Role.OWNER))
        assert client.get(url).status_code == 404

    def test_ends_after_an_hour(
        self,
        client: Client,
        person: Person,
        address: Callable[[StoredFile], str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        url = address(keep())
        client.force_login(person)
        monkeypatch.setattr(links, "WORKS_S", -1)
        assert client.get(url).status_code == 404

    @pytest.mark.parametrize("change", ["x", ""], ids=["changed", "cut"])
    def test_changed(
        self, client: Client, person: Person, address: Callable[[StoredFile], str], change: str
    ) -> None:
        client.force_login(person)
        assert client.get(address(keep())[:-1] + change).status_code == 404

    def test_other_merchant(self, client: Client, person: Person, tea: Merchant) -> None:
        coffee = make_merchant("coffee")
        with tenancy.merchant_scope(coffee.pk):
            url = services.file_url(keep(), request_of(person, coffee))
        client.force_login(person)
        assert client.get(url).status_code == 404
        assert client.get(url.replace("/coffee/", "/tea/")).status_code == 404


class TestDoor:
    URL = "/m/tea/jobs/imports/new/tests.stores"

    def test_a_gigabyte_is_answered_unread(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.OWNER))

        class Body(BytesIO):
            def read(self, *_size: object) -> bytes:
                pytest.fail("the body was read")

        response = client.generic(
            "POST",
            self.URL,
            b"x",
            "multipart/form-data; boundary=b",
            CONTENT_LENGTH=str(1024**3),
            **cast("Any", {"wsgi.input": Body()}),
        )
        assert response.status_code == 413
        assert "20" in response.content.decode()
        assert response["Connection"] == "close"

    def test_strangers_bring_no_file(self, client: Client, tea: Merchant) -> None:
        response = client.post(self.URL, {"file": upload(xlsx([["名称"], ["甲"]]))})
        assert response.status_code == 302
        assert response["Location"].startswith("/login")
        assert not StoredFile.objects.exists()

    def test_views_that_are_not_marked_take_none(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.OWNER))
        response = client.post(
            "/m/tea/stores/new", {"name": "甲", "file": upload(b"x" * 3_000_000)}
        )
        assert response.status_code == 400

    def test_only_as_many_as_wanted(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.OWNER))
        sheet = xlsx([["名称"], ["甲"]])
        response = client.post(self.URL, {"file": [upload(sheet), upload(sheet), upload(sheet)]})
        assert response.status_code == 302
        assert StoredFile.objects.count() == 1

    def test_too_many_in_a_short_time(
        self, client: Client, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from zhanggui.core.limits import Limit
        from zhanggui.files import uploading

        monkeypatch.setattr(uploading, "UPLOADS", Limit("files.upload", 2, 600, 600))
        client.force_login(make_staff(tea, role=Role.OWNER))
        answers = [client.post(self.URL, {"file": upload(b"%PDF")}).status_code for _ in range(3)]
        assert answers == [422, 422, 429]


class TestForgetting:
    def test_files_nobody_holds_go_after_a_day(self, tea: Merchant, private_folder: Path) -> None:
        held, lost = keep(), keep()
        services.hold(stored=held, owner="customer:1")
        with clock.at(clock.now() + timedelta(hours=25)):
            retention.forget()
        assert list(StoredFile.objects.all()) == [held]
        assert all(lost.token not in path.name for path in on_disk(private_folder))

    def test_released_files_go(self, tea: Merchant) -> None:
        stored = keep()
        services.hold(stored=stored, owner="customer:1")
        services.release(owner="customer:1")
        retention.forget()
        assert not StoredFile.objects.exists()

    def test_leftovers_of_undone_transactions_go(self, tea: Merchant, private_folder: Path) -> None:
        kept = keep()
        storing.put(f"{tea.pk}/zz/zzleftover", b"x")
        with clock.at(clock.now() + timedelta(hours=12)):
            retention.forget()
        assert any(path.name == "zzleftover" for path in on_disk(private_folder))
        services.hold(stored=kept, owner="x")
        with clock.at(clock.now() + timedelta(hours=25)):
            retention.forget()
        assert {path.name.split(".")[0] for path in on_disk(private_folder)} == {kept.token}


def test_kinds_have_one_owner_each() -> None:
    with pytest.raises(ValueError, match="two kinds"):
        kinds.register(kinds.Kind("picture", "x", 1, kinds.check_picture))
    assert reverse("files:show", args=["tea", "x"]) == "/m/tea/files/x"
