"""The track of a mixture: which it is, that nothing of it changes, and that it takes no memory."""

import re
from pathlib import Path

import numpy as np
import pytest

import stages.hear
from model.vad import load_vad
from stages.hear import heard, mono_blocks
from stages.ingest import Ingest
from stages.layout import FindLayout

RATE = 24_000


def test_two_tracks_are_heard_as_their_mean_without_the_offset(talk, write_audio, make_source, tmp_path) -> None:
    audio = talk(12)
    panned = np.stack([audio[0] + 0.5 * audio[1], 0.5 * audio[0] + audio[1]]) / 2 + np.array([[0.2], [0.1]])
    path = write_audio(tmp_path / "a.flac", panned, 8_000, "flac")
    row = FindLayout().load("cpu")(Ingest().load("cpu")(make_source(path)))
    mono = np.concatenate(list(mono_blocks(row)))
    assert mono.size == row.n_samples == 12 * RATE
    assert abs(mono.mean()) < 1e-4
    expected = panned.mean(axis=0) - panned.mean()
    assert np.corrcoef(mono[::3][100:-100], expected[100:-100])[0, 1] > 0.999


def test_a_track_is_kept_bit_for_bit_however_it_was_cut(tmp_path: Path) -> None:
    pcm = (3_000 * np.random.default_rng(0).standard_normal(50_003)).astype(np.int16)
    network = load_vad()
    with heard([pcm], network) as whole, heard(np.split(pcm, [1, 700, 30_000]), network) as cut:
        assert np.array_equal(whole.audio, pcm)
        assert np.array_equal(cut.audio, pcm)
        assert np.array_equal(whole.speech, cut.speech)
        assert whole.speech.shape == (-(-pcm.size // 768),)
        assert isinstance(whole.audio, np.memmap)
    with heard([(pcm / 32_768).astype(np.float32)], network) as floats:
        assert np.array_equal(floats.audio, pcm)


class Deaf:
    """Hears no speech, at once."""

    def __init__(self, *_: object) -> None:
        pass

    def push(self, _: np.ndarray) -> np.ndarray:
        return np.zeros((1, 0), np.float16)

    def flush(self) -> np.ndarray:
        return np.zeros((1, 0), np.float16)


def resident_kib() -> int:
    """Of the pages of files that have no name any more, what this process holds."""
    held, nameless = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            nameless = line.endswith("(deleted)")
        elif nameless and line.startswith("Rss:"):
            held += int(line.split()[1])
    return held


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux' /proc")
def test_what_was_read_of_a_kept_track_is_let_go_of(monkeypatch) -> None:
    monkeypatch.setattr(stages.hear, "StreamingVad", Deaf)
    minute = np.random.default_rng(0).integers(-9, 9, 60 * RATE, dtype=np.int16)
    with heard([minute] * 5, None) as track:
        before_kib = resident_kib()
        total = 0
        for start in range(0, track.audio.size, 20 * RATE):
            total += int(track.audio[start : start + 20 * RATE].astype(np.int64).sum())
        assert total == 5 * int(minute.astype(np.int64).sum())
        assert resident_kib() - before_kib < 2 * 20 * RATE * 2 / 1024  # not the 14 MiB of all of it
        copy = track.audio.astype(np.float32)
        assert copy[: 60 * RATE].size == 60 * RATE
