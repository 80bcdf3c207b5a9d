"""Which voice samples a clip takes from the other clips of its recording: the same person, best first."""

from collections import defaultdict
from collections.abc import Sequence

from schemas.clip import ClipInfo
from schemas.shard import VoiceRef

MOST = 2  # samples of a speaker from other clips


def borrowed(clips: Sequence[tuple[int, ClipInfo]]) -> list[tuple[VoiceRef, ...]]:
    """For each clip of a recording, the best samples of its speakers' voices in the others, by channel.

    clips: (row group, clip) of those that are kept; one that is not gives its voices to none. Who is who follows
    from the speakers' names, which a person keeps in all clips of a recording.
    """
    by_person: dict[str, list[tuple[float, str, int, int]]] = defaultdict(list)
    for group, info in clips:
        for number, voice in enumerate(info.voices):
            by_person[info.speakers[voice.channel]].append((-voice.quality, info.clip_id, number, group))
    for found in by_person.values():
        found.sort()
    return [tuple(_from_others(by_person, group, info)) for group, info in clips]


def _from_others(
    by_person: dict[str, list[tuple[float, str, int, int]]], group: int, info: ClipInfo
) -> Sequence[VoiceRef]:
    refs: list[VoiceRef] = []
    for channel, person in enumerate(info.speakers):
        others = ((other, number) for _, _, number, other in by_person.get(person, ()) if other != group)
        refs += [
            VoiceRef(row_group=other, number=number, channel=channel)
            for (other, number), _ in zip(others, range(MOST), strict=False)
        ]
    return refs
