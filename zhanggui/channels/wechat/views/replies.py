"""Automatic replies: the rules, a form for each, and a box that says what would be answered."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import PlaceRequest
from zhanggui.channels.wechat.errors import ReplyThere, TooManyReplies
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.models import (
    AutoReply,
    ChannelAccount,
    Occasion,
    ReplyKind,
    ReplyPicture,
)
from zhanggui.channels.wechat.permissions import EDIT_CONTENT
from zhanggui.channels.wechat.replies import answering, services
from zhanggui.channels.wechat.reply_forms import ReplyForm, initial_of
from zhanggui.channels.wechat.views import places
from zhanggui.core.errors import DomainError
from zhanggui.files import kinds
from zhanggui.files import services as files
from zhanggui.files.uploading import file_of, takes_files
from zhanggui.ui import paging

LONGEST_TRY = 200


def replies(request: PlaceRequest) -> HttpResponse:
    """All rules of the account; keyword rules can be searched."""
    account = places.own_account(request)
    may_edit = places.may(request, EDIT_CONTENT)
    if account is None:
        page = {"section": "replies", "may_manage": may_edit}
        return places.show(request, "wechat/backoffice/no_account.html", page)
    rules = AutoReply.objects.filter(account=account)
    usual = {rule.occasion: rule for rule in rules.exclude(occasion=Occasion.KEYWORD)}
    keywords = rules.filter(occasion=Occasion.KEYWORD)
    wanted = request.GET.get("q", "").strip()[:60]
    if wanted:
        keywords = keywords.filter(words__icontains=wanted)
    page = {
        "section": "replies",
        "account": account,
        "usual": [
            (Occasion(name), usual.get(name)) for name in (Occasion.FOLLOW, Occasion.DEFAULT)
        ],
        "page": paging.keyset(
            keywords, order=("-priority", "id"), after=request.GET.get("after", "")
        ),
        "q": wanted,
        "may_edit": may_edit,
    }
    return places.show(request, "wechat/backoffice/replies.html", page)


@takes_files(kinds.PICTURE)
def reply_new(request: PlaceRequest) -> HttpResponse:
    """Add a rule; the address says for which occasion."""
    account = places.own_account_or_404(request)
    wanted = request.GET.get("for", Occasion.KEYWORD)
    if wanted not in Occasion.values:
        raise Http404
    return _form(request, account, Occasion(wanted), None)


@takes_files(kinds.PICTURE)
def reply_edit(request: PlaceRequest, reply_id: int) -> HttpResponse:
    """Change a rule."""
    account = places.own_account_or_404(request)
    reply = get_object_or_404(AutoReply, pk=reply_id, account=account)
    return _form(request, account, Occasion(reply.occasion), reply)


def _form(
    request: PlaceRequest, account: ChannelAccount, occasion: Occasion, reply: AutoReply | None
) -> HttpResponse:
    picture = ReplyPicture.objects.filter(reply=reply).first() if reply else None
    form = ReplyForm(
        request.POST or None,
        request.FILES or None,
        has_picture=picture is not None,
        initial=initial_of(reply) if reply else None,
        occasion=occasion,
        pages=[(one.name, one.label) for one in builtin.choices(account)],
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                values = form.values(picture=_picture(request, form))
                if reply is None:
                    services.add_reply(account=account, values=values, actor=request.actor)
                else:
                    services.change_reply(reply=reply, values=values, actor=request.actor)
            except (ReplyThere, TooManyReplies) as refusal:
                status = put_refusal(form, refusal)
            except DomainError as refusal:
                status = put_refusal(form, refusal, "picture")
            else:
                messages.success(request, _("Saved. The account answers so from now on."))
                return redirect(places.url(request, "replies"))
    page = {
        "form": form,
        "reply": reply,
        "occasion": occasion,
        "account": account,
        "picture": picture,
        "is_kept": reply is not None and reply.media_until is not None,
    }
    return places.show(request, "wechat/backoffice/reply_form.html", page, status=status)


def _picture(request: PlaceRequest, form: ReplyForm) -> bytes:
    """The picture that was sent, checked and written anew; empty without one."""
    if form.cleaned_data["kind"] != ReplyKind.PICTURE or not form.cleaned_data["picture"]:
        return b""
    return files.read_picture(file=file_of(request, "picture"))


def reply_picture(request: PlaceRequest, reply_id: int) -> HttpResponse:
    """The picture a rule answers with."""
    account = places.own_account_or_404(request)
    found = get_object_or_404(ReplyPicture, reply=reply_id, reply__account=account)
    response = HttpResponse(bytes(found.content), content_type=found.content_type)
    response["Cache-Control"] = "private, max-age=300"
    return response


def reply_switch(request: PlaceRequest, reply_id: int) -> HttpResponse:
    """Let a rule answer, or not."""
    reply = get_object_or_404(
        AutoReply.objects.select_related("account"),
        pk=reply_id,
        account=places.own_account_or_404(request),
    )
    services.switch_reply(reply=reply, is_on=not reply.is_on, actor=request.actor)
    return redirect(places.url(request, "replies"))


def reply_delete(request: PlaceRequest, reply_id: int) -> HttpResponse:
    """Forget a rule."""
    reply = get_object_or_404(
        AutoReply.objects.select_related("account"),
        pk=reply_id,
        account=places.own_account_or_404(request),
    )
    services.delete_reply(reply=reply, actor=request.actor)
    messages.success(request, _("The rule is gone."))
    return redirect(places.url(request, "replies"))


def reply_try(request: PlaceRequest) -> HttpResponse:
    """What would be answered to a text, as a piece of the page."""
    account = places.own_account_or_404(request)
    typed = request.GET.get("text", "").strip()[:LONGEST_TRY]
    found = answering.rule_for(account, typed) if typed else None
    page = {"account": account, "typed": typed, "found": found}
    return places.show(request, "wechat/backoffice/_reply_try.html", page)
