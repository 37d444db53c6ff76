"""Examples made from schemas: what a description says beside each field, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REF = "#/components/schemas/"
MOMENT = "2026-11-22T14:30:00+08:00"
PLAIN: Mapping[str, Any] = {
    "string": "…",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}


def of(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """One value that fits a schema.

    Args:
        schema: JSON schema as pydantic writes it.
        known: the schemas that ``$ref`` leads to, by name.
    """
    for name in ("examples", "example", "default"):
        if name in schema:
            return schema[name][0] if name == "examples" else schema[name]
    if "$ref" in schema:
        return of(known[schema["$ref"].removeprefix(REF)], known)
    for name in ("allOf", "anyOf"):
        if name in schema:
            return of(schema[name][0], known)
    kind = schema.get("type")
    if kind == "object":
        return {name: of(inner, known) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [of(schema["items"], known)]
    return MOMENT if schema.get("format") == "date-time" else PLAIN[str(kind)]


def put(described: dict[str, Any]) -> None:
    """Put an example beside the schema of every body and every good answer."""
    known = described["components"]["schemas"]
    for operations in described["paths"].values():
        for operation in operations.values():
            media = [operation["responses"]["200"], operation.get("requestBody")]
            for one in filter(None, media):
                content = one["content"]["application/json"]
                content["example"] = of(content["schema"], known)
