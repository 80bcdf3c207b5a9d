"""Everything that a clip's page shows: its time line, who speaks, where it comes from, what may be done with it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from model.sample_files import SampleError, Word, words_of
from pipeline.browse.audio import Sounds
from pipeline.browse.members import members, read
from pipeline.browse.text import BrowseError, key_of, link_of
from pipeline.clip_trace import called, licence_facts, said, trace
from pipeline.visible import clean, shown

WORDS: Final = 20_000
"""Words and events of a clip that are shown."""
SAYABLE: Final = 1_000
"""Characters of a speaker's name up to which a command may have it."""
_WORD: Final = 60
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Fact = tuple[str, str | None, str | None]
"""What it is called, what is known of it (None: nothing), and where a link leads (None: nowhere)."""


def clip_page(out: Path, record: Mapping[str, Any], sounds: Sounds) -> dict[str, Any]:
    """The page of a row of the index. What cannot be read of its sample is told in `trouble`."""
    info, page = record["info"], {}
    try:
        page = {"sound": sounds.kind(record), "words": _words(out, record), "trouble": None}
    except BrowseError as error:
        page = {"sound": "none", "words": [[], []], "trouble": str(error)}
    return {
        "id": shown(record["clip_id"]),
        **{
            name: clean(record.get(name)) for name in ("kept", "reason", "detail", "split", "duration_s", "withdrawn")
        },
        **page,
        "speakers": _speakers(info),
        "timeline": timeline(info),
        "licence": [*map(_fact, licence_facts(info["licence"])), *_evidence(out, info["licence"])],
        "provenance": _provenance(record),
        "quality": list(_quality(info, record["duration_s"])),
        "duplicates": [[shown(d["clip_id"], 40), clean(d["likeness"])] for d in record.get("duplicates") or []][:50],
        "links": {"recording": info["recording_id"], "source": info["licence"].get("source_url") or ""},
    }


def timeline(info: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of [channel, start, end], and overlaps as [start, end, kind, confidence or None], in seconds."""
    events = info.get("events") or []
    made: dict[str, Any] = clean(
        {
            "segments": _spans(info["segments"]),
            "turns": _spans(e for e in events if e["kind"] == "turn"),
            "backchannels": _spans(e for e in events if e["kind"] == "backchannel"),
            "overlaps": _overlaps(events, info.get("overlaps") or []),
        }
    )
    return made


def _spans(parts: Any) -> list[list[float]]:
    return [[p["channel"], p["start_s"], p["end_s"]] for p in list(parts)[:WORDS]]


def _overlaps(events: list[Mapping[str, Any]], separated: list[Mapping[str, Any]]) -> list[list[Any]]:
    """By kind, with the confidence of the separated overlap that covers most of each; else those without kinds."""
    named = [e for e in events if e["kind"].startswith("overlap_")][:WORDS]
    if not named:
        return [[o["start_s"], o["end_s"], "overlap", o["confidence"]] for o in separated[:WORDS]]
    found, at = [], 0
    separated = sorted(separated, key=lambda o: o["start_s"])
    for event in sorted(named, key=lambda e: e["start_s"]):
        while at < len(separated) and separated[at]["end_s"] <= event["start_s"]:
            at += 1
        near = [o for o in separated[at : at + 8] if o["start_s"] < event["end_s"]]
        best = max(
            near, key=lambda o: min(o["end_s"], event["end_s"]) - max(o["start_s"], event["start_s"]), default=None
        )
        kind = event["kind"].removeprefix("overlap_")
        found.append([event["start_s"], event["end_s"], kind, best["confidence"] if best else None])
    return found


def _words(out: Path, record: Mapping[str, Any]) -> list[list[list[Any]]]:
    """[text, start, end, confidence] of either channel, by start."""
    if not record["kept"] or record.get("withdrawn"):
        return [[], []]
    parts = members(out, record)
    try:
        return [_channel(words) for words in words_of(read(parts["words.json"]))]
    except (KeyError, SampleError) as error:
        raise BrowseError("the clip's words cannot be read; check the dataset with `duplexset verify`") from error


def _channel(words: list[Word]) -> list[list[Any]]:
    made = [(start, shown(text, _WORD), end, sure) for text, start, end, sure in words[:WORDS]]
    return [clean([text, start, end, sure]) for start, text, end, sure in sorted(made)]


def _speakers(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of channel 0 and 1."""
    quality, prefix = info["quality"], f"{info['recording_id']}/"
    words, stated = quality.get("n_words"), info.get("stated_speakers")
    roles = info.get("roles")
    return [
        {
            "name": shown(f"voice {name.removeprefix(prefix)}" if name.startswith(prefix) else name),
            "key": key_of(name),
            "id": name if len(name) <= SAYABLE else None,
            "stated": [shown(one) for one in stated] if stated else None,
            "role": clean(roles[channel] if roles else None),
            "speech_s": clean(quality["speech_s"][channel]),
            "level_db": clean(quality["level_db"][channel]),
            "leakage_db": clean(quality["leakage_db"][channel]),
            "words": words[channel] if words else None,
        }
        for channel, name in enumerate(info["speakers"][:2])
    ]


def _evidence(out: Path, licence: Mapping[str, Any]) -> Iterator[Fact]:
    """Where the build keeps the files that prove it."""
    for name in ("evidence", "licence_text"):
        digest = licence.get(f"{name}_sha256")
        if digest and _DIGEST.fullmatch(digest):
            for path in sorted((out / "evidence").glob(f"{digest}*"))[:1]:
                yield _fact((f"{called(name)}, kept as", f"evidence/{path.name}"))


def _fact(fact: tuple[str, Any]) -> Fact:
    name, value = fact[0], said(fact[1])
    return (name, None, None) if value is None else (name, shown(str(value), 2_000), link_of(str(value)))


def _provenance(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"title": step.title, "facts": [_fact(fact) for fact in step.facts]} for step in trace(record)]


def _quality(info: Mapping[str, Any], length_s: float) -> Iterator[tuple[str, str]]:
    quality = info["quality"]
    share = 100.0 / length_s if length_s > 0.0 else 0.0
    yield "both speak", f"{share * quality['overlap_s']:.1f} %"
    yield "nobody speaks", f"{share * quality['silence_s']:.1f} %"
    if quality.get("overlap_confidence") is not None:
        yield "confidence of overlaps", f"{quality['overlap_confidence']:.2f}"
    if quality.get("speech_to_background_db") is not None:
        yield "speech over background", f"{quality['speech_to_background_db']:.1f} dB"
    if info.get("language"):
        yield "language", shown(info["language"])
