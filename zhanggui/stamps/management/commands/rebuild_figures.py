"""``manage.py rebuild_figures``: add up every day anew, after the nightly check found a fault."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from zhanggui.accounts.models import Merchant
from zhanggui.core import tenancy
from zhanggui.stamps.services import tallying


class Command(BaseCommand):
    help = "Adds up the stamps of every day anew; figures stay right meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one merchant, or all of them."""
        parser.add_argument("--merchant", help="short name (slug) of one merchant")

    def handle(self, *_args: Any, **options: Any) -> None:
        """One merchant after the other."""
        merchants = Merchant.objects.order_by("pk")
        if options["merchant"]:
            merchants = merchants.filter(slug=options["merchant"])
        for merchant in merchants:
            with tenancy.merchant_scope(merchant.pk):
                tallying.make_anew()
            self.stdout.write(merchant.slug)
