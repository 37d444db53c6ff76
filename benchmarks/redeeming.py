"""Redemptions per second through HTTP, against pgbench writing the least of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import confirming, load, pgbench
from benchmarks.results import Result

if TYPE_CHECKING:
    from benchmarks.world import World

REFERENCE = Path(__file__).with_name("redeem.sql")
DOOR = "/staff/redeem"
LIFE = timedelta(hours=6)
VALID = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Kind:
    """The coupon that is redeemed, and where its uses go."""

    template_id: int
    issue_account_id: int
    used_account_id: int


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Both in the same run, on the same database, the reference before and after."""
    each = 25 if is_quick else 150
    kind = kind_of(world)
    redeem(world, kind, 10)
    with world.place.connect() as connection:
        connection.execute("ANALYZE")
    redeem(world, kind, 10)
    before = reference(world, kind, each)
    product = redeem(world, kind, each)
    after = reference(world, kind, each)
    least = (before + after) / 2
    return [
        Result("redeem.pgbench", least, "per second", None, f"{pgbench.CONNECTIONS} connections"),
        Result("redeem.http", product.rate, "per second", product.rate / least, "redeem.pgbench"),
        Result("redeem.http.p50", product.percentile(0.5), "ms"),
        Result("redeem.http.p99", product.percentile(0.99), "ms"),
        Result("redeem.http.failed", confirming.failed(product), "requests"),
    ]


def kind_of(world: World) -> Kind:
    """A coupon for the world's customers."""
    from zhanggui.core import tenancy
    from zhanggui.coupons import services
    from zhanggui.coupons.models import CouponTemplate
    from zhanggui.ledger import services as ledger
    from zhanggui.ledger.models import Unit

    with tenancy.merchant_scope(world.merchant.pk):
        template = CouponTemplate.objects.first() or services.create_template(
            values=services.TemplateInput(name="赠饮券"), actor=world.actor
        )
        used = ledger.open_account(
            unit=Unit.COUPON, code=f"coupon-redeemed:{template.pk}", is_cached=False
        )
        return Kind(template.pk, template.issue_account_id, used.pk)


def redeem(world: World, kind: Kind, each: int) -> load.Outcome:
    """Let 32 managers redeem ``each`` coupons, one after the other."""
    desks = world.desks[: pgbench.CONNECTIONS]
    digits = world.next_digits(each * len(desks))
    hold(world, kind, [world.hash_of(six) for six in digits])
    port = world.place.port
    plans = [
        iter([desk.confirm(port, six, f"key-{six}", path=DOOR) for six in share])
        for desk, share in zip(desks, batched(digits, each), strict=True)
    ]
    return load.run(port, plans)


def reference(world: World, kind: Kind, each: int) -> float:
    """Transactions per second of pgbench over codes whose hash it can work out by itself."""
    first = world.counted("SELECT coalesce(max(id), 0) + 1 FROM codes_onetimecode")
    many = each * pgbench.CONNECTIONS
    hold(world, kind, [sha256(f"bench{first + n}".encode()).digest() for n in range(many)])
    variables = {
        "merchant": world.merchant.pk,
        "store": world.store.pk,
        "used": kind.used_account_id,
        "first": first,
    }
    return pgbench.rate(world.place, REFERENCE, each, variables)


def hold(world: World, kind: Kind, hashes: list[bytes]) -> None:
    """A coupon for each code, issued, booked and held by it, faster than services could."""
    from zhanggui.codes.models import OneTimeCode
    from zhanggui.contacts.models import Customer
    from zhanggui.core import clock, tenancy
    from zhanggui.coupons.models import Coupon
    from zhanggui.ledger.models import Account, Entry, Transaction, Unit

    now, m = clock.now(), world.merchant.pk
    world.cards(len(hashes))
    with tenancy.merchant_scope(m):
        customers = Customer.objects.order_by("-pk").values_list("pk", flat=True)[: len(hashes)]
        begun = Account.objects.count()
        accounts = Account.objects.bulk_create(
            Account(
                merchant_id=m,
                unit=Unit.COUPON,
                code=f"coupon:b{begun + n}",
                balance=1,
                is_cached=True,
            )
            for n in range(len(hashes))
        )
        booked = Transaction.objects.bulk_create(
            Transaction(
                merchant_id=m,
                unit=Unit.COUPON,
                event="coupons.issued",
                cause=f"bench:{account.pk}",
                at=now,
                business_date=now.date(),
            )
            for account in accounts
        )
        Entry.objects.bulk_create(
            Entry(merchant_id=m, transaction=one, account_id=side, amount=amount)
            for one, account in zip(booked, accounts, strict=True)
            for side, amount in ((kind.issue_account_id, -1), (account.pk, 1))
        )
        coupons = Coupon.objects.bulk_create(
            Coupon(
                merchant_id=m,
                template_id=kind.template_id,
                customer_id=customer_id,
                issued_to_id=customer_id,
                way="hand",
                cause=f"bench:{account.pk}",
                account=account,
                state="held",
                usable=0,
                held=1,
                starts_at=now,
                ends_at=now + VALID,
                held_until=now + LIFE,
                issued_by="benchmarks",
            )
            for customer_id, account in zip(customers, accounts, strict=True)
        )
        OneTimeCode.objects.bulk_create(
            OneTimeCode(
                merchant_id=m,
                operation="coupons.redeem",
                subject_type="coupons.coupon",
                subject_id=coupon.pk,
                customer_id=coupon.customer_id,
                store_ids=[world.store.pk],
                digits_hash=hash_,
                key_version=1,
                expires_at=now + LIFE,
            )
            for coupon, hash_ in zip(coupons, hashes, strict=True)
        )
    with world.place.connect() as connection:
        connection.execute(
            "UPDATE coupons_coupon c SET held_by = 'code:' || o.id FROM codes_onetimecode o"
            " WHERE c.merchant_id = %(m)s AND o.merchant_id = %(m)s AND o.subject_id = c.id"
            " AND o.subject_type = 'coupons.coupon' AND c.state = 'held' AND c.held_by = ''",
            {"m": m},
        )
        connection.execute("ANALYZE codes_onetimecode, coupons_coupon, ledger_account")
