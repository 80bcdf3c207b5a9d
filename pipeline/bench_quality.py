"""What each part of the mixture path is worth, and what others do instead: one table.

    python -m pipeline.bench_quality SPEECH OUT [--noise FOLDER] [--music FOLDER] [--rooms FOLDER]
        [--timings TSV] [--count N] [--length SECONDS] [--seed N] [--truth DIR ...]

Conversations of held-out speakers are simulated in OUT (kept, and used again); --truth adds recordings with known
channels. Each goes through the stages of `build` up to who speaks when, then to each system.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Final, get_args

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from model.diarization.activity import solo
from model.diarization.networks import Networks, load_networks
from model.measures.activity import to_segments
from model.measures.pooling import pooled
from model.measures.recording import Activity, RecordingScore, in_channel_order, score_recording
from model.measures.separation import frame_sums
from model.measures.turn_taking import EVENT_KINDS
from model.simulate.voices import Pair
from pipeline.bench_systems import BUILT, SYSTEMS, Piece
from pipeline.bench_trust import Trust, said_of_overlaps, trust_table
from pipeline.config import BuildConfig, conversation, intake
from pipeline.score import COLLAR_S
from pipeline.score_audio import file_blocks
from pipeline.score_truth import TruthFiles, find_truth, read_truth
from pipeline.simulate import SimulateConfig
from pipeline.simulate import run as simulate
from pipeline.sources import read_sources
from schemas.conversation import Mixed
from schemas.recording import SAMPLE_RATE_HZ
from schemas.rejection import Rejection
from stages.contract import Row, Work
from stages.separate import activity_of

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]

SCENES: Final = ("clean", "noise10", "reverb", "telephone")
PAIR_KINDS: Final[tuple[Pair, ...]] = tuple(p for p in get_args(Pair) if p in {"mixed", "same"})

COLUMNS: Final[Mapping[str, tuple[str, float, str]]] = {
    "DER": ("der_collar", 100.0, ".1f"),
    "overlap found": ("overlap_recall", 100.0, ".0f"),
    "right": ("overlap_precision", 100.0, ".0f"),
    "backchannels": ("backchannel_recall", 100.0, ".0f"),
    "SI-SDR": ("si_sdr_db_median", 1.0, ".1f"),
    "gain in overlap": ("gain_overlap_db_median", 1.0, ".1f"),
    "leakage": ("leakage_db_median", 1.0, ".1f"),
    "swap-free": ("swap_free", 100.0, ".0f"),
}
TAKING: Final[Mapping[str, tuple[str, float, str]]] = {
    **{kind.value.replace("_", " "): (f"{kind.value}_f1", 100.0, ".0f") for kind in EVENT_KINDS},
    "offset, ms": ("transfer_offset_median_ms", 1.0, ".0f"),
    "90 %": ("transfer_offset_p90_ms", 1.0, ".0f"),
}


Front = Sequence[tuple[type, Work]]


@dataclass(frozen=True, slots=True)
class Compared:
    """The scores of every system, and how far what `build` says of itself is true, stretch by stretch."""

    scores: dict[str, list[RecordingScore]] = field(default_factory=lambda: defaultdict(list))
    trust: list[Trust] = field(default_factory=list)

    def add(self, other: "Compared") -> None:
        """Put another comparison's stretches to these."""
        for system, found in other.scores.items():
            self.scores[system] += found
        self.trust.extend(other.trust)


def compare(truths: Sequence[TruthFiles], front: Front, networks: Networks, say: Callable[[str], None]) -> Compared:
    """Every system on every stretch that `build` would take apart."""
    compared = Compared()
    for truth in truths:
        rows = stretches(truth, front)
        for row in rows:
            if isinstance(row, Rejection):
                say(f"{truth.name}: {row.reason.value}: {row.detail}")
            if isinstance(row, Mixed):
                for name, one, trust in _scores(truth, row, networks):
                    compared.scores[name].append(one)
                    compared.trust.extend([trust] if name == BUILT else [])
                say(f"{truth.name}: DER {100 * compared.scores[BUILT][-1].der_collar.rate:.1f} %")
    return compared


def load_front() -> Front:
    """The stages of `build` up to who speaks when, ready to work, with the rows that each one takes."""
    config = BuildConfig()
    stages = [*intake(config), *conversation(config)]
    before = takewhile(lambda stage: stage.reads is not Mixed, stages)
    return [(stage.reads, stage.load("cpu")) for stage in before]


def stretches(truth: TruthFiles, front: Front) -> list[Row]:
    """What `build` makes of a recording up to who speaks when."""
    rows: list[Row] = list(read_sources([str(truth.mixture)], {"licence": "CC0-1.0"}).usable)
    for reads, work in front:
        made = [work(row) if isinstance(row, reads) else row for row in rows]
        rows = [row for out in made for row in (out if isinstance(out, Iterable) else [out])]
    return rows


