"""Every write of accounts: tiers, stores, people, memberships, sign-in and its end."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from django.contrib import auth
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from zhanggui.accounts import audit, devices, permissions, phones
from zhanggui.accounts.actors import Actor, person_actor, system_actor
from zhanggui.accounts.errors import (
    AddressTaken,
    AlreadyMember,
    LastOwner,
    NameTaken,
    OwnerOnly,
    OwnMembership,
    PasswordWeak,
    PasswordWrong,
    PhoneTaken,
    PlaceFrozen,
    SignInLocked,
    WrongSignIn,
)
from zhanggui.accounts.models import (
    ActorKind,
    AuditEntry,
    Membership,
    Merchant,
    Operator,
    Person,
    PlatformAuditEntry,
    Role,
    Session,
    Store,
    StoreState,
    Tier,
    TierState,
    phone_hash,
)
from zhanggui.accounts.sessions import DEVICE_KEY, SINCE_KEY
from zhanggui.core import clock, limits, sealing, tenancy
from zhanggui.core.errors import NotFound
from zhanggui.core.limits import Limit

KEEP_AUDIT = timedelta(days=180)
BATCH = 2000
PHONE_LIMIT = Limit("sign-in-phone", most=5, window_s=600, lock_s=600)
IP_LIMIT = Limit("sign-in-ip", most=30, window_s=600, lock_s=600)
PASSWORD_LIMIT = Limit("password-change", most=5, window_s=600, lock_s=600)


# -- tiers


def create_operator(*, name: str, slug: str, actor: Actor) -> Operator:
    """Take in an operator.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
    """
    operator = Operator(name=name, slug=slug)
    with transaction.atomic():
        _insert(operator, AddressTaken)
        audit.record_platform(actor, "accounts.operator.created", f"operator:{operator.pk}")
    return operator


def create_merchant(
    *,
    name: str,
    slug: str,
    actor: Actor,
    operator: Operator | None = None,
    trade: str = "",
    time_zone: str = "Asia/Shanghai",
) -> Merchant:
    """Take in a merchant under an operator or directly under the platform.

    Raises:
        AddressTaken: the short name is in use (E_ADDRESS_TAKEN, 409).
        PlaceFrozen: the operator is frozen (E_FROZEN, 403).
    """
    if operator is not None and operator.state == TierState.FROZEN:
        raise PlaceFrozen(name=operator.name)
    merchant = Merchant(name=name, slug=slug, operator=operator, trade=trade, time_zone=time_zone)
    with transaction.atomic():
        _insert(merchant, AddressTaken)
        with tenancy.merchant_scope(merchant.pk):
            audit.record(actor, "accounts.merchant.created", f"merchant:{merchant.pk}")
        audit.record_platform(actor, "accounts.merchant.created", f"merchant:{merchant.pk}")
    return merchant


def freeze_merchant(*, merchant: Merchant, actor: Actor) -> None:
    """Shut a merchant's people out at once and refuse new business; customers keep theirs.

    Sessions of people who work nowhere else end; the others lose this back office only.
    """
    with transaction.atomic():
        changed = Merchant.objects.filter(pk=merchant.pk, state=TierState.ACTIVE).update(
            state=TierState.FROZEN
        )
        if not changed:
            return
        merchant.state = TierState.FROZEN
        members = Person.objects.filter(memberships__merchant=merchant)
        for person in members:
            if not working_places(person):
                end_sessions(person)
        _record_state(merchant, "accounts.merchant.frozen", actor)


def unfreeze_merchant(*, merchant: Merchant, actor: Actor) -> None:
    """Let a frozen merchant work again."""
    with transaction.atomic():
        changed = Merchant.objects.filter(pk=merchant.pk, state=TierState.FROZEN).update(
            state=TierState.ACTIVE
        )
        if not changed:
            return
        merchant.state = TierState.ACTIVE
        _record_state(merchant, "accounts.merchant.unfrozen", actor)


def refuse_frozen(merchant: Merchant) -> None:
    """Refuse new business of a frozen merchant; services of products ask this first.

    Raises:
        PlaceFrozen: it is frozen (E_FROZEN, 403).
    """
    if merchant.state == TierState.FROZEN:
        raise PlaceFrozen(name=merchant.name)


def _record_state(merchant: Merchant, action: str, actor: Actor) -> None:
    with tenancy.merchant_scope(merchant.pk):
        audit.record(actor, action, f"merchant:{merchant.pk}")
    audit.record_platform(actor, action, f"merchant:{merchant.pk}")


# -- stores


def create_store(*, name: str, actor: Actor, address: str = "", phone: str = "") -> Store:
    """Open a store of the merchant in scope.

    Raises:
        NameTaken: the merchant has a store of this name (E_NAME_TAKEN, 409).
    """
    store = Store(name=name, address=address, phone=phone)
    with transaction.atomic():
        _insert(store, NameTaken)
        audit.record(actor, "accounts.store.created", f"store:{store.pk}", store_id=store.pk)
    return store


def edit_store(*, store: Store, name: str, address: str, phone: str, actor: Actor) -> Store:
    """Change what a store is called and where it is.

    Raises:
        NameTaken: the merchant has another store of this name (E_NAME_TAKEN, 409).
    """
    wanted = {"name": name, "address": address, "phone": phone}
    changed = [field for field, value in wanted.items() if getattr(store, field) != value]
    if not changed:
        return store
    before = {field: getattr(store, field) for field in changed}
    for field in changed:
        setattr(store, field, wanted[field])
    try:
        with transaction.atomic():
            store.save(update_fields=changed)
            audit.record(
                actor,
                "accounts.store.edited",
                f"store:{store.pk}",
                store_id=store.pk,
                details={"fields": changed},
            )
    except IntegrityError as error:
        for field, value in before.items():
            setattr(store, field, value)
        raise NameTaken from error
    return store


def close_store(*, store: Store, actor: Actor) -> None:
    """Take a store out of business; what its customers hold stays."""
    _change_store(store, StoreState.CLOSED, "accounts.store.closed", actor)


def reopen_store(*, store: Store, actor: Actor) -> None:
    """Put a closed store back into business."""
    _change_store(store, StoreState.OPEN, "accounts.store.reopened", actor)


def _change_store(store: Store, state: StoreState, action: str, actor: Actor) -> None:
    with transaction.atomic():
        changed = Store.objects.filter(pk=store.pk).exclude(state=state).update(state=state)
        store.state = state
        if changed:
            audit.record(actor, action, f"store:{store.pk}", store_id=store.pk)


# -- people


def create_person(
    *, name: str, phone: str | None = None, password: str | None = None, actor: Actor
) -> Person:
    """Make a person who signs in by phone and password, or (no phone) by WeChat alone.

    Args:
        name: as colleagues call them.
        phone: as typed; becomes unique over the installation.
        password: without one nobody can sign in by password.
        actor: who makes them.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        PhoneTaken: somebody has this number (E_PHONE_TAKEN, 409).
        PasswordWeak: too short or too common (E_PASSWORD_WEAK, 422).
    """
    person = Person(name=name)
    if phone:
        person.set_phone(phones.parse(phone))
        if Person.objects.by_phone(person.phone) is not None:  # also under older keys
            raise PhoneTaken
    if password:
        check_password_strength(password, person)
    person.set_password(password)
    with transaction.atomic():
        _insert(person, PhoneTaken)
        audit.record_platform(actor, "accounts.person.created", f"person:{person.pk}")
    return person


def check_password_strength(password: str, person: Person) -> None:
    """Refuse a password that is too easy.

    Raises:
        PasswordWeak: says which rule it breaks (E_PASSWORD_WEAK, 422).
    """
    try:
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise PasswordWeak(reason=" ".join(error.messages)) from None


def change_password(
    *, person: Person, present: str, new: str, session_key: str, actor: Actor
) -> None:
    """Change one's own password; all sessions but the one with this key end.

    Raises:
        TooMany: five wrong tries in ten minutes (E_TOO_MANY, 429).
        PasswordWrong: the present one does not fit (E_PASSWORD_WRONG, 403).
        PasswordWeak: the new one is too easy (E_PASSWORD_WEAK, 422).
    """
    subject = f"person:{person.pk}"
    limits.check((PASSWORD_LIMIT, subject))
    if not person.check_password(present):
        limits.count(PASSWORD_LIMIT, subject)
        raise PasswordWrong
    check_password_strength(new, person)
    person.set_password(new)
    with transaction.atomic():
        person.save(update_fields=["password"])
        end_sessions(person, except_key=session_key)
        audit.record_platform(actor, "accounts.password.changed", f"person:{person.pk}")


def reset_password(*, person: Person, actor: Actor) -> str:
    """Give a person a new initial password, which is answered once; all their sessions end.

    Only for the platform: a person may work for several merchants.
    """
    password = new_password()
    person.set_password(password)
    with transaction.atomic():
        person.save(update_fields=["password"])
        end_sessions(person)
        audit.record_platform(actor, "accounts.password.reset", f"person:{person.pk}")
    return password


def rename_person(*, person: Person, name: str, actor: Actor) -> None:
    """Change how a person is called."""
    person.name = name
    with transaction.atomic():
        person.save(update_fields=["name"])
        audit.record_platform(actor, "accounts.person.renamed", f"person:{person.pk}")


# -- memberships


def add_membership(
    *,
    person: Person,
    place: Merchant | Operator | None,
    role: Role,
    actor: Actor,
    rights: Collection[str] = (),
) -> Membership:
    """Give a person a role at a merchant, at an operator, or (None) at the platform.

    Raises:
        AlreadyMember: the person has a role there (E_ALREADY_MEMBER, 409).
        OwnerOnly: a colleague gives more than they have (E_OWNER_ONLY, 403).
    """
    membership = Membership(
        person=person,
        tier=_tier_of(place),
        merchant=place if isinstance(place, Merchant) else None,
        operator=place if isinstance(place, Operator) else None,
        role=role,
        rights=sorted(rights) if role == Role.CUSTOM else [],
    )
    with transaction.atomic():
        _refuse_giving_more(membership, role, rights, actor)
        _insert(membership, AlreadyMember)
        _record_membership(membership, "accounts.membership.added", actor, {"role": role})
    return membership


def change_role(
    *, membership: Membership, role: Role, actor: Actor, rights: Collection[str] = ()
) -> None:
    """Give a member another role.

    Raises:
        OwnMembership: nobody changes their own role (E_OWN_MEMBERSHIP, 409).
        OwnerOnly: only owners make or unmake owners, and nobody gives more than they have
            (E_OWNER_ONLY, 403).
        LastOwner: the place would have no owner (E_LAST_OWNER, 409).
    """
    if actor.key == f"person:{membership.person_id}":
        raise OwnMembership
    with transaction.atomic():
        locked = _lock(membership)
        _refuse_touching_owners(locked, role, actor)
        _refuse_giving_more(locked, role, rights, actor)
        before = {"role": locked.role, "rights": locked.rights}
        locked.role = role
        locked.rights = sorted(rights) if role == Role.CUSTOM else []
        locked.save(update_fields=["role", "rights"])
        details = {"before": before, "after": {"role": role, "rights": locked.rights}}
        _record_membership(locked, "accounts.membership.changed", actor, details)
    membership.role, membership.rights = locked.role, locked.rights


def remove_membership(*, membership: Membership, actor: Actor) -> None:
    """Take a person's role away; the person's sessions end at once.

    Raises:
        OwnerOnly: only owners remove owners (E_OWNER_ONLY, 403).
        LastOwner: the last owner of a place stays (E_LAST_OWNER, 409).
    """
    with transaction.atomic():
        locked = _lock(membership)
        _refuse_touching_owners(locked, None, actor)
        _record_membership(locked, "accounts.membership.removed", actor, {"role": locked.role})
        end_sessions(locked.person)
        locked.delete()


def _colleagues(membership: Membership) -> QuerySet[Membership]:
    """All memberships of the same place."""
    same = Membership.objects.filter(tier=membership.tier)
    if membership.merchant_id is not None:
        return same.filter(merchant_id=membership.merchant_id)
    if membership.operator_id is not None:
        return same.filter(operator_id=membership.operator_id)
    return same


def _lock(membership: Membership) -> Membership:
    # everybody of the place is locked in one order, so that two removals cannot cross
    rows = _colleagues(membership).select_for_update(of=("self",)).order_by("pk")
    found = next((row for row in rows.select_related("person") if row.pk == membership.pk), None)
    if found is None:
        raise NotFound
    return found


def _refuse_touching_owners(membership: Membership, role: Role | None, actor: Actor) -> None:
    colleagues = _colleagues(membership)
    if Role.OWNER in {membership.role, role} and actor.kind == ActorKind.PERSON:
        acting = colleagues.filter(person_id=actor.id or 0).first()
        if acting is not None and acting.role != Role.OWNER:
            raise OwnerOnly
    loses_owner = membership.role == Role.OWNER and role != Role.OWNER
    if loses_owner and not colleagues.filter(role=Role.OWNER).exclude(pk=membership.pk).exists():
        raise LastOwner


def _refuse_giving_more(
    membership: Membership, role: Role, rights: Collection[str], actor: Actor
) -> None:
    if actor.kind != ActorKind.PERSON:
        return
    acting = _colleagues(membership).filter(person_id=actor.id or 0).first()
    if acting is None or acting.role == Role.OWNER:
        return
    given = permissions.of_role(role, tier=Tier(membership.tier), rights=rights)
    if role == Role.OWNER or not given <= permissions.of_membership(acting):
        raise OwnerOnly


def _tier_of(place: Merchant | Operator | None) -> Tier:
    if isinstance(place, Merchant):
        return Tier.MERCHANT
    return Tier.OPERATOR if isinstance(place, Operator) else Tier.PLATFORM


def _record_membership(
    membership: Membership, action: str, actor: Actor, details: dict[str, Any]
) -> None:
    target = f"person:{membership.person_id}"
    if membership.merchant_id is not None:
        with tenancy.merchant_scope(membership.merchant_id):
            audit.record(actor, action, target, details=details)
    else:
        audit.record_platform(actor, action, target, details=details)


def working_places(person: Person) -> list[Membership]:
    """Where a person may work now: memberships whose place is not frozen."""
    found = Membership.objects.filter(person=person).select_related("merchant", "operator")
    return [membership for membership in found if not is_frozen(membership)]


def is_frozen(membership: Membership) -> bool:
    """Whether the place of a membership is frozen."""
    place = membership.merchant or membership.operator
    return place is not None and place.state == TierState.FROZEN


# -- staff of a merchant


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Who was added; ``initial_password`` only for a new person, shown once and never again."""

    membership: Membership
    initial_password: str


