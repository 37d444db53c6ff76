"""The packs of SMS credit a new installation sells; the platform changes them on their page."""

from __future__ import annotations

from typing import Any

from django.db import migrations

PACKS = (
    ("sms-1k", "1,000 条", 1_000, 6_000),
    ("sms-5k", "5,000 条", 5_000, 27_500),
    ("sms-20k", "20,000 条", 20_000, 98_000),
    ("sms-100k", "100,000 条", 100_000, 450_000),
)
"""Code, name, segments, fen: 0.060 down to 0.045 yuan a segment."""


def make_packs(apps: Any, schema_editor: Any) -> None:
    packs = apps.get_model("messaging", "SmsPack")
    for code, name, segments, price_fen in PACKS:
        packs.objects.create(code=code, name=name, segments=segments, price_fen=price_fen)


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]
    operations = [migrations.RunPython(make_packs, migrations.RunPython.noop)]
