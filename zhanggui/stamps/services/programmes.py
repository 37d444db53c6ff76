"""Programmes: what a card collects, where and how."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Case, DateTimeField, F, QuerySet, Value, When

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant, Store
from zhanggui.accounts.services import pictures
from zhanggui.core import clock, constraints, tenancy
from zhanggui.core.errors import NotFound
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Unit
from zhanggui.stamps import rewards, ways
from zhanggui.stamps.errors import (
    ProgrammeNameTaken,
    ProgrammeOver,
    RewardsWrong,
    WaysWrong,
)
from zhanggui.stamps.models import (
    Card,
    CardState,
    Method,
    Programme,
    ProgrammeState,
    ProgrammeStore,
    Terms,
    WhenFull,
    strong_at_first,
    ways_at_first,
)
from zhanggui.stamps.services.cycles import terms_now

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

FIELDS = (
    *("name", "reward", "slots", "rules", "code_ttl_s", "max_per_code", "per_day", "gap_s"),
    *("design", "ways", "strong_from_fen", "strong_ways"),
)
TERMS = ("slots", "when_full", "rewards", "valid_days", "ends_on")


@dataclass(frozen=True, slots=True)
class RewardInput:
    """What is won at a place of the card."""

    at: int
    name: str
    template_id: int | None = None
    """The coupon that is given; None: it is handed out at the counter."""


@dataclass(frozen=True, slots=True)
class ProgrammeInput:
    """What the office types in."""

    name: str
    reward: str
    """What the full card is worth."""
    slots: int = 10
    rules: str = ""
    code_ttl_s: int = 180
    max_per_code: int = 1
    store_ids: Collection[int] = ()
    """Where it runs; empty means every store."""
    reward_template_id: int | None = None
    """The coupon of the full card."""
    on_the_way: Sequence[RewardInput] = ()
    """Rewards before the card is full."""
    when_full: WhenFull = WhenFull.STOP
    valid_days: int = 0
    """A round ends so many days after its first stamp; 0: it does not."""
    ends_on: date | None = None
    """The last day of all cards."""
    per_day: int = 10
    gap_s: int = 30
    design: str = ""
    ways: Sequence[str] = field(default_factory=ways_at_first)
    """How cards are stamped: values of ``Method``, see ``ways.OFFERED``."""
    strong_from_fen: int | None = None
    """Rewards worth this or more are won only by ``strong_ways``; None: by any way."""
    strong_ways: Sequence[str] = field(default_factory=strong_at_first)

    def rewards(self) -> list[dict[str, Any]]:
        """All rewards by place, as ``Terms`` keeps them."""
        full = RewardInput(self.slots, self.reward, self.reward_template_id)
        return [
            {"at": one.at, "name": one.name.strip(), "template": one.template_id}
            for one in (*sorted(self.on_the_way, key=lambda one: one.at), full)
        ]


@dataclass(frozen=True, slots=True)
class Effect:
    """What saving changed rules would do to cards."""

    is_new: bool
    """Whether rules of cards change at all."""
    moving: int
    """Cards that the new rules can hold for at once."""
    staying: int
    """Cards that keep theirs until they are full: they have as many stamps as would fill them."""

    @property
    def total(self) -> int:
        """All cards that are begun."""
        return self.moving + self.staying


def create_programme(
    *,
    values: ProgrammeInput,
    actor: Actor,
    kept: Collection[int] = (),
    picture_draft: str = "",
) -> Programme:
    """Start a programme.

    Args:
        values: what was typed in.
        actor: who starts it.
        kept: coupons that may be promised although they are no longer issued.
        picture_draft: the token of a picture kept for the form (``pictures.draft``).

    Raises:
        ProgrammeNameTaken: another one has this name (E_PROGRAMME_NAME, 409).
        RewardsWrong: two rewards at one place, or behind the last (E_PROGRAMME_REWARDS, 422).
        WaysWrong: no way to stamp, or none for rewards of value (E_PROGRAMME_WAYS, 422).
        NotFound: a store or coupon of another merchant (404).
    """
    _check(values, kept)
    programme = Programme(merchant_id=tenancy.current_merchant_id())
    try:
        with transaction.atomic():
            programme.issue_account = ledger.open_account_of_new_row(unit=Unit.STAMP)
            _put(programme, values)
            if picture_draft:
                merchant = Merchant.objects.get(pk=programme.merchant_id)
                programme.picture_token = pictures.adopt(picture_draft, merchant)
            programme.save(force_insert=True)
            ledger.name_account(programme.issue_account, f"issue:{programme.pk}")
            _write_terms(programme, values, actor)
            _place(programme, values.store_ids)
            audit.record(
                actor,
                "stamps.programme.created",
                f"programme:{programme.pk}",
                details=_facts(programme, values.store_ids),
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    return programme


def edit_programme(
    *, programme_id: int, values: ProgrammeInput, actor: Actor, moves_cards: bool = False
) -> Programme:
    """Change a programme; codes already out keep their stores.

    Rules of cards (places, rewards, what follows, validity) become a new version. A card keeps the
    version under which its round began; with ``moves_cards`` open cards go by the new one at once,
    except those that have as many stamps as would fill them. Rewards at places that a card has
    passed are not given afterwards.

    Raises:
        NotFound: no such programme, or a store of another merchant (404).
        ProgrammeNameTaken: another one has this name (E_PROGRAMME_NAME, 409).
        ProgrammeOver: it was ended (E_PROGRAMME_ENDED, 409).
        RewardsWrong: two rewards at one place, or behind the last (E_PROGRAMME_REWARDS, 422).
        WaysWrong: no way to stamp, or none for rewards of value (E_PROGRAMME_WAYS, 422).
    """
    try:
        with transaction.atomic():
            programme = _locked(programme_id)
            _check(values, rewards.templates_of(terms_now(programme)))
            if programme.state == ProgrammeState.ENDED:
                raise ProgrammeOver
            before = _facts(programme, _stores_of(programme))
            moved = 0
            _put(programme, values)
            if _is_changed(programme, values):
                terms = _write_terms(programme, values, actor)
                moved = _move_cards(programme, terms) if moves_cards else 0
            programme.save(update_fields=FIELDS)
            _place(programme, values.store_ids)
            audit.record(
                actor,
                "stamps.programme.edited",
                f"programme:{programme.pk}",
                details={
                    "before": before,
                    "after": _facts(programme, values.store_ids),
                    "moved": moved,
                },
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    return programme


def effect_of(*, programme_id: int, values: ProgrammeInput) -> Effect:
    """What saving these values would mean for cards; changes nothing.

    Raises:
        NotFound: no such programme (404).
    """
    programme = Programme.objects.filter(pk=programme_id).first()
    if programme is None:
        raise NotFound
    if not _is_changed(programme, values):
        return Effect(is_new=False, moving=0, staying=0)
    begun = _open_cards(programme)
    moving = begun.filter(balance__lt=values.slots).count()
    return Effect(is_new=True, moving=moving, staying=begun.count() - moving)


def _is_changed(programme: Programme, values: ProgrammeInput) -> bool:
    now = terms_now(programme)
    wanted = _terms_of(values)
    return any(getattr(now, name) != wanted[name] for name in TERMS)


def _terms_of(values: ProgrammeInput) -> dict[str, Any]:
    return {
        "slots": values.slots,
        "when_full": WhenFull(values.when_full).value,
        "rewards": values.rewards(),
        "valid_days": values.valid_days,
        "ends_on": values.ends_on,
    }


def _write_terms(programme: Programme, values: ProgrammeInput, actor: Actor) -> Terms:
    wanted = _terms_of(values)
    terms = Terms(
        merchant_id=programme.merchant_id,
        programme=programme,
        number=Terms.objects.filter(programme=programme).count() + 1,
        reward_at=[one["at"] for one in wanted["rewards"]],
        by=actor.name[:80],
        **wanted,
    )
    terms.save(force_insert=True)
    return terms


def _open_cards(programme: Programme) -> QuerySet[Card]:
    """Cards whose round has begun and is not over."""
    states = (CardState.OPEN, CardState.BLOCKED)
    return Card.objects.filter(programme=programme, state__in=states, is_filled=False)


def _move_cards(programme: Programme, terms: Terms) -> int:
    """Let open cards go by the new terms at once; one statement, row by row under its lock."""
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=programme.merchant_id)
    due = [When(balance__lt=position, then=Value(position)) for position in sorted(terms.reward_at)]
    end: Any = None
    if terms.ends_on:
        end = Value(clock.start_of(terms.ends_on + timedelta(days=1), zone))
    elif terms.valid_days:
        tomorrow = clock.start_of(clock.local_date(clock.now(), zone) + timedelta(days=1), zone)
        begun = When(balance__gt=0, then=Value(tomorrow + timedelta(days=terms.valid_days)))
        end = Case(begun, default=None, output_field=DateTimeField())
    return (
        _open_cards(programme)
        .filter(balance__lt=terms.slots)
        .update(
            terms=terms,
            slots=terms.slots,
            valid_days=terms.valid_days,
            due_at=Case(*due),
            expires_at=end,
            version=F("version") + 1,
        )
    )


def _check(values: ProgrammeInput, kept: Collection[int]) -> None:
    places = [one.at for one in values.on_the_way]
    is_wrong = len(set(places)) != len(places) or any(not 1 <= at < values.slots for at in places)
    if is_wrong or any(not one.name.strip() for one in values.on_the_way):
        raise RewardsWrong
    _check_ways(values)
    promised = {one["template"] for one in values.rewards()} - {None}
    if promised and not promised <= {int(pk) for pk, _name in rewards.templates(kept)}:
        raise NotFound


def _check_ways(values: ProgrammeInput) -> None:
    """There is a way to stamp, and one that is sure enough for what needs it."""
    known, sure = set(ways.OFFERED), set(ways.STRENGTHS)
    if not values.ways or not set(values.ways) <= known or not set(values.strong_ways) <= sure:
        raise WaysWrong
    usable = [way for way in values.strong_ways if ways.listed(Method(way)) in values.ways]
    if values.strong_from_fen is not None and not usable:
        raise WaysWrong


def copy_programme(*, programme_id: int, actor: Actor) -> Programme:
    """A new programme with the same rules, paused, to be changed and opened.

    Raises:
        NotFound: no such programme (404).
    """
    found = Programme.objects.filter(pk=programme_id).first()
    if found is None:
        raise NotFound
    values = replace(values_of(found), name=_free_name(found.name))
    with transaction.atomic():
        kept = rewards.templates_of(terms_now(found))
        made = create_programme(values=values, actor=actor, kept=kept)
        made.picture_token = pictures.copied(found.picture_token, found.merchant)
        made.save(update_fields=["picture_token"])
        return pause_programme(programme_id=made.pk, actor=actor)


def _free_name(name: str) -> str:
    for number in range(2, 1000):
        wanted = f"{name[:55]} ({number})"
        if not Programme.objects.filter(name=wanted).exists():
            return wanted
    raise ProgrammeNameTaken


def values_of(programme: Programme) -> ProgrammeInput:
    """What was typed in for a programme as it is now."""
    terms = terms_now(programme)
    *on_the_way, full = terms.rewards
    return ProgrammeInput(
        **{name: getattr(programme, name) for name in FIELDS if name not in ("slots", "reward")},
        slots=terms.slots,
        reward=full["name"],
        reward_template_id=full["template"],
        on_the_way=[RewardInput(one["at"], one["name"], one["template"]) for one in on_the_way],
        when_full=WhenFull(terms.when_full),
        valid_days=terms.valid_days,
        ends_on=terms.ends_on,
        store_ids=_stores_of(programme),
    )


def end_programme(*, programme_id: int, actor: Actor) -> Programme:
    """End it for good: no more stamps; what was won stays with the customers.

    Raises:
        NotFound: no such programme (404).
    """
    return _set_state(programme_id, ProgrammeState.ENDED, "stamps.programme.ended", actor)


def pause_programme(*, programme_id: int, actor: Actor) -> Programme:
    """Stop giving stamps; codes already out are refused at the desk (D28)."""
    return _set_state(programme_id, ProgrammeState.PAUSED, "stamps.programme.paused", actor)


def resume_programme(*, programme_id: int, actor: Actor) -> Programme:
    """Give stamps again."""
    return _set_state(programme_id, ProgrammeState.ACTIVE, "stamps.programme.resumed", actor)


def _set_state(programme_id: int, state: ProgrammeState, action: str, actor: Actor) -> Programme:
    with transaction.atomic():
        programme = _locked(programme_id)
        if programme.state != state and programme.state == ProgrammeState.ENDED:
            raise ProgrammeOver
        if programme.state != state:
            programme.state = state
            programme.save(update_fields=["state"])
            audit.record(actor, action, f"programme:{programme.pk}")
    return programme


def _locked(programme_id: int) -> Programme:
    found = Programme.objects.select_for_update().filter(pk=programme_id).first()
    if found is None:
        raise NotFound
    return found


def _put(programme: Programme, values: ProgrammeInput) -> None:
    for name in FIELDS:  # what cards go by is also written down as terms
        value = getattr(values, name)
        setattr(programme, name, value.strip() if isinstance(value, str) else value)


def _place(programme: Programme, store_ids: Collection[int]) -> None:
    wanted = set(store_ids)
    if Store.objects.filter(pk__in=wanted).count() != len(wanted):
        raise NotFound
    places = ProgrammeStore.objects.filter(programme=programme)
    places.exclude(store_id__in=wanted).delete()
    known = set(places.values_list("store_id", flat=True))
    ProgrammeStore.objects.bulk_create(
        ProgrammeStore(merchant_id=programme.merchant_id, programme=programme, store_id=store_id)
        for store_id in sorted(wanted - known)
    )


def _stores_of(programme: Programme) -> list[int]:
    places = ProgrammeStore.objects.filter(programme=programme)
    return sorted(places.values_list("store_id", flat=True))


def _facts(programme: Programme, store_ids: Collection[int]) -> dict[str, Any]:
    facts: dict[str, Any] = {name: getattr(programme, name) for name in FIELDS}
    return {**facts, "stores": sorted(store_ids)}


def _refusal(error: IntegrityError) -> Exception:
    if constraints.violated(error) == "programme_name_once":
        return ProgrammeNameTaken()
    return error
