"""Jobs of this module: each loads by id and calls one service; all are safe to run twice."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "messages"
AFTER_OTHERS = -10
"""A mailing takes minutes: whatever else waits in the queue is worked on first."""


@app.task(queue=QUEUE, name="messaging.drain")
def drain(merchant_id: int) -> None:
    """Send the single messages that wait at one merchant; a running mailing does not delay them."""
    from zhanggui.messaging import sending  # noqa: PLC0415  they need each other

    sending.drain(merchant_id=merchant_id, with_mailings=False)


@app.task(queue=QUEUE, name="messaging.drain_mailings", priority=AFTER_OTHERS)
def drain_mailings(merchant_id: int) -> None:
    """Send what waits at one merchant, its mailings as well."""
    from zhanggui.messaging import sending  # noqa: PLC0415  like its neighbour

    sending.drain_mailings(merchant_id=merchant_id)


@app.periodic(cron="* * * * *")
@app.task(queue=QUEUE, name="messaging.sweep", queueing_lock="messaging.sweep")
def sweep(timestamp: int) -> None:
    """Every minute: send what has become due, and what a killed worker left behind."""
    from zhanggui.messaging import campaigns, sending  # noqa: PLC0415  like its neighbour

    sending.sweep()
    campaigns.finish_all()


@app.periodic(cron="41 4 * * *")
@app.task(queue=QUEUE, name="messaging.forget", queueing_lock="messaging.forget")
def forget(timestamp: int) -> None:
    """Delete what is no longer needed, every night."""
    from zhanggui.messaging import retention  # noqa: PLC0415  like its neighbours

    retention.forget()
