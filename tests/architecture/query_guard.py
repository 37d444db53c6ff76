"""Fails a test when a statement touches a tenant table without naming its merchant.

A pytest plugin: it watches every statement Django sends in any thread. Inside
``tenancy.all_merchants("why")`` everything is allowed. Statements that go around Django (a raw
psycopg pipeline) are checked by calling :func:`fault_of` on their text.

Source: rule 14 of ``docs/adr/0005-tenancy-in-the-database.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import pytest

from zhanggui.core import tenancy

STATEMENT = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b", re.IGNORECASE)
PLACE = re.compile(
    r'\b(FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+)?"?(\w+)"?(?:\s+(?:AS\s+)?"?(\w+)"?)?',
    re.IGNORECASE,
)
TEXT = re.compile(r"'(?:[^']|'')*'")
ASSIGNED = re.compile(r"\bSET\b(.*?)(?:\bWHERE\b|$)", re.IGNORECASE | re.DOTALL)
SET_MERCHANT = re.compile(r'(?:^|,)\s*"?merchant_id"?\s*=', re.IGNORECASE)
BARE = re.compile(r'(?<![."\w])"?merchant_id"?\s*(?:=|IN\b)', re.IGNORECASE)
NO_ALIAS = {
    "as",
    "cross",
    "default",
    "for",
    "full",
    "group",
    "having",
    "inner",
    "join",
    "lateral",
    "left",
    "limit",
    "natural",
    "offset",
    "on",
    "order",
    "overriding",
    "returning",
    "right",
    "select",
    "set",
    "union",
    "using",
    "values",
    "where",
    "window",
    "tablesample",
}


class UnscopedStatement(AssertionError):
    """A statement would have read or written rows of any merchant."""


@cache
def tenant_tables() -> frozenset[str]:
    """Tables whose rows belong to one merchant each."""
    from django.apps import apps

    from zhanggui.core.models import TenantModel

    return frozenset(m._meta.db_table for m in apps.get_models() if issubclass(m, TenantModel))


def fault_of(statement: str, tables: frozenset[str] | None = None) -> str:
    """What is wrong with a statement; empty when it names the merchant for each tenant table."""
    if not STATEMENT.match(statement):
        return ""
    tables = tenant_tables() if tables is None else tables
    text = TEXT.sub("''", statement)
    for found in PLACE.finditer(text):
        keyword, table, alias = found.group(1).upper(), found.group(2), found.group(3) or ""
        if table not in tables:
            continue
        if keyword == "INTO":
            columns = text[found.end(2) :].partition(")")[0]
            if "merchant_id" not in columns:
                return f"INSERT into {table} without merchant_id"
            continue
        name = table if alias.lower() in NO_ALIAS or not alias else alias
        if not _names_merchant(text, name):
            return f"{table} ({name}) is used without its merchant"
        assigned = ASSIGNED.search(text, found.start()) if keyword == "UPDATE" else None
        if assigned and SET_MERCHANT.search(assigned.group(1)):
            return f"UPDATE of {table} sets merchant_id"
    return ""


@lru_cache(maxsize=4096)
def _known_fault_of(statement: str) -> str:
    return fault_of(statement)


def _names_merchant(text: str, name: str) -> bool:
    column = rf'(?<![\w"])"?{re.escape(name)}"?\."?merchant_id"?'
    compared = re.compile(rf"{column}\)?\s*(?:=|IN\b)|=\s*\(*{column}", re.IGNORECASE)
    return bool(compared.search(text) or BARE.search(text))


def _watch(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    scope = tenancy._scope.get()
    if scope is None or scope.merchant_id is not None:
        fault = _known_fault_of(str(sql))
        if fault:
            message = f"{fault}:\n{sql}"
            raise UnscopedStatement(message)
    return execute(sql, params, many, context)


def _install(connection: Any, **_others: Any) -> None:
    if _watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(_watch)


@pytest.fixture(scope="session", autouse=True)
def every_statement_names_its_merchant() -> Iterator[None]:
    """Watch the connections of all threads for the whole run."""
    from django.db import connections
    from django.db.backends.signals import connection_created

    connection_created.connect(_install, dispatch_uid="query_guard")
    for connection in connections.all(initialized_only=True):
        _install(connection)
    yield
    connection_created.disconnect(dispatch_uid="query_guard")
