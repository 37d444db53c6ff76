"""Files on WeChat's servers (digest 4.13)."""

from __future__ import annotations

import email.parser
import email.policy
from dataclasses import dataclass

from starlette.responses import Response

from wechat_sandbox import media
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Kind:
    """What a file of one type may be: content type by first bytes, and its size."""

    signs: tuple[tuple[bytes, str], ...]
    most_bytes: int


JPEG, PNG = (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png")
GIF, BMP = (b"GIF8", "image/gif"), (b"BM", "image/bmp")
AMR, MP3 = (b"#!AMR", "audio/amr"), (b"ID3", "audio/mp3")
MPEG = ((b"\xff\xfb", "audio/mp3"), (b"\xff\xf3", "audio/mp3"))
KINDS = {
    "image": Kind((JPEG, PNG, GIF, BMP), 10 * MEGABYTE),
    "voice": Kind((AMR, MP3, *MPEG), 2 * MEGABYTE),
    "video": Kind(((b"ftyp", "video/mp4"),), 10 * MEGABYTE),
    "thumb": Kind((JPEG,), 64 * 1024),
}
# Size errors differ by what is too large.
TOO_LARGE = {"image": 40009, "voice": 40006, "video": 40006, "thumb": 40006}


@dataclass(frozen=True)
class Upload:
    """The file part of a form."""

    name: str
    content: bytes


def posted_file(call: Call) -> Upload:
    """The part called ``media`` of a multipart form."""
    if not call.raw:
        raise Refusal(44002)
    kind = call.request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise Refusal(41005)
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + call.raw)
    for part in parsed.iter_parts() if parsed.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "media":
            content = part.get_payload(decode=True)
            if not isinstance(content, bytes) or not content:
                raise Refusal(44001)
            return Upload(part.get_filename() or "file", content)
    raise Refusal(41005)


def mime_of(upload: Upload, kind: Kind) -> str | None:
    """The type of the content by its first bytes; None when it is none of the kind's."""
    for sign, mime in kind.signs:
        if upload.content.startswith(sign) or (sign == b"ftyp" and upload.content[4:8] == sign):
            return mime
    return None


@endpoint("/cgi-bin/media/upload", capability="media", is_form=True, daily=100_000)
def upload(call: Call) -> Answer:
    """A temporary file; three days."""
    wanted = call.query("type")
    if wanted not in KINDS:
        raise Refusal(40004)
    given = posted_file(call)
    if len(given.content) > KINDS[wanted].most_bytes:
        raise Refusal(TOO_LARGE[wanted])
    mime = mime_of(given, KINDS[wanted])
    if mime is None:
        raise Refusal(40005)
    made = media.keep(
        call.world,
        appid=call.account.appid,
        kind=wanted,
        name=given.name,
        mime=mime,
        content=given.content,
    )
    name = "thumb_media_id" if wanted == "thumb" else "media_id"
    return {"type": wanted, name: made.media_id, "created_at": int(made.created_at)}


@endpoint("/cgi-bin/media/get", method="GET", capability="media", daily=200_000)
def download(call: Call) -> Answer | Response:
    """The file itself; of a video the address."""
    found = media.find(call.world, call.account.appid, call.query("media_id"))
    if found is None:
        raise Refusal(40007)
    if found.kind == "video":
        public = call.world.config.public
        return {"video_url": f"{public}/mp.weixin.qq.com/media/{found.media_id}"}
    headers = {"Content-disposition": f'attachment; filename="{found.media_id}"'}
    return Response(found.content, media_type=found.mime, headers=headers)


@endpoint("/cgi-bin/media/uploadimg", capability="media", is_form=True, daily=1000)
def upload_picture(call: Call) -> Answer:
    """A picture for articles and cards, for good."""
    given = posted_file(call)
    if len(given.content) > MEGABYTE:
        raise Refusal(40009)
    mime = mime_of(given, Kind((JPEG, PNG), MEGABYTE))
    if mime is None:
        raise Refusal(40005)
    made = media.keep(
        call.world,
        appid=call.account.appid,
        kind="image",
        name=given.name,
        mime=mime,
        content=given.content,
        is_permanent=True,
    )
    return {"url": f"{call.world.config.public}/mp.weixin.qq.com/media/{made.media_id}"}
