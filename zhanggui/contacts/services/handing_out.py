"""Everything about one person as a file: gathered by a task, gone after a day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.db import transaction
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.contacts import dossier
from zhanggui.contacts.errors import CustomerGone
from zhanggui.contacts.models import Customer, CustomerState
from zhanggui.files import jobs
from zhanggui.files.models import Task
from zhanggui.files.services import keep_result

TASK = "contacts.dossier"
KEEP_FOR = timedelta(days=1)
ZIP = "application/zip"


def begin_dossier(*, customer: Customer, actor: Actor) -> Task:
    """Begin to gather everything all modules hold about one person.

    Raises:
        CustomerGone: there is nothing any more (410).
    """
    if customer.state == CustomerState.ERASED:
        raise CustomerGone
    with transaction.atomic():
        audit.record(actor, "contacts.person.exported", f"customer:{customer.pk}")
        return jobs.start(
            kind=TASK,
            title=_("Everything about member %(number)s") % {"number": customer.number},
            arguments={"customer": customer.pk},
            actor=actor,
        )


def run_dossier(task: Task) -> jobs.Outcome:
    """The work of the task.

    Raises:
        CustomerGone: the person was erased meanwhile (410).
    """
    customer = Customer.objects.filter(pk=task.arguments["customer"]).first()
    if customer is None or customer.state == CustomerState.ERASED:
        raise CustomerGone
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=task.merchant_id)
    sheets = dossier.sheets_of(customer)
    with NamedTemporaryFile(suffix=".zip") as file:
        Path(file.name).write_bytes(dossier.zip_of(sheets, zone))
        with transaction.atomic():
            stored = keep_result(
                path=Path(file.name),
                name=f"{customer.number}.zip",
                content_type=ZIP,
                actor=jobs.actor_of(task),
                expires_in=KEEP_FOR,
            )
    return jobs.Outcome({"rows": sum(len(sheet.rows) for sheet in sheets)}, stored)
