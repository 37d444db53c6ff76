"""Flat pushes are read without the parser, and say the same as with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.channels.wechat import push
from zhanggui.channels.wechat.push import CannotRead

USUAL = (
    "<xml><ToUserName><![CDATA[gh_1]]></ToUserName>\n<FromUserName><![CDATA[o1]]></FromUserName>"
    "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[几点关门 ]]]] a<b & c]]></Content><MsgId>1</MsgId></xml>"
)


def by_parser(body: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str] | None:
    with monkeypatch.context() as without:
        without.setattr(push, "_flat", lambda _body: None)
        return read(body)


def read(body: str) -> dict[str, str] | None:
    try:
        return push.fields(body)
    except CannotRead:
        return None


def test_a_usual_message_takes_the_short_way() -> None:
    assert push._flat(USUAL) == {
        "ToUserName": "gh_1",
        "FromUserName": "o1",
        "CreateTime": "1700000000",
        "MsgType": "text",
        "Content": "几点关门 ]]]] a<b & c",
        "MsgId": "1",
    }


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<A></A>",
        "<A/>",
        "<A>x</A> y <B>z</B>",
        "<A>1</A><A>2</A>",
        "<A><B>1</B></A>",
        "<A><![CDATA[]]></A>",
        "<A><![CDATA[a]]b]]></A>",
        "<A><![CDATA[a]]]]></A>",
        "<A><![CDATA[a]]>b</A>",
        "<A>a<![CDATA[b]]></A>",
        "<A>&lt;&#65;&amp;</A>",
        "<A>&unknown;</A>",
        "<A><![CDATA[a\r\nb]]></A>",
        "<A><![CDATA[a\x01b]]></A>",
        "<A>a\x0bb</A>",
        "<A>\ufffe</A>",
        "<A>x</B>",
        "<A a='1'>x</A>",
        "<A>x</A><!-- no --><B>y</B>",
        "<A>]]></A>",
        "<1>x</1>",
        "<Å>x</Å>",
        "<A-b>x</A-b>",
        "<A>x",
    ],
)
def test_says_what_the_parser_says(inner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (f"<xml>{inner}</xml>", f" <xml>{inner}</xml>\n", f"<xml>{inner}</xml>x"):
        assert read(body) == by_parser(body, monkeypatch)


@given(st.text(alphabet="<>/]![CDATA&;AB \n\r\x00\x85\u2028茶😀\"'=", max_size=40))
def test_says_what_the_parser_says_to_anything(inner: str) -> None:
    body = f"<xml><A><![CDATA[{inner}]]></A><B>{inner}</B></xml>"
    with pytest.MonkeyPatch.context() as patch:
        assert read(body) == by_parser(body, patch)


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE xml [<!ENTITY a 'b'>]><xml><A>&a;</A></xml>",
        "<?xml version='1.0'?><xml><A>x</A></xml>",
        "<xml x='1'><A>x</A></xml>",
        "<XML><A>x</A></XML>",
    ],
)
def test_leaves_everything_unusual_to_the_parser(body: str) -> None:
    assert push._flat(body) is None
