"""What the owners of a shop are told about its managers, in the language of the installation.

A QR code can be sent on as a screenshot, so each one who comes in by it is told (D03). Nicknames
are left out: strangers choose them, and the owner is told by SMS.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from zhanggui.accounts.models import Store


def bound(store: Store) -> str:
    """That somebody became a manager by scanning."""
    with override(settings.LANGUAGE_CODE):
        return _(
            "%(shop)s: somebody has just become a manager of %(store)s by QR code. If you do not"
            " know of it, remove them on the page of the store."
        ) % _names(store)


def asks(store: Store) -> str:
    """That somebody scanned late and waits."""
    with override(settings.LANGUAGE_CODE):
        return _(
            "%(shop)s: somebody scanned an older QR code and asks to manage %(store)s. Approve or"
            " refuse it on the page of the store."
        ) % _names(store)


def _names(store: Store) -> dict[str, str]:
    return {"shop": store.merchant.name, "store": store.name}
