"""What a phone or a test hands over when a person sends something, turned into acts."""

from __future__ import annotations

import base64
import io
from collections.abc import Coroutine
from typing import Any

from PIL import Image

from wechat_sandbox import acts, tapping
from wechat_sandbox.accounts import Account, BadInput
from wechat_sandbox.callbacks import Delivery
from wechat_sandbox.world import World

LARGEST = 10 * 1024 * 1024


def _sample_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "#2F7D6B").save(out, format="JPEG")
    return out.getvalue()


# For whoever gives no file.
SAMPLES = {"image": ("image/jpeg", _sample_picture()), "voice": ("audio/amr", b"#!AMR\n"),
           "video": ("video/mp4", b"\x00\x00\x00\x18ftypmp42")}  # fmt: skip


def file_of(data: object, kind: str = "image") -> tuple[str, bytes]:
    """Type and content of a ``data:`` address; without one a sample of the kind."""
    if not data:
        return SAMPLES[kind]
    head, _, text = str(data).partition(",")
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadInput("data must be a data: address in base64") from error
    if not head.startswith("data:") or not head.endswith(";base64") or not content:
        raise BadInput("data must be a data: address in base64")
    if len(content) > LARGEST:
        raise BadInput("a file may have at most 10 MB")
    return head.removeprefix("data:").partition(";")[0], content


def number_of(given: dict[str, Any], name: str) -> float:
    """A number of the body, 0 when missing."""
    value = given.get(name, 0)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadInput(f"{name} must be a number")
    return float(value)


def message(
    world: World, slug: str, account: Account, given: dict[str, Any]
) -> Coroutine[Any, Any, Delivery]:
    """The act of sending: ``kind`` text (default), image, voice, video, location or link."""
    kind = given.get("kind", "text")
    if kind == "text":
        menu_id = given.get("menu_id")
        return acts.say(
            world,
            slug,
            account,
            str(given.get("text", "")),
            menu_id=None if menu_id is None else str(menu_id),
        )
    if kind in SAMPLES:
        mime, content = file_of(given.get("data"), kind)
        return acts.send_media(world, slug, account, kind, content=content, mime=mime)
    if kind == "location":
        return acts.send_location(
            world,
            slug,
            account,
            latitude=number_of(given, "latitude"),
            longitude=number_of(given, "longitude"),
            label=str(given.get("label", "")),
        )
    if kind == "link":
        words = {name: str(given.get(name, "")) for name in ("title", "description", "url")}
        return acts.send_link(world, slug, account, **words)
    raise BadInput("kind must be text, image, voice, video, location or link")


def tap(
    world: World, slug: str, account: Account, given: dict[str, Any]
) -> tuple[dict[str, Any], Coroutine[Any, Any, Delivery | None]]:
    """The button at ``path`` and the act of tapping it.

    With it goes what the person then does: ``scan`` a text, ``pictures`` as data: addresses,
    ``place`` with latitude, longitude, label and name.
    """
    path = given.get("path")
    if not isinstance(path, list) or not all(isinstance(one, int) for one in path):
        raise BadInput("path must be a list of places")
    pictures = given.get("pictures") or []
    if not isinstance(pictures, list):
        raise BadInput("pictures must be a list")
    done = {
        "scan": given.get("scan"),
        "pictures": [file_of(one)[1] for one in pictures],
        "place": given.get("place") if isinstance(given.get("place"), dict) else None,
    }
    button = tapping.menu_button(world, slug, account, path)
    return button, tapping.tap_menu(world, slug, account, button, done)
