"""What this module refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class NoFile(DomainError):
    code = "E_NO_FILE"
    status = 422
    text = _("Choose a file first.")


class FileEmpty(DomainError):
    code = "E_FILE_EMPTY"
    status = 422
    text = _("This file is empty. Choose one with content.")


class FileKind(DomainError):
    code = "E_FILE_KIND"
    status = 422
    text = _("Files of this kind are not taken here. Choose one of: %(names)s.")


class FileInfected(DomainError):
    code = "E_FILE_INFECTED"
    status = 422
    text = _("The virus scanner stopped this file (%(threat)s). Nothing was kept.")


class QuotaFull(DomainError):
    code = "E_QUOTA_FULL"
    status = 409
    text = _(
        "The room for files is used up (%(used)s of %(room)s MB). Delete what is not needed any "
        "more, or ask for more room."
    )


class SheetKind(DomainError):
    code = "E_SHEET_KIND"
    status = 422
    text = _(
        "This is no spreadsheet we can read. Save it as .xlsx (Excel, WPS) or .csv and choose that."
    )


class SheetDamaged(DomainError):
    code = "E_SHEET_DAMAGED"
    status = 422
    text = _("This spreadsheet is damaged. Open it, save it again as .xlsx and choose the new one.")


class SheetLocked(DomainError):
    code = "E_SHEET_LOCKED"
    status = 422
    text = _("This spreadsheet has a password. Take the password off and save it again.")


class SheetBomb(DomainError):
    code = "E_SHEET_BOMB"
    status = 422
    text = _(
        "Unpacked, this file would be far larger than a spreadsheet is. It was not opened. Copy "
        "the rows into a new spreadsheet and choose that."
    )


class SheetMacros(DomainError):
    code = "E_SHEET_MACROS"
    status = 422
    text = _(
        "This spreadsheet carries macros, links to other files or embedded objects. Save it as a "
        "plain .xlsx without them and choose that."
    )


class SheetTooLong(DomainError):
    code = "E_SHEET_TOO_LONG"
    status = 422
    text = _(
        "The sheet reaches down to row %(rows)s and has %(columns)s columns. At most %(most)s rows "
        "and %(most_columns)s columns are taken: delete empty rows below the data, or split it."
    )


class SheetEmpty(DomainError):
    code = "E_SHEET_EMPTY"
    status = 422
    text = _("The first sheet has no rows below its header. Put the data there.")


class SheetEncoding(DomainError):
    code = "E_SHEET_ENCODING"
    status = 422
    text = _("The signs of this CSV file cannot be read. Save it as UTF-8 or as .xlsx.")


class TaskOver(DomainError):
    code = "E_TASK_OVER"
    status = 409
    text = _("This task is over already. Look at its result.")


class TaskUnderWay(DomainError):
    code = "E_TASK_UNDER_WAY"
    status = 409
    text = _("This task is still under way. Wait for its end, or cancel it.")


class TaskBroken(DomainError):
    code = "E_TASK_BROKEN"
    status = 500
    text = _(
        "We made a mistake; it was reported. Try again; if it comes back, tell support the code "
        "%(support_code)s."
    )


class TaskInterrupted(DomainError):
    code = "E_TASK_INTERRUPTED"
    status = 503
    text = _(
        "The program that worked on this was stopped %(times)s times. What was finished is kept. "
        "Try again; if it comes back, tell support."
    )


class ExportTooLong(DomainError):
    code = "E_EXPORT_TOO_LONG"
    status = 409
    text = _("%(rows)s rows are more than a spreadsheet holds (%(most)s). Filter the list first.")


class MappingMissing(DomainError):
    code = "E_IMPORT_MAPPING"
    status = 422
    text = _("Say which column of your sheet is “%(column)s”; every row needs it.")


class MappingTwice(DomainError):
    code = "E_IMPORT_MAPPING_TWICE"
    status = 422
    text = _("Two fields point at the same column of your sheet (“%(column)s”). Choose one.")


class ImportMoved(DomainError):
    code = "E_IMPORT_MOVED"
    status = 409
    text = _("This import went on meanwhile. Look at where it is now.")


class ImportHasErrors(DomainError):
    code = "E_IMPORT_HAS_ERRORS"
    status = 409
    text = _(
        "%(count)s rows have errors, so nothing was imported. Correct them and upload the sheet "
        "again, or leave out the rows with errors."
    )


class ImportFileGone(DomainError):
    code = "E_IMPORT_FILE_GONE"
    status = 410
    text = _("The spreadsheet was deleted meanwhile; it is kept for 7 days. Upload it again.")


class UndoTooLate(DomainError):
    code = "E_IMPORT_UNDO_LATE"
    status = 409
    text = _("An import can be undone within %(days)s days. This one is older.")
