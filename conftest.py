"""What every test runs with; the parts are explained in ``tests/plugins``."""

from __future__ import annotations

import pytest

pytest_plugins = [
    "tests.architecture.query_guard",
    "tests.plugins.browser",
    "tests.plugins.database",
    "tests.plugins.memory",
    "tests.plugins.network",
    "tests.plugins.product",
    "tests.plugins.reports",
    "tests.plugins.sharing",
    "tests.plugins.signin",
    "tests.plugins.spec",
    "tests.plugins.worlds",
]


@pytest.fixture(scope="session")
def django_db_setup(test_database: str) -> None:
    """Give tests this worker's copy of the migrated template (replaces pytest-django's own)."""
    assert test_database
