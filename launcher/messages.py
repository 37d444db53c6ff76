"""What the launcher says to people, in both languages at once.

The launcher speaks before any setting is read, so it cannot know the reader's language.
"""

from __future__ import annotations


class Stop(Exception):
    """A reason not to go on which a person can do something about."""

    def __init__(self, zh: str, en: str, *, status: int = 1) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.status = status

    def __str__(self) -> str:
        return f"{self.zh}\n{self.en}"
