"""What `audit show` tells of a clip beyond its chain: stages, networks, changes, words, speakers, licence."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.audit.described import stages_of, weights_of
from pipeline.clip_trace import Fact, Step, called, licence_of, resynthesised, rights_facts, said
from pipeline.licences.evidence import kept_state, names_of
from schemas.licence import missing

MISSING: Final = "MISSING"
"""What stands for a field that an auditor would ask for and nobody stated."""
_ONLY_MIXTURES: Final = ("enhance", "voices", "separate")
_ONLY_CHANNELS: Final = ("split", "diarize")
_TAKE_APART: Final = ("speaker", "separator", "segmentation", "enhancer")


def stage_facts(description: Mapping[str, Any] | None, info: Mapping[str, Any]) -> Iterator[Fact]:
    """Version and settings of each stage, and those that the clip passed by."""
    made = info["provenance"]
    yield "fingerprint of all of it", made["fingerprint"]
    if description is None:
        yield "dataset.json", "not here: what made the clip is not known beyond its fingerprint"
        return
    if description.get("fingerprint") != made["fingerprint"]:
        yield (
            "CAUTION",
            f"dataset.json is of another build, {description.get('fingerprint')}: not what made this clip",
        )
    passed = _ONLY_CHANNELS if made.get("separated") else _ONLY_MIXTURES
    for name, version, settings in stages_of(description):
        words = ", ".join(f"{key}={value!r}" for key, value in settings.items())
        reached = "; the clip passed it by" if name in passed else ""
        yield name, f"version {version}{f' ({words})' if words else ''}{reached}"


def network_facts(description: Mapping[str, Any] | None, info: Mapping[str, Any]) -> Iterator[Fact]:
    """Weights with their licence, and of those that touched the clip what they were trained on."""
    for one in weights_of(description or {}):
        yield one.name, f"SHA-256 {one.sha256}"
        yield one.name, f"licence: {one.licence}"
        if _touched(one.name, info):
            yield from ((one.name, f"trained on {line}") for line in one.data)
        else:
            yield one.name, "not used on this clip"


def _touched(name: str, info: Mapping[str, Any]) -> bool:
    said_by = info.get("transcript") or {}
    if name in _TAKE_APART:
        return bool(info["provenance"].get("separated"))
    kind = name.partition(" ")[0]
    return said_by.get(kind) is not None if kind in ("aligner", "recogniser") else True


def changed(info: Mapping[str, Any]) -> Step:
    """What is no longer as it was recorded."""
    made, channels = info["provenance"], "the source has a channel for each speaker"
    separated, enhanced = made.get("separated"), made.get("enhanced")
    lost = "music or noise was taken out of the whole recording" if enhanced else "no"
    gains = sorted({voice["gain_db"] for voice in info.get("voices") or []})
    apart = (
        "yes: overlaps by the separator; where one speaks, the sound is that of the track"
        if separated
        else f"no: {channels}"
    )
    facts: list[Fact] = [
        ("layout of the source", made["layout"]),
        ("taken apart from one track", apart),
        ("re-synthesised share of the speech", f"{100 * resynthesised(info):.1f} %"),
        ("enhanced", lost),
        ("gain", "none: the channels keep the levels of the recording"),
        *(
            [("gain of the voice samples", f"{gains[0]:+.1f} to {gains[-1]:+.1f} dB, to one loudness")]
            if gains
            else []
        ),
        ("rate", f"from {made['source_sample_rate_hz']} Hz to 24000 Hz"),
        ("tokens", f"{made['codec']}, SHA-256 {made['codec_sha256']}"),
        (
            "sound of the tokens",
            "all of it is made anew by the codec; a FLAC holds the channels before it",
        ),
    ]
    return Step("What was changed", tuple(facts))


def words(info: Mapping[str, Any]) -> Step:
    """Who wrote or heard the words, and what gave them their times."""
    said_by = info.get("transcript") or {}
    file, removed = said_by.get("file"), said_by.get("removed") or {}
    taken_out = ", ".join(f"{count} {why}" for why, count in removed.items() if count)
    facts: list[Fact] = [
        ("transcript", ", ".join(file["names"]) if file else None),
        *([("SHA-256 of the transcript", file["sha256"])] if file else []),
        ("recogniser", said_by.get("recogniser")),
        ("words taken out", taken_out or None),
        ("aligner", said_by.get("aligner")),
        ("words without a time of their own", said_by.get("approximate")),
        *([("who is who", "not certain")] if not said_by.get("certain", True) else []),
        *(("note", note) for note in said_by.get("notes") or []),
    ]
    return Step("Words", tuple(fact for fact in facts if fact[1] is not None) or (("words", "none"),))


def speakers(info: Mapping[str, Any]) -> Step:
    """Who is on which channel, as far as anybody knows."""
    names = [(f"channel {channel}", name) for channel, name in enumerate(info["speakers"])]
    stated = info.get("stated_speakers")
    more = [("named by the source, on channels not known", ", ".join(stated))] if stated else []
    roles = [(f"role of channel {c}", role) for c, role in enumerate(info.get("roles") or []) if role]
    return Step("Speakers", (*names, *more, *roles, ("language", info.get("language"))))


def licence_facts(root: Path, licence: Mapping[str, Any], *, gone: bool) -> Iterator[Fact]:
    """Every field of it; MISSING for what an auditor would ask for. gone: a withdrawal took most of it out."""
    asked = () if gone else missing(licence_of(licence))
    nothing = "(taken out by the withdrawal, or not stated)" if gone else "(not stated)"
    for name, value in licence.items():
        if name == "rights" or (name == "taken" and not value):
            continue
        lacks = name in asked or (name == "spdx" and "licence" in asked)
        yield called(name), MISSING if lacks else said(value) or nothing
    for name in evidence_files(licence):
        yield f"evidence/{name}", kept_state(root, name).value
    for name, value in rights_facts(licence):
        yield name, value or "not known"


def evidence_files(licence: Mapping[str, Any]) -> tuple[str, ...]:
    """What OUT/evidence should hold for a licence."""
    return names_of(licence_of(licence))
