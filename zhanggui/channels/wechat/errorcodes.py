"""WeChat's error codes: how each is treated and what the shop can do about it.

Source: the digest's table of codes worth handling (1.4), sections 3, 4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Treatment(StrEnum):
    """What the program does when a call is answered by a code."""

    RETRY = "retry"
    """The same call may work in a moment; repeated by itself."""
    REFRESH = "refresh"
    """The token is dead: one fresh token, one more try."""
    BACK_OFF = "back_off"
    """Too many at once: no such call for a while, see ``PAUSES_S``."""
    MIDNIGHT = "midnight"
    """The day's allowance is used up: no such call before midnight in Beijing."""
    ASK = "ask"
    """Only the merchant can change it: shown on the account's page."""
    GIVE_UP = "give_up"
    """The call itself is wrong or late; repeating it is useless."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code's treatment and advice."""

    treatment: Treatment
    advice: Text


PAUSES_S = {44990: 1, 44991: 60, 45011: 60, 43108: 3}
"""Seconds: a second's limit, a minute's, and somebody who is being sent another message."""
OF_ONE_RECEIVER = frozenset(
    {
        *(40003, 43004, 43019, 43101, 43108, 45015, 45047, 45059, 45080, 45081, 46004, 48002),
        *(49003, 50001, 50005, 70000),
    }
)
"""These say something of the person a message is for, nothing of the account."""

UNREACHABLE = _("WeChat does not answer. We try again by ourselves; check the network if it lasts.")
UNKNOWN = Code(
    Treatment.GIVE_UP,
    _("WeChat refused with a code we do not know. Look it up in WeChat's documentation."),
)
SUPPORT = _("WeChat found the call itself wrong. Tell support and name the code.")
MENU = _("WeChat does not accept this menu. Check its names, links and the number of entries.")
TEMPLATE = _("WeChat does not accept this template. Choose it again from the list.")
PICTURE = _("WeChat does not accept this file. Check its type and size.")
TOO_LONG = _("A text is empty or too long for WeChat. Change it.")
SIGN_IN = _("The sign-in took too long or was used already. Open the page again.")
MOVE = _("WeChat knows of no move between these two accounts, or its 15 days are over.")
LINK = _("WeChat does not make this link. Check its page, its life and the account's rights.")
CARD = _("WeChat does not accept this card or its code. Check it in the card list.")
AUTHORISE = _("The authorisation has ended. Authorise the account again.")
RIGHTS = _("The account may not do this. It must be a verified service account.")
SETTLE = _("WeChat limits this account. Look into its notices and settle it there.")
RISKY = _("WeChat's content check refused this text. Word it differently.")
MINUTE = _("Too many calls this minute. We slow down by ourselves.")
DAY = _("The account's daily limit is reached. It works again after midnight.")
SECRET = _("The app secret is not right. Copy it again; a reset secret replaces the old one.")
APP_ID = _("The app id is not right. Copy it again from the account's settings.")
TOKEN = _("The access token is no longer good. We fetch a new one by ourselves.")
ADDRESS = _("This server's address is not on the account's IP list. Add it there.")
PLATFORM_ADDRESS = _(
    "This server's address is not on the third-party platform's IP list. Add it there."
)
PERSON = _("This person belongs to another official account or does not follow this one.")
SILENT = _("The receiver has been silent for over 48 hours. WeChat allows no message now.")
ENOUGH = _("WeChat allows no more messages until the receiver writes again.")
BLOCKED = _("The receiver has switched off messages.")
NOT_ALLOWED = _("The receiver has not allowed this message, or the permission is used up.")
PROGRAM = _("The mini program is not linked, has no such page or has no release yet.")
TICKET = _("WeChat's ticket for the third-party platform is missing. We asked for a new one.")
PLATFORM = _("The third-party platform is not set up right. Its app id or secret is wrong.")
LABEL = _(
    "WeChat does not accept this label of followers. An account has at most 100, each with a name "
    "of its own, and a follower at most 20."
)
SUBSCRIPTIONS = _("WeChat does not accept this subscription template. Check its number and fields.")

