"""When a store is open: in Python and in the database alike, and on the store's page."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import hours
from zhanggui.accounts.models import Role, Store
from zhanggui.accounts.tests.factories import make_merchant, make_staff, make_store
from zhanggui.core import tenancy

ZONE = "Asia/Shanghai"
MONDAY = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
"""00:00 of Monday in Shanghai."""
WEEK = {"1": ["09:00", "21:30"], "5": ["18:00", "02:00"], "7": ["00:00", "00:00"]}


def in_database(moment: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT accounts_open_at(%s::jsonb, timezone(%s, %s))",
            [json.dumps(WEEK), ZONE, moment],
        )
        row = cursor.fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        (0, "08:59", False),
        (0, "09:00", True),
        (0, "21:29", True),
        (0, "21:30", False),
        (1, "12:00", False),
        (4, "17:59", False),
        (4, "23:59", True),
        (5, "01:59", True),
        (5, "02:00", False),
        (6, "00:00", True),
        (6, "23:59", True),
        (7, "00:00", False),
    ],
)
def test_open_or_closed(db: None, day: int, clock: str, *, is_open: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    moment = MONDAY + timedelta(days=day, hours=hour, minutes=minute)
    assert hours.is_open_at(WEEK, moment, ZONE) is is_open
    assert in_database(moment) is is_open


def test_nobody_has_told() -> None:
    assert hours.is_open_at({}, MONDAY, ZONE)
    assert hours.said({}) == []


class TestPage:
    @pytest.fixture
    def store(self, db: None) -> Store:
        return make_store(make_merchant())

    @pytest.fixture
    def owner(self, client: Client, store: Store) -> Client:
        client.force_login(make_staff(store.merchant, role=Role.OWNER))
        return client

    def edit(self, owner: Client, store: Store, **times: str) -> int:
        values = {"name": store.name, "address": "", "phone": "", **times}
        url = reverse("accounts:store_edit", args=[store.merchant.slug, store.pk])
        return owner.post(url, values).status_code

    def kept(self, store: Store) -> object:
        with tenancy.merchant_scope(store.merchant_id):
            return Store.objects.get(pk=store.pk).hours

    def test_keeps_and_shows_them(self, owner: Client, store: Store) -> None:
        assert self.edit(owner, store, opens_1="09:00", closes_1="21:30") == 302
        assert self.kept(store) == {"1": ["09:00", "21:30"]}
        page = owner.get(reverse("accounts:store", args=[store.merchant.slug, store.pk]))
        assert "09:00–21:30" in page.content.decode()
        form = owner.get(reverse("accounts:store_edit", args=[store.merchant.slug, store.pk]))
        assert 'value="09:00"' in form.content.decode()
        assert self.edit(owner, store) == 302
        assert self.kept(store) == {}

    @pytest.mark.parametrize(
        "times", [{"opens_1": "09:00"}, {"closes_3": "21:00"}, {"opens_1": "25:00"}]
    )
    def test_half_a_span_is_refused(
        self, owner: Client, store: Store, times: dict[str, str]
    ) -> None:
        assert self.edit(owner, store, **times) == 422
        assert self.kept(store) == {}
