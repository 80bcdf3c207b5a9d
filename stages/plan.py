"""Where to cut a recording: a pure plan over 32-ms windows, streaming, whatever the size of the pieces it comes in.

All positions are multiples of 3,840 samples (160 ms: five windows of speech probability, two codec frames), so that
windows and frames of a span are those of its recording; only the last piece ends where the recording does.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.speech import runs
from schemas.conversation import SPEECH_RATE_HZ
from schemas.rejection import Reason

Bool = NDArray[np.bool_]

WINDOW_SAMPLES: Final = 768
GRID: Final = 5  # windows
PAD_WINDOWS: Final = 3  # 0.1 s around speech that no cut may touch
MARGIN: Final = 15  # windows of a long silence, 0.48 s, that stay at either end of a span


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Samples `start` to `end` (exclusive): a span, or lost for `reason`."""

    start: int
    end: int
    reason: Reason | None = None


class SpanPlanner:
    """Takes a stream of flags, one per window: nobody speaks. Gives the pieces in order, without gap or overlap.

    A decision is taken when the windows that bear on it are there, and never on others.
    """

    def __init__(self, max_span_s: float, max_silence_s: float, min_clip_s: float) -> None:
        self._max = int(max_span_s * SPEECH_RATE_HZ) // GRID * GRID
        self._long = int(np.ceil(max_silence_s * SPEECH_RATE_HZ))
        self._min = -(-int(np.ceil(min_clip_s * SPEECH_RATE_HZ)) // GRID) * GRID
        if self._max < 2 * self._min + GRID or self._long < 2 * MARGIN + 2 * GRID:
            raise ValueError("max_span_s must exceed twice min_clip_s, and max_silence_s one second and a half")
        self._start = 0  # window where the open piece starts
        self._first = 0  # window of the first flag that is held
        self._silent: Bool = np.zeros(0, np.bool_)
        self._open: Reason | None = None  # what the open piece is known to be lost for

    @property
    def keep_from(self) -> int:
        """Samples before this one will be in no span to come."""
        return self._first * WINDOW_SAMPLES

    def push(self, silent: Bool) -> list[Piece]:
        """Take the flags of the next windows."""
        self._silent = np.concatenate([self._silent, silent])
        return self._decide(ended=False)

    def flush(self, n_samples: int) -> list[Piece]:
        """The rest of a recording of `n_samples`."""
        pieces = self._decide(ended=True)
        start = self._start * WINDOW_SAMPLES
        if n_samples > start:
            short = self._open is None and n_samples - start < self._min * WINDOW_SAMPLES
            reason = Reason.TOO_SHORT if short else self._open
            pieces.append(Piece(start=start, end=n_samples, reason=reason))
        return pieces

    def _decide(self, *, ended: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while True:
            if self._open is Reason.SILENCE:
                piece = self._end_silence()
            elif self._open is Reason.NO_PAUSE:
                piece = self._end_speech()
            else:
                piece = self._end_span(ended=ended)
            if piece is None:
                return pieces
            if piece.end > piece.start:
                pieces.append(piece)

    def _end_silence(self) -> Piece | None:
        """Half a second before somebody speaks."""
        speaking = np.flatnonzero(~self._silent)
        if not speaking.size:
            self._drop(max(0, self._silent.size - MARGIN) // GRID * GRID)
            return None
        return self._close(max(0, int(speaking[0]) - MARGIN) // GRID * GRID, Reason.SILENCE, None)

    def _end_speech(self) -> Piece | None:
        """At the first place where a cut is possible."""
        cuts = possible_cuts(self._silent)
        if not cuts.size:
            self._drop(max(0, self._silent.size - GRID) // GRID * GRID)
            return None
        return self._close(int(cuts[0]), Reason.NO_PAUSE, None)

    def _end_span(self, *, ended: bool) -> Piece | None:
        long = next((run for run in runs(self._silent) if run[1] - run[0] >= self._long), None)
        if long is not None:
            end = -(-(int(long[0]) + MARGIN) // GRID) * GRID if long[0] > 0 else 0
            if end <= self._max:
                return self._close(end, self._span_or_short(end), Reason.SILENCE)
        if self._silent.size < self._max + self._long and not (ended and self._silent.size > self._max):
            return None
        cut = choose_cut(self._silent[: self._max + 1], self._min, self._max - self._min)
        if cut is None:
            self._open = Reason.NO_PAUSE
            return Piece(start=0, end=0)
        return self._close(cut, None, None)

    def _span_or_short(self, windows: int) -> Reason | None:
        return Reason.TOO_SHORT if windows < self._min else None

    def _close(self, end: int, reason: Reason | None, after: Reason | None) -> Piece:
        """End the open piece `end` windows after the first held flag; the next one is lost for `after`."""
        start = self._start
        self._drop(end)
        self._start = self._first
        self._open = after
        return Piece(start=start * WINDOW_SAMPLES, end=self._start * WINDOW_SAMPLES, reason=reason)

    def _drop(self, windows: int) -> None:
        self._silent = self._silent[windows:]
        self._first += windows


def possible_cuts(silent: Bool) -> NDArray[np.int64]:
    """Windows on the grid, but the first, where nobody speaks in the window before nor in the one after."""
    grid = np.arange(GRID, silent.size, GRID)
    return grid[silent[grid - 1] & silent[grid]]


def choose_cut(silent: Bool, earliest: int, latest: int) -> int | None:
    """The middle of the longest pause in the later half, else of the last pause before it; None if there is none."""
    cuts = possible_cuts(silent)
    cuts = cuts[(cuts >= earliest) & (cuts <= latest)]
    if not cuts.size:
        return None
    late = cuts[cuts >= (earliest + latest) // 2]
    pauses = runs(silent)
    if late.size:
        lengths = pauses[:, 1] - pauses[:, 0]
        of_cut = np.searchsorted(pauses[:, 0], late, side="right") - 1
        best = int(of_cut[np.flatnonzero(lengths[of_cut] == lengths[of_cut].max())[-1]])
        near = late[of_cut == best]
    else:
        best = int(np.searchsorted(pauses[:, 0], cuts[-1], side="right")) - 1
        near = cuts[cuts >= pauses[best, 0]]
    middle = pauses[best].sum() / 2
    return int(near[np.argmin(np.abs(near - middle))])
