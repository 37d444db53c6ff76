"""An empty database is made in few steps: each of them renders the models of the whole project."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from tools.migrations import FIRST, fold


def table(name: str) -> migrations.CreateModel:
    return migrations.CreateModel(name, [("number", models.IntegerField())])


def index(of: str, name: str) -> migrations.AddIndex:
    return migrations.AddIndex(of, models.Index(fields=["number"], name=name))


class TestFold:
    def test_puts_indexes_and_constraints_where_their_table_is_made(self) -> None:
        unique = models.UniqueConstraint(fields=["number"], name="one_number")
        tea, cup = table("Tea"), table("Cup")
        folded = fold(
            [tea, cup, migrations.AddConstraint("tea", unique), index("tea", "by_number")]
        )
        assert folded == [tea, cup]
        assert tea.options["constraints"] == [unique]
        assert [one.name for one in tea.options["indexes"]] == ["by_number"]
        assert not cup.options

    def test_leaves_a_table_alone_that_grows_or_was_there(self) -> None:
        grows = migrations.AddField("tea", "size", models.IntegerField())
        given: list[Operation] = [table("Tea"), grows, index("tea", "a"), index("cup", "b")]
        assert fold(given) == given


def test_every_first_migration_is_folded() -> None:
    first = MigrationLoader(None).disk_migrations.items()
    ours = {key: one for key, one in first if key[1] == FIRST and "django." not in one.__module__}
    long = [
        label for (label, _), one in ours.items() if fold(one.operations) != list(one.operations)
    ]
    assert len(ours) > 10
    assert long == [], f"python -m tools.migrations {' '.join(long)}"
