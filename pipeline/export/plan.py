"""What is exported and how, written beside it; another export into the same folder is refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.codec import Codec, load_codec
from model.streams import TextRule
from model.text import SentencePieceText, load_text_tokenizer
from pipeline.dataset_json import described
from pipeline.export.errors import ExportError
from pipeline.lock import alone
from schemas.atomic import write_text
from schemas.shard import Split

PLAN: Final = "export.json"
LOCK: Final = ".lock"
VERSION: Final = 1  # raised whenever the files of a format change
FORMATS: Final = ("moshi-finetune", "nu-dialogue", "lhotse", "huggingface")
SPLITS: Final = tuple(split.value for split in Split)
CHANNELS: Final = {"0": (0,), "1": (1,), "both": (0, 1)}
_WITH_CHANNEL: Final = "moshi-finetune"
_WITHOUT_AUDIO: Final = "nu-dialogue"
_WITH_TEXT: Final = "nu-dialogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """`to`: the format. `model_channel`: which speaker is the model, None where the format does not ask.

    `decode`: audio out of the codec tokens, not the FLAC of the samples. `text`: the tokenizer of the text row, see
    `load_text_tokenizer`; `text_rule`: for words that come too fast, see `text_row`; None: nothing was said about it.
    """

    to: str
    splits: tuple[str, ...] = SPLITS
    model_channel: str | None = None
    decode: bool = False
    text: str | None = None
    text_rule: TextRule | None = None

    def __post_init__(self) -> None:
        """Raise ExportError for what cannot be asked for."""
        for given, known, option in (
            ((self.to,), FORMATS, "--to"),
            (self.splits, SPLITS, "--split"),
            ((self.model_channel or "both",), tuple(CHANNELS), "--model-channel"),
        ):
            for value in given:
                if value not in known:
                    raise ExportError(f"{option} {value!r} is not known: give one of {', '.join(known)}")
        if self.model_channel is not None and self.to != _WITH_CHANNEL:
            raise ExportError(f"--model-channel is for --to {_WITH_CHANNEL}: {self.to} has both speakers alike")
        if self.decode and self.to == _WITHOUT_AUDIO:
            raise ExportError(f"--decode makes audio, and --to {self.to} has none: leave it out")
        if self.text is not None and self.to != _WITH_TEXT:
            raise ExportError(f"--text is for --to {_WITH_TEXT}: {self.to} has words, and no row of text tokens")
        if self.text_rule is not None and self.text is None:
            raise ExportError("--text-rule is for a row of text tokens: give --text as well, or leave it out")

    @property
    def rule(self) -> TextRule:
        """For words that come too fast."""
        return self.text_rule or "shift"

    @property
    def orientations(self) -> tuple[int, ...]:
        """The channels that play the model, each in files of its own."""
        return CHANNELS[self.model_channel or "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The dataset: its description, the codec where audio is made from the tokens, and the text tokenizer if any."""

    description: dict[str, Any]
    codec: Codec | None = None
    tokenizer: SentencePieceText | None = None

    @property
    def fingerprint(self) -> str:
        """Stands for stage versions, configuration and weights."""
        return str(self.description["fingerprint"])

    @property
    def codec_name(self) -> str:
        """As `build --codec` named it, without the place of its weights."""
        kind, _, where = str(self.description["configuration"]["codec"]).partition(":")
        return kind if where else Path(kind).name


def origin_of(config: ExportConfig, out: Path) -> Origin:
    """Look at the dataset. Raises ExportError where it lacks the audio, DescriptionError, CodecError, TextError."""
    description = described(out)
    configuration, weights = description["configuration"], description["weights"]
    codec_name, has_flac = configuration["codec"], configuration["flac"]
    if not config.decode:
        if config.to != _WITHOUT_AUDIO and not has_flac:
            raise ExportError(
                f"{out} was built without audio, which {config.to} needs: build it again with --flac, "
                "or give --decode to make audio from the codec tokens"
            )
        tokenizer = load_text_tokenizer(config.text) if config.text is not None else None
        return Origin(description=description, tokenizer=tokenizer)
    codec = load_codec(codec_name)
    if weights.get(codec_name, codec.digest) != codec.digest:
        raise ExportError(
            f"the weights of the codec {codec_name} are not those that made the tokens of {out} "
            f"(SHA-256 {weights[codec_name][:12]}...): put those back"
        )
    return Origin(description=description, codec=codec)


def claim(config: ExportConfig, origin: Origin, folder: Path) -> None:
    """Mark the folder as this export's. Raises ExportError if it is another's."""
    path = folder / PLAN
    mine = {
        "version": VERSION,
        "to": config.to,
        "split": [split for split in SPLITS if split in config.splits],
        "model_channel": (config.model_channel or "both") if config.to == _WITH_CHANNEL else None,
        "decode": config.decode,
        "text": origin.tokenizer.digest if origin.tokenizer else None,
        "text_rule": config.rule if origin.tokenizer else None,
        "fingerprint": origin.fingerprint,
    }
    if not path.is_file():
        write_text(path, json.dumps(mine, indent=1) + "\n")
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        different = [(key, there.get(key), value) for key, value in mine.items() if there.get(key) != value]
    except (ValueError, AttributeError) as error:
        raise ExportError(f"{path} cannot be read ({error}): give another folder") from error
    for key, was, now in different:
        raise ExportError(f"{folder} holds an export with {key} {was!r}, not {now!r}: give another folder")


@contextmanager
def only_export(folder: Path) -> Iterator[None]:
    """Hold the folder: a second export into it is refused. The lock goes with the process, however it ends.

    Raises ExportError, too, for a folder that holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    strange = sorted(p.name for p in folder.iterdir() if p.name != LOCK)
    if strange and PLAN not in strange:
        raise ExportError(f"{folder} holds other files ({strange[0]}, ...): give an empty or new folder")
    busy = ExportError(f"another export is writing to {folder}: wait for it, or give another folder")
    with alone(folder / LOCK, busy):
        yield
