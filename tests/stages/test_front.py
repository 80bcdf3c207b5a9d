"""ingest, layout, split, diarize in a row: from a conversation to its activity, from a bad file to one clear line."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from model.resample import Resampler
from schemas.conversation import Diarized
from schemas.recording import Source
from schemas.rejection import Reason, Rejection
from stages.diarize import Diarize
from stages.ingest import Ingest
from stages.layout import FindLayout
from stages.split import Split

RATE = 24_000


def delayed(audio: np.ndarray, delay_s: float) -> np.ndarray:
    lag = round(delay_s * RATE)
    return np.pad(audio, (lag, 0))[: audio.size]


def bleed(audio: np.ndarray, db: float, delay_s: float) -> np.ndarray:
    gain = 10 ** (db / 20)
    return np.stack([audio[c] + gain * delayed(audio[1 - c], delay_s) for c in (0, 1)])


Front = Callable[[Source], list[object]]


@pytest.fixture(scope="module")
def front() -> Front:
    """ingest, layout, split, diarize: all rows that come out for one source."""
    stages = [Ingest(), FindLayout(), Split(), Diarize()]
    works = [stage.load("cpu") for stage in stages]

    def run(source: Source) -> list[object]:
        rows: list[object] = [source]
        for stage, work in zip(stages, works, strict=True):
            out: list[object] = []
            for row in rows:
                result = work(row) if isinstance(row, stage.reads) else row
                out += list(result) if isinstance(result, Iterable) else [result]
            rows = out
        return rows

    return run


def test_a_conversation_comes_through_with_its_words(front, kitchen, write_audio, make_source, tmp_path) -> None:
    audio, words = kitchen
    [row] = front(make_source(write_audio(tmp_path / "a.flac", bleed(audio, -25, 0.02), RATE, "flac")))
    assert isinstance(row, Diarized)
    assert row.span.source.layout.leakage_db == pytest.approx((-25, -25), abs=1.5)
    assert list(row.segments) == sorted(row.segments, key=lambda s: (s.start_s, s.channel))
    for channel in (0, 1):
        mine = [s for s in row.segments if s.channel == channel]
        covered = [any(s.start_s <= (a + b) / 2 <= s.end_s for s in mine) for a, b in words[channel]]
        assert np.mean(covered) > 0.9
        assert all(s.end_s <= t.start_s for s, t in pairwise(mine))


@pytest.mark.parametrize("what", ["offset", "clipping", "40 dB quieter", "50 dB quieter", "8 kHz A-law", "mp3"])
def test_a_disturbed_conversation_comes_through(front, kitchen, write_audio, make_source, tmp_path, what) -> None:
    audio = kitchen[0]
    if what == "offset":
        path = write_audio(tmp_path / "a.wav", audio + np.array([[0.2], [-0.1]]), RATE, "pcm_s16le")
    elif what == "clipping":
        path = write_audio(tmp_path / "a.wav", np.clip(audio * 10, -1, 1), RATE, "pcm_s16le")
    elif what.endswith("dB quieter"):
        gain = 10 ** (-int(what[:2]) / 20)
        path = write_audio(tmp_path / "a.wav", audio * np.array([[1.0], [gain]]), RATE, "pcm_s24le")
    elif what == "mp3":
        path = write_audio(tmp_path / "a.mp3", audio, RATE, "libmp3lame", bit_rate=48_000)
    else:
        resampler = Resampler(RATE, 8_000, 2)
        narrow = np.concatenate([resampler.push(audio), resampler.flush()], axis=1)
        path = write_audio(tmp_path / "a.wav", narrow, 8_000, "pcm_alaw")
    [row] = front(make_source(path))
    assert isinstance(row, Diarized)
    [clean] = front(make_source(write_audio(tmp_path / "clean.flac", audio, RATE, "flac")))
    for channel in (0, 1):
        speech_s = [sum(s.end_s - s.start_s for s in r.segments if s.channel == channel) for r in (row, clean)]
        assert speech_s[0] == pytest.approx(speech_s[1], rel=0.15)


def bad_files(folder: Path, audio: np.ndarray, write_audio) -> dict[str, tuple[Path, Reason]]:
    """Everything that can be wrong with a file, by name, and the reason it is rejected for."""
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("Dear colleague,\nthe recording is attached.\n" * 100)
    cut = Path(write_audio(folder / "cut.mp3", audio, RATE, "libmp3lame"))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    zero = bytearray(Path(write_audio(folder / "zero.wav", audio, RATE, "pcm_s16le")).read_bytes())
    zero[24:28] = bytes(4)
    (folder / "zero.wav").write_bytes(zero)
    nan = audio.copy()
    nan[1, 100_000:100_010] = np.nan
    write_audio(folder / "nan.wav", nan, RATE, "pcm_f32le")
    write_audio(folder / "one.wav", audio[:, :1], RATE, "pcm_s16le")
    write_audio(folder / "silence.wav", np.zeros((2, 20 * RATE)), RATE, "pcm_s16le")
    write_audio(folder / "film.mkv", np.repeat(audio[:, : 2 * RATE], 3, axis=0), RATE, "flac", picture=True)
    (folder / "folder.wav").mkdir()
    reasons = {
        "empty.wav": Reason.NOT_AUDIO,
        "text.wav": Reason.NOT_AUDIO,
        "cut.mp3": Reason.CORRUPT,
        "zero.wav": Reason.NOT_AUDIO,
        "nan.wav": Reason.NOT_FINITE,
        "one.wav": Reason.TOO_SHORT,
        "silence.wav": Reason.SILENT,
        "film.mkv": Reason.CHANNELS,
        "folder.wav": Reason.UNREADABLE,
        "nothing.wav": Reason.MISSING,
    }
    return {name: (folder / name, reason) for name, reason in reasons.items()}


def test_every_bad_file_gives_one_clear_line(front, kitchen, write_audio, make_source, tmp_path, capfd) -> None:
    for name, (path, reason) in bad_files(tmp_path, kitchen[0], write_audio).items():
        [row] = front(make_source(path))
        assert isinstance(row, Rejection), name
        assert (row.reason, row.uri) == (reason, str(path)), row
        assert row.detail.startswith(str(path))
        assert len(row.detail.splitlines()) == 1
        assert len(row.detail) < 250 + 2 * len(str(path))
    assert capfd.readouterr() == ("", "")  # FFmpeg's own lines stay inside


def test_a_little_speech_in_much_silence_is_accounted_for(front, kitchen, write_audio, make_source, tmp_path) -> None:
    rng = np.random.default_rng(0)
    audio = (rng.standard_normal((2, 300 * 8_000)) * 1e-4).astype(np.float32)
    resampler = Resampler(RATE, 8_000, 2)
    talk = np.concatenate([resampler.push(kitchen[0]), resampler.flush()], axis=1)
    audio[:, 150 * 8_000 : 153 * 8_000] += talk[:, 8_000 : 4 * 8_000]
    audio[:, 153 * 8_000 : 155 * 8_000] += talk[::-1, 8_000 : 3 * 8_000]
    rows = front(make_source(write_audio(tmp_path / "a.wav", audio, 8_000, "pcm_s16le")))
    spans = [
        (r.start_s, r.end_s) if isinstance(r, Rejection) else (r.span.start_sample / RATE, r.span.end_sample / RATE)
        for r in rows
    ]
    assert [start for start, _ in spans] == [0.0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == 300.0
    assert [r.reason for r in rows if isinstance(r, Rejection)][:1] == [Reason.SILENCE]


@pytest.mark.shared
def test_real_calls_come_through(front, shared, make_source) -> None:
    for call in ("repairs40", "repairs49"):
        agent, caller = (str(shared / "conversations" / f"{call}-{side}.flac") for side in ("agent", "caller"))
        [row] = front(make_source(agent, uri_b=caller))
        assert isinstance(row, Diarized)
        speech_s = [sum(s.end_s - s.start_s for s in row.segments if s.channel == c) for c in (0, 1)]
        length_s = (row.span.end_sample - row.span.start_sample) / RATE
        assert all(0.2 < s / length_s < 0.7 for s in speech_s)
