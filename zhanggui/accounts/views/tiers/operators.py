"""Operators as the platform sees them: list, one operator, every step of its life."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import rights, services, tier_selectors
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlatformRequest, platform_view
from zhanggui.accounts.models import Membership, Operator, Role, TierState
from zhanggui.accounts.tier_forms import (
    ArchiveForm,
    OperatorEditForm,
    OperatorForm,
    ReasonForm,
)
from zhanggui.accounts.views.tiers.registration import address_of
from zhanggui.accounts.views.tiers.steps import password_page, step
from zhanggui.core import clock, numbers, tokens
from zhanggui.core.errors import DomainError
from zhanggui.ui import qr
from zhanggui.ui.paging import keyset

manages = platform_view(rights.PLATFORM_MANAGE.name)
sees = platform_view(rights.PLATFORM_VIEW.name)
asks = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
@sees
def operators(request: PlatformRequest) -> HttpResponse:
    """All operators with their number of merchants."""
    search = request.GET.get("q", "").strip()[:80]
    state = request.GET.get("state", "")
    found = tier_selectors.operators(search=search)
    page = keyset(
        tier_selectors.in_state(found, state),
        order=tier_selectors.NEWEST_FIRST,
        after=request.GET.get("after", ""),
    )
    served = tier_selectors.merchants_served(page.rows)
    context = {
        "page": page,
        "rows": [(row, served.get(row.pk, 0)) for row in page.rows],
        "counts": tier_selectors.counted(found),
        "search": search,
        "state": state if state in TierState.values else "",
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
    }
    return render(request, "accounts/tiers/operators.html", context)


@never_cache
@asks
@manages
def operator_new(request: PlatformRequest) -> HttpResponse:
    """Take in an operator with its first head."""
    form = OperatorForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                operator, head = services.take_in_operator(actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                field = "slug" if refusal.code == "E_ADDRESS_TAKEN" else None
                status = put_refusal(form, refusal, field)
            else:
                return _taken_in(request, operator, head)
    page = {
        "form": form,
        "title": _("Take in an operator"),
        "list_title": _("Operators"),
        "back": reverse("accounts:operators"),
        "is_operator": True,
    }
    return render(request, "accounts/tiers/new.html", page, status=status)


def _taken_in(
    request: PlatformRequest, operator: Operator, head: services.NewStaff
) -> HttpResponse:
    back = _url(operator)
    if not head.initial_password:
        messages.success(request, _("Taken in. The head signs in with the password they have."))
        return redirect(back)
    return password_page(
        request,
        title=_("Taken in"),
        place=operator,
        member=head.membership,
        password=head.initial_password,
        back=back,
    )


@require_GET
@sees
def operator(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """One operator: state, counts, heads, its registration, and what can be done with it."""
    found = get_object_or_404(Operator, slug=slug)
    page = {
        "operator": found,
        "counts": tier_selectors.counted(tier_selectors.merchants(operator=found)),
        "heads": tier_selectors.owners_of(found),
        "registration": services.registration_of(found),
        "address": address_of(found),
        "waiting": tier_selectors.waiting_applications(found).count(),
        "may_manage": rights.PLATFORM_MANAGE.name in request.permissions,
        "key": tokens.new_token(),
    }
    return render(request, "accounts/tiers/operator.html", page)


@asks
@manages
def operator_edit(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Change what an operator is called."""
    found = get_object_or_404(Operator, slug=slug)
    form = OperatorEditForm(request.POST or None, initial={"name": found.name, "slug": found.slug})
    page = _page(found, title=_("Change operator"), submit=_("Save"), crumb=_("Change"))

    def save(values: dict[str, str]) -> None:
        services.edit_operator(operator=found, actor=request.actor, **values)
        page["back"] = _url(found)

    return step(request, form, save, done=_("Saved."), page=page, field="slug")


