"""Whose voices are in a dataset, on what basis, and how they leave it, in sentences."""

from collections.abc import Iterator

from pipeline.description.described import Described
from pipeline.description.facts import Facts
from pipeline.description.phrases import percent, sentences, shares, span
from schemas.licence import Consent
from schemas.plain_text import counted

_DATES = 6


def synthetic_only(facts: Facts) -> bool:
    """Whether it is stated of everything that no natural person speaks."""
    return facts.clips > 0 and facts.by["consent"].seconds(Consent.SYNTHETIC.value) >= facts.seconds - 1e-6


def personal(facts: Facts) -> Iterator[str]:
    """What of people is in it."""
    synthetic = facts.by["consent"].seconds(Consent.SYNTHETIC.value)
    if synthetic_only(facts):
        yield "No natural person speaks, as stated of all recordings: the voices are synthetic."
    else:
        yield (
            "Voices are personal data and can identify a person. Speech as tokens, voice samples, words, and the"
            " names of speakers and files are in it as they came."
        )
        if synthetic:
            yield f"No natural person speaks in {span(synthetic)}, as stated."
    yield "What is talked about, health, faith or politics among it, was not looked for."


def consents(facts: Facts) -> Iterator[str]:
    """On what basis, in lengths."""
    if facts.clips:
        yield f"Basis of consent, as stated: {shares(facts.by['consent'])}."
        yield f"What the speakers themselves agreed to, as stated: {shares(facts.by['speakers_consent'])}."
        yield f"Jurisdiction, as stated: {shares(facts.by['jurisdiction'])}."


def impact(facts: Facts) -> str:
    """What a model of these voices could do to the people."""
    both = int(facts.figures["both_voices"] or 0)
    return (
        "Models trained on it learn to listen and talk at once, and to sound like its speakers: "
        f"{both:,} of {facts.clips:,} clips hold samples of both voices, for models that are told whose to have."
        " Whether what was agreed to covers that, the evidence must tell; no study of its effects was made."
    )


def biases(facts: Facts) -> Iterator[str]:
    """What there is much of, and little."""
    if not facts.clips:
        return
    speakers, spoken_s = facts.speakers, facts.sums["speech_s"]
    about = "" if speakers.exact else "about "
    nameless = f", {speakers.unnamed:,} of them told apart within their recording only" if speakers.unnamed else ""
    most = facts.figures["most_spoken_s"]
    of_one = f"; {percent(most, spoken_s)} of all speech is that of one of them" if most else ""
    yield f"Speakers: {about}{speakers.number:,}{nameless}{of_one}."
    yield f"Who says less in a clip has {percent(facts.sums['less_s'], spoken_s)} of the speech."
    yield (
        f"{percent(facts.share('separated_s'))} of the time was taken out of one track, the rest was recorded with a"
        " channel per speaker; the two sound different."
    )
    yield "How age, gender, accent and region of the speakers are spread is not known: nothing is stated of them."


def maintained(d: Described) -> str:
    """How something leaves the dataset, and until when it may be kept."""
    until = d.facts.by["retain_until"]
    dates = sorted(group.name or "" for group in until.named)
    shown = ", ".join(f"{day} ({span(until.seconds(day))})" for day in dates[:_DATES])
    more = ", ..." if len(dates) > _DATES or until.more else ""
    withdrawn = d.splits.get("not kept: withdrawn", {"clips": 0})["clips"]
    return sentences(
        [
            "Whoever holds the dataset withdraws clips, recordings, speakers, sources or licences with the command"
            " duplexset withdraw, which takes them out of the shards; even before that, the loader leaves out the"
            " clips that withdrawn.jsonl lists.",
            f"Withdrawn so far: {counted(withdrawn, 'clip')}.",
            f"Last days on which it may be kept, as stated: {shown}{more}." if dates else None,
            None if dates else "Until when it may be kept is not stated.",
            "No update is promised here; the version is another with every change of the data.",
        ]
    )
