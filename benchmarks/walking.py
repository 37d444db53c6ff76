"""``python -m benchmarks.walking <file> <times>``: every page of the demo's back office.

Runs with the settings of a demo and asks for the pages inside this process, through Django's whole
chain: what is measured is the server's time for one page, and the statements it needs. Three people
go through everything that they can reach: they follow each link, and where none leads to an
address, they try it with the numbers they have seen elsewhere.

The file becomes ``{"visits": [...], "cookies": {tier: ...}, "not_pages": [...]}``.
"""

from __future__ import annotations

import json
import logging
import re
import statistics
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from html import unescape
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.test import Client

WALKERS = {
    "merchant": ("+8613800138101", "/m/qinglan-tea/"),
    "operator": ("+8613800138012", "/operator/chengbei/"),
    "platform": ("+8613800138001", "/platform/"),
}
"""Phone number of the owner and where their work begins."""
EACH_ROUTE = 3
"""So many pages of one kind, one customer's and another's; the slowest counts."""
TRIES = 6
LINK = re.compile(r'\b(?:href|hx-get|src|data-src|data-url)="(/[^"#]*)')
NOT_COUNTED = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


@dataclass(frozen=True, slots=True)
class Visit:
    """One page.

    ``ms`` is the median of the tries, ``worst_ms`` the slowest but one, ``cpu_ms`` the least
    processor time of this process: what a loaded machine does not change, without the database's.
    """

    tier: str
    route: str
    path: str
    statements: int
    ms: float
    worst_ms: float
    cpu_ms: float
    kilobytes: float


class Walk:
    """One person's way through a back office."""

    def __init__(self, tier: str, times: int) -> None:
        from django.test import Client

        from zhanggui.accounts.models import Person

        phone, self.home = WALKERS[tier]
        self.tier, self.times = tier, times
        self.client: Client = Client(headers={"user-agent": "Mozilla/5.0"})
        person = Person.objects.by_phone(phone)
        assert person is not None, "the demo's data are not complete"
        self.client.force_login(person)
        self.waiting = deque([self.home])
        self.known = {self.home}
        self.of_route: dict[str, int] = defaultdict(int)
        self.seen: dict[str, list[Any]] = defaultdict(list)
        """Values of each place in an address, as links named them."""

    @property
    def cookies(self) -> str:
        """What the person's browser sends."""
        return "; ".join(f"{name}={one.value}" for name, one in self.client.cookies.items())

    def visits(self) -> Iterator[Visit]:
        """Everything that links lead to, then what they do not lead to."""
        while self.waiting:
            if (visit := self._visit(self.waiting.popleft())) is not None:
                yield visit
        for path in self._tried():
            self.waiting.append(path)
            while self.waiting:
                if (visit := self._visit(self.waiting.popleft())) is not None:
                    yield visit

    def not_pages(self) -> list[str]:
        """Addresses of this tier at which no page was seen: most of them only take what is sent."""
        return [route for route, kind in routes() if kind == self.tier and not self.of_route[route]]

    def _tried(self) -> Iterator[str]:
        """Addresses nothing leads to, filled with the numbers seen elsewhere."""
        for route in self.not_pages():
            names = re.findall(r"<(?:\w+:)?(\w+)>", route)
            values = [list(dict.fromkeys(self.seen[name]))[:TRIES] for name in names]
            for filled in list(product(*values))[:TRIES]:
                path = f"/{route}"
                for value in filled:
                    path = re.sub(r"<[^>]+>", str(value), path, count=1)
                yield path

    def _visit(self, path: str) -> Visit | None:
        from django.urls import Resolver404, resolve

        try:
            found = resolve(path.partition("?")[0])
        except Resolver404:
            return None
        if self.of_route[found.route] >= EACH_ROUTE:
            return None
        text, statements = self._counted(path)
        if text is None:
            return None
        self.of_route[found.route] += 1
        for name, value in found.kwargs.items():
            self.seen[name].append(value)
        self._note_links(text)
        tries = [self._timed(path) for _time in range(self.times)]
        took = sorted(wall for wall, _cpu in tries)
        return Visit(
            tier=self.tier,
            route=found.route,
            path=path,
            statements=statements,
            ms=statistics.median(took),
            worst_ms=took[-2] if len(took) > 2 else took[-1],
            cpu_ms=min(cpu for _wall, cpu in tries),
            kilobytes=len(text.encode()) / 1024,
        )

    def _counted(self, path: str) -> tuple[str | None, int]:
        """The page and its statements, the second time it is asked for; None when it is no page."""
        from django.db import connection

        asked: list[str] = []

        def count(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
            asked.append(sql)
            return execute(sql, *others)

        answer: Any = self.client.get(path)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            return None, 0
        with connection.execute_wrapper(count):
            answer = self.client.get(path)
        statements = sum(not sql.startswith(NOT_COUNTED) for sql in asked)
        return answer.content.decode(), statements

    def _timed(self, path: str) -> tuple[float, float]:
        """Milliseconds by the clock and of the processor."""
        began, worked = time.perf_counter(), time.process_time()
        self.client.get(path)
        return (time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000

    def _note_links(self, text: str) -> None:
        for found in LINK.findall(text):
            path = unescape(found)
            if path.startswith(self.home) and path not in self.known:
                self.known.add(path)
                self.waiting.append(path)


def routes() -> Iterator[tuple[str, str]]:
    """Every address of the site with the kind of its guard."""
    from django.urls import URLResolver, get_resolver

    def walk(patterns: list[Any], before: str) -> Iterator[tuple[str, str]]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                guard = str(getattr(pattern.callback, "guard", ""))
                yield route, guard.partition(":")[0]

    yield from walk(get_resolver().url_patterns, "")


def main() -> None:
    """Walk through all three tiers and write down what was found."""
    import django

    django.setup()
    logging.disable(logging.CRITICAL)
    file, times = Path(sys.argv[1]), int(sys.argv[2])
    told: dict[str, Any] = {"visits": [], "cookies": {}, "not_pages": []}
    for tier in WALKERS:
        walk = Walk(tier, times)
        told["visits"] += [asdict(visit) for visit in walk.visits()]
        told["cookies"][tier] = walk.cookies
        told["not_pages"] += walk.not_pages()
    file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
