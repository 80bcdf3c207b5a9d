"""SubRip (.srt): cues with times; speakers as prefixes of the text."""

import re
from typing import Final

from stages.transcripts.cues import blocks_of, cue_of
from stages.transcripts.draft import Draft
from stages.transcripts.names import with_speakers
from stages.transcripts.text_file import read_lines

_MARKUP: Final = re.compile(r"</?[bius]>|</?font(?:\s[^<>]*+)?>|\{\\[^{}]*+\}|\{/?[bius]\}", re.IGNORECASE)


def read_srt(draft: Draft) -> None:
    """Utterances; markup is taken out, markers such as `<laugh>` stay."""
    cues = [cue_of(draft, block) for block in blocks_of(read_lines(draft.path))]
    said = with_speakers(draft, [[_MARKUP.sub("", line).strip() for line in cue.lines] for cue in cues])
    for cue, parts in zip(cues, said, strict=True):
        for speaker, text in parts or [("", "")]:
            draft.add(cue.at, speaker, cue.start_s, cue.end_s, text)
