"""Subscription notices: templates, what a person accepted, and the chat 服务通知 they arrive in."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

from wechat_sandbox import chats
from wechat_sandbox.accounts import Account
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

# Messages of all accounts stand together in one chat of the phone.
CHAT = "notices"
ONCE, LONG = 2, 3
PLACE = re.compile(r"\{\{(\w+)\.DATA\}\}")

add_tables(
    """
CREATE TABLE notice_templates (
    template_id TEXT PRIMARY KEY, appid TEXT NOT NULL, tid TEXT NOT NULL, kids TEXT NOT NULL,
    title TEXT NOT NULL, content TEXT NOT NULL, example TEXT NOT NULL, kind INTEGER NOT NULL
);
CREATE INDEX notice_templates_of_account ON notice_templates (appid);
CREATE TABLE accepted (
    slug TEXT, appid TEXT, template_id TEXT, remaining INTEGER NOT NULL,
    is_refused INTEGER NOT NULL, PRIMARY KEY (slug, appid, template_id)
);
CREATE TABLE accepted_scenes (
    slug TEXT, appid TEXT, template_id TEXT, scene INTEGER, PRIMARY KEY (slug, appid, template_id)
);
""",
    lasting=("notice_templates",),
)


@dataclass(frozen=True)
class NoticeTemplate:
    """A template the account took from the library; ``kind`` 2 once, 3 for good."""

    template_id: str
    appid: str
    tid: str
    kids: tuple[int, ...]
    title: str
    content: str
    example: str
    kind: int

    @property
    def places(self) -> list[str]:
        """The names of its values, such as thing1."""
        return PLACE.findall(self.content)


def _from_row(row: Row) -> NoticeTemplate:
    return NoticeTemplate(**{**dict(row), "kids": tuple(unpack(row["kids"]))})


def add(
    world: World,
    account: Account,
    *,
    title: str,
    content: str,
    example: str = "",
    kind: int = ONCE,
    tid: str = "",
    kids: tuple[int, ...] = (),
    given_id: str = "",
) -> NoticeTemplate:
    """Put a template into the account."""
    template_id = given_id or secrets.token_urlsafe(32)
    world.store.insert(
        "notice_templates",
        template_id=template_id,
        appid=account.appid,
        tid=tid,
        kids=pack(kids),
        title=title,
        content=content,
        example=example or PLACE.sub("示例内容", content),
        kind=kind,
    )
    world.touch_all()
    found = find(world, account, template_id)
    assert found is not None  # noqa: S101
    return found


def find(world: World, account: Account, template_id: object) -> NoticeTemplate | None:
    """The account's template with this id."""
    if not isinstance(template_id, str):
        return None
    row = world.store.row(
        "SELECT * FROM notice_templates WHERE template_id = ? AND appid = ?",
        template_id,
        account.appid,
    )
    return _from_row(row) if row else None


def every(world: World, account: Account) -> list[NoticeTemplate]:
    """The account's templates, the oldest first."""
    rows = world.store.rows(
        "SELECT * FROM notice_templates WHERE appid = ? ORDER BY rowid", account.appid
    )
    return [_from_row(row) for row in rows]


def decide(world: World, slug: str, template: NoticeTemplate, *, accepts: bool) -> None:
    """The person accepts (one message more; of a long kind any number) or refuses."""
    world.store.write(
        "INSERT INTO accepted (slug, appid, template_id, remaining, is_refused)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (slug, appid, template_id) DO UPDATE SET"
        " remaining = remaining + ?4, is_refused = ?5",
        slug,
        template.appid,
        template.template_id,
        int(accepts),
        not accepts,
    )
    world.touch(slug)


def withdraw(world: World, slug: str, template: NoticeTemplate) -> bool:
    """The person switches the template off in the account's settings; False if it was not on."""
    done = world.store.write(
        "UPDATE accepted SET remaining = 0, is_refused = 1"
        " WHERE slug = ? AND appid = ? AND template_id = ? AND remaining > 0",
        slug,
        template.appid,
        template.template_id,
    )
    world.touch(slug)
    return bool(done)


def remaining(world: World, slug: str, template: NoticeTemplate) -> int:
    """How many messages the person has accepted and not received."""
    row = world.store.row(
        "SELECT remaining FROM accepted WHERE slug = ? AND appid = ? AND template_id = ?",
        slug,
        template.appid,
        template.template_id,
    )
    return int(row["remaining"]) if row else 0


def spend(world: World, slug: str, template: NoticeTemplate) -> bool:
    """Take one accepted message; of a long kind it is not used up. False when there is none."""
    cost = 1 if template.kind == ONCE else 0
    return bool(
        world.store.write(
            "UPDATE accepted SET remaining = remaining - ? WHERE slug = ? AND appid = ?"
            " AND template_id = ? AND remaining > 0",
            cost,
            slug,
            template.appid,
            template.template_id,
        )
    )


def show(world: World, slug: str, account: Account, body: dict[str, Any]) -> None:
    """Put a notice into the chat 服务通知."""
    world.store.write(
        "INSERT OR IGNORE INTO follows (slug, appid, followed, since, scene, qr_scene)"
        " VALUES (?, ?, 0, 0, '', '')",
        slug,
        CHAT,
    )
    whole = {**body, "appid": account.appid, "name": account.name, "avatar": account.avatar}
    chats.add(world, slug, CHAT, sender="account", kind="notice", body=whole)


def unseen(world: World, slug: str) -> int:
    """How many notices the phone has not shown yet."""
    row = world.store.row(
        "SELECT count(*) AS n FROM messages m JOIN follows f USING (slug, appid)"
        " WHERE m.slug = ? AND m.appid = ? AND m.id > f.seen_id",
        slug,
        CHAT,
    )
    return int(row["n"]) if row else 0
