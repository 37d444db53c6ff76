"""Knocking at a door: the guard of an address is asked, and nothing stands before or behind it.

What stands before is the same at each address: the session, its person, the page of a refusal. The
walks of somebody unknown, of support and of the weakest role go through all of it, by a browser;
the others knock. Behind a door rooms are empty: those walks and the one that counts statements
enter them. What a guard reads of a person and a place is read once.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse, HttpResponseBase
from django.test import RequestFactory

from tests.architecture.addresses import Address
from zhanggui.accounts.models import Person
from zhanggui.accounts.sessions import SessionStore
from zhanggui.core.errors import DomainError
from zhanggui.core.middleware import answer_refusal


class Knocker:
    """Somebody who is known by sight, or nobody."""

    def __init__(self, person: Person | None = None) -> None:
        self.person = person or AnonymousUser()
        self.session = SessionStore()

    def ask(
        self, method: str, address: Address, headers: dict[str, str], **values: Any
    ) -> HttpResponseBase:
        """What the view answers; refusals as the chain before it would tell them."""
        request = RequestFactory().generic(method, address.path(**values), headers=headers)
        request.user = self.person
        request.session = self.session
        try:
            return address.view(request, **address.arguments(**values))
        except Http404:
            return HttpResponse(status=HTTPStatus.NOT_FOUND)
        except DomainError as refusal:
            return answer_refusal(request, refusal)
