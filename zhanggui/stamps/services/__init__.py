"""Every write of stamps; each function is one business step in one transaction."""

from zhanggui.stamps.services.adjusting import adjust, approve, reject
from zhanggui.stamps.services.approving import approve_pending, reject_pending
from zhanggui.stamps.services.cancelling import cancel_record
from zhanggui.stamps.services.cards import (
    begin_again,
    block_card,
    code_status,
    open_card,
    request_code,
    revoke_code,
    unblock_card,
)
from zhanggui.stamps.services.cases import (
    REPORT_WITHIN,
    case_of,
    report_not_me,
    settle_case,
)
from zhanggui.stamps.services.confirming import confirm
from zhanggui.stamps.services.confirming_others import Done, confirm_other
from zhanggui.stamps.services.costs import set_costs
from zhanggui.stamps.services.countering import (
    proof_on,
    scan,
    scanned_in_time,
    stamp_by_counter,
    take_for_press,
)
from zhanggui.stamps.services.cycles import terms_now
from zhanggui.stamps.services.doctoring import note_phone
from zhanggui.stamps.services.expiring import expire_card
from zhanggui.stamps.services.handing import hand_over
from zhanggui.stamps.services.managers import (
    accept_scan,
    invite_manager,
    leave,
    remove_manager,
    revoke_invitation,
)
from zhanggui.stamps.services.others import Seen
from zhanggui.stamps.services.posters import (
    PosterInput,
    bring_back_poster,
    change_poster,
    make_poster,
    put_away_poster,
    set_poster_picture,
)
from zhanggui.stamps.services.press_redeeming import (
    allow_redeeming,
    redeem_by_press,
    takes_press,
)
from zhanggui.stamps.services.pressing import allow_press, press
from zhanggui.stamps.services.previewing import preview
from zhanggui.stamps.services.programmes import (
    ProgrammeInput,
    RewardInput,
    copy_programme,
    create_programme,
    edit_programme,
    effect_of,
    end_programme,
    pause_programme,
    resume_programme,
)
from zhanggui.stamps.services.rehearsing import (
    rehearsal_of,
    rehearse,
    start_rehearsal,
)
from zhanggui.stamps.services.screens import (
    make_screen,
    next_code,
    revoke_screen,
    screen_of,
)
from zhanggui.stamps.services.seals import (
    enrol_press,
    enter_by_press,
    make_seal,
    move_seal,
    phone_link,
    progress_of,
    read_link,
    step_seal,
)
from zhanggui.stamps.services.shop_limits import LimitsInput, limits, set_limits
from zhanggui.stamps.services.undoing import undo_at_till, undo_stamp, undoable

__all__ = [
    "REPORT_WITHIN",
    "Done",
    "LimitsInput",
    "PosterInput",
    "ProgrammeInput",
    "RewardInput",
    "Seen",
    "accept_scan",
    "adjust",
    "allow_press",
    "allow_redeeming",
    "approve",
    "approve_pending",
    "begin_again",
    "block_card",
    "bring_back_poster",
    "cancel_record",
    "case_of",
    "change_poster",
    "code_status",
    "confirm",
    "confirm_other",
    "copy_programme",
    "create_programme",
    "edit_programme",
    "effect_of",
    "end_programme",
    "enrol_press",
    "enter_by_press",
    "expire_card",
    "hand_over",
    "invite_manager",
    "leave",
    "limits",
    "make_poster",
    "make_screen",
    "make_seal",
    "move_seal",
    "next_code",
    "note_phone",
    "open_card",
    "pause_programme",
    "phone_link",
    "press",
    "preview",
    "progress_of",
    "proof_on",
    "put_away_poster",
    "read_link",
    "redeem_by_press",
    "rehearsal_of",
    "rehearse",
    "reject",
    "reject_pending",
    "remove_manager",
    "report_not_me",
    "request_code",
    "resume_programme",
    "revoke_code",
    "revoke_invitation",
    "revoke_screen",
    "scan",
    "scanned_in_time",
    "screen_of",
    "set_costs",
    "set_limits",
    "set_poster_picture",
    "settle_case",
    "stamp_by_counter",
    "start_rehearsal",
    "step_seal",
    "take_for_press",
    "takes_press",
    "terms_now",
    "unblock_card",
    "undo_at_till",
    "undo_stamp",
    "undoable",
]
