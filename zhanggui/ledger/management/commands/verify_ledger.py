"""``manage.py verify_ledger``: does everything add up? Exit code 1 when it does not."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from zhanggui.accounts.models import Merchant
from zhanggui.core import tenancy
from zhanggui.ledger import checks, sealing


class Command(BaseCommand):
    help = "Compares sums, balances, reversals and the hash chain of every merchant's ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one merchant, or all of them."""
        parser.add_argument("--merchant", help="short name (slug) of one merchant")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print what does not add up, and where each chain ends."""
        merchants = Merchant.objects.order_by("pk")
        if options["merchant"]:
            merchants = merchants.filter(slug=options["merchant"])
        checked = wrong = 0
        for merchant in merchants:
            with tenancy.merchant_scope(merchant.pk):
                for finding in checks.findings():
                    wrong += 1
                    self.stderr.write(f"{merchant.slug}: {finding}")
                head = sealing.head_of()
            if head is not None and head.blocks:
                self.stdout.write(f"{merchant.slug}: {head.bookings} sealed, {head.hash}")
            checked += 1
        self.stdout.write(f"{checked} ledgers checked, {wrong} findings.")
        if wrong:
            sys.exit(1)