def add_staff(
    *,
    place: Merchant | Operator | None,
    name: str,
    phone: str,
    role: Role,
    actor: Actor,
    rights: Collection[str] = (),
) -> NewStaff:
    """Add somebody by phone: a known person is linked, a new one gets an initial password.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        AlreadyMember: works there already (E_ALREADY_MEMBER, 409).
    """
    number = phones.parse(phone)
    with transaction.atomic():
        person = Person.objects.by_phone(number)
        password = ""
        if person is None:
            password = new_password()
            person = create_person(name=name, phone=number, password=password, actor=actor)
        membership = add_membership(
            person=person, place=place, role=role, actor=actor, rights=rights
        )
    return NewStaff(membership, password)


def take_in_operator(
    *, name: str, slug: str, owner_name: str, owner_phone: str, actor: Actor
) -> tuple[Operator, NewStaff]:
    """Take in an operator together with its first owner, or neither.

    Raises:
        AddressTaken, PhoneFormat: as ``create_operator`` and ``add_staff``.
    """
    with transaction.atomic():
        operator = create_operator(name=name, slug=slug, actor=actor)
        owner = add_staff(
            place=operator, name=owner_name, phone=owner_phone, role=Role.OWNER, actor=actor
        )
    return operator, owner


def take_in_merchant(
    *,
    name: str,
    slug: str,
    owner_name: str,
    owner_phone: str,
    actor: Actor,
    trade: str = "",
    operator: Operator | None = None,
) -> tuple[Merchant, NewStaff]:
    """Take in a merchant together with its first owner, or neither.

    Raises:
        AddressTaken, PlaceFrozen, PhoneFormat: as ``create_merchant`` and ``add_staff``.
    """
    with transaction.atomic():
        merchant = create_merchant(
            name=name, slug=slug, trade=trade, operator=operator, actor=actor
        )
        owner = add_staff(
            place=merchant, name=owner_name, phone=owner_phone, role=Role.OWNER, actor=actor
        )
    return merchant, owner


