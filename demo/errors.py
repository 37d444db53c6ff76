"""Why the demo's data cannot be made."""

from __future__ import annotations


class DemoError(Exception):
    """A sentence for whoever started the demo."""
