"""``createowner``: the first person of the platform; there is no default password."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from zhanggui.accounts import services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role
from zhanggui.core.errors import DomainError

PASSWORD_VARIABLE = "ZHANGGUI_OWNER_PASSWORD"  # noqa: S105  a name, no password


class Command(BaseCommand):
    help = (
        "Makes an owner of the platform. Asks for what is not given; the password comes from "
        f"the terminal or from {PASSWORD_VARIABLE}, never from the command line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name and phone may be given."""
        parser.add_argument("--name", default="", help="as colleagues call them")
        parser.add_argument("--phone", default="", help="they sign in with it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the person and the membership, or neither."""
        name = options["name"] or self._ask("Name: ")
        phone = options["phone"] or self._ask("Phone: ")
        password = os.environ.get(PASSWORD_VARIABLE) or self._ask_password()
        actor = system_actor("createowner")
        try:
            with transaction.atomic():
                person = services.create_person(
                    name=name, phone=phone, password=password, actor=actor
                )
                services.add_membership(person=person, place=None, role=Role.OWNER, actor=actor)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(self.style.SUCCESS(f"{name}: OK. /login"))
        weak = services.weakness_of(password, person.phone)
        if weak:
            self.stderr.write(self.style.WARNING(weak))

    def _ask(self, question: str) -> str:
        if not sys.stdin.isatty():
            message = "No terminal to ask on: give --name and --phone."
            raise CommandError(message)
        return input(question).strip()

    def _ask_password(self) -> str:
        if not sys.stdin.isatty():
            message = f"No terminal to ask on: set {PASSWORD_VARIABLE}."
            raise CommandError(message)
        password = getpass.getpass("Password: ")
        if getpass.getpass("Password once more: ") != password:
            message = "The two passwords differ. Nothing was changed."
            raise CommandError(message)
        return password
