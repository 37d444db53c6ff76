"""The picture code: one try, five minutes, one browser; also for ears."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.test import Client
from PIL import Image

from zhanggui.core import clock
from zhanggui.signin.errors import PictureOver, PictureWrong
from zhanggui.signin.models import SpentPicture
from zhanggui.signin.services import pictures
from zhanggui.signin.services.pictures import Challenge
from zhanggui.signin.tests.inbox import answer_of

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def solve(token: str, typed: str, browser: str = "mine") -> None:
    pictures.solve(Challenge(token, typed, browser))


@pytest.mark.spec("repairs U-3")
class TestSolve:
    @pytest.mark.parametrize("fold", [str, str.lower, lambda signs: f" {signs[:2]} {signs[2:]}"])
    def test_takes_the_signs_however_they_are_typed(self, fold: object) -> None:
        token = pictures.new_picture("mine")
        solve(token, fold(answer_of(token)))  # type: ignore[operator]

    def test_takes_the_spoken_digits_as_well(self) -> None:
        token = pictures.new_picture("mine")
        solve(token, answer_of(token, "d"))

    def test_takes_full_width_signs(self) -> None:
        token = pictures.new_picture("mine")
        wide = "".join(chr(ord(sign) + 0xFEE0) for sign in answer_of(token))
        solve(token, wide)

    @pytest.mark.parametrize("typed", ["", "ZZZZ", "12345", "中文", "\0"])
    def test_refuses_other_signs(self, typed: str) -> None:
        with pytest.raises(PictureWrong):
            solve(pictures.new_picture("mine"), typed)

    def test_works_once(self) -> None:
        token = pictures.new_picture("mine")
        solve(token, answer_of(token))
        with pytest.raises(PictureOver):
            solve(token, answer_of(token))

    def test_is_burnt_by_a_wrong_try(self) -> None:
        token = pictures.new_picture("mine")
        with pytest.raises(PictureWrong):
            solve(token, "ZZZZ")
        with pytest.raises(PictureOver):
            solve(token, answer_of(token))

    def test_belongs_to_its_browser(self) -> None:
        token = pictures.new_picture("mine")
        with pytest.raises(PictureOver):
            solve(token, answer_of(token), browser="another")
        with pytest.raises(PictureOver):  # the try from elsewhere burnt it
            solve(token, answer_of(token))

    @pytest.mark.parametrize(("minutes", "is_good"), [(4.99, True), (5, False)])
    def test_lasts_five_minutes(self, minutes: float, is_good: bool) -> None:
        with clock.at(START):
            token = pictures.new_picture("mine")
        with clock.at(START + timedelta(minutes=minutes)):
            if is_good:
                solve(token, answer_of(token))
            else:
                with pytest.raises(PictureOver):
                    solve(token, answer_of(token))

    @pytest.mark.parametrize("token", ["", "x", "!!!", "QUJD", "ä"])
    def test_no_token_of_ours(self, token: str) -> None:
        with pytest.raises(PictureOver):
            solve(token, "ABCD")
        assert not SpentPicture.objects.exists()

    def test_has_no_signs_that_look_alike(self) -> None:
        assert not set("0O1ILl2Z5S8B") & set(pictures.SIGNS)
        assert len(answer_of(pictures.new_picture("mine"))) == 4

    def test_says_nothing_of_its_answer(self) -> None:
        token = pictures.new_picture("mine")
        assert answer_of(token) not in token

    def test_prints_are_forgotten_when_they_are_over(self) -> None:
        with clock.at(START):
            token = pictures.new_picture("mine")
            solve(token, answer_of(token))
        with clock.at(START + timedelta(minutes=9)):
            assert pictures.forget() == 0
        with clock.at(START + timedelta(minutes=11)):
            assert pictures.forget() == 1


class TestMedia:
    def test_the_picture_is_a_png(self, client: Client) -> None:
        answer = client.get("/signin/picture.png", {"of": pictures.new_picture("mine")})
        assert answer["Content-Type"] == "image/png"
        assert answer["Cache-Control"] == "no-store"
        assert Image.open(BytesIO(answer.content)).size == (pictures.WIDTH, pictures.HEIGHT)

    def test_the_sound_is_a_wav(self, client: Client) -> None:
        answer = client.get("/signin/picture.wav", {"of": pictures.new_picture("mine")})
        assert answer["Content-Type"] == "audio/wav"
        assert answer.content[:4] == b"RIFF"

    @pytest.mark.parametrize("path", ["/signin/picture.png", "/signin/picture.wav"])
    def test_an_old_one_is_over(self, client: Client, path: str) -> None:
        with clock.at(START):
            token = pictures.new_picture("mine")
        assert client.get(path, {"of": token}).status_code == 410
        assert client.get(path).status_code == 410

    def test_sounds_are_limited(self, client: Client) -> None:
        token = pictures.new_picture("mine")
        seen = {client.get("/signin/picture.wav", {"of": "x"}).status_code for _ in range(30)}
        assert seen == {410}
        assert client.get("/signin/picture.wav", {"of": token}).status_code == 429

    def test_another_one_comes_as_a_piece(self, client: Client) -> None:
        answer = client.get("/signin/picture").content.decode()
        assert answer.count('name="picture_token"') == 1
        assert "<html" not in answer
