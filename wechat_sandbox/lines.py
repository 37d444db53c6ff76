"""Where an account's pushes go and how they are sealed: its own server, or a platform's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wechat_sandbox import crypto
from wechat_sandbox.accounts import Account
from wechat_sandbox.messagexml import to_json, to_xml

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """The way of a push.

    ``owner`` is the appid whose faults apply and under which the log shows the push;
    ``receiver`` the appid that stands at the end of an encrypted message.
    """

    owner: str
    url: str
    token: str
    aes_key: str
    old_aes_key: str
    receiver: str
    mode: str
    original_id: str
    is_json: bool = False

    def render(self, fields: Fields) -> str:
        """The message as this line's server wants it."""
        return to_json(fields) if self.is_json else to_xml(fields)


@dataclass(frozen=True)
class Wrong:
    """What is made wrong about one delivery, as a fault asks for it."""

    signature: bool = False
    receiver: bool = False
    old_key: bool = False


def of_account(account: Account) -> Line:
    """The line to the account's own server."""
    return Line(
        owner=account.appid,
        url=account.callback_url,
        token=account.token,
        aes_key=account.aes_key,
        old_aes_key=account.old_aes_key,
        receiver=account.appid,
        mode=account.encrypt_mode,
        original_id=account.original_id,
        is_json=account.push_format == "json",
    )


def seal(
    line: Line, openid: str, fields: Fields, *, now: int, wrong: Wrong | None = None
) -> tuple[dict[str, str], str]:
    """Query and body of one delivery in the line's mode, freshly signed.

    Without an original id it is an event of a platform: the outer element names its appid.
    """
    wrong = wrong or Wrong()
    if wrong.receiver:
        line = replace(line, receiver="wxsbsomebodyelse")
    if wrong.old_key and line.old_aes_key:
        line = replace(line, aes_key=line.old_aes_key)
    stamp, nonce = str(now), str(secrets.randbelow(10**10))
    token = secrets.token_hex(8) if wrong.signature else line.token
    query = {"signature": crypto.sign(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    if openid:
        query["openid"] = openid
    text = line.render(fields)
    if line.mode == "plain":
        return query, text
    sealed = crypto.encrypt(text, aes_key=line.aes_key, receiver=line.receiver)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = crypto.sign(token, stamp, nonce, sealed)
    if line.mode == "compatible":
        return query, line.render({**fields, "Encrypt": sealed})
    outer = {"ToUserName": line.original_id} if line.original_id else {"AppId": line.owner}
    return query, line.render({**outer, "Encrypt": sealed})
