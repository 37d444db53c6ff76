"""The rules behind the pages: tiers, stores, people, roles, retention."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import translation

from zhanggui.accounts import audit, permissions, services, tasks
from zhanggui.accounts.actors import person_actor
from zhanggui.accounts.errors import (
    AddressTaken,
    AlreadyMember,
    LastOwner,
    MoreThanOwn,
    NameTaken,
    OperatorShut,
    OwnerOnly,
    OwnMembership,
    PasswordWeak,
    PasswordWrong,
    PhoneFormat,
    PhoneTaken,
    PlaceFrozen,
)
from zhanggui.accounts.models import (
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
    TierState,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
    make_role,
    make_staff,
    make_store,
    membership_of,
)
from zhanggui.core import tenancy
from zhanggui.core.errors import NotAllowed, NotFound, TooMany
from zhanggui.core.tests.threads import together

in_database = pytest.mark.django_db


def open_session(person: Person, key: str = "s" * 32) -> Session:
    return Session.objects.create(
        session_key=key,
        person_id=person.pk,
        session_data="",
        expire_date=datetime.now(UTC) + timedelta(hours=1),
    )


def audited(merchant: Merchant) -> list[str]:
    with tenancy.merchant_scope(merchant.pk):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@in_database
class TestTiers:
    def test_takes_in_an_operator_with_its_head(self) -> None:
        operator, owner = services.take_in_operator(
            name="江南", slug="jiangnan", owner_name="陈", owner_phone="13900139000", actor=ACTOR
        )
        assert owner.membership.operator == operator
        assert owner.membership.role == Role.OWNER
        assert owner.initial_password

    def test_takes_in_a_merchant_with_its_owner(self) -> None:
        merchant, owner = services.take_in_merchant(
            name="花茶", slug="tea", owner_name="李", owner_phone="13900139000", actor=ACTOR
        )
        assert permissions.of(owner.membership.person, merchant) >= {"accounts.manage_staff"}
        own = [action for action in audited(merchant) if action.startswith("accounts.")]
        assert own == ["accounts.merchant.created", "accounts.membership.added"]

    def test_a_taken_short_name_leaves_nothing_behind(self) -> None:
        make_merchant("tea")
        with pytest.raises(AddressTaken):
            services.take_in_merchant(
                name="X", slug="tea", owner_name="李", owner_phone="13900139000", actor=ACTOR
            )
        assert Merchant.objects.count() == 1
        assert not Person.objects.exists()

    def test_a_bad_phone_leaves_nothing_behind(self) -> None:
        with pytest.raises(PhoneFormat):
            services.take_in_merchant(
                name="X", slug="tea", owner_name="李", owner_phone="123", actor=ACTOR
            )
        assert not Merchant.objects.exists()
        assert not PlatformAuditEntry.objects.exists()

    def test_a_frozen_operator_takes_in_nobody(self) -> None:
        operator = make_operator(state=TierState.FROZEN)
        with pytest.raises(OperatorShut):
            services.create_merchant(name="X", slug="tea", operator=operator, actor=ACTOR)
        assert not Merchant.objects.exists()

    def test_operators_do_not_share_short_names(self) -> None:
        services.create_operator(name="A", slug="a", actor=ACTOR)
        with pytest.raises(AddressTaken):
            services.create_operator(name="B", slug="a", actor=ACTOR)
        assert Operator.objects.count() == 1


@in_database
class TestFreezing:
    def test_ends_sessions_and_is_written_down_on_both_sides(self) -> None:
        tea = make_merchant("tea")
        person = make_staff(tea, role=Role.OWNER)
        open_session(person)
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        assert not Session.objects.exists()
        assert audited(tea) == ["accounts.merchant.frozen"]
        assert PlatformAuditEntry.objects.get().action == "accounts.merchant.frozen"

    def test_leaves_sessions_of_people_who_also_work_elsewhere(self) -> None:
        tea = make_merchant("tea")
        person = make_staff(tea, role=Role.OWNER)
        services.add_membership(person=person, place=make_merchant(), role=Role.CLERK, actor=ACTOR)
        open_session(person)
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        assert Session.objects.count() == 1

    def test_twice_is_once(self) -> None:
        tea = make_merchant("tea")
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        services.unfreeze_merchant(merchant=tea, actor=ACTOR)
        services.unfreeze_merchant(merchant=tea, actor=ACTOR)
        assert audited(tea) == ["accounts.merchant.frozen", "accounts.merchant.unfrozen"]

    def test_new_business_is_refused_while_frozen(self) -> None:
        tea = make_merchant("tea")
        services.refuse_frozen(tea)
        services.freeze_merchant(merchant=tea, actor=ACTOR)
        with pytest.raises(PlaceFrozen) as refusal:
            services.refuse_frozen(tea)
        assert (refusal.value.status, refusal.value.code) == (403, "E_FROZEN")
        services.unfreeze_merchant(merchant=tea, actor=ACTOR)
        services.refuse_frozen(tea)


@in_database
class TestStores:
    def test_names_are_unique_inside_a_merchant_only(self) -> None:
        tea, coffee = make_merchant("tea"), make_merchant("coffee")
        make_store(coffee, "South")
        with tenancy.merchant_scope(tea.pk):
            services.create_store(name="South", actor=ACTOR)
            with pytest.raises(NameTaken):
                services.create_store(name="South", actor=ACTOR)
            assert Store.objects.count() == 1
        assert audited(tea) == ["accounts.store.created"]

    def test_an_edit_says_which_fields_changed(self) -> None:
        tea = make_merchant("tea")
        store = make_store(tea, "South")
        with tenancy.merchant_scope(tea.pk):
            services.edit_store(store=store, name="North", address="1", phone="", actor=ACTOR)
            entry = AuditEntry.objects.get()
            assert entry.details == {"fields": ["name", "address"], "by": "tests"}
            assert (entry.target, entry.store_id) == (f"store:{store.pk}", store.pk)
            store.refresh_from_db()
            assert (store.name, store.address) == ("North", "1")

    def test_an_edit_without_change_writes_nothing(self) -> None:
        tea = make_merchant("tea")
        store = make_store(tea, "South")
        with tenancy.merchant_scope(tea.pk):
            services.edit_store(store=store, name="South", address="", phone="", actor=ACTOR)
        assert audited(tea) == []

    def test_a_taken_name_changes_nothing(self) -> None:
        tea = make_merchant("tea")
        make_store(tea, "North")
        store = make_store(tea, "South")
        with tenancy.merchant_scope(tea.pk):
            with pytest.raises(NameTaken):
                services.edit_store(store=store, name="North", address="1", phone="", actor=ACTOR)
            assert (store.name, store.address) == ("South", "")
            store.refresh_from_db()
            assert (store.name, store.address) == ("South", "")
        assert audited(tea) == []

    def test_closing_and_reopening_twice_is_once(self) -> None:
        tea = make_merchant("tea")
        store = make_store(tea)
        with tenancy.merchant_scope(tea.pk):
            for step in (services.close_store, services.close_store):
                step(store=store, actor=ACTOR)
            assert Store.objects.get().state == StoreState.CLOSED
            for step in (services.reopen_store, services.reopen_store):
                step(store=store, actor=ACTOR)
            assert Store.objects.get().state == StoreState.OPEN
        assert audited(tea) == ["accounts.store.closed", "accounts.store.reopened"]


@in_database
class TestPeople:
    def test_the_phone_is_sealed_and_found_again(self) -> None:
        person = services.create_person(
            name="李", phone="138 0013 8000", password=PASSWORD, actor=ACTOR
        )
        row = Person.objects.get(pk=person.pk)
        assert row.phone == "+8613800138000"
        assert b"13800138000" not in bytes(row.phone_sealed or b"")
        assert Person.objects.by_phone("+8613800138000") == person
        assert Person.objects.get_by_natural_key("+8613800138000") == person
        with pytest.raises(Person.DoesNotExist):
            Person.objects.get_by_natural_key("+8613800138001")

    def test_a_phone_belongs_to_one(self) -> None:
        make_person(phone="+8613800138000")
        with pytest.raises(PhoneTaken):
            services.create_person(name="王", phone="13800138000", actor=ACTOR)
        assert Person.objects.count() == 1

    @pytest.mark.parametrize("password", ["12345"])
    def test_easy_passwords_are_refused(self, password: str) -> None:
        with pytest.raises(PasswordWeak) as refusal:
            services.create_person(name="王", password=password, actor=ACTOR)
        assert refusal.value.message
        assert not Person.objects.exists()

    def test_somebody_without_phone_has_no_password(self) -> None:
        person = services.create_person(name="店长", actor=ACTOR)
        assert (person.phone, person.has_usable_password()) == ("", False)

    def test_a_new_password_ends_all_other_sessions(self) -> None:
        person = make_person()
        open_session(person, "a" * 32)
        open_session(person, "b" * 32)
        services.change_password(
            person=person, present=PASSWORD, new="better-48", session_key="a" * 32, actor=ACTOR
        )
        assert person.check_password("better-48")
        assert [session.session_key for session in Session.objects.all()] == ["a" * 32]

    def test_the_present_password_is_counted_and_locked(self) -> None:
        person = make_person()
        for _ in range(5):
            with pytest.raises(PasswordWrong):
                services.change_password(
                    person=person, present="no", new="better-48", session_key="", actor=ACTOR
                )
        with pytest.raises(TooMany):
            services.change_password(
                person=person, present=PASSWORD, new="better-48", session_key="", actor=ACTOR
            )
        person.refresh_from_db()
        assert person.check_password(PASSWORD)

    def test_a_reset_password_works_and_ends_all_sessions(self) -> None:
        person = make_person()
        open_session(person)
        password = services.reset_password(person=person, actor=ACTOR)
        person.refresh_from_db()
        assert person.check_password(password)
        assert not Session.objects.exists()

    def test_only_ones_own_session_can_be_ended(self) -> None:
        person, other = make_person(), make_person()
        session = open_session(other)
        with pytest.raises(NotFound):
            services.end_session(
                person=person, handle=services.handle_of(session.session_key), actor=ACTOR
            )
        assert Session.objects.count() == 1

    def test_initial_passwords_differ_and_can_be_read_out(self) -> None:
        made = {services.new_password() for _ in range(200)}
        assert len(made) == 200
        assert {len(password) for password in made} == {14}
        assert set("".join(made)).isdisjoint("01lio")


@in_database
class TestStaff:
    def test_a_known_person_is_linked_and_keeps_the_password(self) -> None:
        person = make_person(phone="+8613800138000")
        added = services.add_staff(
            place=make_merchant(), name="X", phone="13800138000", role=Role.CLERK, actor=ACTOR
        )
        assert (added.membership.person, added.initial_password) == (person, "")
        assert Person.objects.get().name == person.name

    def test_twice_is_refused(self) -> None:
        tea = make_merchant()
        person = make_staff(tea, role=Role.CLERK)
        with pytest.raises(AlreadyMember):
            services.add_staff(
                place=tea, name="X", phone=person.phone, role=Role.OWNER, actor=ACTOR
            )
        assert membership_of(person, tea).role == Role.CLERK

    def test_removing_ends_sessions_at_once(self) -> None:
        tea = make_merchant()
        person = make_staff(tea, role=Role.CLERK)
        open_session(person)
        services.remove_membership(membership=membership_of(person, tea), actor=ACTOR)
        assert not Session.objects.exists()
        assert audited(tea) == ["accounts.membership.removed"]

    def test_the_last_owner_stays(self) -> None:
        tea = make_merchant()
        owner = make_staff(tea, role=Role.OWNER)
        make_staff(make_merchant(), role=Role.OWNER)
        attempts: list[Callable[[], None]] = [
            lambda: services.remove_membership(membership=membership_of(owner, tea), actor=ACTOR),
            lambda: services.change_role(
                membership=membership_of(owner, tea), role=Role.CLERK, actor=ACTOR
            ),
        ]
        for attempt in attempts:
            with pytest.raises(LastOwner):
                attempt()
        assert membership_of(owner, tea).role == Role.OWNER
        assert audited(tea) == []

    def test_nobody_changes_their_own_role(self) -> None:
        tea = make_merchant()
        owner = make_staff(tea, role=Role.OWNER)
        make_staff(tea, role=Role.OWNER)
        with pytest.raises(OwnMembership):
            services.change_role(
                membership=membership_of(owner, tea), role=Role.CLERK, actor=person_actor(owner)
            )

    def test_only_owners_touch_owners(self) -> None:
        tea = make_merchant()
        make_staff(tea, role=Role.OWNER)
        owner = make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_staff", "accounts.view_stores")
        newcomer = make_staff(tea, "accounts.view_stores")
        actor = person_actor(helper)
        attempts: list[Callable[[], None]] = [
            lambda: services.remove_membership(membership=membership_of(owner, tea), actor=actor),
            lambda: services.change_role(
                membership=membership_of(owner, tea), role=Role.CLERK, actor=actor
            ),
            lambda: services.change_role(
                membership=membership_of(newcomer, tea), role=Role.OWNER, actor=actor
            ),
        ]
        for attempt in attempts:
            with pytest.raises(OwnerOnly):
                attempt()
        assert audited(tea) == []
        own = make_role(tea, "accounts.manage_staff")
        services.change_role(
            membership=membership_of(newcomer, tea), role=Role.CUSTOM, role_set=own, actor=actor
        )
        assert membership_of(newcomer, tea).role_set == own

    def test_only_owners_add_owners(self) -> None:
        tea = make_merchant()
        make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_staff")
        with pytest.raises(OwnerOnly):
            services.add_staff(
                place=tea,
                name="X",
                phone="13900139000",
                role=Role.OWNER,
                actor=person_actor(helper),
            )
        assert Person.objects.by_phone("+8613900139000") is None

    def test_a_set_of_rights_grows_no_further_than_its_givers(self) -> None:
        tea = make_merchant()
        make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_staff", "accounts.view_stores")
        newcomer = make_staff(tea, "accounts.view_stores")
        with pytest.raises(MoreThanOwn) as refusal:
            services.change_role(
                membership=membership_of(newcomer, tea),
                role=Role.CUSTOM,
                role_set=make_role(tea, "accounts.view_audit"),
                actor=person_actor(helper),
            )
        with translation.override("zh-hans"):
            assert "查看操作日志" in refusal.value.message
        assert permissions.of(newcomer, tea) == {"accounts.view_stores"}

    def test_whoever_has_more_rights_is_out_of_reach(self) -> None:
        tea = make_merchant()
        make_staff(tea, role=Role.OWNER)
        helper = make_staff(tea, "accounts.manage_staff", "accounts.view_stores")
        manager = make_staff(tea, role=Role.MANAGER)
        with pytest.raises(MoreThanOwn):
            services.remove_membership(
                membership=membership_of(manager, tea), actor=person_actor(helper)
            )
        assert membership_of(manager, tea).role == Role.MANAGER

    def test_somebody_without_a_say_changes_nobody(self) -> None:
        tea = make_merchant()
        clerk = make_staff(tea, role=Role.CLERK)
        foreigner = person_actor(make_staff(make_merchant(), role=Role.OWNER))
        with pytest.raises(NotAllowed):
            services.remove_membership(membership=membership_of(clerk, tea), actor=foreigner)
        with pytest.raises(NotAllowed):
            services.add_membership(
                person=make_person(), place=tea, role=Role.CLERK, actor=foreigner
            )
        assert audited(tea) == []

    def test_the_tier_above_adds_owners(self) -> None:
        operator = make_operator()
        tea = make_merchant(operator=operator)
        make_staff(tea, role=Role.OWNER)
        person = make_person()
        services.add_membership(
            person=person,
            place=tea,
            role=Role.OWNER,
            actor=person_actor(make_operator_staff(operator, role=Role.MANAGER)),
        )
        assert membership_of(person, tea).role == Role.OWNER

    def test_a_role_of_another_place_cannot_be_given(self) -> None:
        tea = make_merchant()
        clerk = make_staff(tea, role=Role.CLERK)
        foreign = make_role(make_merchant(), "accounts.view_stores")
        with pytest.raises(NotFound):
            services.change_role(
                membership=membership_of(clerk, tea),
                role=Role.CUSTOM,
                role_set=foreign,
                actor=ACTOR,
            )
        assert membership_of(clerk, tea).role == Role.CLERK

    def test_a_vanished_membership_is_not_there(self) -> None:
        tea = make_merchant()
        membership = membership_of(make_staff(tea, role=Role.CLERK), tea)
        Membership.objects.filter(pk=membership.pk).delete()
        with pytest.raises(NotFound):
            services.remove_membership(membership=membership, actor=ACTOR)

    def test_the_same_holds_at_the_platform(self) -> None:
        person = make_platform_staff(role=Role.OWNER)
        with pytest.raises(LastOwner):
            services.remove_membership(membership=person.memberships.get(), actor=ACTOR)


def test_two_owners_who_remove_each_other_leave_one(race_db: str) -> None:
    tea = make_merchant()
    owners = [make_staff(tea, role=Role.OWNER), make_staff(tea, role=Role.OWNER)]

    def remove(number: int) -> None:
        services.remove_membership(
            membership=membership_of(owners[number], tea), actor=person_actor(owners[1 - number])
        )

    answers = together(remove)
    assert Membership.objects.filter(merchant=tea, role=Role.OWNER).count() == 1
    assert [isinstance(answer, OwnerOnly | LastOwner) for answer in answers].count(True) <= 1


def test_whoever_was_removed_a_moment_ago_removes_nobody(race_db: str) -> None:
    tea = make_merchant()
    owners = [make_staff(tea, role=Role.OWNER) for _ in range(3)]

    def remove(number: int) -> None:
        services.remove_membership(
            membership=membership_of(owners[number], tea), actor=person_actor(owners[1 - number])
        )

    answers = together(remove)
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "NotAllowed"]
    assert Membership.objects.filter(merchant=tea, role=Role.OWNER).count() == 2


@in_database
class TestRights:
    def test_roles_are_sets_of_rights(self) -> None:
        tea = make_merchant()
        clerk = permissions.of(make_staff(tea, role=Role.CLERK), tea)
        manager = permissions.of(make_staff(tea, role=Role.MANAGER), tea)
        owner = permissions.of(make_staff(tea, role=Role.OWNER), tea)
        assert clerk < manager < owner
        assert "accounts.manage_staff" in owner - manager
        assert "accounts.view_audit" in manager - clerk

    def test_an_own_set_is_exactly_that(self) -> None:
        tea = make_merchant()
        person = make_staff(tea, "accounts.view_audit", "no.such.right")
        assert permissions.of(person, tea) == {"accounts.view_audit"}

    def test_a_stranger_has_none(self) -> None:
        person = make_staff(make_merchant(), role=Role.OWNER)
        assert permissions.of(person, make_merchant()) == frozenset()
        assert permissions.of(person, make_operator()) == frozenset()
        assert permissions.of(person, None) == frozenset()

    def test_two_rights_of_one_name_are_refused(self) -> None:
        with pytest.raises(ValueError, match="two rights"):
            permissions.register(permissions.Permission("accounts.view_audit", "Another"))

    def test_two_texts_for_one_action_are_refused(self) -> None:
        with pytest.raises(ValueError, match="two texts"):
            audit.register_action("accounts.signed_in", "Something else")


@in_database
class TestRetention:
    def old_and_young(self, tea: Merchant) -> None:
        now = datetime.now(UTC)
        for age in (0, 179, 181, 400):
            at = now - timedelta(days=age)
            PlatformAuditEntry.objects.create(at=at, action=f"age.{age}")
            with tenancy.merchant_scope(tea.pk):
                AuditEntry(at=at, actor_kind="system", action=f"age.{age}", target="x:1").save()

    def test_forgets_what_is_older_than_180_days(self) -> None:
        tea = make_merchant()
        self.old_and_young(tea)
        assert services.forget_old_audit() == 4
        assert audited(tea) == ["age.0", "age.179"]
        assert PlatformAuditEntry.objects.count() == 2

    @pytest.mark.spec("stamps D45")
    def test_the_database_refuses_to_forget_more(self) -> None:
        tea = make_merchant()
        self.old_and_young(tea)
        with tenancy.merchant_scope(tea.pk):
            for attempt in (
                lambda: AuditEntry.objects.filter(action="age.179").delete(),
                lambda: AuditEntry.objects.filter(action="age.400").update(action="x"),
            ):
                with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                    attempt()
        assert len(audited(tea)) == 4

    def test_the_nightly_job_forgets_ended_sessions_too(self) -> None:
        session = open_session(make_person(), "a" * 32)
        session.expire_date = datetime.now(UTC) - timedelta(seconds=1)
        session.save()
        open_session(make_person(), "b" * 32)
        tasks.forget_old_audit(0)
        assert [left.session_key for left in Session.objects.all()] == ["b" * 32]
