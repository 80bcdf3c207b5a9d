"""Clips out of a dataset folder: the index, the withdrawals, and one clip by one range read.

The shards are plain tars and the index knows where each sample starts, so that any clip is read alone: locally a
seek, on an object store one GET of the leading members (the audio behind them is never fetched).
"""

import hashlib
import io
import json
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
from model.streams import CARD, CODEBOOKS, Word
from schemas.errors import UserError

INDEX_COLUMNS = ["clip_id", "split", "shard", "offset", "length", "n_frames", "kept"]
TAR_BLOCK = 512
NPY_HEADER_BYTES = 512  # at most, for a small array


class DatasetError(UserError):
    """The dataset cannot be read as it stands; the message names the file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipIndex:
    """Kept clips of one split, sorted by clip id: all that is held in memory of a corpus."""

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

    def index(self, split: str) -> ClipIndex:
        """Read index/clips.parquet and keep the split's kept clips; at least one must be there."""
        path = f"{self._path}/index/clips.parquet"
        try:
            table = self._table(path, INDEX_COLUMNS)
        except FileNotFoundError as error:
            raise DatasetError(f"{path}: no such file; is {self.root} the output of `duplexset build`?") from error
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{path}: unreadable index ({error}); check it with `duplexset verify`") from error
        missing = [name for name in INDEX_COLUMNS if name not in table.column_names]
        if missing:
            raise DatasetError(f"{path}: no column {', '.join(missing)}; build the dataset again")
        rows = table.filter(pc.and_(table["kept"], pc.equal(table["split"], split))).sort_by("clip_id")
        return ClipIndex(
            clip_ids=rows["clip_id"].combine_chunks().cast(pa.string()),
            shards=pc.dictionary_encode(rows["shard"]).combine_chunks(),
            offsets=rows["offset"].to_numpy(),
            lengths=rows["length"].to_numpy(),
            n_frames=rows["n_frames"].to_numpy(),
        )

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
        """Ids of the clips that may no longer be used; none where withdrawn.jsonl is absent."""
        path = f"{self._path}/withdrawn.jsonl"
        try:
            lines = self._fs.cat_file(path).decode().splitlines()
        except FileNotFoundError:
            return frozenset()
        try:
            return frozenset(str(json.loads(line)["clip_id"]) for line in lines if line.strip())
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{path}: a line is not JSON with a clip_id ({error}); mend it by hand") from error

    def read(self, index: ClipIndex, clip: int, *, with_words: bool, with_persona: bool = False) -> ClipTokens:
        """Read the codes, and words and persona if asked for, of the clip in row `clip` of the index."""
        path = f"{self._path}/shards/{index.shards[clip].as_py()}"
        clip_id, n_frames = index.clip_id(clip), int(index.n_frames[clip])
        start, length = int(index.offsets[clip]), int(index.lengths[clip])
        codes_bytes = NPY_HEADER_BYTES + 2 * 2 * CODEBOOKS * n_frames
        wanted = length if with_words or with_persona else min(length, TAR_BLOCK + codes_bytes)
        try:
            sample = self._fs.cat_file(path, start=start, end=start + wanted)
            codes_npy, after = _member(sample, 0, f"{clip_id}.codes.npy")
            codes = np.lib.format.read_array(io.BytesIO(codes_npy), allow_pickle=False)
            words_json = _member(sample, after, f"{clip_id}.words.json")[0] if with_words else b"[[], []]"
            words_a, words_b = json.loads(words_json)
            persona = _persona(sample, after, f"{path}: clip {clip_id}") if with_persona else None
        except FileNotFoundError as error:
            raise DatasetError(f"{path}: no such shard; check the dataset with `duplexset verify`") from error
        except (OSError, EOFError, ValueError, TypeError, KeyError, tarfile.TarError) as error:
            raise DatasetError(f"{path}: clip {clip_id} is damaged ({error}); run `duplexset verify`") from error
        _check_codes(codes, n_frames, f"{path}: clip {clip_id}")
        return ClipTokens(codes=codes, words=(words_a, words_b), persona=persona)


def _member(sample: bytes, at: int, name: str) -> tuple[bytes, int]:
    """Content of the tar member whose header stands at byte `at`, and where the next header stands."""
    header = tarfile.TarInfo.frombuf(sample[at : at + TAR_BLOCK], "utf-8", "strict")
    if header.name != name:
        raise ValueError(f"found {header.name} where {name} should be")
    content = sample[at + TAR_BLOCK : at + TAR_BLOCK + header.size]
    if len(content) != header.size:
        raise ValueError(f"{name} is cut short")
    return content, at + TAR_BLOCK + -(-header.size // TAR_BLOCK) * TAR_BLOCK


def _persona(sample: bytes, at: int, where: str) -> Persona:
    """From the members of a sample that stand from byte `at` on. Raises what `Persona.of` and `_member` do."""
    found: dict[str, bytes] = {}
    while not found.keys() >= {"voices.npy", "json"}:
        if at >= len(sample):
            raise DatasetError(f"{where} has no voice samples: an older version built it; build the dataset again")
        name = tarfile.TarInfo.frombuf(sample[at : at + TAR_BLOCK], "utf-8", "strict").name
        found[name.partition(".")[2]], at = _member(sample, at, name)
    codes = np.lib.format.read_array(io.BytesIO(found["voices.npy"]), allow_pickle=False)
    return Persona.of(json.loads(found["json"]), codes)


def _check_codes(codes: NDArray[np.int16], n_frames: int, where: str) -> None:
    if codes.dtype != np.int16 or codes.shape != (2, CODEBOOKS, n_frames):
        raise DatasetError(
            f"{where} has codes {codes.dtype} {list(codes.shape)}, not int16 [2, {CODEBOOKS}, {n_frames}]; "
            "run `duplexset verify`"
        )
    if n_frames and (codes.min() < 0 or codes.max() >= CARD):
        raise DatasetError(f"{where} has codes outside 0..{CARD - 1}; run `duplexset verify`")
