"""Export: the clips of a dataset into a folder, in the format of others. What is there already stays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Protocol

from model.shards import Dataset
from pipeline.export.errors import ExportError
from pipeline.export.folder import Members, strangers
from pipeline.export.huggingface import HuggingFace
from pipeline.export.lhotse import Lhotse
from pipeline.export.licences import MANIFEST, NOTICE, TABLE, write_notice, write_table
from pipeline.export.moshi_finetune import MoshiFinetune
from pipeline.export.nu_dialogue import NuDialogue
from pipeline.export.plan import SPLITS, ExportConfig, Origin, claim, only_export, origin_of
from pipeline.export.samples import read_sample, read_words
from pipeline.index import kept_clips
from schemas.plain_text import counted
from schemas.shard import ClipRow


class Format(Protocol):
    """How the clips lie in a folder."""

    def clip_folders(self, split: str) -> tuple[Path, ...]:
        """Where files lie that are of one clip each."""
        ...

    def part_folders(self) -> tuple[Path, ...]:
        """Where files lie that are of one shard each."""
        ...

    def manifests(self, split: str) -> tuple[Path, ...]:
        """Files that name a split's clips; `finish` writes them."""
        ...

    def files(self, row: ClipRow) -> tuple[str, ...]:
        """The files that hold a clip, relative to the folder."""
        ...

    def put(self, shard: str, digest: str, rows: Iterator[ClipRow]) -> int:
        """Write those clips of a shard that are not there; how many. digest: of the shard's clips."""
        ...

    def finish(self, split: str, rows: Iterator[ClipRow]) -> None:
        """Write what names a split's clips, when all are there."""
        ...

    def close(self, rows: Callable[[], Iterator[ClipRow]]) -> None:
        """Write what is of all splits."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """Clips that are there, how many of them this run wrote, files it took away, and what a person should know."""

    clips: int
    written: int
    removed: int
    notes: tuple[str, ...] = ()


def export(config: ExportConfig, out: Path, folder: Path, report: Callable[[str], None]) -> ExportResult:
    """Bring a folder up to date with a dataset.

    Raises ExportError, DatasetError, CatalogError, CodecError, OSError.
    """
    origin = origin_of(config, out)
    if folder.resolve().is_relative_to(out.resolve()):
        raise ExportError(f"{folder} lies in the dataset {out}: give a folder outside of it")
    withdrawn = Dataset(out).withdrawn()
    members = Members.of(out, config.splits, withdrawn)
    with only_export(folder):
        claim(config, origin, folder)
        for leftover in folder.rglob(".*.tmp"):  # of an export that was killed
            leftover.unlink()
        form = format_of(config, origin, out, folder)
        removed = _take_away(form, folder, config, members)
        written = 0
        rows = partial(kept_clips, out, config.splits, withdrawn)
        for done, (shard, of) in enumerate(groupby(rows(), key=lambda row: str(row.shard)), start=1):
            if shard not in members.shards:
                raise ExportError(f"{out} changed meanwhile: run the same command again; what is done is kept")
            written += form.put(shard, members.shards[shard], of)
            report(f"{shard}: {done} of {counted(len(members.shards), 'shard')}, {counted(written, 'clip')} written")
        for split in members.ids:
            form.finish(split, kept_clips(out, (split,), withdrawn))
        form.close(rows)
        write_table(folder, rows(), form.files)
        write_notice(folder, out, config.splits if len(set(config.splits)) < len(SPLITS) else ())
    return ExportResult(clips=len(members), written=written, removed=removed, notes=_notes(form, origin))


def format_of(config: ExportConfig, origin: Origin, out: Path, folder: Path) -> Format:
    """The format that the configuration names."""
    read = partial(read_sample, out, codec=origin.codec)
    if config.to == "moshi-finetune":
        return MoshiFinetune(folder=folder, channels=config.orientations, read=read)
    if config.to == "nu-dialogue":
        return NuDialogue(folder=folder, read=read, tokenizer=origin.tokenizer, rule=config.rule)
    if config.to == "lhotse":
        return Lhotse(folder=folder, read=read, read_words=partial(read_words, out))
    if config.to == "huggingface":
        return HuggingFace(folder=folder, read=read, codec=origin.codec_name)
    raise ExportError(f"--to {config.to!r} is not known")


def _take_away(form: Format, folder: Path, config: ExportConfig, members: Members) -> int:
    """Remove the files of clips that do not belong there, such as withdrawn ones; how many.

    What names them goes first: until the export has ended, nothing points at what is not there.
    """
    found = [
        path for split in config.splits for f in form.clip_folders(split) for path in strangers(f, split, members)
    ]
    found += [path for f in form.part_folders() for path in strangers(f, None, members)]
    for split in config.splits:
        if found or split not in members.ids:
            for path in form.manifests(split):
                path.unlink(missing_ok=True)
    if found:
        for name in (TABLE, NOTICE, MANIFEST):
            (folder / name).unlink(missing_ok=True)
    for path in found:
        path.unlink()
    return len(found)


def _notes(form: Format, origin: Origin) -> tuple[str, ...]:
    """What a format cannot say, and what it lost."""
    if not isinstance(form, NuDialogue):
        return ()
    notes = []
    if origin.tokenizer is None:
        notes.append("the text row of the tokens is PAD: give a tokenizer with --text; the words are in text/")
    if origin.codec_name != "mimi":
        notes.append("the tokens are not of Mimi but of another codec: Moshi's weights do not know them")
    if form.lost.total():
        parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in form.lost.items() if count)
        notes.append(f"{form.lost.total()} text tokens have no frame in what was written now: {parts}")
    return tuple(notes)
