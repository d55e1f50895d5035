"""The workers of one sandbox endpoint: processes that take tasks from a queue, and are replaced when they die.

Each worker has a thread here that starts its process, hands it one task at a time and waits for the reply.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from remote.sandbox.compute.processes import MARK, kill_marked

Message = dict[str, Any]

_IDLE_CHECK_SECONDS = 0.2  # how soon the death of an idle worker is noticed
_RESTART_SECONDS = 0.5  # pause after a worker that did not even start


@dataclass(frozen=True)
class Counts:
    """Of workers and tasks, as the status of an endpoint reports them."""

    total_workers: int
    idle_workers: int
    pending_tasks: int
    outstanding_tasks: int


@dataclass(frozen=True)
class Working:
    """A worker process: all that it starts carries its `mark`; `task_id` is of the call under way, None when idle."""

    pid: int
    mark: str
    task_id: str | None


class WorkerPool:
    """A fixed number of worker processes. Thread-safe.

    `started(task_id)` and `finished(task_id, reply)` are called from the workers' threads; `reply` has "result" or
    "exception", and "details" unless the worker was lost. While `offline()`, no worker takes a task. `faults(task_id)`
    is what a fault adds to the message for the worker.
    """

    def __init__(
        self,
        name: str,
        workers: int,
        *,
        run_dir: Path,
        environment: dict[str, str],
        started: Callable[[str], None],
        finished: Callable[[str, Message], None],
        offline: Callable[[], bool],
        faults: Callable[[str], Message],
    ) -> None:
        self.name = name
        self._run_dir = run_dir
        self._environment = environment
        self._started = started
        self._finished = finished
        self._offline = offline
        self._faults = faults
        self._queue: deque[Message] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._ready = 0
        self._busy = 0
        self._processes: set[WorkerProcess] = set()
        self._threads = [
            threading.Thread(target=self._keep_worker, args=(number,), name=f"{name}-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, tasks: list[Message]) -> None:
        with self._changed:
            self._queue.extend(tasks)
            self._changed.notify_all()

    def counts(self) -> Counts:
        with self._changed:
            waiting = len(self._queue)
            return Counts(self._ready, self._ready - self._busy, waiting, waiting + self._busy)

    def working(self) -> list[Working]:
        with self._changed:
            return [process.working() for process in self._processes]

    def close(self) -> None:
        """Kill every worker and whatever it runs."""
        with self._changed:
            self._closed = True
            processes = list(self._processes)
            self._changed.notify_all()
        for process in processes:
            process.kill()
        for thread in self._threads:
            thread.join(timeout=2)

    def _keep_worker(self, number: int) -> None:
        while True:
            process = self._start(number)
            if process is None:
                return
            ready = process.receive() is not None
            if ready:
                self._serve(process)
            process.dispose()
            with self._changed:
                self._processes.discard(process)
                if not ready and not self._closed:
                    self._changed.wait_for(lambda: self._closed, timeout=_RESTART_SECONDS)

    def _start(self, number: int) -> WorkerProcess | None:
        with self._changed:
            if self._closed:
                return None
            process = WorkerProcess(self._run_dir / f"{self.name}-{number}.log", self._run_dir, self._environment)
            self._processes.add(process)
            return process

    def _serve(self, process: WorkerProcess) -> None:
        with self._changed:
            self._ready += 1
        try:
            while (task := self._take(process)) is not None:
                process.task_id = task["task_id"]
                try:
                    alive = self._execute(process, task)
                finally:
                    process.task_id = None
                    with self._changed:
                        self._busy -= 1
                if not alive:
                    return
        finally:
            with self._changed:
                self._ready -= 1

    def _take(self, process: WorkerProcess) -> Message | None:
        """The next task, None when the pool is closed or the worker has died."""
        with self._changed:
            while not self._closed and process.alive():
                if self._queue and not self._offline():
                    self._busy += 1
                    return self._queue.popleft()
                self._changed.wait(_IDLE_CHECK_SECONDS)
        return None

    def _execute(self, process: WorkerProcess, task: Message) -> bool:
        """Have one task executed; False when the worker is lost."""
        if not process.send({**task, **self._faults(task["task_id"])}) or process.receive() is None:
            # It died before it began: the task is not to blame, another worker takes it.
            with self._changed:
                self._queue.appendleft(task)
            return False
        self._started(task["task_id"])
        reply = process.receive()
        if reply is None:
            self._finished(task["task_id"], {"exception": process.loss(self.name)})
            return False
        self._finished(task["task_id"], reply)
        return True


class WorkerProcess:
    """One `remote.sandbox.compute.worker` process; its stderr, and what its functions print, go to a log file."""

    def __init__(self, log: Path, run_dir: Path, environment: dict[str, str]) -> None:
        self.task_id: str | None = None  # of the call under way
        self._mark = str(uuid.uuid4())
        self._kill_once = threading.Lock()
        self._killed = False
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "remote.sandbox.compute.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                cwd=run_dir,
                env={**environment, MARK: self._mark},
                start_new_session=True,
            )
        self._requests = cast(IO[bytes], self._process.stdin)  # not None: PIPE was asked for
        self._replies = cast(IO[bytes], self._process.stdout)

    def working(self) -> Working:
        return Working(self._process.pid, self._mark, self.task_id)

    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: Message) -> bool:
        try:
            self._requests.write(json.dumps(message).encode() + b"\n")
            self._requests.flush()
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """The next message, None when the worker has died."""
        line = self._replies.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def loss(self, endpoint: str) -> str:
        """The exception text for the task of a worker that died, in the manner of Parsl's errors."""
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        pid, host = self._process.pid, os.uname().nodename
        return (
            "parsl.executors.high_throughput.errors.WorkerLost: Task failure due to loss of worker"
            f" {pid} on host {host} of endpoint {endpoint} ({how})"
        )

    def kill(self) -> None:
        """SIGKILL the worker and whatever it has started; from any thread, once."""
        with self._kill_once:
            if not self._killed:
                self._killed = True
                kill_marked(self._mark, self._process.pid)

    def dispose(self) -> None:
        """After the last use, by the thread that used it."""
        self.kill()
        self._process.wait()
        for pipe in (self._requests, self._replies):
            with contextlib.suppress(OSError):  # what was not sent any more
                pipe.close()
