"""The OpenAPI 3.1 document of the control side, made from its routes."""

from __future__ import annotations

import inspect
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wechat_sandbox import control
from wechat_sandbox.openapi_parts import BODIES, QUERIES, TAGS

PREFIX = "/_sandbox/api/"
SIMPLE = {"string", "integer", "number", "boolean", "object"}


def document(public: str) -> dict[str, Any]:
    """Every control call with what it takes."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, handler in control.CALLS:
        paths.setdefault(PREFIX + path, {})[method.lower()] = _operation(method, path, handler)
    tags = dict.fromkeys(_tag(path) for _, path, _ in control.CALLS)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WeChat sandbox: control",
            "version": "1",
            "description": "People, accounts, merchants, the clock and everything that can go"
            " wrong. Open to this machine only; times are seconds, money is fen.",
        },
        "servers": [{"url": public}],
        "tags": [{"name": one} for one in tags],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                }
            }
        },
    }


def _tag(path: str) -> str:
    return TAGS.get(path.partition("/")[0], path.partition("/")[0])


def _operation(method: str, path: str, handler: Any) -> dict[str, Any]:
    lines = (inspect.getdoc(handler) or "").replace("``", "")
    summary, _, more = lines.partition("\n")
    key = f"{method} {path}"
    found: dict[str, Any] = {
        "operationId": handler.__name__,
        "summary": summary,
        "tags": [_tag(path)],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", path)
        ]
        + [_query(name, line) for name, line in QUERIES.get(key, {}).items()],
        "responses": {
            "200": {"description": "done"},
            "403": _error("not from this machine or not from the sandbox's own pages"),
            "404": _error("something named does not exist"),
            "422": _error("the input cannot be used"),
        },
    }
    if more.strip():
        found["description"] = more.strip()
    if key in BODIES:
        content = {"application/json": {"schema": _body(BODIES[key])}}
        found["requestBody"] = {"required": False, "content": content}
    elif method == "PUT" and path.startswith("snapshots"):
        content = {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _error(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _query(name: str, line: str) -> dict[str, Any]:
    schema, is_needed = _schema(line)
    text = schema.pop("description")
    return {
        "name": name, "in": "query", "required": is_needed, "description": text, "schema": schema,
    }  # fmt: skip


def _body(lines: dict[str, str]) -> dict[str, Any]:
    if "" in lines:
        return _schema(lines[""])[0]
    parts = {name: _schema(line) for name, line in lines.items()}
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: schema for name, (schema, _) in parts.items()},
    }
    needed = [name for name, (_, is_needed) in parts.items() if is_needed]
    return {**found, "required": needed} if needed else found


def _schema(line: str) -> tuple[dict[str, Any], bool]:
    kind, _, text = line.partition(": ")
    is_needed = kind.endswith("!")
    kind = kind.removesuffix("!")
    if kind.startswith("["):
        schema: dict[str, Any] = {"type": "array", "items": {"type": kind.strip("[]")}}
    elif kind in SIMPLE:
        schema = {"type": kind}
    else:
        schema = {"type": "string", "enum": kind.split("|")}
    return {**schema, "description": text}, is_needed


async def show(request: Request) -> Response:
    """The document."""
    return JSONResponse(document(control.world_of(request).config.public))