def new_password() -> str:
    """A random password that can be read out: three groups of four signs, 59 bits."""
    signs = "23456789abcdefghjkmnpqrstuvwxyz"
    groups = ["".join(secrets.choice(signs) for _ in range(4)) for _ in range(3)]
    return "-".join(groups)


# -- sign-in


def authenticate(*, phone: str, password: str, ip: str | None = None) -> Person:
    """Check phone and password under the limits; writes nothing but the counters.

    Raises:
        PhoneFormat: not a phone number; not counted as a try (E_PHONE_FORMAT, 422).
        SignInLocked: five wrong tries of this phone or thirty of this address in ten minutes
            (E_SIGN_IN_LOCKED, 429).
        WrongSignIn: unknown phone or wrong password, which is not told (E_SIGN_IN, 403).
    """
    number = phones.parse(phone)
    pairs = [(PHONE_LIMIT, _subject(number))] + ([(IP_LIMIT, ip)] if ip else [])
    _refuse_locked(pairs)
    person = auth.authenticate(None, phone=number, password=password)
    if not isinstance(person, Person):
        for limit, subject in pairs:
            limits.count(limit, subject)
        _refuse_locked(pairs)
        raise WrongSignIn
    limits.forget(*pairs[0])
    return person


def _subject(number: str) -> str:
    return phone_hash(number).hex()


