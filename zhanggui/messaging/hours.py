"""When marketing may go out, in the merchant's own time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from zhanggui.messaging.models import Kind, MessagingSettings


def is_quiet(hour: int, settings: MessagingSettings) -> bool:
    """Whether this hour belongs to the quiet ones; they may reach over midnight."""
    begin, end = settings.quiet_from, settings.quiet_until
    if begin == end:
        return False
    if begin < end:
        return begin <= hour < end
    return hour >= begin or hour < end


def due(kind: Kind, moment: datetime, settings: MessagingSettings, zone: str) -> datetime:
    """When a message of this kind may go: service at once, marketing after the quiet hours."""
    if kind != Kind.MARKETING:
        return moment
    local = moment.astimezone(ZoneInfo(zone))
    if not is_quiet(local.hour, settings):
        return moment
    opens = local.replace(hour=settings.quiet_until, minute=0, second=0, microsecond=0)
    if opens <= local:
        opens = (opens + timedelta(days=1)).replace(hour=settings.quiet_until)
    return opens.astimezone(moment.tzinfo)
