"""The queue of those who want to become merchants: read, approved, rejected."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from zhanggui.accounts import services, tier_selectors
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.models import Application, ApplicationState
from zhanggui.accounts.tier_forms import RejectForm
from zhanggui.accounts.views.tiers.desk import POSTING, TierRequest, for_tiers
from zhanggui.core.errors import DomainError
from zhanggui.ui.paging import keyset


@for_tiers()
def applications(request: TierRequest) -> HttpResponse:
    """The queue of a place; the platform sees those of its operators, too."""
    desk = request.desk
    search = request.GET.get("q", "").strip()[:80]
    state = request.GET.get("state", "")
    served_by = request.GET.get("operator", "")[:20] if desk.is_platform else ""
    found = tier_selectors.applications(place=desk.operator, everywhere=desk.is_platform)
    page = keyset(
        tier_selectors.searched_applications(found, search=search, state=state, operator=served_by),
        order=tier_selectors.NEWEST_FIRST,
        after=request.GET.get("after", ""),
    )
    known = {*ApplicationState.values, tier_selectors.ALL_STATES}
    context = {
        "desk": desk,
        "page": page,
        "search": search,
        "served_by": served_by,
        "is_filtered": bool(search or served_by),
        "operators": tier_selectors.operators_to_choose() if desk.is_platform else (),
        "state": state if state in known else ApplicationState.WAITING.value,
        "states": [*ApplicationState.choices, (tier_selectors.ALL_STATES, _("All"))],
        "registration": services.registration_of(desk.operator),
    }
    return render(request, "accounts/tiers/applications.html", context)


@for_tiers()
def application(request: TierRequest, *, application_id: int) -> HttpResponse:
    """One application, with the agreement that was accepted."""
    return _show(request, _find(request, application_id), RejectForm())


@for_tiers(POSTING, manages=True)
def approve(request: TierRequest, *, application_id: int) -> HttpResponse:
    """Take the applicant in."""
    found = _find(request, application_id)
    merchant = services.approve_application(application=found, actor=request.actor)
    messages.success(request, _("Approved. %(name)s begins now.") % {"name": merchant.name})
    return redirect(request.desk.merchant_url(merchant))


@for_tiers(POSTING, manages=True)
def reject(request: TierRequest, *, application_id: int) -> HttpResponse:
    """Turn the applicant down, for a reason."""
    found = _find(request, application_id)
    form = RejectForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            services.reject_application(application=found, actor=request.actor, **form.cleaned_data)
        except DomainError as refusal:
            status = put_refusal(form, refusal)
        else:
            messages.success(request, _("Rejected. The applicant is told the reason."))
            return redirect(f"{request.desk.base}applications/")
    found.refresh_from_db()
    return _show(request, found, form, status=status)


def _find(request: TierRequest, application_id: int) -> Application:
    desk = request.desk
    rows = tier_selectors.applications(place=desk.operator, everywhere=desk.is_platform)
    return get_object_or_404(rows.select_related("agreement"), pk=application_id)


def _show(
    request: TierRequest, found: Application, form: RejectForm, status: int = 200
) -> HttpResponse:
    page = {
        "desk": request.desk,
        "application": found,
        "form": form,
        "is_waiting": found.state == ApplicationState.WAITING,
        "decided_by": tier_selectors.name_of_person(found.decided_by_id),
    }
    return render(request, "accounts/tiers/application.html", page, status=status)
