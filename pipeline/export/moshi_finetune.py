"""moshi-finetune: a stereo wav and a sidecar per clip and orientation, a JSON-lines manifest per split.

Read by kyutai-labs/moshi-finetune: channel 0 of a wav is the model, channel 1 the user; `<stem>.json` has the words
by start. Its reader keeps those that are labelled SPEAKER_MAIN, the model's own, and drops all others; the user's
stand beside them as SPEAKER_OTHER, for other readers. What has no place in its format, as how sure each word is, is
in an object of our own.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.decode import write_pcm
from pipeline.export.folder import kept_if_same, one_line, put_text
from pipeline.export.licences import write_sources
from pipeline.export.samples import Sample, n_samples
from schemas.arrow import to_dict
from schemas.recording import SAMPLE_RATE_HZ
from schemas.shard import ClipRow

MAIN: Final = "SPEAKER_MAIN"
OTHER: Final = "SPEAKER_OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoshiFinetune:
    """`channels`: those that play the model, each in files of its own. `read`: gives the sample of a clip."""

    folder: Path
    channels: tuple[int, ...]
    read: Callable[[ClipRow], Sample]

    def clip_folders(self, split: str) -> tuple[Path, ...]:
        """Where the files of a split's clips lie."""
        return (self.folder / split,)

    def part_folders(self) -> tuple[Path, ...]:
        """None: no file holds several clips' audio or tokens."""
        return ()

    def manifests(self, split: str) -> tuple[Path, ...]:
        """The files that name a split's clips."""
        return (self.folder / f"{split}.jsonl",)

    def files(self, row: ClipRow) -> tuple[str, ...]:
        """The wavs of a clip, relative to the folder."""
        return tuple(f"{row.split}/{row.clip_id}-{channel}.wav" for channel in self.channels)

    def put(self, shard: str, digest: str, rows: Iterator[ClipRow]) -> int:
        """Write the clips of a shard that are not there yet; how many those are."""
        written = 0
        for row in rows:
            missing = [channel for channel in self.channels if not self._is_there(row, channel)]
            if missing:
                sample = self.read(row)
                pcm, words = sample.pcm(), sample.words
                for channel in missing:
                    wav = self._wav(row, channel)
                    write_pcm(wav, pcm if channel == 0 else pcm[::-1])
                    put_text(wav.with_suffix(".json"), one_line(_sidecar(row, channel, words)) + "\n")
                written += 1
        return written

    def finish(self, split: str, rows: Iterator[ClipRow]) -> None:
        """Write the split's manifest."""
        with kept_if_same(self.manifests(split)[0]) as temporary, temporary.open("w", encoding="utf-8") as file:
            for row in rows:
                for name in self.files(row):
                    line = {"path": name, "duration": n_samples(row) / SAMPLE_RATE_HZ}
                    file.write(one_line(line) + "\n")

    def close(self, rows: Callable[[], Iterator[ClipRow]]) -> None:
        """Write what `duplexset build` needs to take one orientation of every clip in again."""
        write_sources(self.folder, rows(), self.channels[0], lambda row: self.files(row)[0])

    def _wav(self, row: ClipRow, channel: int) -> Path:
        return self.folder / str(row.split) / f"{row.clip_id}-{channel}.wav"

    def _is_there(self, row: ClipRow, channel: int) -> bool:
        """The sidecar is written last; it names the bytes that it was made from."""
        wav = self._wav(row, channel)
        try:
            facts = json.loads(wav.with_suffix(".json").read_text(encoding="utf-8"))
            return wav.is_file() and bool(facts["duplexset"]["sample_sha256"] == row.sha256)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False


def _sidecar(row: ClipRow, channel: int, words: tuple[list[Any], list[Any]]) -> dict[str, Any]:
    """channel: the one that plays the model."""
    labelled = [(words[channel], MAIN), (words[1 - channel], OTHER)]
    found = [([text, [start, end], label], sure) for of, label in labelled for text, start, end, sure in of]
    found.sort(key=lambda word: (word[0][1], word[0][2]))
    facts = to_dict(row.info)
    return {
        "alignments": [word for word, _ in found],
        "duplexset": {
            "clip_id": row.clip_id,
            "sample_sha256": row.sha256,
            "model_channel": channel,
            "confidence": [sure for _, sure in found],
            "speakers": [row.info.speakers[channel], row.info.speakers[1 - channel]],
            **{key: facts[key] for key in ("language", "licence", "recording_id", "start_s", "end_s")},
        },
    }
