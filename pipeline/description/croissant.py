"""dataset.json as Croissant 1.0 with its RAI vocabulary: mlcommons.org/croissant/1.0 and .../RAI/1.0.

It holds no date of its own and no address, which nobody states before the dataset is published: `datePublished`,
`url` and `publisher` are for whoever does that to add.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pipeline.description.described import Described
from pipeline.description.fields import CLIP, CLIPS, RECORDING, RECORDINGS, fields
from pipeline.description.phrases import name_of, shares, span
from pipeline.description.rai import rai
from pipeline.licences.names import identifiers
from schemas.shard import PackedShard, Split

# Appendix "JSON-LD context" of the specification, the prefix of the RAI vocabulary; "duplexset" is ours, opaque JSON.
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "duplexset": {"@id": "cr:duplexset", "@type": "@json"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_NPY: Final = "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"
_ID: Final = "?" * 32
_MEMBERS: Final = (
    ("codes.npy", _NPY, "codec tokens, int16 [2, 8, frames], 12.5 frames a second"),
    ("words.json", "application/json", "per channel [[word, start_s, end_s, confidence], ...]"),
    ("turns.npy", _NPY, "turn state of each channel and frame, int8 [2, frames]"),
    ("vap.npy", _NPY, "voice activity to come at each frame, int16 [frames]"),
    ("voices.npy", _NPY, "codec tokens of the voice samples, int16 [8, frames]"),
    ("json", "application/json", "licence, provenance, speakers, segments, events, quality"),
    ("flac", "audio/flac", "24 kHz, a channel per speaker"),
)
"""Files of a sample: the end of the name, the format, what it holds."""
_SPLITS: Final = {Split.TRAIN: "TrainingSplit", Split.VALIDATION: "ValidationSplit", Split.TEST: "TestSplit"}
_BIBTEX: Final = re.compile(r"[\\{}%&$#_~^\"]")


def croissant(d: Described, out: Path, shards: Sequence[PackedShard]) -> dict[str, Any]:
    """The description, without what is ours alone. The indexes in OUT are digested."""
    files = [*(_index(out, name) for name in (CLIPS, RECORDINGS)), *map(_shard, shards)]
    version = version_of(file["sha256"] for file in files)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": "duplexset",
        "description": _description(d),
        "version": version,
        "license": [_licence(name) for name in d.licences],
        **_present(creator=list(_creators(d)), inLanguage=[g.name for g in d.facts.by["language"].named]),
        "keywords": ["full-duplex", "dialogue", "turn-taking", "speech", "two-channel audio", "codec tokens"],
        "isLiveDataset": False,
        "citeAs": _bibtex(d, version),
        **rai(d),
        "distribution": [*files, *(_samples(shards, flac=d.configuration["flac"]) if shards else ())],
        "recordSet": [_clips(split=d.facts.clips > 0), _recordings(), _splits()],
    }


def version_of(digests: Iterable[str]) -> str:
    """The version of a dataset (SemVer 2.0.0): 0.0.0, as nobody numbers it, and a digest that tells its bytes.

    digests: SHA-256 of each of its files, in any order.
    """
    return f"0.0.0+{hashlib.sha256(' '.join(sorted(digests)).encode()).hexdigest()[:16]}"


def licence_address(spdx: str) -> str:
    """Where SPDX has the licence; of an expression, a LicenseRef- or NOASSERTION, which it lacks, the text itself."""
    listed = identifiers().get(spdx.casefold()) == spdx
    return f"https://spdx.org/licenses/{spdx}" if listed else spdx


def _bibtex(d: Described, version: str) -> str:
    """BibTeX; who holds the rights stands for the authors, and no year is made up."""
    holders = [_BIBTEX.sub(" ", name_of(group.name)) for group in d.facts.by["holder"].named[:10]]
    more = d.facts.by["holder"].more or len(d.facts.by["holder"].named) > 10
    authors = " and ".join([*(f"{{{holder}}}" for holder in holders), *(["others"] if more else [])])
    digest = version.partition("+")[2]
    lines = [f"@misc{{duplexset-{digest},", "  title = {Two-channel conversations},"]
    lines += [f"  author = {{{authors}}},"] if authors else []
    return "\n".join([*lines, f"  version = {{{version}}},", f"  note = {{Made with {d.software}}}", "}"])


def _description(d: Described) -> str:
    facts = d.facts
    return (
        "Two people talking, a channel per speaker on one clock, as codec tokens with words, turns, licence and"
        f" provenance: {facts.clips:,} clips, {span(facts.seconds)}"
        + (f" ({shares(facts.by['language'])})" if facts.clips else "")
        + "."
    )


def _licence(spdx: str) -> str | dict[str, str]:
    """An address, or a work with a name where SPDX has none."""
    address = licence_address(spdx)
    return address if address != spdx else {"@type": "sc:CreativeWork", "name": spdx}


def _creators(d: Described) -> Iterator[dict[str, str]]:
    says = "Rights holder of recordings in it, as stated; whether a person or an organization is not."
    for group in d.facts.by["holder"].named:
        yield {"@type": "sc:Organization", "name": name_of(group.name), "description": says}
    if more := d.facts.by["holder"].more:
        yield {
            "@type": "sc:Organization",
            "name": f"{more:,} others",
            "description": f"{says} See clips/licence/holder.",
        }


def _present(**values: list[Any]) -> Mapping[str, Any]:
    return {name: value for name, value in values.items() if value}


def _index(out: Path, name: str) -> dict[str, Any]:
    with (out / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = (out / name).stat().st_size
    return _file(name, "application/x-parquet", size, digest, "A row for each, kept or not.")


def _shard(shard: PackedShard) -> dict[str, Any]:
    says = f"{shard.n_clips:,} samples of {shard.split}, WebDataset."
    return _file(f"shards/{shard.name}", "application/x-tar", shard.size_bytes, shard.sha256, says)


def _file(name: str, kind: str, size: int, sha256: str, says: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": says,
        "contentUrl": name,
        "encodingFormat": kind,
        "contentSize": f"{size} B",
        "sha256": sha256,
    }


def _samples(shards: Sequence[PackedShard], *, flac: bool) -> Iterator[dict[str, Any]]:
    """A set of files for each kind of file in the tars; their names begin with the 32 digits of a clip id."""
    tars = [{"@id": f"shards/{shard.name}"} for shard in shards]
    for suffix, kind, says in _MEMBERS:
        if suffix != "flac" or flac:
            yield {
                "@type": "cr:FileSet",
                "@id": f"samples/{suffix}",
                "name": f"samples/{suffix}",
                "description": f"{says[0].upper()}{says[1:]}.",
                "containedIn": tars,
                "encodingFormat": kind,
                "includes": f"{_ID}.{suffix}",
            }


def _clips(*, split: bool) -> dict[str, Any]:
    """split: whether any clip has one; mlcroissant cannot join a column without values."""
    columns = list(fields("clips", CLIPS, CLIP))
    for column in columns:
        if split and column["@id"] == "clips/split":
            column["references"] = {"field": {"@id": "splits/name"}}
    return {
        "@type": "cr:RecordSet",
        "@id": "clips",
        "name": "clips",
        "description": "A record for each clip, kept or not.",
        "key": {"@id": "clips/clip_id"},
        "field": columns,
    }


def _recordings() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "recordings",
        "name": "recordings",
        "description": "A record for each recording, used or not.",
        "field": list(fields("recordings", RECORDINGS, RECORDING)),
    }


def _splits() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "No speaker and no recording is in two.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "splits/name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "splits/url", "dataType": ["sc:URL", "cr:Split"]},
        ],
        "data": [{"splits/name": split.value, "splits/url": f"cr:{url}"} for split, url in _SPLITS.items()],
    }
