"""Private files behind their signed links."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.files import links, storing
from zhanggui.files.models import StoredFile

SHOWN = frozenset({"image/jpeg", "image/png"})
"""Everything else is downloaded, never opened inside the site."""
POLICY = "default-src 'none'; sandbox"


@require_GET
@merchant_view("")
@works_read_only
def show(request: MerchantRequest, *, signed: str) -> HttpResponseBase:
    """A file for the one person its link was made for."""
    link = links.read(signed, request, request.merchant.pk)
    if link is None:
        raise Http404
    stored = StoredFile.objects.filter(token=link.token).first()
    if stored is None or (link.variant and link.variant not in stored.variants):
        raise Http404
    return respond(stored, link.variant)


def respond(stored: StoredFile, variant: str = "") -> HttpResponseBase:
    """The content of a file, in pieces, with headers that keep it from doing anything."""
    variant = variant or next(iter(stored.variants), "")
    try:
        content = storing.opened(stored, variant)
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        content,
        content_type=stored.content_type,
        as_attachment=stored.content_type not in SHOWN,
        filename=stored.name,
    )
    return guarded(response)


def guarded[Response: HttpResponse | FileResponse](response: Response) -> Response:
    """Headers of everything that came from outside: no sniffing, no scripts, no shared caches."""
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, max-age=3600"
    return response
