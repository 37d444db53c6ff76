"""Room beside each card: its next stamp is written on the same page and touches no index.

A card changes with every stamp, and none of its indexes holds what changes then; PostgreSQL takes
that short way (HOT) only where the page has room for the new row.
"""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("stamps", "0002_statistics")]

    operations: ClassVar = [
        migrations.RunSQL(
            "ALTER TABLE stamps_card SET (fillfactor = 80)",
            "ALTER TABLE stamps_card RESET (fillfactor)",
        )
    ]
