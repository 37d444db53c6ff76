"""What is wrong with a page of the back office as it was sent: title, heading, buttons, forms."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})
APART = frozenset({"zg-more-panel"})
"""Opened by a button of their own, like dialogs: their main button does not compete."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, frozenset[str]]] = []
        self.title = ""
        self.headings = 0
        self.main_buttons: list[bool] = []
        """Of each main button whether an empty list holds it."""
        self.head_buttons = 0
        self.posts = 0
        self.tokens = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = frozenset((dict(attrs).get("class") or "").split())
        if "btn-primary" in classes and self._within("main") and not self._is_apart():
            if self._within("zg-head"):
                self.head_buttons += 1
            else:
                self.main_buttons.append(self._within("zg-empty"))
        self.headings += tag == "h1"
        self.posts += tag == "form" and dict(attrs).get("method") == "post"
        self.tokens += dict(attrs).get("name") == "csrfmiddlewaretoken"
        if tag not in VOID:
            self.open.append((tag, classes))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "title":
            self.title += data

    def _within(self, name: str) -> bool:
        return any(name == tag or name in classes for tag, classes in self.open)

    def _is_apart(self) -> bool:
        return self._within("dialog") or any(self._within(name) for name in APART)


def faults_of(html: str, shop: str) -> list[str]:
    """What a page of a shop lacks or has too much of; empty when it is right.

    An empty list may hold the main button besides the head's, which then steps back.
    """
    page = _Reader()
    page.feed(html)
    faults = []
    what, _, whose = page.title.partition(" · ")
    if not what.strip() or f" · {whose}".count(f" · {shop}") != 1:
        faults.append(f"title {page.title!r}")
    if page.tokens < page.posts:
        faults.append(f"{page.posts - page.tokens} forms without a token")
    if page.headings != 1:
        faults.append(f"{page.headings} headings")
    in_empty_lists = sum(page.main_buttons)
    others = len(page.main_buttons) - in_empty_lists
    if others + max(page.head_buttons, in_empty_lists) > 1:
        faults.append(f"{others + page.head_buttons + in_empty_lists} main buttons")
    return faults
