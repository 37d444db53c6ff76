"""Amounts as people type them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MOST_YUAN = 1_000_000


class YuanField(forms.DecimalField):
    """An amount in yuan; its value is whole fen."""

    def __init__(self, **kwargs: Any) -> None:
        usual: dict[str, Any] = {
            "min_value": Decimal(0),
            "max_value": Decimal(MOST_YUAN),
            "decimal_places": 2,
        }
        super().__init__(**(usual | kwargs))
        self.widget.attrs.setdefault("inputmode", "decimal")

    def clean(self, value: Any) -> Any:
        """Turn yuan into fen; a currency sign and separators are folded away."""
        typed = str(value or "").strip().lstrip("¥￥").replace(",", "").replace("，", "")
        if "e" in typed.casefold():  # 1e9 is a number to machines only
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        amount = super().clean(typed)
        return None if amount is None else int(amount * 100)

    def prepare_value(self, value: Any) -> Any:
        """Show whole fen as yuan; what was typed stays as it is."""
        return f"{value / 100:.2f}" if isinstance(value, int) else value
