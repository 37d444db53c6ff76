"""The hash chain: sealed in an order that is final, checked, proved offline by the script."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.utils import timezone

from zhanggui.accounts import hooks
from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.core import clock, tenancy
from zhanggui.files.models import Task
from zhanggui.files.tests.factories import run_jobs
from zhanggui.ledger import chain, checking, checks, proofs, sealing, services, tasks
from zhanggui.ledger.models import Account, Block, Chain, Transaction, Unit

ZONE = "Asia/Shanghai"
SCRIPT = finders.find("ledger/verify_proof.py")
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def tea(db: None) -> Iterator[Merchant]:
    """A merchant whose scope is open."""
    merchant = make_merchant("tea")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def book(number: int, amount: int = 1) -> Transaction:
    """Move units from ``issue:1`` to ``card:1``."""
    issue = services.open_account(unit=Unit.STAMP, code="issue:1", is_cached=False)
    card = services.open_account(unit=Unit.STAMP, code="card:1")
    return services.book(
        unit=Unit.STAMP,
        event="tests.given",
        cause=f"code:{number}",
        amounts={issue.pk: -amount, card.pk: amount},
        zone=ZONE,
    )


def seal_twice() -> int:
    """Let the job come, and once more a minute later; answers how many were sealed."""
    first = sealing.seal()
    with clock.at(timezone.now() + timedelta(minutes=1)):
        return first + sealing.seal()


def seal_separately(many: int) -> None:
    """Bookings, each in a block of its own, with an id between them that nobody got."""
    for number in range(1, many + 1):
        book(number)
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('ledger_transaction_id_seq')")
        assert seal_twice() == 1


def tamper(sql: str) -> None:
    """Change rows as somebody could who owns the database."""
    everything = tenancy.all_merchants("somebody with the database's password")
    with everything, connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET session_replication_role = origin")


class TestSealing:
    def test_takes_a_booking_a_minute_after_it_was_seen(self, tea: Merchant) -> None:
        booked = book(1)
        assert (sealing.seal(), sealing.seal()) == (0, 0)
        with clock.at(timezone.now() + timedelta(minutes=1)):
            assert sealing.seal() == 1

        head, block = Chain.objects.get(), Block.objects.get()
        assert (head.blocks, head.bookings, head.sealed_id) == (1, 1, booked.pk)
        assert (block.number, block.position, block.last_id) == (1, 1, booked.pk)
        (line,) = chain.lines(0, booked.pk)
        first = chain.step(chain.beginning(tea.pk), f"1\t{line.text}")
        assert head.hash == block.hash == first

    def test_writes_a_booking_down_whole(self, tea: Merchant) -> None:
        booked = book(7, 3)
        debit, credit = booked.entries.order_by("pk").values_list("pk", flat=True)
        at = booked.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

        (line,) = chain.lines(0, booked.pk)

        assert line.text.split("\t") == [
            str(booked.pk),
            at,
            f"{booked.business_date:%Y-%m-%d}",
            "stamp",
            "tests.given",
            "code:7",
            "-",
            "-",
            f"{debit} issue:1 -3",
            f"{credit} card:1 3",
        ]

    def test_goes_on_where_it_ended(self, tea: Merchant) -> None:
        seal_separately(3)

        assert list(Block.objects.order_by("number").values_list("number", "position")) == [
            (1, 1),
            (2, 2),
            (3, 3),
        ]
        assert checks.findings() == []

    def test_puts_many_bookings_into_blocks(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sealing, "BLOCK", 2)
        monkeypatch.setattr(sealing, "BLOCKS_AT_ONCE", 2)
        monkeypatch.setattr(chain, "AT_ONCE", 3)
        for number in range(9):
            book(number)

        assert seal_twice() == 9
        assert [b.position for b in Block.objects.order_by("number")] == [2, 4, 6, 8, 9]
        assert checks.findings() == []

    def test_needs_no_session_setting(self, tea: Merchant) -> None:
        booked = book(1)
        before = list(chain.lines(0, booked.pk))
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'America/New_York'")
            cursor.execute("SET LOCAL DateStyle = 'German'")
            assert list(chain.lines(0, booked.pk)) == before

    def test_seals_each_merchant_apart(self, tea: Merchant) -> None:
        book(1)
        coffee = make_merchant("coffee")
        with tenancy.merchant_scope(coffee.pk):
            book(1)
            book(2)
        tasks.seal(0)
        with clock.at(timezone.now() + timedelta(minutes=1)):
            tasks.seal(0)

        assert Chain.objects.get().bookings == 1
        with tenancy.merchant_scope(coffee.pk):
            assert Chain.objects.get().bookings == 2

    def test_goes_on_after_a_backup_was_restored_elsewhere(self, tea: Merchant) -> None:
        book(1)
        sealing.seal()
        Chain.objects.update(watched_xact=2**60)  # another cluster counts from the beginning
        with clock.at(timezone.now() + timedelta(minutes=1)):
            assert sealing.seal() == 1


FAULTS = [
    ("UPDATE ledger_entry SET amount = amount * 2", "hashes", "block:1"),
    ("UPDATE ledger_transaction SET cause = 'code:99' WHERE cause = 'code:2'", "hashes", "block:2"),
    ("UPDATE ledger_transaction SET at = at + interval '1 day'", "hashes", "block:1"),
    ("UPDATE ledger_account SET code = 'card:2' WHERE code = 'card:1'", "hashes", "block:1"),
    ("DELETE FROM ledger_transaction WHERE cause = 'code:3'", "block_counts", "block:3"),
    ("DELETE FROM ledger_block WHERE number = 2", "block_numbers", "block:2"),
    ("DELETE FROM ledger_block WHERE number = 3", "head", "block:3"),
    ("UPDATE ledger_block SET hash = repeat('0', 64) WHERE number = 2", "hashes", "block:2"),
    ("UPDATE ledger_chain SET hash = repeat('0', 64)", "head", "block:3"),
    (
        (
            "INSERT INTO ledger_transaction"
            " (merchant_id, id, unit, event, cause, at, business_date)"
            " OVERRIDING SYSTEM VALUE SELECT merchant_id, id + 1, unit, event, 'code:0', at,"
            " business_date FROM ledger_transaction WHERE cause = 'code:1'"
        ),
        "block_counts",
        "block:2",
    ),
]


class TestCheck:
    def test_is_content_with_what_was_sealed(self, tea: Merchant) -> None:
        seal_separately(3)

        assert checks.findings() == []

    @pytest.mark.parametrize(("sql", "rule", "what"), FAULTS)
    def test_finds_what_was_changed(self, tea: Merchant, sql: str, rule: str, what: str) -> None:
        seal_separately(3)
        tamper(sql)

        found = list(checks.broken_blocks())

        assert (found[0].rule, found[0].what) == (rule, what)

    def test_at_night_raises_the_alarm_once(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(hooks, "notify_owners", lambda _merchant, text: told.append(text))
        seal_separately(2)
        tasks.check(0)
        assert (Chain.objects.get().found, told) == (0, [])
        assert not AuditEntry.objects.exists()

        Account.objects.filter(code="card:1").update(balance=5)
        tamper("UPDATE ledger_transaction SET cause = 'code:99' WHERE cause = 'code:2'")
        tasks.check(0)
        tasks.check(0)

        head = Chain.objects.get()
        assert head.found == 2
        assert [(one["rule"], one["what"]) for one in head.findings][1] == ("hashes", "block:2")
        assert len(told) == 1
        assert "2" in told[0]
        assert AuditEntry.objects.filter(action="ledger.check.failed").count() == 2

    def test_seals_first(self, tea: Merchant) -> None:
        book(1)
        sealing.seal()
        with clock.at(timezone.now() + timedelta(minutes=1)):
            assert checking.check_all(ACTOR) == 0
        assert Chain.objects.get().bookings == 1


class TestPage:
    URL = "/m/tea/ledger-check/"

    def test_says_that_nothing_was_checked_yet(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.OWNER))
        page = client.get(self.URL).content.decode()

        assert "还没有核对过" in page
        assert not Chain.objects.exists()

    def test_checks_and_shows_that_all_is_in_order(self, client: Client, tea: Merchant) -> None:
        seal_separately(2)
        client.force_login(make_staff(tea, role=Role.OWNER))
        answer = client.post(f"{self.URL}check")
        assert answer["Location"] == f"/m/tea/jobs/{Task.objects.get().pk}/"
        run_jobs()
        page = client.get(self.URL).content.decode()

        assert "一切正常" in page
        assert Chain.objects.get().hash[:16] in page
        assert Task.objects.get().result == {"bookings": 2, "found": 0}
        assert AuditEntry.objects.filter(action="ledger.checked").count() == 1

    def test_shows_faults_here_and_on_the_first_page(self, client: Client, tea: Merchant) -> None:
        seal_separately(1)
        client.force_login(make_staff(tea, role=Role.OWNER))
        assert "账对不上" not in client.get("/m/tea/").content.decode()
        tamper("UPDATE ledger_entry SET amount = amount * 2")
        tasks.check(0)

        page = client.get(self.URL).content.decode()

        assert "block:1" in page
        assert "account:" in page
        assert "账对不上" in client.get("/m/tea/").content.decode()

    def test_makes_no_proof_of_nothing(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, role=Role.OWNER))
        answer = client.post(f"{self.URL}proof", follow=True)

        assert "还没有封存" in answer.content.decode()
        assert not Task.objects.exists()


def run_script(*paths: Path) -> tuple[int, str]:
    """Exit code and words of the script, run by a plain Python without our packages."""
    assert SCRIPT is not None
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


@pytest.fixture
def proof(client: Client, tea: Merchant, tmp_path: Path) -> Callable[[str], Path]:
    """Take the proof by the page, as a file of that name."""

    def take(name: str) -> Path:
        client.force_login(make_staff(tea, role=Role.OWNER))
        address = client.post("/m/tea/ledger-check/proof")["Location"]
        run_jobs()
        answer = client.get(f"{address}file")
        path = tmp_path / name
        path.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
        return path

    return take


def rewritten(path: Path, change: Callable[[str], str]) -> Path:
    """A proof somebody has changed."""
    text = change(gzip.decompress(path.read_bytes()).decode())
    path.write_bytes(gzip.compress(text.encode()))
    return path


CHANGES: list[tuple[str, Callable[[str], str]]] = [
    ("an amount", lambda t: t.replace("card:1 1", "card:1 9").replace("issue:1 -1", "issue:1 -9")),
    ("one side", lambda t: t.replace("card:1 1", "card:1 2", 1)),
    ("a cause", lambda t: t.replace("code:2", "code:7")),
    ("a booking is gone", lambda t: "".join(k for k in t.splitlines(True) if "code:2" not in k)),
    ("the last seal is gone", lambda t: "".join(t.splitlines(True)[:-1])),
    ("another shop", lambda t: t.replace("zhanggui-ledger-1\t", "zhanggui-ledger-1\t9", 1)),
    ("a seal", lambda t: t[:-3] + ("0" if t[-3] != "0" else "1") + t[-2:]),
    ("empty", lambda t: ""),
]


class TestProof:
    def test_is_verified_by_the_script(self, tea: Merchant, proof: Callable[[str], Path]) -> None:
        seal_separately(3)
        head = Chain.objects.get()

        assert run_script(proof("a.gz")) == (0, f"RIGHT: 3 bookings, last seal {head.hash}")

    @pytest.mark.parametrize("change", [c for _n, c in CHANGES], ids=[n for n, _c in CHANGES])
    def test_that_was_changed_is_refused(
        self, tea: Merchant, proof: Callable[[str], Path], change: Callable[[str], str]
    ) -> None:
        seal_separately(3)
        code, words = run_script(rewritten(proof("a.gz"), change))

        assert code == 1
        assert words.startswith("WRONG")

    def test_begins_with_the_one_before(self, tea: Merchant, proof: Callable[[str], Path]) -> None:
        seal_separately(2)
        older = proof("older.gz")
        book(9)
        seal_twice()

        assert run_script(proof("newer.gz"), older)[0] == 0

    def test_shows_that_the_whole_chain_was_made_anew(
        self, tea: Merchant, proof: Callable[[str], Path]
    ) -> None:
        seal_separately(2)
        older = proof("older.gz")
        tamper("UPDATE ledger_transaction SET cause = 'code:99' WHERE cause = 'code:2'")
        tamper("DELETE FROM ledger_block")
        tamper("DELETE FROM ledger_chain")
        seal_twice()
        assert checks.findings() == []  # whoever owns the database can do that

        newer = proof("newer.gz")

        assert run_script(newer)[0] == 0
        code, words = run_script(newer, older)
        assert (code, "older proof" in words) == (1, True)

    def test_holds_no_names_but_the_shops(
        self, tea: Merchant, proof: Callable[[str], Path]
    ) -> None:
        Merchant.objects.filter(pk=tea.pk).update(name="茶\n舍")
        seal_separately(1)
        lines = gzip.decompress(proof("a.gz").read_bytes()).decode().splitlines()

        assert lines[:2] == [f"zhanggui-ledger-1\t{tea.pk}", "# 茶 舍"]
        assert len(lines) == 4
        assert "".join([*lines[:1], *lines[2:]]).isascii()

    def test_stands_in_the_audit_log_with_its_hash(
        self, tea: Merchant, proof: Callable[[str], Path]
    ) -> None:
        seal_separately(1)
        proof("a.gz")

        entry = AuditEntry.objects.get(action=proofs.TAKEN)
        assert entry.details["hash"] == Chain.objects.get().hash

    def test_the_documented_script_is_the_one_people_get(self) -> None:
        assert SCRIPT is not None
        page = (DOCS / "ledger-proof.md").read_text(encoding="utf-8")

        assert f"```python\n{Path(SCRIPT).read_text(encoding='utf-8')}```" in page
