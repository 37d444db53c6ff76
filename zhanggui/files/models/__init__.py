"""Files that were kept, tasks of the job centre, batches of rows that were imported."""

from zhanggui.files.models.files import StoredFile
from zhanggui.files.models.imports import (
    BatchState,
    ImportBatch,
    ImportMapping,
    ImportMode,
    ImportProblem,
)
from zhanggui.files.models.tasks import Task, TaskState
from zhanggui.files.models.tier_exports import TierExport

__all__ = [
    "BatchState",
    "ImportBatch",
    "ImportMapping",
    "ImportMode",
    "ImportProblem",
    "StoredFile",
    "Task",
    "TaskState",
    "TierExport",
]
