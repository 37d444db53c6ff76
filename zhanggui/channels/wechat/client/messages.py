"""Calls that send messages, and the templates for them.

Source: Customer Service Messages, Template Messages, Subscription Notifications; sections 4.8 to
4.10 and 7.6 of the digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zhanggui.channels.wechat.client.bound import Bound
from zhanggui.channels.wechat.client.sendables import Jump, Sendable

MOST_TITLES = 30


@dataclass(frozen=True, slots=True)
class Template:
    """A template of the account: ``content`` has places such as ``{{thing1.DATA}}``."""

    id: str
    title: str
    content: str
    example: str
    industry: str = ""


@dataclass(frozen=True, slots=True)
class Industry:
    """The trade the account chose: two of them, each in two steps."""

    first: tuple[str, str]
    second: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SubscriptionTemplate:
    """A subscription template of the account; ``type`` 2 is for one message, 3 for many."""

    id: str
    title: str
    content: str
    example: str
    type: int


@dataclass(frozen=True, slots=True)
class Category:
    """A service category (类目)."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class PublicTitle:
    """A template of WeChat's own library."""

    tid: str
    title: str
    type: int
    category_id: str


@dataclass(frozen=True, slots=True)
class Keyword:
    """A field of a template of the library; ``rule`` is its type such as ``thing``."""

    kid: int
    name: str
    example: str
    rule: str


def _values(data: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"value": value} for name, value in data.items()}


