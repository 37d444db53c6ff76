"""Posters: made with a lasting code, printed, scanned by customers."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django import forms
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation
from PIL import Image

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.channels.wechat.models import TrackedCode
from zhanggui.channels.wechat.tests.factories import QR_PATH, fake_wechat, make_account
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.stamps.forms.posters import PosterForm
from zhanggui.stamps.models import Card, Look, Poster, ProgrammeState
from zhanggui.stamps.posters import layout, pdf, svg
from zhanggui.stamps.posters.layout import COLOURS, FORMATS, Content
from zhanggui.stamps.posters.shapes import Picture, Sign, Words, lines_of, width_of
from zhanggui.stamps.tests.factories import Shop, make_poster, make_programme, make_shop

FORM = {"name": "大门口", "headline": "盖章集好礼", "look": "paper", "shows_logo": "on"}
ADDRESS = "http://127.0.0.1:8000/q/abcdefghijklmnopqrstuvwxyz"


def shared_by(page: Any) -> dict[str, str]:
    """What a page of the phone hands over when it is passed on."""
    found = re.search(r'<div id="wechat-page"[^>]*>', page.content.decode())
    assert found is not None
    return dict(re.findall(r'data-(\w+)="([^"]*)"', found[0]))


@pytest.fixture
def office(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return client


def url(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


def content(**values: Any) -> Content:
    usual: dict[str, Any] = {
        "code": ADDRESS,
        "shop": "青岚茶馆",
        "store": "人民路店",
        "headline": "盖章集好礼",
        "text": "每消费一次盖一枚。",
        "reward": "招牌奶茶一杯",
        "slots": 10,
        "number": "NO. 0001",
        "call": "微信扫一扫",
    }
    return Content(**usual | values)


class TestMaking:
    def test_makes_a_lasting_code_that_leads_to_the_poster(
        self, shop: Shop, office: Client
    ) -> None:
        make_account(merchant=shop.merchant)
        wanted = FORM | {"programme": shop.programme.pk, "store": shop.store.pk}
        with fake_wechat() as wechat:
            done = office.post(url(shop, "poster_new"), wanted)

        made = Poster.objects.get()
        code = TrackedCode.objects.get(pk=made.code_id)
        assert done["Location"] == url(shop, "poster", made.pk)
        assert wechat.paths().count(QR_PATH) == 1
        assert (made.programme_id, made.store_id) == (shop.programme.pk, shop.store.pk)
        assert code.is_permanent
        assert code.page_url == f"{settings.BASE_URL}{url(shop, 'poster_page', made.token)}"
        assert len(code.token) >= 20
        assert AuditEntry.objects.filter(action="stamps.poster.made").count() == 1

    def test_a_name_is_taken_once_and_wechat_is_not_asked_again(
        self, shop: Shop, office: Client
    ) -> None:
        poster = make_poster(shop.merchant)
        with fake_wechat() as wechat:
            answer = office.post(url(shop, "poster_new"), FORM | {"name": poster.name})

        assert answer.status_code == 409
        assert "已经有同名的海报" in answer.content.decode()
        assert f'href="{url(shop, "poster", poster.pk)}"' in answer.content.decode()
        assert wechat.calls == []
        assert Poster.objects.count() == TrackedCode.objects.count() == 1

    def test_without_an_account_it_says_what_to_do(self, shop: Shop, office: Client) -> None:
        answer = office.post(url(shop, "poster_new"), FORM)

        assert (answer.status_code, Poster.objects.count()) == (409, 0)
        assert "接入后再制作海报" in answer.content.decode()
        assert "请先接入公众号" in office.get(url(shop, "posters")).content.decode()

    @pytest.mark.parametrize("field", ["programme", "store"])
    def test_leads_to_nothing_of_others(self, shop: Shop, office: Client, field: str) -> None:
        other = make_shop("other")
        other.scope.close()
        make_account(merchant=shop.merchant)
        theirs = {"programme": other.programme.pk, "store": other.store.pk}[field]

        answer = office.post(url(shop, "poster_new"), FORM | {field: theirs})

        assert (answer.status_code, Poster.objects.count()) == (422, 0)

    def test_changed_while_it_hangs(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant)
        before = TrackedCode.objects.get(pk=poster.code_id)

        done = office.post(url(shop, "poster_edit", poster.pk), FORM | {"look": "night"})

        assert done.status_code == 302
        poster.refresh_from_db()
        after = TrackedCode.objects.get(pk=poster.code_id)
        assert (poster.name, poster.look) == ("大门口", "night")
        assert (after.token, after.page_url) == (before.token, before.page_url)

    def test_put_away_and_brought_back(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant)
        address = url(shop, "posters")

        office.post(url(shop, "poster_archive", poster.pk))
        assert poster.name not in office.get(address).content.decode()
        assert poster.name in office.get(address, {"archive": 1}).content.decode()
        office.post(url(shop, "poster_archive", poster.pk))
        assert poster.name in office.get(address).content.decode()

    def test_the_picture_follows_what_is_typed(self, shop: Shop, office: Client) -> None:
        values = {"headline": "集<章>送茶", "look": "nonsense", "programme": "x"}
        piece = office.get(url(shop, "poster_sample"), values).content.decode()

        assert piece.startswith("<svg")
        assert "集&lt;章&gt;送茶" in piece
        assert "style=" not in piece


class TestPrinting:
    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("slots", [0, 4, 20])
    def test_everything_stands_inside_its_face(self, form: str, slots: int) -> None:
        out = BytesIO()
        Image.new("RGB", (400, 100), "#c2362b").save(out, "PNG")
        long = "很长的名字" * 5
        told = content(
            slots=slots, shop=long, headline=long[:24], text=long * 2, logo=out.getvalue()
        )
        for part in layout.page(FORMATS[form], told, Look.PAPER, code_edge=200).parts:
            codes = [one for one in part.shapes if isinstance(one, Picture)]
            assert max(one.width for one in codes) >= 25
            for one in part.shapes:
                if isinstance(one, Picture):
                    assert one.left >= 0
                    assert one.top >= 0
                    assert one.left + one.width <= part.width
                    assert one.top + one.height <= part.height
                if isinstance(one, Words):
                    width = width_of(one.text, one.size, is_bold=one.is_bold)
                    left = one.x - (width / 2 if one.anchor == "middle" else 0)
                    assert left >= 0, one.text
                    assert left + width <= part.width, one.text
                    assert one.size <= one.y <= part.height, one.text

    def test_copies_and_their_heads(self) -> None:
        sheets = {
            name: [part.is_turned for part in layout.page(one, content(), Look.PAPER).parts]
            for name, one in FORMATS.items()
        }
        assert sheets == {"poster": [False], "tent": [True, False], "card": [False] * 4}

    def test_the_pdf_has_its_text_and_one_page(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant, programme=shop.programme, store=shop.store)
        for form in FORMATS:
            file = office.get(url(shop, "poster_file", poster.pk, form))
            assert file["Content-Type"] == "application/pdf"
            assert file["Cache-Control"] == "private, no-store"
            assert file.content.startswith(b"%PDF-")
            assert len(re.findall(rb"/Type /Page\b", file.content)) == 1
        assert office.get(url(shop, "poster_file", poster.pk, "huge")).status_code == 404

    @pytest.mark.parametrize("look", Look.values)
    def test_words_can_be_read_on_every_background(self, look: str) -> None:
        colours = COLOURS[Look(look)]
        for name in ("ink", "muted", "accent"):
            assert contrast(getattr(colours, name), colours.ground) >= 4.5, name

    def test_the_code_on_the_page_is_the_one_of_the_resolver(
        self, shop: Shop, office: Client
    ) -> None:
        poster = make_poster(shop.merchant)
        code = TrackedCode.objects.get(pk=poster.code_id)
        page = office.get(url(shop, "poster", poster.pk)).content.decode()
        assert f"{settings.BASE_URL}/q/{code.token}" in page
        assert page.count('<svg class="stamps-sheet"') == len(FORMATS)

    def test_a_logo_keeps_its_shape(self, shop: Shop) -> None:
        out = BytesIO()
        Image.new("RGB", (300, 100), "#c2362b").save(out, "PNG")
        file = SimpleUploadedFile("logo.png", out.getvalue())
        pictures.change_logo(merchant=shop.merchant, content=file.read(), actor=ACTOR)
        logo = pictures.logo_of(shop.merchant)
        shapes = layout.page(FORMATS["poster"], content(logo=logo), Look.PAPER).parts[0].shapes
        first = next(one for one in shapes if isinstance(one, Picture))
        assert first.width / first.height == pytest.approx(3, rel=0.02)

    def test_a_long_headline_goes_over_lines_larger_than_the_text(self) -> None:
        told = content(headline="集章换桂花糕" * 4)
        for form in FORMATS.values():
            part = layout.page(form, told, Look.PAPER, code_edge=200).parts[0]
            words = [one for one in part.shapes if isinstance(one, Words)]
            head = [one for one in words if one.text and one.text in told.headline]
            (text,) = [one for one in words if one.text and told.text.startswith(one.text)][:1]
            assert "".join(one.text for one in head) == told.headline
            assert len(head) == (3 if part.width > part.height else 2)
            assert head[0].size == head[-1].size > text.size
            assert head[1].y - head[0].y >= head[0].size

    def test_emoji_are_left_out_in_the_picture_and_on_paper(
        self, shop: Shop, office: Client
    ) -> None:
        values = {"headline": "集章送蛋糕🍰", "text": "来☕喝茶"}
        piece = office.get(url(shop, "poster_sample"), values).content.decode()
        assert ">集章送蛋糕</text>" in piece
        assert ">来喝茶</text>" in piece
        assert "印不出来" in piece
        assert "🍰" in piece.partition("</svg>")[2]
        told = content(headline="集章送蛋糕🍰", reward="🎁")
        for part in layout.page(FORMATS["card"], told, Look.PAPER, code_edge=200).parts:
            assert not [one for one in part.shapes if isinstance(one, Words) and "🍰" in one.text]
        poster = make_poster(shop.merchant)
        assert "印不出来" not in office.get(url(shop, "poster", poster.pk)).content.decode()

    @pytest.mark.parametrize("design", ["", "coffee", "flower", "unknown"])
    def test_stamped_places_carry_the_sign_of_the_card(self, design: str) -> None:
        page = layout.page(FORMATS["tent"], content(design=design), Look.PAPER, code_edge=200)
        signs = [one for one in page.parts[0].shapes if isinstance(one, Sign)]
        assert len(signs) == 4
        assert "<path" in svg.draw(page, label="x")
        assert "zg-seal-line" not in svg.draw(page, label="x")
        assert len(pdf.draw(page, title="x")) > len(pdf.draw(replace(page, parts=()), title="x"))

    def test_the_file_is_called_like_the_poster(self, shop: Shop, office: Client) -> None:
        poster = make_poster(shop.merchant, programme=shop.programme)
        file = office.get(url(shop, "poster_file", poster.pk, "tent"))
        assert quote(poster.name) in file["Content-Disposition"]

    def test_long_texts_break_between_words(self) -> None:
        assert lines_of("Collect stamps with every visit", 5, 40, 3)[0].endswith("stamps")
        assert lines_of("", 5, 40, 2) == []
        assert "".join(lines_of("很长的一句话要换行", 5, 20, 3)) == "很长的一句话要换行"

    def test_lines_are_about_as_long_as_each_other(self) -> None:
        told = content(headline="冬日围炉煮茶集满四枚就送招牌茶一壶")
        for form in FORMATS.values():
            part = layout.page(form, told, Look.PAPER, code_edge=200).parts[0]
            head = [
                one.text
                for one in part.shapes
                if isinstance(one, Words) and one.is_bold and one.text in told.headline
            ]
            assert max(map(len, head)) - min(map(len, head)) <= 1
        assert not lines_of("喝一壶盖一章，第二章先送", 5, 34, 2)[1].startswith("，")

    def test_a_typed_break_stays(self, shop: Shop, office: Client) -> None:
        make_account(merchant=shop.merchant)
        values = {"headline": "集章", "text": "喝一壶，盖一章\r\n第二章先送小茶点\r\n欢迎"}
        piece = office.get(url(shop, "poster_sample"), values).content.decode()
        assert ">喝一壶，盖一章</text>" in piece
        assert ">第二章先送小茶点 欢迎</text>" in piece
        assert "印不出来" not in piece

        with fake_wechat():
            office.post(url(shop, "poster_new"), FORM | {"text": values["text"]})
        assert Poster.objects.get().text == "喝一壶，盖一章\n第二章先送小茶点\n欢迎"

    @pytest.mark.parametrize("language", ["en", "zh-hans"])
    def test_what_is_suggested_fits(self, language: str) -> None:
        with translation.override(language):
            for field in PosterForm.base_fields.values():
                if isinstance(field, forms.CharField) and field.max_length and field.initial:
                    assert len(str(field.initial)) <= field.max_length

    def test_a_line_is_as_wide_on_the_screen_as_on_paper(self) -> None:
        told = content(headline="Collect stamps, get a gift")
        part = layout.page(FORMATS["poster"], told, Look.PAPER, code_edge=200).parts[0]
        head = next(
            one for one in part.shapes if isinstance(one, Words) and one.text == told.headline
        )
        drawn = svg.draw(layout.page(FORMATS["poster"], told, Look.PAPER), label="x")
        width = width_of(head.text, head.size, is_bold=True)
        assert f'textLength="{width:.2f}"' in drawn
        assert width <= part.width * 0.8 + 0.01

    def test_drawings_carry_no_style(self) -> None:
        page = layout.page(FORMATS["card"], content(), Look.NIGHT, code_edge=200)
        assert "style" not in svg.draw(page, label="<x>")
        assert "&lt;x&gt;" in svg.draw(page, label="<x>")
        assert pdf.draw(page, title="x").startswith(b"%PDF-")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2)."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


class TestScanning:
    @pytest.fixture
    def visitor(self, shop: Shop) -> Client:
        account = make_account(merchant=shop.merchant)
        client = Client()
        sign_in_customer(client, make_link(shop.merchant, account.pk))
        return client

    def test_the_printed_address_leads_to_the_card_to_take(
        self, shop: Shop, visitor: Client
    ) -> None:
        poster = make_poster(shop.merchant, programme=shop.programme, store=shop.store)
        code = TrackedCode.objects.get(pk=poster.code_id)
        page = url(shop, "poster_page", poster.token)
        TrackedCode.objects.filter(pk=code.pk).update(page_url=page)

        assert visitor.get(reverse("wechat:resolve", args=[code.token]))["Location"] == page
        shown = visitor.get(page)
        offer = shown.context["offer"]
        assert shop.store.name in shown.content.decode()
        assert Card.objects.count() == 1
        taken = visitor.post(url(shop, "join"), {"offer": offer})
        assert Card.objects.count() == 2
        assert visitor.get(page)["Location"] == taken["Location"], "a second scan opens it"

    def test_passed_on_in_a_chat_it_shows_the_picture_of_the_card(
        self, shop: Shop, visitor: Client
    ) -> None:
        poster = make_poster(shop.merchant, programme=shop.programme, store=shop.store)
        page = url(shop, "poster_page", poster.token)
        wechat = {"User-Agent": "MicroMessenger/8.0.49"}
        assert "seal" in shared_by(visitor.get(page, headers=wechat))["picture"]

        shop.programme.picture_token = "p" * 26
        shop.programme.save(update_fields=["picture_token"])
        shared = shared_by(visitor.get(page, headers=wechat))

        assert shared["picture"] == shop.programme.picture_url
        assert (shared["title"], shared["link"]) == (shop.programme.name, page)

    @pytest.mark.parametrize("state", [None, ProgrammeState.PAUSED, ProgrammeState.ENDED])
    def test_leads_to_all_cards_where_there_is_none_to_take(
        self, shop: Shop, visitor: Client, state: str | None
    ) -> None:
        programme = make_programme() if state else None
        poster = make_poster(shop.merchant, programme=programme)
        if programme:
            type(programme).objects.filter(pk=programme.pk).update(state=state)
        page = visitor.get(url(shop, "poster_page", poster.token))

        assert page["Location"] == url(shop, "wallet")

    def test_of_another_shop_it_is_not_there(self, shop: Shop, visitor: Client) -> None:
        other = make_shop("other")
        poster = make_poster(other.merchant)
        other.scope.close()

        assert visitor.get(url(shop, "poster_page", poster.token)).status_code == 404
