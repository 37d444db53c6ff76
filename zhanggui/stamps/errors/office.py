"""What posters and the reports of the office refuse."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class PosterNameTaken(DomainError):
    """Two posters cannot be told apart by the shop."""

    code = "E_POSTER_NAME"
    status = 409
    text = _("Another poster has this name, perhaps one that was put away. Choose another one.")


class NoAccount(DomainError):
    """Nobody could open the code: customers sign in through an official account."""

    code = "E_POSTER_ACCOUNT"
    status = 409
    text = _("No official account serves this shop yet. Connect one, then make the poster.")
