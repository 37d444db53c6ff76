"""Constraints of the database as the last guard: which one a write ran into."""

from __future__ import annotations

import re

from django.db import IntegrityError, models, transaction

# a sharded database adds the number of the shard to the name
_SHARD = re.compile(r"_\d{5,}$")
_QUOTED = re.compile(r'constraint "([^"]+)"')


def violated(error: IntegrityError) -> str:
    """The name of the constraint as the models give it; empty when the database names none."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if not name:
        quoted = _QUOTED.search(str(error))
        name = quoted.group(1) if quoted else ""
    return _SHARD.sub("", name)


def insert(row: models.Model, taken: type[Exception]) -> None:
    """Insert a row; what is unique and there already is refused with ``taken``."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise taken from error
