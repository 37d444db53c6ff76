"""The report on liability: what open stamps may cost, costs of rewards, other rules tried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.stamps import permissions, services
from zhanggui.stamps.forms.costs import CostsForm, TrialForm
from zhanggui.stamps.models import Programme
from zhanggui.stamps.selectors import liability, simulating
from zhanggui.stamps.selectors.liability import Outlook
from zhanggui.stamps.selectors.simulating import Compared, rule_of

FOLDER = "stamps/backoffice"


@merchant_view(permissions.VIEW.name)
@require_safe
def report(request: MerchantRequest) -> HttpResponse:
    """Month by month and programme by programme."""
    page = {
        "report": liability.report(zone=request.merchant.time_zone, slug=request.merchant.slug),
        "may_manage": permissions.MANAGE_PROGRAMMES.name in request.permissions,
        "may_see_coupons": "coupons.view" in request.permissions,
    }
    return render(request, f"{FOLDER}/liability.html", page)


@merchant_view(permissions.MANAGE_PROGRAMMES.name)
@require_http_methods(["GET", "POST"])
def costs(request: MerchantRequest, programme_id: int) -> HttpResponse:
    """What the rewards of a programme cost."""
    programme = get_object_or_404(Programme.objects.all(), pk=programme_id)
    form = CostsForm(liability.outlooks([programme])[programme.pk], request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            services.set_costs(
                programme_id=programme.pk,
                costs=form.given(),
                percent=form.cleaned_data["percent"],
                actor=request.actor,
            )
            messages.success(request, _("Saved. The report goes by it at once."))
            return redirect("stamps:liability", request.merchant.slug)
    page = {"form": form, "programme": programme}
    return render(request, f"{FOLDER}/costs.html", page, status=status)


@merchant_view(permissions.VIEW.name)
@require_safe
def trial(request: MerchantRequest) -> HttpResponse:
    """What other rules would have cost in the last 90 days; changes nothing."""
    programmes = list(Programme.objects.order_by("id"))
    known = liability.outlooks(programmes)
    form = _form(request, programmes, known)
    compared: Compared | None = None
    chosen: Programme | None = None
    if form is not None and form.is_bound and form.is_valid():
        values = form.cleaned_data
        chosen = next(one for one in programmes if str(one.pk) == values["programme"])
        compared = _compare(request, chosen, known[chosen.pk], values)
    page = {
        "form": form,
        "compared": compared,
        "programme": chosen,
        "days": simulating.DAYS,
        "has_unknown": chosen is not None and known[chosen.pk].has_unknown,
    }
    status = 422 if form is not None and form.is_bound and form.errors else 200
    return render(request, f"{FOLDER}/trial.html", page, status=status)


def _form(
    request: MerchantRequest, programmes: list[Programme], known: Mapping[int, Outlook]
) -> TrialForm | None:
    """Bound once something was asked; begins with the rules of today."""
    if not programmes:
        return None
    if "slots" in request.GET:
        return TrialForm(programmes, request.GET)
    wanted = request.GET.get("programme", "")
    chosen = next((one for one in programmes if str(one.pk) == wanted), programmes[0])
    terms = services.terms_now(chosen)
    full = known[chosen.pk].costs[-1:]
    initial = {
        "programme": str(chosen.pk),
        "slots": terms.slots,
        "cost": full[0].fen if full and full[0].is_known else None,
        "valid_days": terms.valid_days or None,
        "when_full": terms.when_full,
    }
    return TrialForm(programmes, initial=initial)


def _compare(
    request: MerchantRequest, programme: Programme, outlook: Outlook, values: dict[str, Any]
) -> Compared:
    terms = services.terms_now(programme)
    today = {cost.position: cost.fen for cost in outlook.costs}
    on_the_way = {at: fen for at, fen in today.items() if at < terms.slots}
    slots = values["slots"]
    return simulating.compare(
        programme,
        rule_of(
            slots=terms.slots,
            costs=today,
            valid_days=terms.valid_days,
            when_full=terms.when_full,
        ),
        rule_of(
            slots=slots,
            costs=on_the_way | {slots: values["cost"]},
            valid_days=values["valid_days"] or 0,
            when_full=values["when_full"],
        ),
        zone=request.merchant.time_zone,
    )
