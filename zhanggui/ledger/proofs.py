"""The proof: one file with every sealed booking, which anybody can verify without this program.

A text, packed by gzip. Its first line is what the chain begins with; then come bookings, as they
are hashed, and after each block a line ``=``, number, position, time, hash. Lines beginning with
``#`` are for people. ``docs/ledger-proof.md`` describes it, with the script that verifies it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.db import transaction
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock
from zhanggui.files import jobs
from zhanggui.files.models import Task
from zhanggui.files.services import keep_result
from zhanggui.ledger import chain, checking, sealing
from zhanggui.ledger.errors import NothingSealed
from zhanggui.ledger.models import Block

PROOF, CHECK = "ledger.proof", "ledger.check"
TAKEN = "ledger.proof.taken"
KEEP_FOR = timedelta(days=3)
GZIP = "application/gzip"
MANY = 1000


def begin_proof(*, actor: Actor) -> Task:
    """Begin to write the proof of the merchant in scope.

    Raises:
        NothingSealed: no booking was sealed yet (E_NOTHING_SEALED, 409).
    """
    head = sealing.head_of()
    if head is None or not head.blocks:
        raise NothingSealed
    with transaction.atomic():
        audit.record(actor, TAKEN, f"ledger:{head.merchant_id}", details={"hash": head.hash})
        return jobs.start(
            kind=PROOF,
            title=_("Proof of the ledger"),
            arguments={"blocks": head.blocks},
            actor=actor,
            total=head.bookings,
        )


def begin_check(*, actor: Actor) -> Task:
    """Begin to check the ledger of the merchant in scope now."""
    head = sealing.head_of()
    with transaction.atomic():
        return jobs.start(
            kind=CHECK,
            title=_("Check of the ledger"),
            arguments={},
            actor=actor,
            total=head.bookings if head else 0,
        )


def run_check(task: Task) -> jobs.Outcome:
    """The work of a check that somebody asked for."""
    sealing.seal()
    head = checking.check(actor=jobs.actor_of(task), tell=lambda done: jobs.progress(task, done))
    return jobs.Outcome({"bookings": head.checked, "found": head.found})


def run_proof(task: Task) -> jobs.Outcome:
    """The work of a proof: the blocks that were there when it was begun."""
    merchant = Merchant.objects.get(pk=task.merchant_id)
    bookings = 0
    with NamedTemporaryFile(suffix=".txt.gz") as file:
        path = Path(file.name)
        with gzip.open(path, "wt", encoding="utf-8", newline="\n") as text:
            for line in proof(merchant, task.arguments["blocks"]):
                text.write(f"{line}\n")
                if line[0].isdigit():
                    bookings += 1
                    jobs.progress(task, bookings)
        with transaction.atomic():
            stored = keep_result(
                path=path,
                name=_name(merchant),
                content_type=GZIP,
                actor=jobs.actor_of(task),
                expires_in=KEEP_FOR,
            )
    return jobs.Outcome({"bookings": bookings}, stored)


def proof(merchant: Merchant, blocks: int) -> Iterator[str]:
    """The lines of the file up to a block; the merchant's scope is open."""
    yield chain.first_line(merchant.pk)
    yield f"# {' '.join(merchant.name.split())}"
    after = position = 0
    for block in Block.objects.filter(number__lte=blocks).order_by("number").iterator(MANY):
        for line in chain.lines(after, block.last_id):
            position += 1
            yield chain.numbered(position, line.text)
        after = block.last_id
        sealed_at = block.sealed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"=\t{block.number}\t{block.position}\t{sealed_at}\t{block.hash}"


def _name(merchant: Merchant) -> str:
    today = clock.local_date(clock.now(), merchant.time_zone)
    return f"{merchant.slug}-ledger-{today:%Y%m%d}.txt.gz"
