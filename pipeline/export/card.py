"""The dataset card of a Hugging Face export."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.description.markdown import code, escaped, table
from pipeline.export.licences import TABLE
from pipeline.export.plan import SPLITS
from schemas.shard import ClipRow

# Licences that huggingface.co/docs/hub/repositories-licenses lists, by their SPDX identifiers.
_HUB_LICENCES: Final = {
    "ODC-By-1.0": "odc-by",
    "PDDL-1.0": "pddl",
    **{name: name.casefold() for name in ("CC0-1.0", "Unlicense", "MIT", "Apache-2.0", "BSD-3-Clause")},
    **{f"CC-BY-{version}": f"cc-by-{version}" for version in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-SA-{version}": f"cc-by-sa-{version}" for version in ("3.0", "4.0")},
    **{f"CC-BY-NC-{version}": f"cc-by-nc-{version}" for version in ("2.0", "3.0", "4.0")},
    **{f"CC-BY-NC-SA-{version}": f"cc-by-nc-sa-{version}" for version in ("2.0", "3.0", "4.0")},
    **{f"CC-BY-NC-ND-{version}": f"cc-by-nc-nd-{version}" for version in ("3.0", "4.0")},
    "CC-BY-ND-4.0": "cc-by-nd-4.0",
    "CDLA-Permissive-2.0": "cdla-permissive-2.0",
}
_OTHER: Final = "other"
_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_TEXT: Final = """
# Two-channel conversations

{clips} clips, {hours:.2f} hours, of two people talking, a channel per speaker on one clock. Made by duplexset.

    from datasets import load_dataset
    clips = load_dataset("FOLDER_OR_REPOSITORY", split="{split}")

| column | says |
|---|---|
| `audio` | 24 kHz FLAC, channel 0 and 1: the two speakers |
| `codes` | tokens of the codec {codec}, `[2, 8, frames]`, 12.5 frames a second |
| `turns` | `[2, frames]`: 0 continue listening, 1 start speaking, 2 continue speaking, 3 start listening |
| `words` | per channel, with their times in the clip, seconds; empty where nobody wrote or recognised any |
| `speakers`, `language`, `segments` | who speaks on which channel, in which language, when |
| `roles` | what the two speakers are told to be, where the source says it |
| `licence` | licence, holder, attribution, evidence and consent |
| `recording_id`, `start_s`, `end_s` | SHA-256 of the recording, and the clip's place in it |
| `provenance` | how the clip was made |
| `quality` | what was measured |

## Splits

{splits}

No speaker and no recording is in two splits.

## Licences

Every clip has the licence of its recording: see `licence`, or [{table}]({table}), which says whom to attribute.

{licences}
"""


@dataclass(slots=True)
class Card:
    """Counts clips; keeps totals, never rows. `codec`: what made the tokens."""

    codec: str
    clips: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    splits: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)
    licences: set[str] = field(default_factory=set)

    def add(self, row: ClipRow) -> None:
        """Count a clip."""
        split, spdx = str(row.split), row.info.licence.spdx
        self.splits.add(split)
        self.licences.add(spdx)
        if row.info.language:
            self.languages.add(row.info.language)
        for key in (f"split {split}", f"licence {spdx}"):
            self.clips[key] += 1
            self.seconds[key] += row.duration_s

    def text(self) -> str:
        """README.md."""
        splits = [name for name in SPLITS if name in self.splits]
        keys = [f"split {name}" for name in splits]
        body = _TEXT.format(
            clips=sum(self.clips[key] for key in keys),
            hours=sum(self.seconds[key] for key in keys) / 3_600,
            split=splits[0] if splits else SPLITS[0],
            codec=code(self.codec),
            splits=self._table("split", splits),
            table=TABLE,
            licences=self._table("licence", sorted(self.licences)),
        )
        return "\n".join(["---", *self._header(splits), "---"]) + "\n" + body

    def _header(self, splits: Sequence[str]) -> list[str]:
        """The metadata that the hub reads, in YAML."""
        total = sum(self.clips[f"split {name}"] for name in splits)
        names = [_HUB_LICENCES.get(spdx, _OTHER) for spdx in sorted(self.licences)]
        lines = ["pretty_name: Two-channel conversations", *_listed("license", names)]
        if _OTHER in names:
            lines += ["license_name: per-clip", f"license_link: {TABLE}"]
        lines += _listed("language", sorted(self.languages))
        lines += [f'size_categories: ["{next((name for most, name in _SIZES if total < most), "n>1M")}"]']
        lines += ["tags: [audio, full-duplex, dialogue]", "configs:", "- config_name: default", "  data_files:"]
        for name in splits:
            lines += [f"  - split: {name}", f"    path: data/{name}-*.parquet"]
        return lines

    def _table(self, kind: str, names: Sequence[str]) -> str:
        rows = [
            (escaped(name), str(self.clips[f"{kind} {name}"]), f"{self.seconds[f'{kind} {name}'] / 3_600:.2f}")
            for name in names
        ]
        return "\n".join(table((kind, "clips", "hours"), rows))


def _listed(key: str, names: list[str]) -> list[str]:
    """A YAML entry of one or several names, none where there are none."""
    return [f"{key}: {json.dumps(sorted(set(names)))}"] if names else []
