"""The workers of one sandbox endpoint: processes that take tasks from a queue, and are replaced when they die.

Each worker has a thread here that starts its process, hands it one task at a time and waits for the reply. All of them
are one block of one child (user endpoint). What is lost with a worker or a block is executed again, after the time that
the real one takes to notice (here divided by `speed`), and the third loss is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from remote.sandbox.compute.processes import MARK, kill_marked

Message = dict[str, Any]

_IDLE_CHECK_SECONDS = 0.2  # how soon the death of an idle worker is noticed
_RESTART_SECONDS = 0.5  # pause after a worker that did not even start

TRIES = 3
"""How often a task is executed whose worker is lost each time (`max_retries_on_system_failure: 2`)."""
WORKER_SECONDS, BLOCK_SECONDS = 20.0, 100.0  # until a lost worker is noticed; until there is another block


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
    "exception", and "details" unless the worker was lost. `started` may be called again, `finished` never for what was
    lost with its child. While `offline()`, no worker takes a task. `faults(task_id)` is what a fault adds to the
    message for the worker.
    """

    def __init__(
        self,
        name: str,
        workers: int,
        *,
        run_dir: Path,
        environment: dict[str, str],
        speed: float,
        started: Callable[[str], None],
        finished: Callable[[str, Message], None],
        offline: Callable[[], bool],
        faults: Callable[[str], Message],
    ) -> None:
        self.name = name
        self._run_dir = run_dir
        self._speed = speed
        self._environment = environment
        self._started = started
        self._finished = finished
        self._offline = offline
        self._faults = faults
        self._queue: deque[Message] = deque()
        self._losses: Counter[str] = Counter()  # by task
        self._changed = threading.Condition()
        self._closed = False
        self._processes: set[WorkerProcess] = set()
        self._threads: list[threading.Thread] = []
        for number in range(workers):
            self._add_worker(number)

    def submit(self, tasks: list[Message]) -> None:
        with self._changed:
            self._queue.extend(tasks)
            self._changed.notify_all()

    def counts(self) -> Counts:
        with self._changed:
            ready = [process for process in self._processes if process.ready and not process.orphan]
            busy, waiting = sum(process.task_id is not None for process in ready), len(self._queue)
            return Counts(len(ready), len(ready) - busy, waiting, waiting + busy)

    def working(self) -> list[Working]:
        with self._changed:
            return [process.working() for process in self._processes]

    def close(self) -> None:
        """Kill every worker and whatever it runs."""
        with self._changed:
            self._closed = True
            processes, threads = list(self._processes), list(self._threads)
            self._changed.notify_all()
        for process in processes:
            process.kill()
        for thread in threads:
            thread.join(timeout=2)

    def _add_worker(self, number: int) -> None:
        thread = threading.Thread(target=self._keep_worker, args=(number,), name=f"{self.name}-{number}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep_worker(self, number: int) -> None:
        while True:
            process = self._start(number)
            if process is None:
                return
            process.ready = process.receive() is not None
            if process.ready:
                self._serve(process)
            process.dispose()
            with self._changed:
                self._processes.discard(process)
                if process.orphan:
                    return
                if not process.ready and not self._closed:
                    self._changed.wait_for(lambda: self._closed, timeout=_RESTART_SECONDS)

    def _start(self, number: int) -> WorkerProcess | None:
        with self._changed:
            if self._closed:
                return None
            process = WorkerProcess(number, self._run_dir / f"{self.name}-{number}.log", self._environment)
            self._processes.add(process)
            return process

    def _serve(self, process: WorkerProcess) -> None:
        while (task := self._take(process)) is not None:
            try:
                if not self._execute(process, task):
                    return
            finally:
                process.task_id = None

    def _take(self, process: WorkerProcess) -> Message | None:
        """The next task, None when the pool is closed or the worker has died."""
        with self._changed:
            while not self._closed and process.alive():
                if self._queue and not self._offline():
                    task = self._queue.popleft()
                    process.task_id = task["task_id"]
                    return task
                self._changed.wait(_IDLE_CHECK_SECONDS)
        return None

    def _execute(self, process: WorkerProcess, task: Message) -> bool:
        """Have one task executed; False when the worker is lost, or nobody listens to it any more."""
        message = {**task, **self._faults(task["task_id"])}
        if not process.send(message) or process.receive() is None:
            # It died before it began: the task is not to blame, another worker takes it.
            with self._changed:
                self._queue.appendleft(task)
            return False
        self._started(task["task_id"])
        with self._struck(message.get("fault")):
            reply = process.receive()
        if process.orphan:
            return False
        if reply is None:
            self._lost(process, task)
            return False
        self._finished(task["task_id"], reply)
        return True

    # ---- what is lost

    def _lost(self, process: WorkerProcess, task: Message) -> None:
        """Once that is noticed, the task is executed again or, after so many tries, has failed."""
        seconds = (BLOCK_SECONDS if process.block_lost else WORKER_SECONDS) / self._speed
        self._losses[task["task_id"]] += 1
        if self._losses[task["task_id"]] < TRIES:
            later = threading.Timer(seconds, self.submit, [[task]])
        else:
            later = threading.Timer(seconds, self._finished, [task["task_id"], {"exception": process.loss()}])
        later.daemon = True
        later.start()

    @contextlib.contextmanager
    def _struck(self, fault: Message | None) -> Iterator[None]:
        """While a call is executed: the fault that takes more than its worker."""
        name = fault["name"] if fault else ""
        lose = {"block-lost": self._lose_block, "user-endpoint-killed": self._lose_child}.get(name)
        if fault is None or lose is None:
            yield
            return
        if not fault["seconds"]:  # at once: not after what is asked next, or when the call has ended
            lose()
            yield
            return
        timer = threading.Timer(fault["seconds"], lose)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _lose_block(self) -> None:
        """All workers are killed with all that they have started."""
        with self._changed:
            processes = [process for process in self._processes if not process.orphan]
            for process in processes:
                process.block_lost = True
        for process in processes:
            process.kill()

    def _lose_child(self) -> None:
        """Nobody knows of its tasks any more. What is executed goes on in its block; the next child has another one."""
        with self._changed:
            self._queue.clear()
            orphans = [process for process in self._processes if process.task_id is not None and not process.orphan]
            for process in orphans:
                process.orphan = True
            if not self._closed:
                for process in orphans:
                    self._add_worker(process.number)


class WorkerProcess:
    """One `remote.sandbox.compute.worker` process; its stderr, and what its functions print, go to a log file.

    `task_id` is of the call under way. `block_lost`: it dies with its block. `orphan`: its child was killed, nobody
    hears what it replies.
    """

    def __init__(self, number: int, log: Path, environment: dict[str, str]) -> None:
        self.number = number
        self.task_id: str | None = None
        self.ready = self.block_lost = self.orphan = False
        self._mark = str(uuid.uuid4())
        self._kill_once = threading.Lock()
        self._killed = False
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "remote.sandbox.compute.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                cwd=log.parent,
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

    def loss(self) -> str:
        """The exception text for the task of a worker that died, in the words of Parsl."""
        error = "parsl.executors.high_throughput.errors.WorkerLost"
        return f"{error}: Task failure due to loss of worker {self.number} on host {os.uname().nodename}"

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
