"""The tables of stamps, one file per matter; all of them are imported from here.

``cards`` programmes, cards and records; ``rounds`` what a card goes by and what happens to it;
``managers`` who works at a store; ``pressing`` physical stamps; ``counter`` screens on counters;
``cases`` what looks wrong; ``office`` posters and costs; ``rehearsal`` the practice store;
``tallies`` records added up by days.
"""

from zhanggui.stamps.models.cards import (
    Card,
    CardState,
    Kind,
    Method,
    Programme,
    ProgrammeState,
    ProgrammeStore,
    StampRecord,
    strong_at_first,
    ways_at_first,
)
from zhanggui.stamps.models.cases import Case, CaseKind, CaseState, Verdict
from zhanggui.stamps.models.counter import CounterScreen, CounterTicket
from zhanggui.stamps.models.managers import (
    InvitationState,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    PendingState,
)
from zhanggui.stamps.models.office import Look, Poster, RewardCosts
from zhanggui.stamps.models.pressing import (
    MATCHED,
    STEPS,
    DeviceScale,
    Doctor,
    Press,
    PressNonce,
    PressUse,
    Seal,
    SealChange,
    SealState,
)
from zhanggui.stamps.models.rehearsal import Rehearsal
from zhanggui.stamps.models.rounds import (
    FAR_FROM_M,
    OPERATIONS_A_DAY,
    Adjustment,
    AdjustmentState,
    CardEvent,
    EventKind,
    Limits,
    Reward,
    RewardState,
    Terms,
    WhenFull,
)
from zhanggui.stamps.models.tallies import DayTally, Scope, Tally, VisitorTally

__all__ = [
    "FAR_FROM_M",
    "MATCHED",
    "OPERATIONS_A_DAY",
    "STEPS",
    "Adjustment",
    "AdjustmentState",
    "Card",
    "CardEvent",
    "CardState",
    "Case",
    "CaseKind",
    "CaseState",
    "CounterScreen",
    "CounterTicket",
    "DayTally",
    "DeviceScale",
    "Doctor",
    "EventKind",
    "InvitationState",
    "Kind",
    "Limits",
    "Look",
    "ManagerBinding",
    "ManagerInvitation",
    "Method",
    "PendingManager",
    "PendingState",
    "Poster",
    "Press",
    "PressNonce",
    "PressUse",
    "Programme",
    "ProgrammeState",
    "ProgrammeStore",
    "Rehearsal",
    "Reward",
    "RewardCosts",
    "RewardState",
    "Scope",
    "Seal",
    "SealChange",
    "SealState",
    "StampRecord",
    "Tally",
    "Terms",
    "Verdict",
    "VisitorTally",
    "WhenFull",
    "strong_at_first",
    "ways_at_first",
]
