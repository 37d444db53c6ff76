"""Folds what a first migration adds to its own new tables into their making.

Django writes an operation for each index and constraint, and applies each by rendering the models
of the whole project anew: with 140 tables that was more than half of the time an empty database
takes. The tables come out the same.

    python -m tools.migrations stamps wechat     after makemigrations has written their 0001_initial
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter

FIRST = "0001_initial"


def fold(operations: Sequence[Operation]) -> list[Operation]:
    """The same tables in fewer operations; a table that gets a column later stays as it is."""
    grown = {one.model_name_lower for one in operations if isinstance(one, AddField)}
    made: dict[str, CreateModel] = {}
    folded: list[Operation] = []
    for operation in operations:
        if isinstance(operation, CreateModel):
            made[operation.name_lower] = operation
        elif isinstance(operation, AddIndex | AddConstraint):
            table = made.get(operation.model_name_lower)
            if table is not None and operation.model_name_lower not in grown:
                _take_in(table, operation)
                continue
        folded.append(operation)
    return folded


def _take_in(table: CreateModel, operation: AddIndex | AddConstraint) -> None:
    name, added = (
        ("indexes", operation.index)
        if isinstance(operation, AddIndex)
        else ("constraints", operation.constraint)
    )
    table.options[name] = [*table.options.get(name, []), added]


def main(labels: list[str]) -> int:
    """Write the first migrations of these apps anew."""
    django.setup()
    loader = MigrationLoader(None)
    for label in labels:
        migration = loader.disk_migrations[label, FIRST]
        migration.operations = fold(migration.operations)  # type: ignore[misc]  # of this file only
        writer = MigrationWriter(migration)
        Path(writer.path).write_text(writer.as_string(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
