"""The shop's tags: list with use, new, change, merge, delete."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.contacts import selectors, services
from zhanggui.contacts.forms import TagForm
from zhanggui.contacts.models import Tag, TagColour
from zhanggui.contacts.permissions import MANAGE_CUSTOMERS, VIEW_CUSTOMERS
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError

COUNT_UP_TO = 1_000


@require_safe
@merchant_view(VIEW_CUSTOMERS.name)
def tags(request: MerchantRequest) -> HttpResponse:
    """All tags with how many customers carry them."""
    every = selectors.tags()
    used = selectors.use_of_tags(every)
    rows = [(tag, min(used[tag.pk], COUNT_UP_TO), used[tag.pk] > COUNT_UP_TO) for tag in every]
    page = {
        "rows": rows,
        "may_manage": MANAGE_CUSTOMERS.name in request.permissions,
    }
    return render(request, "contacts/backoffice/tags.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE_CUSTOMERS.name)
def tag_new(request: MerchantRequest) -> HttpResponse:
    """Make a tag."""
    form = TagForm(request.POST or None, initial={"colour": TagColour.INDIGO})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.create_tag(actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                messages.success(request, _("The tag is ready to use."))
                return redirect("contacts:tags", request.merchant.slug)
    page = {"form": form, "tag": None}
    return render(request, "contacts/backoffice/tag_form.html", page, status=status)


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE_CUSTOMERS.name)
def tag_edit(request: MerchantRequest, *, tag_id: int) -> HttpResponse:
    """Rename a tag, colour it, merge it into another, delete it."""
    tag = get_object_or_404(Tag.objects.all(), pk=tag_id)
    form = TagForm(request.POST or None, initial={"name": tag.name, "colour": tag.colour})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_tag(tag=tag, actor=request.actor, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                messages.success(request, _("The tag is saved."))
                return redirect("contacts:tags", request.merchant.slug)
    used = selectors.use_of_tags([tag])[tag.pk]
    page = {
        "form": form,
        "tag": tag,
        "others": [one for one in selectors.tags() if one.pk != tag.pk],
        "used": min(used, COUNT_UP_TO),
        "is_more": used > COUNT_UP_TO,
    }
    return render(request, "contacts/backoffice/tag_form.html", page, status=status)


@require_POST
@merchant_view(MANAGE_CUSTOMERS.name)
def tag_merge(request: MerchantRequest, *, tag_id: int) -> HttpResponse:
    """Put another tag in the place of this one everywhere."""
    tag = get_object_or_404(Tag.objects.all(), pk=tag_id)
    into_id = numbers.whole(request.POST.get("into", ""))
    into = get_object_or_404(Tag.objects.all(), pk=into_id)
    many = services.merge_tags(tag=tag, into=into, actor=request.actor)
    text = ngettext(
        "The tags are one now; %(n)s customer changed.",
        "The tags are one now; %(n)s customers changed.",
        many,
    )
    messages.success(request, text % {"n": f"{many:,}"})
    return redirect("contacts:tags", request.merchant.slug)


@require_POST
@merchant_view(MANAGE_CUSTOMERS.name)
def tag_delete(request: MerchantRequest, *, tag_id: int) -> HttpResponse:
    """Take a tag off everybody and forget it."""
    tag = get_object_or_404(Tag.objects.all(), pk=tag_id)
    many = services.delete_tag(tag=tag, actor=request.actor)
    text = ngettext(
        "The tag is gone; %(n)s customer carried it.",
        "The tag is gone; %(n)s customers carried it.",
        many,
    )
    messages.success(request, text % {"n": f"{many:,}"})
    return redirect("contacts:tags", request.merchant.slug)
