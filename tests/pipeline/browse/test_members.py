"""Bytes out of tars: only those of the clip, whatever the index and the tar say."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.codec import load_codec
from model.resample import to_int16
from model.sample_files import SampleError, codes_of
from pipeline.browse.audio import BINS_PER_S, Sounds, pieces
from pipeline.browse.clip_page import clip_page
from pipeline.browse.members import members, read
from pipeline.browse.store import open_store
from pipeline.browse.text import BrowseError
from pipeline.decode import decode_channels
from stages.pack import tar_entry

CLIP_ID = "0" * 32
DAMAGED = (BrowseError,)


def record(shard: object, offset: int = 0, length: int = 1_024, clip_id: str = CLIP_ID) -> dict[str, Any]:
    return {"clip_id": clip_id, "kept": True, "shard": shard, "offset": offset, "length": length, "duration_s": 8.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out" / "shards").mkdir(parents=True)
    (tmp_path / "secret.tar").write_bytes(tar_entry(f"{CLIP_ID}.flac", b"secret"))
    return tmp_path / "out"


@pytest.mark.parametrize(
    "shard",
    [
        "../../secret.tar", "../secret.tar", "/etc/passwd", "a/../b.tar", "..", "", None, 7, "x.tar\n", ".hidden.tar",
        "a\x00.tar", "gone.tar", "x" * 400 + ".tar", "link.tar", "shards", "C:\\x.tar",
    ],
)  # fmt: skip
def test_no_shard_leads_out_of_the_dataset(folder: Path, shard: object) -> None:
    (folder / "shards" / "link.tar").symlink_to(folder.parent / "secret.tar")
    with pytest.raises(BrowseError, match=r"^[^\n]+$"):
        members(folder, record(shard))


def test_a_folder_of_shards_that_is_a_link_out_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.tar").write_bytes(tar_entry(f"{CLIP_ID}.json", b"{}"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BrowseError, match="leads out of the dataset"):
        members(tmp_path / "out", record("x.tar"))


def _header(**values: Any) -> bytes:
    info = tarfile.TarInfo(values.pop("name", f"{CLIP_ID}.flac"))
    for name, value in values.items():
        setattr(info, name, value)
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1_024,
        b"x" * 1_024,
        _header(name="other.flac") + b"\0" * 512,
        _header(name=f"../{CLIP_ID}.flac") + b"\0" * 512,
        _header(size=2**40) + b"\0" * 512,
        _header(type=tarfile.SYMTYPE, linkname="/etc/passwd") + b"\0" * 512,
        _header(type=tarfile.LNKTYPE, linkname="x") + b"\0" * 512,
        _header(type=tarfile.DIRTYPE) + b"\0" * 512,
    ],
)
def test_a_tar_that_lies_is_damaged(folder: Path, data: bytes) -> None:
    (folder / "shards" / "x.tar").write_bytes(data)
    with pytest.raises(BrowseError, match="is damaged"):
        members(folder, record("x.tar"))


@given(data=st.binary(max_size=2_048), offset=st.integers(0, 4_000), length=st.integers(0, 5_000))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_members_inside_the_clip_or_an_error(
    folder: Path, data: bytes, offset: int, length: int
) -> None:
    whole = tar_entry(f"{CLIP_ID}.json", b"{}") + data
    (folder / "shards" / "x.tar").write_bytes(whole)
    try:
        found = members(folder, record("x.tar", offset, length))
    except BrowseError:
        return
    assert all(offset <= part.offset and part.offset + part.size <= offset + length for part in found.values())


def test_a_clip_without_length_has_no_members(folder: Path) -> None:
    (folder / "shards" / "x.tar").write_bytes(b"")
    assert members(folder, record("x.tar", 0, 0)) == {}


def test_a_cut_off_shard(folder: Path) -> None:
    for kept in (0, 100, 511):  # of the 512 bytes that its header promises
        (folder / "shards" / "x.tar").write_bytes(_header(size=512) + b"x" * kept)
        with pytest.raises(BrowseError, match=r"x\.tar: clip 0+ is damaged"):
            members(folder, record("x.tar"))
    (folder / "shards" / "x.tar").write_bytes(_header(size=512) + b"x" * 512)
    part = members(folder, record("x.tar"))["flac"]
    (folder / "shards" / "x.tar").write_bytes(b"")  # since then
    with pytest.raises(BrowseError, match="cut short"):
        read(part)


def test_members_are_those_that_tarfile_finds(world: Any) -> None:
    store = open_store(world.out)
    for clip_id in world.clips:
        row = store.record(clip_id)
        found = members(world.out, row)
        with tarfile.open(world.out / "shards" / row["shard"]) as tar:
            names = [name for name in tar.getnames() if name.startswith(clip_id)]
            assert {f"{clip_id}.{suffix}" for suffix in found} == set(names)
            for suffix, part in found.items():
                member = tar.extractfile(f"{clip_id}.{suffix}")
                assert member is not None
                assert read(part) == member.read()
    store.close()


def test_sound_is_the_flac_or_decoded_from_the_tokens(world: Any) -> None:
    store, sounds = open_store(world.out), Sounds(world.out, load_codec)
    for clip_id, clip in world.clips.items():
        row = store.record(clip_id)
        sound, wave = sounds.of(row), sounds.wave(row)
        assert sounds.kind(row) == ("decoded" if clip.flac is None else "flac")
        if isinstance(sound, bytes):
            pcm = to_int16(decode_channels(load_codec(), codes_of(clip_npy(clip), 100)))
            assert _pcm(sound).tolist() == pcm.tolist()
        else:
            assert b"".join(pieces(sound, 0, sound.size - 1)) == clip.flac
            first, second = (np.frombuffer(_base64(text), np.uint8) for text in wave["channels"])
            assert len(first) == 8 * BINS_PER_S
            assert np.all(abs(first.astype(int) - 255) <= 2)  # a steady tone, and another half as loud
            assert np.all(abs(second.astype(int) - 127) <= 3)
    store.close()


def clip_npy(clip: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.frombuffer(clip.codes, np.int16).reshape(2, 8, 100))
    return sink.getvalue()


def _base64(text: str) -> bytes:
    import base64

    return base64.b64decode(text)


def _pcm(flac: bytes) -> np.ndarray:
    import av

    planar = av.AudioResampler(format="s16p")
    with av.open(io.BytesIO(flac)) as container:
        return np.concatenate([b.to_ndarray() for f in container.decode(audio=0) for b in planar.resample(f)], axis=1)


def test_without_the_codec_there_is_no_sound_and_the_page_says_so(world: Any) -> None:
    store, sounds = open_store(world.out), Sounds(world.out, lambda: None)
    silent = next(one for one, clip in world.clips.items() if clip.flac is None)
    row = store.record(silent)
    assert clip_page(world.out, row, sounds)["sound"] == "none"
    with pytest.raises(BrowseError, match="no sound"):
        sounds.of(row)
    store.close()


@pytest.mark.parametrize(
    "npy",
    [
        b"", b"\x93NUMPY", b"x" * 200,
        *(
            b"\x93NUMPY\x01\x00v\x00" + text.ljust(117).encode() + b"\n"
            for text in (
                "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 8, 99999999999), }",
                "{'descr': '|O', 'fortran_order': False, 'shape': (2, 8, 100), }",
                "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 8, 100), }",
            )
        ),
    ],
)  # fmt: skip
def test_tokens_that_lie_about_their_size(npy: bytes) -> None:
    with pytest.raises(SampleError):
        codes_of(npy, 100)


def test_a_damaged_clip_has_a_page_with_the_trouble(world: Any, serve: Callable[..., Any]) -> None:
    store = open_store(world.out)
    row = store.record(next(iter(world.clips)))
    shard = world.out / "shards" / row["shard"]
    data = bytearray(shard.read_bytes())
    data[row["offset"] : row["offset"] + row["length"]] = b"\xff" * row["length"]
    shard.write_bytes(data)
    page = clip_page(world.out, row, Sounds(world.out, lambda: None))
    assert page["sound"] == "none"
    assert page["words"] == [[], []]
    assert "is damaged (no whole sample (bad checksum)); run `duplexset verify`" in page["trouble"]
    store.close()
