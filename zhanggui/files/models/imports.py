"""Imports: a spreadsheet on its way into a merchant's data, and what was wrong with its cells."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core import clock, sealing
from zhanggui.core.models import TenantForeignKey, TenantModel
from zhanggui.files.models.files import StoredFile
from zhanggui.files.models.tasks import Task

VALUE_COLUMN = "files_importproblem.value"


class BatchState(models.TextChoices):
    """How far an import is."""

    UPLOADED = "uploaded", pgettext_lazy("state of an import", "Columns to match")
    CHECKING = "checking", pgettext_lazy("state of an import", "Being checked")
    CHECKED = "checked", pgettext_lazy("state of an import", "Checked, waits for you")
    RUNNING = "running", pgettext_lazy("state of an import", "Being imported")
    DONE = "done", pgettext_lazy("state of an import", "Imported")
    UNDOING = "undoing", pgettext_lazy("state of an import", "Being undone")
    UNDONE = "undone", pgettext_lazy("state of an import", "Undone")
    DISCARDED = "discarded", pgettext_lazy("state of an import", "Discarded")


class ImportMode(models.TextChoices):
    """What happens to rows with errors."""

    ALL = "all", _("All or nothing")
    SKIP = "skip", _("Leave out rows with errors")


class ImportBatch(TenantModel):
    """One spreadsheet imported, or on its way (导入批次)."""

    kind = models.CharField(max_length=60)
    """The registered kind, ``contacts.customers``."""
    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.UPLOADED)
    file = TenantForeignKey(StoredFile, null=True, on_delete=models.PROTECT)
    """The spreadsheet; null once it is deleted."""
    file_name = models.CharField(max_length=200)
    file_hash = models.BinaryField(max_length=32)
    sheet = models.CharField(max_length=100, blank=True)
    header = models.JSONField(default=list)
    """The texts of the sheet's first row."""
    mapping = models.JSONField(default=dict)
    """Column name -> place in the sheet, counted from 0."""
    mode = models.CharField(max_length=4, choices=ImportMode, default=ImportMode.ALL)
    options = models.JSONField(default=dict)
    """What was chosen for the kind's own options: name -> value."""
    row_count = models.IntegerField(default=0)
    bad_count = models.IntegerField(default=0)
    """Rows with at least one error."""
    problem_count = models.IntegerField(default=0)
    """Cells with an error; at most 1,000 of them are kept as rows."""
    cost = models.JSONField(default=list)
    """What importing will cost, ``[[label, amount]]`` as the kind says."""
    written_count = models.IntegerField(default=0)
    skipped_count = models.IntegerField(default=0)
    position = models.IntegerField(default=0)
    """The last row that is imported for good; a run that was killed goes on behind it."""
    kept_count = models.IntegerField(default=0)
    """Rows that undoing left alone, because business hangs on them."""
    check_task = TenantForeignKey(Task, null=True, related_name="+", on_delete=models.SET_NULL)
    run_task = TenantForeignKey(Task, null=True, related_name="+", on_delete=models.SET_NULL)
    undo_task = TenantForeignKey(Task, null=True, related_name="+", on_delete=models.SET_NULL)
    person_id = models.BigIntegerField(null=True)
    """Who began it (a global row, so no constraint)."""
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["merchant", "kind", "-created_at", "-id"], name="batches_newest_first"
            ),
            models.Index(fields=["merchant", "file_hash"], name="batches_by_content"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def good_count(self) -> int:
        """Rows that can be imported as they are."""
        return self.row_count - self.bad_count


class ImportProblem(TenantModel):
    """What is wrong with one cell; the first 1,000 of a batch."""

    batch = TenantForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="problems")
    row = models.IntegerField()
    """As the spreadsheet counts: the header is row 1."""
    place = models.IntegerField()
    """The column in the sheet, counted from 0; -1: the row as a whole."""
    column = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=300)
    value_sealed = models.BinaryField(null=True)

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["merchant", "batch", "row", "id"], name="problems_by_row")
        ]

    def __str__(self) -> str:
        return f"{self.row}: {self.text}"

    @property
    def value(self) -> str:
        """What stands in the cell, cut to 80 signs."""
        if self.value_sealed is None:
            return ""
        return sealing.unseal(
            bytes(self.value_sealed), column=VALUE_COLUMN, merchant_id=self.merchant_id
        )


class ImportMapping(TenantModel):
    """How a merchant's own spreadsheets are laid out; remembered per kind and header."""

    kind = models.CharField(max_length=60)
    header_hash = models.BinaryField(max_length=32)
    columns = models.JSONField(default=dict)
    """Column name -> text of the header cell."""
    used_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "header_hash"], name="one_mapping_per_header"
            )
        ]

    def __str__(self) -> str:
        return self.kind
