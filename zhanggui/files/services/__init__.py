"""Every write of this module; one public function is one business step."""

from zhanggui.files.services.keeping import (
    file_url,
    hold,
    keep_result,
    release,
    remove_file,
    store_upload,
)

__all__ = [
    "file_url",
    "hold",
    "keep_result",
    "release",
    "remove_file",
    "store_upload",
]
