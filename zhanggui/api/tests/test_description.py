"""The description: for programs, for people, and the page in the docs that must stay true."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Store
from zhanggui.api import scopes
from zhanggui.api.tests.factories import make_caller
from zhanggui.core import tenancy
from zhanggui.coupons.tests import factories as coupons
from zhanggui.stamps.models import Kind
from zhanggui.stamps.tests import factories as stamps

DOCS = Path(__file__).resolve().parents[3] / "docs" / "api.md"
CURL = re.compile(r"```sh\n(curl .*?)```", re.DOTALL)


@pytest.fixture
def described(db: None, client: Client) -> dict[str, Any]:
    """What programs read."""
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def resolved(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": described["components"]}


class TestForPrograms:
    def test_has_every_operation(self, described: dict[str, Any]) -> None:
        assert sorted((method, path) for method, path, _ in operations(described)) == [
            ("get", "/api/v1/programmes"),
            ("get", "/api/v1/redemptions"),
            ("get", "/api/v1/stamps"),
            ("get", "/api/v1/stores"),
            ("get", "/api/v1/token"),
            ("post", "/api/v1/cards/find"),
            ("post", "/api/v1/codes/look"),
            ("post", "/api/v1/coupons/find"),
            ("post", "/api/v1/coupons/redeem"),
            ("post", "/api/v1/coupons/{code}/hold"),
            ("post", "/api/v1/coupons/{code}/redeem"),
            ("post", "/api/v1/coupons/{code}/release"),
            ("post", "/api/v1/redemptions/{record}/undo"),
            ("post", "/api/v1/stamps"),
            ("post", "/api/v1/stamps/cancel"),
            ("post", "/api/v1/stamps/{record}/undo"),
        ]

    def test_every_operation_names_the_token(self, described: dict[str, Any]) -> None:
        asked = [operation["security"] for _m, _p, operation in operations(described)]
        assert asked == [[{"Bearer": []}]] * len(asked)
        assert described["components"]["securitySchemes"]["Bearer"]["scheme"] == "bearer"

    def test_every_operation_says_what_a_token_needs(self, described: dict[str, Any]) -> None:
        known = {scope.name for scope in scopes.known()} | {""}
        assert {operation["x-scope"] for _m, _p, operation in operations(described)} == known

    def test_every_booking_has_a_key(self, described: dict[str, Any]) -> None:
        writing = {scope.name for scope in scopes.known() if scope.is_writing}
        for _method, path, operation in operations(described):
            keyed = any(one["name"] == "Idempotency-Key" for one in operation["parameters"])
            assert keyed == (operation["x-scope"] in writing), path

    def test_examples_fit_their_schemas(self, described: dict[str, Any]) -> None:
        for _method, path, operation in operations(described):
            media = [operation["responses"]["200"], operation.get("requestBody")]
            for one in filter(None, media):
                content = one["content"]["application/json"]
                validator = jsonschema_rs.validator_for(resolved(content["schema"], described))
                assert list(validator.iter_errors(content["example"])) == [], path

    def test_speaks_both_languages(self, client: Client, described: dict[str, Any]) -> None:
        client.cookies["zhanggui_language"] = "en"
        english = client.get("/api/v1/openapi.json").json()
        for told, word in ((described, "集章"), (english, "Stamp a card")):
            assert told["paths"]["/api/v1/stamps"]["post"]["summary"] == word


class TestForPeople:
    def test_shows_every_call_with_an_example(
        self, client: Client, described: dict[str, Any]
    ) -> None:
        page = client.get("/api/v1/docs").content.decode()
        for _method, path, operation in operations(described):
            assert f"<code>{path}</code>" in page
            assert operation["summary"] in page
        assert "Idempotency-Key: bill-0017-1" in page

    def test_loads_nothing_from_elsewhere(self, client: Client) -> None:
        page = client.get("/api/v1/docs").content.decode()
        assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []
        assert "<script>" not in page


def test_the_curl_examples_of_the_docs_work(
    client: Client, merchant: Merchant, store: Store, settings: Any
) -> None:
    """Each in its order, against one shop; digits and codes are put in as a customer shows them."""
    till = make_caller(merchant)
    settings.BASE_URL = "https://shop.example"
    with tenancy.merchant_scope(merchant.pk):
        card = stamps.make_card(stamps.make_programme(), phone="+8613800138000")
        coupon = coupons.make_coupon(coupons.make_template(uses=3), card.customer)
        shown: dict[str, Callable[[], str]] = {
            "048213": lambda: stamps.take_code(card).digits,
            "730164": lambda: stamps.take_code(card, Kind.CANCEL).digits,
            "615520": lambda: coupons.take_code(coupon).digits,
            "7K3M9Q2XVB4T": lambda: coupon.code,
        }
        examples = CURL.findall(DOCS.read_text(encoding="utf-8"))
        assert len(examples) >= 9
        for example in examples:
            sent = example
            for placeholder, value in shown.items():
                if placeholder in sent:
                    sent = sent.replace(placeholder, value())
            answer = call(client, sent, till.secret)
            assert answer.status_code == 200, (example, answer.content.decode())


def call(client: Client, command: str, secret: str) -> Any:
    """Do what a line of curl does."""
    words = shlex.split(command.replace("\\\n", " ").replace("$TOKEN", secret))
    address = words[1].removeprefix("https://shop.example")
    headers, body = {}, None
    for flag, value in zip(words[2::2], words[3::2], strict=True):
        if flag == "-H":
            name, _, content = value.partition(": ")
            headers[name] = content
        else:
            assert flag == "-d", flag
            body = json.loads(value)
    if body is None:
        return client.get(address, headers=headers)
    headers.pop("Content-Type")
    return client.post(address, body, content_type="application/json", headers=headers)
