"""Whether the ledger is intact: what was sealed and checked, what was found, the proof to take."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.core.errors import DomainError
from zhanggui.files import following
from zhanggui.ledger import checks, proofs, sealing
from zhanggui.ledger.models import Block, Chain
from zhanggui.ledger.permissions import VERIFY
from zhanggui.ui.paging import keyset

COUNTED = 10_000
BLOCKS_A_PAGE = 20


@require_GET
@merchant_view(VERIFY.name)
@works_read_only
def overview(request: MerchantRequest) -> HttpResponse:
    """How far the ledger is sealed, what the last check found, and the blocks, newest first."""
    head = sealing.head_of()
    waiting = sealing.waiting(head, COUNTED + 1)
    page = {
        "head": head,
        "script": static("ledger/verify_proof.py"),
        "waiting": min(waiting, COUNTED),
        "is_more": waiting > COUNTED,
        "findings": _findings(head),
        "blocks": keyset(
            Block.objects.all(),
            order=("-number",),
            after=request.GET.get("after", ""),
            size=BLOCKS_A_PAGE,
        ),
    }
    return render(request, "ledger/backoffice/overview.html", page)


def _findings(head: Chain | None) -> list[dict[str, Any]]:
    found = head.findings if head else []
    return [{**one, "label": checks.RULES.get(one["rule"], one["rule"])} for one in found]


@require_POST
@merchant_view(VERIFY.name)
@works_read_only
def check(request: MerchantRequest) -> HttpResponse:
    """Check everything now; the job centre shows how far it is."""
    task = proofs.begin_check(actor=request.actor)
    following.follow(request)
    return redirect("files:task", request.merchant.slug, task.pk)


@require_POST
@merchant_view(VERIFY.name)
@works_read_only
def proof(request: MerchantRequest) -> HttpResponse:
    """Write the proof; the job centre shows the file."""
    try:
        task = proofs.begin_proof(actor=request.actor)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("ledger:overview", request.merchant.slug)
    following.follow(request)
    return redirect("files:task", request.merchant.slug, task.pk)
