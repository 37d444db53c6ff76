"""Jobs of accounts."""

from __future__ import annotations

from procrastinate.contrib.django import app

from zhanggui.accounts import services
from zhanggui.accounts.services import pictures


@app.periodic(cron="17 4 * * *")
@app.task(queueing_lock="accounts.forget_old_audit")
def forget_old_audit(timestamp: int) -> None:
    """Remove audit entries older than 180 days, ended sessions, unused pictures, every night."""
    services.forget_old_audit()
    services.forget_ended_sessions()
    pictures.forget_drafts()
