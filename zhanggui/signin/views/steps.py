"""What all pages with a code by SMS share: the picture, the sending, the look of the place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from zhanggui.accounts import devices, phones
from zhanggui.accounts import services as account_services
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.services import RegistrationPage
from zhanggui.core.errors import DomainError
from zhanggui.signin.errors import (
    CodeBurnt,
    CodeOver,
    CodesSpent,
    CodeTooSoon,
    CodeWrong,
    PictureOver,
    PictureWrong,
)
from zhanggui.signin.forms import CodeForm
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import codes, entering, pictures
from zhanggui.ui.formats import masked_phone

ASK = "ask"
AGAIN = "again"
AT_PICTURE = (PictureWrong, PictureOver)
AT_CODE = (CodeWrong, CodeOver, CodeBurnt)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page shows below the phone: a picture to solve, or where the code went."""

    picture: str
    sent_to: str = ""
    wait_s: int = 0


def is_asking(request: HttpRequest) -> bool:
    """Whether the button "send me a code" was pressed, not the form's own."""
    return request.POST.get("do") == ASK


def is_part(request: HttpRequest) -> bool:
    """Whether only the piece with picture and code is wanted."""
    return request.headers.get("HX-Request") == "true" and request.POST.get("do") in {ASK, AGAIN}


def answer_for(request: HttpRequest, purpose: Purpose) -> Answer:
    """The piece as it stands after this request."""
    picture = pictures.new_picture(entering.browser_of(request))
    if request.method != "POST" or request.POST.get("do") == AGAIN:
        return Answer(picture)
    if not request.POST.get("sent"):
        return Answer(picture)
    try:
        phone = phones.parse(request.POST.get("phone", ""))
    except PhoneFormat:
        return Answer(picture)
    wait_s = codes.seconds_to_next(phone=phone, purpose=purpose)
    return Answer(picture, masked_phone(phone), wait_s) if wait_s else Answer(picture)


def send(
    request: HttpRequest,
    form: CodeForm,
    *,
    purpose: Purpose,
    is_known: bool = True,
    place: str = "",
) -> tuple[int, Answer]:
    """Send a code if the form's first half is right; answers status and the piece to show."""
    fresh = Answer(pictures.new_picture(entering.browser_of(request)))
    if not form.is_valid():
        return 422, fresh
    phone = form.cleaned_data["phone"]
    challenge = pictures.Challenge(
        form.cleaned_data.get("picture_token", ""),
        form.cleaned_data["picture"],
        entering.browser_of(request),
    )
    try:
        wait_s = codes.send_code(
            phone=phone,
            purpose=purpose,
            challenge=challenge,
            ip=devices.ip_of(request),
            is_known=is_known,
            place=place,
        )
    except CodeTooSoon as refusal:
        form.add_error("phone", refusal.message)
        return refusal.status, Answer(
            fresh.picture, masked_phone(phone), refusal.retry_after_s or 0
        )
    except DomainError as refusal:
        field = "picture" if isinstance(refusal, AT_PICTURE) else "phone"
        return put_refusal(form, refusal, field), fresh
    return 200, Answer(fresh.picture, masked_phone(phone), wait_s)


def refuse(form: CodeForm, refusal: DomainError, **fields: tuple[type[DomainError], ...]) -> int:
    """Show a refusal at its field: ``code`` for what is wrong with the code, else as given."""
    if isinstance(refusal, (*AT_CODE, CodesSpent)):
        return put_refusal(form, refusal, "code")
    for name, kinds in fields.items():
        if isinstance(refusal, kinds):
            return put_refusal(form, refusal, name)
    return put_refusal(form, refusal)


def look_of(slug: str) -> RegistrationPage:
    """The look and the rules of an operator, or of the platform.

    Raises:
        NotFound: no such operator (404).
    """
    return account_services.registration_of(account_services.place_named(slug))


def show(
    request: HttpRequest,
    template: str,
    page: Mapping[str, Any],
    *,
    answer: Answer | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, or only its piece with picture and code when htmx asked for that."""
    content = {
        **page,
        "answer": answer,
        "inbox": _inbox(request) if answer and answer.sent_to else "",
        "code_seconds": int(codes.BETWEEN.total_seconds()),
    }
    name = "signin/_code.html" if answer is not None and is_part(request) else template
    response = render(request, name, content, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _inbox(request: HttpRequest) -> str:
    """Where the sandbox shows messages to this number: demo and tests have no real phones."""
    if not settings.SANDBOX_URL or settings.SMS_PROVIDER != "sandbox":
        return ""
    try:
        number = phones.parse(request.POST.get("phone", "")).removeprefix("+86")
    except PhoneFormat:
        return ""
    return f"{settings.SANDBOX_URL}/_sandbox/sms?{urlencode({'find': number})}"
