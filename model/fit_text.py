"""Training of a text tokenizer for the text row: SentencePiece's unigram model, as Moshi's is.

Like Moshi's (Défossez et al. 2024, arXiv:2410.00037): ids 0 to 3 are unknown, begin, end and padding, digits stand
alone, and what has no piece of its own is spelled in bytes, so that no text is unknown.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sentencepiece

from model.shards import Dataset, WithdrawnClipError
from model.streams import TEXT_PAD
from model.text import SentencePieceText, TextError
from schemas.atomic import whole_file, write_text
from schemas.plain_text import counted

WEIGHTS, CARD = "text.model", "text.md"
COVERAGE = 0.9999  # share of the characters that get a piece; the rarest are spelled in bytes
BYTES_OF_A_WORD = 4_000  # SentencePiece reads no longer one
LIMIT = re.compile(r"(?:too high \(\d+\).*<= |required_chars\. \d+ vs )(\d+)")


@dataclass(slots=True)
class Spoken:
    """What a tokenizer is trained on: its different words, all that is held in memory, and where they are from.

    sources: name, kind and number of words of each. licences: clips by SPDX identifier.
    """

    words: Counter[str] = field(default_factory=Counter)
    sources: list[tuple[str, str, int]] = field(default_factory=list)
    licences: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, kind: str, words: Iterator[str]) -> None:
        """Count the words of one source."""
        before = self.words.total()
        self.words.update(words)
        self.sources.append((name, kind, self.words.total() - before))


def fit_text(sources: Sequence[str], out: Path, *, vocabulary: int, report: Callable[[str], None]) -> Path:
    """Train on the words of datasets (folders or URLs, train split) and UTF-8 text files; returns OUT/text.model.

    OUT/text.md says what it was trained on. The same sources give the same bytes, in any order.
    Raises TextError for sources without words and a vocabulary that they do not fill, DatasetError for a dataset.
    """
    spoken = Spoken()
    for source in sorted(sources):
        _read(source, spoken)
        report(f"{source}: {counted(spoken.sources[-1][2], 'word')}")
    tokenizer = SentencePieceText(WEIGHTS, train_pieces(spoken.words, vocabulary))
    out.mkdir(parents=True, exist_ok=True)
    with whole_file(out / WEIGHTS) as temporary:
        temporary.write_bytes(tokenizer.proto)
    write_text(out / CARD, card(tokenizer, spoken))
    return out / WEIGHTS


def train_pieces(words: Mapping[str, int], vocabulary: int) -> bytes:
    """The model file of `vocabulary` ids. words: how often each occurs. Raises TextError where that cannot be."""
    lines = (f"{word}\t{words[word]}" for word in sorted(words) if len(word.encode()) <= BYTES_OF_A_WORD)
    model = io.BytesIO()
    different = f"{len(words)} different word{'' if len(words) == 1 else 's'}"
    if not words:
        raise TextError("no words to train from: give a dataset built with words, or a text file")
    sentencepiece.set_random_generator_seed(0)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines,
            input_format="tsv",
            model_writer=model,
            vocab_size=vocabulary,
            model_type="unigram",
            unk_id=0,
            bos_id=1,
            eos_id=2,
            pad_id=TEXT_PAD,
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="identity",
            character_coverage=COVERAGE,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        limit = LIMIT.search(str(error))
        advice = f"--vocabulary {limit[1]} would do" if limit else str(error).splitlines()[0]
        raise TextError(f"{different} give no vocabulary of {vocabulary}: {advice}") from error
    return model.getvalue()


def _read(source: str, spoken: Spoken) -> None:
    """Count the words of one source."""
    if not Path(source).is_file():
        dataset = Dataset(source)
        spoken.add(source, "dataset, train split", _dataset_words(dataset))
        spoken.licences += dataset.licences("train")
        return
    try:
        spoken.add(source, "text", _file_words(Path(source)))
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{source}: cannot be read as UTF-8 text ({error})") from error


def _dataset_words(dataset: Dataset) -> Iterator[str]:
    """Words of both channels of every kept train clip, one clip in memory."""
    index, withdrawn = dataset.index("train"), dataset.withdrawn()
    for clip in range(len(index)):
        if index.clip_id(clip) in withdrawn:
            continue
        try:
            words = dataset.read(index, clip, with_words=True).words
        except WithdrawnClipError:
            continue
        for channel in words:
            for text, *_ in channel:
                yield from text.split()


def _file_words(path: Path) -> Iterator[str]:
    """What stands between white space, a line in memory."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield from line.split()


def card(tokenizer: SentencePieceText, spoken: Spoken) -> str:
    """What the tokenizer is and was trained on, as Markdown."""
    rows = [f"| {Path(name).name} | {kind} | {count:,} |" for name, kind, count in spoken.sources]
    clips = [f"{spdx} ({count} clip{'' if count == 1 else 's'})" for spdx, count in sorted(spoken.licences.items())]
    tokens = sum(count * len(tokenizer.encode(word)) for word, count in spoken.words.items())
    return "\n".join(
        [
            "# Text tokenizer",
            "",
            f"SentencePiece unigram model of {tokenizer.text_card:,} ids; 0 to 3 are unknown (EPAD in the text row),",
            "begin, end and padding (PAD). Digits stand alone; characters that were not learnt are spelled in bytes.",
            "",
            "## Data",
            "",
            "| source | kind | words |",
            "|---|---|---|",
            *rows,
            "",
            f"{len(spoken.words):,} different words, {tokens / spoken.words.total():.2f} tokens a word. "
            f"Licences of the clips: {', '.join(clips) or 'not stated'}. A text file states none.",
            "",
            f"SHA-256 of {WEIGHTS}: `{tokenizer.digest}`.",
            "",
        ]
    )
