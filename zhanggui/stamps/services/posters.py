"""Posters: made with a lasting code, changed while they hang, put away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant, PictureKind, Store
from zhanggui.accounts.services import pictures
from zhanggui.channels.wechat import services as account_services
from zhanggui.channels.wechat.models import TrackedCode
from zhanggui.channels.wechat.tracking import services as tracking
from zhanggui.core import clock, constraints, tokens
from zhanggui.core.errors import NotFound
from zhanggui.stamps.errors import NoAccount, PosterNameTaken
from zhanggui.stamps.models import Look, Poster, Programme

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

KIND = PictureKind.BACKGROUND
FIELDS = ("name", "programme", "store", "headline", "text", "look", "shows_logo")


@dataclass(frozen=True, slots=True)
class PosterInput:
    """What the form of a poster holds."""

    name: str
    headline: str
    text: str = ""
    programme_id: int | None = None
    """None: all cards of the shop."""
    store_id: int | None = None
    look: Look = Look.PAPER
    shows_logo: bool = True


def make_poster(
    *, merchant: Merchant, values: PosterInput, actor: Actor, picture_draft: str = ""
) -> Poster:
    """Make a poster with a permanent code of the account that serves the shop.

    Calls WeChat: not inside a transaction. A code whose poster could not be kept leads to the
    page of all cards.

    Args:
        merchant: the shop in scope.
        values: what was typed in.
        actor: who makes it.
        picture_draft: the token of a picture kept for the form (``pictures.draft``).

    Raises:
        PosterNameTaken: another one has this name (E_POSTER_NAME, 409).
        NoAccount: no official account serves the shop (E_POSTER_ACCOUNT, 409).
        CodesFull, WechatRefused, WechatUnreachable: as ``tracking.create_code``.
        NotFound: a programme or store of another merchant (404).
    """
    _check(values)
    if Poster.objects.filter(name=values.name).exists():
        raise PosterNameTaken
    account = account_services.effective_account(merchant)
    if account is None:
        raise NoAccount
    token = tokens.new_token()
    path = reverse("stamps:poster_page", args=[merchant.slug, token])
    code = tracking.create_code(
        account=account,
        merchant=merchant,
        values=_code(values, f"{settings.BASE_URL}{path}"),
        days=None,
        actor=actor,
    )
    poster = Poster(token=token, code_id=code.pk, created_by=actor.name[:80])
    try:
        with transaction.atomic():
            _put(poster, values)
            poster.picture_token = pictures.adopt(picture_draft, merchant, KIND)
            poster.save(force_insert=True)
            audit.record(actor, "stamps.poster.made", f"poster:{poster.pk}", details=_facts(values))
    except IntegrityError as error:
        raise _refusal(error) from error
    return poster


def change_poster(*, poster_id: int, values: PosterInput, actor: Actor) -> Poster:
    """Change what a poster says and where it leads; its printed code stays the same.

    Raises:
        Poster.DoesNotExist: none of this merchant's.
        PosterNameTaken: another one has this name (E_POSTER_NAME, 409).
        NotFound: a programme or store of another merchant (404).
    """
    _check(values)
    try:
        with transaction.atomic():
            poster = Poster.objects.select_for_update(of=("self",)).get(pk=poster_id)
            _put(poster, values)
            poster.save(update_fields=FIELDS)
            audit.record(
                actor, "stamps.poster.changed", f"poster:{poster.pk}", details=_facts(values)
            )
    except IntegrityError as error:
        raise _refusal(error) from error
    code = TrackedCode.objects.get(pk=poster.code_id)
    tracking.change_code(code=code, values=_code(values, code.page_url), actor=actor)
    return poster


def set_poster_picture(*, poster_id: int, content: bytes | None, actor: Actor) -> None:
    """Put the shop's own picture on a poster; None takes it off. What hangs stays as it is.

    Raises:
        Poster.DoesNotExist: none of this merchant's.
        PictureTooBig, PictureUnreadable: nothing was changed (422).
    """
    with transaction.atomic():
        poster = Poster.objects.select_for_update(of=("self",)).get(pk=poster_id)
        merchant = Merchant.objects.get(pk=poster.merchant_id)
        if pictures.put_on(poster, merchant=merchant, content=content, kind=KIND):
            action = "unpictured" if content is None else "pictured"
            audit.record(actor, f"stamps.poster.{action}", f"poster:{poster.pk}")


def put_away_poster(*, poster_id: int, actor: Actor) -> None:
    """Take a poster off the list; what hangs somewhere still leads to the card."""
    _set_archived(poster_id, actor, is_archived=True)


def bring_back_poster(*, poster_id: int, actor: Actor) -> None:
    """Show a poster in the list again."""
    _set_archived(poster_id, actor, is_archived=False)


def _set_archived(poster_id: int, actor: Actor, *, is_archived: bool) -> None:
    with transaction.atomic():
        rows = Poster.objects.filter(pk=poster_id, archived_at__isnull=is_archived)
        if rows.update(archived_at=clock.now() if is_archived else None):
            action = "stamps.poster.archived" if is_archived else "stamps.poster.brought_back"
            audit.record(actor, action, f"poster:{poster_id}")


def _check(values: PosterInput) -> None:
    """Programme and store belong to the merchant in scope."""
    for model, wanted in ((Programme, values.programme_id), (Store, values.store_id)):
        if wanted is not None and not model.objects.filter(pk=wanted).exists():
            raise NotFound


def _code(values: PosterInput, page_url: str) -> tracking.CodeInput:
    return tracking.CodeInput(name=values.name, caption=values.headline, page_url=page_url)


def _put(poster: Poster, values: PosterInput) -> None:
    poster.name, poster.headline, poster.text = values.name, values.headline, values.text
    poster.programme_id, poster.store_id = values.programme_id, values.store_id
    poster.look, poster.shows_logo = values.look, values.shows_logo


def _facts(values: PosterInput) -> dict[str, object]:
    return {"programme": values.programme_id, "store": values.store_id, "look": values.look}


def _refusal(error: IntegrityError) -> Exception:
    if constraints.violated(error) == "poster_name_once":
        return PosterNameTaken()
    return error