def _scores(truth: TruthFiles, row: Mixed, networks: Networks) -> Iterator[tuple[str, RecordingScore, Trust]]:
    known = read_truth(truth)
    length_s = known.length_s or known.activity.covered[-1][1]
    true_audio, mixture = (
        np.concatenate(list(file_blocks(path, "")), 1) for path in (truth.audio, truth.mixture) if path
    )
    log_odds = np.frombuffer(row.odds, np.float16).reshape(-1, 2).astype(np.float32)
    frames = len(log_odds)
    start = row.start_sample // 480
    true = activity_of(known.activity.segments, start + frames + 1)[:, start : start + frames]
    piece = Piece(np.frombuffer(row.pcm, np.int16), activity_of(row.segments, frames), true, log_odds, row.known)
    covered = ((row.start_sample / SAMPLE_RATE_HZ, min(row.end_sample / SAMPLE_RATE_HZ, length_s)),)
    for name, system in SYSTEMS.items():
        if name == "true activity" and solo(true).sum(1).min() < 50:
            continue
        made = system(piece, networks)
        channels = np.zeros((2, mixture.shape[1]), np.float32)
        channels[:, row.start_sample : row.end_sample] = made.channels[:, : mixture.shape[1] - row.start_sample]
        sums = frame_sums(channels, _like(true_audio, channels), mixture.mean(0))
        whole = replace(known.activity, covered=((0.0, length_s),))
        whole = whole if known.ordered else in_channel_order(whole, sums.truth)
        shifted = [
            replace(s, start_s=s.start_s + covered[0][0], end_s=s.end_s + covered[0][0])
            for s in to_segments(np.repeat(made.activity, 2, 1))
        ]
        found = Activity(speakers=("0", "1"), segments=tuple(shifted), covered=covered)
        score = score_recording(truth.name, whole, found, sums, COLLAR_S)
        said = said_of_overlaps(made.activity, true, made.confidence) if made.confidence else np.zeros((0, 3))
        leaks = [max(leaks, default=-np.inf) for leaks in (made.leakage_db, [c.leakage_db for c in score.channels])]
        yield name, score, Trust(said, *leaks)


def _like(audio: Float32, shape: Float32) -> Float32:
    size = shape.shape[1]
    return np.pad(audio[:, :size], ((0, 0), (0, max(0, size - audio.shape[1]))))


def table(
    scores: Mapping[str, Sequence[RecordingScore]], columns: Mapping[str, tuple[str, float, str]] = COLUMNS
) -> str:
    """Markdown: a row per system, pooled over recordings; % and dB, dB as medians of the channels.

    columns: TAKING has the F1 of turn-taking events in % instead, and errors of floor-transfer offsets.
    """
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for name, found in scores.items():
        figures = pooled(found)
        values = (format(factor * figures[figure].value, form) for figure, factor, form in columns.values())
        lines.append(f"| {name} ({len(found)}) | " + " | ".join(values) + " |")
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("out", type=Path)
    for folder in ("noise", "music", "rooms", "timings"):
        parser.add_argument(f"--{folder}", type=Path)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--length", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--truth", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    front, networks = load_front(), load_networks()
    sets: dict[str, list[TruthFiles]] = {path.name: list(find_truth(path).values()) for path in given.truth}
    for k, (scene, pair) in enumerate((s, p) for s in SCENES for p in PAIR_KINDS):
        config = SimulateConfig(
            speech=given.speech,
            count=given.count,
            length_s=given.length,
            seed=given.seed + k,
            scene=scene,
            pair=pair,
            held=True,
            noise=given.noise,
            music=given.music,
            rooms=given.rooms,
            timings=given.timings,
        )
        folder = given.out / f"{scene}-{pair}"
        simulate(config, folder, lambda _: None)
        sets[folder.name] = list(find_truth(folder, images=True).values())
    groups: dict[str, Compared] = defaultdict(Compared)
    for name, truths in sets.items():
        compared = compare(truths, front, networks, typer.echo)
        typer.echo(f"\n{name}, {len(compared.trust)} of {len(truths)}\n\n{table(compared.scores)}\n")
        for group in ("everything", *name.split("-")[1:]):
            groups[group].add(compared)
    for group, compared in sorted(groups.items(), reverse=True):
        typer.echo(f"{group}\n\n{table(compared.scores)}\n\n{table(compared.scores, TAKING)}\n")
        typer.echo(f"{trust_table(compared.trust)}\n")


if __name__ == "__main__":
    main()
