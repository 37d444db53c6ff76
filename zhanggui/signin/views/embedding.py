"""The customers' sign-in on merchants' own sites: the frame, the way in, setting it up."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from zhanggui.accounts import devices, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, mark, merchant_view
from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms import client as sms_client
from zhanggui.contacts.guards import cookie_path, keep_signed_in
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError
from zhanggui.signin import rights
from zhanggui.signin.errors import CodeTooSoon, EntryOver, FrameOver, OriginsFull, OriginWrong
from zhanggui.signin.forms import CodeSignInForm, OriginForm
from zhanggui.signin.models import EmbedOrigin
from zhanggui.signin.services import embedding, pictures
from zhanggui.signin.services.embedding import Frame
from zhanggui.signin.views import steps
from zhanggui.ui.formats import masked_phone

VISITOR = system_actor(gettext_noop("Visitor of a shop's site"))
SIZE = (420, 460)
LONGEST_CODE, LONGEST_PHONE, LONGEST_LANGUAGE = 64, 30, 20


def _shop_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Everybody, inside the scope of a shop that is at work."""

    @wraps(view)
    def opened(request: HttpRequest, merchant: str, **more: Any) -> HttpResponse:
        shop = Merchant.objects.filter(slug=merchant).first()
        if shop is None:
            raise Http404
        with tenancy.merchant_scope(shop.pk):
            return view(request, shop, **more)

    return mark(opened, "public")


def _language_asked(request: HttpRequest) -> str:
    """The language named by ``lang``; empty for none that we speak."""
    given = request.POST.get("lang") or request.GET.get("lang", "")
    try:
        return translation.get_supported_language_variant(given[:LONGEST_LANGUAGE])
    except LookupError:
        return ""


def _keep_language(response: HttpResponse, language: str) -> None:
    """The pages that follow speak as the frame did."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        samesite="Lax",
    )


def _in_language_asked(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """In the language of the address: browsers send no cookie from a frame on another site."""

    @wraps(view)
    def spoken(request: HttpRequest, shop: Merchant) -> HttpResponse:
        language = _language_asked(request)
        if not language:
            return view(request, shop)
        with translation.override(language):
            response = view(request, shop)
        response.headers["Content-Language"] = language
        return response

    return spoken


@csrf_exempt  # nothing here knows a cookie: what the form stands for is sealed in it
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@_shop_view
@_in_language_asked
def frame(request: HttpRequest, shop: Merchant) -> HttpResponse:
    """The sign-in inside a frame of a site on the shop's list; nobody else may frame it."""
    page: dict[str, Any] = {"shop": shop, "has_sms": sms_client.is_set_up()}
    if request.method == "GET":
        opened = _opened(request)
        if opened is None:
            return _framed(request, page | {"is_foreign": True}, None, status=403)
        form = CodeSignInForm()
        return _framed(request, page | {"form": form, "frame": opened, **_picture(opened)}, opened)
    try:
        account_services.refuse_frozen(shop)
        standing.refuse_paused(shop)
        opened = embedding.frame_of(request.POST.get("frame", ""))
    except DomainError as refusal:
        # the address still names the site, so a frame that was open for too long begins anew
        page |= {"refusal": refusal, "begins_again": isinstance(refusal, FrameOver)}
        return _framed(request, page, None, status=refusal.status)
    page["frame"] = opened
    if request.POST.get("do") == steps.AGAIN:
        form = CodeSignInForm(initial={"phone": request.POST.get("phone", "")[:LONGEST_PHONE]})
        return _framed(request, page | {"form": form, **_picture(opened)}, opened)
    taken = _ask if steps.is_asking(request) else _enter
    return taken(request, page, opened)


def _opened(request: HttpRequest) -> Frame | None:
    if request.GET.get("preview"):
        return embedding.preview_frame()
    return embedding.open_frame(origin=request.GET.get("origin", ""))


def _picture(opened: Frame) -> dict[str, str]:
    return {"picture": pictures.new_picture(opened.mark)}


def _ask(request: HttpRequest, page: dict[str, Any], opened: Frame) -> HttpResponse:
    form = CodeSignInForm(request.POST, is_asking=True)
    status, sent = 422, dict[str, Any]()
    if form.is_valid():
        phone = form.cleaned_data["phone"]
        try:
            wait_s = embedding.ask_code(
                frame=opened,
                phone=phone,
                picture=form.cleaned_data["picture_token"],
                typed=form.cleaned_data["picture"],
                ip=devices.ip_of(request),
            )
        except CodeTooSoon as refusal:  # the code before is on its way: here it is typed
            form.add_error("phone", refusal.message)
            status = refusal.status
            sent = {"sent_to": masked_phone(phone), "wait_s": refusal.retry_after_s or 0}
        except DomainError as refusal:
            field = "picture" if isinstance(refusal, steps.AT_PICTURE) else "phone"
            status = put_refusal(form, refusal, field)
        else:
            status, sent = 200, {"sent_to": masked_phone(phone), "wait_s": wait_s}
    return _framed(request, page | {"form": form, **_picture(opened), **sent}, opened, status)


