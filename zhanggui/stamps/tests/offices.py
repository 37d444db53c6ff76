"""The back office as its people use it, and the form of a programme as they send it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import reverse

from zhanggui.stamps.tests.factories import Shop

FIELDS = {
    "name": "品茶卡",
    "slots": 8,
    "reward": "一壶好茶",
    "when_full": "renew",
    "code_ttl_s": 180,
    "max_per_code": 1,
    "per_day": 10,
    "gap_s": 30,
    "ways": ["press", "otp", "staff-scan"],
}


@dataclass
class Office:
    """A signed-in person of the shop's back office."""

    client: Client
    shop: Shop

    def url(self, name: str, /, *args: Any) -> str:
        return reverse(f"stamps:{name}", args=[self.shop.merchant.slug, *args])

    def page(self, name: str, /, *args: Any, **query: Any) -> str:
        """A page's text; it must be there."""
        response = self.client.get(self.url(name, *args), query)
        assert response.status_code == 200, response.content.decode()[:500]
        return response.content.decode()

    def post(self, name: str, /, *args: Any, **fields: Any) -> Any:
        return self.client.post(self.url(name, *args), fields)
