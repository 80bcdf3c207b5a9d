import io
import json
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.loader import WindowBatches, WindowReader, Windows, held_out_windows
from model.shards import Dataset
from schemas.errors import DatasetError
from schemas.withdrawn import WithdrawnError

FRAMES = [130, 40, 7, 260, 64, 1, 33, 90, 128, 75, 50, 210, 99]  # window 32: shorter, equal to a multiple, longer
WINDOW = 32
LETTERS = "abcdefgh"

once = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # nothing writes into the fixture


class Spelled:
    """One id a letter, from 10 on."""

    def encode(self, text: str) -> list[int]:
        return [10 + LETTERS.index(letter) for letter in text]


def traceable(clip: int, n_frames: int) -> np.ndarray:
    """Codes that tell the clip (second codebook), the channel (third) and the frame (first)."""
    codes = np.zeros((2, 8, n_frames), dtype=np.int16)
    codes[:, 0] = np.arange(n_frames)
    codes[:, 1] = clip
    codes[:, 2] = np.array([[0], [1]])
    return codes


@pytest.fixture
def folder(write_dataset: Callable[..., Path], clip_data: type) -> Path:
    clips = [
        clip_data(traceable(i, n), words=[[["ab", 0.0, 0.2, 1.0]], [["c", 0.4, 0.5, 1.0]]])
        for i, n in enumerate(FRAMES)
    ]
    return write_dataset(
        [*clips, clip_data(traceable(90, 50), kept=False), clip_data(traceable(91, 50), "validation")]
    )


@pytest.fixture
def windows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Windows:
    monkeypatch.setattr("model.loader.BLOCK_CLIPS", 4)  # so that an epoch has several blocks
    return windows_of(folder)


def windows_of(folder: str | Path, seed: int = 0) -> Windows:
    dataset = Dataset(folder)
    return Windows(dataset=dataset, index=dataset.index("train"), window_frames=WINDOW, seed=seed)


def epochs(windows: Windows, count: int, reader: int = 0, readers: int = 1) -> list[list[np.ndarray]]:
    """The windows of a reader, by epoch."""
    source = WindowReader(windows, reader, readers)
    by_epoch: list[list[np.ndarray]] = [[] for _ in range(count)]
    for window in source:
        epoch = source.state_dict()["epoch"]
        if epoch >= count:
            return by_epoch
        by_epoch[epoch].append(window)
    raise AssertionError


def frames(window: np.ndarray) -> list[tuple[int, int, int]]:
    """(clip, own channel, frame) of every frame that is not padding."""
    return [(int(clip), int(own), int(t)) for t, clip, own in window[1:4].T if t >= 0]


def every_frame(own: int | None = None) -> Counter:
    return Counter((clip, own, t) for clip, n in enumerate(FRAMES) for t in range(n))


@pytest.mark.parametrize("readers", [1, 2, 5])
def test_every_frame_of_an_epoch_is_seen_once_by_one_reader(windows: Windows, readers: int) -> None:
    for epoch in range(2):
        seen = Counter(
            (clip, None, t)
            for reader in range(readers)
            for window in epochs(windows, epoch + 1, reader, readers)[epoch]
            for clip, _, t in frames(window)
        )
        assert seen == every_frame()


def test_two_epochs_show_both_orientations_and_one_epoch_a_mixture(windows: Windows) -> None:
    first, second = epochs(windows, 2)
    turned = Counter(place for window in (*first, *second) for place in frames(window))
    assert turned == every_frame(own=0) + every_frame(own=1)
    assert {own for window in first for _, own, _ in frames(window)} == {0, 1}


def test_a_window_is_a_stretch_of_one_clip_with_the_user_opposite(windows: Windows) -> None:
    for window in epochs(windows, 1)[0]:
        places = frames(window)
        clip, own, start = places[0]
        assert window.shape == (17, WINDOW)
        assert window.dtype == np.int64
        assert places == [(clip, own, start + i) for i in range(len(places))]
        assert (window[11, : len(places)] == 1 - own).all()
        assert (window[0, : len(places)] == 3).all()
        assert (window[:, len(places) :] == -1).all()


