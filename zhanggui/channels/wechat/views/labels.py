"""Labels of followers, on the page of menus for some followers: made, put on customers, deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from zhanggui.accounts.guards import PlaceRequest
from zhanggui.channels.wechat.audience_forms import LabelForm
from zhanggui.channels.wechat.menus import labelling
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.views import conditional, places
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError


def labels(request: PlaceRequest) -> HttpResponse:
    """The account's labels as WeChat knows them, as a piece of the page."""
    account = places.own_account_or_404(request)
    page: dict[str, Any] = {
        "account": account,
        "tags": conditional.tags_here(request),
        "may_edit": places.may(request, EDIT_CONTENT),
    }
    try:
        page["labels"] = labelling.own_labels(account)
    except DomainError as refusal:
        page["refusal"] = refusal
    return places.show(request, "wechat/backoffice/_labels.html", page)


def label_new(request: PlaceRequest) -> HttpResponse:
    """Make a label, and put it on the customers with a tag if one was chosen."""
    account = places.own_account_or_404(request)
    form = LabelForm(request.POST, tags=conditional.tags_here(request))
    if not form.is_valid():
        return conditional.menus(request, label_form=form, status=422)
    tag = form.cleaned_data["tag"]
    try:
        label = labelling.add(
            account=account, name=form.cleaned_data["label_name"], tag=tag, actor=request.actor
        )
    except DomainError as refusal:
        form.add_error("label_name", refusal.message)
        return conditional.menus(request, label_form=form, status=refusal.status)
    text = _("The label “%(label)s” is made.")
    if tag is not None:
        text = _("The label “%(label)s” is made and is being put on your customers.")
    messages.success(request, text % {"label": label.name})
    return redirect(places.url(request, "conditional"))


def label_put_on(request: PlaceRequest, label: str) -> HttpResponse:
    """Put a label on the customers who carry a tag now."""
    account, label_id = places.own_account_or_404(request), _number_of(label)
    wanted = numbers.whole(request.POST.get("tag", ""))
    tag = next((one for one in conditional.tags_here(request) if one.pk == wanted), None)
    if tag is None:
        messages.error(request, _("Choose one of your tags."))
    else:
        labelling.put_on(account=account, label_id=label_id, tag=tag, actor=request.actor)
        messages.success(request, _("The label is being put on your customers."))
    return redirect(places.url(request, "conditional"))


def label_delete(request: PlaceRequest, label: str) -> HttpResponse:
    """Delete a label at WeChat."""
    account, label_id = places.own_account_or_404(request), _number_of(label)
    try:
        labelling.delete(account=account, label_id=label_id, actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The label is deleted."))
    return redirect(places.url(request, "conditional"))


def _number_of(label: str) -> int:
    """WeChat's number of a label, out of an address; it is no row of ours."""
    number = numbers.whole(label)
    if number is None:
        raise Http404
    return number
