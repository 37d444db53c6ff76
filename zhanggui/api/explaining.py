"""The OpenAPI description turned into what the page for people shows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from zhanggui.api import examples
from zhanggui.api.writing import HEADER

GROUPS: dict[str, str | Promise] = {
    "token": pgettext_lazy("group of calls", "Token and stores"),
    "codes": pgettext_lazy("group of calls", "Six digits"),
    "stamps": pgettext_lazy("group of calls", "Stamps"),
    "coupons": pgettext_lazy("group of calls", "Coupons"),
}
KEY = "bill-0017-1"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a call."""

    name: str
    kind: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Call:
    """One operation."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    fields: list[Field]
    curl: str
    answer: str


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one part of the product."""

    name: str
    label: str | Promise
    calls: list[Call]


def operations_of(described: Mapping[str, Any], base_url: str) -> list[Group]:
    """All operations under their headings.

    Args:
        described: what ``frame.described`` answers.
        base_url: of the installation, for the examples to copy.
    """
    found: dict[str, list[Call]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            call = _call(path, method, operation, described["components"]["schemas"], base_url)
            found.setdefault(operation["tags"][0], []).append(call)
    ordered = [*GROUPS, *(found.keys() - GROUPS.keys())]
    return [Group(name, GROUPS.get(name, name), found[name]) for name in ordered if name in found]


def _call(
    path: str, method: str, operation: Mapping[str, Any], known: Mapping[str, Any], base_url: str
) -> Call:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answer = operation["responses"]["200"]["content"]["application/json"]["example"]
    return Call(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        scope=operation["x-scope"],
        fields=[*_parameters(operation), *_body_fields(body.get("schema", {}), known)],
        curl=_curl(base_url + path, method, operation, body.get("example")),
        answer=json.dumps(answer, ensure_ascii=False, indent=2),
    )


def _parameters(operation: Mapping[str, Any]) -> Iterator[Field]:
    for one in operation["parameters"]:
        kind = f"{one['in']} · {_kind(one['schema'], {})}"
        yield Field(one["name"], kind, one["required"], one.get("description", ""))


def _body_fields(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Field]:
    if "$ref" in schema:
        schema = known[schema["$ref"].removeprefix(examples.REF)]
    required = set(schema.get("required", ()))
    for name, inner in schema.get("properties", {}).items():
        kind = _kind(inner, known)
        yield Field(name, kind, name in required, _description(inner))


def _kind(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    for alternative in schema.get("anyOf", ()):
        return _kind(alternative, known)
    return str(schema.get("type", "object"))


def _description(schema: Mapping[str, Any]) -> str:
    inner = [one.get("description", "") for one in schema.get("anyOf", ())]
    return str(schema.get("description") or "".join(inner))


def _curl(address: str, method: str, operation: Mapping[str, Any], body: Any) -> str:
    for one in operation["parameters"]:
        if one["in"] == "path":
            example = examples.of(one["schema"], {})
            address = address.replace(f"{{{one['name']}}}", str(example))
    lines = [f"curl {shlex.quote(address)}", "-H 'Authorization: Bearer '\"$TOKEN\""]
    if any(one["name"] == HEADER for one in operation["parameters"]):
        lines.append(f"-H '{HEADER}: {KEY}'")
    if method != "get":
        sent = {name: value for name, value in (body or {}).items() if value is not None}
        lines += [
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(sent, ensure_ascii=False))}",
        ]
    return " \\\n  ".join(lines)