def test_order_and_offsets_change_with_epoch_and_seed_and_are_repeatable(windows: Windows, folder: Path) -> None:
    first, second = epochs(windows, 2)
    again = epochs(windows_of(folder), 1)[0]
    other = epochs(windows_of(folder, seed=1), 1)[0]
    assert np.array_equal(first, again)
    assert [frames(w)[0][0] for w in first] != [frames(w)[0][0] for w in second]
    assert [frames(w)[0][0] for w in first] != [frames(w)[0][0] for w in other]

    def starts(of: list[np.ndarray]) -> set[int]:
        return {frames(w)[0][2] for w in of if frames(w)[0][0] == 3}

    assert starts(first) != starts(second)


@once
@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 80), st.integers(0, 3))
def test_stopping_after_any_window_changes_nothing(windows, rank, world, workers, taken, seed) -> None:
    windows = Windows(dataset=windows.dataset, index=windows.index, window_frames=WINDOW, seed=seed)
    reader, readers = (rank % world) * workers + workers - 1, world * workers
    whole = list(islice(WindowReader(windows, reader, readers), taken + 30))
    stopped = WindowReader(windows, reader, readers)
    head = list(islice(stopped, taken))
    resumed = WindowReader(windows, reader, readers)
    resumed.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
    assert np.array_equal(np.array(head + list(islice(resumed, 30))), np.array(whole))
    assert stopped.state_dict() != resumed.state_dict()


@once
@given(st.integers(0, 1), st.integers(0, 25), st.integers(1, 5))
def test_batches_resume_at_the_exact_window(windows, rank, taken, batch_size) -> None:
    def batches() -> WindowBatches:
        return WindowBatches(windows, batch_size, rank=rank, world=2)

    whole = [batch.tolist() for batch in islice(batches(), taken + 8)]
    stopped, resumed = batches(), batches()
    head = [batch.tolist() for batch in islice(stopped, taken)]
    resumed.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
    assert head + [batch.tolist() for batch in islice(resumed, 8)] == whole


@pytest.mark.slow
def test_loader_processes_take_turns_and_resume(folder: Path) -> None:
    windows = windows_of(folder)
    readers = [iter(WindowReader(windows, reader, 2)) for reader in range(2)]
    expected = [np.stack([next(readers[i % 2]) for _ in range(3)]) for i in range(9)]
    stopped = WindowBatches(windows, 3, workers=2)
    head = [batch.numpy() for batch in islice(stopped, 5)]
    resumed = WindowBatches(windows, 3, workers=2)
    resumed.load_state_dict(stopped.state_dict())
    assert np.array_equal(np.array(head + [batch.numpy() for batch in islice(resumed, 4)]), np.array(expected))
    with pytest.raises(ValueError, match="2 readers for 0 workers"):
        WindowBatches(windows, 3).load_state_dict(stopped.state_dict())


