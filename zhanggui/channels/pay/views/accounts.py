"""The settings page of a WeChat Pay account: keys, ways of paying, health."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from zhanggui.accounts.forms import put_refusal
from zhanggui.channels.pay import selectors
from zhanggui.channels.pay.forms import ConnectForm, SubForm, WaysForm
from zhanggui.channels.pay.models import Mode, Way
from zhanggui.channels.pay.services import accounts, payments
from zhanggui.channels.pay.views.till import Till
from zhanggui.core.errors import DomainError, NotFound


def account(request: HttpRequest, till: Till) -> HttpResponse:
    """Which merchant number collects here, how it is doing, what it offers."""
    found = selectors.account_at(till.place)
    partner = selectors.partner_for(till.merchant) if till.merchant and not found else None
    page = {
        "till": till,
        "account": found,
        "ways": [label for way, label in Way.choices if found and way in found.ways],
        "form": WaysForm(initial={"name": found.name, "ways": found.ways}) if found else None,
        "health": selectors.health(found) if found else None,
        "notify_url": payments.notify_url(found) if found else "",
        "lost": [
            (one, till.url("replay", one.pk))
            for one in (selectors.lost_notifications(till.accounts) if found else [])
        ],
        "partner": partner,
        "has_trial": till.merchant is not None and found is not None and Way.NATIVE in found.ways,
        "urls": _urls(till),
    }
    return render(request, "pay/account.html", page)


def _urls(till: Till) -> dict[str, str]:
    names = ("payments", "bills", "account", "connect", "test", "change", "disconnect")
    own = ("connect_sub", "trial") if till.merchant else ()
    return {name: till.url(name) for name in (*names, *own)}


def connect(request: HttpRequest, till: Till) -> HttpResponse:
    """Connect a merchant number, or enter new keys of the one that is connected."""
    own = selectors.account_at(till.place)
    present = own if own and own.mode != Mode.SUB else None
    form = ConnectForm(request.POST or None, request.FILES or None, initial=_initial(present))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            clean = form.cleaned_data
            try:
                accounts.connect_account(
                    place=till.place,
                    mode=Mode(clean["mode"]),
                    name=clean["name"],
                    mchid=clean["mchid"],
                    app_id=clean["app_id"],
                    keys=form.keys(),
                    ways=clean["ways"],
                    actor=till.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("WeChat Pay accepted the keys. Connected."))
                return redirect(till.url("account"))
    page = {"till": till, "form": form, "own": present, "urls": _urls(till)}
    return render(request, "pay/connect.html", page, status=status)


def _initial(own: Any) -> dict[str, Any]:
    # keys that are stored are never put on a page again
    if own is None:
        return {"ways": [Way.NATIVE, Way.JSAPI]}
    names = ("name", "mode", "mchid", "app_id", "ways", "public_key_id")
    return {name: getattr(own, name) for name in names}


def connect_sub(request: HttpRequest, till: Till) -> HttpResponse:
    """Connect a merchant number that the operator's or platform's service provider looks after."""
    partner = selectors.partner_for(till.merchant) if till.merchant else None
    if partner is None or till.merchant is None:
        raise NotFound
    form = SubForm(request.POST or None, initial={"ways": [Way.NATIVE, Way.JSAPI]})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                accounts.connect_sub(
                    merchant=till.merchant, partner=partner, actor=till.actor, **form.cleaned_data
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                messages.success(request, _("WeChat Pay knows the merchant number. Connected."))
                return redirect(till.url("account"))
    page = {"till": till, "form": form, "partner": partner, "urls": _urls(till)}
    return render(request, "pay/connect_sub.html", page, status=status)


def change(request: HttpRequest, till: Till) -> HttpResponse:
    """Change the name and the ways of paying."""
    found = till.account_or_404()
    form = WaysForm(request.POST)
    if form.is_valid():
        accounts.change_account(account=found, actor=till.actor, **form.cleaned_data)
        messages.success(request, _("Saved. Payers see it from now on."))
    else:
        messages.error(
            request, " ".join(str(text) for texts in form.errors.values() for text in texts)
        )
    return redirect(till.url("account"))


def test(request: HttpRequest, till: Till) -> HttpResponse:
    """Ask WeChat Pay something signed with the stored keys."""
    try:
        accounts.test_account(account=till.account_or_404())
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("WeChat Pay answered: merchant number and keys are right."))
    return redirect(till.url("account"))


def disconnect(request: HttpRequest, till: Till) -> HttpResponse:
    """Begin no more payments on this merchant number."""
    accounts.disconnect_account(account=till.account_or_404(), actor=till.actor)
    messages.success(request, _("Disconnected. Open payments are still booked."))
    return redirect(till.url("account"))
