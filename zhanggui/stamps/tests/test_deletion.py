"""What is left of a shop whose plan ended long ago: numbers and money, no customers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff, make_store
from zhanggui.billing import services
from zhanggui.billing.models import Order
from zhanggui.billing.tests.factories import PLUS, edition, make_order, make_subscriber
from zhanggui.contacts.models import Customer
from zhanggui.contacts.services import erasing
from zhanggui.core import clock, tenancy
from zhanggui.files.models import StoredFile
from zhanggui.ledger import checks
from zhanggui.stamps.models import StampRecord
from zhanggui.stamps.tests.factories import make_card, make_manager, make_programme, stamp

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
"""10:00 in Shanghai."""


class TestDeletion:
    """180 days after a plan became read only the customers' data go, if owners were warned."""

    @pytest.fixture
    def shop(self) -> Iterator[Merchant]:
        with clock.at(NOW):
            merchant = make_subscriber(code=PLUS, left=timedelta(days=1))
            make_staff(merchant, role=Role.OWNER)
            with tenancy.merchant_scope(merchant.pk):
                programme = make_programme()
                card = make_card(programme, "林小满", "13800138000")
                make_card(programme, "周敏")
                stamp(make_manager(make_store(merchant)), card)
                yield merchant

    def run(self, day: float) -> int:
        """The hourly and the nightly job of a day; answers how many shops were deleted."""
        with clock.at(NOW + timedelta(days=day)):
            services.remind()
            return services.delete_due()

    def test_customers_go_and_numbers_stay(self, shop: Merchant) -> None:
        make_order(shop)
        assert [self.run(day) for day in (158, 181, 187, 187.9)] == [0, 0, 0, 0]
        assert Customer.objects.filter(state="active").count() == 2
        assert self.run(188.1) == 1
        assert {row.state for row in Customer.objects.all()} == {"erased"}
        names = set(Customer.objects.values_list("name", flat=True))
        assert not names & {"林小满", "周敏"}
        assert not Customer.objects.exclude(phone_sealed=None).exists()
        assert set(StampRecord.objects.values_list("amount", flat=True)) == {1}
        assert "林小满" not in str(list(StampRecord.objects.values()))
        assert checks.findings() == []
        assert Order.objects.count() == 1
        shop.refresh_from_db()
        assert (shop.state, shop.data_deleted_at) == ("archived", NOW + timedelta(days=188.1))
        assert "180 天" in shop.state_reason
        entry = AuditEntry.objects.get(action="billing.data.deleted")
        assert entry.details["removed"] == 2
        assert self.run(189) == 0

    def test_whoever_pays_keeps_everything(self, shop: Merchant) -> None:
        assert self.run(187.5) == 0
        with clock.at(NOW + timedelta(days=187.6)):
            services.grant(
                merchant=shop, edition=edition(), months=1, days=0, reason="续", actor=ACTOR
            )
        assert self.run(188.5) == 0
        assert Customer.objects.filter(state="active").count() == 2

    def test_nothing_goes_unwarned(self, shop: Merchant) -> None:
        with clock.at(NOW + timedelta(days=300)):
            assert services.delete_due() == 0
        assert self.run(301) == 0
        assert self.run(301.9) == 0
        assert Customer.objects.filter(state="active").count() == 2
        assert self.run(302.1) == 1

    def test_stopped_in_the_middle_the_next_run_goes_on(
        self, shop: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.run(187)
        erase = erasing._erase_customer

        def once(customer_id: int) -> None:
            erase(customer_id)
            raise ConnectionError

        monkeypatch.setattr(erasing, "_erase_customer", once)
        with pytest.raises(ConnectionError):
            self.run(188.1)
        monkeypatch.setattr(erasing, "_erase_customer", erase)
        shop.refresh_from_db()
        assert shop.data_deleted_at is None
        assert self.run(188.2) == 1
        assert {row.state for row in Customer.objects.all()} == {"erased"}

    def test_receipts_of_money_stay_other_files_go(self, shop: Merchant) -> None:
        for owner in ("transfer:1", "import:1", ""):
            StoredFile(name="a", content_type="image/png", size=1, owner=owner).save()
        self.run(187)
        assert self.run(188.1) == 1
        kept = StoredFile.objects.filter(expires_at=None)
        assert set(kept.values_list("owner", flat=True)) == {"transfer:1"}
