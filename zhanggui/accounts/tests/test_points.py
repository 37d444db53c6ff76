"""Where a store stands on the map: typed in either order, kept, shown, taken away."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import points
from zhanggui.accounts.models import AuditEntry, Role, Store
from zhanggui.accounts.points import Point
from zhanggui.accounts.tests.factories import make_merchant, make_staff, make_store
from zhanggui.core import tenancy

HERE = Point(31.2304, 121.4737)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("31.23040, 121.47370", HERE),
        ("121.47370,31.23040", HERE),
        (" 31.2304 121.4737 ", HERE),
        ("31.2304，121.4737", HERE),
        ("31.230401,121.473704", HERE),
        ("", None),
        ("31.2304", None),
        ("31.2304, 121.4737, 5", None),
        ("48.8566, 2.3522", None),
        ("-31.2, 121.4", None),
        ("上海", None),
        ("1e1,1e2", None),
    ],
)
def test_reads_two_numbers(typed: str, found: Point | None) -> None:
    assert points.read(typed) == found


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        (HERE, HERE, 0),
        ((39.9042, 116.4074), HERE, 1_067_313),
        ((31.2304, 121.4737), (31.2304, 121.4842), 998),
    ],
)
def test_metres_between(
    db: None, one: tuple[float, float], other: tuple[float, float], metres: int
) -> None:
    with connection.cursor() as cursor:
        for pair in ((*one, *other), (*other, *one)):
            cursor.execute("SELECT accounts_metres(%s, %s, %s, %s)", pair)
            row = cursor.fetchone()
            assert row is not None
            assert row[0] == pytest.approx(metres, abs=3)


class TestPage:
    @pytest.fixture
    def store(self, db: None) -> Store:
        return make_store(make_merchant())

    @pytest.fixture
    def owner(self, client: Client, store: Store) -> Client:
        client.force_login(make_staff(store.merchant, role=Role.OWNER))
        return client

    def edit(self, owner: Client, store: Store, place: str) -> int:
        url = reverse("accounts:store_edit", args=[store.merchant.slug, store.pk])
        return owner.post(
            url, {"name": store.name, "address": "", "phone": "", "place": place}
        ).status_code

    def kept(self, store: Store) -> Point | None:
        with tenancy.merchant_scope(store.merchant_id):
            return Store.objects.get(pk=store.pk).point

    def test_keeps_shows_and_forgets_it(self, owner: Client, store: Store) -> None:
        assert self.edit(owner, store, "121.4737,31.2304") == 302
        assert self.kept(store) == HERE
        for name in ("store", "store_edit"):
            url = reverse(f"accounts:{name}", args=[store.merchant.slug, store.pk])
            assert "31.23040, 121.47370" in owner.get(url).content.decode()
        assert self.edit(owner, store, "31.23040, 121.47370") == 302
        assert self.edit(owner, store, "") == 302
        assert self.kept(store) is None
        with tenancy.merchant_scope(store.merchant_id):
            edits = AuditEntry.objects.filter(action="accounts.store.edited")
            assert edits.count() == 2, "the same place is no change"

    def test_anything_else_is_refused_at_the_field(self, owner: Client, store: Store) -> None:
        assert self.edit(owner, store, "上海人民路") == 422
        assert self.kept(store) is None

    def test_a_new_store_has_it_at_once(self, owner: Client, store: Store) -> None:
        url = reverse("accounts:store_new", args=[store.merchant.slug])
        sent = {"name": "南店", "place": "31.2304, 121.4737", "idempotency_key": "k"}
        assert owner.post(url, sent).status_code == 302
        with tenancy.merchant_scope(store.merchant_id):
            assert Store.objects.get(name="南店").point == HERE

    def test_the_database_takes_no_half_of_it(self, store: Store) -> None:
        with (
            tenancy.merchant_scope(store.merchant_id),
            pytest.raises(IntegrityError),
            transaction.atomic(),
        ):
            Store.objects.filter(pk=store.pk).update(latitude=31.2)
