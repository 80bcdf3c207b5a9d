"""Figures of a codec on held-out speech, and the model card that states them.

    python -m model.codec_card SPEECH [--codec builtin] [--telephone FILE ...] [--sounds FILE ...] [--write FOLDER]

SPEECH is the folder the codec was trained on: only its held-out speakers are measured.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.codec import (
    CARDINALITY,
    FRAME_SAMPLES,
    N_CODEBOOKS,
    SAMPLE_RATE_HZ,
    Codec,
    FloatArray,
    decode,
    encode,
    load_codec,
)
from model.speech_audio import find_speech, held_out, read_audio
from model.speech_metrics import Quality, active_frames, optional, quality
from schemas.atomic import write_text

LONGEST_S = 12.0
TELEPHONE_S = 20.0
CLIPS_PER_SET = 30
CHECK_CLIPS = 4
CHECK_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFigures:
    """Means over the clips of a set."""

    name: str
    clips: int
    seconds: float
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of a codec."""

    digest: str
    sets: list[SetFigures]
    entries_used: list[int]
    entropy_bits: list[float]
    encode_x_real_time: float
    decode_x_real_time: float


def measure(codec: Codec, sets: dict[str, list[FloatArray]]) -> Figures:
    """Encode and decode every clip on one thread; means per set, use of the codebooks and speed over all."""
    codes: list[NDArray[np.int16]] = []
    measured = []
    spent_s = np.zeros(2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name, clips in sets.items():
        qualities = []
        for clip in clips:
            started = time.process_time()
            codes.append(encode(codec, clip))
            encoded = time.process_time()
            decoded = decode(codec, codes[-1])[: clip.size]
            spent_s += (encoded - started, time.process_time() - encoded)
            qualities.append(quality(clip, decoded))
        seconds = sum(c.size for c in clips) / SAMPLE_RATE_HZ
        measured.append(SetFigures(name=name, clips=len(clips), seconds=seconds, quality=_mean(qualities)))
    torch.set_num_threads(threads)
    together = np.concatenate([np.zeros((N_CODEBOOKS, 0), np.int16), *codes], axis=1)
    audio_s = together.shape[1] * FRAME_SAMPLES / SAMPLE_RATE_HZ
    counts = [np.bincount(row, minlength=CARDINALITY) for row in together]
    return Figures(
        digest=codec.digest,
        sets=measured,
        entries_used=[int((c > 0).sum()) for c in counts],
        entropy_bits=[_entropy_bits(c) for c in counts],
        encode_x_real_time=float(audio_s / max(spent_s[0], 1e-9)),
        decode_x_real_time=float(audio_s / max(spent_s[1], 1e-9)),
    )


def _entropy_bits(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / max(int(counts.sum()), 1)
    return float((share * np.log2(1 / share)).sum())


def _mean(qualities: Sequence[Quality]) -> Quality:
    """Mean of each figure over the clips that have it."""
    means = {}
    for field in fields(Quality):
        values = [v for v in (getattr(q, field.name) for q in qualities) if np.isfinite(v)]
        means[field.name] = float(np.mean(values)) if values else float("nan")
    return Quality(**means)


def held_out_sets(speech: Path) -> dict[str, list[FloatArray]]:
    """Clips of held-out speakers per folder of `speech`, pairs of them overlapped, and the set `check`."""
    folders = _held_out_files(speech)
    sets = {name: [_start(path, LONGEST_S) for path in paths] for name, paths in folders.items()}
    pool = next(iter(sets.values()), [])[:20]
    sets["overlapped pairs"] = [overlap(a, b) for a, b in zip(pool[::2], pool[1::2], strict=False)]
    sets["check"] = check_set(speech)
    return {name: clips for name, clips in sets.items() if clips}


def check_set(speech: Path) -> list[FloatArray]:
    """The first 8 s of four held-out speakers: little enough to be measured again by a test."""
    paths = next(iter(_held_out_files(speech).values()), [])
    return [_start(path, CHECK_S) for path in paths[:CHECK_CLIPS]]


def _held_out_files(speech: Path) -> dict[str, list[Path]]:
    """At most 30 files per folder, a speaker at a time; the folder with the most held-out speakers first."""
    by_folder: dict[str, dict[str, list[Path]]] = {}
    for utterance in find_speech(speech):
        if held_out(utterance.speaker):
            folder = utterance.path.relative_to(speech).parts[0]
            by_folder.setdefault(folder, {}).setdefault(utterance.speaker, []).append(utterance.path)
    files = {}
    for folder, speakers in sorted(by_folder.items(), key=lambda item: -len(item[1])):
        rounds = max(len(paths) for paths in speakers.values())
        paths = [p[k] for k in range(rounds) for p in speakers.values() if k < len(p)]
        files[folder] = paths[:CLIPS_PER_SET]
    return files


def _start(path: Path, length_s: float) -> FloatArray:
    return read_audio(path)[: int(length_s * SAMPLE_RATE_HZ)]


def overlap(first: FloatArray, second: FloatArray) -> FloatArray:
    """Two voices at once at equal level, as long as the shorter."""
    size = min(first.size, second.size)
    a, b = first[:size], second[:size]
    mixed: FloatArray = (a + b * (a.std() / max(float(b.std()), 1e-6))) * np.float32(0.5)
    return mixed


def busiest(audio: FloatArray) -> FloatArray:
    """The 20 s with the most speech in it."""
    size = int(TELEPHONE_S * SAMPLE_RATE_HZ)
    active = np.repeat(active_frames(audio), 240)[: audio.size].astype(np.float64)
    total = np.cumsum(np.pad(active, (1, 0)))
    start = int(np.argmax(total[size:] - total[:-size])) if audio.size > size else 0
    return audio[start : start + size]


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    lines = [
        "| set | clips | s | STOI | ESTOI | PESQ-WB | pitch errors | voicing errors | log-mel, dB | level, dB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in figures.sets:
        q = row.quality
        lines.append(
            f"| {row.name} | {row.clips} | {row.seconds:.0f} | {q.stoi:.3f} | {q.estoi:.3f} | {q.pesq_wb:.2f} "
            f"| {100 * q.pitch_gross:.1f} % | {100 * q.voicing_error:.1f} % | {q.mel_db:.1f} | {q.level_db:+.1f} |"
        )
    used = ", ".join(
        f"{n:,} ({bits:.1f})" for n, bits in zip(figures.entries_used, figures.entropy_bits, strict=True)
    )
    lines += [
        "",
        f"Entries used of 2,048 on all of it, by codebook (entropy in bits): {used}.",
        "",
        f"One core (processor time): encoding {figures.encode_x_real_time:.0f} × real time, "
        f"decoding {figures.decode_x_real_time:.0f} × real time.",
    ]
    return "\n".join(lines)


def write_card(folder: Path, figures: Figures, about: str) -> None:
    """Write codec.md (the card) and codec.json (its figures, for the test that measures them again)."""
    card = (
        f"# The built-in codec\n\n{about}\n\n## Figures\n\nWeights: SHA-256 `{figures.digest}`.\n\n{table(figures)}\n"
    )
    write_text(folder / "codec.md", card)
    plain = json.loads(json.dumps(asdict(figures)), parse_constant=lambda _: None)
    write_text(folder / "codec.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")


def main() -> None:
    """Measure and print; with --write, replace the figures in FOLDER's card."""
    parser = argparse.ArgumentParser(description="Measure a codec on held-out speech.")
    parser.add_argument("speech", type=Path, help="folder of speech; only its held-out speakers are measured")
    parser.add_argument("--codec", default="builtin", help="builtin, mimi:FOLDER or a .safetensors file")
    parser.add_argument(
        "--telephone", type=Path, nargs="*", default=[], help="telephone recordings to measure as well"
    )
    parser.add_argument("--sounds", type=Path, nargs="*", default=[], help="other sounds to measure as well")
    parser.add_argument("--write", type=Path, help="folder whose codec.md and codec.json get the figures")
    given = parser.parse_args()
    sets = held_out_sets(given.speech)
    sets["telephone"] = [busiest(read_audio(path)) for path in given.telephone]
    sets["other sounds"] = [read_audio(path) for path in given.sounds]
    figures = measure(load_codec(given.codec), {name: clips for name, clips in sets.items() if clips})
    print(table(figures))  # noqa: T201
    for package in ("pystoi", "pesq"):
        if optional(package) is None:
            print(f"{package} is not installed: its figures are nan (pip install {package})")  # noqa: T201
    if given.write:
        about = (given.write / "codec.md").read_text(encoding="utf-8").split("\n## Figures")[0]
        write_card(given.write, figures, about.removeprefix("# The built-in codec\n\n"))


if __name__ == "__main__":
    main()
