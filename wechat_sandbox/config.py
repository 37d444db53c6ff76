"""How one sandbox is set up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PACKAGE = Path(__file__).parent


class UnsafeSandbox(RuntimeError):
    """The sandbox refuses to run where real customers could meet it."""


@dataclass(frozen=True)
class Config:
    """Settings of a sandbox; addresses carry no trailing slash."""

    product: str = "http://127.0.0.1:8000"
    public: str = "http://127.0.0.1:8001"
    data: str = ":memory:"
    callback_timeout_s: float = 5.0
    callback_retry_gap_s: float = 1.0
    extra_assets: Path | None = None

    @property
    def port(self) -> int:
        """The port of the public address."""
        parts = urlsplit(self.public)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def product_host(self) -> str:
        """Host and port of the product, as in its Host header."""
        return urlsplit(self.product).netloc

    @property
    def own_origins(self) -> tuple[str, ...]:
        """Origins under which the sandbox's own pages are opened."""
        local = tuple(f"http://{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        return (*local, self.public) if self.public not in local else local

    def phone_origin(self, slug: str) -> str:
        """The origin that stands for one person's phone."""
        return f"http://{slug}.localhost:{self.port}"


def find_extra_assets() -> Path | None:
    """The directory that holds npm packages (``jsqr``), if there is one."""
    named = os.environ.get("WECHAT_SANDBOX_ASSETS")
    place = Path(named) if named else PACKAGE.parent / "node_modules"
    return place if place.is_dir() else None


def refuse_production() -> None:
    """Raise where settings say that this is a production installation."""
    if os.environ.get("ZHANGGUI_MODE", "").strip().lower() == "production":
        raise UnsafeSandbox(
            "ZHANGGUI_MODE=production: the WeChat sandbox does not start in production."
        )
