"""No page of a merchant's back office needs more than a dozen statements, however many rows."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.architecture.addresses import ROWS, of_kind
from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import make_merchant, make_operator, make_staff

pytestmark = pytest.mark.django_db

MOST = 12
MANY = 4
"""So many rows of each kind: a statement for each row would show."""
ALONE = {"delivery_id", "support_id"}
"""Rows of which a merchant has one at a time."""
MORE = {"m/<slug:merchant>/audit/": 3}
"""The log names what was done to what by a statement for each kind; here are all kinds at once."""
LEAST_PAGES = 35
NO_STATEMENTS = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def test_every_merchant_page_asks_at_most_a_dozen_times() -> None:
    merchant = make_merchant("filled", operator=make_operator())
    owner = make_staff(merchant, role=Role.OWNER)
    numbers = {name: make(merchant) for name, make in ROWS.items()}
    for name, make in ROWS.items():
        for _ in range(0 if name in ALONE else MANY):
            make(merchant)
    client = Client()
    client.force_login(owner)

    counted: dict[str, int] = {}
    for address in of_kind("merchant"):
        path = address.path(merchant=merchant.slug, **numbers)
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        if answer.status_code == HTTPStatus.OK:
            counted[address.route] = sum(
                not query["sql"].startswith(NO_STATEMENTS) for query in asked.captured_queries
            )

    beyond = {r: count for r, count in counted.items() if count > MOST + MORE.get(r, 0)}
    assert beyond == {}
    assert len(counted) >= LEAST_PAGES
