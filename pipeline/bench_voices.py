"""How many voices are found in recordings on one track that have one, two, three or five.

    python -m pipeline.bench_voices SPEECH [--noise FOLDER] [--music FOLDER] [--rooms FOLDER]
        [--count N] [--length SECONDS] [--seed N]

Of each kind and scene, N recordings of held-out speakers of SPEECH. Where somebody speaks is known: it is the voices
that are counted. `model.diarization.clusters` has the proof that is asked for, whose constants these recordings tell.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from model.diarization.clusters import find_voices
from model.diarization.networks import Networks, load_networks
from model.diarization.track import Track
from model.resample import to_int16
from model.simulate.conversation import simulate
from model.simulate.scene import draw_scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Pair, Voice, Voices

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Random = np.random.Generator

SCENES: Final = ("clean", "noise10", "reverb", "telephone")
KINDS: Final[Mapping[str, tuple[int, Pair]]] = {
    "one": (1, "any"),
    "two, unlike": (2, "mixed"),
    "two, alike": (2, "same"),
    "three": (3, "any"),
    "five": (5, "any"),
}
LONE_S: Final = 12.0
"""Speech that a voice has which is to fill a recording alone."""
FRAME_SAMPLES: Final = 480


def counted(mixture: Float32, activity: Bool, networks: Networks) -> int:
    """The voices found in a recording, float32 [samples]; activity: bool [speakers, frames of 10 ms]."""
    audio = to_int16(mixture)
    spoken: Bool = np.any(activity[:, ::2], axis=0)
    missing = max(0, audio.size // FRAME_SAMPLES - spoken.size)
    heard = np.pad(spoken, (0, missing))[: audio.size // FRAME_SAMPLES]
    clusters, _ = find_voices(Track(audio, heard, networks).embedder.windows())
    return len(clusters.centroids)


def draw(voices: Voices, number: int, pair: Pair, random: Random) -> list[Voice]:
    """Who speaks in a recording."""
    if number > 1:
        return voices.draw(random, number, pair)
    enough = [voice for voice in voices if voice.speech_s >= LONE_S]
    return [enough[int(random.integers(len(enough)))]]


def table(found: Mapping[tuple[str, str], Counter[int]]) -> str:
    """Markdown: a row per kind, a column per scene; "12 x 2": two voices were found in twelve recordings."""
    lines = ["| voices | " + " | ".join(SCENES) + " |", "|---" * (1 + len(SCENES)) + "|"]
    for kind in KINDS:
        cells = (", ".join(f"{n} x {k}" for n, k in sorted(found[kind, scene].items())) for scene in SCENES)
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    for folder in ("noise", "music", "rooms"):
        parser.add_argument(f"--{folder}", type=Path)
    parser.add_argument("--count", type=int, default=14)
    parser.add_argument("--length", type=float, default=45.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    voices = Voices.load(given.speech, held=True, least_s=6.0, most_s=90.0)
    sounds = Sounds.load(given.noise, given.music, given.rooms, held=True)
    networks, timing = load_networks(), TimingModel.builtin()
    random = np.random.default_rng(given.seed)
    found: dict[tuple[str, str], Counter[int]] = {}
    for scene in SCENES:
        for kind, (number, pair) in KINDS.items():
            numbers = found[kind, scene] = Counter()
            for _ in range(given.count):
                speakers = draw(voices, number, pair, random)
                scene_of_it = draw_scene(random, scene)
                made = simulate(random, speakers, timing, scene_of_it, sounds, given.length, number)
                numbers[counted(made.mixture, made.activity, networks)] += 1
            typer.echo(f"{scene}, {kind}: {dict(numbers)}")
    typer.echo(f"\n{table(found)}")


if __name__ == "__main__":
    main()
