"""Whether a transcript belongs to the recording at all, and not only which of its speakers would be on which channel.

The limits lie between what was measured on the demo: 80 to 100 % of right transcripts lie in speech, at least 67 % of
what each speaker says, their times up to 0.5 s too wide; of other conversations' and of those that are 3 s late 40 to
70 %. The aligner's median confidence on a channel is 0.58 to 0.98 with the right words, in babble at 10 dB, too, and
0.01 to 0.10 with others (per channel of what `python -m pipeline.bench_words` measures).
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

from model.aligner.place import PAD_S
from schemas.conversation import Segment
from schemas.transcript import DOUBT, TimedWord, Utterance
from stages.transcripts.match import covered_s

IN_SPEECH: Final = 0.7
"""So much of what is said has to lie in speech of its channel,"""
IN_SPEECH_EACH: Final = 0.5
"""and so much of what each speaker says;"""
HEARD: Final = 0.5
"""unless the aligner's median confidence says that it heard the words there."""
HOPELESS: Final = 0.25
"""Below this median confidence it did not, wherever they lie."""
FEWEST: Final = 5
"""Confidences of fewer words say nothing."""

Dealt = Sequence[tuple[int, Utterance]]


def doubt(dealt: Dealt, segments: Sequence[Segment], placed: Sequence[tuple[int, TimedWord]]) -> str | None:
    """A note where a transcript does not seem to be of this recording.

    dealt: utterances with their channels. segments: the channels' activity, on their clock. placed: the words that an
    aligner found a place for, with their channels. None, too, where it is dealt out the wrong way round, of which
    `match` is not certain.
    """
    share = share_in_speech(dealt, segments)
    if share < share_in_speech([(1 - c, u) for c, u in dealt], segments) >= IN_SPEECH:
        return None  # it belongs to it, the other way round
    for channels, limit in (((0, 1), IN_SPEECH), ((0,), IN_SPEECH_EACH), ((1,), IN_SPEECH_EACH)):
        share = share_in_speech([(c, u) for c, u in dealt if c in channels], segments)
        confidences = [word.confidence for c, word in placed if c in channels]
        heard = median(confidences) if len(confidences) >= FEWEST else None
        if heard is not None and heard < HOPELESS:
            return f"{DOUBT} The sound is not that of its words (median confidence {heard:.2f}): look at it"
        if share < limit and (heard is None or heard < HEARD):
            whose = "it says" if len(channels) == 2 else f"it says on channel {channels[0]}"
            return f"{DOUBT} Only {100 * share:.0f} % of what {whose} lies in speech there: look at it and its times"
    return None


def share_in_speech(dealt: Dealt, segments: Sequence[Segment]) -> float:
    """How much of the time of utterances their channel is active; 1 where they have no times.

    What may be margin, PAD_S at either end but at most half of an utterance, does not count.
    """
    total_s = active_s = 0.0
    for channel, utterance in dealt:
        if utterance.start_s is not None and utterance.end_s is not None:
            margin_s = min(PAD_S, (utterance.end_s - utterance.start_s) / 4)
            start_s, end_s = utterance.start_s + margin_s, utterance.end_s - margin_s
            total_s += end_s - start_s
            active_s += covered_s(start_s, end_s, segments, channel)
    return active_s / total_s if total_s > 0 else 1.0
