"""One log of all programs, each line with the name of its program in front."""

from __future__ import annotations

import os
import sys
from typing import TextIO

COLOURS = {"db": 34, "web": 36, "jobs": 35, "wechat": 32, "demo": 33}
WIDTH = 6


class Log:
    """Writes lines for people; colours only where a terminal shows them."""

    def __init__(self, target: TextIO | None = None) -> None:
        self.target = target or sys.stdout
        self.has_colours = self.target.isatty() and "NO_COLOR" not in os.environ
        self.is_cut_off = False

    def write(self, name: str, line: str) -> None:
        """A line of a program."""
        self._put(f"{self._paint(f'{name:<{WIDTH}} |', COLOURS.get(name, 37))} {line}")

    def say(self, text: str) -> None:
        """A line of the launcher's own."""
        self._put(self._paint(text, 1))

    def _paint(self, text: str, colour: int) -> str:
        return f"\033[{colour}m{text}\033[0m" if self.has_colours else text

    def _put(self, line: str) -> None:
        try:
            print(line, file=self.target, flush=True)
        except OSError:  # the terminal or the reader behind the pipe is gone
            self.is_cut_off = True
