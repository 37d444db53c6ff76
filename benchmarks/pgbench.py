"""pgbench with a script of ours: the same rows written by nothing but the database."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.place import Place

CONNECTIONS = 32


def rate(place: Place, script: Path, each: int, variables: Mapping[str, int]) -> float:
    """Transactions per second of 32 clients that run a script ``each`` times.

    Raises:
        RuntimeError: it could not run, or transactions failed; with what it said.
    """
    values = {**variables, "per_client": each, "i": 0}
    command = [
        str(place.cluster.binaries / "pgbench"),
        *("-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-t", str(each)),
        *("-f", str(script)),
        *(word for name, value in values.items() for word in ("-D", f"{name}={value}")),
        place.url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or not found or "failed transactions: 0" not in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found.group(1))
