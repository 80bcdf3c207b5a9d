"""Clips out of a dataset folder: the index, the withdrawals, and one clip by one range read.

The shards are plain tars and the index knows where each sample starts, so that any clip is read alone: locally a
seek, on an object store one GET of the leading members (the audio behind them is never fetched).
"""

import hashlib
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.prompt import Persona
from model.sample_files import Word, codes_of, facts_of, voices_of, words_of
from model.tar_members import places_of
from schemas.errors import DatasetError
from schemas.form import MOST_BYTES, MOST_FRAMES, is_shard
from schemas.recording import CODEBOOKS
from schemas.withdrawn import NAME as WITHDRAWN
from schemas.withdrawn import clips_of, clips_of_split, decoded

_TYPES = {
    **dict.fromkeys(("clip_id", "split", "shard"), pa.string()),
    **dict.fromkeys(("offset", "length", "n_frames"), pa.int64()),
    "kept": pa.bool_(),
}
INDEX_COLUMNS = list(_TYPES)
TAR_BLOCK = 512
NPY_HEADER_BYTES = 512  # at most, for a small array
_TRIES = 3  # a shard may be replaced while it is read
_MISMATCH = (OSError, EOFError, ValueError, TypeError, KeyError, tarfile.TarError)


class WithdrawnClipError(DatasetError):
    """A clip that is no longer there since it was withdrawn: leave it out, and ask anew what else is withdrawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipIndex:
    """Kept clips of one split, sorted by clip id: all that is held in memory of a corpus.

    Clips that were withdrawn stay in their places, without a length, so that a run goes on after a withdrawal where
    it stood. Offsets and lengths are set right when a shard is found rewritten.
    """

    clip_ids: pa.StringArray
    shards: pa.DictionaryArray  # file name under shards/
    offsets: NDArray[np.int64]  # bytes, of the sample's first tar header
    lengths: NDArray[np.int64]  # bytes, of the whole sample
    n_frames: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.clip_ids)

    def clip_id(self, clip: int) -> str:
        """Id of the clip in row `clip`."""
        return str(self.clip_ids[clip].as_py())

    def digest(self) -> str:
        """SHA-256 over clip ids and lengths in frames: which clips these are, wherever they lie."""
        sha = hashlib.sha256()
        for start in range(0, len(self), 65_536):
            ids = self.clip_ids.slice(start, 65_536).to_pylist()
            frames = self.n_frames[start : start + 65_536].tolist()
            sha.update("".join(f"{i}:{n};" for i, n in zip(ids, frames, strict=True)).encode())
        return sha.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTokens:
    """codes: int16 [2, 8, T]; words: per channel, in order of their start (empty where they were not asked for).

    persona: None where it was not asked for.
    """

    codes: NDArray[np.int16]
    words: tuple[Sequence[Word], Sequence[Word]]
    persona: Persona | None = None


class Dataset:
    """A dataset folder, local or any fsspec URL. Every method raises DatasetError naming the file at fault."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root).rstrip("/")
        try:
            self._fs, path = fsspec.core.url_to_fs(self.root)
        except (ValueError, ImportError) as error:
            raise DatasetError(f"{self.root}: not a folder or URL that can be opened ({error})") from error
        self._path = path.rstrip("/")
        self._withdrawn: tuple[str, frozenset[str]] = ("", frozenset())

    def index(self, split: str) -> ClipIndex:
        """Read index/clips.parquet and keep the split's kept clips; at least one must be there."""
        path = f"{self._path}/index/clips.parquet"
        try:
            table = self._table(path, INDEX_COLUMNS)
        except FileNotFoundError as error:
            raise DatasetError(f"{path}: no such file; is {self.root} the output of `duplexset build`?") from error
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{path}: unreadable index ({error}); check it with `duplexset verify`") from error
        there = dict(zip(table.column_names, table.schema.types, strict=True))
        if missing := [name for name, kind in _TYPES.items() if there.get(name) != kind]:
            raise DatasetError(f"{path}: no column {', '.join(missing)} of this version; build the dataset again")
        if len(there) != table.num_columns:
            raise DatasetError(f"{path}: two columns of one name; build the dataset again")
        rows = table.filter(pc.and_(table["kept"], pc.equal(table["split"], split))).select(INDEX_COLUMNS)
        if not _possible(rows):
            raise DatasetError(f"{path}: clips at places where none can be; check it with `duplexset verify`")
        if rows.num_rows:
            rows = pa.concat_tables([rows, self._left(rows, split)])
        rows = rows.sort_by("clip_id")
        return ClipIndex(
            clip_ids=rows["clip_id"].combine_chunks().cast(pa.string()),
            shards=pc.dictionary_encode(rows["shard"]).combine_chunks(),
            offsets=rows["offset"].to_numpy().copy(),
            lengths=rows["length"].to_numpy().copy(),
            n_frames=rows["n_frames"].to_numpy(),
        )

    def _left(self, rows: pa.Table, split: str) -> pa.Table:
        """Rows of clips that a withdrawal took out of a split, which the index does not keep any more."""
        there = set(rows["clip_id"].to_pylist())
        gone = clips_of_split(self._withdrawn_text(), self._withdrawn_path, split).items()
        left = [
            {"clip_id": one, "split": split, "shard": "", "offset": 0, "length": 0, "n_frames": n, "kept": False}
            for one, n in gone
            if one not in there
        ]
        return pa.Table.from_pylist(left, schema=rows.schema.remove_metadata())

    def licences(self, split: str) -> Counter[str]:
        """Kept clips of a split that are not withdrawn, counted by SPDX identifier; none where the index has none."""
        path, withdrawn = f"{self._path}/index/clips.parquet", self.withdrawn()
        try:
            rows = self._table(path, ["clip_id", "split", "kept", "info.licence.spdx"])
        except (OSError, pa.ArrowException):
            return Counter()
        if "info" not in rows.column_names:
            return Counter()
        kept = rows.filter(pc.and_(rows["kept"], pc.equal(rows["split"], split)))
        spdx = pc.struct_field(kept["info"], ["licence", "spdx"]).to_pylist()
        clips = zip(kept["clip_id"].to_pylist(), spdx, strict=True)
        return Counter(str(name) for clip_id, name in clips if clip_id not in withdrawn)

    def _table(self, path: str, columns: list[str]) -> pa.Table:
        """Columns of a Parquet file, read in this thread: one of Arrow's that still holds a Python file when Python
        ends aborts the process."""
        with self._fs.open(path, "rb") as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
            return parquet.read(columns=columns, use_threads=False)

    def withdrawn(self) -> frozenset[str]:
        """Ids of the clips that may no longer be used; none where withdrawn.jsonl is absent.

        The file is read again only where it has changed. Raises WithdrawnError.
        """
        self._fs.invalidate_cache(self._path)
        try:
            facts = self._fs.info(self._withdrawn_path)
        except FileNotFoundError:
            return frozenset()
        if facts.get("size") is None or str(facts) != self._withdrawn[0]:  # some servers do not say
            self._withdrawn = (str(facts), clips_of(self._withdrawn_text(), self._withdrawn_path))
        return self._withdrawn[1]

    @property
    def _withdrawn_path(self) -> str:
        return f"{self._path}/{WITHDRAWN}"

    def _withdrawn_text(self) -> str:
        try:
            return decoded(self._fs.cat_file(self._withdrawn_path), self._withdrawn_path)
        except FileNotFoundError:
            return ""

    def read(self, index: ClipIndex, clip: int, *, with_words: bool, with_persona: bool = False) -> ClipTokens:
        """Read the codes, and words and persona if asked for, of the clip in row `clip` of the index.

        A shard may have been rewritten since the index was read, or be just now: then the clip is looked for among
        the headers of its tar. Raises WithdrawnClipError where it is gone since it was withdrawn.
        """
        path = f"{self._path}/shards/{index.shards[clip].as_py()}"
        clip_id = index.clip_id(clip)
        for again in range(_TRIES):
            try:
                return self._read(path, index, clip, with_words=with_words, with_persona=with_persona)
            except _MISMATCH as error:
                if clip_id in self.withdrawn():
                    raise WithdrawnClipError(f"{path}: clip {clip_id} was withdrawn") from error
                if isinstance(error, FileNotFoundError):
                    raise DatasetError(f"{path}: no such shard; check the dataset with `duplexset verify`") from error
                if again == _TRIES - 1 or not self._place_again(path, index, clip):
                    raise DatasetError(
                        f"{path}: clip {clip_id} is damaged ({error}); run `duplexset verify`"
                    ) from error
        raise AssertionError("the last try returns or raises")

    def _place_again(self, path: str, index: ClipIndex, clip: int) -> bool:
        """Set the places of a shard's clips in the index by its headers; whether those of this clip changed."""
        before = int(index.offsets[clip]), int(index.lengths[clip])
        try:
            with self._fs.open(path, "rb") as file:
                places = places_of(file)
        except _MISMATCH:  # it is no tar, or just being replaced
            return True
        rows = np.flatnonzero(pc.equal(index.shards, index.shards[clip]).to_numpy(zero_copy_only=False))
        for row in rows.tolist():
            index.offsets[row], index.lengths[row] = places.get(index.clip_id(row), (0, 0))
        return (int(index.offsets[clip]), int(index.lengths[clip])) != before

    def _read(self, path: str, index: ClipIndex, clip: int, *, with_words: bool, with_persona: bool) -> ClipTokens:
        clip_id, n_frames = index.clip_id(clip), int(index.n_frames[clip])
        start, length = int(index.offsets[clip]), int(index.lengths[clip])
        codes_bytes = NPY_HEADER_BYTES + 2 * 2 * CODEBOOKS * n_frames
        wanted = length if with_words or with_persona else min(length, TAR_BLOCK + codes_bytes)
        sample = self._fs.cat_file(path, start=start, end=start + wanted)
        codes_npy, after = _member(sample, 0, f"{clip_id}.codes.npy")
        words = words_of(_member(sample, after, f"{clip_id}.words.json")[0]) if with_words else ([], [])
        persona = _persona(sample, after, f"{path}: clip {clip_id}", clip_id) if with_persona else None
        return ClipTokens(codes=codes_of(codes_npy, n_frames), words=words, persona=persona)


