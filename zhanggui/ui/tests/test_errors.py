"""What people see when something did not work."""

from __future__ import annotations

from http import HTTPStatus
from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import translation

from zhanggui.ui import errors, views


@pytest.fixture(autouse=True)
def _chinese() -> None:
    translation.activate("zh-hans")


def refuse(status: int, path: str = "/m/tea/", **headers: str) -> HttpResponse:
    return errors.refuse(RequestFactory().get(path, headers=headers), status)


class TestErrorPage:
    @pytest.mark.parametrize("status", sorted(errors.TROUBLES))
    @pytest.mark.parametrize("path", ["/m/tea/", "/w/tea/"], ids=["computer", "phone"])
    def test_says_what_happened_and_what_to_do(self, status: int, path: str) -> None:
        answer = refuse(status, path)
        page = answer.content.decode()
        assert answer.status_code == status
        assert str(errors.TROUBLES[status].title) in page
        assert str(errors.TROUBLES[status].advice) in page
        assert "客服编号" in page
        assert ("weui-button.min.css" in page) == (path == "/w/tea/")

    def test_wechat_gets_the_phones_look(self) -> None:
        page = refuse(404, **{"User-Agent": "x MicroMessenger/8"}).content.decode()
        assert "weui-button.min.css" in page

    @pytest.mark.parametrize(
        ("path", "home"),
        [("/w/tea/cards/x/", "/w/tea/"), ("/staff/ledger", "/staff/"), ("/m/tea/stores/", "/")],
    )
    def test_leads_to_where_the_reader_begins(self, path: str, home: str) -> None:
        request = RequestFactory().get(path)
        request.merchant = SimpleNamespace(slug="tea")  # type: ignore[attr-defined]
        assert f'href="{home}">回到首页' in errors.refuse(request, 404).content.decode()

    def test_htmx_gets_a_piece(self) -> None:
        page = refuse(409, **{"HX-Request": "true"}).content.decode()
        assert "<html" not in page
        assert "别人先了一步" in page

    def test_carries_the_code_of_the_log_line(self) -> None:
        request = RequestFactory().get("/")
        request.support_code = "8F3K20QX"  # type: ignore[attr-defined]
        answer = errors.refuse(request, 500, what="库存不足", code="E_STOCK")
        assert "8F3K20QX" in answer.content.decode()
        assert "库存不足" in answer.content.decode()
        assert "E_STOCK" in answer.content.decode()

    def test_an_unknown_status_is_our_mistake(self) -> None:
        assert "我们这边出错了" in refuse(418).content.decode()

    @pytest.mark.parametrize(
        ("handler", "status"),
        [
            (views.bad_request, HTTPStatus.BAD_REQUEST),
            (views.permission_denied, HTTPStatus.FORBIDDEN),
            (views.not_found, HTTPStatus.NOT_FOUND),
            (views.csrf_failure, HTTPStatus.FORBIDDEN),
        ],
    )
    def test_handlers(self, handler: object, status: HTTPStatus) -> None:
        answer = handler(RequestFactory().get("/"), Exception("secret"))  # type: ignore[operator]
        assert answer.status_code == status
        assert "secret" not in answer.content.decode()

    def test_server_error(self) -> None:
        assert views.server_error(RequestFactory().get("/")).status_code == 500


class TestLivingPage:
    @pytest.mark.parametrize(
        ("typed", "status"),
        [("", 400), ("abc", 400), ("-1", 400), ("99", 400), ("9" * 30, 400), ("404", 404)],
    )
    def test_a_piece_with_an_odd_status_is_a_refusal(self, typed: str, status: int) -> None:
        request = RequestFactory().get("/ui/piece/", {"status": typed})
        assert views.kit_piece(request).status_code == status

    def test_an_error_page_of_no_status_is_not_there(self) -> None:
        assert views.kit_error(RequestFactory().get("/ui/errors/9999/"), 9999).status_code == 404
