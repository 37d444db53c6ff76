"""The price table: editions and their matrix, prices of sellers, where money is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit, features
from zhanggui.accounts.models import Operator
from zhanggui.billing.errors import EditionChanged, PriceOutOfRange
from zhanggui.billing.models import Edition, Price, Seller
from zhanggui.billing.services import plans
from zhanggui.ui.formats import money

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

PERIODS = ("day_fen", "month_1_fen", "month_12_fen", "month_24_fen", "month_36_fen")


def change_edition(
    *,
    edition: Edition,
    name: str,
    summary: str,
    is_on_sale: bool,
    feature_names: list[str],
    limits: Mapping[str, int],
    resale_from_percent: int,
    resale_to_percent: int,
    version: int,
    actor: Actor,
) -> Edition:
    """Change a row of the price table; everybody who has the edition has it so at once.

    Args:
        edition: the row.
        name: what customers read.
        summary: for whom it is, in one line.
        is_on_sale: whether it can be bought.
        feature_names: what it switches on; unknown names are left out.
        limits: how many of something it allows; what is not named has no limit.
        resale_from_percent: the least an operator may ask, of the platform's price.
        resale_to_percent: the most.
        version: of the row the person looked at.
        actor: who changes it.

    Raises:
        EditionChanged: somebody else was faster (E_EDITION_CHANGED, 409).
    """
    known = {feature.name for feature in features.known()}
    before = {"features": edition.features, "limits": edition.limits, "name": edition.name}
    chosen = sorted(known.intersection(feature_names))
    with transaction.atomic():
        changed = Edition.objects.filter(pk=edition.pk, version=version).update(
            name=name,
            summary=summary,
            is_on_sale=is_on_sale,
            features=chosen,
            limits=dict(limits),
            resale_from_percent=resale_from_percent,
            resale_to_percent=resale_to_percent,
            version=F("version") + 1,
        )
        if not changed:
            raise EditionChanged
        edition.refresh_from_db()
        plans.copy_edition(edition)
        after = {"features": edition.features, "limits": edition.limits, "name": edition.name}
        details = {"before": before, "after": after}
        target = f"edition:{edition.pk}"
        audit.record_platform(actor, "billing.edition.changed", target, details=details)
    return edition


def change_edition_and_price(
    *, edition: Edition, fen: Mapping[str, int], actor: Actor, **values: Any
) -> Edition:
    """Change an edition together with the platform's price for it, or neither.

    Raises:
        EditionChanged: as ``change_edition``.
    """
    with transaction.atomic():
        changed = change_edition(edition=edition, actor=actor, **values)
        set_price(edition=changed, operator=None, fen=fen, actor=actor)
    return changed


def set_price(
    *, edition: Edition, operator: Operator | None, fen: Mapping[str, int], actor: Actor
) -> Price:
    """Set what a seller asks for an edition; an operator stays within the platform's range (P11).

    Args:
        edition: what is sold.
        operator: the seller; None is the platform itself.
        fen: the columns of ``PERIODS``.
        actor: who sets it.

    Raises:
        PriceOutOfRange: below or above what the platform allows (E_PRICE_RANGE, 422).
    """
    with transaction.atomic():
        if operator is not None:
            _check_range(edition, fen)
        price, _is_new = Price.objects.update_or_create(
            edition=edition, operator=operator, defaults={name: fen[name] for name in PERIODS}
        )
        details = {"operator": operator.pk if operator else None, **fen}
        target = f"edition:{edition.pk}"
        audit.record_platform(actor, "billing.price.set", target, details=details)
    return price


def drop_price(*, edition: Edition, operator: Operator, actor: Actor) -> None:
    """Let an operator sell an edition at the platform's price again."""
    with transaction.atomic():
        Price.objects.filter(edition=edition, operator=operator).delete()
        details = {"operator": operator.pk}
        target = f"edition:{edition.pk}"
        audit.record_platform(actor, "billing.price.dropped", target, details=details)


def set_seller(
    *,
    operator: Operator | None,
    payee: str,
    bank: str,
    account_number: str,
    note: str,
    actor: Actor,
) -> Seller:
    """Say where merchants transfer money to."""
    values = {"payee": payee, "bank": bank, "account_number": account_number, "note": note}
    with transaction.atomic():
        seller, _is_new = Seller.objects.update_or_create(operator=operator, defaults=values)
        target = f"operator:{operator.pk}" if operator else ""
        audit.record_platform(actor, "billing.seller.changed", target)
    return seller


def range_of(edition: Edition, platforms_fen: int) -> tuple[int, int]:
    """The least and the most an operator may ask where the platform asks so much."""
    least = -(-platforms_fen * edition.resale_from_percent // 100)
    return least, platforms_fen * edition.resale_to_percent // 100


def _check_range(edition: Edition, fen: Mapping[str, int]) -> None:
    own = Price.objects.get(edition=edition, operator=None)
    for name in PERIODS:
        least, most = range_of(edition, getattr(own, name))
        if not least <= fen[name] <= most:
            raise PriceOutOfRange(field=name, least=money(least), most=money(most))
