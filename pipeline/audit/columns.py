"""The views that a question may be asked of, with their columns and a word on each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.catalog import VIEWS, bounded, open_catalog

HEADS: Final = ("view", "column", "type", "says")
_CLIPS: Final = {
    "clip_id": "id: 32 hexadecimal digits",
    "kept": "whether it lies in a shard",
    "reason": "why it is not kept",
    "detail": "the same in words",
    "split": "train, validation or test",
    "shard": "file in shards/",
    "offset": "first byte in the shard",
    "length": "bytes",
    "sha256": "of these bytes",
    "n_frames": "codec frames, 80 ms each",
    "duration_s": "seconds",
    "unlicensed": "let in without a licence",
    "recording_id": "SHA-256 of the recording's bytes",
    "start_s": "where it begins in the recording",
    "end_s": "where it ends there",
    "language": "BCP 47",
    "speakers": "of channel 0 and 1",
    "stated_speakers": "named, on channels not known",
    "licence": "SPDX expression",
    "taken": "the alternative used, of one with OR",
    "licence_text": "name of the text of a LicenseRef-",
    "licence_text_sha256": "its digest: the file in evidence/",
    "holder": "rights holder",
    "attribution": "the credit that is owed",
    "source_url": "where it was fetched from",
    "retrieved": "on which day",
    "evidence": "file name or address of the proof",
    "evidence_sha256": "its digest: the file in evidence/",
    "evidence_date": "its day",
    "consent": "basis of consent",
    "speakers_consent": "what the speakers said",
    "jurisdiction": "ISO 3166 codes",
    "retain_until": "last day on which it may be kept",
    "rights": "what follows from the licence",
    "commercial_use": "permitted? NULL: not known",
    "derivatives": "permitted? NULL: not known",
    "share_alike": "asked for? NULL: not known",
    "attribution_required": "asked for? NULL: not known",
    "uri": "the recording's file",
    "uri_b": "the second one of a pair",
    "container": "of the recording",
    "layout": "separate, dual_mono or mixture",
    "codec": "what made the tokens",
    "fingerprint": "of stages, settings and weights",
    "separated": "taken apart from one track",
    "enhanced": "music or noise taken out",
    "overlap_s": "both speak, seconds",
    "silence_s": "nobody speaks, seconds",
    "overlap_share": "of the time, 0 to 1",
    "silence_share": "of the time, 0 to 1",
    "overlap_confidence": "0 to 1, of a separated clip",
    "speech_to_background_db": "of a mixture, before enhancement",
    "leakage_db": "of the louder leak",
    "level_db": "of the quieter channel",
    "speech_s": "of both channels",
    "less_of_speech": "share of who says less",
    "words": "of both channels",
    "recogniser": "what heard the words",
    "quality": "all that was measured",
    "duplicates": "clips with the same sound",
    "withdrawn": "named in withdrawn.jsonl",
    "file_row_number": "place in the index, from 0",
    "info": "everything, as in the sample's JSON",
}
_RECORDINGS: Final = {
    "uri": "file",
    "uri_b": "the second one of a pair",
    "origin": "who named it",
    "recording_id": "SHA-256 of its bytes; NULL: not read",
    "licence": "SPDX expression",
    "unlicensed": "let in without a licence",
    "language": "BCP 47",
    "duration_s": "seconds",
    "kept_s": "seconds in clips",
    "n_clips": "clips that are kept",
    "lost": "what is not in the data, and why",
    "notes": "what else is to be known",
    "stated": "the licence with all that proves it",
    "reasons": "of `lost`",
}
_LOSSES: Final = {
    "uri": "the recording's file",
    "recording_id": "SHA-256 of its bytes",
    "licence": "of the recording",
    "stage": "which stage left it out",
    "reason": "why",
    "detail": "the same in words",
    "start_s": "where it begins in the recording",
    "end_s": "where it ends there",
    "length_s": "seconds",
}
_SAYS: Final = {"clips": _CLIPS, "recordings": _RECORDINGS, "losses": _LOSSES}


def columns(out: Path) -> Iterator[tuple[str, str, str, str]]:
    """(view, column, SQL type, what it says) of a dataset's views. Raises CatalogError."""
    catalog = open_catalog(out)
    try:
        with bounded(catalog) as cursor:
            for view in VIEWS:
                for name, kind, *_ in cursor.execute(f"DESCRIBE {view}").fetchall():
                    yield view, name, kind, _SAYS[view].get(name, "")
    finally:
        catalog.close()
