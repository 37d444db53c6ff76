"""Pages whose frame is kept: what differs from request to request is put into its holes.

For the few pages that are turned often and are the same for everybody but for some places. The
template is rendered once for each frame, with marks where the holes are; a request costs joining.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from zhanggui.ui import context

MOST = 256
"""So many frames are kept; then all are forgotten (their number is small, see ``answer``)."""
MESSAGES_COOKIE = "messages"
_HOLE = re.compile("\ue000([a-z_]+)\ue001")


class Frames:
    """The frames of one template.

    Args:
        template: a page, or a piece of one.
        is_piece: whether it shows nothing of its surroundings: its frame is the same at every
            address, for every theme, with messages or without.
    """

    def __init__(self, template: str, *, is_piece: bool = False) -> None:
        self.template = template
        self.is_piece = is_piece
        self._kept: dict[Hashable, tuple[str, ...]] = {}

    def answer(
        self,
        request: HttpRequest,
        *,
        page: Mapping[str, Any],
        holes: Mapping[str, str],
        key: Hashable | None,
    ) -> HttpResponse:
        """Answer a page.

        Args:
            request: the request; its language, theme and path are part of the frame.
            page: what the template decides by; all of it must follow from the key.
            holes: finished HTML, by the names under which the template shows it.
            key: tells this frame from others of the template, from few and never somebody's own
                words; None renders the page without keeping anything.
        """
        has_messages = MESSAGES_COOKIE in request.COOKIES and not self.is_piece
        if key is None or has_messages:  # messages are somebody's own
            frame = self._frame(request, page, holes)
        else:
            whole = (get_language(), *self._surroundings(request), key)
            kept = self._kept.get(whole)
            if kept is None:
                kept = self._frame(request, {**page, "messages": ()}, holes)
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[whole] = kept
            frame = kept
        parts, names = list(frame), frame[1::2]
        filled = {**holes, "csrf_token": get_token(request)} if "csrf_token" in names else holes
        parts[1::2] = [filled[name] for name in names]
        return HttpResponse("".join(parts))

    def _surroundings(self, request: HttpRequest) -> tuple[str, ...]:
        return () if self.is_piece else (context.Surroundings(request).theme, request.path)

    def _frame(
        self, request: HttpRequest, page: Mapping[str, Any], holes: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Texts and names of holes in turn."""
        marks = {name: SafeString(f"\ue000{name}\ue001") for name in (*holes, "csrf_token")}
        return tuple(_HOLE.split(render_to_string(self.template, {**page, **marks}, request)))
