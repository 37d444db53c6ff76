"""Jobs of this channel: each loads by id and calls one service; all are safe to run twice."""

from __future__ import annotations

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

QUEUE = "wechat"
RETRIES = 5
FIRST_WAIT_S = 4
AGAIN = RetryStrategy(max_attempts=RETRIES, exponential_wait=FIRST_WAIT_S)
"""After 4, 16, 64, 256 and 1,024 seconds."""


@app.task(queue=QUEUE, name="wechat.handle_deliveries", retry=AGAIN)
def handle_deliveries(delivery_ids: list[int]) -> None:
    """Work on callbacks that were stored together."""
    from zhanggui.channels.wechat import deliveries  # noqa: PLC0415  they need each other

    deliveries.handle_all(delivery_ids=delivery_ids)


def handle_again(*, delivery_id: int) -> None:
    """Let a callback whose first try failed be tried again soon, by a job of its own."""
    handle_delivery.configure(schedule_in={"seconds": FIRST_WAIT_S}).defer(delivery_id=delivery_id)


@app.task(queue=QUEUE, name="wechat.handle_delivery", retry=AGAIN, pass_context=True)
def handle_delivery(context: JobContext, delivery_id: int) -> None:
    """Work on one callback: after a try that failed, or once more by hand."""
    from zhanggui.channels.wechat import deliveries  # noqa: PLC0415  they need each other

    is_last = context.job.attempts >= RETRIES
    deliveries.handle(delivery_id=delivery_id, is_last_try=is_last)


@app.task(queue=QUEUE, name="wechat.answer_release_check", retry=2)
def answer_release_check(component_id: int, openid: str, code: str) -> None:
    """Do what WeChat's release check of a third-party platform demands."""
    from zhanggui.channels.wechat import release_check  # noqa: PLC0415  like its neighbours

    release_check.answer(component_id=component_id, openid=openid, code=code)


@app.task(queue=QUEUE, name="wechat.send_message", retry=AGAIN, pass_context=True)
def send_message(context: JobContext, message_id: int) -> None:
    """Send a message that was written down."""
    from zhanggui.channels.wechat import sending  # noqa: PLC0415  they need each other

    is_last = context.job.attempts >= RETRIES
    sending.send(message_id=message_id, is_last_try=is_last)


@app.periodic(cron="* * * * *")
@app.task(queue=QUEUE, name="wechat.send_waiting", queueing_lock="wechat.send_waiting")
def send_waiting(timestamp: int) -> None:
    """Send messages that waited for WeChat to take more of them, every minute."""
    from zhanggui.channels.wechat import sending  # noqa: PLC0415  like its neighbours

    sending.wake()


@app.task(queue=QUEUE, name="wechat.send_due")
def send_due() -> None:
    """Send messages whose short wait is over: a second, a minute."""
    from zhanggui.channels.wechat import sending  # noqa: PLC0415  like its neighbours

    sending.wake()


@app.task(queue=QUEUE, name="wechat.label_customers", retry=AGAIN)
def label_customers(account_id: int, label_id: int, tag_id: int) -> None:
    """Put a label of followers on the customers who carry a tag of the shop."""
    from zhanggui.channels.wechat.menus import labelling  # noqa: PLC0415  they need each other

    labelling.label_customers(account_id=account_id, label_id=label_id, tag_id=tag_id)


@app.periodic(cron="17 4 * * *")
@app.task(queue=QUEUE, name="wechat.forget", queueing_lock="wechat.forget")
def forget(timestamp: int) -> None:
    """Delete what is no longer needed, every night."""
    from zhanggui.channels.wechat import retention  # noqa: PLC0415  like its neighbours

    retention.forget()


@app.periodic(cron="*/10 * * * *")
@app.task(queue=QUEUE, name="wechat.watch_tickets", queueing_lock="wechat.watch_tickets")
def watch_tickets(timestamp: int) -> None:
    """Ask for the third-party platform's tickets where none came."""
    from zhanggui.channels.wechat import tickets  # noqa: PLC0415  like its neighbours

    tickets.watch()


@app.task(queue=QUEUE, name="wechat.hand_over_picture", retry=AGAIN)
def hand_over_picture(reply_id: int) -> None:
    """Let WeChat keep the picture of an automatic reply."""
    from zhanggui.channels.wechat.replies import pictures  # noqa: PLC0415  like its neighbours

    pictures.hand_over(reply_id=reply_id)


@app.periodic(cron="27 * * * *")
@app.task(queue=QUEUE, name="wechat.renew_pictures", queueing_lock="wechat.renew_pictures")
def renew_pictures(timestamp: int) -> None:
    """Hand pictures over again before WeChat forgets them, every hour."""
    from zhanggui.channels.wechat.replies import pictures  # noqa: PLC0415  like its neighbours

    pictures.renew()


@app.periodic(cron="41 4 * * *")
@app.task(queue=QUEUE, name="wechat.reconcile", queueing_lock="wechat.reconcile")
def reconcile(timestamp: int) -> None:
    """Compare the accounts with WeChat's own list of authorisations, every night."""
    from zhanggui.channels.wechat import authorising  # noqa: PLC0415  like its neighbours

    authorising.reconcile()


@app.task(queue=QUEUE, name="wechat.note_serving", retry=AGAIN)
def note_serving(merchant_id: int | None) -> None:
    """Write down which account serves a merchant, or (None) each of them."""
    from zhanggui.channels.wechat import serving  # noqa: PLC0415  like its neighbours

    serving.note_change(merchant_id=merchant_id)


@app.periodic(cron="41 * * * *", periodic_id="wechat.note_serving_hourly")
@app.task(queue=QUEUE, name="wechat.note_serving_hourly", queueing_lock="wechat.note_serving")
def note_serving_hourly(timestamp: int) -> None:
    """Look after what no change of an account told: new merchants, moved ones."""
    from zhanggui.channels.wechat import serving  # noqa: PLC0415  like its neighbours

    serving.note_change(merchant_id=None)