def _enter(request: HttpRequest, page: dict[str, Any], opened: Frame) -> HttpResponse:
    form = CodeSignInForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            code = embedding.enter(
                frame=opened,
                phone=form.cleaned_data["phone"],
                digits=form.digits,
                ip=devices.ip_of(request),
                actor=VISITOR,
            )
        except DomainError as refusal:
            status = steps.refuse(form, refusal)
        else:
            way = reverse("signin:embed_enter", args=[page["shop"].slug])
            language = _language_asked(request)
            asked = urlencode({"code": code} | ({"lang": language} if language else {}))
            page |= {"code": code, "enter_url": f"{settings.BASE_URL}{way}?{asked}"}
            return _framed(request, page, opened)
    shown = {"form": form, **_picture(opened), "sent_to": request.POST.get("sent_to", "")[:30]}
    return _framed(request, page | shown, opened, status)


def _framed(
    request: HttpRequest, page: dict[str, Any], opened: Frame | None, status: int = 200
) -> HttpResponse:
    """The page with the policy of its shop: who may frame it stands in it (``frame-ancestors``)."""
    allowed = [one.origin for one in embedding.origins()]
    if opened is not None and opened.is_preview:
        allowed = [CSP.SELF]
    policy = settings.SECURE_CSP | {"frame-ancestors": allowed or [CSP.NONE]}

    @csp_override(policy)
    def drawn(request: HttpRequest) -> HttpResponse:
        return render(request, "signin/frame.html", page, status=status)

    response = drawn(request)
    response.xframe_options_exempt = True  # the policy says it
    return response


@never_cache
@require_http_methods(["GET", "POST"])
@_shop_view
@_in_language_asked
def enter(request: HttpRequest, shop: Merchant) -> HttpResponse:
    """The shop's site leads here with the one-time code. Looking changes nothing: it is posted."""
    given = request.POST if request.method == "POST" else request.GET
    code = given.get("code", "")[:LONGEST_CODE]
    if request.method == "GET":
        came_from, language = _origin_of(request), _language_asked(request)
        page = {"shop": shop, "code": code, "came_from": came_from, "spoken": language}
        response = render(request, "signin/entering.html", page)
    else:
        try:
            token = embedding.exchange(code=code, came_from=given.get("came_from", "")[:300])
        except EntryOver as refusal:
            origin = given.get("came_from", "")[:300]
            page = {"shop": shop, "refusal": refusal}
            if embedding.origins().filter(origin=origin).exists():
                page["site"] = origin
            return render(request, "signin/entering.html", page, status=refusal.status)
        response = redirect(cookie_path(shop))
        keep_signed_in(response, shop, token)
        if language := _language_asked(request):
            _keep_language(response, language)
    response["Referrer-Policy"] = "same-origin"  # the address carries the code
    return response


def _origin_of(request: HttpRequest) -> str:
    """The site that led here, as far as the browser says it; a reload of our own page is none."""
    parts = urlsplit(request.headers.get("Referer", ""))
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return "" if origin == settings.BASE_URL else origin


@require_http_methods(["GET", "POST"])
@merchant_view(rights.EMBED.name)
def embed(request: MerchantRequest) -> HttpResponse:
    """Sites that may show the sign-in, the code to copy, how it looks; POST adds a site."""
    form = OriginForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                embedding.add_origin(
                    merchant=request.merchant,
                    typed=form.cleaned_data["origin"],
                    actor=request.actor,
                )
            except (OriginWrong, OriginsFull) as refusal:
                status = put_refusal(form, refusal, "origin")
            else:
                messages.success(request, _("The site may show the sign-in now."))
                return redirect("signin:embed", request.merchant.slug)
    address = reverse("signin:embed_frame", args=[request.merchant.slug])
    page = {
        "form": form,
        "origins": embedding.origins(),
        "frame_url": f"{settings.BASE_URL}{address}",
        "preview_url": f"{address}?preview=1",
        "host": settings.BASE_URL,
        "width": SIZE[0],
        "height": SIZE[1],
    }
    return render(request, "signin/embed.html", page, status=status)


@require_POST
@merchant_view(rights.EMBED.name)
def embed_remove(request: MerchantRequest, origin_id: int) -> HttpResponse:
    """No longer show the sign-in on a site."""
    origin = get_object_or_404(EmbedOrigin.objects.all(), pk=origin_id)
    embedding.remove_origin(origin=origin, actor=request.actor)
    messages.success(request, _("The site no longer shows the sign-in."))
    return redirect("signin:embed", request.merchant.slug)
