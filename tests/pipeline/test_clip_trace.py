"""The facts of a clip that a page and a terminal share."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline.clip_trace import licence_facts, licence_of, resynthesised, trace
from schemas.arrow import to_dict
from schemas.licence import UNSTATED, Consent, Licence, Rights


def info(separated: bool, overlaps: list[tuple[float, float]]) -> dict[str, Any]:
    """Channel 0 speaks from 0 to 10 s, channel 1 from 8 to 18 s: 20 s of speech."""
    return {
        "provenance": {"separated": separated},
        "segments": [
            {"channel": 0, "start_s": 0.0, "end_s": 10.0},
            {"channel": 1, "start_s": 8.0, "end_s": 18.0},
        ],
        "overlaps": [{"start_s": a, "end_s": b, "confidence": 0.5} for a, b in overlaps],
    }


@pytest.mark.parametrize(
    ("separated", "overlaps", "share"),
    [
        (True, [(8.0, 10.0)], 0.2),  # 2 s of each of the two
        (True, [(8.0, 9.0), (9.5, 10.0)], 0.15),
        (True, [], 0.0),
        (False, [(8.0, 10.0)], 0.0),  # came on two channels
        (True, [(8.0, 12.0)], 0.3),  # 2 s of the one, 4 s of the other
    ],
)
def test_the_re_synthesised_share(separated: bool, overlaps: list[tuple[float, float]], share: float) -> None:
    assert resynthesised(info(separated, overlaps)) == pytest.approx(share)


def test_nobody_speaks() -> None:
    assert resynthesised({**info(True, []), "segments": []}) == 0.0


def test_a_licence_of_an_older_index_lacks_what_nobody_stated() -> None:
    whole = Licence(spdx="MIT", holder="Ann", consent=Consent.CONTRACT, rights=Rights(derivatives=True))
    assert licence_of(to_dict(whole)) == whole
    older = {"spdx": "MIT", "holder": "Ann", "consent": "contract", "rights": {"derivatives": True}}
    assert licence_of(older) == whole
    assert licence_of({"spdx": "NOASSERTION"}) == UNSTATED
    assert licence_of({**to_dict(whole), "colour": "red"}) == whole


def test_what_nobody_said_is_none() -> None:
    facts = dict(licence_facts(to_dict(replace(UNSTATED, holder="Ann", jurisdiction=("DE", "FR")))))
    assert facts["holder"] == "Ann"
    assert facts["jurisdiction"] == "DE, FR"
    assert facts["licence"] is facts["consent"] is facts["source url"] is facts["attribution required"] is None
    assert "alternative taken" not in facts


def test_a_clip_that_is_not_kept_says_why(make_clip: Any, make_recording: Any) -> None:
    record = {"info": to_dict(make_clip(make_recording("a.wav")).info), "kept": False, "reason": "withdrawn"}
    assert trace(record)[-1].facts == (("reason", "withdrawn"), ("in words", None))
    assert [step.title for step in trace(record)][:2] == ["Source", "Recording"]
