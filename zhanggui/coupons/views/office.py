"""Coupons in the back office: templates, coupons, redemptions; giving, taking away, links."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.accounts.services import pictures
from zhanggui.accounts.tier_forms import PictureForm
from zhanggui.channels.wechat.tracking import pictures as codes
from zhanggui.channels.wechat.tracking.pictures import Look
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, idempotency, numbers, tokens
from zhanggui.core.errors import DomainError
from zhanggui.core.uploads import takes_files
from zhanggui.coupons import rules, selectors, services
from zhanggui.coupons.forms import (
    IssueForm,
    LinkForm,
    NewTemplateForm,
    ReasonForm,
    SegmentForm,
    TemplateForm,
    initial_of,
)
from zhanggui.coupons.lists import COUPONS, TEMPLATES, USES
from zhanggui.coupons.models import (
    Coupon,
    CouponChange,
    CouponLink,
    CouponState,
    CouponTemplate,
    TemplateState,
    UseKind,
    UseRecord,
    Way,
)
from zhanggui.coupons.permissions import CORRECT, ISSUE, MANAGE, VIEW
from zhanggui.coupons.services.using import OFFICE_UNDOES_WITHIN
from zhanggui.ui import qr

FOLDER = "coupons/backoffice"


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def templates(request: MerchantRequest) -> HttpResponse:
    """What the shop gives out, with how it does."""
    shown = TEMPLATES.open(request)
    shown.fill(selectors.templates(search=shown.search, values=shown.values))
    figures = selectors.template_figures([one.pk for one in shown.rows])
    page = {
        "list": shown,
        "lines": [
            (one, rules.worth_text(one), figures.get(one.pk, selectors.TemplateFigures()))
            for one in shown.rows
        ],
        "may_manage": MANAGE.name in request.permissions,
        "liability_fen": selectors.liability_fen(),
    }
    return render(request, f"{FOLDER}/templates.html", page)


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE.name)
def template_new(request: MerchantRequest) -> HttpResponse:
    """A new template, beside it what customers will see."""
    form = NewTemplateForm(request.POST or None, zone=request.merchant.time_zone)
    status = 200
    if request.method == "POST":
        form.hold(request)
        status = 422
        if form.is_valid():
            try:
                made = idempotency.once(
                    caller=request.actor.key,
                    key=request.POST.get("idempotency_key", "")[:80],
                    content={"door": "coupons.template", "name": form.cleaned_data["name"]},
                    write=lambda: {
                        "id": services.create_template(
                            values=form.values(),
                            actor=request.actor,
                            picture_draft=form.picture_token,
                        ).pk
                    },
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                messages.success(request, _("Made. Now give it out."))
                return redirect("coupons:template", request.merchant.slug, made["id"])
    page = {
        "form": form,
        "shown_picture": form.picture_url,
        "key": request.POST.get("idempotency_key", "") or tokens.new_token(),
    }
    return render(request, f"{FOLDER}/template_form.html", page, status=status)


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE.name)
def template_edit(request: MerchantRequest, *, coupon_template_id: int) -> HttpResponse:
    """Change a template."""
    found = get_object_or_404(CouponTemplate.objects.all(), pk=coupon_template_id)
    zone = request.merchant.time_zone
    form = TemplateForm(request.POST or None, zone=zone, initial=initial_of(found, zone))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_template(
                    template_id=found.pk, values=form.values(), actor=request.actor
                )
            except DomainError as refusal:
                is_stock = refusal.code == "E_COUPON_STOCK"
                status = put_refusal(form, refusal, "stock" if is_stock else "name")
            else:
                messages.success(request, _("Saved."))
                return redirect("coupons:template", request.merchant.slug, found.pk)
    page = {"form": form, "template": found, "shown_picture": found.picture_url}
    return render(request, f"{FOLDER}/template_form.html", page, status=status)


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def template(request: MerchantRequest, *, coupon_template_id: int) -> HttpResponse:
    """One template: figures, what it promises, the ways to give it out."""
    return template_page(request, coupon_template_id)


def template_page(
    request: MerchantRequest, template_id: int, *, status: int = 200, **more: Any
) -> HttpResponse:
    """The page of a template, with a form as it was sent."""
    found = get_object_or_404(CouponTemplate.objects.all(), pk=template_id)
    figures = selectors.template_figures([found.pk])
    now = clock.now()
    links = [
        (link, selectors.link_url(request.merchant, link), link.is_over(now))
        for link in CouponLink.objects.filter(template=found).order_by("-pk")[:50]
    ]
    page = {
        "template": found,
        "worth": rules.worth_text(found),
        "conditions": rules.conditions(found),
        "places": [place.store for place in found.places.select_related("store")],
        "figures": figures.get(found.pk, selectors.TemplateFigures()),
        "links": [(link, url, qr.data_uri(url), is_over) for link, url, is_over in links],
        "may_manage": MANAGE.name in request.permissions,
        "may_issue": ISSUE.name in request.permissions,
        "segment_form": SegmentForm(),
        "picture_form": PictureForm(),
        "segment_key": tokens.new_token(),
        "link_form": LinkForm(),
        **more,
    }
    return render(request, f"{FOLDER}/template.html", page, status=status)


@require_POST
@merchant_view(MANAGE.name)
def template_state(request: MerchantRequest, *, coupon_template_id: int) -> HttpResponse:
    """Stop, hold, go on."""
    found = get_object_or_404(CouponTemplate.objects.all(), pk=coupon_template_id)
    wanted = request.POST.get("state", "")
    if wanted not in TemplateState.values:
        raise Http404
    services.set_state(template_id=found.pk, state=TemplateState(wanted), actor=request.actor)
    messages.success(request, _("Saved."))
    return redirect("coupons:template", request.merchant.slug, found.pk)


@require_POST
@merchant_view(ISSUE.name)
def segment(request: MerchantRequest, *, coupon_template_id: int) -> HttpResponse:
    """Give everybody of a segment one coupon, by a task with progress."""
    form = SegmentForm(request.POST)
    if not form.is_valid():
        return template_page(request, coupon_template_id, status=422, segment_form=form)
    task = services.issue_to_segment(
        template_id=coupon_template_id,
        segment_id=form.cleaned_data["segment"].pk,
        actor=request.actor,
        key=request.POST.get("idempotency_key", ""),
    )
    return redirect("files:task", request.merchant.slug, task.pk)


@require_POST
@merchant_view(MANAGE.name)
def link_new(request: MerchantRequest, *, coupon_template_id: int) -> HttpResponse:
    """Make an address with its QR code."""
    form = LinkForm(request.POST)
    if not form.is_valid():
        return template_page(request, coupon_template_id, status=422, link_form=form)
    services.create_link(
        template_id=coupon_template_id,
        name=form.cleaned_data["name"],
        most=form.cleaned_data["most"],
        expires_at=form.expires_at(request.merchant.time_zone),
        actor=request.actor,
    )
    messages.success(request, _("The link is there. Print the code, or send the link."))
    return redirect("coupons:template", request.merchant.slug, coupon_template_id)


@require_POST
@merchant_view(MANAGE.name)
def link_close(request: MerchantRequest, *, coupon_link_id: int) -> HttpResponse:
    """Give nothing more out by a link."""
    link = get_object_or_404(CouponLink.objects.all(), pk=coupon_link_id)
    services.close_link(link_id=link.pk, actor=request.actor)
    messages.success(request, _("Closed. Coupons that were taken stay."))
    return redirect("coupons:template", request.merchant.slug, link.template_id)


@require_GET
@merchant_view(VIEW.name)
def link_picture(request: MerchantRequest, *, coupon_link_id: int, kind: str) -> HttpResponse:
    """The code of a link as a picture to print."""
    rows = CouponLink.objects.select_related("template", "merchant")
    link = get_object_or_404(rows, pk=coupon_link_id)
    makers = {"png": (codes.png, "image/png"), "svg": (codes.svg, "image/svg+xml")}
    if kind not in makers:
        raise Http404
    make, content_type = makers[kind]
    look = Look(caption=link.template.name, logo=pictures.logo_of(link.merchant))
    response = HttpResponse(
        make(selectors.link_url(request.merchant, link), look), content_type=content_type
    )
    response["Content-Disposition"] = f'attachment; filename="coupon-{link.pk}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_http_methods(["GET", "POST"])
@merchant_view(ISSUE.name)
def issue(request: MerchantRequest) -> HttpResponse:
    """Give one customer a coupon by hand."""
    typed = request.POST.get("customer") or request.GET.get("customer", "")
    customer = get_object_or_404(Customer.objects.all(), pk=numbers.whole(typed) or 0)
    form = IssueForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            key = request.POST.get("idempotency_key", "")[:60] or tokens.new_token()
            try:
                coupon = services.issue(
                    template_id=form.cleaned_data["template"].pk,
                    customer_id=customer.pk,
                    way=Way.HAND,
                    cause=f"hand:{key}",
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "template")
            else:
                messages.success(request, _("The customer has the coupon."))
                return redirect("coupons:office_coupon", request.merchant.slug, coupon.pk)
    page = {
        "form": form,
        "customer": customer,
        "key": request.POST.get("idempotency_key", "") or tokens.new_token(),
    }
    return render(request, f"{FOLDER}/issue.html", page, status=status)


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def coupons(request: MerchantRequest) -> HttpResponse:
    """Every coupon that was given out."""
    shown = COUPONS.open(request)
    zone = request.merchant.time_zone
    values = {**shown.values, "customer": request.GET.get("customer", "")}
    shown.fill(selectors.coupons(search=shown.search, values=values, zone=zone))
    moment = clock.now()
    page = {"list": shown, "lines": [selectors.shown(one, moment) for one in shown.rows]}
    return render(request, f"{FOLDER}/coupons.html", page)


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def coupon(request: MerchantRequest, *, coupon_id: int) -> HttpResponse:
    """One coupon with its whole life."""
    return _coupon_page(request, coupon_id)


def _coupon_page(
    request: MerchantRequest, coupon_id: int, *, status: int = 200, **more: Any
) -> HttpResponse:
    rows = Coupon.objects.select_related("template", "customer")
    found = get_object_or_404(rows, pk=coupon_id)
    moment = clock.now()
    uses = selectors.uses_of(found)
    undone = selectors.undone_ids([use.pk for use in uses])
    may_correct = CORRECT.name in request.permissions
    shown = selectors.shown(found, moment)
    page = {
        "coupon": found,
        "shown": shown,
        "changes": CouponChange.objects.select_related("store")
        .filter(coupon=found)
        .order_by("-id")[:100],
        "uses": [
            (
                use,
                use.pk in undone,
                may_correct
                and use.kind == UseKind.REDEEM
                and use.pk not in undone
                and use.at >= moment - OFFICE_UNDOES_WITHIN,
            )
            for use in uses
        ],
        "may_void": may_correct
        and shown.state in {CouponState.ISSUED, CouponState.USABLE, CouponState.HELD},
        "may_freeze": may_correct and shown.state in {CouponState.USABLE, CouponState.HELD},
        "may_unfreeze": may_correct and shown.state == CouponState.FROZEN,
        "form": ReasonForm(),
        "open_dialog": "",
        **more,
    }
    return render(request, f"{FOLDER}/coupon.html", page, status=status)


@require_POST
@merchant_view(CORRECT.name)
def change(request: MerchantRequest, *, coupon_id: int, what: str) -> HttpResponse:
    """Void, freeze or unfreeze a coupon; the first two with a reason."""
    found = get_object_or_404(Coupon.objects.all(), pk=coupon_id)
    if what not in {"void", "freeze", "unfreeze"}:
        raise Http404
    if what == "unfreeze":
        services.unfreeze(coupon_id=found.pk, actor=request.actor)
        messages.success(request, _("The coupon can be used again."))
        return redirect("coupons:office_coupon", request.merchant.slug, found.pk)
    form = ReasonForm(request.POST)
    status = 422
    if form.is_valid():
        act = services.void if what == "void" else services.freeze
        try:
            act(coupon_id=found.pk, reason=form.cleaned_data["reason"], actor=request.actor)
        except DomainError as refusal:
            status = put_refusal(form, refusal, "reason")
        else:
            messages.success(request, _("Voided.") if what == "void" else _("Frozen."))
            return redirect("coupons:office_coupon", request.merchant.slug, found.pk)
    return _coupon_page(request, found.pk, status=status, form=form, open_dialog=what)


@require_GET
@merchant_view(VIEW.name)
@works_read_only
def redemptions(request: MerchantRequest) -> HttpResponse:
    """The ledger of redemptions (核销流水)."""
    shown = USES.open(request)
    zone = request.merchant.time_zone
    shown.fill(selectors.uses(search=shown.search, values=shown.values, zone=zone))
    undone = selectors.undone_ids([use.pk for use in shown.rows])
    page = {"list": shown, "lines": [(use, use.pk in undone) for use in shown.rows]}
    return render(request, f"{FOLDER}/redemptions.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(CORRECT.name)
def undo(request: MerchantRequest, *, use_id: int) -> HttpResponse:
    """Take a redemption back, with a reason (D36)."""
    rows = UseRecord.objects.select_related("coupon__template", "store")
    use = get_object_or_404(rows, pk=use_id, kind=UseKind.REDEEM)
    form = ReasonForm(request.POST or None)
    has_lapsed = use.coupon.ends_at <= clock.now()
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.undo_by_office(
                    record_id=use.pk,
                    reason=form.cleaned_data["reason"],
                    is_usable_again=request.POST.get("again", "1") == "1",
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "reason")
            else:
                messages.success(request, _("Undone. Both lines stay in the ledger."))
                return redirect("coupons:office_coupon", request.merchant.slug, use.coupon_id)
    page = {"use": use, "form": form, "has_lapsed": has_lapsed}
    return render(request, f"{FOLDER}/undo.html", page, status=status)
