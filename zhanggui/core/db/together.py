"""Threads of one process that write at the same moment share one trip to the database.

A commit costs the same for one row and for fifty: a wait for the disk, and with a job in it a turn
in the server's queue of notifications. Whoever comes first carries what waits and commits it;
those who come meanwhile are the next load. Nobody goes on before the commit of his own row, so a
row is as safe as in a transaction of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError, connection

MOST = 64


class _Place[Item, Answer]:
    """Somebody who waits for a row to be written."""

    __slots__ = ("answer", "error", "item", "leads", "told")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answer: Answer
        self.error: Exception | None = InterfaceError("the thread that carried it was stopped")
        self.leads = False
        self.told = threading.Lock()


class Together[Item, Answer]:
    """A function of one item, done for several threads at once.

    Args:
        work: writes many items in one transaction of its own; answers in their order. It is called
            in the thread, and so on the connection, of one of those who wait.
        most: items of one trip.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Answer]], *, most: int = MOST
    ) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Place[Item, Answer]] = []
        self._is_busy = False

    def __call__(self, item: Item) -> Answer:
        """Write an item; answers after its commit.

        Inside a transaction the item is written alone: others must not hang on its end.
        """
        if connection.in_atomic_block:
            return self._work([item])[0]
        mine: _Place[Item, Answer] = _Place(item)
        with self._lock:
            self._waiting.append(mine)
            mine.leads = not self._is_busy
            self._is_busy = True
            if not mine.leads:
                mine.told.acquire()
        if not mine.leads:
            mine.told.acquire()  # given back by whoever carried it, or hands on the lead
        if mine.leads:
            self._carry()
        if mine.error is not None:
            raise mine.error
        return mine.answer

    def _carry(self) -> None:
        with self._lock:
            load = self._waiting[: self._most]
            del self._waiting[: self._most]
        try:
            self._write(load)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_busy = following is not None
            if following is not None:
                following.leads = True
                following.told.release()
            for place in load[1:]:
                place.told.release()

    def _write(self, load: Sequence[_Place[Item, Answer]]) -> None:
        try:
            answers = self._work([place.item for place in load])
        except Exception as error:  # noqa: BLE001  rises in the threads whose rows these are
            if len(load) > 1 and not isinstance(error, OperationalError | InterfaceError):
                for place in load:  # one of them is at fault, the others are not
                    self._write([place])
                return
            for place in load:
                place.error = error
        else:
            for place, answer in zip(load, answers, strict=True):
                place.answer, place.error = answer, None
