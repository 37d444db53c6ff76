"""How the planner counts stores: a page of one store must never walk the whole shop's ledger.

In a shop with one busy store its rows stand for one value, and both indexes that are ordered by
time look alike to the planner; the one without the store was taken, and a store that opened since
had the whole shop's rows read and dropped for its page.
"""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("stamps", "0001_initial")]

    operations: ClassVar = [
        migrations.RunSQL(
            "ALTER TABLE stamps_stamprecord ALTER COLUMN store_id SET (n_distinct = -0.01)",
            "ALTER TABLE stamps_stamprecord ALTER COLUMN store_id RESET (n_distinct)",
        )
    ]