_GROUPS: tuple[tuple[Treatment, Text, tuple[int, ...]], ...] = (
    (Treatment.RETRY, _("WeChat is busy. We try again by ourselves."), (-1,)),
    (
        Treatment.REFRESH,
        _("App secret or token is not right. Copy the app secret again and test it."),
        (40001,),
    ),
    (Treatment.REFRESH, TOKEN, (40014, 42001, 42006)),
    (Treatment.BACK_OFF, MINUTE, (44990, 44991, 45011, 43108)),
    (Treatment.MIDNIGHT, DAY, (45009, 44993)),
    (Treatment.ASK, SECRET, (40125, 41004)),
    (Treatment.ASK, APP_ID, (40013, 41002)),
    (Treatment.ASK, ADDRESS, (40164, 45035)),
    (Treatment.ASK, PLATFORM_ADDRESS, (61004,)),
    (
        Treatment.ASK,
        _("The app secret is frozen. Unfreeze it in the account's settings."),
        (40243,),
    ),
    (
        Treatment.ASK,
        _("The account's administrator must confirm this server in WeChat."),
        (89501, 89503, 89506, 89507),
    ),
    (Treatment.ASK, AUTHORISE, (61003, 61023, 42007, 40030, 42002)),
    (
        Treatment.ASK,
        _("The authorisation lacks this permission. Authorise again and grant it."),
        (61007,),
    ),
    (Treatment.ASK, RIGHTS, (48001, 40002, 200100)),
    (Treatment.ASK, SETTLE, (48004, 50002, 43107, 200011, 200013, 40226)),
    (Treatment.ASK, _("Resets of the limit are used up for this month."), (48006,)),
    (
        Treatment.ASK,
        _("The mini program has no phone numbers left to ask for. Buy some in its console."),
        (1400001,),
    ),
    (
        Treatment.ASK,
        _("The account belongs to another Open Platform account. Take it out there first."),
        (89000, 89001, 89002, 89003),
    ),
    (Treatment.ASK, TICKET, (61005, 61006)),
    (Treatment.ASK, PLATFORM, (61011,)),
    (Treatment.ASK, PROGRAM, (41030, 40165, 40166, 45064, 85079, 40159, 85402)),
    (Treatment.GIVE_UP, PERSON, (40003, 46004, 49003)),
    (Treatment.GIVE_UP, SIGN_IN, (40029, 40163, 41008, 42003, 61009, 61010)),
    (Treatment.GIVE_UP, _("The receiver does not follow the account."), (43004, 50001, 50005)),
    (Treatment.GIVE_UP, _("The receiver is on the account's blacklist."), (43019,)),
    (Treatment.GIVE_UP, NOT_ALLOWED, (43101,)),
    (Treatment.GIVE_UP, SILENT, (45015,)),
    (Treatment.GIVE_UP, ENOUGH, (45047,)),
    (Treatment.GIVE_UP, BLOCKED, (48002,)),
    (
        Treatment.GIVE_UP,
        _("WeChat holds this message back to protect a minor."),
        (70000,),
    ),
    (Treatment.GIVE_UP, RISKY, (45168, 87014)),
    (Treatment.GIVE_UP, _("The template was deleted. Choose another one."), (40037,)),
    (Treatment.GIVE_UP, TEMPLATE, (40036, 41028, 41029, 41031)),
    (
        Treatment.GIVE_UP,
        _("A value does not fit its place in the template: too long, empty, or of another kind."),
        (47003,),
    ),
    (
        Treatment.GIVE_UP,
        _("The account has 25 templates already. Delete one in WeChat first."),
        (45026, 200012),
    ),
    (
        Treatment.GIVE_UP,
        SUBSCRIPTIONS,
        (200014, 200016, 200017, 200018, 200019, 200020, 200021, 200022),
    ),
    (Treatment.GIVE_UP, _("The account has no menu."), (46003,)),
    (
        Treatment.GIVE_UP,
        MENU,
        (*range(40015, 40029), 40054, 40055, 40119, 40120, 40155, 45010, *range(65301, 65318)),
    ),
    (Treatment.GIVE_UP, PICTURE, (40004, 40005, 40006, 40007, 40008, 40009, 41005, 44001)),
    (Treatment.GIVE_UP, TOO_LONG, (44004, 45002, 45003, 45004, 45008, 9410010)),
    (
        Treatment.GIVE_UP,
        _("All 100,000 permanent QR codes of the account are used up."),
        (45029,),
    ),
    (Treatment.GIVE_UP, LINK, (40212, 40225, 85096, 85401, *range(85403, 85409), 9410011)),
    (Treatment.GIVE_UP, MOVE, (63178, 63182, 63183)),
    (Treatment.GIVE_UP, LABEL, (45056, 45057, 45058, 45059, 45157, 45158, 45159)),
    (
        Treatment.GIVE_UP,
        CARD,
        (40071, 40073, 40078, 40099, 40109, 40127, 40135, 43010, 45033),
    ),
    (
        Treatment.GIVE_UP,
        _("WeChat changes the account's industry only once a month."),
        (40102, 43100),
    ),
    (
        Treatment.GIVE_UP,
        _("WeChat shows that we are typing only just after somebody wrote."),
        (45080, 45081),
    ),
    (Treatment.GIVE_UP, _("The month's mass messages are used up."), (45028,)),
    (
        Treatment.GIVE_UP,
        SUPPORT,
        (
            *(40031, 40032, 40033, 40035, 40039, 40048, 40052, 40053, 40066, 40097, 40129, 40169),
            *(40170, 41001, 41009, 43001, 43002, 43003, 43104, 44002, 47001, 47002, 61451),
            *(76001, 76003, 87009, 87020),
        ),
    ),
)
CODES: dict[int, Code] = {
    number: Code(treatment, advice) for treatment, advice, numbers in _GROUPS for number in numbers
}


def code_of(number: int | None) -> Code:
    """Treatment and advice of a code; None stands for no answer at all."""
    if number is None:
        return Code(Treatment.RETRY, UNREACHABLE)
    return CODES.get(number, UNKNOWN)
