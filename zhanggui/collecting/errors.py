"""What this module refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class RequestOver(DomainError):
    code = "E_COLLECT_OVER"
    status = 410
    text = _("This can no longer be paid. Ask the shop for a new link.")


class RequestPaid(DomainError):
    code = "E_COLLECT_PAID"
    status = 409
    text = _("This has been paid already.")


class NotYours(DomainError):
    code = "E_COLLECT_OTHER"
    status = 403
    text = _("The shop asks somebody else for this. Ask the shop for a link of your own.")


class RequestEnded(DomainError):
    code = "E_COLLECT_ENDED"
    status = 409
    text = _("This request is no longer open.")
