"""Makes demo/recordings: `python demo/make_recordings.py` (needs flite and festival, see voices.py and README.md).

The same synthesisers and the same package versions give the same bytes again.
"""

import csv
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conversations import SILENCE_AT_ENDS_S, Dialogue, Placed, converse, read_dialogues
from sound import (
    Samples,
    band_pass,
    crosstalk,
    gain,
    music,
    pink_noise,
    resample,
    to_int16,
    write_audio,
)
from truth import truth_of
from voices import Speaker

HERE = Path(__file__).parent
OUT = HERE / "recordings"
BACKCHANNEL_DB = -3.0  # softer than a turn
EVIDENCE_DATE = "2026-11-21"  # of LICENSE.txt
TRUTH_HZ, TRUTH_BITS = 16_000, 10  # of the true channels of a mixture

SPEAKERS = {
    "anna": Speaker(voice="cmu_us_slt", level_dbfs=-22.0),
    "ben": Speaker(voice="cmu_us_rms", pace=1.05, level_dbfs=-26.0),
    "tom": Speaker(voice="cmu_us_awb", pace=0.97, level_dbfs=-25.0),
    "iris": Speaker(voice="cmu_us_slt_arctic_hts", tract=1.05, pitch=1.05, level_dbfs=-23.0),
    "nell": Speaker(voice="cmu_us_awb", tract=1.17, pitch=1.3, pace=1.08, level_dbfs=-24.0),
    "karl": Speaker(voice="cmu_us_rms", tract=0.93, pace=1.0, level_dbfs=-22.0),
    "hugo": Speaker(voice="kal_diphone", tract=0.97, pace=0.97, level_dbfs=-25.0),
    "maya": Speaker(voice="cmu_us_slt_arctic_hts", tract=0.95, pitch=0.9, pace=1.04, level_dbfs=-22.0),
    "ruth": Speaker(voice="cmu_us_slt", tract=0.92, pitch=0.88, pace=1.05, level_dbfs=-23.0),
    "omar": Speaker(voice="kal_diphone", tract=1.04, pitch=1.15, level_dbfs=-26.0),
    "lena": Speaker(voice="cmu_us_slt", tract=1.08, pitch=1.08, level_dbfs=-24.0),
    "paul": Speaker(voice="cmu_us_awb", tract=0.92, pitch=0.9, pace=1.04, level_dbfs=-25.0),
    "vera": Speaker(voice="cmu_us_slt_arctic_hts", tract=1.0, pitch=0.97, pace=1.05, level_dbfs=-24.0),
    "finn": Speaker(voice="cmu_us_rms", tract=1.13, pace=1.05, level_dbfs=-25.0),
    "gina": Speaker(voice="cmu_us_slt", tract=1.04, pitch=0.85, pace=0.97, level_dbfs=-23.0),
    "leo": Speaker(voice="ked_diphone", pitch=1.05, level_dbfs=-24.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """How a dialogue is recorded. Two files: one per channel. A mixture: both speakers on one track."""

    files: tuple[str, ...]
    codec: str
    rate_hz: int
    bit_rate: int | None = None
    bits: int = 16
    noise_dbfs: float = -65.0
    band_hz: tuple[float, float] | None = None
    crosstalk_db: float | None = None
    mixture: bool = False
    music_dbfs: float | None = None
    licence: str = "CC0-1.0"


RECORDINGS = {
    "telephone-parcel": Recording(
        files=("telephone-parcel.wav",),
        codec="pcm_mulaw",
        rate_hz=8_000,
        noise_dbfs=-54.0,
        band_hz=(300.0, 3_400.0),
        crosstalk_db=-35.0,
    ),
    "studio-kitchen": Recording(
        files=("studio-kitchen.left.flac", "studio-kitchen.right.flac"),
        codec="flac",
        rate_hz=24_000,
        bits=12,
    ),
    "videocall-budget": Recording(
        files=("videocall-budget.ogg",),
        codec="libopus",
        rate_hz=48_000,
        bit_rate=40_000,
    ),
    "interview-lighthouse": Recording(
        files=("interview-lighthouse.m4a",),
        codec="aac",
        rate_hz=48_000,
        bit_rate=64_000,
    ),
    "clinic-knee": Recording(
        files=("clinic-knee.mp3",),
        codec="libmp3lame",
        rate_hz=24_000,
        bit_rate=48_000,
    ),
    "mixture-directions": Recording(
        files=("mixture-directions.ogg",),
        codec="libopus",
        rate_hz=48_000,
        bit_rate=40_000,
        mixture=True,
    ),
    "mixture-radio": Recording(
        files=("mixture-radio.mp3",),
        codec="libmp3lame",
        rate_hz=44_100,
        bit_rate=56_000,
        noise_dbfs=-52.0,
        mixture=True,
        music_dbfs=-36.0,
    ),
    "refused-rehearsal": Recording(
        files=("refused-rehearsal.ogg",),
        codec="libopus",
        rate_hz=48_000,
        bit_rate=32_000,
        licence="CC-BY-ND-4.0",
    ),
}
BROKEN = ("broken-interrupted.m4a", "interview-lighthouse.m4a", 24_000)  # the first bytes, without the index


def render(dialogue: Dialogue, placed: Sequence[Placed], how: Recording, duration_s: float) -> Samples:
    """The two channels, float [2, samples]: each speaker at their level over what they say, silence elsewhere."""
    rate_hz = how.rate_hz
    channels = np.zeros((2, round(duration_s * rate_hz)))
    said: tuple[list[Samples], list[Samples]] = ([], [])
    for part in placed:
        heard = resample(part.speech.samples, part.speech.sample_rate_hz, rate_hz)
        if how.band_hz is not None:
            heard = band_pass(heard, rate_hz, *how.band_hz)
        start = round(part.start_s * rate_hz)
        heard = heard[: channels.shape[1] - start]
        said[part.channel].append(heard)
        soft = gain(BACKCHANNEL_DB) if part.kind == "backchannel" else 1.0
        channels[part.channel, start : start + len(heard)] += soft * heard
    for channel, name in enumerate(dialogue.speakers):
        channels[channel] *= gain(SPEAKERS[name].level_dbfs) / np.concatenate(said[channel]).std()
    return channels


def record(name: str, how: Recording, speech: Samples) -> None:
    """Writes the recording's files from its clean channels; for a mixture, its truth too."""
    rng = np.random.default_rng(zlib.crc32(f"{name} noise".encode()))
    heard = speech
    if how.mixture:
        heard = speech.sum(axis=0, keepdims=True)
    background = pink_noise(rng, len(heard), heard.shape[1], how.noise_dbfs)
    if how.music_dbfs is not None:
        background += music(heard.shape[1], how.rate_hz, how.music_dbfs)
    if how.mixture:
        write_truth_audio(f"{name}.channels", speech, how.rate_hz)
    if how.crosstalk_db is not None:
        heard = crosstalk(heard, how.crosstalk_db, delay_samples=round(0.0005 * how.rate_hz))
    pcm = to_int16(heard + background, how.bits)
    parts = np.split(pcm, len(how.files)) if len(how.files) > 1 else [pcm]
    for file, part in zip(how.files, parts, strict=True):
        write_audio(OUT / file, part, how.rate_hz, how.codec, how.bit_rate)


def write_truth_audio(stem: str, samples: Samples, rate_hz: int) -> None:
    """FLAC at 16 kHz; 10 of 16 bits are used, which keeps the file small."""
    at_truth_rate = np.stack([resample(channel, rate_hz, TRUTH_HZ) for channel in samples])
    write_audio(OUT / "truth" / f"{stem}.flac", to_int16(at_truth_rate, TRUTH_BITS), TRUTH_HZ, "flac")


def make(dialogue: Dialogue) -> None:
    """Speaks, places and records one dialogue, and writes down the truth."""
    placed = converse(dialogue, SPEAKERS)
    duration_s = round(max(part.span_s[1] for part in placed) + SILENCE_AT_ENDS_S, 2)
    how = RECORDINGS[dialogue.name]
    record(dialogue.name, how, render(dialogue, placed, how, duration_s))
    lines = (f"{json.dumps(k)}: {_table(v)}" for k, v in truth_of(dialogue, placed, duration_s).items())
    (OUT / "truth" / f"{dialogue.name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _table(value: object) -> str:
    """JSON with one line per row of a table."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"
    return json.dumps(value)


def manifest_row(path: str, dialogue: Dialogue | None, how: Recording) -> dict[str, str]:
    """A row of manifest.csv; paths are relative to it."""
    return {
        "path": path,
        "path_b": how.files[1] if len(how.files) > 1 else "",
        "licence": how.licence,
        "holder": "The duplexset authors",
        "attribution": "" if how.licence == "CC0-1.0" else "The duplexset authors, demo recordings",
        "source_url": "",
        "evidence": "LICENSE.txt",
        "evidence_date": EVIDENCE_DATE,
        "consent": "synthetic",
        "speakers": "|".join(dialogue.speakers) if dialogue else "",
        "language": "en",
        "transcript": f"truth/{dialogue.name}.json" if dialogue else "",
    }


def main() -> None:
    """Everything in demo/recordings but LICENSE.txt."""
    for old in [*OUT.glob("*.*"), *OUT.glob("truth/*")]:
        if old.name != "LICENSE.txt":
            old.unlink()
    (OUT / "truth").mkdir(parents=True, exist_ok=True)
    dialogues = read_dialogues(HERE / "dialogues.txt")
    for dialogue in dialogues:
        make(dialogue)
    broken, whole, n_bytes = BROKEN
    (OUT / broken).write_bytes((OUT / whole).read_bytes()[:n_bytes])
    rows = [manifest_row(RECORDINGS[d.name].files[0], d, RECORDINGS[d.name]) for d in dialogues]
    rows.append(manifest_row(broken, None, Recording(files=(broken,), codec="aac", rate_hz=48_000)))
    with (OUT / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
