"""What each stage of a build does, in words, and what it did it with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pipeline.description.phrases import name_of

_Settings = Mapping[str, Any]


def _folder(settings: _Settings, network: str) -> str:
    return f"weights from {name_of(settings['networks'])}" if settings.get("networks") else f"the built-in {network}"


def _named(name: str, what: str) -> str:
    return f"the built-in {what}" if name == "builtin" else f"the {what} {name_of(name)}"


def _transcribe(settings: _Settings) -> str:
    recogniser = settings.get("recogniser")
    heard = f"the recogniser {name_of(recogniser)} hears each channel alone" if recogniser else "there are none"
    return (
        f"words come from the transcript beside a recording; those without times are aligned by "
        f"{_named(settings.get('aligner', 'builtin'), 'aligner')}; without a transcript {heard}"
    )


def _tokenize(settings: _Settings) -> str:
    flac = ", and written as 24-kHz FLAC" if settings.get("flac") else ""
    return f"each channel is encoded by {_named(settings.get('codec', 'builtin'), 'codec')}{flac}"


def _cut(settings: _Settings) -> str:
    return (
        f"clips of {settings['min_clip_s']:g} s to {settings['max_span_s']:g} s; silences of more than "
        f"{settings['max_silence_s']:g} s are left out"
    )


_WORDS: Final[Mapping[str, Callable[[_Settings], str]]] = {
    "ingest": lambda _: "licence and policy are checked before anything is decoded; the bytes get their SHA-256",
    "layout": lambda s: (
        "whether each channel carries one speaker is told from the signal, and how much leaks; recordings under "
        f"{s['min_recording_s']:g} s are left out"
    ),
    "enhance": lambda s: (
        "where both voices are on one track and less than 20 dB above music or noise, that is taken out by "
        f"{_folder(s, 'enhancer')}; clean audio passes bit for bit"
    ),
    "voices": lambda s: (
        f"who speaks when on one track, overlap included, by {_folder(s, 'speaker embedding')}; cut into {_cut(s)}"
    ),
    "separate": lambda s: (
        "one track becomes two channels: where one speaks, the original audio; in overlaps what "
        f"{_folder(s, 'separator')} gives to each; silence where a speaker does not talk"
    ),
    "split": lambda s: f"recordings with a speaker per channel are cut where nobody speaks, into {_cut(s)}",
    "diarize": lambda _: (
        "who speaks when on each channel, by a speech detector; what leaks from the other is left out"
    ),
    "transcribe": _transcribe,
    "label": lambda _: "turns, pauses, gaps, backchannels and overlaps by kind, by rules from who speaks when",
    "score": lambda _: "levels, leakage, overlap and silence are measured; nothing is changed",
    "persona": lambda s: (
        "samples of each voice are cut out of solo speech and brought to -24 LUFS"
        + (f"; role texts come from {name_of(s['roles'])}" if s.get("roles") else "")
    ),
    "fingerprint": lambda _: "landmarks by which the same conversation is known in other bytes",
    "tokenize": _tokenize,
}


def in_words(stages: list[Mapping[str, Any]]) -> Iterator[tuple[str, int, str]]:
    """(name, version, what it does) of the stages in their order; "" for one that this version does not have.

    stages: as they stand in dataset.json.
    """
    for entry in stages:
        words = _WORDS.get(entry["stage"])
        try:
            said = words(entry["settings"]) if words else ""
        except (KeyError, TypeError):  # an older version had other settings
            said = ""
        yield entry["stage"], entry["version"], said


def select_in_words(configuration: Mapping[str, Any]) -> str:
    """What chooses among the clips, as the configuration in dataset.json has it."""
    percents = "/".join(str(share) for share in configuration["split_percent"])
    copies = "dropped" if configuration["near_duplicates"] == "drop" else "kept, in one split"
    return (
        f"the policy {name_of(configuration['policy']['name'])} is applied again; clips taken out of one track are "
        f"left out where more than {configuration['max_leakage_db']:g} dB of a speaker is expected in the other's "
        f"channel, and so is what was withdrawn; near duplicates are {copies}; train, validation and test get "
        f"{percents} % by hashes of names, so that no speaker and no recording is in two"
    )


def networks_of(weights: Mapping[str, str], configuration: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what it is, SHA-256 of its weights) of the networks, in the order of dataset.json."""
    codec = configuration["codec"]
    return [
        (f"codec {name_of(name)}" if name == codec else name_of(name), digest) for name, digest in weights.items()
    ]
