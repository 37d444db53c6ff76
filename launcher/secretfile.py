"""The demo's secrets: made at the first start, kept beside its data, readable by the owner only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher.messages import Stop


@dataclass(frozen=True)
class Secrets:
    """What must stay the same from start to start."""

    secret_key: str
    key_ring: str
    database_password: str


def demo_secrets(var: Path) -> Secrets:
    """Read the secrets, or make them when there are none yet.

    Raises:
        Stop: the file is there and cannot be used.
    """
    file = var / "secrets.json"
    if not file.exists():
        made = Secrets(
            secret_key=secrets.token_urlsafe(48),
            key_ring="1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            database_password=secrets.token_urlsafe(24),
        )
        unfinished = file.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:  # noqa: PTH123
            json.dump(asdict(made), target, indent=1)
            target.flush()
            os.fsync(target.fileno())
        unfinished.rename(file)
    try:
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Stop(
            f"密钥文件 {file} 无法读取或已损坏。请恢复它，或删除它后用 make demo-reset 重新开始。",
            f"The secrets in {file} cannot be read. Put the file back, or delete it and start "
            "over with make demo-reset.",
        ) from error
