"""QR codes with a scene, and their pictures (digest 4.6)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from wechat_sandbox import qrcodes
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.world import World

LONGEST_S = 2_592_000
DEFAULT_S = 60
LONGEST_TEXT = 64
ACTIONS = {
    "QR_SCENE": (False, False),
    "QR_STR_SCENE": (False, True),
    "QR_LIMIT_SCENE": (True, False),
    "QR_LIMIT_STR_SCENE": (True, True),
}


@endpoint("/cgi-bin/qrcode/create", capability="qrcode")
def create(call: Call) -> Answer:
    """A code for a scene, temporary or for good."""
    action = call.body.get("action_name")
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refusal(40052)
    is_permanent, is_text = ACTIONS[action]
    info = call.body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(scene, dict):
        raise Refusal(40053)
    value = _text(scene) if is_text else _number(scene, 100_000 if is_permanent else 2**32 - 1)
    seconds = None if is_permanent else _lifetime(call.body.get("expire_seconds", DEFAULT_S))
    try:
        code = qrcodes.create(
            call.world, appid=call.account.appid, scene=value, is_text=is_text, lifetime_s=seconds
        )
    except qrcodes.TooManyCodes as error:
        raise Refusal(45029) from error
    lifetime = {} if seconds is None else {"expire_seconds": seconds}
    return {"ticket": code.ticket, **lifetime, "url": code.url}


def _number(scene: dict[str, Any], highest: int) -> str:
    value = scene.get("scene_id")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
        raise Refusal(40053)
    return str(value)


def _text(scene: dict[str, Any]) -> str:
    value = scene.get("scene_str")
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT:
        raise Refusal(40053)
    return value


def _lifetime(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refusal(40035)
    return min(value, LONGEST_S)


async def show(world: World, request: Request) -> Response:
    """The picture of a ticket; 404 for a ticket nobody was given."""
    code = qrcodes.by_ticket(world, request.query_params.get("ticket", ""))
    if code is None:
        return PlainTextResponse("", status_code=404)
    picture = qrcodes.photograph(code.url, 430)
    return Response(picture, media_type="image/jpg", headers={"Cache-Control": "no-store"})
