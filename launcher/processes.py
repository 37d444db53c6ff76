"""Child processes: started in groups of their own, watched, restarted, ended with us."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from launcher.log import Log
from launcher.messages import Stop

PR_SET_PDEATHSIG = 1
MARK = "ZHANGGUI_LAUNCHER"
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 20.0
STEADY_S = 20.0
HOPELESS = 4
STOP_S = 10.0
TICK_S = 0.1


class Interrupted(Exception):
    """Somebody asked the launcher to end."""


@dataclass(frozen=True)
class Service:
    """A program to run, and how."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    stop_order: signal.Signals = signal.SIGTERM
    options: dict[str, Any] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    """Runs before every start, for what a crash may have left behind."""
    is_task: bool = False
    """Ends by itself and is not started again."""
    is_base: bool = False
    """Others work with it: it is ended once they are gone."""


class Child:
    """One running, or soon to be running, service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_again_at = 0.0
        self.failures = 0
        self.rest = b""
        self.is_silent = False

    @property
    def output(self) -> int:
        """File descriptor of its output."""
        if self.process is None or self.process.stdout is None:
            message = f"{self.service.name} does not run"
            raise RuntimeError(message)
        return self.process.stdout.fileno()

    @property
    def is_running(self) -> bool:
        """Whether its program was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the program; it ends with the calling thread on Linux."""
        if self.service.before:
            self.service.before()
        self.started_at = time.monotonic()
        self.is_silent = False
        self.process = subprocess.Popen(
            self.service.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent(self.service.stop_order),
            cwd=self.service.folder,
            env=self.service.environment,
            **self.service.options,
        )
        os.set_blocking(self.output, False)

    def signal(self, order: signal.Signals) -> None:
        """Send a signal to the program (a kill goes to all of its group)."""
        if self.process is None:
            return
        try:
            if order is signal.SIGKILL:
                os.killpg(self.process.pid, order)
            else:
                self.process.send_signal(order)
        except (ProcessLookupError, PermissionError):
            return

    def lines(self) -> Iterator[str]:
        """What it has written since the last call, whole lines only."""
        while True:
            try:
                chunk = os.read(self.output, 65536)
            except (BlockingIOError, InterruptedError):
                return
            if not chunk:
                self.is_silent = True
                return
            *whole, self.rest = (self.rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")


class Supervisor:
    """Runs services until told to end; single-threaded, everything happens in ``tick``."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._orders = 0

    def listen_to_signals(self) -> None:
        """Let Ctrl-C, a closed terminal and ``kill`` end everything in order."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take_order)

    def add(self, service: Service) -> Child:
        """Start a service and watch it from now on."""
        child = Child(service)
        self.children.append(child)
        self._start(child)
        return child

    def run(self, service: Service) -> int:
        """Run a task to its end while watching the others; answers its status."""
        child = self.add(service)
        while child.process and child.process.poll() is None:
            self.tick()
        self.tick()
        return child.process.returncode if child.process else 1

    def wait_until(self, condition: Callable[[], bool], *, limit_s: float) -> None:
        """Watch until something is so.

        Raises:
            Stop: a service fails again and again, or the time is over.
        """
        deadline = time.monotonic() + limit_s
        while not condition():
            self.tick()
            for child in self.children:
                if child.failures >= HOPELESS:
                    raise _hopeless(child.service.name)
            if time.monotonic() > deadline:
                raise Stop(
                    f"等了 {limit_s:.0f} 秒仍未就绪，原因见上面的日志。",
                    f"Not ready after {limit_s:.0f} s; the log above says why.",
                )

    def watch(self) -> None:
        """Watch until interrupted."""
        while True:
            self.tick()

    def tick(self) -> None:
        """Pass on output, notice what ended, start again what is due.

        Raises:
            Interrupted: a signal came, or nobody reads our output any more.
        """
        self._read(TICK_S)
        for child in list(self.children):
            if child.process and child.process.poll() is not None:
                self._ended(child)
            elif child.process is None and time.monotonic() >= child.start_again_at:
                self._start(child)
        if self._orders or self.log.is_cut_off:
            raise Interrupted

    def stop(self) -> None:
        """End everything: all at once, then databases, which the others use.

        Whoever has not ended after ``STOP_S`` is killed; a third order kills at once.
        """
        running = [child for child in self.children if child.process is not None]
        orders = self._orders
        for is_base in (False, True):
            self._end([child for child in running if child.service.is_base == is_base], orders)
        self.children.clear()

    def _end(self, children: list[Child], orders: int) -> None:
        for child in children:
            child.signal(child.service.stop_order)
        deadline = time.monotonic() + STOP_S
        waiting = children
        while waiting := [child for child in waiting if child.is_running]:
            self._read(0.02)
            if time.monotonic() > deadline or self._orders > orders + 1:
                for child in waiting:
                    child.signal(signal.SIGKILL)
                break
        for child in children:
            if child.process:
                child.process.wait()
            self._let_go(child)

    def _take_order(self, number: int, frame: FrameType | None) -> None:
        self._orders += 1

    def _read(self, timeout_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            child: Child = key.data
            for line in child.lines():
                self.log.write(child.service.name, line)
            if child.is_silent:
                self._selector.unregister(key.fd)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except (OSError, Stop) as reason:
            child.process = None
            self.log.write(child.service.name, str(reason))
            self._start_later(child)
            return
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _ended(self, child: Child) -> None:
        process = child.process
        if process is None:
            return
        self._let_go(child)
        if child.service.is_task:
            self.children.remove(child)
            return
        if time.monotonic() - child.started_at > STEADY_S:
            child.failures = 0
        child.process = None
        self._start_later(child, _how(process.returncode))

    def _let_go(self, child: Child) -> None:
        """Read the last words of an ended program and end what it has left of its group."""
        for line in child.lines():
            self.log.write(child.service.name, line)
        if child.output in self._selector.get_map():
            self._selector.unregister(child.output)
        child.signal(signal.SIGKILL)  # its own children must not keep the port
        if child.process and child.process.stdout:
            child.process.stdout.close()

    def _start_later(self, child: Child, how: str = "") -> None:
        delay_s = min(FIRST_DELAY_S * 2**child.failures, LONGEST_DELAY_S)
        child.failures += 1
        child.start_again_at = time.monotonic() + delay_s
        self.log.say(
            f"{child.service.name} 意外退出{how}，{delay_s:g} 秒后重启。 "
            f"It ended unexpectedly and starts again in {delay_s:g} s."
        )


def end_with_parent(order: signal.Signals) -> Callable[[], None] | None:
    """A step for the child before its program runs: Linux then ends it when its parent dies.

    Works even when the parent is killed; elsewhere the next start clears up what was left.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, int(order), 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return arm


def end_leftovers(mark: str) -> int:
    """End processes of an earlier launcher that was killed; answers how many there were.

    They are known by the mark in their environment, never by number or name.
    """
    found = _marked(mark)
    for order, patience_s in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0)):
        for pid in _marked(mark):
            try:
                os.kill(pid, order)
            except (ProcessLookupError, PermissionError):
                continue
        deadline = time.monotonic() + patience_s
        while _marked(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(found)


def _marked(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    pids = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            is_ours = wanted in file.read_bytes().split(b"\0")
        except OSError:
            continue
        if is_ours and int(file.parent.name) != os.getpid():
            pids.append(int(file.parent.name))
    return pids


def _how(status: int) -> str:
    if status < 0:
        return f"（信号 {signal.Signals(-status).name}）"
    return f"（返回值 {status}）"


def _hopeless(name: str) -> Stop:
    return Stop(
        f"{name} 多次启动失败，原因见上面的日志。",
        f"{name} fails again and again; the log above says why.",
    )
