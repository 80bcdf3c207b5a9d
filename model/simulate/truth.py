"""A simulated conversation on disk: the mixture in a file of any kind, and the truth beside it.

recordings/<name>.<kind>; truth/<name>.flac (24 kHz, a channel per speaker, 24 bits), .rttm and .json; where there is
a room, images/<name>.flac: the same channels as they sound in it. The JSON is written last: where it is, the
conversation is whole.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from numpy.typing import NDArray

from model.simulate.codecs import resample
from model.simulate.conversation import Simulated
from model.simulate.phrases import HOP, SAMPLE_RATE_HZ, Float32, runs_of
from schemas.atomic import whole_file, write_text

NARROW_HZ: Final = 8_000
# Kind of file: container, encoder, sample format, bit rate.
FORMATS: Final[dict[str, tuple[str, str, str, int]]] = {
    "flac": ("flac", "flac", "s16", 0),
    "wav": ("wav", "pcm_s16le", "s16", 0),
    "mp3": ("mp3", "libmp3lame", "s16p", 48_000),
    "opus": ("ogg", "libopus", "s16", 24_000),
}
_LAYOUTS: Final = ("mono", "stereo", "3.0", "quad", "5.0")
_BLOCK: Final = 4_096


def is_written(out: Path, name: str, kind: str) -> bool:
    """Whether a conversation of this name is there, whole."""
    return (out / "truth" / f"{name}.json").is_file() and (out / "recordings" / f"{name}.{kind}").is_file()


def write(out: Path, name: str, made: Simulated, seed: Sequence[int], kind: str = "flac") -> None:
    """Write a conversation into OUT/recordings, OUT/truth and OUT/images, each file whole or not at all.

    A scene whose line ends at 4 kHz gives a mixture at 8 kHz, others one at 24 kHz.
    """
    rate_hz = (
        NARROW_HZ if made.scene.band_hz is not None and made.scene.band_hz[1] <= NARROW_HZ / 2 else SAMPLE_RATE_HZ
    )
    mixture = resample(made.mixture, SAMPLE_RATE_HZ, rate_hz)
    write_audio(out / "recordings" / f"{name}.{kind}", mixture[None], rate_hz, kind)
    write_audio(out / "truth" / f"{name}.flac", made.channels, SAMPLE_RATE_HZ, "flac", sample_format="s32")
    if made.scene.room:
        write_audio(out / "images" / f"{name}.flac", made.images, SAMPLE_RATE_HZ, "flac", sample_format="s32")
    speakers = speaker_names(made)
    write_text(out / "truth" / f"{name}.rttm", rttm(name, speakers, made.activity))
    facts = {
        "name": name,
        "seed": list(seed),
        "duration_s": made.mixture.size / SAMPLE_RATE_HZ,
        "speakers": speakers,
        "pitch_hz": [round(v.pitch_hz * s, 1) for v, s in zip(made.speakers, made.scene.speeds, strict=False)],
        "scene": asdict(made.scene),
        "events": [
            {"channel": e.speaker, "start_s": round(e.start_s, 3), "end_s": round(e.end_s, 3), "kind": e.kind}
            for e in made.events
        ],
    }
    write_text(out / "truth" / f"{name}.json", json.dumps(facts, indent=1) + "\n")


def speaker_names(made: Simulated) -> list[str]:
    """A name per channel, without blanks; a voice that is there twice gets a number."""
    names: list[str] = []
    for voice in made.speakers:
        name = "_".join(voice.name.split())
        again = sum(n.partition("#")[0] == name for n in names)
        names.append(f"{name}#{again + 1}" if again else name)
    return names


def rttm(name: str, speakers: Sequence[str], activity: NDArray[np.bool_]) -> str:
    """NIST's rich transcription format: a SPEAKER line per stretch of activity (bool [n, frames of 10 ms])."""
    step_s = HOP / SAMPLE_RATE_HZ
    spans = [(int(a), int(b), i) for i, row in enumerate(activity) for a, b in runs_of(row)]
    lines = (
        f"SPEAKER {name} 1 {a * step_s:.3f} {(b - a) * step_s:.3f} <NA> <NA> {speakers[i]} <NA> <NA>\n"
        for a, b, i in sorted(spans)
    )
    return "".join(lines)


def write_audio(path: Path, audio: Float32, rate_hz: int, kind: str, *, sample_format: str = "") -> None:
    """Write float32 [channels, S] as a file of a kind in FORMATS, whole or not at all; always the same bytes."""
    container, encoder, own_format, bit_rate = FORMATS[kind]
    sample_format = sample_format or own_format
    exact = {"flags": "+bitexact"}
    with (
        whole_file(path) as temporary,
        av.open(str(temporary), "w", format=container, container_options={"fflags": "+bitexact"}) as file,
    ):
        added = file.add_stream(encoder, rate=rate_hz, layout=_LAYOUTS[len(audio) - 1], options=exact)
        stream = cast("av.AudioStream", added)
        stream.codec_context.format = sample_format
        if bit_rate:
            stream.codec_context.bit_rate = bit_rate
        for start in range(0, audio.shape[1], _BLOCK):
            frame = av.AudioFrame.from_ndarray(
                _packed(audio[:, start : start + _BLOCK], sample_format),
                format=sample_format,
                layout=_LAYOUTS[len(audio) - 1],
            )
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _packed(audio: Float32, sample_format: str) -> NDArray[np.int16] | NDArray[np.int32]:
    """float32 [channels, n] as FFmpeg wants it: interleaved [1, n * channels], planar [channels, n]."""
    planar = sample_format.endswith("p")
    if sample_format == "s32":
        fine = np.rint(audio.astype(np.float64).clip(-1.0, 1.0) * (2**23 - 1)).astype(np.int32) << 8
        return np.ascontiguousarray(fine.T.reshape(1, -1))
    coarse = np.rint(audio.clip(-1.0, 1.0) * 32_767).astype(np.int16)
    return coarse if planar else np.ascontiguousarray(coarse.T.reshape(1, -1))
