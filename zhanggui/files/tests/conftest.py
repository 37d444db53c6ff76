"""Files of tests lie in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from zhanggui.accounts.models import Merchant
from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.core import tenancy
from zhanggui.files import imports
from zhanggui.files.tests.factories import STORES


@pytest.fixture(autouse=True)
def private_folder(settings: Settings, tmp_path: Path) -> Path:
    """Where private files go during a test."""
    folder = tmp_path / "private"
    private = {**settings.STORAGES["private"], "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "private": private}
    return folder


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    """A merchant with its scope open."""
    merchant = make_merchant("tea", name="青岚茶馆")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


@pytest.fixture(autouse=True)
def stores_kind() -> Iterator[None]:
    """A kind of import that writes stores."""
    imports.register(STORES)
    yield
    imports._kinds.pop(STORES.name)
