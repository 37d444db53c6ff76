"""A few threads for what many wait for at once.

Where every thread of the web server may work on the database at the same moment, they take turns
with the interpreter and the processor in no order, and some requests wait twice as long as others.
A few that take one piece after the other, in the order in which it came, get as much done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class _Piece[Answer]:
    """Work that somebody waits for."""

    __slots__ = ("answer", "done", "error", "work")

    def __init__(self, work: Callable[[], Answer]) -> None:
        self.work = work
        self.answer: Answer
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def run(self) -> None:
        """Do it and wake whoever waits."""
        try:
            self.answer = self.work()
        except BaseException as error:  # noqa: BLE001  rises where it is waited for
            self.error = error
        finally:
            self.done.release()


class Lanes:
    """Threads that do pieces of work first come, first served.

    They begin with the first piece, after the web server has made its processes, and each keeps a
    database connection of its own, as any thread does.

    Args:
        many: threads; more pieces than that wait.
    """

    def __init__(self, many: int) -> None:
        self._many = many
        self._pieces: SimpleQueue[_Piece[Any]] = SimpleQueue()
        self._starting = threading.Lock()
        self._is_open = False

    @property
    def waiting(self) -> int:
        """Pieces that nobody works on yet, about."""
        return self._pieces.qsize()

    def __call__[Answer](self, work: Callable[[], Answer]) -> Answer:
        """Have it done by one of them; answers, or raises, what the work does."""
        if not self._is_open:
            self._open()
        piece = _Piece(work)
        self._pieces.put(piece)
        piece.done.acquire()
        if piece.error is not None:
            raise piece.error
        return piece.answer

    def _open(self) -> None:
        with self._starting:
            if self._is_open:
                return
            for number in range(self._many):
                name = f"lane-{number + 1}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
            self._is_open = True

    def _serve(self) -> None:
        while True:
            self._pieces.get().run()
