"""Mailings: a template with the shop's words to a segment; previewed, confirmed, sent, cancelled.

Confirming sets the whole cost aside and starts a task; the task writes all messages in one
transaction and then sends them beside the workers, so that its progress is the mailing's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Count

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.models import Segment
from zhanggui.core import clock, tenancy
from zhanggui.files import jobs
from zhanggui.files.models import Task
from zhanggui.messaging import mass, routing, sending, templates, wallet
from zhanggui.messaging.errors import (
    MailingMoved,
    NobodyReached,
    NoCredit,
    TemplateNotForMany,
    WordsMissing,
)
from zhanggui.messaging.models import (
    Campaign,
    CampaignState,
    Kind,
    Message,
    Purse,
    State,
)

TASK = "messaging.mailing"
WAIT_S = 0.5
OPEN = (CampaignState.QUEUING, CampaignState.SENDING)


def draft(
    *,
    name: str,
    template: str,
    body: Mapping[str, str],
    segment_id: int | None,
    actor: Actor,
    campaign: Campaign | None = None,
) -> Campaign:
    """Write a mailing down, or change one that is still a draft; nothing is sent.

    Raises:
        TemplateNotForMany: no mailing carries this message (422).
        WordsMissing: a field is empty (422).
        MailingMoved: it was confirmed meanwhile (409).
    """
    known = templates.find(template)
    if known is None or not known.for_many:
        raise TemplateNotForMany
    kept = {field.name: body.get(field.name, "").strip() for field in known.fields}
    if not all(kept.values()):
        raise WordsMissing
    segment = Segment.objects.filter(pk=segment_id).first() if segment_id else None
    with transaction.atomic():
        row = campaign or Campaign(created_by=actor.name[:80])
        if row.pk and not _lock(row, CampaignState.DRAFT):
            raise MailingMoved
        row.name, row.template, row.body = name.strip()[:60], template, kept
        row.segment_id = segment.pk if segment else None
        row.conditions = segment.conditions if segment else []
        row.save()
        audit.record(actor, "messaging.mailing.drafted", f"mailing:{row.pk}")
    return row


def confirm(*, merchant: Merchant, campaign_id: int, actor: Actor) -> Campaign:
    """Begin a mailing: its task writes and sends the messages.

    Raises:
        MailingMoved: it was confirmed or cancelled before (409).
        NobodyReached: nobody can be reached (409).
        NoCredit: the purse holds less than it takes now (E_SMS_CREDIT, 409).
    """
    with transaction.atomic():
        row = Campaign.objects.select_for_update().filter(pk=campaign_id).first()
        if row is None or row.state != CampaignState.DRAFT:
            raise MailingMoved
        _take_conditions(row)
        found = mass.estimate(routing.house_of(merchant), row)
        if not found.reached:
            raise NobodyReached
        left = wallet.balance(_purse(row))
        if found.segments > left:
            raise NoCredit(needed=found.segments, left=left)
        row.state, row.started_at = CampaignState.QUEUING, clock.now()
        task = jobs.start(
            kind=TASK,
            title=row.name,
            arguments={"mailing": row.pk},
            actor=actor,
            total=found.reached,
        )
        row.task_id = task.pk
        row.save()
        audit.record(
            actor,
            "messaging.mailing.confirmed",
            f"mailing:{row.pk}",
            details={"people": found.reached, "segments": found.segments},
        )
    return row


def _take_conditions(row: Campaign) -> None:
    """The segment as it is now, not as it was when the draft was written."""
    if row.segment_id is None:
        return
    segment = Segment.objects.filter(pk=row.segment_id).first()
    if segment is not None:
        row.conditions = segment.conditions


def run(task: Task) -> jobs.Outcome:
    """The work of the task: write all messages at once, then send until nothing waits.

    Raises:
        NoCredit: the credit went elsewhere since it was confirmed (409); nothing is sent.
    """
    merchant = Merchant.objects.get(pk=task.merchant_id)
    campaign = Campaign.objects.get(pk=task.arguments["mailing"])
    if campaign.state == CampaignState.QUEUING:
        put_in_queue(merchant, campaign)
    campaign.refresh_from_db()
    goal = campaign.wechat + campaign.sms
    with sending.running(merchant) as worker:
        while campaign.due_at is not None and campaign.due_at <= clock.now():
            worked = worker.batch()
            left = _left(campaign)
            jobs.progress(task, goal - left, goal)
            if not left:
                break
            if not worked:
                if not _due_soon(campaign):
                    break  # the rest has a later time: the sweep sends it
                time.sleep(WAIT_S)
    finish(campaign)
    return jobs.Outcome(figures(campaign))


def put_in_queue(merchant: Merchant, campaign: Campaign) -> mass.Queued:
    """Write all messages of a mailing and set aside what they cost, in one transaction.

    Raises:
        NoCredit: the purse holds less (E_SMS_CREDIT, 409); nothing is written.
    """
    with transaction.atomic():
        if not _lock(campaign, CampaignState.QUEUING):
            raise MailingMoved
        house = routing.house_of(merchant)
        queued = mass.queue(house, campaign)
        if queued.segments:
            wallet.reserve(
                merchant=merchant,
                purse=_purse(campaign),
                segments=queued.segments,
                cause=f"mailing:{campaign.pk}",
            )
        campaign.wechat, campaign.sms = queued.wechat, queued.sms
        campaign.segments, campaign.state = queued.segments, CampaignState.SENDING
        first = Message.objects.filter(campaign=campaign, state=State.QUEUED).first()
        campaign.due_at = first.due_at if first else clock.now()
        campaign.save()
        if campaign.due_at <= clock.now():
            sending.wake(merchant.pk, with_mailings=True)  # a worker that helps the task
    return queued


def cancel(*, merchant: Merchant, campaign_id: int, actor: Actor) -> Campaign:
    """Stop a mailing: what has not gone out does not, and its credit comes back.

    Raises:
        MailingMoved: it is over already (409).
    """
    with transaction.atomic():
        row = Campaign.objects.select_for_update().filter(pk=campaign_id).first()
        if row is None or row.state in {CampaignState.DONE, CampaignState.CANCELLED}:
            raise MailingMoved
        _stop(merchant, row)
        audit.record(actor, "messaging.mailing.cancelled", f"mailing:{row.pk}")
    return row


def task_ended(task: Task) -> None:
    """The task was cancelled in the job centre, or failed: the mailing ends with it."""
    merchant = Merchant.objects.get(pk=task.merchant_id)
    row = Campaign.objects.select_for_update().filter(pk=task.arguments["mailing"]).first()
    if row is not None and row.state in OPEN:
        _stop(merchant, row)


def _stop(merchant: Merchant, row: Campaign) -> None:
    _many, freed = mass.cancel(row)
    if freed:
        wallet.settle(
            merchant=merchant,
            purse=_purse(row),
            used=0,
            freed=freed,
            cause=f"mailing:{row.pk}:cancelled",
        )
    row.state, row.ended_at = CampaignState.CANCELLED, clock.now()
    row.save(update_fields=["state", "ended_at"])


def finish(campaign: Campaign) -> None:
    """A mailing is done when none of its messages waits any more."""
    if _left(campaign) == 0:
        Campaign.objects.filter(pk=campaign.pk, state=CampaignState.SENDING).update(
            state=CampaignState.DONE, ended_at=clock.now()
        )


def finish_all() -> None:
    """Close mailings whose last messages went out by the minute's sweep."""
    with tenancy.all_merchants("mailings of any merchant come to their end"):
        rows = list(Campaign.objects.filter(state=CampaignState.SENDING, due_at__lte=clock.now()))
    for row in rows:
        with tenancy.merchant_scope(row.merchant_id):
            finish(row)


def figures(campaign: Campaign) -> dict[str, int]:
    """How many of its messages are in which state, and the segments they cost."""
    rows = Message.objects.filter(campaign=campaign).values_list("state")
    return {str(state): many for state, many in rows.annotate(many=Count("pk")).order_by()}


def _left(campaign: Campaign) -> int:
    waiting = Message.objects.filter(campaign=campaign, state__in=[State.QUEUED, State.SENDING])
    return waiting.count()


def _due_soon(campaign: Campaign) -> bool:
    """Whether anything is being sent right now, or is due."""
    rows = Message.objects.filter(campaign=campaign)
    is_due = rows.filter(state=State.QUEUED, due_at__lte=clock.now()).exists()
    return is_due or rows.filter(state=State.SENDING, claimed_until__gt=clock.now()).exists()


def _lock(campaign: Campaign, state: CampaignState) -> bool:
    rows = Campaign.objects.select_for_update().filter(pk=campaign.pk, state=state)
    return rows.first() is not None


def _purse(campaign: Campaign) -> Purse:
    is_marketing = templates.get(campaign.template).kind == Kind.MARKETING
    return Purse.MARKETING if is_marketing else Purse.SERVICE