def _refuse_locked(pairs: list[tuple[Limit, str]]) -> None:
    wait = limits.seconds_locked(pairs)
    if wait:
        raise SignInLocked(retry_after_s=wait, minutes=ceil(wait / 60))


def sign_in(*, request: HttpRequest, phone: str, password: str) -> Person:
    """Let a person in and give the browser a new session.

    Raises:
        PlaceFrozen: every place the person works at is frozen (E_FROZEN, 403).
        PhoneFormat, SignInLocked, WrongSignIn: as ``authenticate``.
    """
    ip = devices.ip_of(request)
    try:
        person = authenticate(phone=phone, password=password, ip=ip)
    except (WrongSignIn, SignInLocked) as refusal:
        unknown = Actor(system_actor("").kind, None, "sign-in", ip, devices.device_of(request))
        audit.record_platform(unknown, "accounts.sign_in.refused", details={"code": refusal.code})
        raise
    frozen = [m for m in person.memberships.select_related("merchant", "operator") if is_frozen(m)]
    if frozen and not working_places(person):
        place = frozen[0].merchant or frozen[0].operator
        raise PlaceFrozen(name=place.name if place else "")
    open_session(request=request, person=person)
    return person


def open_session(*, request: HttpRequest, person: Person, way: str = "password") -> None:
    """Sign a person in whose identity was proved (``way`` says how); rotates the session."""
    auth.login(request, person, backend="zhanggui.accounts.backends.PhoneBackend")
    request.session[DEVICE_KEY] = devices.device_of(request)
    request.session[SINCE_KEY] = clock.now().isoformat()
    audit.record_platform(
        person_actor(person, request),
        "accounts.signed_in",
        f"person:{person.pk}",
        details={"way": way},
    )


