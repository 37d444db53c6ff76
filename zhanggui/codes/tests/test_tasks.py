"""The job that tidies codes of every merchant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.tests.factories import make_merchant
from zhanggui.codes import services, tasks
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import clock, tenancy

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_wipes_digits_of_every_merchant() -> None:
    merchants = [make_merchant(), make_merchant()]
    for merchant in merchants:
        with tenancy.merchant_scope(merchant.pk), clock.at(T0):
            services.issue(services.Order("tests.give", "tests.subject", 1, 1, [], 180))
    with clock.at(T0 + timedelta(minutes=5)):
        tasks.tidy(timestamp=0)
    with clock.at(T0 + timedelta(hours=25)):
        tasks.tidy(timestamp=0)
    for merchant in merchants:
        with tenancy.merchant_scope(merchant.pk):
            (code,) = OneTimeCode.objects.all()
            assert (code.state, code.digits_hash, code.digits_sealed) == ("expired", None, None)
