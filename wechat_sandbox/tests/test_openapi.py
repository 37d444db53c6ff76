"""The document of the control side: complete, without leftovers, in the form of OpenAPI."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from wechat_sandbox import Sandbox
from wechat_sandbox.openapi_parts import BODIES, QUERIES, TAGS

PREFIX = "/_sandbox/api/"


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/_sandbox/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path.removeprefix(PREFIX)}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_of_the_running_sandbox_is_in_it(
    sandbox: Sandbox, document: dict[str, Any]
) -> None:
    routes = {
        f"{method} {one.path.removeprefix(PREFIX)}"
        for one in sandbox._main.routes
        if isinstance(one, Route) and one.path.startswith(PREFIX)
        for method in (one.methods or set()) - {"HEAD"}
    }
    assert routes == set(operations(document))
    assert len(routes) > 50


def test_it_has_the_form_of_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://127.0.0.1:8001"}]
    names = [one["name"] for one in document["tags"]]
    numbers: list[str] = []
    for key, operation in operations(document).items():
        assert operation["summary"].endswith("."), key
        assert operation["tags"][0] in names
        places = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert places == set(re.findall(r"\{(\w+)\}", key)), key
        assert {"200", "422"} <= set(operation["responses"])
        numbers.append(operation["operationId"])
    assert len(set(numbers)) == len(numbers)


def test_what_is_described_exists(document: dict[str, Any]) -> None:
    known = operations(document)
    assert set(BODIES) | set(QUERIES) <= set(known)
    heads = {key.partition(" ")[2].partition("/")[0] for key in known}
    assert set(TAGS) <= heads


def test_fields_are_typed(document: dict[str, Any]) -> None:
    known = operations(document)
    body = known["POST people/{slug}/follow"]["requestBody"]["content"]["application/json"]
    schema = body["schema"]
    assert schema["required"] == ["appid"]
    assert schema["properties"]["wait"]["type"] == "boolean"
    people = known["PUT people"]["requestBody"]["content"]["application/json"]["schema"]
    assert people["type"] == "array"
    (day, kind) = [
        one for one in known["GET merchants/{mchid}/bill"]["parameters"] if one["in"] == "query"
    ]
    assert (day["required"], kind["schema"]["enum"]) == (True, ["trade", "flow"])


def test_a_page_shows_it(client: TestClient) -> None:
    for path in ("/_sandbox/docs", "/_sandbox/control", "/_sandbox/merchants"):
        assert client.get(path).status_code == 200
