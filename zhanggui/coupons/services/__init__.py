"""Every write of coupons; each function is one business step in one transaction."""

from zhanggui.coupons.services.gifts import give, take, take_back
from zhanggui.coupons.services.giving import (
    close_link,
    create_link,
    issue_to_segment,
    take_by_link,
)
from zhanggui.coupons.services.issuing import freeze, issue, unfreeze, void
from zhanggui.coupons.services.picturing import set_picture
from zhanggui.coupons.services.reporting import REPORT_WITHIN, report_not_me
from zhanggui.coupons.services.templates import (
    TemplateInput,
    create_template,
    edit_template,
    set_state,
)
from zhanggui.coupons.services.tidying import remind, tidy
from zhanggui.coupons.services.using import (
    CodeShown,
    Place,
    by_code,
    by_till,
    code_status,
    hold_for_till,
    redeem,
    release_from_till,
    request_code,
    revoke_code,
    undo_by_manager,
    undo_by_office,
)

__all__ = [
    "REPORT_WITHIN",
    "CodeShown",
    "Place",
    "TemplateInput",
    "by_code",
    "by_till",
    "close_link",
    "code_status",
    "create_link",
    "create_template",
    "edit_template",
    "freeze",
    "give",
    "hold_for_till",
    "issue",
    "issue_to_segment",
    "redeem",
    "release_from_till",
    "remind",
    "report_not_me",
    "request_code",
    "revoke_code",
    "set_picture",
    "set_state",
    "take",
    "take_back",
    "take_by_link",
    "tidy",
    "undo_by_manager",
    "undo_by_office",
    "unfreeze",
    "void",
]
