"""What a person sees while a build runs: a live table on a terminal, plain lines anywhere else."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.visible import printable
from schemas.clip import Clip, ClipInfo
from schemas.plain_text import counted, one_line
from schemas.rejection import Reason, Rejection
from schemas.shard import ClipRow, RecordingRow
from schemas.transcript import DOUBT, UNREAD

PLAIN_EVERY_S = 10.0


def hours(seconds: float) -> str:
    """A duration in the unit a person would use: 42 s, 12.5 min, 3.21 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.2f} h"


def sometimes(say: Callable[[str], None], every_s: float) -> Callable[[str], None]:
    """`say`, but what comes sooner than `every_s` after the last line is not said."""
    said_s = [-math.inf]

    def report(line: str) -> None:
        if time.monotonic() - said_s[0] >= every_s:
            said_s[0] = time.monotonic()
            say(line)

    return report


@dataclass(slots=True)
class Counts:
    """What a build has done so far. Seconds are of recordings, not of the clock."""

    to_do: int = 0
    to_do_s: float = 0.0
    done: int = 0
    done_s: float = 0.0
    resumed: int = 0
    kept_clips: int = 0
    kept_s: float = 0.0
    lost: Counter[str] = field(default_factory=Counter)
    lost_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    quarantined: int = 0

    def add(self, row: RecordingRow) -> None:
        """Count a finished recording."""
        self.done += 1
        self.kept_clips += row.n_clips
        self.kept_s += row.kept_s
        for loss in row.lost:
            self.lost[loss.reason] += 1
            self.lost_s[loss.reason] += loss.end_s - loss.start_s


class View:
    """Follows a build; use as a context. `interactive` None: ask the terminal."""

    def __init__(self, console: Console | None = None, *, interactive: bool | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.counts = Counts()
        self._phase = "reading sources"
        self._live: Live | None = None
        self._wanted = self.console.is_terminal if interactive is None else interactive
        self._began_s = self._said_s = time.monotonic()
        self._done_s = 0.0

    def __enter__(self) -> Self:
        """Start the live table, if this is a terminal."""
        if self._wanted:
            self._live = Live(get_renderable=self.table, console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the live table away."""
        if self._live is not None:
            self._live.stop()

    def phase(self, name: str) -> None:
        """What is being done now."""
        self._phase = name
        if self._live is None:
            self.say(name)

    def say(self, line: str, style: str = "") -> None:
        """One line that stays, whatever comes after it, and whatever is in the names that it tells."""
        self.console.print(Text(printable(line), style=style), soft_wrap=True)

    def identified(self, n: int, of: int) -> None:
        """A source was looked at."""
        self._phase = f"identifying recordings: {n} of {of}"

    def preparing(self, to_do_s: float, to_do: int) -> None:
        """The recordings to prepare are known."""
        self.counts.to_do, self.counts.to_do_s = to_do, to_do_s
        self._began_s = time.monotonic()
        self.phase(f"preparing {counted(to_do, 'recording')}, {hours(to_do_s)}")

    def row(self, row: Clip | Rejection) -> None:
        """A clip was made, or something was rejected."""
        if isinstance(row, Rejection):
            where = "" if row.uri in row.detail else f"{row.uri}: "
            self.say(f"rejected ({row.reason.value}) {where}{row.detail}", "yellow")
            self._done_s += row.end_s - row.start_s
        else:
            self._done_s += row.info.end_s - row.info.start_s
            self._words(row.info)
        self._plain()

    def dropped(self, rows: Iterable[ClipRow]) -> None:
        """Clips that are not kept for what was measured on them."""
        for row in rows:
            if row.reason != Reason.WITHDRAWN.value:
                place = f"{row.info.start_s:.1f}-{row.info.end_s:.1f} s"
                self.say(f"not kept ({row.reason}) {row.info.provenance.uri}, {place}: {row.detail}", "yellow")

    def finished(self, row: RecordingRow, *, resumed: bool = False) -> None:
        """A recording is finished, now or in an earlier run."""
        self.counts.add(row)
        self.counts.resumed += resumed
        for note in () if resumed else row.notes:
            self.say(f"note on {row.uri}: {note}", "yellow")
        self._plain()

    def _words(self, info: ClipInfo) -> None:
        """What a person should look at in a clip's transcript."""
        if info.transcript is None:
            return
        place = f"{info.provenance.uri}, {info.start_s:.1f}-{info.end_s:.1f} s"
        for note in info.transcript.notes:
            if note.startswith(UNREAD):  # the recording's note as well, where it is told once
                continue
            self.say(f"note on {place}: {note}", "yellow")
        doubted = any(note.startswith(DOUBT) for note in info.transcript.notes)
        if not info.transcript.certain and not doubted and any(info.transcript.speakers):
            who = " and ".join(f"{name!r} on channel {c}" for c, name in enumerate(info.transcript.speakers) if name)
            self.say(f"note on {place}: not certain who of the transcript is who; took {who}", "yellow")

    def quarantined(self, uri: str, error: str, trace: Path) -> None:
        """A recording's work failed in every attempt."""
        self.counts.quarantined += 1
        said = f"{uri}: {one_line(error)} (traceback in {trace})"
        self.say(f"quarantined {said}; run the command again to retry", "red")

    def _speed(self) -> tuple[float, float]:
        """(x real time, seconds left), from the work of this run."""
        speed = self._done_s / max(time.monotonic() - self._began_s, 1e-3)
        return speed, max(0.0, self.counts.to_do_s - self._done_s) / max(speed, 1e-3)

    def _plain(self) -> None:
        if self._live is None and time.monotonic() - self._said_s >= PLAIN_EVERY_S:
            self._said_s = time.monotonic()
            speed, left_s = self._speed()
            c = self.counts
            self.say(
                f"{counted(c.done, 'recording')} done, {hours(self._done_s)} of {hours(c.to_do_s)}; "
                f"kept {counted(c.kept_clips, 'clip')}, "
                f"{hours(c.kept_s)}; {speed:.0f} x real time, {hours(left_s)} left"
            )

    def table(self) -> Group:
        """The live table; before anything is counted, only the phase."""
        c = self.counts
        if not c.done and not c.to_do:
            return Group(Text(self._phase, style="bold"))
        speed, left_s = self._speed()
        rows = Table.grid(padding=(0, 2))
        rows.add_row("", ProgressBar(total=max(c.to_do_s, 1e-3), completed=self._done_s, width=50))
        rows.add_row("recordings", f"{c.done} done" + (f" ({c.resumed} from an earlier run)" if c.resumed else ""))
        rows.add_row("audio", f"{hours(self._done_s)} of {hours(c.to_do_s)}, {speed:.0f} x real time")
        rows.add_row("time left", hours(left_s) if self._done_s else "-")
        rows.add_row("kept", f"{counted(c.kept_clips, 'clip')}, {hours(c.kept_s)}")
        for reason, n in c.lost.most_common():
            rows.add_row(f"rejected: {reason}", f"{n}, {hours(c.lost_s[reason])}")
        return Group(Text(self._phase, style="bold"), rows)
