"""Hostile recordings and transcripts: refused in a line, in bounded memory; FFmpeg opens nothing that they name."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from model.speech_audio import SpeechError, read_audio, seconds
from pipeline.cli_build import NOTHING_KEPT
from pipeline.export.errors import ExportError
from pipeline.export.samples import _pcm_of
from pipeline.score_audio import ScoreError, flac_blocks
from stages.transcripts.read import TranscriptError, read_transcript
from tests.hostile.files import RECORDINGS, TRANSCRIPTS, filled, tone
from tests.hostile.judge import OBEYED, duplexset, judge_line

MEMORY = 6 << 30
"""Bytes of address space, most of it libraries."""


@pytest.fixture
def recordings(place: Any, asked: tuple[int, list[bytes]]) -> Path:
    """A folder with each of them as a wav, an mp3 and a film."""
    for name, make in RECORDINGS.items():
        data = filled(make(), place.secret, asked[0])
        for suffix in ("wav", "mov"):
            (place.inside / f"{name.replace('/', ' ')}.{suffix}").write_bytes(data)
    return place.inside


def test_a_build_of_them(place: Any, recordings: Path) -> None:
    """In a process of its own, whose memory is bounded."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{limit}\nfrom pipeline.cli import main\nmain()", "build", str(recordings),
         str(place.out), "--engine", "inline", "--licence", "CC0-1.0"],
        capture_output=True, timeout=300, check=False, cwd=Path(__file__).parents[2], text=True,
    )  # fmt: skip
    assert done.returncode == NOTHING_KEPT, done.stderr[-3_000:]
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert not OBEYED.search(done.stdout + done.stderr)
    rows = pq.read_table(place.out / "index" / "recordings.parquet").to_pylist()
    assert {row["uri"].rpartition(".")[0] for row in rows} == {name.replace("/", " ") for name in RECORDINGS}
    for row in rows:
        assert row["n_clips"] == 0
        (loss, *_) = row["lost"]
        assert loss["detail"]
        judge_line(loss["detail"])
    assert duplexset("verify", place.out).code == 0
    assert duplexset("audit", "summary", place.out).code == 0


def test_where_else_sound_is_opened(place: Any, recordings: Path) -> None:
    """The folders of speech that networks are fitted to, and the FLAC in shards of others."""
    for path in sorted(recordings.iterdir()):
        for read in (read_audio, seconds):
            try:
                read(path)
            except SpeechError as error:
                judge_line(error)
        data = path.read_bytes()
        with pytest.raises(ExportError) as refused:
            _pcm_of(data, "0" * 32)
        judge_line(refused.value)
        with pytest.raises(ScoreError) as broken:
            list(flac_blocks(data, "clip"))
        judge_line(broken.value)


def test_scored_sound(place: Any, recordings: Path) -> None:
    truth = place.inside / "truth.rttm"
    truth.write_text("SPEAKER x 1 0 1 <NA> <NA> a <NA> <NA>\n")
    for path in sorted(recordings.glob("*.wav"))[::6]:
        assert duplexset("score", path, truth).code in (1, 2)


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcripts(place: Any, name: str, connects: object) -> None:
    suffix, make = TRANSCRIPTS[name]
    path = place.inside / f"talk{suffix}"
    path.write_bytes(make())
    for duration_s in (5.0, None):
        try:
            found = read_transcript(path, recording="talk", duration_s=duration_s)
        except TranscriptError as error:
            judge_line(error)
            continue
        for said in found.utterances:
            times = [t for t in (said.start_s, said.end_s) if t is not None]
            assert all(0.0 <= t < 1e9 for t in times)
            assert not OBEYED.search(said.text.replace("\t", " ").translate(BIDI))


BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def test_transcripts_beside_a_recording(place: Any, connects: object) -> None:
    """Each costs its words at most; a link out of the folder is not read."""
    for at, (suffix, make) in enumerate(TRANSCRIPTS.values()):
        (place.inside / f"call{at}.wav").write_bytes(tone())
        (place.inside / f"call{at}{suffix}").write_bytes(make())
    (place.inside / "linked.wav").write_bytes(tone())
    (place.inside / "linked.vtt").symlink_to(place.outside / "secret.vtt")
    (place.inside / "linked.txt").symlink_to(place.secret)
    done = duplexset("build", place.inside, place.out, "--engine", "inline", "--licence", "CC0-1.0")
    assert done.code == NOTHING_KEPT, done.said
