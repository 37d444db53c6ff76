"""The real description against the real application: whatever is sent, the answer fits it.

Bounded and the same in every run; what fits, what does not, and calls that could really succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.db.models import F
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from zhanggui.accounts.models import Merchant, Store
from zhanggui.api.models import ApiToken
from zhanggui.api.tests.factories import Caller, make_caller
from zhanggui.codes.models import CodeTry, OneTimeCode
from zhanggui.core import tenancy
from zhanggui.core.models import LimitCounter
from zhanggui.coupons.tests import factories as coupons
from zhanggui.stamps.models import Kind, WhenFull
from zhanggui.stamps.tests import factories as stamps

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HOW_MANY = 8
BOUNDED = settings(
    max_examples=HOW_MANY,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(120)]


@pytest.fixture
def schema(db: None) -> Iterator[Any]:
    """The description, read from the application it is then tried on."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def world(merchant: Merchant, store: Store) -> dict[str, Callable[[], Any]]:
    """What a call needs in order to succeed: made when it is put in."""
    with tenancy.merchant_scope(merchant.pk):
        programme = stamps.make_programme(max_per_code=10, when_full=WhenFull.RENEW)
        card = stamps.make_card(programme, phone="+8613900001111")
        template = coupons.make_template(uses=50)
        coupon = coupons.make_coupon(template, card.customer)
    return {
        "stamps": lambda: stamps.take_code(card).digits,
        "stamps/cancel": lambda: stamps.take_code(card, Kind.CANCEL).digits,
        "coupons/redeem": lambda: coupons.take_code(coupon).digits,
        "codes/look": lambda: stamps.take_code(card).digits,
        "number": lambda: card.customer.number,
        "code": lambda: coupon.code,
    }


def forget() -> None:
    """Locks and limits are right, but here they would hide the rest."""
    CodeTry.objects.all().delete()
    LimitCounter.objects.all().delete()
    ApiToken.objects.update(window_calls=0, day_writes=0)
    OneTimeCode.objects.update(created_at=F("created_at") - timedelta(hours=1))


def fuzz(schema: Any, till: Caller, mode: GenerationMode, put: Callable[[Any, int], None]) -> int:
    """Send calls of every operation; answers how many were good."""
    good = 0
    checks = [*CHECKS]
    if mode == GenerationMode.NEGATIVE:
        checks.append(negative_data_rejection)

    def one(operation: Any) -> None:
        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode), luck=st.integers(0, 3))
        def ask(case: Any, luck: int) -> None:
            nonlocal good
            with tenancy.merchant_scope(till.token.merchant_id):
                forget()
                put(case, luck)
            response = case.call(headers=till.headers)
            case.validate_response(response, checks=checks, headers=till.headers)
            good += response.status_code == 200

        ask()

    for found in schema.get_all_operations():
        one(found.ok())
    return good


def test_what_fits_is_answered_as_described(
    schema: Any, merchant: Merchant, world: dict[str, Callable[[], Any]]
) -> None:
    till = make_caller(merchant, writes_a_day=100_000)

    def put(case: Any, luck: int) -> None:
        if not luck:
            return
        if "code" in case.path_parameters:
            case.path_parameters["code"] = world["code"]()
        if isinstance(case.body, dict):
            case.body.pop("store", None)
            known = world.get(case.path.removeprefix("/api/v1/"))
            if "digits" in case.body and known:
                case.body["digits"] = known()
            elif case.path.endswith("/find"):
                case.body.clear()
                case.body["number"] = world["number"]()

    good = fuzz(schema, till, GenerationMode.POSITIVE, put)
    assert good > HOW_MANY * 5, "too few calls came as far as doing something"


def test_what_does_not_fit_is_refused_as_described(schema: Any, merchant: Merchant) -> None:
    till = make_caller(merchant, writes_a_day=100_000)
    fuzz(schema, till, GenerationMode.NEGATIVE, lambda _case, _luck: None)
