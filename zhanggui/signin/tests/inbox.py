"""Reads codes from written messages and answers pictures, as a person with both would."""

from __future__ import annotations

import json
import re
from typing import Any

from django.test import Client

from zhanggui.channels.sms.models import BODY_COLUMN, PHONE_COLUMN, OutgoingSms, SmsState
from zhanggui.core import sealing
from zhanggui.signin.services import pictures

TOKEN = re.compile(r'name="picture_token" value="([^"]+)"')


class Inbox:
    """All messages of the installation, as their phones would show them."""

    def texts(self, phone: str = "") -> list[str]:
        """Texts to a number (E.164), or to all, oldest first."""
        return [
            self._body(message)["text"]
            for message in OutgoingSms.objects.filter(state=SmsState.WAITING).order_by("pk")
            if not phone or self._open(message, message.phone_sealed, PHONE_COLUMN) == phone
        ]

    def code(self, phone: str) -> str:
        """The newest code of a number."""
        found = re.search(r"\d{6}", self.texts(phone)[-1])
        assert found is not None
        return found.group()

    def _body(self, message: OutgoingSms) -> dict[str, Any]:
        return dict(json.loads(self._open(message, message.body_sealed or b"", BODY_COLUMN)))

    @staticmethod
    def _open(message: OutgoingSms, sealed: Any, column: str) -> str:
        return sealing.unseal(bytes(sealed), column=column, merchant_id=message.merchant_id)


def answer_of(token: str, what: str = "a") -> str:
    """The signs (``a``) or the digits (``d``) of a picture; only we can open its token."""
    answer = pictures._open(token)
    assert answer is not None
    return answer.signs if what == "a" else answer.digits


def picture(client: Client, page: str) -> dict[str, str]:
    """Open a page and answer its picture: the fields to send."""
    found = TOKEN.search(client.get(page).content.decode())
    assert found is not None, "the page shows no picture"
    return {"picture_token": found.group(1), "picture": answer_of(found.group(1))}


def ask(client: Client, page: str, phone: str, **more: Any) -> Any:
    """Press "send me a code" on a page, with the right picture code."""
    return client.post(page, {"do": "ask", "phone": phone, **picture(client, page), **more})
