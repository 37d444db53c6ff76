"""Tags of followers and the blacklist (digest 4.4)."""

from __future__ import annotations

from typing import Any

from wechat_sandbox import identity, menus
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.users import page_of
from wechat_sandbox.played.wire import Answer, Call, endpoint
from wechat_sandbox.store import Row

MOST_TAGS = 100
MOST_OF_PERSON = 20
LONGEST_NAME = 30
BATCH = 50
BLACK_BATCH = 20
FIRST_OWN = 100  # smaller numbers are WeChat's own, such as 2 for starred people


def _tag(call: Call) -> dict[str, Any]:
    tag = call.body.get("tag")
    if not isinstance(tag, dict):
        raise Refusal(47001)
    return tag


def _name(call: Call) -> str:
    name = _tag(call).get("name")
    if not isinstance(name, str) or not name:
        raise Refusal(40035)
    if len(name) > LONGEST_NAME:
        raise Refusal(45158)
    row = call.world.store.row(
        "SELECT 1 FROM tags WHERE appid = ? AND name = ?", call.account.appid, name
    )
    if row:
        raise Refusal(45157)
    return name


def _known(call: Call, number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise Refusal(45159)
    if number < FIRST_OWN:
        raise Refusal(45058)
    if not menus.has_tag(call.world, call.account.appid, str(number)):
        raise Refusal(45159)
    return number


def _tags(call: Call) -> list[Row]:
    return call.world.store.rows(
        "SELECT id, name, (SELECT count(*) FROM tagged g WHERE g.appid = t.appid AND g.id = t.id)"
        " AS n FROM tags t WHERE appid = ? ORDER BY id",
        call.account.appid,
    )


@endpoint("/cgi-bin/tags/create", capability="user", daily=1000)
def create(call: Call) -> Answer:
    """A new tag."""
    call.refuse_escapes()
    name, held = _name(call), _tags(call)
    if len(held) >= MOST_TAGS:
        raise Refusal(45056)
    number = max([FIRST_OWN - 1, *[row["id"] for row in held]]) + 1
    call.world.store.insert("tags", appid=call.account.appid, id=number, name=name)
    return {"tag": {"id": number, "name": name}}


@endpoint("/cgi-bin/tags/get", method="GET", capability="user", daily=1000)
def listing(call: Call) -> Answer:
    """All tags with how many people have them."""
    return {
        "tags": [{"id": row["id"], "name": row["name"], "count": row["n"]} for row in _tags(call)]
    }


@endpoint("/cgi-bin/tags/update", capability="user", daily=1000)
def update(call: Call) -> Answer:
    """Rename a tag."""
    call.refuse_escapes()
    number = _known(call, _tag(call).get("id"))
    call.world.store.write(
        "UPDATE tags SET name = ? WHERE appid = ? AND id = ?",
        _name(call),
        call.account.appid,
        number,
    )
    return call.answered()


@endpoint("/cgi-bin/tags/delete", capability="user", daily=1000)
def delete(call: Call) -> Answer:
    """Take a tag away from everybody."""
    number, appid = _known(call, _tag(call).get("id")), call.account.appid
    for table in ("tags", "tagged"):
        call.world.store.write(f"DELETE FROM {table} WHERE appid = ? AND id = ?", appid, number)  # noqa: S608
    call.world.touch_all()
    return call.answered()


def _people(call: Call, most: int) -> list[str]:
    given = call.body.get("openid_list")
    if not isinstance(given, list) or not given:
        raise Refusal(40031)
    if len(given) > most:
        raise Refusal(40032)
    return [call.receiver(one) for one in given]


@endpoint("/cgi-bin/tags/members/batchtagging", capability="user", daily=10_000)
def tag_people(call: Call) -> Answer:
    """Give up to 50 people a tag; all of them or nobody."""
    number, slugs = _known(call, call.body.get("tagid")), _people(call, BATCH)
    appid = call.account.appid
    for slug in slugs:
        held = menus.tags_of(call.world, appid, slug)
        if number not in held and len(held) >= MOST_OF_PERSON:
            raise Refusal(45059)
    with call.world.store.transaction():
        for slug in slugs:
            call.world.store.insert("tagged", appid=appid, id=number, slug=slug)
    call.world.touch_all()
    return call.answered()


@endpoint("/cgi-bin/tags/members/batchuntagging", capability="user", daily=10_000)
def untag_people(call: Call) -> Answer:
    """Take a tag from up to 50 people."""
    number, slugs = _known(call, call.body.get("tagid")), _people(call, BATCH)
    with call.world.store.transaction():
        for slug in slugs:
            call.world.store.write(
                "DELETE FROM tagged WHERE appid = ? AND id = ? AND slug = ?",
                call.account.appid,
                number,
                slug,
            )
    call.world.touch_all()
    return call.answered()


@endpoint("/cgi-bin/tags/getidlist", capability="user", daily=100_000)
def of_person(call: Call) -> Answer:
    """The tags of one person."""
    slug = call.receiver(call.body.get("openid"))
    return {"tagid_list": menus.tags_of(call.world, call.account.appid, slug)}


@endpoint("/cgi-bin/user/tag/get", method=("POST", "GET"), capability="user", daily=1000)
def people_of(call: Call) -> Answer:
    """The people with a tag."""
    number, appid = _known(call, call.body.get("tagid")), call.account.appid
    rows = call.world.store.rows(
        "SELECT slug FROM tagged WHERE appid = ? AND id = ? ORDER BY rowid", appid, number
    )
    openids = [identity.openid(appid, row["slug"]) for row in rows]
    return page_of(call, openids, str(call.body.get("next_openid") or ""))


@endpoint("/cgi-bin/tags/members/getblacklist", capability="user", daily=10_000)
def blacklist(call: Call) -> Answer:
    """People whose messages the account does not want."""
    appid = call.account.appid
    rows = call.world.store.rows("SELECT slug FROM blacklist WHERE appid = ? ORDER BY rowid", appid)
    openids = [identity.openid(appid, row["slug"]) for row in rows]
    page = page_of(call, openids, str(call.body.get("begin_openid") or ""))
    return {"total": len(openids), **page}


@endpoint("/cgi-bin/tags/members/batchblacklist", capability="user", daily=10_000)
def add_to_blacklist(call: Call) -> Answer:
    """Put up to 20 people on the blacklist."""
    with call.world.store.transaction():
        for slug in _people(call, BLACK_BATCH):
            call.world.store.insert("blacklist", slug=slug, appid=call.account.appid)
    return call.answered()


@endpoint("/cgi-bin/tags/members/batchunblacklist", capability="user", daily=10_000)
def take_from_blacklist(call: Call) -> Answer:
    """Take up to 20 people off the blacklist."""
    with call.world.store.transaction():
        for slug in _people(call, BLACK_BATCH):
            call.world.store.write(
                "DELETE FROM blacklist WHERE slug = ? AND appid = ?", slug, call.account.appid
            )
    return call.answered()
