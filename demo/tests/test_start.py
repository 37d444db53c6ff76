"""The start page lists whoever can sign in, and one click lets them in; in the demo alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from demo import listing, progress, urls
from demo.cast import MERCHANTS, OUTSIDERS, PASSWORD
from demo.models import Day
from demo.tests.conftest import NOON, Filled
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Person, Role

ROOT = Path(__file__).resolve().parents[2]


def page(client: Client, path: str = "/", **extra: Any) -> str:
    return client.get(path, **extra).content.decode()


class TestStartPage:
    def test_lists_everybody_and_their_phones(self, filled: Filled, client: Client) -> None:
        shown = page(client)

        for one in listing.sign_ins():
            assert one.plan.name in shown
            assert one.phone in shown
            assert f'value="{one.plan.key}"' in shown
        assert PASSWORD in shown
        assert all(merchant.name in shown for merchant in MERCHANTS)
        assert all(name in shown for name in OUTSIDERS)
        assert "http://guest-4.localhost:8001/_phone/" in shown

    def test_every_sign_in_can_be_pressed(self, filled: Filled) -> None:
        client = Client(enforce_csrf_checks=True)
        forms = re.findall(r'<form method="post".*?</form>', page(client), re.DOTALL)
        fields = [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in forms]
        doors = [one for one in fields if "who" in one]

        assert {one["who"] for one in doors} == {one.plan.key for one in listing.sign_ins()}
        assert all("csrfmiddlewaretoken" in one for one in doors)
        assert client.post(reverse("demo:sign_in"), doors[-1]).status_code == 302

    def test_the_first_step_leads_to_the_store_without_managers(
        self, filled: Filled, client: Client
    ) -> None:
        answer = client.post(
            reverse("demo:sign_in"),
            {"who": "tea-owner", "next": _value_of_next(page(client))},
            follow=True,
        )

        assert answer.status_code == 200
        assert "御街店" in answer.content.decode()

    def test_speaks_english_too(self, filled: Filled, client: Client) -> None:
        assert "五步走一遍" in page(client, headers={"accept-language": "en"})
        client.cookies["zhanggui_language"] = "en"
        assert "Five steps to try" in page(client)


def _value_of_next(shown: str) -> str:
    return shown.partition('name="next" value="/m/')[2].partition('"')[0].join(["/m/", ""])


class TestSignIn:
    @pytest.mark.parametrize("one", listing.sign_ins(), ids=lambda one: one.plan.key)
    def test_lets_everybody_in_with_the_password_on_the_page(
        self, one: listing.SignIn, demo: None, db: None, client: Client
    ) -> None:
        _person(one)

        answer = client.post(reverse("demo:sign_in"), {"who": one.plan.key})

        assert answer["Location"] == one.path
        signed_in = Person.objects.get(pk=client.session["_auth_user_id"])
        assert signed_in.phone == one.plan.phone

    def test_refuses_strangers_and_foreign_addresses(
        self, demo: None, db: None, client: Client
    ) -> None:
        owner = listing.sign_in_of("tea-owner")
        assert owner
        _person(owner)
        door = reverse("demo:sign_in")

        assert client.post(door, {"who": "nobody"}).status_code == 404
        away = client.post(door, {"who": "tea-owner", "next": "https://elsewhere.example/"})
        assert away["Location"] == owner.path

    def test_each_way_in_carries_a_token(self, filled: Filled, client: Client) -> None:
        ways = page(client).split(f'action="{reverse("demo:sign_in")}"')[1:]
        assert len(ways) >= len(list(listing.sign_ins()))
        assert all("csrfmiddlewaretoken" in way.partition("</form>")[0] for way in ways)

    def test_is_a_post_with_a_token(self, demo: None, db: None) -> None:
        client = Client(enforce_csrf_checks=True)
        door = reverse("demo:sign_in")

        assert client.get(door).status_code == 405
        assert client.post(door, {"who": "tea-owner"}).status_code == 403

    def test_a_changed_password_is_told_on_the_start_page(
        self, demo: None, db: None, client: Client
    ) -> None:
        owner = listing.sign_in_of("tea-owner")
        assert owner
        _person(owner, "something else")
        Day.objects.create(day=NOON.date(), until=NOON)

        answer = client.post(reverse("demo:sign_in"), {"who": "tea-owner"}, follow=True)

        assert answer.redirect_chain == [("/", 302)]
        assert "_auth_user_id" not in client.session


def _person(one: listing.SignIn, password: str = PASSWORD) -> None:
    actor = system_actor("tests")
    person = account_services.create_person(
        name=one.plan.name, phone=one.plan.phone, password=password, actor=actor
    )
    account_services.add_membership(person=person, place=None, role=Role.OWNER, actor=actor)


class TestWaiting:
    def test_shows_how_far_the_data_are(self, demo: None, db: None, client: Client) -> None:
        with progress.only_one():
            progress.note("days", 500, 1000)

            assert "500" in page(client)
            piece = client.get(reverse("demo:waiting"))

        assert 'value="52"' in piece.content.decode()
        assert "HX-Refresh" not in piece

    def test_reloads_when_done(self, filled: Filled, client: Client) -> None:
        assert client.get(reverse("demo:waiting"))["HX-Refresh"] == "true"

    @pytest.mark.parametrize("step", ["base", "days", "failed"])
    def test_says_what_to_do_when_it_stopped(
        self, step: str, demo: None, db: None, client: Client
    ) -> None:
        progress.note(step, error="DemoError: no sandbox")

        shown = page(client)

        assert "make demo" in shown
        assert "DemoError: no sandbox" in shown

    def test_waits_before_the_first_word(self, demo: None, db: None, client: Client) -> None:
        assert "<progress" in page(client)


class TestNotElsewhere:
    @pytest.mark.parametrize("name", ["start", "waiting", "sign_in"])
    def test_is_not_found_outside_the_demo(
        self, name: str, db: None, client: Client, settings: Any
    ) -> None:
        settings.ROOT_URLCONF = "demo.tests.urls"
        address = reverse(f"demo:{name}")
        answer = client.post(address) if name == "sign_in" else client.get(address)
        assert answer.status_code == 404

    def test_every_view_names_its_guard(self) -> None:
        assert {pattern.callback.guard for pattern in urls.urlpatterns} == {"public"}  # type: ignore[union-attr]
