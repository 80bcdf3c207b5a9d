"""The truth to score against: a folder with, for each recording, an RTTM or a JSON and the true channels.

DIR/truth/<name>.rttm, .json and .flac (or other audio, also <name>.channels.flac, with a channel per speaker), or the
same files in DIR itself; the mixture is DIR/recordings/<name>.* or, beside a folder `truth`, DIR/<name>.*; the true
channels as they sound in a room, if asked for, are DIR/images/<name>.*.
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.measures.activity import merged
from model.measures.recording import Activity
from model.measures.rttm import read_rttm
from pipeline.score_audio import ScoreError, track_of
from pipeline.sources import AUDIO_SUFFIXES
from schemas.conversation import Segment

SPEECH_KINDS: Final = frozenset({"turn", "backchannel", "laugh"})
LOW_VOICE_HZ: Final = 165.0
"""Median pitch that parts low from high voices, for pairs of the same kind and mixed ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthFiles:
    """The files of one recording's truth."""

    name: str
    rttm: Path | None = None
    facts: Path | None = None
    audio: Path | None = None
    mixture: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One recording's truth. `ordered`: the speakers are in the order of the audio's channels.

    length_s: None where nothing says it; then the activity goes as far as its last segment.
    """

    activity: Activity
    ordered: bool
    length_s: float | None
    facts: Mapping[str, Any]


def find_truth(folder: Path, images: bool = False) -> dict[str, TruthFiles]:
    """The truth in a folder by recording name, sorted. Raises ScoreError where there is none.

    images: the true channels are those of DIR/images, as they sound in a room, where a recording has some.
    """
    if not folder.is_dir():
        raise ScoreError(f"{folder} is no folder: give the one that `duplexset simulate` wrote, or one like it")
    inner = folder / "truth" if (folder / "truth").is_dir() else folder
    mixtures = [folder / "recordings", folder.parent / "recordings", inner.parent if inner.name == "truth" else None]
    rttm, facts, audio = (by_name(inner, suffixes) for suffixes in ({".rttm"}, {".json"}, AUDIO_SUFFIXES))
    if images and (inner.parent / "images").is_dir():
        audio |= by_name(inner.parent / "images", AUDIO_SUFFIXES)
    recordings: dict[str, Path] = {}
    for place in mixtures:
        if place is not None and place.is_dir():
            recordings = {**by_name(place, AUDIO_SUFFIXES), **recordings}
    found = {
        name: TruthFiles(
            name=name,
            rttm=rttm.get(name),
            facts=facts.get(name),
            audio=audio.get(name),
            mixture=recordings.get(name),
        )
        for name in sorted({*rttm, *facts})
    }
    if not found:
        raise ScoreError(f"{inner} holds no truth: no .rttm and no .json; see `duplexset score --help`")
    return found


def by_name(folder: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """The files of a folder with one of the suffixes, by recording name; of two of one name, the first in order."""
    files = sorted((p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in suffixes), reverse=True)
    return {p.stem.removesuffix(".channels"): p for p in files}


def read_truth(files: TruthFiles) -> Truth:
    """Raises ScoreError or RttmError naming the file at fault."""
    facts = _facts(files.facts) if files.facts else {}
    names = [str(n) for n in facts.get("speakers", ())]
    if files.rttm:
        diarization = read_rttm(read_text(files.rttm), str(files.rttm), [_word(n) for n in names])
        known = len(diarization.speakers) == len(names)
        if names and not known:  # other names than the JSON's: it cannot tell whose channel is whose
            diarization = read_rttm(read_text(files.rttm), str(files.rttm))
        speakers, segments, ordered = diarization.speakers, diarization.segments, known and bool(names)
    else:
        segments = _spoken(facts, str(files.facts))
        count = max(len(names), 1 + max((s.channel for s in segments), default=-1))
        speakers = (*names, *(f"channel {k}" for k in range(len(names), count)))
        ordered = True
    if not segments:
        raise ScoreError(f"{files.rttm or files.facts} has no speech: nothing to score against")
    if files.audio and track_of(files.audio, "truth").n_channels < 2:
        raise ScoreError(f"{files.audio} is mono: the truth has a channel for each speaker")
    length_s = _length_s(files, facts)
    activity = Activity(
        speakers=speakers,
        segments=segments,
        covered=((0.0, max(length_s or 0.0, *(s.end_s for s in segments))),),
        backchannels=_backchannels(facts, str(files.facts)) if ordered and facts else None,
    )
    return Truth(activity=activity, ordered=ordered, length_s=length_s, facts=facts)


def read_text(path: Path) -> str:
    """A text file; raises ScoreError where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScoreError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from error


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ScoreError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
    if not isinstance(facts, dict):
        raise ScoreError(f"{path} is no truth: it has to be an object with speakers and events")
    return facts


