"""The sandbox's memory: groups of statements hold or do not, one inside another too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wechat_sandbox.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(":memory:")
    yield store
    store.close()


def keys(store: Store) -> set[str]:
    return {row["key"] for row in store.rows("SELECT key FROM settings")}


def put(store: Store, key: str) -> None:
    store.insert("settings", key=key, value="x")


def fail(store: Store, key: str) -> None:
    with store.transaction():
        put(store, key)
        raise ValueError(key)


def put_and_fail(store: Store) -> None:
    with store.transaction():
        with store.transaction():
            put(store, "inner")
        fail(store, "outer")


def test_what_fails_inside_leaves_the_rest(store: Store) -> None:
    with store.transaction():
        put(store, "before")
        with pytest.raises(ValueError, match="inner"):
            fail(store, "inner")
        put(store, "after")
    assert keys(store) == {"before", "after"}


def test_what_fails_outside_takes_what_was_inside_along(store: Store) -> None:
    with pytest.raises(ValueError, match="outer"):
        put_and_fail(store)
    assert keys(store) == set()