@asks
@manages
def operator_freeze(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Freeze an operator and its merchants, for a reason."""
    found = get_object_or_404(Operator, slug=slug)
    served = tier_selectors.counted(tier_selectors.merchants(operator=found))
    lead = _(
        "Its people and those of its %(count)s active merchants are signed out at once and cannot "
        "sign in; new business is refused there. What customers hold stays theirs. Unfreezing "
        "opens exactly these merchants again. To let a merchant go on, transfer it first."
    ) % {"count": served[TierState.ACTIVE]}
    return step(
        request,
        ReasonForm(request.POST or None),
        lambda values: services.freeze_operator(operator=found, actor=request.actor, **values),
        done=_("Frozen, and its merchants with it."),
        page=_page(
            found,
            title=_("Freeze %(name)s") % {"name": found.name},
            submit=_("Freeze"),
            danger=True,
            lead=lead,
        ),
    )


@asks
@manages
def operator_archive(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Delete an operator that serves nobody any more: it goes to the archive."""
    found = get_object_or_404(Operator, slug=slug)
    return step(
        request,
        ArchiveForm(request.POST or None, name=found.name),
        lambda values: services.archive_operator(
            operator=found, reason=values["reason"], actor=request.actor
        ),
        done=_("Deleted. It stands in the archive and can be restored."),
        page=_page(
            found,
            title=_("Delete %(name)s") % {"name": found.name},
            submit=_("Delete"),
            danger=True,
            lead=_(
                "Its people cannot sign in any more. Transfer or delete its merchants first; its "
                "records are kept and you can restore it from the archive."
            ),
        ),
    )


@require_POST
@manages
def operator_state(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Let a frozen operator work again, or bring it back from the archive."""
    found = get_object_or_404(Operator, slug=slug)
    wanted = request.POST.get("do", "")
    if wanted not in {"unfreeze", "restore"}:
        raise Http404
    if wanted == "unfreeze":
        count = services.unfreeze_operator(operator=found, actor=request.actor)
        text = _("Unfrozen, and %(count)s merchants with it.") % {"count": count}
    else:
        services.restore_operator(operator=found, actor=request.actor)
        text = _("Restored. Its people can sign in again.")
    messages.success(request, text)
    return redirect(_url(found))


@never_cache
@require_POST
@manages
def operator_reset(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Give a head of the operator a new initial password, shown in this answer only."""
    found = get_object_or_404(Operator, slug=slug)
    number = numbers.whole(request.POST.get("membership", "")) or 0
    heads = Membership.objects.filter(operator=found, role=Role.OWNER)
    head = get_object_or_404(heads.select_related("person"), pk=number)
    password = services.reset_owner_password(owner=head, operator=None, actor=request.actor)
    return password_page(
        request,
        title=_("New initial password"),
        place=found,
        member=head,
        password=password,
        back=_url(found),
    )


@never_cache
@require_POST
@manages
def operator_invite(request: PlatformRequest, *, slug: str) -> HttpResponse:
    """Invite another head of the operator; link and QR code are shown in this answer only."""
    found = get_object_or_404(Operator, slug=slug)
    try:
        made = services.invite(
            place=found,
            role=Role.OWNER,
            inviter=request.person,
            actor=request.actor,
            form_key=request.POST.get("idempotency_key", "")[:80],
        )
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect(_url(found))
    link = f"{settings.BASE_URL}{reverse('accounts:invited', args=[made.token])}"
    left = int((made.invitation.expires_at - clock.now()).total_seconds())
    page = {
        "operator": found,
        "link": link,
        "picture": qr.data_uri(link),
        "left": left,
        "back": _url(found),
    }
    return render(request, "accounts/tiers/invited.html", page)


def _url(operator: Operator) -> str:
    return reverse("accounts:platform_operator", args=[operator.slug])


def _page(found: Operator, *, title: str, submit: str, **more: object) -> dict[str, object]:
    return {
        "title": title,
        "submit": submit,
        "name": found.name,
        "back": _url(found),
        "list_url": reverse("accounts:operators"),
        "list_title": _("Operators"),
        **more,
    }
