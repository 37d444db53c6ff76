"""The practice store: every task by the pages, and no trace of it anywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import AuditEntry
from zhanggui.codes.models import CodeTry, OneTimeCode
from zhanggui.core.models import IdempotencyRecord
from zhanggui.ledger.models import Transaction
from zhanggui.messaging.models import Message
from zhanggui.stamps import rehearsal, services
from zhanggui.stamps.models import Card, ManagerBinding, Rehearsal, StampRecord
from zhanggui.stamps.tests.factories import Shop, make_manager, manager_of, take_code
from zhanggui.stamps.tests.test_staff import HTMX, Counter, sign_in

TRACES = (
    *(StampRecord, Transaction, OneTimeCode, CodeTry, AuditEntry, IdempotencyRecord),
    *(Card, Message),
)


def traces(shop: Shop) -> list[Any]:
    bindings = ManagerBinding.objects.values_list("operations", flat=True)
    return [*(model.objects.count() for model in TRACES), list(bindings)]


class Practice:
    """A manager at the made-up counter."""

    def __init__(self, client: Client) -> None:
        self.client = client
        client.post("/staff/practice/start")

    def do(self, action: str, **fields: Any) -> str:
        response = self.client.post(
            "/staff/practice/step", {"action": action} | fields, headers=HTMX
        )
        assert response.status_code == 200
        return response.content.decode()

    def digits(self) -> str:
        page = self.client.get("/staff/practice").content.decode()
        return re.search(r'data-practice-code="(\d{6})"', page)[1]  # type: ignore[index]

    def type_in(self) -> str:
        return self.do("preview", digits=self.digits())


@pytest.fixture
def practice(client: Client, shop: Shop) -> Practice:
    sign_in(client, shop.desk)
    return Practice(client)


class TestTasks:
    def test_all_of_them_leave_no_trace(self, practice: Practice, shop: Shop) -> None:
        before = traces(shop)

        for task in rehearsal.TASKS:
            if task.is_stale:
                assert "已过期" in practice.type_in()
                practice.do("code")
            seen = practice.type_in()
            assert f"zg-is-{task.operation}" in seen
            done = practice.do("confirm", amount=task.wanted, reason="三杯")
            assert 'data-practice="done"' in done
            if task.wants_undo:
                assert 'data-practice="done"' in practice.do("next")
                assert 'data-practice="undone"' in practice.do("undo")
            practice.do("next")

        page = practice.client.get("/staff/practice").content.decode()
        assert 'data-practice="over"' in page
        assert traces(shop) == before
        assert Rehearsal.objects.count() == 1

    def test_a_real_code_is_not_touched(self, practice: Practice, shop: Shop) -> None:
        digits = take_code(shop.card).digits
        before = traces(shop)
        assert "没有这个验证码" in practice.do("preview", digits=digits)
        assert traces(shop) == before
        assert (
            services.confirm(desk=shop.desk, digits=digits, actor=manager_of(shop.desk)).after == 1
        )

    def test_what_is_no_code_is_told_so(self, practice: Practice) -> None:
        assert "验证码是六位数字" in practice.do("preview", digits="12")

    def test_the_number_of_stamps_must_be_right(self, practice: Practice) -> None:
        practice.type_in()
        practice.do("confirm")
        practice.do("next")
        practice.type_in()
        assert "请选 3" in practice.do("confirm", amount=1)
        assert "stamps-preview" in practice.do("confirm", amount=3, reason=" ")
        assert 'data-practice="done"' in practice.do("confirm", amount=3, reason="三杯")

    @pytest.mark.parametrize("action", ["confirm", "undo", "next", "back", "nonsense"])
    def test_a_step_out_of_turn_changes_nothing(self, practice: Practice, action: str) -> None:
        digits = practice.digits()
        assert f'data-practice-code="{digits}"' in practice.do(action)

    def test_begins_again(self, practice: Practice) -> None:
        practice.type_in()
        practice.do("confirm")
        assert "data-practice-code" in practice.do("again")
        row = Rehearsal.objects.get()
        assert (row.state["at"], row.state["log"]) == (0, [])


class TestPlace:
    def test_each_manager_practises_alone(
        self, client: Client, shop: Shop, practice: Practice
    ) -> None:
        practice.type_in()
        colleague = make_manager(shop.store, "赵小敏")
        assert services.rehearsal_of(colleague) is None
        services.start_rehearsal(desk=colleague)
        services.start_rehearsal(desk=colleague)
        assert Rehearsal.objects.count() == 2

    def test_the_desk_leads_there(self, client: Client, shop: Shop) -> None:
        sign_in(client, shop.desk)
        assert "/staff/practice/start" in Counter(client, shop).get("desk")
        page = client.get("/staff/practice").content.decode()
        assert 'data-practice="new"' in page
        assert not Rehearsal.objects.exists()

    def test_a_step_without_a_script_shows_the_page(self, practice: Practice) -> None:
        response = practice.client.post("/staff/practice/step", {"action": "preview"})
        assert response["Location"] == "/staff/practice"
