"""Every write of this module; one public function is one business step."""

from zhanggui.files.services.exporting import export_at_tier, export_list
from zhanggui.files.services.importing import (
    back_to_columns,
    begin_import,
    check_import,
    discard_import,
    run_import,
    undo_import,
)
from zhanggui.files.services.keeping import (
    file_url,
    hold,
    keep_records,
    keep_result,
    read_picture,
    release,
    release_all,
    remove_file,
    store_upload,
)
from zhanggui.files.services.tasks import cancel_task, retry_task

__all__ = [
    "back_to_columns",
    "begin_import",
    "cancel_task",
    "check_import",
    "discard_import",
    "export_at_tier",
    "export_list",
    "file_url",
    "hold",
    "keep_records",
    "keep_result",
    "read_picture",
    "release",
    "release_all",
    "remove_file",
    "retry_task",
    "run_import",
    "store_upload",
    "undo_import",
]
