"""label: turn-taking events, and per 80-ms frame the turn state of each channel and the future activity."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from model.turns.events import events_of
from model.turns.frames import active_frames, turn_states, vap_classes
from schemas.conversation import Labelled, TurnKind, Worded
from schemas.recording import FRAME_SAMPLES, SAMPLE_RATE_HZ
from stages.contract import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Adds the events and what follows from them."""

    name: ClassVar[str] = "label"
    reads: ClassVar[type] = Worded
    writes: ClassVar[type] = Labelled
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 2

    def load(self, device: str) -> Callable[[Worded], Labelled]:
        """No model."""
        return label


def label(row: Worded) -> Labelled:
    """A span with its turn-taking."""
    span, segments = row.diarized.span, row.diarized.segments
    n_samples = span.end_sample - span.start_sample
    n_frames = -(-n_samples // FRAME_SAMPLES)
    events = events_of(segments, row.words)
    turns = [event for event in events if event.kind is TurnKind.TURN]
    return Labelled(
        worded=row,
        turns=turn_states(active_frames(turns, n_frames)).tobytes(),
        future=vap_classes(segments, n_frames, n_samples / SAMPLE_RATE_HZ).tobytes(),
        events=events,
    )
