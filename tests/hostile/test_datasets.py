"""Datasets that others made, and lie: every command that reads one ends in a line, and reads nothing outside."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.engine import open_engine
from model.codec import load_codec
from model.shards import Dataset
from pipeline.build import select_and_pack
from pipeline.config import BuildConfig
from pipeline.describe import MadeBy
from pipeline.prepare import Prepared
from pipeline.view import View
from schemas.errors import DatasetError, UserError
from schemas.prepared import PreparedFile, PreparedWriter
from tests.hostile import forged
from tests.hostile.conftest import ANY, N_FRAMES
from tests.hostile.judge import duplexset, judge_line, snapshot
from tests.tones import tones_flac

EVERY = tuple(forged.every())
STEP = 1 if os.environ.get("HOSTILE") == "all" else 5
"""Each forged dataset meets every fifth command, each command every fifth dataset; HOSTILE=all: each meets all."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "verify": ("verify", "{out}"),
    "decode": ("decode", "{out}", "{to}/x.wav"),
    "report": ("report", "{out}"),
    "stats": ("stats", "{out}"),
    "policy": ("policy", "check", "{out}"),
    "summary": ("audit", "summary", "{out}", "--csv", "{to}/x.csv"),
    "show": ("audit", "show", "{out}", ""),
    "query": ("audit", "query", "{out}", "SELECT * FROM clips"),
    "notice": ("audit", "notice", "{out}"),
    "check": ("audit", "check", "{out}", "--json", "{to}/x.json"),
    "diff": ("audit", "diff", "{out}", "{out}"),
    "provenance": ("audit", "provenance", "{out}", "--to", "{to}/x.prov.json"),
    "static": ("browse", "{out}", "--static", "{to}/static"),
    "list": ("withdraw", "{out}", "--list"),
    "withdraw": ("withdraw", "{out}", "--licence=CC0-1.0", "--dry-run"),
    "moshi": ("export", "{out}", "{to}/moshi", "--to", "moshi-finetune"),
    "nu": ("export", "{out}", "{to}/nu", "--to", "nu-dialogue"),
    "hub": ("export", "{out}", "{to}/hub", "--to", "huggingface"),
    "lhotse": ("export", "{out}", "{to}/lhotse", "--to", "lhotse"),
}
_MADE: dict[str, Path] = {}


@pytest.fixture
def small(place: Any, tmp_path_factory: pytest.TempPathFactory, make_recording: Any, make_clip: Any) -> Path:
    """A good dataset of three recordings, anew for each test."""
    if not _MADE:
        out, files = tmp_path_factory.mktemp("small") / "out", []
        for name in "abc":
            recording = make_recording(f"{name}.wav", (f"{name}-1", f"{name}-2"))
            path = out / "work" / "prepared" / f"{recording.recording_id}.parquet"
            writer = PreparedWriter(path, recording, "f" * 64)
            writer.add(replace(make_clip(recording, 0, N_FRAMES), flac=tones_flac(N_FRAMES)))
            writer.close()
            files.append(PreparedFile(path, recording.licence))
        config = BuildConfig(split_percent=(34, 33, 33), flac=True, policy=ANY)
        made_by = MadeBy(config=config, weights={"builtin": load_codec().digest}, fingerprint="f" * 64)
        with View(interactive=False) as view:
            select_and_pack(Prepared(files=files), out, made_by, engine=open_engine("inline", None), view=view)
        _MADE["out"] = out
    shutil.copytree(_MADE["out"], place.out)
    return place.out


def run(command: tuple[str, ...], out: Path, to: Path) -> int:
    return duplexset(*(part.replace("{out}", str(out)).replace("{to}", str(to)) for part in command)).code


@pytest.mark.parametrize("command", COMMANDS)
def test_the_dataset_is_good_before_it_is_forged(small: Path, place: Any, command: str) -> None:
    assert run(COMMANDS[command], small, place.inside) == (2 if command == "show" else 0)


@pytest.mark.parametrize("at", range(len(EVERY)), ids=[f"{family}: {name}" for family, name, _ in EVERY])
def test_a_forged_dataset(small: Path, place: Any, connects: object, at: int) -> None:
    EVERY[at][2](small)
    before = snapshot(small / "index")
    for command in list(COMMANDS.values())[at % STEP :: STEP]:
        run(command, small, place.inside)
    assert snapshot(small / "index") == before
    loader(small)


def loader(out: Path) -> None:
    """What a trainer reads."""
    for split in ("train", "validation", "test"):
        try:
            dataset = Dataset(out)
            index = dataset.index(split)
            for at in range(len(index)):
                dataset.read(index, at, with_words=True, with_persona=True)
        except (DatasetError, UserError) as error:
            judge_line(error)
