"""The people whose phones the sandbox plays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wechat_sandbox.accounts import BadInput
from wechat_sandbox.store import Row, Store, pack, unpack

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
RESERVED = {"www", "api", "localhost"}
LONGEST_NICKNAME = 32
PLATFORMS = ("ios", "android")
COLOURS = (
    "#C2362B", "#2F7D6B", "#8F5B0E", "#7A2E4A", "#2B4C7E", "#4F6B2D",
    "#A0522D", "#5B4B8A", "#1F6F8B", "#99582A", "#3D6B57", "#8A3B52",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One person with one phone."""

    slug: str
    nickname: str
    avatar: dict[str, str]
    tags: tuple[str, ...]
    platform: str
    phone: str
    """Where text messages arrive, E.164; people who were given none have one of their own."""

    @property
    def user_agent(self) -> str:
        """What the person's in-app browser calls itself."""
        return USER_AGENTS[self.platform]


USER_AGENTS = {
    "ios": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.60(0x18003c2f) "
        "NetType/WIFI Language/zh_CN"
    ),
    "android": (
        "Mozilla/5.0 (Linux; Android 14; PJZ110 Build/UKQ1.231108.001; wv) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300333 "
        "MMWEBSDK/20241202 MicroMessenger/8.0.56.2800(0x28003858) WeChat/arm64 Weixin "
        "NetType/WIFI Language/zh_CN ABI/arm64"
    ),
}


def _from_row(row: Row) -> Person:
    return Person(
        slug=row["slug"],
        nickname=row["nickname"],
        avatar=unpack(row["avatar"]),
        tags=tuple(unpack(row["tags"])),
        platform=row["platform"],
        phone=row["phone"],
    )


def find(store: Store, slug: str) -> Person | None:
    """The person with this slug."""
    row = store.row("SELECT * FROM people WHERE slug = ?", slug)
    return _from_row(row) if row else None


def every(store: Store) -> list[Person]:
    """All people in the order in which they came."""
    return [_from_row(row) for row in store.rows("SELECT * FROM people ORDER BY position")]


def with_phone(store: Store, phone: str) -> list[Person]:
    """Whose number this is; usually one person, and nobody for numbers of the shop's staff."""
    return [_from_row(row) for row in store.rows("SELECT * FROM people WHERE phone = ?", phone)]


def save_all(store: Store, given: list[Mapping[str, Any]]) -> list[Person]:
    """Make or change many people at once; nobody is saved when one of them is wrong."""
    checked = [_checked(store, one) for one in given]
    with store.transaction():
        row = store.row("SELECT coalesce(max(position), 0) AS n FROM people")
        position = int(row["n"]) if row else 0
        for person in checked:
            position += 1
            _save(store, person, position)
    return checked


def _save(store: Store, person: Person, position: int) -> None:
    store.write(
        "INSERT INTO people (slug, nickname, avatar, tags, platform, phone, position)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO UPDATE SET"
        " nickname = excluded.nickname, avatar = excluded.avatar, tags = excluded.tags,"
        " platform = excluded.platform, phone = excluded.phone",
        person.slug,
        person.nickname,
        pack(person.avatar),
        pack(person.tags),
        person.platform,
        person.phone,
        position,
    )


def _checked(store: Store, given: Mapping[str, Any]) -> Person:
    slug, nickname = given.get("slug"), given.get("nickname")
    if not isinstance(slug, str) or not SLUG.fullmatch(slug) or slug in RESERVED:
        raise BadInput(f"slug must be lower-case letters, digits and hyphens: {slug!r}")
    known = find(store, slug)
    if nickname is None and known:
        nickname = known.nickname
    if not isinstance(nickname, str) or not 1 <= len(nickname.strip()) <= LONGEST_NICKNAME:
        raise BadInput(f"{slug}: nickname must have 1 to {LONGEST_NICKNAME} characters")
    nickname = nickname.strip()
    seed = hashlib.sha256(slug.encode()).digest()
    platform = given.get("platform") or (known.platform if known else PLATFORMS[seed[1] % 2])
    if platform not in PLATFORMS:
        raise BadInput(f"{slug}: platform must be ios or android")
    tags = given.get("tags", known.tags if known else ())
    if not isinstance(tags, list | tuple):
        raise BadInput(f"{slug}: tags must be a list")
    return Person(
        slug=slug,
        nickname=nickname,
        avatar=_avatar(given.get("avatar") or (known.avatar if known else {}), nickname, seed),
        tags=tuple(str(tag) for tag in tags),
        platform=platform,
        phone=_phone(given.get("phone") or (known.phone if known else ""), slug, seed),
    )


def _phone(given: object, slug: str, seed: bytes) -> str:
    if not given:
        return f"+86199{int.from_bytes(seed[2:8]) % 10**8:08d}"
    phone = "".join(str(given).split()).replace("-", "")
    phone = phone if phone.startswith("+") else f"+86{phone}"
    if not PHONE.fullmatch(phone):
        raise BadInput(f"{slug}: phone must be a number such as 13800138000")
    return phone


def _avatar(given: object, nickname: str, seed: bytes) -> dict[str, str]:
    wish = given if isinstance(given, dict) else {}
    colour = wish.get("colour")
    if not isinstance(colour, str) or not re.fullmatch(r"#[0-9A-Fa-f]{3,8}", colour):
        colour = COLOURS[seed[0] % len(COLOURS)]
    text = wish.get("text")
    # A Chinese given name stands last, one in letters first.
    initial = nickname[-1] if "\u4e00" <= nickname[-1] <= "\u9fff" else nickname[0].upper()
    return {"colour": colour, "text": text[:2] if isinstance(text, str) and text else initial}
