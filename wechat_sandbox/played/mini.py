"""Mini programs: who signed in, phone numbers, codes and links (digest 7.1 to 7.4)."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wechat_sandbox import identity, minis, qrcodes
from wechat_sandbox.accounts import Account
from wechat_sandbox.control import world_of
from wechat_sandbox.minis import Entry
from wechat_sandbox.played import tokens
from wechat_sandbox.played.component import by_own_token
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, count_minute, endpoint

LOGINS_A_MINUTE = 100
FREE_NUMBERS = 1000
SCENE = re.compile(r"[0-9a-zA-Z!#$&'()*+,/:;=?@\-._~]+")
LONGEST_SCENE, LONGEST_PATH = 32, 1024
WIDTHS = (280, 1280, 430)
MOST_LIMITED = 100_000
VERSIONS = ("release", "trial", "develop")


def _login(call: Call, account: Account) -> Answer:
    if not account.is_mini:
        raise Refusal(40013)
    if call.query("grant_type") not in ("authorization_code", ""):
        raise Refusal(40002)
    code = call.query("js_code")
    if not code:
        raise Refusal(41008)
    found = minis.use_code(call.world, account, code, "login")
    if isinstance(found, int):
        raise Refusal(found)
    if "高风险" in call.world.person(found).tags:
        raise Refusal(40226)
    openid = identity.openid(account.appid, found)
    count_minute(call.world, openid, "/sns/jscode2session", LOGINS_A_MINUTE)
    union = call.world.unionid_of(account, found)
    key = minis.new_session(call.world, account, found)
    return {"session_key": key, "openid": openid, **({"unionid": union} if union else {})}


@endpoint("/sns/jscode2session", method="GET", needs_token=False)
def login(call: Call) -> Answer:
    """Who signed in with this code."""
    account = tokens.check_credentials(
        call.world,
        appid=call.query("appid"),
        secret=call.query("secret"),
        grant_type="",
        wanted="",
        ip=None,
    )
    return _login(call, account)


@endpoint("/sns/component/jscode2session", method="GET", needs_token=False)
def login_for_platform(call: Call) -> Answer:
    """The same for a platform that has the mini program in its hands."""
    return _login(call, by_own_token(call, "mini"))


@endpoint("/wxa/checksession", method="GET", capability="mini")
def check_session(call: Call) -> Answer:
    """Whether the session key is still the person's."""
    slug = call.receiver(call.query("openid"))
    row = minis.session(call.world, call.account, slug)
    key = row["session_key"] if row else ""
    wanted = hmac.new(key.encode(), b"", hashlib.sha256).hexdigest()
    if call.query("sig_method") != "hmac_sha256" or not key:
        raise Refusal(87009)
    if not hmac.compare_digest(wanted, call.query("signature")):
        raise Refusal(87009)
    return call.answered()


@endpoint("/wxa/business/getuserphonenumber", capability="mini")
def phone_number(call: Call) -> Answer:
    """The number of a person who tapped the button; each one is paid for after the free ones."""
    account = call.account
    found = minis.use_code(call.world, account, call.body.get("code"), "phone")
    if isinstance(found, int):
        raise Refusal(40029)
    _count_number(call, account)
    phone = call.world.person(found).phone
    is_home = phone.startswith("+86")
    bare = phone.removeprefix("+86") if is_home else phone.lstrip("+")
    return call.answered(
        phone_info={
            "phoneNumber": bare,
            "purePhoneNumber": bare,
            "countryCode": "86" if is_home else "",
            "watermark": {"timestamp": int(call.world.clock.now()), "appid": account.appid},
        }
    )


def _count_number(call: Call, account: Account) -> None:
    store = call.world.store
    limit = int(store.setting(f"phone_numbers:{account.appid}", str(FREE_NUMBERS)))
    done = store.write(
        "INSERT INTO quota_used (appid, path, day, used) SELECT ?1, 'phone_numbers', 'all', 1"
        " WHERE ?2 > 0 ON CONFLICT (appid, path, day) DO UPDATE SET used = used + 1"
        " WHERE used < ?2",
        account.appid,
        limit,
    )
    if not done:
        raise Refusal(1400001)


