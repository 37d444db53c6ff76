"""Secrets at rest open only where they were sealed."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.core import sealing
from zhanggui.core.sealing import CannotOpen

COLUMN = "contacts_customer.phone"
RING = {1: b"1" * 32, 2: b"2" * 32}


@given(st.text())
def test_opens_what_was_sealed(text: str) -> None:
    sealed = sealing.seal(text, column=COLUMN, merchant_id=7)
    assert sealing.unseal(sealed, column=COLUMN, merchant_id=7) == text


def test_the_same_text_never_looks_the_same() -> None:
    first = sealing.seal("13800138000", column=COLUMN, merchant_id=7)
    assert first != sealing.seal("13800138000", column=COLUMN, merchant_id=7)
    assert b"13800138000" not in first


@pytest.mark.parametrize(
    ("column", "merchant_id"),
    [("contacts_customer.name", 7), (COLUMN, 8), (COLUMN, None)],
    ids=["another-column", "another-merchant", "no-merchant"],
)
def test_does_not_open_elsewhere(column: str, merchant_id: int | None) -> None:
    sealed = sealing.seal("13800138000", column=COLUMN, merchant_id=7)
    with pytest.raises(CannotOpen):
        sealing.unseal(sealed, column=column, merchant_id=merchant_id)


@pytest.mark.parametrize(
    "at", [0, 1, 12, 13, -1], ids=["version", "nonce", "nonce-end", "text", "tag"]
)
def test_does_not_open_when_changed(at: int) -> None:
    sealed = bytearray(sealing.seal("13800138000", column=COLUMN, merchant_id=7))
    sealed[at] ^= 1
    with pytest.raises(CannotOpen):
        sealing.unseal(bytes(sealed), column=COLUMN, merchant_id=7)


@pytest.mark.parametrize(
    "sealed", [b"", b"\x01", os.urandom(28)], ids=["empty", "short", "shorter"]
)
def test_does_not_open_what_is_too_short(sealed: bytes) -> None:
    with pytest.raises(CannotOpen):
        sealing.unseal(sealed, column=COLUMN, merchant_id=7)


class TestRotation:
    def test_the_newest_key_seals_and_old_ones_still_open(self, settings: Any) -> None:
        settings.KEY_RING = {1: RING[1]}
        sealing._key.cache_clear()
        old = sealing.seal("secret", column=COLUMN, merchant_id=7)
        settings.KEY_RING = RING
        new = sealing.seal("secret", column=COLUMN, merchant_id=7)
        assert (old[0], new[0]) == (1, 2)
        assert sealing.unseal(old, column=COLUMN, merchant_id=7) == "secret"
        assert sealing.unseal(new, column=COLUMN, merchant_id=7) == "secret"
        assert (sealing.newest_version(), sealing.versions()) == (2, [2, 1])

    def test_a_key_that_left_the_ring_opens_nothing(self, settings: Any) -> None:
        settings.KEY_RING = RING
        sealing._key.cache_clear()
        sealed = sealing.seal("secret", column=COLUMN, merchant_id=7)
        settings.KEY_RING = {1: RING[1]}
        with pytest.raises(CannotOpen):
            sealing.unseal(sealed, column=COLUMN, merchant_id=7)

    @pytest.fixture(autouse=True)
    def _forget_keys(self) -> Any:
        yield
        sealing._key.cache_clear()


class TestKeyedHash:
    def test_is_stable_and_long(self) -> None:
        one = sealing.keyed_hash("048213", purpose="codes", merchant_id=7)
        assert one == sealing.keyed_hash("048213", purpose="codes", merchant_id=7)
        assert len(one) == 32

    @pytest.mark.parametrize(
        ("text", "purpose", "merchant_id"),
        [("048214", "codes", 7), ("048213", "phones", 7), ("048213", "codes", 8)],
        ids=["text", "purpose", "merchant"],
    )
    def test_differs_by(self, text: str, purpose: str, merchant_id: int) -> None:
        one = sealing.keyed_hash("048213", purpose="codes", merchant_id=7)
        assert one != sealing.keyed_hash(text, purpose=purpose, merchant_id=merchant_id)

    def test_differs_by_key(self, settings: Any) -> None:
        settings.KEY_RING = RING
        sealing._key.cache_clear()
        first = sealing.keyed_hash("048213", purpose="codes", merchant_id=7, version=1)
        newest = sealing.keyed_hash("048213", purpose="codes", merchant_id=7)
        assert first != newest
        assert newest == sealing.keyed_hash("048213", purpose="codes", merchant_id=7, version=2)
        sealing._key.cache_clear()
