"""Jobs of this channel: each loads by id and calls one service; all are safe to run twice."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

QUEUE = "pay"
AGAIN = RetryStrategy(max_attempts=6, exponential_wait=4)
"""After 4, 16, 64, 256 and 1,024 seconds; what is left then is found by the sweep."""


@app.task(queue=QUEUE, name="pay.handle_notification", retry=AGAIN)
def handle_notification(notification_id: int) -> None:
    """Work on a notification that was stored."""
    from zhanggui.channels.pay.services import notifications  # noqa: PLC0415  they need each other

    notifications.handle(notification_id=notification_id)


@app.task(queue=QUEUE, name="pay.fetch_certificates", queueing_lock="pay.fetch_certificates")
def fetch_certificates(account_id: int) -> None:
    """Fetch certificates after a notification was signed with one we do not know."""
    from zhanggui.channels.pay.services import accounts  # noqa: PLC0415  like its neighbours

    accounts.refresh_certificates(account_id=account_id)


@app.task(queue=QUEUE, name="pay.ask", retry=AGAIN)
def ask(merchant_id: int, payment_id: int, step: int) -> None:
    """Ask WeChat Pay how an open payment stands, in case its notification was lost."""
    from zhanggui.channels.pay.services import settling  # noqa: PLC0415  like its neighbours

    settling.ask(merchant_id=merchant_id, payment_id=payment_id, step=step)


@app.task(queue=QUEUE, name="pay.close", retry=AGAIN)
def close(merchant_id: int, payment_id: int) -> None:
    """Close a payment at WeChat Pay, then release what it held."""
    from zhanggui.channels.pay.services import settling  # noqa: PLC0415  like its neighbours

    settling.close_at_wechat(merchant_id=merchant_id, payment_id=payment_id)


@app.task(queue=QUEUE, name="pay.refund", retry=AGAIN)
def refund(merchant_id: int, refund_id: int) -> None:
    """Send a refund to WeChat Pay, or ask how it stands."""
    from zhanggui.channels.pay.services import refunds  # noqa: PLC0415  like its neighbours

    refunds.carry_on(merchant_id=merchant_id, refund_id=refund_id)


@app.task(queue=QUEUE, name="pay.check_bill", retry=AGAIN)
def check_bill(account_id: int, day: str) -> None:
    """Fetch a day's bill and compare it with our book."""
    from zhanggui.channels.pay.services import reconciling  # noqa: PLC0415  like its neighbours

    reconciling.check_bill(account_id=account_id, day=day)


@app.periodic(cron="*/2 * * * *", periodic_id="pay.sweep")
@app.task(queue=QUEUE, name="pay.sweep", queueing_lock="pay.sweep")
def sweep(timestamp: int) -> None:
    """Close what has expired, and take up what a crash left lying."""
    from zhanggui.channels.pay.services import settling  # noqa: PLC0415  like its neighbours

    settling.sweep()


@app.periodic(cron="20 2,3,4 * * *", periodic_id="pay.bills")  # 10:20, 11:20, 12:20 in China
@app.task(queue=QUEUE, name="pay.bills", queueing_lock="pay.bills")
def bills(timestamp: int) -> None:
    """Have yesterday's bills checked."""
    from zhanggui.channels.pay.services import reconciling  # noqa: PLC0415  like its neighbours

    reconciling.order_bills()


@app.periodic(cron="41 */8 * * *", periodic_id="pay.certificates")
@app.task(queue=QUEUE, name="pay.certificates", queueing_lock="pay.certificates")
def certificates(timestamp: int) -> None:
    """Fetch platform certificates before they end; WeChat asks for it every 12 hours."""
    from zhanggui.channels.pay.services import accounts  # noqa: PLC0415  like its neighbours

    accounts.refresh_all_certificates()


@app.periodic(cron="37 20 * * *", periodic_id="pay.forget")
@app.task(queue=QUEUE, name="pay.forget", queueing_lock="pay.forget")
def forget(timestamp: int) -> None:
    """Delete what is no longer needed, every night."""
    from zhanggui.channels.pay import retention  # noqa: PLC0415  like its neighbours

    retention.forget()
