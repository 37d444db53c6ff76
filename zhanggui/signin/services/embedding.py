"""The customers' sign-in in a frame on a merchant's own site (U-46).

Browsers keep cookies of framed sites away, so the frame needs none: what it stands for travels
sealed in its form. A right code ends in a one-time code for 60 seconds, which the frame posts to
the one site it was made for. That site sends the window itself to us with it, and only there,
as the site one is on, a session begins.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.contacts import services as contact_services
from zhanggui.core import clock, sealing, tenancy, tokens
from zhanggui.signin.errors import EntryOver, FrameOver, OriginsFull, OriginWrong
from zhanggui.signin.models import EmbedOrigin, EntryCode, Purpose
from zhanggui.signin.services import codes, members
from zhanggui.signin.services.pictures import Challenge

COLUMN = "signin.frame"
FRAME_FOR = timedelta(minutes=30)
CODE_FOR = timedelta(seconds=60)
MOST_ORIGINS = 20
LONGEST = 253
LOCAL = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that was opened on a site."""

    token: str
    """Sealed; carries all the rest through the form."""
    origin: str
    mark: str
    """What picture codes are bound to in place of a browser's cookie."""
    is_preview: bool


def origins() -> QuerySet[EmbedOrigin]:
    """The sites of the merchant in scope, the first added first."""
    return EmbedOrigin.objects.order_by("pk")


def parse_origin(typed: str) -> str:
    """A site's address as browsers write an origin.

    Raises:
        OriginWrong: more than scheme and host, or not https (E_EMBED_ORIGIN, 422).
    """
    try:
        parts = urlsplit(typed.strip())
        host = (parts.hostname or "").encode("idna").decode().lower()
        port = parts.port
    except (ValueError, UnicodeError):
        raise OriginWrong from None
    is_local = host in LOCAL and not settings.IS_PRODUCTION
    usual = {"https": 443, "http": 80}
    if parts.scheme not in usual or not (parts.scheme == "https" or is_local):
        raise OriginWrong
    if not host or len(host) > LONGEST or not ("." in host or is_local):
        raise OriginWrong
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
    if any(rest) or not all(sign.isalnum() or sign in ".-" for sign in host):
        raise OriginWrong
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual[parts.scheme] else "")


def add_origin(*, merchant: Merchant, typed: str, actor: Actor) -> EmbedOrigin:
    """Let a site show the sign-in; one that is there already stays as it is.

    Raises:
        OriginWrong: not the address of a site (E_EMBED_ORIGIN, 422).
        OriginsFull: there are 20 (E_EMBED_ORIGINS_FULL, 409).
    """
    origin = parse_origin(typed)
    with transaction.atomic():
        Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        known = EmbedOrigin.objects.filter(origin=origin).first()
        if known is not None:
            return known
        if EmbedOrigin.objects.count() >= MOST_ORIGINS:
            raise OriginsFull
        made = EmbedOrigin(merchant_id=merchant.pk, origin=origin)
        made.save(force_insert=True)
        audit.record(actor, "signin.origin.added", f"merchant:{merchant.pk}", details=_of(made))
    return made


def remove_origin(*, origin: EmbedOrigin, actor: Actor) -> None:
    """No longer show the sign-in on a site; open frames and codes of it end at once."""
    with transaction.atomic():
        EntryCode.objects.filter(origin=origin.origin).delete()
        gone, _rows = EmbedOrigin.objects.filter(pk=origin.pk).delete()
        if gone:
            target = f"merchant:{origin.merchant_id}"
            audit.record(actor, "signin.origin.removed", target, details=_of(origin))


def _of(origin: EmbedOrigin) -> dict[str, str]:
    return {"origin": origin.origin}


def open_frame(*, origin: str) -> Frame | None:
    """A new frame on a site of the merchant in scope; None where the site is not listed."""
    if not EmbedOrigin.objects.filter(origin=origin).exists():
        return None
    return _frame(origin, is_preview=False)


def preview_frame() -> Frame:
    """A frame that shows itself on our own page and takes nothing."""
    return _frame("", is_preview=True)


def _frame(origin: str, *, is_preview: bool) -> Frame:
    mark = tokens.new_token()
    ends_at = (clock.now() + FRAME_FOR).timestamp()
    content = json.dumps({"o": origin, "m": mark, "e": ends_at, "p": is_preview})
    sealed = sealing.seal(content, column=COLUMN, merchant_id=tenancy.current_merchant_id())
    return Frame(base64.urlsafe_b64encode(sealed).decode().rstrip("="), origin, mark, is_preview)


def frame_of(token: str) -> Frame:
    """The frame a form came from.

    Raises:
        FrameOver: not one of this merchant's, open for 30 minutes, or its site was removed
            meanwhile (E_EMBED_OVER, 410).
    """
    try:
        sealed = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        merchant_id = tenancy.current_merchant_id()
        content = json.loads(sealing.unseal(sealed, column=COLUMN, merchant_id=merchant_id))
    except (sealing.CannotOpen, binascii.Error, ValueError):
        raise FrameOver from None
    frame = Frame(token, content["o"], content["m"], content["p"])
    if content["e"] <= clock.now().timestamp() or frame.is_preview:
        raise FrameOver
    if not EmbedOrigin.objects.filter(origin=frame.origin).exists():
        raise FrameOver
    return frame


def ask_code(*, frame: Frame, phone: str, picture: str, typed: str, ip: str | None) -> int:
    """Send a code to a phone; answers after how many seconds the next one may be asked for.

    Raises:
        DomainError: as ``codes.send_code``.
    """
    return codes.send_code(
        phone=phone,
        purpose=Purpose.CUSTOMER,
        challenge=Challenge(picture, typed, frame.mark),
        ip=ip,
        place=members.place(),
    )


def enter(*, frame: Frame, phone: str, digits: str, ip: str | None, actor: Actor) -> str:
    """Spend the code of a text message; answers the one-time code for the site.

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``.
        CustomerGone: the person is being erased (410).
    """
    link = members.prove(phone=phone, digits=digits, ip=ip, actor=actor)
    code = tokens.new_token(32)
    EntryCode(
        merchant_id=link.merchant_id,
        code_digest=tokens.digest(code),
        link=link,
        origin=frame.origin,
        expires_at=clock.now() + CODE_FOR,
    ).save(force_insert=True)
    return code


def exchange(*, code: str, came_from: str) -> str:
    """Turn a one-time code into a session; answers the token for the customer's cookie.

    Args:
        code: as the site handed it over.
        came_from: the origin of the page that led here; empty where the browser says none.

    Raises:
        EntryOver: unknown, used, older than 60 seconds, or from another site than the one it
            was made for (E_ENTRY_OVER, 410).
    """
    now = clock.now()
    with transaction.atomic():
        rows = EntryCode.objects.filter(
            code_digest=tokens.digest(code), used_at=None, expires_at__gt=now
        )
        if came_from:
            rows = rows.filter(origin=came_from)
        if not rows.update(used_at=now):
            raise EntryOver
        found = EntryCode.objects.select_related("link").get(code_digest=tokens.digest(code))
        return contact_services.open_session(link=found.link)


def forget() -> None:
    """Remove codes that are over."""
    before = clock.now() - timedelta(days=1)
    with tenancy.all_merchants("codes that are over are deleted every night"):
        EntryCode.objects.filter(expires_at__lt=before).delete()
