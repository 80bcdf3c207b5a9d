"""The indexes as Croissant describes them: a line for each field, with its type and what it says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

CLIPS: Final = "index/clips.parquet"
RECORDINGS: Final = "index/recordings.parquet"


@dataclass(frozen=True, slots=True)
class Column:
    """A field. `path`: where it stands, `column.name.name`. `kind`: Text, Integer, Float, Boolean. `many`: a list.

    `parts`: of a list of records, or of a record.
    """

    name: str
    path: str
    kind: str
    says: str
    many: bool = False
    parts: tuple["Column", ...] = ()


def _licence(path: str, more: Sequence[Column] = ()) -> tuple[Column, ...]:
    stated = (
        ("taken", "of an expression with OR, the alternative that is used"),
        ("licence_text", "name of the text of a LicenseRef-, or its URL"),
        ("licence_text_sha256", "SHA-256 of that text"),
        ("holder", "rights holder"),
        ("attribution", "whom to credit"),
        ("source_url", "where the recording comes from"),
        ("retrieved", "when it was fetched from there, ISO 8601"),
        ("evidence", "name of the file that proves the licence, or its URL"),
        ("evidence_sha256", "SHA-256 of the evidence"),
        ("evidence_date", "date of the evidence, ISO 8601"),
        ("consent", "on what basis the voices may be used"),
        ("speakers_consent", "what the speakers themselves agreed to"),
        ("retain_until", "the last day on which it may be kept, ISO 8601"),
    )
    rights = (
        ("commercial_use", "commercial_use", "whether commercial use is permitted; empty where not known"),
        ("derivatives", "derivatives", "whether derived works are permitted"),
        ("share_alike", "share_alike", "whether what is derived is shared alike"),
        ("attribution_required", "attribution", "whether credit or notices go along"),
    )
    return (
        Column("spdx", f"{path}.spdx", "Text", "licence as an SPDX expression; NOASSERTION: none is known"),
        *(Column(name, f"{path}.{name}", "Text", says) for name, says in stated),
        Column("jurisdiction", f"{path}.jurisdiction", "Text", "ISO 3166 codes", many=True),
        *(Column(name, f"{path}.rights.{of}", "Boolean", says) for name, of, says in rights),
        *more,
    )


_PROVENANCE: Final = (
    Column("uri", "info.provenance.uri", "Text", "what the recording's file was called"),
    Column("uri_b", "info.provenance.uri_b", "Text", "the second file of a pair"),
    Column("container", "info.provenance.container", "Text", "its container"),
    Column("source_codec", "info.provenance.source_codec", "Text", "its codec"),
    Column("source_sample_rate_hz", "info.provenance.source_sample_rate_hz", "Integer", "its sample rate, Hz"),
    Column("layout", "info.provenance.layout", "Text", "how its tracks carried the voices"),
    Column("codec", "info.provenance.codec", "Text", "what made the tokens"),
    Column("codec_sha256", "info.provenance.codec_sha256", "Text", "SHA-256 of its weights"),
    Column("fingerprint", "info.provenance.fingerprint", "Text", "SHA-256 of stages, settings and weights"),
    Column("separated", "info.provenance.separated", "Boolean", "whether the channels were made from one track"),
    Column("enhanced", "info.provenance.enhanced", "Boolean", "whether music or noise was taken out"),
)
_QUALITY: Final = (
    Column("speech_s", "info.quality.speech_s", "Float", "speech of each channel, s", many=True),
    Column("overlap_s", "info.quality.overlap_s", "Float", "both speak, s"),
    Column("silence_s", "info.quality.silence_s", "Float", "nobody speaks, s"),
    Column("level_db", "info.quality.level_db", "Float", "level of speech of each channel, dB", many=True),
    Column("leakage_db", "info.quality.leakage_db", "Float", "of the other speaker in each channel, dB", many=True),
    Column(
        "speech_to_background_db", "info.quality.speech_to_background_db", "Float", "of one track, before cleaning"
    ),
    Column("overlap_confidence", "info.quality.overlap_confidence", "Float", "0 to 1, of separated overlap"),
    Column("n_words", "info.quality.n_words", "Integer", "words of each channel", many=True),
)
_SEGMENT: Final = (
    Column("channel", "channel", "Integer", "0 or 1"),
    Column("start_s", "start_s", "Float", "from, on the clip's clock, s"),
    Column("end_s", "end_s", "Float", "to, s"),
)
_EVENT: Final = (
    Column("kind", "kind", "Text", "turn, backchannel, pause, gap, transfer, laughter, or a kind of overlap"),
    *_SEGMENT,
    Column("offset_s", "offset_s", "Float", "of a transfer, the floor-transfer offset, s"),
)
_DUPLICATE: Final = (
    Column("clip_id", "clip_id", "Text", "the other clip"),
    Column("likeness", "likeness", "Float", "share of this clip's speech that it holds"),
    Column("offset_s", "offset_s", "Float", "where its clock begins on this one's, s"),
)
CLIP: Final = (
    Column("clip_id", "clip_id", "Text", "the name of the sample in its shard; unique"),
    Column("kept", "kept", "Boolean", "whether it is in a shard"),
    Column("reason", "reason", "Text", "why it is not"),
    Column("detail", "detail", "Text", "the same in words"),
    Column("split", "split", "Text", "train, validation or test; empty where not kept"),
    Column("shard", "shard", "Text", "file in shards/"),
    Column("offset", "offset", "Integer", "byte at which the sample begins in the shard"),
    Column("length", "length", "Integer", "its bytes"),
    Column("sha256", "sha256", "Text", "SHA-256 of these bytes"),
    Column("n_frames", "n_frames", "Integer", "codec frames, 12.5 a second"),
    Column("duration_s", "duration_s", "Float", "length, s"),
    Column("unlicensed", "unlicensed", "Boolean", "let in without a licence"),
    Column("recording_id", "info.recording_id", "Text", "SHA-256 of the recording's bytes"),
    Column("start_s", "info.start_s", "Float", "where the clip begins in the recording, s"),
    Column("end_s", "info.end_s", "Float", "where it ends there, s"),
    Column("language", "info.language", "Text", "BCP 47; empty where not stated"),
    Column("speakers", "info.speakers", "Text", "who is on channel 0 and 1", many=True),
    Column("stated_speakers", "info.stated_speakers", "Text", "who talks, on whichever channel", many=True),
    Column("roles", "info.roles", "Text", "what the speakers of channel 0 and 1 are told to be", many=True),
    Column("licence", "", "", "what may be done with it, and what proves that", parts=_licence("info.licence")),
    Column("provenance", "", "", "from the clip back to the bytes it came from", parts=_PROVENANCE),
    Column("quality", "", "", "what was measured", parts=_QUALITY),
    Column("transcript_certain", "info.transcript.certain", "Boolean", "whether the words are surely this clip's"),
    Column("recogniser", "info.transcript.recogniser", "Text", "what heard the words, if something did"),
    Column("segments", "info.segments", "", "who speaks when", many=True, parts=_SEGMENT),
    Column("events", "info.events", "", "turn-taking", many=True, parts=_EVENT),
    Column("duplicates", "duplicates", "", "clips that hold the same sound", many=True, parts=_DUPLICATE),
)
RECORDING: Final = (
    Column("uri", "uri", "Text", "what the file was called"),
    Column("uri_b", "uri_b", "Text", "the second file of a pair"),
    Column("origin", "origin", "Text", "what named it: a row of a manifest, a folder"),
    Column("recording_id", "recording_id", "Text", "SHA-256 of its bytes; empty where it could not be read"),
    Column("licence", "licence", "Text", "SPDX expression"),
    Column("unlicensed", "unlicensed", "Boolean", "let in without a licence"),
    Column("language", "language", "Text", "BCP 47; empty where not stated"),
    Column("duration_s", "duration_s", "Float", "length, s: what is kept and what is lost"),
    Column("kept_s", "kept_s", "Float", "in clips that are kept, s"),
    Column("n_clips", "n_clips", "Integer", "clips that are kept"),
    Column("notes", "notes", "Text", "what else is to be known", many=True),
    Column("stated", "", "", "its licence with all that proves it", parts=_licence("stated")),
    Column(
        "lost",
        "lost",
        "",
        "stretches that are not in the data",
        many=True,
        parts=(
            Column("stage", "stage", "Text", "where it was lost"),
            Column("reason", "reason", "Text", "why"),
            Column("detail", "detail", "Text", "the same in words"),
            Column("start_s", "start_s", "Float", "from, on the recording's clock, s"),
            Column("end_s", "end_s", "Float", "to, s"),
        ),
    ),
)


def fields(record_set: str, file: str, columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """The columns as `cr:Field`s that are read from a Parquet file; nested values by a JSONPath into their column."""
    for column in columns:
        yield _field(f"{record_set}/{column.name}", file, column)


def _field(name: str, file: str, column: Column, inside: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name, "description": column.says}
    path = f"{inside}.{column.path}" if inside else column.path
    if column.parts:
        if column.many:
            made["repeated"] = True
        parts = [_field(f"{name}/{part.name}", file, part, path if column.many else "") for part in column.parts]
        return {**made, "subField": parts}
    made["dataType"] = f"sc:{column.kind}"
    if column.many:
        made["repeated"] = True
    return {**made, "source": _source(file, path, inside)}


def _source(file: str, path: str, inside: str) -> dict[str, Any]:
    """inside: the list that holds the record, if one does; the path then goes on in each of its records."""
    column, _, rest = path.partition(".")
    within = inside.partition(".")[2]
    steps = [step for step in (within, rest.removeprefix(within).lstrip(".")) if step]
    source: dict[str, Any] = {"fileObject": {"@id": file}, "extract": {"column": column}}
    if steps:
        source["transform"] = [{"jsonPath": step} for step in steps]
    return source
