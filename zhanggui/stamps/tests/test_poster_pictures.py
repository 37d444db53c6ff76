"""A poster with the shop's own picture: from the form to the paper."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from zhanggui.accounts.models import AuditEntry, PictureKind, PlacePicture, Role, picture_url
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.stamps.models import Look, Poster
from zhanggui.stamps.posters import layout, svg
from zhanggui.stamps.posters.layout import FORMATS
from zhanggui.stamps.posters.shapes import Photo, Picture, Words, width_of
from zhanggui.stamps.tests.factories import Shop, make_poster
from zhanggui.stamps.tests.test_posters import FORM, content, url


@pytest.fixture
def office(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return client


def photo(width: int = 320, height: int = 180, form: str = "JPEG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "#2f7d6b").save(out, form)
    return out.getvalue()


def sent(value: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("店.jpg", value, content_type="image/jpeg")


class TestChoosing:
    def test_from_the_start(self, shop: Shop, office: Client) -> None:
        make_account(merchant=shop.merchant)
        with fake_wechat():
            done = office.post(url(shop, "poster_new"), FORM | {"picture": sent(photo())})

        made = Poster.objects.get()
        assert done["Location"] == url(shop, "poster", made.pk)
        assert PlacePicture.objects.get(token=made.picture_token).kind == PictureKind.BACKGROUND
        assert f'href="{made.picture_url}"' in office.get(done["Location"]).content.decode()

    def test_a_form_with_errors_comes_back_with_it(self, shop: Shop, office: Client) -> None:
        values = FORM | {"name": "", "picture": sent(photo()), "picture_own": "1"}
        refused = office.post(url(shop, "poster_new"), values)

        draft = PlacePicture.objects.get()
        assert (refused.status_code, draft.kind) == (422, PictureKind.DRAFT)
        assert f'href="{picture_url(draft.token)}"' in refused.content.decode()

    def test_put_on_and_taken_off_while_it_hangs(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant)
        address = url(shop, "poster_picture", poster.pk)

        assert office.post(address, {"picture": sent(photo())}).status_code == 302
        poster.refresh_from_db()
        assert poster.picture_token
        edit = office.get(url(shop, "poster_edit", poster.pk)).content.decode()
        assert edit.count(poster.picture_url) == 2, "in the drawing, and above its form"

        assert office.post(address, {"do": "remove"}).status_code == 302
        poster.refresh_from_db()
        assert (poster.picture_token, PlacePicture.objects.count()) == ("", 0)
        actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
        assert list(actions)[-2:] == ["stamps.poster.pictured", "stamps.poster.unpictured"]

    def test_what_is_no_picture_is_refused_at_the_field(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant)

        refused = office.post(url(shop, "poster_picture", poster.pk), {"picture": sent(b"GIF89a")})

        assert refused.status_code == 422
        assert "zg-field-error" in refused.content.decode()
        poster.refresh_from_db()
        assert poster.picture_token == ""


class TestSample:
    def test_leaves_room_for_what_was_not_sent_yet(self, shop: Shop, office: Client) -> None:
        piece = office.get(url(shop, "poster_sample"), {"picture_own": "1"}).content.decode()

        image = piece.partition("<image ")[2].partition("/>")[0]
        assert "data-picture-own" in image
        assert "href" not in image

    def test_of_a_poster_has_its_picture(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant)
        office.post(url(shop, "poster_picture", poster.pk), {"picture": sent(photo())})
        poster.refresh_from_db()

        piece = office.get(url(shop, "poster_sample"), {"poster": poster.pk}).content.decode()

        assert poster.picture_url in piece

    def test_shows_no_draft_of_others(self, shop: Shop, office: Client) -> None:
        theirs = pictures.draft(merchant=make_merchant("coffee"), content=photo())

        piece = office.get(url(shop, "poster_sample"), {"picture_draft": theirs}).content.decode()

        assert theirs not in piece
        assert "data-picture-own" not in piece


LONG = "很长的名字" * 5
SAID = {
    "short": {"headline": "集章", "text": "", "reward": "茶"},
    "usual": {},
    "longest": {"shop": LONG, "headline": LONG[:24], "text": LONG * 2, "reward": LONG},
}


class TestPaper:
    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("said", SAID)
    def test_words_stand_beside_the_picture_and_the_code(self, form: str, said: str) -> None:
        told = content(
            has_picture=True, picture_url="/look/x", logo=photo(form="PNG"), **SAID[said]
        )
        for part in layout.page(FORMATS[form], told, Look.PAPER, code_edge=200).parts:
            (own,) = [one for one in part.shapes if isinstance(one, Photo)]
            *_logo, code = [one for one in part.shapes if isinstance(one, Picture)]
            assert own.width * own.height >= 0.15 * part.width * part.height
            assert code.width >= 25
            words = [one for one in part.shapes if isinstance(one, Words) and one.text]
            assert any(told.reward in one.text for one in words)
            for one in words:
                wide = width_of(one.text, one.size, is_bold=one.is_bold)
                left, top = one.x - wide / 2, one.y - one.size * 0.9
                assert 0 <= left <= left + wide <= part.width, one.text
                for box in (own, code):
                    beside = left >= box.left + box.width or left + wide <= box.left
                    above = one.y <= box.top or top >= box.top + box.height
                    assert beside or above, (one.text, box)

    def test_the_file_has_the_picture_cut_to_its_box(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant, programme=shop.programme)
        plain = office.get(url(shop, "poster_file", poster.pk, "card")).content
        office.post(url(shop, "poster_picture", poster.pk), {"picture": sent(photo(300, 900))})

        file = office.get(url(shop, "poster_file", poster.pk, "card")).content

        assert b"/DCTDecode" in file
        assert b"/DCTDecode" not in plain
        assert b"/Width 300" in file
        assert b"/Height 900" not in file

    def test_drawings_name_the_picture_and_carry_no_style(self) -> None:
        told = content(has_picture=True, picture_url="/look/<x>")
        drawn = svg.draw(layout.page(FORMATS["tent"], told, Look.NIGHT, code_edge=200), label="x")
        assert drawn.count('href="/look/&lt;x&gt;"') == 2
        assert "style" not in drawn
