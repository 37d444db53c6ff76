"""The editions a new installation begins with; the platform changes them on their page (U-41)."""

from __future__ import annotations

from typing import Any

from django.db import migrations

EDITIONS: tuple[dict[str, Any], ...] = (
    {
        "code": "basic",
        "name": "基础版",
        "summary": "一家小店：集章、顾客、店员",
        "rank": 10,
        "features": ["stamps"],
        "limits": {"staff": 3, "stores": 3},
    },
    {
        "code": "plus",
        "name": "高级版",
        "summary": "多家门店：再加顾客导入和自定义角色",
        "rank": 20,
        "features": ["customer_import", "own_roles", "stamps"],
        "limits": {"staff": 50, "stores": 50},
        "is_trial": True,
    },
)
PRICES: dict[str, tuple[int, int, int, int, int]] = {
    "basic": (330, 9_900, 99_800, 188_000, 268_000),
    "plus": (990, 29_900, 299_800, 568_000, 798_000),
}
"""Fen for a day, and for 1, 12, 24 and 36 months."""


def make_editions(apps: Any, schema_editor: Any) -> None:
    edition_model = apps.get_model("billing", "Edition")
    price_model = apps.get_model("billing", "Price")
    for values in EDITIONS:
        edition = edition_model.objects.create(**values)
        day, *months = PRICES[values["code"]]
        price_model.objects.create(
            edition=edition,
            operator=None,
            day_fen=day,
            month_1_fen=months[0],
            month_12_fen=months[1],
            month_24_fen=months[2],
            month_36_fen=months[3],
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunPython(make_editions, migrations.RunPython.noop)]
