"""A shop big enough to measure: managers with sessions, cards with live codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import load

if TYPE_CHECKING:
    from benchmarks.place import Place
    from zhanggui.accounts.models import Person

CSRF = "c" * 32
LIFE = timedelta(hours=6)  # longer than any measurement; the rule itself is tested elsewhere


@dataclass
class Desk:
    """A manager's browser."""

    person_id: int
    cookies: str

    def confirm(self, port: int, digits: str, key: str, *, path: str = "/staff/confirm") -> bytes:
        """The request that confirms a code; coupons have ``/staff/redeem``."""
        return load.post(
            port,
            path,
            cookies=self.cookies,
            csrf=CSRF,
            fields=f"digits={digits}&amount=1&reason=&record=&key=",
            key=key,
        )


class World:
    """One merchant, one store, one programme, many managers and cards."""

    def __init__(self, place: Place, managers: int) -> None:
        from zhanggui.accounts.actors import system_actor
        from zhanggui.accounts.models import Merchant, Store
        from zhanggui.channels.wechat.models import ChannelAccount
        from zhanggui.core import tenancy
        from zhanggui.stamps import services

        self.place = place
        self.actor = system_actor("benchmarks")
        self.merchant = Merchant.objects.create(name="茶舍", slug="tea")
        self.account = ChannelAccount(
            tier="platform", app_id="wxsb00000000000001", original_id="gh_1", name="掌柜"
        )
        for secret in ("secret", "callback_token", "aes_key"):
            self.account.seal(secret, "x" * 43)
        self.account.save()
        with tenancy.merchant_scope(self.merchant.pk):
            self.store = Store(name="一号店")
            self.store.save()
            self.programme = services.create_programme(
                values=services.ProgrammeInput(
                    name="集章卡", reward="一杯", slots=20, gap_s=0, per_day=200
                ),
                actor=self.actor,
            )
            services.set_limits(
                values=services.LimitsInput(
                    operations_a_day=100_000, may_stamp_own=False, second_person_above=5
                ),
                actor=self.actor,
            )
        self.desks = [self._desk(number) for number in range(managers)]
        self._used = 0

    def age(self, entries: int = 5_000) -> None:
        """Give the tables some history and statistics: an empty database plans differently."""
        from benchmarks import pages

        self.live_codes(500)
        pages.fill(self, entries)
        with self.place.connect() as connection:
            connection.execute("VACUUM ANALYZE")

    def _desk(self, number: int) -> Desk:
        from zhanggui.stamps.models import ManagerBinding

        person = self._person(f"店员{number}")
        ManagerBinding.objects.create(
            person=person,
            merchant_id=self.merchant.pk,
            store_id=self.store.pk,
            name=person.name,
        )
        return Desk(person.pk, self._cookies(person))

    def owner(self) -> str:
        """The cookies of an owner's browser."""
        from zhanggui.accounts.models import Membership, Role, Tier

        person = self._person("店主")
        Membership.objects.create(
            person=person, tier=Tier.MERCHANT, merchant=self.merchant, role=Role.OWNER
        )
        return self._cookies(person)

    @staticmethod
    def _person(name: str) -> Person:
        from zhanggui.accounts.models import Person

        person = Person(name=name)
        person.set_unusable_password()
        person.save()
        return person

    def _cookies(self, person: Person) -> str:
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

        from zhanggui.accounts.sessions import SessionStore
        from zhanggui.channels.wechat.guards import ACCOUNT_KEY

        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = "zhanggui.accounts.backends.PhoneBackend"
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session[ACCOUNT_KEY] = self.account.pk
        session.create()
        return f"zhanggui_session={session.session_key}; zhanggui_csrf={CSRF}"

    def live_codes(self, many: int) -> list[str]:
        """Make cards with one live code each; answers their digits."""
        from zhanggui.core import clock

        digits = self.next_digits(many)
        hashes = [self.hash_of(six) for six in digits]
        ids = self.cards(many)
        now = clock.now()
        with self.place.connect() as connection, connection.cursor() as cursor:
            with cursor.copy(
                "COPY codes_onetimecode (merchant_id, operation, subject_type, subject_id,"
                " customer_id, store_ids, digits_hash, key_version, state, created_at, expires_at)"
                " FROM STDIN"
            ) as copy:
                for card_id, hash_ in zip(ids, hashes, strict=True):
                    copy.write_row(
                        (
                            self.merchant.pk,
                            "stamps.accumulate",
                            "stamps.card",
                            card_id,
                            card_id,
                            [self.store.pk],
                            hash_,
                            1,
                            "active",
                            now,
                            now + LIFE,
                        )
                    )
            cursor.execute("ANALYZE codes_onetimecode, stamps_card, contacts_customer")
        return digits

    def next_digits(self, many: int) -> list[str]:
        """Six digits that no code has had."""
        first = self._used
        self._used += many
        return [f"{number:06d}" for number in range(first, first + many)]

    def hash_of(self, digits: str) -> bytes:
        """What a code of these digits is found by."""
        from zhanggui.codes import services as codes
        from zhanggui.core import tenancy

        with tenancy.merchant_scope(self.merchant.pk):
            return codes.hashes_of(digits)[0]

    def cards(self, many: int) -> list[int]:
        """Make customers with an empty card each; answers the cards' ids.

        One of ten is at the store for the first time, the others have opened their card there
        before: a visit is noted on the customer once a store, and a card has many stamps.
        """
        with self.place.connect() as connection:
            rows = connection.execute(
                """
                WITH made AS (
                  INSERT INTO contacts_customer
                    (merchant_id, number, name, name_key, sort_key, search, gender, note, source,
                     store_ids, tag_ids, state, blocked_reason, is_follower, created_at,
                     last_seen_at)
                  SELECT %(m)s, (20000000 + nextval('contacts_customer_id_seq'))::text,
                         '王小明', '王小明|wangxiaoming|wxm', 'wangxiaoming|王小明', '{王,wxm}', '',
                         '', 'wechat',
                         CASE WHEN g %% 10 = 1 THEN '{}' ELSE ARRAY[%(s)s]::bigint[] END, '{}',
                         'active', '', false, now(), now()
                  FROM generate_series(1, %(n)s) g RETURNING id
                ), opened AS (
                  INSERT INTO ledger_account (merchant_id, unit, code, balance, is_cached)
                  SELECT %(m)s, 'stamp', 'card:b' || id, 0, false FROM made RETURNING id, code
                )
                INSERT INTO stamps_card
                  (merchant_id, token, programme_id, customer_id, account_id, balance, version,
                   state, created_at, is_filled, terms_id, cycle, slots, valid_days, due_at, floor,
                   day_stamps)
                SELECT %(m)s, 'bench' || made.id, %(p)s, made.id, opened.id, 0, 0, 'open', now(),
                       false, (SELECT id FROM stamps_terms WHERE programme_id = %(p)s), 0, 20, 0,
                       20, 0, 0
                FROM made JOIN opened ON opened.code = 'card:b' || made.id RETURNING id
                """,
                {
                    "m": self.merchant.pk,
                    "n": many,
                    "p": self.programme.pk,
                    "s": self.store.pk,
                },
            ).fetchall()
        return [int(str(row[0])) for row in rows]

    def counted(self, sql: str) -> int:
        """One number out of the database; ``%(m)s`` is the merchant."""
        with self.place.connect() as connection:
            row = connection.execute(sql, {"m": self.merchant.pk}).fetchone()
        return int(str(row[0])) if row else 0

    def grouped(self, sql: str) -> dict[str, int]:
        """Names with their counts; ``%(m)s`` is the merchant."""
        with self.place.connect() as connection:
            rows = connection.execute(sql, {"m": self.merchant.pk}).fetchall()
        return {str(name): int(str(many)) for name, many in rows}

    def findings(self) -> int:
        """What ``verify_ledger`` has to complain about."""
        from zhanggui.core import tenancy
        from zhanggui.ledger import checks

        with tenancy.merchant_scope(self.merchant.pk):
            return len(checks.findings())
