"""Procrastinate's own command, whose worker defers jobs in the transaction of whoever asks."""

from __future__ import annotations

import asyncio
from typing import Any

from procrastinate import cli
from procrastinate.contrib.django.management.commands.procrastinate import Command as Theirs

from zhanggui.core.jobs import worker_app


class Command(Theirs):
    """``manage.py procrastinate worker`` and its other subcommands."""

    def handle(self, *args: Any, **kwargs: Any) -> None:
        """Run a subcommand with our app instead of a changed one."""
        asked = {name: kwargs[name] for name in kwargs if name not in self._django_options}
        asyncio.run(cli.execute_command({**asked, "app": worker_app()}))
