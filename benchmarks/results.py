"""Figures with a unit, and what each is compared with; a table and ``var/bench.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "var" / "bench.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure; ``ratio`` is value / ``against``'s value, or None when it stands alone."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""


def show(result: Result) -> None:
    """Print one line of the table."""
    ratio = f"{result.ratio:>8.2f} x {result.against}" if result.ratio is not None else ""
    note = ratio or (f"         {result.against}" if result.against else "")
    print(f"{result.name:<44}{result.value:>14,.1f} {result.unit:<12}{note}", flush=True)


def save(results: list[Result]) -> None:
    """Write the figures, keeping those of measurements that did not run this time."""
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    for result in results:
        known[result.name] = {
            "value": round(result.value, 3),
            "unit": result.unit,
            "ratio": round(result.ratio, 4) if result.ratio is not None else None,
            "against": result.against,
        }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
