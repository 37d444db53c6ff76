"""Every write of accounts: tiers, stores, people, memberships, sign-in and its end."""

from zhanggui.accounts.services.memberships import (
    NewStaff,
    add_membership,
    add_staff,
    change_role,
    is_frozen,
    remove_membership,
    working_places,
)
from zhanggui.accounts.services.people import (
    change_password,
    check_password_strength,
    create_person,
    new_password,
    rename_person,
    reset_password,
)
from zhanggui.accounts.services.retention import (
    forget_ended_sessions,
    forget_old_audit,
)
from zhanggui.accounts.services.sessions import (
    end_session,
    end_sessions,
    handle_of,
    open_session,
    sign_out,
)
from zhanggui.accounts.services.signing_in import (
    authenticate,
    sign_in,
)
from zhanggui.accounts.services.stores import (
    close_store,
    create_store,
    edit_store,
    reopen_store,
)
from zhanggui.accounts.services.tiers import (
    create_merchant,
    create_operator,
    freeze_merchant,
    refuse_frozen,
    take_in_merchant,
    take_in_operator,
    unfreeze_merchant,
)

__all__ = [
    "NewStaff",
    "add_membership",
    "add_staff",
    "authenticate",
    "change_password",
    "change_role",
    "check_password_strength",
    "close_store",
    "create_merchant",
    "create_operator",
    "create_person",
    "create_store",
    "edit_store",
    "end_session",
    "end_sessions",
    "forget_ended_sessions",
    "forget_old_audit",
    "freeze_merchant",
    "handle_of",
    "is_frozen",
    "new_password",
    "open_session",
    "refuse_frozen",
    "remove_membership",
    "rename_person",
    "reopen_store",
    "reset_password",
    "sign_in",
    "sign_out",
    "take_in_merchant",
    "take_in_operator",
    "unfreeze_merchant",
    "working_places",
]
