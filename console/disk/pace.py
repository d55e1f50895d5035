"""How often discovery looks at what, and for how long it works on one thing before others have their turn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds, if not said otherwise. Without any event a change is found within the first two, or at the next look."""

    directories: float = 60.0  # within which the runs are listed, and the stamp of each run directory is compared...
    directories_per_second: float = 20.0  # ...unless that were more stamps than so many
    files: float = 300.0  # within which the files of each run are listed...
    files_per_second: float = 15.0  # ...unless that were more files than so many
    granularity: float = 10.0  # a directory changed within this time may change again without another stamp
    reading: float = 0.25  # in one run, before others have their turn
    burst: float = 0.05  # events that come within this time are answered by one look
    stop: float = 0.2  # within which a stop is noticed

    @property
    def active(self) -> float:
        """So long after its last change the files of a run are listed at each look; then their turn comes by itself."""
        return self.files

    @property
    def work(self) -> float:
        """Of reading in several runs, before events are waited for again."""
        return 2 * self.reading

    def round_of_directories(self, directories: int) -> float:
        """Within which the stamps of so many are compared, a few at each look."""
        return max(self.directories, directories / self.directories_per_second)

    def round_of_files(self, files: int) -> float:
        """Within which so many files are listed, a few runs at each look."""
        return max(self.files, files / self.files_per_second)


PACE = Pace()
