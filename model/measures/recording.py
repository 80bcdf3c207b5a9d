"""The score of one recording: every measure, from activity and frame sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.measures.activity import FRAMES_PER_S, Bool, Stretch, active_frames, merged, stretch_frames, within
from model.measures.diarization import DiarizationErrors, JaccardErrors, diarization_errors, jaccard_errors
from model.measures.events import (
    Edges,
    Found,
    backchannel_recall,
    backchannels,
    edges,
    overlap_precision,
    overlap_recall,
    short_overlap_recall,
)
from model.measures.permutation import Match, Swaps, best_match, channels_of_speakers, swaps, wrong_speaker_s
from model.measures.separation import ChannelScore, FrameSums, likeness, score_channel
from model.measures.turn_taking import TurnTaking, turn_taking
from schemas.conversation import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Who speaks when on one side, truth or output. A segment's channel is the number of its speaker.

    speakers: their names. covered: the stretches of the recording that are spoken for, disjoint and sorted.
    backchannels: None where they are to be found by rule.
    """

    speakers: tuple[str, ...]
    segments: tuple[Segment, ...]
    covered: tuple[Stretch, ...]
    backchannels: tuple[Segment, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnScore:
    """What happens between the speakers; recalls and precision count frames or events."""

    wrong_speaker_s: float
    swaps: Swaps
    overlap_recall: Found
    overlap_precision: Found
    short_overlap_recall: Found
    backchannel_recall: Found
    onsets: Edges
    offsets: Edges
    taking: TurnTaking


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingScore:
    """Everything measured on one recording.

    channels: empty without audio on both sides. facts: of the truth, to group by. how: what the measures rest on.
    late_ms: how far the output's audio lies behind the truth's, which SI-SDR does not forgive; it is not moved.
    """

    name: str
    duration_s: float
    covered_s: float
    der: DiarizationErrors
    der_collar: DiarizationErrors
    jer: JaccardErrors
    turns: TurnScore
    channels: tuple[ChannelScore, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    how: Mapping[str, str] = field(default_factory=dict)
    late_ms: float = 0.0


def in_channel_order(activity: Activity, energy: NDArray[np.float64]) -> Activity:
    """The activity with its speakers numbered so that speaker i is the one who speaks on audio channel i.

    energy: [channels, frames] of the audio; for activity whose names say nothing of the channels.
    """
    n_speakers = len(activity.speakers)
    active = active_frames(activity.segments, n_speakers, energy.shape[1])
    number = channels_of_speakers(energy, active)
    names = {number[s]: name for s, name in enumerate(activity.speakers)}
    return replace(
        activity,
        speakers=tuple(names.get(i, f"channel {i}") for i in range(max(names, default=-1) + 1)),
        segments=merged(replace(s, channel=number[s.channel]) for s in activity.segments),
    )


def score_recording(
    name: str, truth: Activity, found: Activity, sums: FrameSums | None, collar_s: float
) -> RecordingScore:
    """Score an output against the truth; `sums` where both have audio, of whose channels the speakers are the first.

    Channels are matched to speakers once, by the time that they are active together; where that does not decide, by
    how alike they sound. Only what the output covers is scored. collar_s: see `diarization_errors`.
    """
    duration_s = truth.covered[-1][1] if truth.covered else 0.0
    n_frames = sums.n_frames if sums is not None else int(np.ceil(duration_s * FRAMES_PER_S))
    covered = stretch_frames(found.covered, n_frames)
    true, made = merged(truth.segments), merged(within(found.segments, found.covered))
    n_true, n_made = len(truth.speakers), len(found.speakers)
    if sums is not None:
        n_true, n_made = max(n_true, len(sums.truth)), max(n_made, len(sums.found))
    active, said = active_frames(true, n_true, n_frames), active_frames(made, n_made, n_frames)
    match = best_match(said & covered, active & covered, _likeness(sums, n_made, n_true, covered))
    return RecordingScore(
        name=name,
        duration_s=duration_s,
        covered_s=sum(end_s - start_s for start_s, end_s in found.covered),
        der=diarization_errors(true, made, found.covered, 0.0),
        der_collar=diarization_errors(true, made, found.covered, collar_s),
        jer=jaccard_errors(true, made, found.covered),
        turns=_turns(truth, found, _Frames(active=active, said=said, covered=covered, match=match)),
        channels=() if sums is None else _channels(sums, match, truth.speakers, active, covered),
    )


def _likeness(sums: FrameSums | None, n_made: int, n_true: int, covered: Bool) -> NDArray[np.float64] | None:
    if sums is None:
        return None
    alike = np.zeros((n_made, n_true))
    alike[: len(sums.found), : len(sums.truth)] = likeness(sums, covered)
    return alike


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """True and found activity, what the output covers, and who is who."""

    active: Bool
    said: Bool
    covered: Bool
    match: Match


def _turns(truth: Activity, found: Activity, frames: _Frames) -> TurnScore:
    covered, match = frames.covered, frames.match
    said, active = frames.said[:, covered], frames.active[:, covered]
    events = backchannels(merged(truth.segments)) if truth.backchannels is None else truth.backchannels
    onsets, offsets = edges(within(truth.segments, found.covered), within(found.segments, found.covered), match)
    return TurnScore(
        wrong_speaker_s=wrong_speaker_s(said, active, match),
        swaps=swaps(said, active, match),
        overlap_recall=overlap_recall(said, active),
        overlap_precision=overlap_precision(said, active),
        short_overlap_recall=short_overlap_recall(frames.said, frames.active, covered),
        backchannel_recall=backchannel_recall(frames.said, events, match, covered),
        onsets=onsets,
        offsets=offsets,
        taking=turn_taking(truth.segments, found.segments, match, found.covered),
    )


def _channels(
    sums: FrameSums, match: Match, speakers: Sequence[str], active: Bool, covered: Bool
) -> tuple[ChannelScore, ...]:
    pairs = [(c, s) for c, s in match if c < len(sums.found) and s < len(sums.truth)]
    scores = []
    for k, (channel, speaker) in enumerate(pairs):
        rival = pairs[1 - k] if len(pairs) == 2 else None
        name = speakers[speaker] if speaker < len(speakers) else f"channel {speaker}"
        scores.append(score_channel(sums, (channel, speaker), rival, active, covered, name=name))
    return tuple(scores)
