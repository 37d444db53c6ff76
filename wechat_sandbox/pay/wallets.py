"""People's money: change, bank cards, the payment password, and what the phone tells about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wechat_sandbox.accounts import BadInput
from wechat_sandbox.pay import merchants
from wechat_sandbox.store import Row, add_tables, pack, unpack
from wechat_sandbox.world import World

if TYPE_CHECKING:
    from wechat_sandbox.pay.orders import Order

add_tables(
    """
CREATE TABLE pay_wallets (
    slug TEXT PRIMARY KEY, change_fen INTEGER NOT NULL, card_fen INTEGER NOT NULL,
    password TEXT NOT NULL, wrong INTEGER NOT NULL DEFAULT 0, locked_until REAL NOT NULL DEFAULT 0,
    is_abnormal INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE pay_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, at REAL NOT NULL, seen INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pay_messages_of_person ON pay_messages (slug, id);
"""
)

CHANGE_FEN, CARD_FEN, PASSWORD = 500_00, 20_000_00, "123456"
WRONG_TO_LOCK, LOCK_S = 5, 3 * 3600

# bank_type of the platform -> how the phone calls it, how a refund calls the account.
METHODS = {
    "OTHERS": ("零钱", "支付用户零钱"),
    "CMB_DEBIT": ("招商银行储蓄卡(8866)", "招商银行借记卡8866"),
}


class PayProblem(Exception):
    """A payment the person cannot make; the text is what the phone shows."""

    def __init__(self, code: str, text: str) -> None:
        """``code`` is for programs, ``text`` for the person."""
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Wallet:
    """One person's money on the sandbox."""

    change_fen: int = CHANGE_FEN
    card_fen: int = CARD_FEN
    password: str = PASSWORD
    wrong: int = 0
    locked_until: float = 0
    is_abnormal: bool = False

    def has(self, bank: str) -> int:
        """How much a method can pay, in fen."""
        return self.change_fen if bank == "OTHERS" else self.card_fen


def of(world: World, slug: str) -> Wallet:
    """A person's wallet; everybody starts with some money and the password 123456."""
    row = world.store.row("SELECT * FROM pay_wallets WHERE slug = ?", slug)
    if row is None:
        return Wallet()
    values = {name: row[name] for name in Wallet.__annotations__}
    return Wallet(**{**values, "is_abnormal": bool(row["is_abnormal"])})


def _save(world: World, slug: str, wallet: Wallet) -> None:
    world.store.insert("pay_wallets", slug=slug, **vars(wallet))
    world.touch(slug)


def change(world: World, slug: str, given: dict[str, Any]) -> Wallet:
    """Set a person's money, password or abnormality by hand."""
    known = of(world, slug)
    unknown = set(given) - {"change_fen", "card_fen", "password", "is_abnormal"}
    if unknown:
        raise BadInput(f"unknown in a wallet: {', '.join(sorted(unknown))}")
    for name in ("change_fen", "card_fen"):
        value = given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadInput(f"{name} must be a whole number of fen")
    password = given.get("password", known.password)
    if not isinstance(password, str) or len(password) != 6 or not password.isdigit():  # noqa: PLR2004
        raise BadInput("password must be six digits")
    if not isinstance(given.get("is_abnormal", False), bool):
        raise BadInput("is_abnormal must be true or false")
    _save(world, slug, Wallet(**{**vars(known), **given, "wrong": 0, "locked_until": 0}))
    return of(world, slug)


def check_password(world: World, slug: str, password: str) -> None:
    """Raise PayProblem for a wrong payment password; five in a row lock paying for three hours."""
    wallet, now = of(world, slug), world.clock.now()
    if wallet.locked_until > now:
        raise PayProblem("locked", "支付密码输入错误次数过多，请 3 小时后再试")
    if password == wallet.password:
        if wallet.wrong:
            _save(world, slug, Wallet(**{**vars(wallet), "wrong": 0}))
        return
    wrong = wallet.wrong + 1
    if wrong >= WRONG_TO_LOCK:
        _save(world, slug, Wallet(**{**vars(wallet), "wrong": 0, "locked_until": now + LOCK_S}))
        raise PayProblem("locked", "支付密码输入错误次数过多，请 3 小时后再试")
    _save(world, slug, Wallet(**{**vars(wallet), "wrong": wrong}))
    raise PayProblem("password", f"支付密码错误，还可以输入 {WRONG_TO_LOCK - wrong} 次")


def take(world: World, slug: str, bank: str, amount_fen: int) -> None:
    """Take money out of the wallet; PayProblem when there is not enough."""
    if bank not in METHODS:
        raise PayProblem("method", "没有这种支付方式")
    wallet = of(world, slug)
    if wallet.is_abnormal:
        raise PayProblem("abnormal", "你的账户存在异常，暂时不能支付")
    if wallet.has(bank) < amount_fen:
        name = "零钱余额不足" if bank == "OTHERS" else "银行卡可用余额不足"
        raise PayProblem("not_enough", f"{name}，请更换支付方式")
    _move(world, slug, wallet, bank, -amount_fen)


def give_back(world: World, slug: str, bank: str, amount_fen: int) -> None:
    """Put refunded money back where it came from."""
    _move(world, slug, of(world, slug), bank, amount_fen)


def _move(world: World, slug: str, wallet: Wallet, bank: str, by_fen: int) -> None:
    name = "change_fen" if bank == "OTHERS" else "card_fen"
    _save(world, slug, Wallet(**{**vars(wallet), name: getattr(wallet, name) + by_fen}))


def account_name(bank: str) -> str:
    """How a refund names the account the money goes to."""
    return METHODS.get(bank, METHODS["OTHERS"])[1]


def tell_paid(world: World, order: Order, merchant_name: str, slug: str, bank: str) -> None:
    """The message of "微信支付" about a payment."""
    _tell(
        world,
        slug,
        "paid",
        {
            "merchant": merchant_name,
            "amount_fen": order.total_fen,
            "description": order.given["description"],
            "method": METHODS[bank][0],
            "out_trade_no": order.out_trade_no,
        },
    )


def tell_refunded(world: World, order: Order, amount_fen: int) -> None:
    """The message of "微信支付" about money that came back."""
    merchant = merchants.find(world, order.trade_mchid)
    _tell(
        world,
        str(order.slug),
        "refunded",
        {
            "merchant": merchant.name if merchant else order.trade_mchid,
            "amount_fen": amount_fen,
            "total_fen": order.total_fen,
            "description": order.given["description"],
            "method": METHODS.get(str(order.bank), METHODS["OTHERS"])[0],
            "out_trade_no": order.out_trade_no,
        },
    )


def _tell(world: World, slug: str, kind: str, body: dict[str, Any]) -> None:
    world.store.insert("pay_messages", slug=slug, kind=kind, body=pack(body), at=world.clock.now())
    world.touch(slug)


def _message(row: Row) -> dict[str, Any]:
    return {"id": row["id"], "kind": row["kind"], "at": row["at"], **unpack(row["body"])}


def messages(world: World, slug: str) -> list[dict[str, Any]]:
    """What "微信支付" has told a person, oldest first, at most 200."""
    rows = world.store.rows(
        "SELECT * FROM pay_messages WHERE slug = ? ORDER BY id DESC LIMIT 200", slug
    )
    return [_message(row) for row in reversed(rows)]


def overview(world: World, slug: str) -> dict[str, Any] | None:
    """The newest message and how many are unseen; None when there never was one."""
    row = world.store.row(
        "SELECT * FROM pay_messages WHERE slug = ? ORDER BY id DESC LIMIT 1", slug
    )
    if row is None:
        return None
    count = world.store.row(
        "SELECT count(*) AS n FROM pay_messages WHERE slug = ? AND NOT seen", slug
    )
    return {"unread": count["n"] if count else 0, "last": _message(row)}


def mark_seen(world: World, slug: str) -> None:
    """The person has looked at the messages of "微信支付"."""
    if world.store.write("UPDATE pay_messages SET seen = 1 WHERE slug = ? AND NOT seen", slug):
        world.touch(slug)
