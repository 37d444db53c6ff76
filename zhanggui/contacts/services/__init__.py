"""Every write about customers: making, knowing again, signing in, tagging, blocking."""

from zhanggui.contacts.keys import NAME_LENGTH, NAMELESS
from zhanggui.contacts.services.bulk import MOST_AT_ONCE, change_many, undo_bulk
from zhanggui.contacts.services.bulk_tasks import begin_change, begin_undo, changed_by
from zhanggui.contacts.services.customers import (
    BLOCKABLE,
    CustomerInput,
    block_customer,
    create_customer,
    edit_customer,
    masked_name,
    masked_phone,
    reveal_phone,
    unblock_customer,
    write_note,
)
from zhanggui.contacts.services.duplicates import (
    begin_search,
    dismiss_pair,
    find_duplicates,
    reopen_pair,
)
from zhanggui.contacts.services.erasing import (
    erase_due,
    erase_due_everywhere,
    erase_everybody,
    request_erasure,
    withdraw_erasure,
)
from zhanggui.contacts.services.handing_out import begin_dossier
from zhanggui.contacts.services.holding import hold, survivor_of
from zhanggui.contacts.services.identities import (
    customer_of_identity,
    note_follow,
    refresh_follower,
)
from zhanggui.contacts.services.merging import (
    merge_customers,
    preview_merge,
    split_link,
    undo_merge,
    why_not_undo,
)
from zhanggui.contacts.services.phone_visits import customer_of_phone
from zhanggui.contacts.services.proving import prove_phone
from zhanggui.contacts.services.segments import create_segment, delete_segment, edit_segment
from zhanggui.contacts.services.sessions import (
    SESSION_DAYS,
    close_session,
    open_session,
    saw_customer,
)
from zhanggui.contacts.services.tags import (
    create_tag,
    delete_tag,
    edit_tag,
    merge_tags,
    put_tag,
    tag_customer,
    take_tag,
    untag_customer,
)
from zhanggui.contacts.services.whereabouts import note_place

__all__ = [
    "BLOCKABLE",
    "MOST_AT_ONCE",
    "NAMELESS",
    "NAME_LENGTH",
    "SESSION_DAYS",
    "CustomerInput",
    "begin_change",
    "begin_dossier",
    "begin_search",
    "begin_undo",
    "block_customer",
    "change_many",
    "changed_by",
    "close_session",
    "create_customer",
    "create_segment",
    "create_tag",
    "customer_of_identity",
    "customer_of_phone",
    "delete_segment",
    "delete_tag",
    "dismiss_pair",
    "edit_customer",
    "edit_segment",
    "edit_tag",
    "erase_due",
    "erase_due_everywhere",
    "erase_everybody",
    "find_duplicates",
    "hold",
    "masked_name",
    "masked_phone",
    "merge_customers",
    "merge_tags",
    "note_follow",
    "note_place",
    "open_session",
    "preview_merge",
    "prove_phone",
    "put_tag",
    "refresh_follower",
    "reopen_pair",
    "request_erasure",
    "reveal_phone",
    "saw_customer",
    "split_link",
    "survivor_of",
    "tag_customer",
    "take_tag",
    "unblock_customer",
    "undo_bulk",
    "undo_merge",
    "untag_customer",
    "why_not_undo",
    "withdraw_erasure",
    "write_note",
]
