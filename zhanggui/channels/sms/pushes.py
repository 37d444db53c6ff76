"""The address providers push receipts and replies to."""

from __future__ import annotations

import json

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from zhanggui.accounts.guards import public_view
from zhanggui.channels.sms import health, receipts
from zhanggui.channels.sms.providers import AliyunProvider, TencentProvider

log = structlog.get_logger("zhanggui.sms.pushes")

ANSWERS = {
    TencentProvider.name: {"result": 0, "errmsg": "OK"},
    AliyunProvider.name: {"code": 0, "msg": "OK"},
}
"""What each provider wants to read; anything else it sends again."""
LONGEST = 1_000_000


@csrf_exempt
@public_view
@require_POST
def push(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """Take receipts and replies; a wrong address does not exist, repeats change nothing."""
    if provider not in ANSWERS or not receipts.is_right(provider, token):
        raise Http404
    try:
        if len(request.body) > LONGEST:
            return HttpResponse(status=413)
        reports, answers = receipts.read(provider, json.loads(request.body))
    except ValueError:
        return HttpResponse(status=400)
    news = receipts.take(provider, reports)
    if reports:
        health.note_receipts(provider)
    receipts.take_answers(answers)
    log.info("pushed", provider=provider, reports=len(reports), news=news, replies=len(answers))
    return JsonResponse(ANSWERS[provider])
