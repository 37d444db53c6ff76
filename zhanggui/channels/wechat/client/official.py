"""Calls of official accounts (公众号): followers, menus, QR codes, web pages, files, limits.

Source: the manual of official accounts; chapter 4 of the digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zhanggui.channels.wechat.client.answers import Answer, File
from zhanggui.channels.wechat.client.bound import Bound
from zhanggui.channels.wechat.client.credentials import Token
from zhanggui.channels.wechat.client.http import Upload
from zhanggui.channels.wechat.client.menus import (
    Button,
    ConditionalMenu,
    MenuState,
    OwnMenu,
    button_of,
    buttons_of,
)
from zhanggui.channels.wechat.errors import ChannelRefused, ChannelUnreachable

NO_MENU = 46003
WRONG_MOVE = 63178
LONGEST_QR_S = 30 * 24 * 60 * 60
MOST_OPENIDS = 100


@dataclass(frozen=True, slots=True)
class FollowerInfo:
    """What an account knows of an openid; no nickname since 2021-12-27."""

    openid: str
    unionid: str
    is_following: bool
    followed_at_s: int = 0
    remark: str = ""
    tag_ids: tuple[int, ...] = ()
    scene: str = ""
    """How the person came: ``ADD_SCENE_QR_CODE``, ..."""
    qr_scene: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """At most 10,000 followers; ``next_openid`` asks for the rest, empty at the end."""

    total: int
    openids: tuple[str, ...]
    next_openid: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A label (标签) of an account's followers."""

    id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class QrTicket:
    """A QR code with a scene; ``url`` is what the picture says, 0 seconds mean for ever."""

    ticket: str
    url: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Media:
    """A file kept by WeChat for three days."""

    media_id: str
    type: str
    created_at_s: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a call's daily allowance is used."""

    daily_limit: int
    used: int
    remain: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One openid after a move of the account; ``new`` is empty where it did not work."""

    old: str
    new: str
    problem: str


class Official(Bound):
    """Calls with the token of an official account."""

    # --- followers ---

    def user_info(self, openid: str) -> FollowerInfo:
        """Ask whether an openid follows, and since when."""
        return _follower(self._get("/cgi-bin/user/info", {"openid": openid, "lang": "zh_CN"}))

    def user_infos(self, openids: Sequence[str]) -> list[FollowerInfo]:
        """The same for up to 100; one wrong openid refuses all of them (40003)."""
        users = [{"openid": openid, "lang": "zh_CN"} for openid in openids]
        answer = self._post("/cgi-bin/user/info/batchget", {"user_list": users})
        return [_follower(item) for item in answer.parts("user_info_list")]

    def followers(self, after: str = "") -> FollowerPage:
        """One page of openids, in WeChat's own order."""
        answer = self._get("/cgi-bin/user/get", {"next_openid": after} if after else None)
        openids = answer.part("data").texts("openid")
        following = answer.maybe("next_openid") if openids else ""
        return FollowerPage(answer.number("total", 0), openids, following)

    def set_remark(self, openid: str, remark: str) -> None:
        """Write the account's own name for a follower, under 30 bytes."""
        self._post("/cgi-bin/user/info/updateremark", {"openid": openid, "remark": remark})

    def tags(self) -> list[Tag]:
        """All labels."""
        answer = self._get("/cgi-bin/tags/get")
        return [
            Tag(item.number("id"), item.maybe("name"), item.number("count", 0))
            for item in answer.parts("tags")
        ]

    def tag_create(self, name: str) -> Tag:
        """Make a label."""
        made = self._post("/cgi-bin/tags/create", {"tag": {"name": name}}).part("tag")
        return Tag(made.number("id"), made.maybe("name"), 0)

    def tag_rename(self, tag_id: int, name: str) -> None:
        """Rename a label."""
        self._post("/cgi-bin/tags/update", {"tag": {"id": tag_id, "name": name}})

    def tag_delete(self, tag_id: int) -> None:
        """Delete a label."""
        self._post("/cgi-bin/tags/delete", {"tag": {"id": tag_id}})

    def tag_followers(self, tag_id: int, openids: Sequence[str]) -> None:
        """Put a label on up to 50 followers."""
        body: dict[str, Any] = {"openid_list": list(openids), "tagid": tag_id}
        self._post("/cgi-bin/tags/members/batchtagging", body)

    def untag_followers(self, tag_id: int, openids: Sequence[str]) -> None:
        """Take a label from up to 50 followers."""
        body: dict[str, Any] = {"openid_list": list(openids), "tagid": tag_id}
        self._post("/cgi-bin/tags/members/batchuntagging", body)

    def changed_openids(
        self, *, from_app_id: str, from_original_id: str, openids: Sequence[str]
    ) -> list[Moved]:
        """Translate up to 100 openids of an account whose followers moved here.

        Sources differ on how the old account is named: its app id is tried first, then its
        original id. Works for 15 days after the move. Source: changeopenid.

        Raises:
            ChannelRefused: 63178 or 63183, WeChat knows of no such move.
        """
        try:
            return self._changed(from_app_id, openids)
        except ChannelRefused as refusal:
            if refusal.code != WRONG_MOVE or not from_original_id:
                raise
            return self._changed(from_original_id, openids)

    def _changed(self, origin: str, openids: Sequence[str]) -> list[Moved]:
        body = {"from_appid": origin, "openid_list": list(openids[:MOST_OPENIDS])}
        answer = self._post("/cgi-bin/changeopenid", body)
        return [
            Moved(
                item.text("ori_openid"),
                item.maybe("new_openid"),
                "" if item.maybe("err_msg") == "ok" else item.maybe("err_msg"),
            )
            for item in answer.parts("result_list")
        ]

    # --- QR codes ---

    def qrcode_create(self, scene: str, *, expires_in_s: int | None) -> QrTicket:
        """Make a QR code with a scene of 1 to 64 characters.

        Args:
            scene: comes back in the event of a scan.
            expires_in_s: at most 30 days; None for ever, of which there are 100,000 (45029).
        """
        action = {"scene": {"scene_str": scene}}
        body: dict[str, Any]
        if expires_in_s is None:
            body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": action}
        else:
            body = {
                "expire_seconds": expires_in_s,
                "action_name": "QR_STR_SCENE",
                "action_info": action,
            }
        answer = self._post("/cgi-bin/qrcode/create", body)
        return QrTicket(
            answer.text("ticket"), answer.text("url"), answer.number("expire_seconds", 0)
        )

    # --- menus ---

    def menu_create(self, buttons: Sequence[Button]) -> None:
        """Replace the whole menu; people see it within five minutes."""
        self._post("/cgi-bin/menu/create", {"button": [button.wire() for button in buttons]})

    def menu_get(self) -> MenuState | None:
        """The menus made by interface; None when there are none."""
        try:
            answer = self._get("/cgi-bin/menu/get")
        except ChannelRefused as refusal:
            if refusal.code == NO_MENU:
                return None
            raise
        return MenuState(
            buttons_of(answer.part("menu")),
            tuple(
                ConditionalMenu(item.maybe("menuid"), buttons_of(item), item.part("matchrule").raw)
                for item in answer.parts("conditionalmenu")
            ),
        )

    def menu_current(self) -> OwnMenu:
        """The menu people see now, also one made in WeChat's own editor."""
        answer = self._get("/cgi-bin/get_current_selfmenu_info")
        shown = answer.part("selfmenu_info").parts("button")
        return OwnMenu(answer.number("is_menu_open", 0) == 1, tuple(map(button_of, shown)))

    def menu_delete(self) -> None:
        """Delete all menus, those for some followers too."""
        self._get("/cgi-bin/menu/delete")

    def menu_add_conditional(self, buttons: Sequence[Button], rule: Mapping[str, Any]) -> str:
        """Add a menu for some followers; answers its id. There must be a menu for all."""
        body = {"button": [button.wire() for button in buttons], "matchrule": dict(rule)}
        return self._post("/cgi-bin/menu/addconditional", body).text("menuid")

    def menu_delete_conditional(self, menu_id: str) -> None:
        """Delete a menu for some followers."""
        self._post("/cgi-bin/menu/delconditional", {"menuid": menu_id})

    def menu_of_follower(self, openid: str) -> tuple[Button, ...]:
        """Which menu a follower sees."""
        answer = self._post("/cgi-bin/menu/trymatch", {"user_id": openid})
        return buttons_of(answer) or buttons_of(answer.part("menu"))

    # --- web pages and files ---

    def jsapi_ticket(self, kind: str = "jsapi") -> Token:
        """The ticket that signs web pages; kept and shared, its allowance is small."""
        answer = self._get("/cgi-bin/ticket/getticket", {"type": kind})
        return Token(answer.text("ticket"), answer.number("expires_in", 7200))

    def media_upload(self, kind: str, *, filename: str, content: bytes, content_type: str) -> Media:
        """Let WeChat keep a file for three days.

        Args:
            kind: ``image`` (10 MB), ``voice`` (2 MB), ``video`` (10 MB) or ``thumb`` (64 KB).
            filename: with its ending, by which WeChat tells the type.
            content: the file.
            content_type: such as ``image/jpeg``.
        """
        upload = Upload(filename, content, content_type)
        answer = self._upload("/cgi-bin/media/upload", upload, {"type": kind})
        media_id = answer.maybe("media_id") or answer.text("thumb_media_id")
        return Media(media_id, answer.maybe("type"), answer.number("created_at", 0))

    def media_get(self, media_id: str) -> File | str:
        """A file by its id; of a film its address."""
        found = self._file("/cgi-bin/media/get", query={"media_id": media_id})
        return found if isinstance(found, File) else found.text("video_url")

    def image_upload(self, *, filename: str, content: bytes, content_type: str) -> str:
        """Let WeChat keep a picture of at most 1 MB for ever; answers its address."""
        upload = Upload(filename, content, content_type)
        return self._upload("/cgi-bin/media/uploadimg", upload, {}).text("url")

    def shorten(self, data: str, *, expires_in_s: int) -> str:
        """Leave up to 4 KB with WeChat under a key of 15 signs (短 key 托管)."""
        body = {"long_data": data, "expire_seconds": expires_in_s}
        return self._post("/cgi-bin/shorten/gen", body).text("short_key")

    def shortened(self, key: str) -> str:
        """What was left under such a key."""
        return self._post("/cgi-bin/shorten/fetch", {"short_key": key}).text("long_data")

    # --- limits and addresses ---

    def quota(self, path: str) -> Quota:
        """How much of a call's allowance is used today; ``path`` begins with a slash."""
        answer = self._post("/cgi-bin/openapi/quota/get", {"cgi_path": path}).part("quota")
        return Quota(
            answer.number("daily_limit", 0), answer.number("used", 0), answer.number("remain", 0)
        )

    def call_details(self, rid: str) -> Mapping[str, Any]:
        """What WeChat knows of one refused call."""
        return self._post("/cgi-bin/openapi/rid/get", {"rid": rid}).part("request").raw

    def clear_quota(self) -> None:
        """Set the day's counters back to zero; ten times a month (48006 after)."""
        self._post("/cgi-bin/clear_quota", {"appid": self.app_id}, is_repeatable=False)

    def callback_addresses(self) -> tuple[str, ...]:
        """Addresses WeChat pushes from."""
        return self._get("/cgi-bin/getcallbackip").texts("ip_list")

    def callback_check(self) -> Mapping[str, Any]:
        """Let WeChat test how it reaches this server."""
        body = {"action": "all", "check_operator": "DEFAULT"}
        return self._post("/cgi-bin/callback/check", body).raw


def _follower(answer: Answer) -> FollowerInfo:
    openid = answer.text("openid")
    if "subscribe" not in answer.raw:
        message = "the answer does not say whether the person follows"
        raise ChannelUnreachable(message, is_sent=True)
    return FollowerInfo(
        openid=openid,
        unionid=answer.maybe("unionid"),
        is_following=answer.number("subscribe") == 1,
        followed_at_s=answer.number("subscribe_time", 0),
        remark=answer.maybe("remark"),
        tag_ids=answer.numbers("tagid_list"),
        scene=answer.maybe("subscribe_scene"),
        qr_scene=answer.maybe("qr_scene_str") or answer.maybe("qr_scene"),
        extra=answer.raw,
    )