class Messaging(Bound):
    """Calls that send."""

    def custom_send(self, openid: str, message: Sendable, *, agent: str = "") -> None:
        """Send into a chat; never repeated once it may have arrived.

        Args:
            openid: the receiver, who wrote within 48 hours (45015).
            message: what.
            agent: the name of a customer service account (``kf_account``), or nobody's.
        """
        body: dict[str, Any] = {"touser": openid, **message.wire()}
        if agent:
            body["customservice"] = {"kf_account": agent}
        self._post("/cgi-bin/message/custom/send", body, is_repeatable=False)

    def typing(self, openid: str, *, is_over: bool = False) -> None:
        """Show or hide "typing"; only within 30 seconds of the person's last message."""
        body = {"touser": openid, "command": "CancelTyping" if is_over else "Typing"}
        self._post("/cgi-bin/message/custom/typing", body)

    def template_send(
        self,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        *,
        url: str = "",
        jump: Jump | None = None,
        client_id: str = "",
    ) -> str:
        """Send a template message.

        Args:
            openid: a follower.
            template_id: of this account.
            data: field (``thing1``, without ``.DATA``) to value.
            url: opened by a tap.
            jump: wins over ``url`` where the phone can.
            client_id: keeps a repeat within ten minutes harmless; without it the call is not
                repeated once it may have arrived.

        Returns:
            WeChat's own id of the message; its delivery comes as an event with it.
        """
        body: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "data": _values(data),
        }
        if url:
            body["url"] = url
        if jump:
            body["miniprogram"] = jump.wire()
        if client_id:
            body["client_msg_id"] = client_id
        path = "/cgi-bin/message/template/send"
        return self._post(path, body, is_repeatable=bool(client_id)).maybe("msgid")

    def template_list(self) -> list[Template]:
        """The account's templates, at most 25."""
        answer = self._get("/cgi-bin/template/get_all_private_template")
        return [
            Template(
                item.text("template_id"),
                item.maybe("title"),
                item.maybe("content"),
                item.maybe("example"),
                item.maybe("primary_industry"),
            )
            for item in answer.parts("template_list")
        ]

    def template_add(self, number: str, keywords: Sequence[str] = ()) -> str:
        """Take a template from the library by its number; answers its id (45026: 25 are there)."""
        body: dict[str, Any] = {"template_id_short": number}
        if keywords:
            body["keyword_name_list"] = list(keywords)
        path = "/cgi-bin/template/api_add_template"
        return self._post(path, body, is_repeatable=False).text("template_id")

    def template_delete(self, template_id: str) -> None:
        """Delete one of the account's templates."""
        self._post("/cgi-bin/template/del_private_template", {"template_id": template_id})

    def industry(self) -> Industry:
        """The trade the account chose."""
        answer = self._get("/cgi-bin/template/get_industry")
        first, second = answer.part("primary_industry"), answer.part("secondary_industry")
        return Industry(
            (first.maybe("first_class"), first.maybe("second_class")),
            (second.maybe("first_class"), second.maybe("second_class")),
        )

    def set_industry(self, first: str, second: str) -> None:
        """Choose the trade; once a month."""
        body = {"industry_id1": first, "industry_id2": second}
        self._post("/cgi-bin/template/api_set_industry", body)

    def notify(
        self,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        *,
        page: str = "",
        jump: Jump | None = None,
    ) -> str:
        """Send a subscription notification of an official account (订阅通知).

        Never repeated once it may have arrived: each uses up one permission (43101 after).
        Answers WeChat's number of it where it gives one; the event of its delivery has it.
        """
        body: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "data": _values(data),
        }
        if page:
            body["page"] = page
        if jump:
            body["miniprogram"] = jump.wire()
        path = "/cgi-bin/message/subscribe/bizsend"
        return self._post(path, body, is_repeatable=False).maybe("msgid")

    def subscription_send(
        self,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        *,
        page: str = "",
        state: str = "formal",
        lang: str = "zh_CN",
    ) -> str:
        """Send a subscription message of a mini program (订阅消息); answers as ``notify``.

        ``state`` is ``formal``, ``trial`` or ``developer``; always sent, since WeChat's pages
        disagree on whether it must be.
        """
        body: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "data": _values(data),
            "miniprogram_state": state,
            "lang": lang,
        }
        if page:
            body["page"] = page
        path = "/cgi-bin/message/subscribe/send"
        return self._post(path, body, is_repeatable=False).maybe("msgid")

    def subscription_categories(self) -> list[Category]:
        """The account's service categories."""
        answer = self._get("/wxaapi/newtmpl/getcategory")
        return [Category(item.number("id"), item.maybe("name")) for item in answer.parts("data")]

    def subscription_titles(
        self, category_ids: Sequence[int], *, start: int = 0
    ) -> tuple[int, list[PublicTitle]]:
        """Templates of the library in these categories: how many, and 30 from ``start``."""
        query = {
            "ids": ",".join(map(str, category_ids)),
            "start": str(start),
            "limit": str(MOST_TITLES),
        }
        answer = self._get("/wxaapi/newtmpl/getpubtemplatetitles", query)
        titles = [
            PublicTitle(
                item.maybe("tid"),
                item.maybe("title"),
                item.number("type", 0),
                item.maybe("categoryId"),
            )
            for item in answer.parts("data")
        ]
        return answer.number("count", len(titles)), titles

    def subscription_keywords(self, tid: str) -> list[Keyword]:
        """The fields one template of the library offers."""
        answer = self._get("/wxaapi/newtmpl/getpubtemplatekeywords", {"tid": tid})
        return [
            Keyword(
                item.number("kid"), item.maybe("name"), item.maybe("example"), item.maybe("rule")
            )
            for item in answer.parts("data")
        ]

    def subscription_add(self, tid: str, keyword_ids: Sequence[int], scene: str) -> str:
        """Take a template from the library with 2 to 5 fields; answers its id."""
        body = {"tid": tid, "kidList": list(keyword_ids), "sceneDesc": scene}
        answer = self._post("/wxaapi/newtmpl/addtemplate", body, is_repeatable=False)
        return answer.text("priTmplId")

    def subscription_list(self) -> list[SubscriptionTemplate]:
        """The account's subscription templates."""
        answer = self._get("/wxaapi/newtmpl/gettemplate")
        return [
            SubscriptionTemplate(
                item.text("priTmplId"),
                item.maybe("title"),
                item.maybe("content"),
                item.maybe("example"),
                item.number("type", 0),
            )
            for item in answer.parts("data")
        ]

    def subscription_delete(self, template_id: str) -> None:
        """Delete one of them."""
        self._post("/wxaapi/newtmpl/deltemplate", {"priTmplId": template_id})
