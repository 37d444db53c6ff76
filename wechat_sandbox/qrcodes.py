"""QR codes with a scene: made by an account, scanned by a person."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import segno
from PIL import Image

from wechat_sandbox import accounts
from wechat_sandbox.store import Row
from wechat_sandbox.world import World

SCENE_URL = re.compile(r"https?://weixin\.qq\.com/q/([0-9A-Za-z_-]{8,64})")
PERMANENT_LIMIT = 100_000
LONGEST_NAME = 60
OVER_SHOWN_S = 1800.0
OVER_SHOWN = 6


@dataclass(frozen=True)
class Shown:
    """A QR code on some screen, which a phone may scan; ``picture`` is a path of the sandbox."""

    key: str
    content: str
    picture: str
    name: str
    created_at: float
    expires_at: float | None
    scene: str = ""
    appid: str = ""
    about: str = ""
    """Whose code it is where it has a name of its own, else what the account says of itself."""
    scanned_at: float | None = None
    scanned_by: str = ""
    is_over: bool = False


Shows = Callable[[World], list[Shown]]
_shows: list[Shows] = []


def shown(source: Shows) -> Shows:
    """Register a part of the sandbox that shows QR codes of its own."""
    _shows.append(source)
    return source


def on_screens(world: World) -> list[Shown]:
    """All QR codes that can be scanned now, newest first; then those that have just run out."""
    found = [one for source in _shows for one in source(world)]
    return sorted(found, key=lambda one: (one.is_over, -one.created_at))


class TooManyCodes(RuntimeError):
    """The account has used up its permanent codes."""


@dataclass(frozen=True)
class SceneCode:
    """One QR code of an account."""

    ticket: str
    tail: str
    appid: str
    scene: str
    is_text: bool
    is_permanent: bool
    created_at: float
    expires_at: float | None
    name: str = ""
    """What it is for, as whoever made it told the sandbox; WeChat knows no such thing."""
    scanned_at: float | None = None
    """When somebody scanned it last."""
    scanned_by: str = ""

    @property
    def url(self) -> str:
        """The text inside the picture."""
        return f"http://weixin.qq.com/q/{self.tail}"

    def is_over(self, now: float) -> bool:
        """Whether a temporary code has run out."""
        return self.expires_at is not None and now >= self.expires_at


def _from_row(row: Row | None) -> SceneCode | None:
    if row is None:
        return None
    return SceneCode(
        ticket=row["ticket"],
        tail=row["tail"],
        appid=row["appid"],
        scene=row["scene"],
        is_text=bool(row["is_text"]),
        is_permanent=bool(row["is_permanent"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        name=row["name"],
        scanned_at=row["scanned_at"],
        scanned_by=row["scanned_by"],
    )


def create(
    world: World, *, appid: str, scene: str, is_text: bool, lifetime_s: int | None
) -> SceneCode:
    """Make a code; ``lifetime_s`` None means permanent, where the same scene gives the same code.

    Raises:
        TooManyCodes: the account's permanent codes are used up.
    """
    store = world.store
    if lifetime_s is None:
        known = _from_row(
            store.row(
                "SELECT * FROM qrcodes WHERE appid = ? AND is_permanent AND scene = ?"
                " AND is_text = ?",
                appid,
                scene,
                is_text,
            )
        )
        if known:
            return known
        row = store.row("SELECT count(*) AS n FROM qrcodes WHERE appid = ? AND is_permanent", appid)
        limit = int(store.setting(f"permanent_codes:{appid}", str(PERMANENT_LIMIT)))
        if row and row["n"] >= limit:
            raise TooManyCodes(appid)
    now = world.clock.now()
    code = SceneCode(
        ticket="gQ" + secrets.token_urlsafe(68),
        tail="02" + secrets.token_urlsafe(21),
        appid=appid,
        scene=scene,
        is_text=is_text,
        is_permanent=lifetime_s is None,
        created_at=now,
        expires_at=None if lifetime_s is None else now + lifetime_s,
    )
    store.insert("qrcodes", **vars(code))
    world.touch_all()
    return code


def by_ticket(world: World, ticket: str) -> SceneCode | None:
    """The code a ticket stands for, expired or not."""
    return _from_row(world.store.row("SELECT * FROM qrcodes WHERE ticket = ?", ticket))


def by_content(world: World, content: str) -> SceneCode | None:
    """The code whose picture holds this text; None when it is no scene code of ours."""
    found = SCENE_URL.fullmatch(content.strip())
    if not found:
        return None
    return _from_row(world.store.row("SELECT * FROM qrcodes WHERE tail = ?", found.group(1)))


def recent(world: World, *, limit: int = 40) -> list[SceneCode]:
    """Codes that can be scanned now, newest first."""
    rows = world.store.rows(
        "SELECT * FROM qrcodes WHERE expires_at IS NULL OR expires_at > ?"
        " ORDER BY created_at DESC, rowid DESC LIMIT ?",
        world.clock.now(),
        limit,
    )
    return [code for row in rows if (code := _from_row(row))]


def just_over(world: World) -> list[SceneCode]:
    """Codes that ran out a short while ago, newest first."""
    now = world.clock.now()
    rows = world.store.rows(
        "SELECT * FROM qrcodes WHERE expires_at > ? AND expires_at <= ?"
        " ORDER BY created_at DESC, rowid DESC LIMIT ?",
        *(now - OVER_SHOWN_S, now, OVER_SHOWN),
    )
    return [code for row in rows if (code := _from_row(row))]


def give_name(world: World, code: SceneCode, name: str) -> None:
    """Say what a code is for, for whoever looks for it on a phone."""
    world.store.write("UPDATE qrcodes SET name = ? WHERE ticket = ?", name, code.ticket)
    world.touch_all()


def note_scan(world: World, code: SceneCode, slug: str) -> None:
    """Remember who scanned a code last, and when."""
    world.store.write(
        "UPDATE qrcodes SET scanned_at = ?, scanned_by = ? WHERE ticket = ?",
        *(world.clock.now(), world.person(slug).nickname, code.ticket),
    )


@shown
def scenes_on_screens(world: World) -> list[Shown]:
    """The scene codes of accounts, by their names."""
    now = world.clock.now()
    makers = {one.appid: one for one in accounts.every(world.store)}
    return [
        Shown(
            key=code.ticket,
            content=code.url,
            picture=f"/mp.weixin.qq.com/cgi-bin/showqrcode?ticket={quote(code.ticket, safe='')}",
            name=code.name or makers[code.appid].name,
            created_at=code.created_at,
            expires_at=code.expires_at,
            scene=code.scene,
            appid=code.appid,
            about=makers[code.appid].name if code.name else makers[code.appid].about,
            scanned_at=code.scanned_at,
            scanned_by=code.scanned_by,
            is_over=code.is_over(now),
        )
        for code in [*recent(world), *just_over(world)]
        if code.appid in makers
    ]


def picture(content: str, *, kind: str = "png", scale: int = 10) -> bytes:
    """The QR picture of a text as PNG or SVG."""
    out = io.BytesIO()
    segno.make_qr(content, error="m").save(out, kind=kind, scale=scale, border=4)
    return out.getvalue()


def photograph(
    content: str, width: int, colour: tuple[int, ...] = (0, 0, 0), *, is_clear: bool = False
) -> bytes:
    """The QR picture of a text as WeChat hands it out: JPEG, or PNG when its ground is clear."""
    raw = io.BytesIO()
    dark = "#" + "".join(f"{one:02x}" for one in colour)
    code = segno.make_qr(content, error="m")
    code.save(raw, kind="png", scale=8, border=4, dark=dark, light=None if is_clear else "white")
    drawn = Image.open(raw).convert("RGBA" if is_clear else "RGB")
    out = io.BytesIO()
    resized = drawn.resize((width, width), Image.Resampling.NEAREST)
    resized.save(out, format="PNG" if is_clear else "JPEG", quality=92)
    return out.getvalue()
