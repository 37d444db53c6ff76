"""What the walks over all doors share."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus

import pytest
from django.http import HttpRequest, HttpResponse

from tests.architecture.knocking import Knocker
from zhanggui.accounts import guards, navigation, services
from zhanggui.accounts.models import Membership, Person


@pytest.fixture
def knocking(monkeypatch: pytest.MonkeyPatch) -> type[Knocker]:
    """Empty the rooms, and let guards remember whom they have seen."""

    def empty_room(_view: object, _request: HttpRequest, **_places: object) -> HttpResponse:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)

    @cache
    def memberships_of(person: Person) -> list[Membership]:
        return read_memberships(person)

    read_memberships = navigation.memberships_of
    monkeypatch.setattr(guards, "_call", empty_room)
    monkeypatch.setattr(navigation, "memberships_of", memberships_of)
    monkeypatch.setattr(services, "current_support", cache(services.current_support))
    return Knocker
