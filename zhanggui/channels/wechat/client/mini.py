"""Calls of mini programs (小程序): phone number, scene codes, links, content check.

Source: the server interface of mini programs; chapter 7 of the digest.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from zhanggui.channels.wechat.client.answers import File
from zhanggui.channels.wechat.client.bound import Bound
from zhanggui.channels.wechat.errors import ChannelRefused, ChannelUnreachable

LONGEST_LINK_DAYS = 30
CLEAN = "pass"
WRONG_SIGNATURE = 87009


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """The number a person gave: ``full`` has the country's code when it is not 86."""

    full: str
    pure: str
    country: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What WeChat thinks of a text; that the call worked does not mean it is clean."""

    suggest: str
    """``pass``, ``review`` or ``risky``."""
    label: int
    """100 normal, 10001 advertising, 20001 politics, 20002 sex, 20003 abuse, ..."""
    trace_id: str
    keywords: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return self.suggest == CLEAN


class MiniProgram(Bound):
    """Calls with the token of a mini program."""

    def phone_number(self, code: str) -> PhoneNumber:
        """Exchange the code of the phone button (not the login code); once, five minutes.

        Source: getPhoneNumber. Costs money after the first thousand.
        """
        path = "/wxa/business/getuserphonenumber"
        answer = self._post(path, {"code": code}, is_repeatable=False)
        info = answer.part("phone_info")
        return PhoneNumber(
            info.text("phoneNumber"), info.text("purePhoneNumber"), info.maybe("countryCode")
        )

    def is_session_good(self, openid: str, session_key: str) -> bool:
        """Whether a session key is still the person's newest.

        Raises:
            ChannelError: other than 87009, which means no.
        """
        mac = hmac.new(session_key.encode(), b"", "sha256").hexdigest()
        query = {"openid": openid, "signature": mac, "sig_method": "hmac_sha256"}
        try:
            self._get("/wxa/checksession", query)
        except ChannelRefused as refusal:
            if refusal.code == WRONG_SIGNATURE:
                return False
            raise
        return True

    def scene_code(
        self,
        scene: str,
        *,
        page: str = "",
        checks_page: bool = True,
        version: str = "release",
        width: int = 430,
        is_hyaline: bool = False,
    ) -> File:
        """Draw a mini program code with a scene; as many as one likes.

        Args:
            scene: 1 to 32 of ``0-9a-zA-Z!#$&'()*+,/:;=?@-._~``; the page gets it back.
            page: without a slash in front; empty for the first page.
            checks_page: False for a page that has no release yet.
            version: ``release``, ``trial`` or ``develop``.
            width: 280 to 1280 pixels.
            is_hyaline: without background.

        Source: getwxacodeunlimit.
        """
        body: dict[str, Any] = {
            "scene": scene,
            "check_path": checks_page,
            "env_version": version,
            "width": width,
            "is_hyaline": is_hyaline,
        }
        if page:
            body["page"] = page
        return self._picture("/wxa/getwxacodeunlimit", body)

    def path_code(self, path: str, *, width: int = 430) -> File:
        """Draw a mini program code for a path with its query; 100,000 in all (45029)."""
        return self._picture("/wxa/getwxacode", {"path": path, "width": width})

    def _picture(self, path: str, body: dict[str, Any]) -> File:
        found = self._file(path, body=body)
        if not isinstance(found, File):
            message = f"{path}: no picture in the answer"
            raise ChannelUnreachable(message, is_sent=True)
        return found

    def scheme(
        self, *, path: str, query: str = "", version: str = "release", days: int = LONGEST_LINK_DAYS
    ) -> str:
        """A link ``weixin://dl/business/?t=...`` that opens a page; for at most 30 days."""
        jump = {"path": path, "query": query, "env_version": version}
        body = {"jump_wxa": jump, "expire_type": 1, "expire_interval": days}
        return self._post("/wxa/generatescheme", body).text("openlink")

    def url_link(
        self, *, path: str, query: str = "", version: str = "release", days: int = LONGEST_LINK_DAYS
    ) -> str:
        """An address ``https://wxaurl.cn/...`` that opens a page; for at most 30 days."""
        body = {
            "path": path,
            "query": query,
            "env_version": version,
            "expire_type": 1,
            "expire_interval": days,
        }
        return self._post("/wxa/generate_urllink", body).text("url_link")

    def short_link(self, *, page: str, title: str = "", is_permanent: bool = False) -> str:
        """A link ``#小程序://...`` that works in WeChat only."""
        body = {"page_url": page, "page_title": title, "is_permanent": is_permanent}
        return self._post("/wxa/genwxashortlink", body).text("link")

    def check_text(
        self, content: str, *, openid: str, scene: int, title: str = "", nickname: str = ""
    ) -> Verdict:
        """Let WeChat judge a text that others will see.

        Args:
            content: at most 2,500 characters.
            openid: who wrote it; must have used the mini program within two hours (61010).
            scene: 1 profile, 2 comment, 3 forum, 4 social log.
            title: of what was written.
            nickname: of who wrote it.

        Source: msgSecCheck, version 2.
        """
        body: dict[str, Any] = {
            "content": content,
            "version": 2,
            "scene": scene,
            "openid": openid,
            **({"title": title} if title else {}),
            **({"nickname": nickname} if nickname else {}),
        }
        answer = self._post("/wxa/msg_sec_check", body)
        result = answer.part("result")
        found = (item.maybe("keyword") for item in answer.parts("detail"))
        return Verdict(
            result.text("suggest"),
            result.number("label", 0),
            answer.maybe("trace_id"),
            tuple(word for word in found if word),
        )

    def check_media(self, url: str, *, is_picture: bool, openid: str, scene: int) -> str:
        """Let WeChat judge a public picture or sound; the verdict comes as an event.

        Returns:
            The ``trace_id`` by which the event ``wxa_media_check`` names it.
        """
        body = {
            "media_url": url,
            "media_type": 2 if is_picture else 1,
            "version": 2,
            "scene": scene,
            "openid": openid,
        }
        return self._post("/wxa/media_check_async", body).text("trace_id")
