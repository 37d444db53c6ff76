"""What pages of one form have in common: show it, run one service, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.models import Membership, Merchant, Operator
from zhanggui.core.errors import DomainError

Text = str | Promise


def step(
    request: HttpRequest,
    form: forms.Form,
    run: Callable[[dict[str, Any]], Any],
    *,
    done: Text,
    page: dict[str, Any],
    field: str | None = None,
) -> HttpResponse:
    """Show a form, and when it is sent run a service with its values.

    Args:
        request: of whoever looks or sends.
        form: bound when it was sent.
        run: the service; may refuse.
        done: what the person is told when it worked.
        page: title, lead, submit, danger, back (where it leads), crumbs.
        field: where a refusal is shown; above the form without one.
    """
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                run(form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, field)
            else:
                messages.success(request, str(done))
                return redirect(page["back"])
    return render(request, "accounts/tiers/step.html", page | {"form": form}, status=status)


def password_page(
    request: HttpRequest,
    *,
    title: Text,
    place: Merchant | Operator,
    member: Membership,
    password: str,
    back: str,
) -> HttpResponse:
    """Show an initial password, in this answer only."""
    page = {
        "title": title,
        "place": place,
        "owner": member,
        "initial_password": password,
        "back": back,
    }
    return render(request, "accounts/tiers/added.html", page)
