"""Virus scanners: whoever operates the product registers one; it sees each file before it is kept.

In an ``apps.py``::

    scanners.register(clamav_scan)

A scanner gets the path of the file as it was sent and answers the name of the threat, or nothing.
One that cannot do its work raises: the upload then fails, because an unscanned file is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zhanggui.files.errors import FileInfected

Scanner = Callable[[Path], str]
_scanners: list[Scanner] = []


def register(scanner: Scanner) -> None:
    """Let a scanner look at every file from now on."""
    if scanner not in _scanners:
        _scanners.append(scanner)


def unregister(scanner: Scanner) -> None:
    """Stop asking a scanner."""
    _scanners.remove(scanner)


def refuse_infected(path: Path) -> None:
    """Ask every scanner.

    Raises:
        FileInfected: one of them named a threat (422).
    """
    for scanner in _scanners:
        threat = scanner(path)
        if threat:
            raise FileInfected(threat=threat[:60])
