"""From a clip back to the bytes of its source, and what is said of its licence: facts, as a page and a terminal show
them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.licence import UNSTATED, Licence

NOBODY_SAYS: Final = (None, "", "unknown", "NOASSERTION")
_LICENCE_FIRST: Final = ("spdx", "taken", "holder", "attribution", "source_url", "consent", "speakers_consent")
_RIGHTS: Final = {True: "yes", False: "no", None: None}
_YES: Final = {True: "yes", False: "no"}

Fact = tuple[str, Any]
"""What it is called, and what is known of it: text, a number, or None where nobody says."""


@dataclass(frozen=True, slots=True)
class Step:
    """A link of the chain."""

    title: str
    facts: tuple[Fact, ...]


def trace(record: Mapping[str, Any]) -> list[Step]:
    """The chain of a row of index/clips.parquet, from its source to where it lies now."""
    info = record["info"]
    licence = info["licence"]
    return [
        Step("Source", (("address", licence.get("source_url")), ("rights holder", licence.get("holder")))),
        Step("Recording", tuple(_recording(info))),
        Step("Stretch of it", (("from", f"{info['start_s']:.3f} s"), ("to", f"{info['end_s']:.3f} s"))),
        Step("What was done", tuple(_done(info))),
        _place(record),
    ]


def _recording(info: Mapping[str, Any]) -> Iterator[Fact]:
    made = info["provenance"]
    yield "file", made["uri"]
    if made.get("uri_b"):
        yield "second file", made["uri_b"]
    yield "SHA-256 of its bytes", info["recording_id"]
    yield "format", f"{made['container']}, {made['source_codec']}, {made['source_sample_rate_hz']} Hz"


def _place(record: Mapping[str, Any]) -> Step:
    if record["kept"]:
        place = [(name, record.get(name)) for name in ("split", "shard", "offset", "length", "sha256")]
        return Step("In the dataset", tuple((called(name), value) for name, value in place))
    return Step("Not in the dataset", (("reason", record["reason"]), ("in words", record.get("detail"))))


def _done(info: Mapping[str, Any]) -> Iterator[Fact]:
    made, transcript = info["provenance"], info.get("transcript") or {}
    yield "layout", made["layout"]
    yield "taken apart from one track", _YES[bool(made.get("separated"))]
    yield "re-synthesised share of the speech", f"{100 * resynthesised(info):.1f} %"
    yield "music or noise taken out", _YES[bool(made.get("enhanced"))]
    yield "words", words_from(transcript)
    yield "tokens", f"{made['codec']} ({made['codec_sha256'][:16]})"
    yield "fingerprint of stages, settings and weights", made["fingerprint"]


def words_from(transcript: Mapping[str, Any]) -> str | None:
    """Who wrote the words down, in words; None where nobody did."""
    if transcript.get("recogniser"):
        return f"recognised by {transcript['recogniser']}"
    file = transcript.get("file")
    if not file:
        return None
    certain = "" if transcript.get("certain", True) else "; who is who is not certain"
    return f"transcript {', '.join(file['names'])} ({file['sha256'][:16]}){certain}"


def resynthesised(info: Mapping[str, Any]) -> float:
    """The share of the speech, 0 to 1, that lies in overlaps whose voices the separator took apart.

    The speech of both channels counts. It is 0 where the source had a channel for each speaker: everything else is
    the recorded sound.
    """
    if not info["provenance"].get("separated"):
        return 0.0
    speech = [(s["start_s"], s["end_s"]) for s in info["segments"]]
    whole_s = sum(end - start for start, end in speech)
    overlaps = [(o["start_s"], o["end_s"]) for o in info.get("overlaps") or []]
    return min(1.0, _shared_s(speech, overlaps) / whole_s) if whole_s > 0.0 else 0.0


def _shared_s(spans: Iterable[tuple[float, float]], others: list[tuple[float, float]]) -> float:
    return sum(max(0.0, min(end, b) - max(start, a)) for start, end in spans for a, b in others)


def licence_facts(licence: Mapping[str, Any]) -> list[Fact]:
    """Every field of a licence, whatever fields it has, then what follows; None where nobody said anything."""
    rest = [name for name in licence if name not in (*_LICENCE_FIRST, "rights")]
    names = [name for name in (*_LICENCE_FIRST, *rest) if name in licence and (name != "taken" or licence[name])]
    return [*((called(name), said(licence[name])) for name in names), *rights_facts(licence)]


def licence_of(stated: Mapping[str, Any]) -> Licence:
    """The licence in a row of an index, whatever fields that has: the others are what nobody stated.

    Raises CatalogError.
    """
    from pipeline.catalog import CatalogError
    from schemas.arrow import from_dict, to_dict

    given = {name: value for name, value in stated.items() if value is not None}
    nothing = to_dict(UNSTATED)
    rights = {**nothing["rights"], **(stated.get("rights") or {})}
    try:
        return from_dict(Licence, {**nothing, **given, "rights": rights})
    except ValueError as error:
        raise CatalogError(f"index/clips.parquet has a licence that none can be ({error}): build again") from error


def rights_facts(licence: Mapping[str, Any]) -> list[Fact]:
    """What a licence permits and asks for."""
    names = {"attribution": "attribution required"}
    rights = (licence.get("rights") or {}).items()
    return [(names.get(name, called(name)), _RIGHTS.get(value)) for name, value in rights]


def said(value: Any) -> Any:
    """A value; a list as one text; None where nobody says."""
    value = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
    return None if value in NOBODY_SAYS else value


def called(name: str) -> str:
    """A field's name in words."""
    return {"spdx": "licence", "taken": "alternative taken", "sha256": "SHA-256"}.get(
        name, name.replace("_", " ").replace("sha256", "SHA-256")
    )
