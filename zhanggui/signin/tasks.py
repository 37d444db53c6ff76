"""Jobs of sign-in."""

from __future__ import annotations

from procrastinate.contrib.django import app

from zhanggui.signin.services import codes, embedding, pictures, scanning


@app.periodic(cron="*/30 * * * *", periodic_id="signin.forget")
@app.task(name="signin.forget", queueing_lock="signin.forget")
def forget(timestamp: int) -> None:
    """Remove pictures and codes that are over, every half hour."""
    pictures.forget()
    codes.forget()
    scanning.forget()
    embedding.forget()