def test_withdrawn_clips_are_skipped_from_the_next_block_and_move_nothing(
    windows: Windows, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.loader.BLOCK_CLIPS", 64)  # an epoch is one block
    first, second = epochs(windows, 2)
    source = WindowReader(windows)
    stream = iter(source)
    assert np.array_equal([next(stream) for _ in first[:3]], first[:3])
    (folder / "withdrawn.jsonl").write_text('{"clip_id": "clip-003"}\n\n{"clip_id": "clip-000", "why": "asked"}\n')
    rest = [next(stream) for _ in first[3:]]
    without = [window for window in second if frames(window)[0][0] not in (0, 3)]
    assert np.array_equal(rest, first[3:])
    assert np.array_equal([next(stream) for _ in without], without)
    assert source.state_dict()["epoch"] == 1
    assert {frames(window)[0][0] for window in epochs(windows, 1)[0]} == set(range(13)) - {0, 3}


def test_a_reader_left_with_nothing_says_so(windows: Windows, folder: Path) -> None:
    ids = [json.dumps({"clip_id": f"clip-{i:03d}"}) for i in range(13)]
    (folder / "withdrawn.jsonl").write_text("\n".join(ids))
    with pytest.raises(DatasetError, match="withdrawn"):
        next(iter(WindowReader(windows)))
    with pytest.raises(DatasetError, match="13 clips cannot feed 14 readers"):
        WindowReader(windows, 0, 14)


def test_text_follows_the_orientation(windows: Windows) -> None:
    spelled = Windows(dataset=windows.dataset, index=windows.index, window_frames=WINDOW, seed=0, tokenizer=Spelled())
    for window in epochs(spelled, 1)[0]:
        clip, own, start = frames(window)[0]
        if clip == 3 and start == 0:
            expected = [10, 11, 3, 3, 3, 3] if own == 0 else [3, 3, 3, 3, 0, 12]
            assert window[0, :6].tolist() == expected[:6]
    reader = WindowReader(spelled)
    lost = sum(1 for n in FRAMES if n < 2) + sum(1 for n in FRAMES if n < 6)
    for _ in islice(reader, sum(-(-n // WINDOW) for n in FRAMES)):
        pass
    assert reader.state_dict()["text_tokens_lost"] == lost


def test_held_out_windows_are_the_same_however_they_are_dealt(windows: Windows) -> None:
    alone = [window.tobytes() for window in held_out_windows(windows, 21)]
    dealt = [[w.tobytes() for w in held_out_windows(windows, 21, rank, 3)] for rank in range(3)]
    assert len(alone) == 21
    assert [dealt[i % 3][i // 3] for i in range(21)] == alone
    everything = Counter(p for window in held_out_windows(windows, 10**6) for p in frames(window))
    assert everything == every_frame(own=0) + every_frame(own=1)


def test_the_index_knows_kept_clips_of_the_split_alone(folder: Path) -> None:
    assert len(Dataset(folder).index("train")) == 13
    assert len(Dataset(folder).index("validation")) == 1
    assert len(Dataset(folder).index("test")) == 0


def test_any_fsspec_url_reads_the_same(folder: Path, windows: Windows) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/corpus", recursive=True)
    try:
        remote = list(islice(WindowReader(windows_of("memory://corpus")), 40))
    finally:
        memory.rm("/corpus", recursive=True)
    assert np.array_equal(remote, list(islice(WindowReader(windows), 40)))


def test_a_missing_shard_is_named(windows: Windows, folder: Path) -> None:
    (folder / "shards/train-00001.tar").unlink()
    with pytest.raises(DatasetError, match=r"train-00001\.tar: no such shard"):
        epochs(windows, 1)


@pytest.mark.parametrize("kept_bytes", [0, 700, 5000])
def test_a_shard_cut_short_is_named(windows: Windows, folder: Path, kept_bytes: int) -> None:
    shard = folder / "shards/train-00000.tar"
    shard.write_bytes(shard.read_bytes()[:kept_bytes])
    with pytest.raises(DatasetError, match=r"train-00000\.tar: clip clip-00. is damaged"):
        epochs(windows, 1)


def replace_codes(folder: Path, codes: np.ndarray) -> None:
    """Write other codes for the first clip, in place."""
    shard, content = folder / "shards/train-00000.tar", io.BytesIO()
    np.save(content, codes, allow_pickle=True)
    with tarfile.open(shard) as tar:
        member = tar.getmember("clip-000.codes.npy")
    raw = bytearray(shard.read_bytes())
    raw[member.offset_data : member.offset_data + member.size] = content.getvalue()[: member.size].ljust(member.size)
    shard.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.full((2, 8, 130), 2048, np.int16), "codes outside 0..2047"),
        (np.full((2, 8, 130), -1, np.int16), "codes outside 0..2047"),
        (np.zeros((2, 8, 129), np.int16), r"not int16 \[2, 8, 130\]"),
        (np.zeros((2, 8, 60), np.int32), r"not int16 \[2, 8, 130\]"),
        (np.array([{"a": "pickle"}], dtype=object), "is damaged"),
    ],
)
def test_wrong_codes_are_named(windows: Windows, folder: Path, codes: np.ndarray, says: str) -> None:
    replace_codes(folder, codes)
    with pytest.raises(DatasetError, match=f"train-00000.tar: clip clip-000.*{says}"):
        epochs(windows, 1)


def test_a_folder_without_index_or_with_a_damaged_one_is_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"clips\.parquet: no such file"):
        Dataset(tmp_path / "nowhere").index("train")
    (folder / "index/clips.parquet").write_bytes(b"not a table")
    with pytest.raises(DatasetError, match=r"clips\.parquet: unreadable index"):
        Dataset(folder).index("train")
    (folder / "withdrawn.jsonl").write_text("clip-003\n")
    with pytest.raises(WithdrawnError, match=r"withdrawn\.jsonl:1"):
        Dataset(folder).withdrawn()
    with pytest.raises(DatasetError, match="nosuch://"):
        Dataset("nosuch://bucket/corpus")


def test_a_process_that_only_looks_at_the_index_ends_well(folder: Path) -> None:
    """None of Arrow's threads holds a Python file when Python ends, which would abort the process."""
    look = "import sys; from model.shards import Dataset; print(len(Dataset(sys.argv[1]).index('train')))"
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", look, str(folder)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "13\n", "")
