"""Jobs of this module; safe to run twice."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import override
from procrastinate.contrib.django import app

from zhanggui.accounts.models import Merchant, TierState
from zhanggui.core import tenancy


@app.periodic(cron="5 16 * * *", periodic_id="coupons.tidy")  # 00:05 in China
@app.task(name="coupons.tidy", queueing_lock="coupons.tidy")
def tidy(timestamp: int) -> None:
    """Write down what began and ended by the clock."""
    from zhanggui.coupons import services  # noqa: PLC0415  they need each other

    for merchant_id in _merchants():
        with tenancy.merchant_scope(merchant_id):
            services.tidy()


@app.periodic(cron="15 2 * * *", periodic_id="coupons.remind")  # 10:15 in China
@app.task(name="coupons.remind", queueing_lock="coupons.remind")
def remind(timestamp: int) -> None:
    """Remind customers of coupons that end within three days."""
    from zhanggui.coupons import services  # noqa: PLC0415  they need each other

    with override(settings.LANGUAGE_CODE):
        for merchant_id in _merchants():
            with tenancy.merchant_scope(merchant_id):
                services.remind()


def _merchants() -> list[int]:
    return list(
        Merchant.objects.filter(state=TierState.ACTIVE).order_by("pk").values_list("pk", flat=True)
    )
