"""Giving coupons to many: by a link with its own limit, to a segment by a task."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.contacts import conditions
from zhanggui.contacts.models import Customer, CustomerState, Segment
from zhanggui.core import clock, idempotency, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.coupons.errors import HandedOn, LinkOver
from zhanggui.coupons.models import Coupon, CouponLink, CouponTemplate, Way
from zhanggui.coupons.services.issuing import issue
from zhanggui.files import jobs
from zhanggui.files.models import Task

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

TASK = "coupons.issue"


def create_link(
    *, template_id: int, name: str, most: int | None, expires_at: datetime | None, actor: Actor
) -> CouponLink:
    """Make an address by which each customer takes one coupon.

    Args:
        template_id: of the merchant in scope.
        name: what the shop knows it by.
        most: how many it gives; None leaves it to the template's stock.
        expires_at: when it ends; None never.
        actor: who makes it.
    """
    with transaction.atomic():
        if not CouponTemplate.objects.filter(pk=template_id).exists():
            raise NotFound
        link = CouponLink(
            merchant_id=tenancy.current_merchant_id(),
            template_id=template_id,
            name=name.strip(),
            most=most,
            left=most,
            expires_at=expires_at,
        )
        link.save(force_insert=True)
        audit.record(actor, "coupons.link.made", f"coupon_template:{template_id}")
    return link


def close_link(*, link_id: int, actor: Actor) -> None:
    """Give nothing more out by this address."""
    with transaction.atomic():
        link = CouponLink.objects.filter(pk=link_id).first()
        if link is None:
            raise NotFound
        if CouponLink.objects.filter(pk=link_id, is_open=True).update(is_open=False):
            audit.record(actor, "coupons.link.closed", f"coupon_template:{link.template_id}")


def take_by_link(*, link_id: int, customer_id: int, actor: Actor) -> Coupon:
    """A customer takes the coupon of a link; a second tap shows the same one.

    Raises:
        NotFound: no such link (404).
        HandedOn: had the coupon and gave it to somebody (E_COUPON_HANDED_ON, 409).
        LinkOver: closed, ended or empty (E_COUPON_LINK_OVER, 410).
        LimitTotal, LimitPerson, TemplateStopped, TemplatePaused, TemplateEnded: see ``issue``.
    """
    cause = f"link:{link_id}:{customer_id}"
    with transaction.atomic():
        turns.take("coupons.link", tenancy.current_merchant_id(), link_id, customer_id)
        known = Coupon.objects.select_related("template", "customer").filter(cause=cause).first()
        if known is not None and known.customer_id != customer_id:
            raise HandedOn
        if known is not None:
            return known
        rows = CouponLink.objects.filter(pk=link_id)
        link = rows.first()
        if link is None:
            raise NotFound
        if link.is_over(clock.now()):
            raise LinkOver
        open_ = rows.filter(is_open=True)
        if link.most is None:
            is_taken = open_.update(taken=F("taken") + 1)
        else:
            is_taken = open_.filter(left__gt=0).update(left=F("left") - 1, taken=F("taken") + 1)
        if not is_taken:
            raise LinkOver
        return issue(
            template_id=link.template_id,
            customer_id=customer_id,
            way=Way.LINK,
            cause=cause,
            actor=actor,
            is_told=False,
        )


def issue_to_segment(*, template_id: int, segment_id: int, actor: Actor, key: str = "") -> Task:
    """Start the task that gives everybody of a segment one coupon, exactly once.

    Args:
        template_id: of the merchant in scope.
        segment_id: of the merchant in scope.
        actor: who gives.
        key: idempotency key of the form; the same key within 24 h answers the same task.

    Raises:
        NotFound: no such template or segment (404).
        KeyReused: the key was used for something else (E_KEY_REUSED, 409).
    """
    content = {"door": "coupons.segment", "template": template_id, "segment": segment_id}
    started = idempotency.once(
        caller=actor.key,
        key=key,
        content=content,
        write=lambda: {"id": _start_segment(template_id, segment_id, actor).pk},
    )
    return Task.objects.get(pk=started["id"])


def _start_segment(template_id: int, segment_id: int, actor: Actor) -> Task:
    with transaction.atomic():
        template = CouponTemplate.objects.filter(pk=template_id).first()
        segment = Segment.objects.filter(pk=segment_id).first()
        if template is None or segment is None:
            raise NotFound
        task = jobs.start(
            kind=TASK,
            title=f"{template.name} · {segment.name}",
            arguments={"template": template.pk, "segment": segment.pk},
            actor=actor,
        )
        audit.record(
            actor,
            "coupons.segment.started",
            f"coupon_template:{template.pk}",
            details={"segment": segment.pk, "task": task.pk},
        )
    return task


def run_segment(task: Task) -> jobs.Outcome:
    """Give the coupons; a task that runs again goes on where it was.

    Whoever cannot get one (the stock is empty, the person has enough) is counted and left out.
    """
    template_id, segment_id = task.arguments["template"], task.arguments["segment"]
    segment = Segment.objects.get(pk=segment_id)
    found = Customer.objects.filter(conditions.fitting(segment.conditions))
    active = found.filter(state=CustomerState.ACTIVE)
    ids = sorted(set(active.values_list("pk", flat=True)))
    actor = jobs.actor_of(task)
    given = 0
    left_out: dict[str, int] = {}
    for done, customer_id in enumerate(ids, 1):
        try:
            issue(
                template_id=template_id,
                customer_id=customer_id,
                way=Way.SEGMENT,
                cause=f"task:{task.pk}:{customer_id}",
                actor=actor,
            )
        except DomainError as refusal:
            left_out[refusal.code] = left_out.get(refusal.code, 0) + 1
        else:
            given += 1
        jobs.progress(task, done, len(ids))
    return jobs.Outcome({"given": given, "left_out": left_out})
