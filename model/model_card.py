"""The card of a network trained here: what it is, how and on what it was trained, its figures on held-out speakers.

    python -m model.model_card NETWORK SPEECH [--noise FOLDER] [--music FOLDER] [--rooms FOLDER]
        [--weights FILE] [--write FOLDER] [--state FOLDER ...]

measures weights again, those of the package unless others are given. SPEECH and the other folders are those of the
training: only what is held out of them is measured. --write replaces the figures in FOLDER's card and leaves its
words as they are; with --state, the folders of a training (the one that ships first), the words are written anew.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file

from model.fitting import FitConfig, Progress, read_state
from model.speech_audio import Utterance
from model.training_sets import TrainingFolders
from schemas.atomic import write_text
from schemas.errors import UserError

WEIGHTS: Final = Path(__file__).parent / "weights"
NETWORKS: Final = ("speaker", "separator", "segmentation", "enhancer")
HELD_OUT_WORDS: Final = (
    "One speaker in seven, chosen by a digest of the name, is held out of training and measured below; so are one\n"
    "noise in seven (of a folder with 14 or more, else the last third of each) and the last third of each piece of\n"
    "music. Rooms are not held out."
)
Values = dict[str, float]


class CardError(UserError):
    """A card that cannot be written: what is wrong, where, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the card of a network says beside its data, and how its figures are measured.

    about, limits: Markdown. columns: heading and format of each figure. measure: weights and folders to the figures
    of each set, {} where nobody is held out; minutes at most. check: figures of a set small enough for a test, which
    come out within `check_within` on any machine. sources: the files that a training on these folders uses.
    """

    name: str
    title: str
    about: str
    limits: str
    columns: Mapping[str, tuple[str, str]]
    measure: Callable[[Path, TrainingFolders], dict[str, Values]]
    check: Callable[[Path, TrainingFolders], Values]
    check_within: float
    sources: Callable[[TrainingFolders], list[Utterance]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured with the weights of this digest."""

    sha256: str
    sets: dict[str, Values]
    check: Values
    check_within: float


