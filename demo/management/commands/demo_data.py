"""``manage.py demo_data``: fill the demo, or add what is missing since the last time."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo import fill
from demo.errors import DemoError
from demo.rhythm import DAYS, PEOPLE


class Command(BaseCommand):
    """The command."""

    help = "Make the demo's data up to this moment; running it again makes only what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Sizes, for tests and slow machines; they count at the first run only."""
        parser.add_argument("--people", type=int, default=PEOPLE)
        parser.add_argument("--days", type=int, default=DAYS)
        parser.add_argument("--workers", type=int, default=3)

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill and say what was made."""
        if not settings.IS_DEMO:
            message = "demo data are made in demo mode only (ZHANGGUI_MODE=demo)"
            raise CommandError(message)
        began = time.monotonic()
        size = fill.Size(options["people"], options["days"], options["workers"])
        try:
            filled = fill.fill(size, self.stdout.write)
        except DemoError as error:
            raise CommandError(str(error)) from error
        made = filled.outcome
        took = f"{time.monotonic() - began:.1f} s"
        if not made.joined and not made.confirmed:
            self.stdout.write(f"演示数据都在 demo data ready: all there, nothing to add, {took}")
            return
        self.stdout.write(
            f"演示数据已就绪 demo data ready: {filled.days} days, {made.joined} cards taken, "
            f"{made.confirmed} confirmations, {made.refused} refused, {took}"
        )
