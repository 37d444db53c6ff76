"""Jobs of this channel: each loads by id and calls one service; all are safe to run twice."""

from __future__ import annotations

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

QUEUE = "sms"
RETRIES = 4
AGAIN = RetryStrategy(max_attempts=RETRIES, exponential_wait=3)
"""After 3, 9, 27 and 81 seconds: a code lasts five minutes."""


@app.task(queue=QUEUE, name="sms.send_message", retry=AGAIN, pass_context=True)
def send_message(context: JobContext, message_id: int) -> None:
    """Send a message that was written down."""
    from zhanggui.channels.sms import services  # noqa: PLC0415  they need each other

    services.deliver(message_id=message_id, is_last_try=context.job.attempts >= RETRIES)


@app.periodic(cron="23 4 * * *")
@app.task(queue=QUEUE, name="sms.forget", queueing_lock="sms.forget")
def forget(timestamp: int) -> None:
    """Delete what is no longer needed, every night."""
    from zhanggui.channels.sms import retention  # noqa: PLC0415  like its neighbour

    retention.forget()