def measured(network: Network, weights: Path, folders: TrainingFolders) -> Figures:
    """All figures, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sets = network.measure(weights, folders)
    check = network.check(weights, folders) if sets else {}
    torch.set_num_threads(threads)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return Figures(sha256=digest, sets=sets, check=check, check_within=network.check_within)


def table(columns: Mapping[str, tuple[str, str]], sets: Mapping[str, Values]) -> str:
    """The figures as Markdown; a dash for what a set does not have."""
    if not sets:
        return "None: of the speakers trained from, fewer than three are held out."
    present = {name: column for name, column in columns.items() if any(name in row for row in sets.values())}
    lines = ["| set | " + " | ".join(heading for heading, _ in present.values()) + " |"]
    lines.append("|---" * (1 + len(present)) + "|")
    for name, row in sets.items():
        values = (row.get(figure, math.nan) for figure in present)
        shown = (_shown(v, form) for v, (_, form) in zip(values, present.values(), strict=True))
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _shown(value: float, form: str) -> str:
    return format(value, form).replace("%", " %") if math.isfinite(value) else "-"


def data_table(sources: Iterable[Utterance]) -> str:
    """The files trained on as Markdown: how many of each folder, under which licences and from where."""
    folders: dict[str, list[Utterance]] = {}
    for source in sources:
        folders.setdefault(source.path.parent.name, []).append(source)
    lines = ["| folder | files | licence | from |", "|---|---|---|---|"]
    for name, files in sorted(folders.items()):
        licences = sorted({u.licence.split(" (")[0] for u in files if u.licence}) or ["not stated"]
        origins = sorted({u.origin for u in files if u.origin}) or ["not stated"]
        lines.append(f"| {name} | {len(files)} | {', '.join(licences)} | {', '.join(origins)} |")
    return "\n".join(lines)


def words(network: Network, weights: Path, sources: Iterable[Utterance], states: Sequence[Path], machine: str) -> str:
    """All of a card before its figures. states: folders of the trainings, that of the weights first."""
    lines = []
    for folder in states:
        state = read_state(folder)
        config, done = FitConfig(**state["config"]), Progress(**state["progress"])
        config = replace(config, start=Path(config.start).name)  # no path of a machine
        which = "" if folder == states[0] else f"{folder.name}: "
        lines.append(f"{which}{done.step:,} steps, {done.trained_s / 60:.0f} min on {machine}. {config}.")
    size = sum(t.numel() for t in load_file(weights).values())
    return "\n\n".join(
        [
            network.about,
            f"{size / 1e6:.2f} million weights, float16.",
            f"## Recipe\n\n`duplexset fit {network.name}`: {lines[0]}",
            *lines[1:],
            f"## Data\n\n{HELD_OUT_WORDS}",
            data_table(sources),
            f"## Use and limits\n\n{network.limits}",
        ]
    )


def write_card(folder: Path, network: Network, figures: Figures, before: str) -> None:
    """Write NAME.md (the card) and NAME.json (its figures, for the test that measures them again)."""
    card = (
        f"# {network.title}\n\n{before}\n\n## Figures\n\nWeights: SHA-256 `{figures.sha256}`. Measured with "
        f"`python -m model.model_card {network.name}`.\n\n{table(network.columns, figures.sets)}\n"
    )
    write_text(folder / f"{network.name}.md", card)
    plain = json.loads(json.dumps(asdict(figures)), parse_constant=lambda _: None)
    write_text(folder / f"{network.name}.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")


def machine_of(device: str) -> str:
    """The class of machine that a training runs on, in words."""
    if device != "cpu":
        return torch.cuda.get_device_name(torch.device(device))
    threads = torch.get_num_threads()
    return "one CPU core" if threads == 1 else f"{threads} CPU cores"


def finish(
    network: Network,
    folders: TrainingFolders,
    out: Path,
    *,
    sources: Iterable[Utterance],
    device: str,
    report: Callable[[str], None],
    states: Sequence[str] = (".",),
) -> Path:
    """Measure OUT/NAME.safetensors, write the card beside it; returns the weights. states: of `words`, in `out`."""
    weights = out / f"{network.name}.safetensors"
    report("measuring on held-out speakers")
    figures = measured(network, weights, folders)
    before = words(network, weights, sources, [out / s for s in states], machine_of(device))
    write_card(out, network, figures, before)
    report(table(network.columns, figures.sets))
    return weights


def words_kept(network: Network, folder: Path) -> str:
    """What FOLDER's card says before its figures. Raises CardError where there is none."""
    path = folder / f"{network.name}.md"
    if not path.is_file():
        raise CardError(f"no {path.name} in {folder}: give --state too, and its words are written anew")
    before = path.read_text(encoding="utf-8").split("\n\n## Figures")[0]
    return before.removeprefix(f"# {network.title}\n\n")


def network_of(name: str) -> Network:
    """The network `name` of NETWORKS."""
    network: Network = import_module(f"model.{name}.train").NETWORK
    return network


def main() -> None:
    """Measure and print; with --write, replace the figures in FOLDER's card."""
    parser = argparse.ArgumentParser(description="Measure a built-in network on held-out speakers.")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("speech", type=Path, help="folder of speech; only its held-out speakers are measured")
    for name in ("noise", "music", "rooms"):
        parser.add_argument(f"--{name}", type=Path, help=f"folder of {name}; only what is held out is used")
    parser.add_argument("--weights", type=Path, help="a .safetensors file; default: the package's")
    parser.add_argument("--write", type=Path, help="folder whose card gets the figures")
    parser.add_argument("--state", type=Path, nargs="*", help="folders of the training: write the words anew")
    parser.add_argument("--machine", default="one CPU core", help="what it was trained on, for --state")
    given = parser.parse_args()
    network = network_of(given.network)
    folders = TrainingFolders(speech=given.speech, noise=given.noise, music=given.music, rooms=given.rooms)
    weights = given.weights or WEIGHTS / f"{network.name}.safetensors"
    figures = measured(network, weights, folders)
    print(table(network.columns, figures.sets))  # noqa: T201
    if given.write:
        anew = given.state and words(network, weights, network.sources(folders), given.state, given.machine)
        write_card(given.write, network, figures, anew or words_kept(network, given.write))


if __name__ == "__main__":
    main()
