"""voices: who speaks when in a mixture; it becomes stretches in which two people talk, cut where nobody speaks.

Every sample lies in exactly one stretch or rejection.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from model.diarization.clusters import TWO
from model.diarization.find import Found, Stretch, find
from model.diarization.networks import Networks, load_networks, weight_files
from model.enhancer.apply import load_enhancer
from model.enhancer.net import Enhancer
from model.speaker.windows import frame_flags
from model.speech import DEFAULT_THRESHOLDS, runs, speech_flags
from model.vad import SileroNetwork, load_vad
from schemas.conversation import ACTIVITY_HZ, SPEECH_RATE_HZ, Mixed, Segment, spoken_s
from schemas.recording import SAMPLE_RATE_HZ, Mixture
from schemas.rejection import Reason, Rejection
from stages.contract import Needs, Row, Work
from stages.enhance import enhance_blocks
from stages.hear import Heard, heard, mono_blocks
from stages.losses import lost, why_left_out, why_no_conversation
from stages.plan import PAD_WINDOWS, WINDOW_SAMPLES, Piece, SpanPlanner
from stages.probe import AudioError

Bool = NDArray[np.bool_]

FRAME_SAMPLES: Final = SAMPLE_RATE_HZ // ACTIVITY_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class FindVoices:
    """Mixture -> Mixed, and rejections for what lies between them.

    `max_span_s`, `max_silence_s`, `min_clip_s`: as in `Split`. `min_speech_s`: each of the two must speak so long,
    or it is no conversation. `min_speech_to_background_db`: what is heard under louder music or noise may be no
    speech at all. `networks`: a folder of weights, see `weight_files`.
    """

    name: ClassVar[str] = "voices"
    reads: ClassVar[type] = Mixture
    writes: ClassVar[type] = Mixed
    needs: ClassVar[Needs] = Needs(cpus=1.0)
    version: ClassVar[int] = 7

    max_span_s: float = 600.0
    max_silence_s: float = 10.0
    min_clip_s: float = 5.0
    min_speech_s: float = 1.0
    min_speech_to_background_db: float = 0.0
    networks: str = ""

    def load(self, device: str) -> Work:
        """Load the networks. They run on the CPU whatever `device` says: every engine gives the same bytes."""
        files = weight_files(self.networks)
        networks = load_networks(speaker=files["speaker"], separator=files["separator"])
        ears = Ears(load_enhancer(files["enhancer"]), load_vad(), networks)

        def voices(row: Mixture) -> Iterable[Row]:
            return find_voices(self, ears, row)

        return voices


@dataclass(frozen=True, slots=True)
class Ears:
    """All networks that listen."""

    enhancer: Enhancer
    vad: SileroNetwork
    networks: Networks


def find_voices(config: FindVoices, ears: Ears, row: Mixture) -> Iterator[Mixed | Rejection]:
    """The stretches and rejections of a mixture, in order."""
    if row.background is None:
        raise ValueError("the background of a mixture is measured before its voices are sought")
    ratio_db = row.background.speech_to_background_db
    if ratio_db < config.min_speech_to_background_db:
        detail = f"what may be speech is {-ratio_db:.1f} dB softer than the music or noise around it"
        yield lost(row.recording, config.name, Reason.NO_SPEECH, detail, (0, row.n_samples))
        return
    try:
        with heard(enhance_blocks(mono_blocks(row), ears.enhancer, row.background), ears.vad) as sound:
            yield from _rows(config, ears.networks, row, sound)
    except AudioError as error:
        yield lost(row.recording, config.name, error.reason, error.detail, (0, row.n_samples))


def _rows(config: FindVoices, networks: Networks, row: Mixture, sound: Heard) -> Iterator[Mixed | Rejection]:
    speech_s = float(speech_flags(sound.speech, DEFAULT_THRESHOLDS).sum()) / SPEECH_RATE_HZ
    n_samples = sound.audio.size
    if speech_s < 2 * config.min_speech_s:
        detail = (
            f"speech is heard for {speech_s:.1f} s of {n_samples / SAMPLE_RATE_HZ:.1f} s: music, noise or silence"
        )
        yield lost(row.recording, config.name, Reason.NO_SPEECH, detail, (0, n_samples))
        return
    frames = -(-n_samples // FRAME_SAMPLES)
    found = find(sound.audio, frame_flags(sound.speech, SPEECH_RATE_HZ, frames).astype(np.float32), networks)
    at = 0
    for stretch in found.stretches:
        start, end = _samples_of(stretch, n_samples)
        if start > at:
            yield _third_voice(config, row, found, at, start)
        yield from _cut(config, row, sound, stretch)
        at = end
    if at == 0:
        reason, detail = _why_nobody(found, speech_s)
        yield lost(row.recording, config.name, reason, detail, (0, n_samples))
    elif at < n_samples:
        yield _third_voice(config, row, found, at, n_samples)


def _samples_of(stretch: Stretch, n_samples: int) -> tuple[int, int]:
    """First and end sample; the end of the last whole frame is that of the recording."""
    end = stretch.end * FRAME_SAMPLES
    return stretch.start * FRAME_SAMPLES, end if end + FRAME_SAMPLES <= n_samples else n_samples


def _why_nobody(found: Found, speech_s: float) -> tuple[Reason, str]:
    """Why there is no stretch with two voices."""
    if found.n_voices > 2:
        return Reason.THIRD_VOICE, f"{found.n_voices} voices talk, and never only two of them for long enough"
    if found.n_voices == 2:
        return Reason.ONE_SPEAKER, f"of {speech_s:.1f} s of speech, one of two voices has less than a second alone"
    if found.n_voices == 1:
        detail = (
            f"one voice, or two that cannot be told apart: the proof of two is {found.proof:.2f}, {TWO:g} is needed"
        )
        return Reason.ONE_SPEAKER, detail
    return Reason.NO_SPEECH, f"of {speech_s:.1f} s that may be speech, too little is clear enough to tell voices"


def _third_voice(config: FindVoices, row: Mixture, found: Found, start: int, end: int) -> Rejection:
    detail = f"{(end - start) / SAMPLE_RATE_HZ:.1f} s in which a third of {found.n_voices} voices talks"
    return lost(row.recording, config.name, Reason.THIRD_VOICE, detail, (start, end))


def _cut(config: FindVoices, row: Mixture, sound: Heard, stretch: Stretch) -> Iterator[Mixed | Rejection]:
    """The spans of a stretch, and what lies between them."""
    start, end = _samples_of(stretch, sound.audio.size)
    missing = -(-(end - start) // FRAME_SAMPLES) - stretch.activity.shape[1]
    activity = np.pad(stretch.activity, ((0, 0), (0, missing)))
    odds = np.pad(stretch.log_odds, ((0, missing), (0, 0)), mode="edge").astype(np.float16)
    planner = SpanPlanner(config.max_span_s, config.max_silence_s, config.min_clip_s)
    pieces = [*planner.push(nobody_speaks(activity, end - start)), *planner.flush(end - start)]
    for piece in pieces:
        place = (start + piece.start, start + piece.end)
        inside = slice(piece.start // FRAME_SAMPLES, -(-piece.end // FRAME_SAMPLES))
        segments = segments_of(activity[:, inside], piece.end - piece.start)
        left_out = _left_out(config, piece, segments)
        if left_out is not None:
            yield lost(row.recording, config.name, *left_out, place)
            continue
        yield Mixed(
            source=row,
            start_sample=place[0],
            end_sample=place[1],
            pcm=sound.audio[slice(*place)].tobytes(),
            voices=stretch.voices,
            segments=segments,
            odds=odds[inside].tobytes(),
            known=stretch.known,
        )


def _left_out(config: FindVoices, piece: Piece, segments: tuple[Segment, ...]) -> tuple[Reason, str] | None:
    """Why a piece is no span; None if it is one."""
    if piece.reason is not None:
        return piece.reason, why_left_out(piece, config.max_span_s, config.min_clip_s)
    speech_s = (spoken_s(segments, 0), spoken_s(segments, 1))
    if min(speech_s) < config.min_speech_s:
        return Reason.ONE_SPEAKER, why_no_conversation(speech_s, config.min_speech_s)
    return None


def nobody_speaks(activity: Bool, n_samples: int) -> Bool:
    """Per window of 768 samples: no activity, bool [2, frames of 480 samples], in it nor 0.1 s around it."""
    frames = activity.shape[1]
    before = np.concatenate([[0], np.cumsum(activity.any(axis=0))])
    edges = np.arange(-(-n_samples // WINDOW_SAMPLES) + 1) * WINDOW_SAMPLES
    first = np.minimum(edges[:-1] // FRAME_SAMPLES, frames)
    last = np.minimum(-(-edges[1:] // FRAME_SAMPLES), frames)
    speaking = before[last] > before[first]
    padded = np.pad(speaking, PAD_WINDOWS)
    silent: Bool = ~np.lib.stride_tricks.sliding_window_view(padded, 2 * PAD_WINDOWS + 1).max(axis=1)
    return silent


def segments_of(activity: Bool, n_samples: int) -> tuple[Segment, ...]:
    """Segments of activity, bool [2, frames], sorted by start, then channel."""
    length_s = n_samples / SAMPLE_RATE_HZ
    segments = [
        Segment(channel=c, start_s=float(a / ACTIVITY_HZ), end_s=min(float(b / ACTIVITY_HZ), length_s))
        for c in (0, 1)
        for a, b in runs(activity[c])
    ]
    return tuple(sorted(segments, key=lambda s: (s.start_s, s.channel)))