def _possible(rows: pa.Table) -> bool:
    """Whether kept clips have ids and shards like ours, and places and lengths that a file can have."""
    if any(rows[name].null_count for name in INDEX_COLUMNS):
        return False
    if not all(map(is_shard, pc.unique(rows["shard"]).to_pylist())):
        return False
    inside = (
        *(pc.greater_equal(rows[name], 0) for name in ("offset", "length", "n_frames")),
        *(pc.less_equal(rows[name], most) for name, most in (("length", MOST_BYTES), ("n_frames", MOST_FRAMES))),
        pc.match_substring_regex(rows["clip_id"], "^[A-Za-z0-9_-]{1,200}$"),
    )
    return all(pc.all(one, min_count=0).as_py() for one in inside)


def _member(sample: bytes, at: int, name: str) -> tuple[bytes, int]:
    """Content of the tar member whose header stands at byte `at`, and where the next header stands."""
    header = tarfile.TarInfo.frombuf(sample[at : at + TAR_BLOCK], "utf-8", "strict")
    if header.name != name:
        raise ValueError(f"found {header.name} where {name} should be")
    content = sample[at + TAR_BLOCK : at + TAR_BLOCK + header.size]
    if len(content) != header.size:
        raise ValueError(f"{name} is cut short")
    return content, at + TAR_BLOCK + -(-header.size // TAR_BLOCK) * TAR_BLOCK


def _persona(sample: bytes, at: int, where: str, clip_id: str) -> Persona:
    """From the members of a sample that stand from byte `at` on. Raises what `Persona.of` and `_member` do."""
    found: dict[str, bytes] = {}
    while not found.keys() >= {"voices.npy", "json"}:
        if at >= len(sample):
            raise DatasetError(f"{where} has no voice samples: an older version built it; build the dataset again")
        name = tarfile.TarInfo.frombuf(sample[at : at + TAR_BLOCK], "utf-8", "strict").name
        if not name.startswith(f"{clip_id}."):  # a length of before: the sample is shorter by now
            raise ValueError(f"found {name} where a file of {clip_id} should be")
        found[name.partition(".")[2]], at = _member(sample, at, name)
    facts = facts_of(found["json"])
    n_frames = max((voice["end_frame"] for voice in facts["voices"]), default=0)
    return Persona.of(facts, voices_of(found["voices.npy"], n_frames))
