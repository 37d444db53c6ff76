"""Which constraint of the database a write ran into."""

from __future__ import annotations

import re

from django.db import IntegrityError

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
