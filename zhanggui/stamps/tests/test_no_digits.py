"""The six digits are on the customer's phone and nowhere else: not in logs, not in the database."""

from __future__ import annotations

import logging
import re

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Person
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import tenancy
from zhanggui.core.models import IdempotencyRecord
from zhanggui.stamps import services
from zhanggui.stamps.models import Kind
from zhanggui.stamps.tests.factories import Shop, make_shop, take_code, wrong_digits
from zhanggui.stamps.tests.test_mobile import DIGITS

SIX = re.compile(r"(?<![\d.])\d{6}(?!\d)")
FEW = {"wrong": 3, "format": 2}


@pytest.fixture
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


class TestDigits:
    @pytest.mark.edge("threat digits in a log")
    @pytest.mark.spec("stamps D45")
    def test_are_in_no_log_and_no_row(
        self, shop: Shop, everything_is_logged: pytest.LogCaptureFixture
    ) -> None:
        typed = walk(shop)

        assert len(set(typed)) == len(typed) == 8
        records = [record.getMessage() for record in everything_is_logged.records]
        own = [text for text in records if not text.startswith("(0.")]  # Django's own SQL echo
        assert own
        text = "\n".join(own)
        assert not any(digits in text for digits in typed)
        assert [found for line in own for found in SIX.findall(without_times(line))] == []
        rows = whole_database()
        for digits in typed:
            assert not is_in(digits, rows)

    def test_would_be_found(self, shop: Shop) -> None:
        """The control: the scan sees digits in text, in JSON and in bytes."""
        assert not is_in("482913", whole_database())
        for number, answer in enumerate(({"digits": "482913"}, {"text": "code 482913."})):
            IdempotencyRecord(caller="t", key=str(number), fingerprint=b"x", answer=answer).save(
                force_insert=True
            )
            assert is_in("482913", whole_database())
            IdempotencyRecord.objects.all().delete()
        IdempotencyRecord(caller="t", key="b", fingerprint=b"482913", answer={}).save(
            force_insert=True
        )
        assert is_in("482913", whole_database())


def walk(shop: Shop) -> list[str]:
    """Customer and manager do everything with codes that pages offer; the digits they used."""
    account = make_account(merchant=shop.merchant)
    link = make_link(shop.merchant, account.pk, nickname="陈小溪")
    phone, desk = Client(), Client()
    sign_in_customer(phone, link)
    card = services.open_card(programme=shop.programme, customer_id=link.customer_id, actor=ACTOR)
    person = Person.objects.get(pk=shop.desk.person_id)
    sign_in_staff(desk, make_identity(make_account(), person=person))
    tap = reverse("stamps:card_code", args=[shop.merchant.slug, card.token])
    typed = []
    for kind in (Kind.ACCUMULATE, Kind.CANCEL):
        page = phone.post(tap, {"kind": kind}, headers={"HX-Request": "true"}).content.decode()
        found = DIGITS.search(page)
        assert found
        typed.append(found[1])
        for step in ("staff_preview", "staff_confirm", "staff_confirm"):
            answer = desk.post(
                reverse(f"stamps:{step}"), {"digits": found[1], "key": f"{kind}-key"}
            )
            assert answer.status_code == 200
        assert desk.post(reverse("stamps:staff_confirm"), {"digits": found[1]}).status_code in {
            409,
            410,
        }
    rival = make_shop()
    with rival.scope:
        typed.append(take_code(rival.card).digits)
    typed += [wrong_digits() for _ in range(FEW["wrong"])]
    for digits in typed[2:]:
        desk.post(reverse("stamps:staff_preview"), {"digits": digits})
        desk.post(reverse("stamps:staff_confirm"), {"digits": digits, "key": "w"})
    for digits in (typed[0] + "1", typed[1] + " x"):
        desk.post(reverse("stamps:staff_preview"), {"digits": digits})
    typed.append(take_code(shop.card).digits)  # one that is still live
    page = phone.post(tap, {"kind": "accumulate"}, headers={"HX-Request": "true"}).content.decode()
    found = DIGITS.search(page)
    assert found
    return [*typed, found[1]]


def without_times(line: str) -> str:
    return re.sub(r"\d\d:\d\d:\d\d\.\d+", "", line)


def is_in(digits: str, rows: str) -> bool:
    """Whether they stand alone in a text, or as bytes in a binary column.

    Ids and microseconds are digits, too.
    """
    alone = re.search(rf"(?<![\d.]){digits}(?!\d)", rows)
    return alone is not None or digits.encode().hex() in rows


def whole_database() -> str:
    """Every row of every table as text."""
    texts = []
    with tenancy.all_merchants("a test reads every table"), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)
