"""What is simulated beyond the driver: the line with its transfers, the blocks of workers, the files at the site.

`Line` and `Workers` are what the action providers of the sandbox's Flows ask, in place of its Transfer and Compute. A
file counts for the bytes that are assumed of it, and is told with those that it has.
"""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowspec import names
from flowspec.stages import Stage
from remote.globus.transfer import RemoteFile
from remote.sandbox.compute.service import Outcome
from remote.sandbox.flows.runs import iso
from remote.sandbox.ids import IDENTITY
from remote.sandbox.transfer.task import Side, TransferTask
from tests.model.assumptions import Assumptions, Blocks
from tests.model.world import World
from tests.rootfiles import root_file

AT_A_TIME = 3  # transfers that Globus works on for a user
DAY = 86_400.0
CARRIED = 1000.0  # bytes: the clock cannot tell less apart
OUTPUT = 20_000  # bytes that an output at the site is told with: more than a segment has
_FILES = {"fit": names.fitted_file, "convert": names.converted_file}


class Files:
    """Those at the site, by their paths."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.there: dict[str, RemoteFile] = {}

    def put(self, path: str, size: int, modified: float | None = None) -> None:
        self.there[path] = RemoteFile("file", size, iso(self._world() if modified is None else modified))

    def below(self, folder: str) -> dict[str, RemoteFile]:
        return {Path(path).name: file for path, file in self.there.items() if path.rpartition("/")[0] == folder}


@dataclass
class Copy:
    """A transfer that is under way: bytes that are left."""

    task: TransferTask
    left: float


class Line:
    """Transfers share the line; three are worked on at a time, in the order in which they were submitted."""

    def __init__(self, world: World, assumed: Assumptions, files: Files, runs: Path, results: Path) -> None:
        self._world, self._assumed, self._files = world, assumed, files
        self._runs, self._results = runs, results
        self.tasks: dict[str, TransferTask] = {}
        self._queue: deque[TransferTask] = deque()
        self._working = 0
        self._copies: list[Copy] = []
        self._since, self._plan = world(), 0
        self.peak = 0

    def submission_id(self) -> str:
        return str(uuid.uuid4())

    def submit(self, document: dict[str, Any]) -> dict[str, Any]:
        sides = [Side(document[key], key) for key in ("source_endpoint", "destination_endpoint")]
        task = TransferTask(
            "TRANSFER", document, *sides, IDENTITY, self._world, self._world() + DAY, document.get("label")
        )
        task.files = len(document["DATA"])
        self.tasks[task.task_id] = task
        self._queue.append(task)
        self._start()
        return {"task_id": task.task_id}

    def task(self, task_id: str) -> dict[str, Any]:
        return self.tasks[task_id].as_document()

    def events(self, task_id: str) -> list[dict[str, Any]]:
        return self.tasks[task_id].events[::-1]

    def _start(self) -> None:
        while self._queue and self._working < AT_A_TIME:
            task = self._queue.popleft()
            task.start()
            self._working += 1
            self.peak = max(self.peak, self._working)
            self._world.after(self._assumed.transfer_starts, lambda task=task: self._begin(task))

    def _begin(self, task: TransferTask) -> None:
        self._move()
        raw = [item for item in task.document["DATA"] if item["source_path"].endswith(".evt")]
        size = self._assumed.segment * len(raw) or self._assumed.result
        self._copies.append(Copy(task, size))
        self._look_again()

    def _move(self) -> None:
        """What has been carried since the last time."""
        passed, self._since = self._world() - self._since, self._world()
        for copy in self._copies:
            copy.left -= passed * self._assumed.line / len(self._copies)

    def _look_again(self) -> None:
        """When the first copy will have ended, if none begins before."""
        self._plan += 1
        if self._copies:
            seconds = max(0.0, min(copy.left for copy in self._copies)) * len(self._copies) / self._assumed.line
            self._world.after(seconds, lambda plan=self._plan: self._end(plan))

    def _end(self, plan: int) -> None:
        if plan != self._plan:
            return
        self._move()
        ended = [copy for copy in self._copies if copy.left < CARRIED]
        self._copies = [copy for copy in self._copies if copy not in ended]
        for copy in ended:
            self._arrive(copy.task)
            copy.task.finish("SUCCEEDED", "succeeded")
            self._working -= 1
        self._start()
        self._look_again()

    def _arrive(self, task: TransferTask) -> None:
        task.files_transferred = task.files
        for item in task.document["DATA"]:
            source, destination = item["source_path"], item["destination_path"]
            if source.endswith(".evt"):
                there = (self._runs / "/".join(source.split("/")[-2:])).stat()
                self._files.put(destination, there.st_size, there.st_mtime)
            else:
                result = self._results / Path(destination).name
                result.write_bytes(root_file(OUTPUT))
                os.utime(result, (self._world(), self._world()))


@dataclass
class Task:
    stage: str
    given: dict[str, Any]
    status: str = "pending"
    reply: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Block:
    """`serves_until`: None before it is there."""

    free: int
    serves_until: float | None = None
    idle: int = 0  # how often it has been without a task


class Endpoint:
    """First come, first served; blocks are asked for as long as tasks wait that those which come will not take."""

    def __init__(self, world: World, assumed: Blocks, ended: Callable[[Task], None]) -> None:
        self._world, self._assumed, self._ended = world, assumed, ended
        self._queue: deque[Task] = deque()
        self._blocks: list[Block] = []
        self.busy = self.peak = self.done = 0

    def submit(self, task: Task) -> None:
        self._queue.append(task)
        self._begin_what_can()

    def _begin_what_can(self) -> None:
        for block in self._blocks:
            while self._queue and block.free and block.serves_until is not None and self._serves(block):
                self._begin(self._queue.popleft(), block)
        coming = sum(self._assumed.workers for block in self._blocks if block.serves_until is None)
        while len(self._queue) > coming and len(self._blocks) < self._assumed.most:
            block = Block(self._assumed.workers)
            self._blocks.append(block)
            coming += self._assumed.workers
            self._world.after(self._assumed.wait, lambda block=block: self._there(block))

    def _serves(self, block: Block) -> bool:
        return block.serves_until is not None and self._world() < block.serves_until

    def _there(self, block: Block) -> None:
        block.serves_until = self._world() + self._assumed.serves
        self._world.after(self._assumed.serves, lambda: self._give_back(block, block.idle, drained=True))
        self._begin_what_can()
        self._let_idle(block)

    def _begin(self, task: Task, block: Block) -> None:
        block.free -= 1
        block.idle += 1
        self.busy += 1
        self.peak = max(self.peak, self.busy)
        task.status = "running"
        self._world.after(self._assumed.seconds, lambda: self._end(task, block))

    def _end(self, task: Task, block: Block) -> None:
        block.free += 1
        self.busy -= 1
        self.done += 1
        task.status = "success"
        self._ended(task)
        self._begin_what_can()
        self._let_idle(block)

    def _let_idle(self, block: Block) -> None:
        if block.free == self._assumed.workers:
            idle = self._assumed.idle if self._serves(block) else 0.0
            self._world.after(idle, lambda times=block.idle: self._give_back(block, times))

    def _give_back(self, block: Block, times: int, drained: bool = False) -> None:
        still = block.free == self._assumed.workers and (drained or block.idle == times)
        if still and block in self._blocks:
            self._blocks.remove(block)
            self._begin_what_can()


class Workers:
    """The endpoints of the site; `stages` has the stage of each by its id."""

    def __init__(self, world: World, assumed: Assumptions, files: Files, stages: dict[str, Stage]) -> None:
        self._assumed, self._files, self._stages = assumed, files, stages
        self.endpoints = {
            stage: Endpoint(world, blocks, self._leave_output) for stage, blocks in assumed.endpoints().items()
        }
        self.tasks: dict[str, Task] = {}
        self.groups: dict[str, list[str]] = {}

    def submit_calls(self, endpoint: str, calls: list[Any], group: str | None = None) -> tuple[str, list[str]]:
        group, stage = group or str(uuid.uuid4()), self._stages[endpoint].value
        made = {str(uuid.uuid4()): Task(stage, given) for _, _, given in calls}
        self.tasks |= made
        self.groups.setdefault(group, []).extend(made)
        for task in made.values():
            self.endpoints[stage].submit(task)
        return group, list(made)

    def outcome(self, task_id: str) -> Outcome:
        task = self.tasks[task_id]
        return Outcome("success", task.reply) if task.status == "success" else Outcome("pending")

    def _leave_output(self, task: Task) -> None:
        run, segment = task.given["run"], task.given.get("segment")
        name = names.sorted_file(run) if segment is None else _FILES[task.stage](run, segment)
        self._files.put(f"{task.given['output_dir']}/{name}", OUTPUT)
        task.reply = {"rc": 0, "bytes": OUTPUT, "seconds": self._assumed.endpoints()[task.stage].seconds}
        task.reply |= {} if segment is None else {"segment": segment}
