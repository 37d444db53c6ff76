"""Tells the sandbox what each QR code is for: its phones list many of one account, all alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import translation

from demo import sandbox
from demo.errors import DemoError
from zhanggui.channels.wechat.models import SceneCode, TrackedCode
from zhanggui.channels.wechat.tracking.services import PURPOSE as TRACKED
from zhanggui.core import tenancy
from zhanggui.signin.models import QrVisit
from zhanggui.signin.services.scanning import PURPOSE as SIGN_IN
from zhanggui.stamps.models import ManagerInvitation
from zhanggui.stamps.services.managers import PURPOSE as INVITATION

LANGUAGE = "zh-hans"  # the sandbox's phones speak Chinese
LONGEST = 60

log = structlog.get_logger(__name__)


def _of_invitation(code: SceneCode) -> str:
    with tenancy.merchant_scope(code.merchant_id or 0):
        found = ManagerInvitation.objects.select_related("store", "merchant").get(
            pk=code.subject_id or 0
        )
    return f"添加管理员 · {found.merchant.name}{found.store.name}"


def _of_visit(code: SceneCode) -> str:
    visit = QrVisit.objects.get(pk=code.subject_id or 0)
    return " · ".join(filter(None, [visit.get_purpose_display(), visit.device]))


def _of_tracked(code: SceneCode) -> str:
    return TrackedCode.objects.get(pk=code.subject_id or 0).name


NAMES: dict[str, Callable[[SceneCode], str]] = {
    INVITATION: _of_invitation,
    SIGN_IN: _of_visit,
    TRACKED: _of_tracked,
}


def name_of(code: SceneCode) -> str:
    """What a code is for and where it stands; empty for purposes nobody named."""
    naming = NAMES.get(code.purpose)
    with translation.override(LANGUAGE):
        return naming(code)[:LONGEST] if naming else ""


def tell(code: SceneCode) -> None:
    """Tell the sandbox a code's name; a sandbox that is away just shows the account's."""
    name = name_of(code)
    if not name:
        return
    try:
        sandbox.current().name_code(code.url, name)
    except DemoError as reason:
        log.info("code not named", reason=str(reason))


def on_saved(*, instance: SceneCode, created: bool, **_more: Any) -> None:
    """Hear of a new code; the sandbox is told once it is there for good."""
    if created and settings.IS_DEMO and settings.SANDBOX_URL:
        transaction.on_commit(partial(tell, instance))
