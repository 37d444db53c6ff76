"""Around the tea house's people: an own role, an open invitation, a visit of its operator."""

from __future__ import annotations

from datetime import timedelta

from demo.made import id_of, made
from zhanggui.accounts import services
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.models import Merchant, Person, Role, SupportSession
from zhanggui.core import clock

CASHIER_MAY = ("accounts.view_stores", "contacts.view_customers", "stamps.view")
REASON = "店主来电：核对公众号回调设置"


def shape(merchant: Merchant, owner: Actor, helper_key: str) -> None:
    """Make what is missing; the helper is somebody of the merchant's operator."""
    made(
        f"role:{merchant.slug}/cashier",
        lambda: services.create_role(
            place=merchant,
            name="收银员",
            explanation="在柜台看顾客和集章卡，不改活动",
            rights=CASHIER_MAY,
            actor=owner,
        ),
    )
    made(
        f"staff-invitation:{merchant.slug}",
        lambda: (
            services.invite(
                place=merchant,
                role=Role.CLERK,
                inviter=Person.objects.get(pk=owner.id or 0),
                actor=owner,
                note="湖滨店新店员",
                lasts=timedelta(days=7),
            ).invitation
        ),
    )
    made(f"support:{merchant.slug}", lambda: _visit(merchant, helper_key))


def _visit(merchant: Merchant, helper_key: str) -> SupportSession:
    helper = Person.objects.get(pk=id_of(helper_key))
    actor = person_actor(helper)
    came = clock.now() - timedelta(days=3)
    with clock.at(came):
        session = services.open_support(
            merchant=merchant,
            operator=merchant.operator,
            person=helper,
            reason=REASON,
            minutes=60,
            actor=actor,
        )
    with clock.at(came + timedelta(minutes=18)):
        services.end_support(session=session, actor=actor)
    return session
