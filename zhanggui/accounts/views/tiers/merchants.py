"""Merchants as the tiers above them see them: list, one merchant, every step of its life."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from zhanggui.accounts import rights, services, tier_selectors
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlatformRequest, platform_view
from zhanggui.accounts.models import Membership, Merchant, Operator, Role, ShutBy, TierState
from zhanggui.accounts.tier_forms import (
    ArchiveForm,
    MerchantEditForm,
    MerchantForm,
    ReasonForm,
    RegisteredNameForm,
    TransferForm,
)
from zhanggui.accounts.views.tiers.desk import POSTING, WRITING, TierRequest, desk_of, for_tiers
from zhanggui.accounts.views.tiers.steps import password_page, step
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.ui.paging import keyset


@for_tiers()
def merchants(request: TierRequest) -> HttpResponse:
    """The merchants of the installation, or of one operator."""
    desk = request.desk
    search = request.GET.get("q", "").strip()[:80]
    state = request.GET.get("state", "")
    served_by = request.GET.get("operator", "")[:20] if desk.is_platform else ""
    found = tier_selectors.searched(
        tier_selectors.merchants(operator=desk.operator), search=search, operator=served_by
    )
    page = keyset(
        tier_selectors.in_state(found, state),
        order=tier_selectors.NEWEST_FIRST,
        after=request.GET.get("after", ""),
    )
    context = {
        "desk": desk,
        "page": page,
        "rows": tier_selectors.merchant_rows(page.rows),
        "counts": tier_selectors.counted(found),
        "search": search,
        "state": state if state in TierState.values else "",
        "served_by": served_by,
        "is_filtered": bool(search or served_by),
        "operators": tier_selectors.operators_to_choose() if desk.is_platform else (),
    }
    return render(request, "accounts/tiers/merchants.html", context)


@for_tiers(WRITING, manages=True)
@never_cache
def merchant_new(request: TierRequest) -> HttpResponse:
    """Take in a merchant with its first owner."""
    desk = request.desk
    active = Operator.objects.filter(state=TierState.ACTIVE).order_by("name")
    form = MerchantForm(request.POST or None, operators=active if desk.is_platform else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values: dict[str, Any] = {"operator": desk.operator} | form.cleaned_data
            try:
                merchant, owner = services.take_in_merchant(actor=request.actor, **values)
            except DomainError as refusal:
                status = put_refusal(form, refusal, _field_of(refusal))
            else:
                return _taken_in(request, merchant, owner)
    page = {
        "form": form,
        "title": _("Take in a merchant"),
        "list_title": _("Merchants"),
        "back": desk.base,
    }
    return render(request, "accounts/tiers/new.html", page, status=status)


def _field_of(refusal: DomainError) -> str | None:
    return "slug" if refusal.code == "E_ADDRESS_TAKEN" else None


def _taken_in(request: TierRequest, merchant: Merchant, owner: services.NewStaff) -> HttpResponse:
    back = request.desk.merchant_url(merchant)
    if not owner.initial_password:
        messages.success(request, _("Taken in. The owner signs in with the password they have."))
        return redirect(back)
    return password_page(
        request,
        title=_("Taken in"),
        place=merchant,
        member=owner.membership,
        password=owner.initial_password,
        back=back,
    )


@for_tiers()
def merchant(request: TierRequest, *, slug: str) -> HttpResponse:
    """One merchant: state, counts, owners, and what can be done with it."""
    found = request.desk.merchant(slug)
    page = {
        "desk": request.desk,
        "merchant": found,
        "row": tier_selectors.merchant_rows([found])[0],
        "owners": tier_selectors.owners_of(found),
        "application": found.applications.select_related("agreement").first(),
        "is_shut_by_operator": found.shut_by == ShutBy.OPERATOR,
        "support_url": _support_url(request, found),
    }
    return render(request, "accounts/tiers/merchant.html", page)


def _support_url(request: TierRequest, found: Merchant) -> str:
    right = rights.PLATFORM_SUPPORT if request.desk.is_platform else rights.OPERATOR_SUPPORT
    if right.name not in request.permissions or found.state != TierState.ACTIVE:
        return ""
    return f"{request.desk.merchant_url(found)}support"


@for_tiers(WRITING, manages=True)
def merchant_edit(request: TierRequest, *, slug: str) -> HttpResponse:
    """Change what the public sees of a merchant."""
    found = request.desk.merchant(slug)
    form = MerchantEditForm(
        request.POST or None, initial={"name": found.name, "trade": found.trade}
    )
    return step(
        request,
        form,
        lambda values: services.edit_merchant(merchant=found, actor=request.actor, **values),
        done=_("Saved."),
        page=_page(request, found, title=_("Change merchant"), submit=_("Save"), crumb=_("Change")),
    )


@for_tiers(WRITING, manages=True)
def merchant_rename(request: TierRequest, *, slug: str) -> HttpResponse:
    """Change the registered name, for a reason."""
    found = request.desk.merchant(slug)
    form = RegisteredNameForm(
        request.POST or None, initial={"registered_name": found.registered_name}
    )
    return step(
        request,
        form,
        lambda values: services.change_registered_name(
            merchant=found, actor=request.actor, **values
        ),
        done=_("The registered name was changed."),
        page=_page(
            request,
            found,
            title=_("Change the registered name"),
            submit=_("Change the name"),
            lead=_("Customers keep seeing the display name; contracts and receipts show this one."),
        ),
    )


@for_tiers(WRITING, manages=True)
def merchant_freeze(request: TierRequest, *, slug: str) -> HttpResponse:
    """Freeze a merchant, for a reason."""
    found = request.desk.merchant(slug)
    return step(
        request,
        ReasonForm(request.POST or None),
        lambda values: services.freeze_merchant(merchant=found, actor=request.actor, **values),
        done=_("Frozen. Its people are signed out."),
        page=_page(
            request,
            found,
            title=_("Freeze %(name)s") % {"name": found.name},
            submit=_("Freeze"),
            danger=True,
            lead=_(
                "Its people are signed out at once and cannot sign in; its back office is shut "
                "and new business is refused. What its customers hold stays theirs. You can undo "
                "this."
            ),
        ),
    )


@for_tiers(WRITING, manages=True)
def merchant_archive(request: TierRequest, *, slug: str) -> HttpResponse:
    """Delete a merchant: it goes to the archive."""
    found = request.desk.merchant(slug)
    return step(
        request,
        ArchiveForm(request.POST or None, name=found.name),
        lambda values: services.archive_merchant(
            merchant=found, reason=values["reason"], actor=request.actor
        ),
        done=_("Deleted. It stands in the archive and can be restored."),
        page=_page(
            request,
            found,
            title=_("Delete %(name)s") % {"name": found.name},
            submit=_("Delete"),
            danger=True,
            lead=_(
                "It leaves the lists and is shut like a frozen one. Its records are kept, because "
                "money and what customers hold hang on them; you can restore it from the archive."
            ),
        ),
    )


@for_tiers(POSTING, manages=True)
def merchant_state(request: TierRequest, *, slug: str) -> HttpResponse:
    """Let a frozen merchant work again, or bring it back from the archive."""
    found = request.desk.merchant(slug)
    # the form says what is wanted, so that a repeat changes nothing back
    wanted = request.POST.get("do", "")
    if wanted not in {"unfreeze", "restore"}:
        raise Http404
    if wanted == "unfreeze":
        services.unfreeze_merchant(merchant=found, actor=request.actor)
        messages.success(request, _("Unfrozen. Its people can sign in again."))
    else:
        services.restore_merchant(merchant=found, actor=request.actor)
        messages.success(request, _("Restored. Its people can sign in again."))
    return redirect(request.desk.merchant_url(found))


@for_tiers(POSTING, manages=True)
@never_cache
def merchant_reset(request: TierRequest, *, slug: str) -> HttpResponse:
    """Give an owner of the merchant a new initial password, shown in this answer only."""
    found = request.desk.merchant(slug)
    number = numbers.whole(request.POST.get("membership", "")) or 0
    owners = Membership.objects.filter(merchant=found, role=Role.OWNER)
    owner = owners.select_related("person").filter(pk=number).first()
    if owner is None:
        raise Http404
    password = services.reset_owner_password(
        owner=owner, operator=request.desk.operator, actor=request.actor
    )
    return password_page(
        request,
        title=_("New initial password"),
        place=found,
        member=owner,
        password=password,
        back=request.desk.merchant_url(found),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@platform_view(rights.PLATFORM_MANAGE.name)
def merchant_transfer(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Give a merchant to another operator, or to the platform itself."""
    desk = desk_of(request)
    found = desk.merchant(slug)
    operators = Operator.objects.filter(state=TierState.ACTIVE).order_by("name")
    form = TransferForm(
        request.POST or None, operators=operators, initial={"to": found.operator_id}
    )
    page = {
        "back": desk.merchant_url(found),
        "list_url": desk.base,
        "list_title": _("Merchants"),
        "name": found.name,
        "title": _("Transfer %(name)s") % {"name": found.name},
        "submit": _("Transfer"),
        "lead": _(
            "Its people, stores and customers stay as they are; from then on the new operator "
            "sees its figures and manages it, the old one no longer does."
        ),
    }
    return step(
        request,
        form,
        lambda values: services.transfer_merchant(merchant=found, actor=request.actor, **values),
        done=_("Transferred."),
        page=page,
        field="to",
    )


def _page(
    request: TierRequest, found: Merchant, *, title: str, submit: str, **more: object
) -> dict[str, object]:
    return {
        "title": title,
        "submit": submit,
        "name": found.name,
        "back": request.desk.merchant_url(found),
        "list_url": request.desk.base,
        "list_title": _("Merchants"),
        **more,
    }
