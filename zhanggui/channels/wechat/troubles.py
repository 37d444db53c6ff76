"""The latest trouble of an account or of the third-party platform, for its health page."""

from __future__ import annotations

from django.db.models import QuerySet

from zhanggui.channels.wechat.errors import AuthorisationLost, ChannelError
from zhanggui.channels.wechat.models import ChannelAccount, Component, Standing, Way
from zhanggui.core import clock

type Holder = ChannelAccount | Component

NO_ERROR = {"last_error": "", "last_error_code": None, "last_error_at": None}


def _rows(holder: Holder) -> QuerySet[ChannelAccount] | QuerySet[Component]:
    if isinstance(holder, Component):
        return Component.objects.filter(pk=holder.pk)
    return ChannelAccount.objects.filter(pk=holder.pk)


def note(holder: Holder, error: ChannelError) -> None:
    """Keep an error; one that says the authorisation has ended ends it here, too.

    WeChat's push about it may be lost, and then such an error is all we learn. An authorisation
    that is newer than what the caller knew stays.
    """
    now = clock.now()
    _rows(holder).update(last_error=str(error)[:200], last_error_code=error.code, last_error_at=now)
    if isinstance(error, AuthorisationLost) and isinstance(holder, ChannelAccount):
        ChannelAccount.objects.filter(
            pk=holder.pk,
            way=Way.AUTHORISED,
            standing=Standing.GOOD,
            authorised_at=holder.authorised_at,
        ).update(standing=Standing.REVOKED, revoked_at=now)


def forget(holder: Holder) -> None:
    """A test went well: the last error is history."""
    _rows(holder).update(**NO_ERROR)
