"""The indexes of searching and filtering customers; GIN needs btree_gin for the merchant."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0001_initial")]

    operations: ClassVar = [
        BtreeGinExtension(),
        # one index for all of it: what is asked together is intersected inside the index
        migrations.RunSQL(
            "CREATE INDEX customers_by_what_fits ON contacts_customer USING gin"
            " (merchant_id, search, tag_ids, store_ids, birthday)",
            "DROP INDEX customers_by_what_fits",
        ),
        # words that are common in names must be known to the planner, else it walks the wrong way
        migrations.RunSQL(
            "ALTER TABLE contacts_customer ALTER COLUMN search SET STATISTICS 500",
            "ALTER TABLE contacts_customer ALTER COLUMN search SET STATISTICS -1",
        ),
    ]
