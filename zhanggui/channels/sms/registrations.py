"""What this module tells the registries."""

from __future__ import annotations


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
