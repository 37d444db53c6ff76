"""What the editor's script says, in the language of the page."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WORDS: dict[str, str | Promise] = {
    "newButton": pgettext_lazy("new button of a menu", "Menu"),
    "newEntry": pgettext_lazy("new entry of a menu", "Entry"),
    "nameless": _("Without a name"),
    "addButton": _("Add a button"),
    "addEntry": _("Add an entry"),
    "longButton": _("At most 4 Chinese characters or 8 letters."),
    "longEntry": _("At most 8 Chinese characters or 16 letters."),
    "manyBytes": _("WeChat counts bytes: this name has too many of them."),
    "cut": _("Some phones cut names of more than 4 Chinese characters."),
    "counted": _("{used} of {most} characters · {bytes} of {mostBytes} bytes"),
    "name": pgettext_lazy("of a menu", "Name"),
    "content": _("What a tap does"),
    "scan": _("Scan a code"),
    "scanHelp": _("Opens the scanner and answers"),
    "scanMore": _(
        "The scanner opens. We look up what was scanned and answer in the chat: a sticker of ours "
        "leads to its page, a serial number to its machine."
    ),
    "page": _("Open a page"),
    "pageHelp": _("Any address with https"),
    "builtin": _("Built-in page"),
    "builtinHelp": _("Stamp cards and more"),
    "reply": _("Answer with a text"),
    "replyHelp": _("Appears in the chat"),
    "address": _("Address of the page"),
    "pageLabel": pgettext_lazy("of a menu", "Page"),
    "choosePage": _("Choose a page"),
    "noPages": _("No product offers a page for this account."),
    "answer": pgettext_lazy("of a menu", "Answer"),
    "answerHelp": _("Up to 600 characters; line breaks stay."),
    "noReply": _("The answer stands here."),
    "scans": _("The scanner opens"),
    "scanAnswer": _("Here is what belongs to the code you scanned."),
    "opens": _("Opens {page}"),
    "button": _("Button"),
    "entry": pgettext_lazy("of a menu", "Entry of the menu"),
    "hasEntries": _("A tap opens the {n} entries above it; the button itself does nothing else."),
    "chooseRow": _("Choose a button on the phone to change it."),
    "empty": _("Begin with the plus on the phone: up to three buttons, five entries above each."),
    "left": _("To the left"),
    "right": _("To the right"),
    "up": _("Up"),
    "down": _("Down"),
    "remove": pgettext_lazy("of a menu", "Delete"),
}
