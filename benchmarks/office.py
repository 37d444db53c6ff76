"""Every page of the back office on the demo's data: statements, time, memory of the web processes.

The pages are asked for inside one process, see ``walking``; then the demo's own web server sends
all of them to several browsers at once, and what its processes hold afterwards is read.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from benchmarks import demos, load, results
from benchmarks.place import ROOT
from benchmarks.results import Result
from benchmarks.walking import Visit

if TYPE_CHECKING:
    from benchmarks.demos import Demo

MOST_STATEMENTS, MOST_MS, MOST_MB = 12, 150, 250
TIMES, TIMES_QUICK = 5, 3
BROWSERS, BROWSERS_QUICK = 8, 4
SHOWN = 12
REPORT = results.REPORT.with_name("office.json")
"""Every page with its figures, and the addresses that are no pages."""


def measure(*, is_quick: bool) -> list[Result]:
    """Walk through the demo as owner, operator and platform; name the worst pages."""
    with demos.running() as demo:
        demo.wait_until_filled()
        told = _walk(demo, TIMES_QUICK if is_quick else TIMES)
        visits = [Visit(**visit) for visit in told["visits"]]
        before = max(map(demos.resident_mb, demo.web_processes()))
        outcome = _send_all(demo, visits, told["cookies"], BROWSERS_QUICK if is_quick else BROWSERS)
        held = [(demos.resident_mb(p), demos.proportional_mb(p)) for p in demo.web_processes()]
    kept = {"visits": told["visits"], "not_pages": told["not_pages"]}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    show_worst(visits)
    resident, proportional = max(held)
    failed = sum(many for status, many in outcome.statuses.items() if status != 200)
    return [
        *results_of(visits),
        Result("office.not_pages", len(told["not_pages"]), "addresses", None, "no page by GET"),
        Result("office.memory.begin", before, "MB", None, "the larger web process, resident"),
        Result("office.memory", resident, "MB", resident / MOST_MB, f"{MOST_MB} MB, resident"),
        Result("office.memory.proportional", proportional, "MB", None, "shared pages divided"),
        Result("office.sent", len(outcome.latencies_ms), "pages", None, "by the web server"),
        Result("office.failed", failed, "pages", None, f"must be 0 {outcome.statuses}"),
    ]


def results_of(visits: list[Visit]) -> list[Result]:
    """For each tier how many pages there are, and the worst of them."""
    found = []
    for tier in dict.fromkeys(visit.tier for visit in visits):
        here = [visit for visit in visits if visit.tier == tier]
        asked, slow = (max(here, key=key) for key in (lambda v: v.statements, lambda v: v.ms))
        many = sum(v.statements > MOST_STATEMENTS for v in here)
        late = sum(v.ms > MOST_MS for v in here)
        found += [
            Result(f"office.{tier}.pages", len(here), "pages"),
            Result(f"office.{tier}.statements", asked.statements, "statements", None, asked.path),
            Result(f"office.{tier}.ms", slow.ms, "ms", None, slow.path),
            Result(f"office.{tier}.beyond", many + late, "pages", None, "must be 0"),
        ]
    return found


def show_worst(visits: list[Visit]) -> None:
    """Print the pages with most statements, and the slowest; of each route the worst."""
    print(f"{'page':<72}{'statements':>11}{'ms':>8}{'worst':>8}{'cpu':>7}{'KB':>7}")
    for key in (lambda v: (v.statements, v.ms), lambda v: (v.ms, v.statements)):
        of_route: dict[str, list[Visit]] = defaultdict(list)
        for visit in visits:
            of_route[visit.route].append(visit)
        worst = sorted((max(same, key=key) for same in of_route.values()), key=key, reverse=True)
        for one in worst[:SHOWN]:
            print(
                f"{one.path[:71]:<72}{one.statements:>11}{one.ms:>8.0f}{one.worst_ms:>8.0f}"
                f"{one.cpu_ms:>7.0f}{one.kilobytes:>7.0f}"
            )
        print()


def _walk(demo: Demo, times: int) -> dict[str, Any]:
    from launcher.demo import cluster_of_demo
    from launcher.environment import Addresses, demo_environment
    from launcher.secretfile import demo_secrets

    secrets = demo_secrets(demo.var)
    url = cluster_of_demo(demo.var, secrets.database_password).url()
    addresses = Addresses(demo.port, demo.sandbox_port)
    file = demo.var / "walked.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.walking", str(file), str(times)],
        cwd=ROOT,
        env=demo_environment(demo.var, secrets, url, addresses),
        check=True,
    )
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told


def _send_all(
    demo: Demo, visits: list[Visit], cookies: dict[str, str], browsers: int
) -> load.Outcome:
    """Each browser opens every page once, all at once, each in an order of its own."""
    chance = random.Random(3)
    pages = [load.get(demo.port, visit.path, cookies=cookies[visit.tier]) for visit in visits]
    plans = [iter(chance.sample(pages, k=len(pages))) for _browser in range(browsers)]
    return load.run(demo.port, plans)
