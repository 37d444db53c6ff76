"""Cloud accounts that send text messages: keys, approved signatures and templates, receipts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wechat_sandbox.accounts import BadInput
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

add_tables(
    """
CREATE TABLE sms_senders (
    key_id TEXT PRIMARY KEY, provider TEXT NOT NULL, key_secret TEXT NOT NULL,
    app_id TEXT NOT NULL, what TEXT NOT NULL, position INTEGER NOT NULL
);
CREATE TABLE sms_numbers (phone TEXT PRIMARY KEY, what TEXT NOT NULL);
""",
    lasting=("sms_senders",),
)

PROVIDERS = ("tencent", "aliyun")
KINDS = ("code", "notice", "marketing")
RECEIPTS = ("once", "twice", "never")
TEMPLATE_PLACE = {"tencent": re.compile(r"\{(\d+)\}"), "aliyun": re.compile(r"\$\{(\w+)\}")}
LIMITS = {"tencent": (1, 30, 5, 10), "aliyun": (1, 60, 5, 10)}


class NoSuchSender(LookupError):
    """No cloud account has this key."""


@dataclass(frozen=True)
class Template:
    """An approved text: ``{1}`` at Tencent, ``${name}`` at Alibaba."""

    id: str
    text: str
    kind: str = "notice"


@dataclass(frozen=True)
class Sender:
    """One account with its settings.

    Attributes:
        balance: text messages (segments) that can still be sent; None without limit.
        limits: whether a number takes only so many codes a minute, an hour and a day.
        receipts: once, twice or never.
        receipt_after_s: how long a receipt takes, on the sandbox's clock.
        receipt_url: where receipts are pushed; empty for none.
        sensitive: words that stop a message.
    """

    key_id: str
    provider: str
    key_secret: str
    app_id: str
    signs: tuple[str, ...] = ()
    templates: tuple[Template, ...] = ()
    balance: int | None = None
    limits: bool = True
    receipts: str = "once"
    receipt_after_s: float = 3
    receipt_url: str = ""
    sensitive: tuple[str, ...] = ()

    def template(self, number: object) -> Template | None:
        """The approved template with this id."""
        return next((one for one in self.templates if one.id == number), None)


FIXED = ("key_id", "provider", "key_secret", "app_id")


def _from_row(row: Row) -> Sender:
    what = unpack(row["what"])
    what["templates"] = tuple(Template(**one) for one in what["templates"])
    for name in ("signs", "sensitive"):
        what[name] = tuple(what[name])
    return Sender(**{name: row[name] for name in FIXED}, **what)


def find(world: World, provider: str, key_id: str) -> Sender | None:
    """The account of a provider with this key."""
    row = world.store.row(
        "SELECT * FROM sms_senders WHERE provider = ? AND key_id = ?", provider, key_id
    )
    return _from_row(row) if row else None


def get(world: World, key_id: str) -> Sender:
    """The account, or NoSuchSender."""
    row = world.store.row("SELECT * FROM sms_senders WHERE key_id = ?", key_id)
    if row is None:
        raise NoSuchSender(key_id)
    return _from_row(row)


def every(world: World) -> list[Sender]:
    """All accounts in the order in which they were made."""
    return [
        _from_row(row) for row in world.store.rows("SELECT * FROM sms_senders ORDER BY position")
    ]


def create(world: World, given: Mapping[str, Any]) -> Sender:
    """Open an account at a provider."""
    provider = given.get("provider")
    if provider not in PROVIDERS:
        raise BadInput(f"provider must be one of {', '.join(PROVIDERS)}")
    head = "AKIDsandbox" if provider == "tencent" else "LTAIsandbox"
    made = Sender(
        key_id=_text(given, "key_id", f"{head}{secrets.token_hex(10)}"),
        provider=provider,
        key_secret=_text(given, "key_secret", secrets.token_hex(16)),
        app_id=_text(given, "app_id", f"1400{secrets.randbelow(10**6):06d}"),
    )
    if world.store.row("SELECT 1 FROM sms_senders WHERE key_id = ?", made.key_id):
        raise BadInput(f"key_id {made.key_id} is taken")
    row = world.store.row("SELECT coalesce(max(position), 0) + 1 AS n FROM sms_senders")
    rest = {name: value for name, value in given.items() if name not in FIXED}
    checked = _checked(made, rest)
    _save(world, checked, position=row["n"] if row else 1)
    return checked


def change(world: World, known: Sender, given: Mapping[str, Any]) -> Sender:
    """Change the given settings of an account; ``app_id`` and keys stay."""
    changed = _checked(known, given)
    row = world.store.row("SELECT position FROM sms_senders WHERE key_id = ?", known.key_id)
    _save(world, changed, position=row["position"] if row else 1)
    return changed


def _save(world: World, one: Sender, *, position: int) -> None:
    what = {name: value for name, value in asdict(one).items() if name not in FIXED}
    fixed = {name: getattr(one, name) for name in FIXED}
    world.store.insert("sms_senders", **fixed, what=pack(what), position=position)


def spend(world: World, known: Sender, segments: int) -> bool:
    """Take segments from the package; False when it holds too few."""
    now = get(world, known.key_id)
    if now.balance is None:
        return True
    if now.balance < segments:
        return False
    change(world, now, {"balance": now.balance - segments})
    return True


def _text(given: Mapping[str, Any], name: str, default: str) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Za-z_-]{4,64}", value):
        raise BadInput(f"{name} must be 4 to 64 letters, digits, - or _")
    return value


def _checked(known: Sender, given: Mapping[str, Any]) -> Sender:
    unknown = set(given) - set(CHECKS)
    if unknown:
        raise BadInput(f"cannot be set for a sender: {', '.join(sorted(unknown))}")
    checked = {name: CHECKS[name](name, value) for name, value in given.items()}
    return Sender(**{**vars(known), **checked})


def _flag(name: str, given: object) -> bool:
    if not isinstance(given, bool):
        raise BadInput(f"{name} must be true or false")
    return given


def _receipts(name: str, given: object) -> str:
    if given not in RECEIPTS:
        raise BadInput(f"{name} must be one of {', '.join(RECEIPTS)}")
    return str(given)


def _seconds(name: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or given < 0:
        raise BadInput(f"{name} must be a number of seconds")
    return given


def _address(name: str, given: object) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"|https?://\S+", given):
        raise BadInput(f"{name} must be an address")
    return given


def _words(name: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise BadInput(f"{name} must be a list of texts")
    return tuple(given)


def _balance(name: str, given: object) -> int | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 0):
        raise BadInput(f"{name} must be a whole number or null")
    return given


def _templates(name: str, given: object) -> tuple[Template, ...]:
    if not isinstance(given, list):
        raise BadInput(f"{name} must be a list")
    found = []
    for one in given:
        if not isinstance(one, dict) or set(one) - {"id", "text", "kind"}:
            raise BadInput("a template has id, text and kind")
        number, text, kind = one.get("id"), one.get("text"), one.get("kind", "notice")
        if not isinstance(number, str) or not isinstance(text, str) or not number or not text:
            raise BadInput("a template needs an id and a text")
        if kind not in KINDS:
            raise BadInput(f"kind of a template must be one of {', '.join(KINDS)}")
        found.append(Template(number, text, kind))
    return tuple(found)


CHECKS: dict[str, Callable[[str, object], Any]] = {
    "signs": _words,
    "sensitive": _words,
    "templates": _templates,
    "balance": _balance,
    "limits": _flag,
    "receipts": _receipts,
    "receipt_after_s": _seconds,
    "receipt_url": _address,
}


@dataclass(frozen=True)
class NumberRule:
    """What happens to messages of one number.

    Attributes:
        code: refused with this code when sent.
        receipt: once, twice or never; empty as the account says.
        receipt_code: the receipt says that it was not delivered, with this code.
        receipt_after_s: later (or sooner) than the account says; None as it says.
    """

    code: str = ""
    receipt: str = ""
    receipt_code: str = ""
    receipt_after_s: float | None = None


def rule_of(world: World, phone: str) -> NumberRule:
    """The rule set for a number in E.164."""
    row = world.store.row("SELECT what FROM sms_numbers WHERE phone = ?", phone)
    return NumberRule(**unpack(row["what"])) if row else NumberRule()


def set_rule(world: World, phone: str, given: Mapping[str, Any]) -> NumberRule:
    """Choose what happens to messages of a number; an empty object takes the rule away."""
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", phone):
        raise BadInput("the number must look like +8613800138000")
    if set(given) - set(NumberRule.__annotations__):
        raise BadInput(f"a rule has {', '.join(NumberRule.__annotations__)}")
    if given.get("receipt", "") not in ("", *RECEIPTS):
        raise BadInput(f"receipt must be one of {', '.join(RECEIPTS)}")
    after = given.get("receipt_after_s")
    if after is not None and (isinstance(after, bool) or not isinstance(after, int | float)):
        raise BadInput("receipt_after_s must be a number of seconds")
    rule = NumberRule(**given)
    if given:
        world.store.insert("sms_numbers", phone=phone, what=pack(vars(rule)))
    else:
        world.store.write("DELETE FROM sms_numbers WHERE phone = ?", phone)
    return rule
