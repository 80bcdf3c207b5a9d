"""The Croissant RAI vocabulary 1.0 (mlcommons.org/croissant/RAI): what the facts of a dataset say, and no more.

What nobody stated is said to be not stated. Cardinalities are the specification's.
"""

from collections.abc import Iterator
from typing import Any

from pipeline.description.described import Described
from pipeline.description.making import (
    annotated,
    checked,
    imputed,
    limits,
    losses,
    manipulated,
    preprocessing,
    tools,
)
from pipeline.description.people import biases, consents, impact, maintained, personal
from pipeline.description.phrases import listed, sentences, shares, span
from pipeline.licences.combine import combine
from schemas.licence import Consent, SpeakersConsent


def rai(d: Described) -> dict[str, Any]:
    """The properties with their prefix, in the order of the specification; those without a value are left out."""
    effective = combine(d.taken)
    values: dict[str, Any] = {
        "dataCollection": _collection(d),
        "dataCollectionType": ["Secondary Data analysis"],
        "dataCollectionMissingData": missing(d),
        "dataCollectionRawData": _raw(d),
        "dataCollectionTimeframe": sorted(set(d.facts.retrieved or ())),
        "dataImputationProtocol": imputed(d.facts),
        "dataPreprocessingProtocol": [f"{name}: {words}" for name, words in preprocessing(d)],
        "dataManipulationProtocol": manipulated(d.facts),
        "dataAnnotationProtocol": annotated(d.facts),
        "dataAnnotationAnalysis": list(checked(d.facts)),
        "annotationsPerItem": "No human labels; one set of machine labels for each clip.",
        "annotatorDemographics": ["Nobody annotated it. Who wrote the transcripts that came along is not stated."],
        "machineAnnotationTools": list(tools(d)),
        "dataReleaseMaintenancePlan": maintained(d),
        "personalSensitiveInformation": [*personal(d.facts), *consents(d.facts)],
        "dataSocialImpact": impact(d.facts),
        "dataBiases": [*_languages(d), *biases(d.facts)],
        "dataLimitations": [*limits(d), *(f"Licences: {line}." for line in effective.conflicts)],
        "dataUseCases": list(_uses(d)),
    }
    return {f"rai:{name}": value for name, value in values.items() if value}


def _collection(d: Described) -> str:
    facts, totals = d.facts, d.recordings
    fetched = facts.retrieved
    return sentences(
        [
            f"{totals['count']:,} recordings ({span(totals['seconds'])}) that were made before were given to"
            f" {d.software}; {span(totals['kept_s'])} out of {totals['kept']:,} of them are in the dataset.",
            f"They were fetched from {fetched[0]} to {fetched[1]}, where that is stated." if fetched else None,
            f"Stated sources: {shares(facts.by['source_url'])}." if facts.by["source_url"].named else None,
            "How, when and with what they were recorded is not stated.",
        ]
    )


def missing(d: Described) -> str:
    """What nobody stated, and what was lost on the way."""
    by = d.facts.by
    unstated = {
        "rights holder": by["holder"].seconds(None),
        "source": by["source_url"].seconds(None),
        "language": by["language"].seconds(None),
        "jurisdiction": by["jurisdiction"].seconds(None),
        "basis of consent": by["consent"].seconds(Consent.UNKNOWN.value),
        "what the speakers agreed to": by["speakers_consent"].seconds(SpeakersConsent.UNKNOWN.value),
    }
    lacking = [f"{what} ({span(seconds)})" for what, seconds in unstated.items() if seconds]
    lost = d.recordings["lost"]
    return sentences(
        [
            f"Not stated: {listed(lacking)}." if lacking else None,
            "Age, gender, accent and region of the speakers stand nowhere.",
            f"Lost on the way, by stage and reason: {losses(d.recordings)}." if lost else "Nothing was lost.",
        ]
    )


def _raw(d: Described) -> str:
    by = d.facts.by
    return sentences(
        [
            "The recordings themselves are not in the dataset; recording_id is the SHA-256 of their bytes.",
            f"Container, codec and rate: {shares(by['source'])}." if d.facts.clips else None,
            f"How their tracks carried the voices: {shares(by['layout'])}." if d.facts.clips else None,
        ]
    )


def _languages(d: Described) -> Iterator[str]:
    if d.facts.clips:
        yield f"Languages: {shares(d.facts.by['language'])}."


def _uses(d: Described) -> Iterator[str]:
    """What it was made for, and what the licences leave open."""
    yield "Training, validation and testing of models that listen and speak at once, with a channel per speaker."
    yield "Models of turn-taking and of voice activity to come."
    if d.facts.clips:
        yield from (f"{line[0].upper()}{line[1:]}." for line in combine(d.taken).lines()[1:3])
    yield "It is not meant for finding out who a speaker is."