def _segments(events: Iterable[Any], where: str) -> tuple[Segment, ...]:
    try:
        return merged(
            Segment(channel=int(e["channel"]), start_s=float(e["start_s"]), end_s=float(e["end_s"])) for e in events
        )
    except (TypeError, ValueError, KeyError) as error:
        raise ScoreError(f"{where}: an event without channel, start_s and end_s ({error!r})") from error


def _spoken(facts: Mapping[str, Any], where: str) -> tuple[Segment, ...]:
    """Speech from `ipus` ([[start_s, end_s], ...] per channel) or from the events that are speech."""
    if "ipus" in facts:
        spans = [(c, *span) for c, spans in enumerate(facts["ipus"]) for span in spans]
        return _segments(({"channel": c, "start_s": a, "end_s": b} for c, a, b in spans), where)
    return _segments((e for e in facts.get("events", ()) if e.get("kind") in SPEECH_KINDS), where)


def _backchannels(facts: Mapping[str, Any], where: str) -> tuple[Segment, ...] | None:
    events = facts.get("events")
    return None if events is None else _segments((e for e in events if e.get("kind") == "backchannel"), where)


def _length_s(files: TruthFiles, facts: Mapping[str, Any]) -> float | None:
    """From the JSON, else from a file with audio, else not known."""
    stated = facts.get("duration_s")
    if stated is None:
        audio = files.audio or files.mixture
        return None if audio is None else track_of(audio, "truth").duration_s
    if not isinstance(stated, int | float) or not stated > 0:
        raise ScoreError(f"{files.facts}: duration_s is {stated!r}, not seconds above 0")
    return float(stated)


def _word(name: str) -> str:
    return "_".join(name.split()) or "_"


def fact(facts: Mapping[str, Any], field: str) -> str | None:
    """A field of the truth's JSON by its dotted path, as text; None where it is not there.

    `pair`, unless the JSON has it: `same` if the median pitches (`pitch_hz`) of all speakers are on one side of
    LOW_VOICE_HZ, else `mixed`.
    """
    value: Any = facts
    for key in field.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None and field == "pair":
        return _pair(facts)
    if value is None or isinstance(value, Mapping | list):
        return None if value is None else json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def fields_of(facts: Mapping[str, Any], under: str = "") -> list[str]:
    """The dotted paths that `fact` reads: those of texts, numbers and flags."""
    fields = [] if under or _pair(facts) is None else ["pair"]
    for key, value in facts.items():
        if isinstance(value, Mapping):
            fields += fields_of(value, f"{under}{key}.")
        elif isinstance(value, str | int | float):
            fields.append(f"{under}{key}")
    return fields


def _pair(facts: Mapping[str, Any]) -> str | None:
    pitches = facts.get("pitch_hz")
    if (
        not isinstance(pitches, list)
        or len(pitches) < 2
        or not all(isinstance(p, int | float) and p > 0 for p in pitches)
    ):
        return None
    low = [p < LOW_VOICE_HZ for p in pitches]
    return "same" if statistics.mean(low) in (0, 1) else "mixed"
