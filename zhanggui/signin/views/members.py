"""Customers without WeChat sign in on the shop's phone pages with their number."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from zhanggui.accounts import devices, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.guards import public_view
from zhanggui.accounts.models import Merchant
from zhanggui.channels.sms import client as sms_client
from zhanggui.contacts import hooks
from zhanggui.contacts.guards import LONGEST_PATH, cookie_path, keep_signed_in
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError
from zhanggui.signin.forms import CodeSignInForm
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import members
from zhanggui.signin.views import steps

VISITOR = system_actor(gettext_noop("Customer without WeChat"))


def way_in(merchant: Merchant, path: str) -> str:
    """Where a browser outside WeChat signs in and comes back from; empty without text messages."""
    if not sms_client.is_set_up():
        return ""
    return f"{reverse('signin:member_enter', args=[merchant.slug])}?{urlencode({'next': path})}"


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@public_view
def enter(request: HttpRequest, merchant: str) -> HttpResponse:
    """Phone and code; then on to the page that was wanted."""
    shop = Merchant.objects.filter(slug=merchant).first()
    if shop is None or not sms_client.is_set_up():
        raise Http404
    wanted = _wanted(request, shop)
    sign_in = hooks.sign_in()
    if sign_in is not None and sign_in.is_inside(request.headers.get("User-Agent", "")):
        return redirect(wanted)  # WeChat's own sign-in is silent and knows more
    with tenancy.merchant_scope(shop.pk):
        return _take(request, shop, wanted)


def _take(request: HttpRequest, shop: Merchant, wanted: str) -> HttpResponse:
    form = CodeSignInForm(request.POST or None, is_asking=steps.is_asking(request))
    page = {"shop": shop, "form": form, "next": wanted, "certain": True}
    if request.method == "POST":
        try:
            account_services.refuse_frozen(shop)
            standing.refuse_paused(shop)
        except DomainError as refusal:
            return render(
                request, "signin/member.html", page | {"refusal": refusal}, status=refusal.status
            )
    status, answer = 200, steps.answer_for(request, Purpose.CUSTOMER)
    if steps.is_asking(request):
        status, answer = steps.send(request, form, purpose=Purpose.CUSTOMER, place=members.place())
    elif request.method == "POST" and request.POST.get("do") != steps.AGAIN:
        status = 422
        if form.is_valid():
            try:
                token = members.enter(
                    phone=form.cleaned_data["phone"],
                    digits=form.digits,
                    ip=devices.ip_of(request),
                    actor=VISITOR,
                )
            except DomainError as refusal:
                status = steps.refuse(form, refusal)
            else:
                response = redirect(wanted)
                keep_signed_in(response, shop, token)
                return response
    return steps.show(request, "signin/member.html", page, answer=answer, status=status)


def _wanted(request: HttpRequest, shop: Merchant) -> str:
    """A phone page of this shop, and nothing else."""
    path = request.POST.get("next") or request.GET.get("next", "")
    home = cookie_path(shop)
    return path if path.startswith(home) and len(path) <= LONGEST_PATH else home