def sign_out(*, request: HttpRequest) -> None:
    """End the session of this browser."""
    person = request.user
    auth.logout(request)
    if isinstance(person, Person):
        audit.record_platform(
            person_actor(person, request), "accounts.signed_out", f"person:{person.pk}"
        )


def end_sessions(person: Person, *, except_key: str = "") -> int:
    """End every session of a person at once, but for one; answers how many."""
    rows = Session.objects.filter(person_id=person.pk).exclude(session_key=except_key)
    return rows.delete()[0]


def handle_of(session_key: str) -> str:
    """What stands for a session on a page; the key itself would be a way in."""
    return sealing.keyed_hash(session_key, purpose="session-handle", merchant_id=None).hex()[:32]


def end_session(*, person: Person, handle: str, actor: Actor) -> None:
    """End one session of one's own.

    Raises:
        NotFound: no session of this person has the handle (E_NOT_FOUND, 404).
    """
    keys = Session.objects.filter(person_id=person.pk).values_list("session_key", flat=True)
    key = next((key for key in keys if handle_of(key) == handle), None)
    if key is None:
        raise NotFound
    with transaction.atomic():
        Session.objects.filter(session_key=key).delete()
        audit.record_platform(actor, "accounts.session.ended", f"person:{person.pk}")


def _insert(row: Any, taken: type[Exception]) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise taken from error


# -- retention


def forget_old_audit() -> int:
    """Remove audit entries older than 180 days (D45); answers how many.

    Merchant by merchant and in small transactions; the database refuses to remove younger ones.
    """
    before = clock.now() - KEEP_AUDIT
    removed = 0
    for merchant_id in Merchant.objects.order_by("pk").values_list("pk", flat=True):
        with tenancy.merchant_scope(merchant_id):
            removed += _remove_in_batches(AuditEntry.objects.filter(at__lt=before))
    return removed + _remove_in_batches(PlatformAuditEntry.objects.filter(at__lt=before))


def _remove_in_batches(rows: QuerySet[Any]) -> int:
    removed = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        removed += rows.filter(pk__in=ids).delete()[0]
    return removed


def forget_ended_sessions() -> int:
    """Remove sessions whose time is over; answers how many."""
    return Session.objects.filter(expire_date__lt=clock.now()).delete()[0]