def _page(call: Call, given: object, *, is_checked: bool = True) -> str:
    """A page of the mini program without query; empty is its first one."""
    path = given or call.account.pages[0]
    if not isinstance(path, str) or path.startswith("/") or len(path) > LONGEST_PATH:
        raise Refusal(40165)
    if is_checked and path.partition("?")[0] not in call.account.pages:
        raise Refusal(41030)
    return path


def _env(call: Call) -> str:
    env = call.body.get("env_version", "release")
    if env not in VERSIONS:
        raise Refusal(85402)
    return str(env)


@endpoint("/wxa/getwxacodeunlimit", capability="mini")
def unlimited_code(call: Call) -> Response:
    """A code with a short scene, as many as are wanted."""
    scene, body = call.body.get("scene"), call.body
    if not isinstance(scene, str) or not 1 <= len(scene) <= LONGEST_SCENE:
        raise Refusal(40169)
    if not SCENE.fullmatch(scene):
        raise Refusal(40129)
    if "scancode_time" in scene:
        raise Refusal(85096)
    if isinstance(body.get("page"), str) and "?" in body["page"]:
        raise Refusal(41030)
    is_checked = body.get("check_path", True) is not False
    path = _page(call, body.get("page"), is_checked=is_checked)
    entry = minis.new_entry(
        call.world,
        call.account,
        kind="code",
        path=path,
        query=scene,
        env=_env(call),
        lifetime_s=None,
    )
    return _picture(entry, body)


@endpoint("/wxa/getwxacode", capability="mini")
def limited_code(call: Call) -> Response:
    """A code for a path with query; 100,000 in all."""
    return _limited(call, LONGEST_PATH)


@endpoint("/cgi-bin/wxaapp/createwxaqrcode", capability="mini")
def plain_code(call: Call) -> Response:
    """A plain QR code for a path; shares the 100,000."""
    return _limited(call, 128)


def _limited(call: Call, longest: int) -> Response:
    path = call.body.get("path")
    if not isinstance(path, str) or not 1 <= len(path) <= longest:
        raise Refusal(40159)
    if path.startswith("/"):
        raise Refusal(40165)
    limit = int(
        call.world.store.setting(f"permanent_codes:{call.account.appid}", str(MOST_LIMITED))
    )
    if minis.count_entries(call.world, call.account, "limited") >= limit:
        raise Refusal(45029)
    entry = minis.new_entry(
        call.world,
        call.account,
        kind="limited",
        path=path,
        query="",
        env=_env(call),
        lifetime_s=None,
    )
    return _picture(entry, call.body)


def _picture(entry: Entry, body: dict[str, Any]) -> Response:
    """The code as a picture. WeChat draws a round one; here a QR code holds the same."""
    least, most, usual = WIDTHS
    width = body.get("width", usual)
    if not isinstance(width, int) or isinstance(width, bool):
        raise Refusal(40097)
    colour = body.get("line_color")
    parts = [0, 0, 0]
    if isinstance(colour, dict) and not body.get("auto_color"):
        parts = [int(str(colour.get(name, 0))) for name in "rgb"]
        if not all(0 <= one <= 255 for one in parts):  # noqa: PLR2004
            raise Refusal(40097)
    is_clear = body.get("is_hyaline") is True
    content = qrcodes.photograph(
        entry.content, min(max(width, least), most), tuple(parts), is_clear=is_clear
    )
    return Response(content, media_type="image/png" if is_clear else "image/jpeg")


async def show_code(request: Request) -> Response:
    """The picture of a mini program code, for the scanner of a phone."""
    world = world_of(request)
    entry = minis.entry_of(world, f"{minis.CODE_URL}{request.path_params['key']}")
    if entry is None:
        return Response(status_code=404)
    return Response(qrcodes.photograph(entry.content, 430), media_type="image/jpeg")
