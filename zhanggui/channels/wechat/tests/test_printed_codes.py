"""Printed codes: what they say, the shop's logo in the middle, the caption below."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import Any

import pytest
import segno
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from zhanggui.accounts.models import AuditEntry, Merchant, PlacePicture
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat.models import TrackedCode
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.channels.wechat.tracking import resolver, sheets
from zhanggui.channels.wechat.tracking.pictures import LOGO_SHARE, Look, code_png, png, svg
from zhanggui.core import tenancy
from zhanggui.core.tokens import new_token
from zhanggui.ui.qr import QUIET_ZONE

RED = (194, 54, 43)
ADDRESS = "http://127.0.0.1:8000/q/abcdefghijklmnopqrstuvwxyz"


def picture_of(colour: tuple[int, int, int] = RED, form: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (400, 300), colour).save(out, form)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content)).convert("RGB")


def says(picture: Image.Image, text: str, *, has_logo: bool) -> bool:
    """Whether every module of the code that no logo covers is the one of this text."""
    wanted = segno.make_qr(text, error="h" if has_logo else "m", boost_error=False)
    modules = wanted.symbol_size(border=QUIET_ZONE)[0]
    size = picture.width / modules
    hidden = LOGO_SHARE / 2 + 1 / modules
    for y, row in enumerate(wanted.matrix_iter(border=QUIET_ZONE)):
        for x, is_dark in enumerate(row):
            middle = ((x + 0.5) / modules - 0.5, (y + 0.5) / modules - 0.5)
            if has_logo and max(map(abs, middle)) < hidden:
                continue
            pixel: Any = picture.getpixel((int((x + 0.5) * size), int((y + 0.5) * size)))
            if (sum(pixel) < 300) != bool(is_dark):
                return False
    return True


class TestPictures:
    @pytest.mark.parametrize("logo", [None, picture_of()], ids=["plain", "with-logo"])
    def test_say_their_text(self, logo: bytes | None) -> None:
        picture = opened(code_png(ADDRESS, Look(logo=logo)))
        assert says(picture, ADDRESS, has_logo=logo is not None)
        assert not says(picture, f"{ADDRESS[:-1]}a", has_logo=logo is not None)
        middle = picture.getpixel((picture.width // 2, picture.height // 2))
        assert (middle == RED) is (logo is not None)

    def test_the_caption_stands_below(self) -> None:
        bare, told = (opened(png(ADDRESS, Look(caption=text))) for text in ("", "扫码领卡"))
        assert (told.width, told.height > bare.height) == (bare.width, True)
        below = told.crop((0, int(bare.height * 0.97), told.width, told.height))
        assert min(below.convert("L").tobytes()) < 80

    def test_a_long_caption_stays_inside(self) -> None:
        picture = opened(png(ADDRESS, Look(caption="长" * 40))).convert("L")
        edges = picture.crop((0, 0, 8, picture.height)).tobytes()
        assert min(edges) == 255

    def test_svg(self) -> None:
        made = svg(ADDRESS, Look(caption="<茶 & 点>", logo=picture_of())).decode()
        assert made.startswith("<svg")
        assert "&lt;茶 &amp; 点&gt;" in made
        inside = re.search(r"data:image/png;base64,([^\"]+)", made)
        assert inside is not None
        assert opened(base64.b64decode(inside[1])).size == (300, 300)

    def test_sheets_are_small_and_carry_the_logo(self) -> None:
        for sheet in sheets.SHEETS.values():
            label = sheets.Label(
                ADDRESS, "扫码关注，领集章卡", "青岚茶馆", "ABCD2345", picture_of()
            )
            assert len(sheets.draw(sheet, label)) < 100_000


HERE = "/m/tea/channels/wechat/codes/"


@pytest.fixture
def tea(db: None) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(
        make_staff(tea, "wechat.edit_content", "wechat.view_account", "accounts.manage_stores")
    )
    return client


@pytest.fixture
def code(tea: Merchant) -> TrackedCode:
    return TrackedCode.objects.create(
        account=make_account(merchant=tea),
        merchant=tea,
        token=new_token(),
        name="前台",
        caption="扫码领卡",
        url="http://weixin.qq.com/q/x",
    )


def upload(owner: Client, content: bytes, name: str = "logo.png") -> Any:
    return owner.post("/m/tea/logo/", {"picture": SimpleUploadedFile(name, content)})


@pytest.mark.spec("platform P33")
class TestPrinted:
    def test_logo_and_caption_come_from_the_shop(
        self, owner: Client, tea: Merchant, code: TrackedCode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert upload(owner, picture_of(form="JPEG")).status_code == 302
        address = resolver.address_of(code)
        assert re.fullmatch(r"http://127\.0\.0\.1:8000/q/[0-9a-z]{26}", address)

        whole = opened(owner.get(f"{HERE}{code.pk}/lasting.png").content)
        picture = whole.crop((0, 0, whole.width, whole.width))
        assert says(picture, address, has_logo=True)
        red, green, blue = whole.getpixel((whole.width // 2, whole.width // 2))  # type: ignore[misc]
        assert red > 150 > max(green, blue)
        drawn = owner.get(f"{HERE}{code.pk}/lasting.svg").content.decode()
        assert "扫码领卡" in drawn
        assert "data:image/png" in drawn

        labels: list[sheets.Label] = []
        draw = sheets.draw

        def spy(sheet: sheets.Sheet, label: sheets.Label) -> bytes:
            labels.append(label)
            return draw(sheet, label)

        monkeypatch.setattr(sheets, "draw", spy)
        for sheet in sheets.SHEETS:
            answer = owner.get(f"{HERE}{code.pk}/sheet.pdf?sheet={sheet}&which=direct")
            assert answer.content.startswith(b"%PDF")
        # whatever is asked for, only the address that stays right is printed
        assert {(one.text, one.caption, one.name) for one in labels} == {
            (address, "扫码领卡", "茶舍")
        }
        assert all(one.logo for one in labels)

    def test_a_logo_is_made_anew_replaced_and_removed(self, owner: Client, tea: Merchant) -> None:
        upload(owner, picture_of())
        upload(owner, picture_of((0, 0, 255)))
        row = PlacePicture.objects.get()
        assert (row.merchant_id, row.operator_id) == (tea.pk, None)
        shown = owner.get(f"/look/{row.token}")
        assert shown["Content-Type"] == "image/png"
        owner.post("/m/tea/logo/", {"do": "remove"})
        assert not PlacePicture.objects.exists()
        tea.refresh_from_db()
        assert tea.logo_token == ""
        with tenancy.merchant_scope(tea.pk):
            actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions == [
            "accounts.logo.changed",
            "accounts.logo.changed",
            "accounts.logo.removed",
        ]

    @pytest.mark.parametrize(
        "content", [b"<svg onload=alert(1)>", b"", b"GIF89a"], ids=["svg", "empty", "gif"]
    )
    def test_what_is_no_picture_changes_nothing(
        self, owner: Client, tea: Merchant, content: bytes
    ) -> None:
        assert upload(owner, content).status_code == 422
        assert not PlacePicture.objects.exists()
