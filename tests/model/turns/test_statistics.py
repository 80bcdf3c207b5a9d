"""Statistics of made conversations, and of real ones against published figures."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from model.turns.statistics import Distribution, Statistics, from_json
from schemas.conversation import Segment

TURNS = Path(__file__).parents[4] / "shared/data/turns/primock57.tsv"


def speech(*spans: tuple[int, float, float]) -> list[Segment]:
    return [Segment(channel=c, start_s=a, end_s=b) for c, a, b in spans]


def test_figures_of_a_conversation_counted_by_hand() -> None:
    made = Statistics()
    # 60 s: two turns each, one gap of 1 s, one overlap of 2 s at a change, one backchannel of 0.5 s in the first turn
    made.add(speech((0, 10.0, 30.0), (1, 20.0, 20.5), (1, 31.0, 52.0), (0, 50.0, 70.0)), words=120)
    figures = made.figures()
    assert made.conversations == 1
    assert made.length_s == 60.0
    assert figures["overlap_of_time"] == pytest.approx(2.5 / 60)
    assert figures["silence_of_time"] == pytest.approx(1.0 / 60)
    assert figures["transfers_per_min"] == 2.0
    assert figures["backchannels_per_min"] == 1.0
    assert figures["overlapped_changes"] == 0.5
    assert figures["less_of_speech"] == pytest.approx(21.5 / 61.5)
    assert figures["words_per_s"] == pytest.approx(120 / 61.5)
    assert made.per_minute("gap") == pytest.approx((1.0, 1.0))


def test_nobody_speaking_is_no_conversation() -> None:
    made = Statistics()
    made.add([])
    assert made.conversations == 0
    assert np.isnan(list(made.figures().values())).all()


def test_quantiles_and_distance_are_those_of_the_values_to_a_bin() -> None:
    random = np.random.default_rng(0)
    values = [random.normal(0.2, 0.7, 3_000), random.normal(0.5, 0.4, 2_000)]
    made = [Distribution.of("transfer") for _ in values]
    for distribution, some in zip(made, values, strict=True):
        distribution.add(some)
    assert made[0].quantile_s(0.05) == pytest.approx(np.quantile(values[0], 0.05), abs=0.02)
    assert made[0].mean_s() == pytest.approx(values[0].mean(), abs=0.01)
    assert made[0].share_below(0.0) == pytest.approx((values[0] < 0).mean())
    assert made[0].distance_s(made[1]) == pytest.approx(wasserstein_distance(*values), abs=0.01)
    assert made[0].distance_s(made[0]) == 0.0


def test_offsets_beyond_the_range_are_counted_at_its_end() -> None:
    made = Distribution.of("transfer")
    made.add([-50.0, 50.0, 0.0])
    assert made.counts[0] == made.counts[-1] == 1
    assert made.share_below(0.0) == pytest.approx(1 / 3)


def test_they_go_through_json() -> None:
    made = Statistics()
    made.add(speech((0, 0.0, 3.0), (1, 3.2, 5.0), (0, 4.9, 8.0)), words=11)
    again = from_json(json.loads(json.dumps(made.as_json())))
    assert again.figures() == made.figures()
    assert again.distributions["unit"].distance_s(made.distributions["unit"]) == 0.0


@pytest.mark.shared
@pytest.mark.skipif(not TURNS.is_file(), reason="needs ../shared/data")
def test_real_consultations_have_their_published_figures() -> None:
    talks: dict[str, list[dict[str, str]]] = defaultdict(list)
    with TURNS.open(newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            talks[row["conversation"]].append(row)
    made = Statistics()
    for rows in talks.values():
        names = sorted({r["speaker"] for r in rows})
        made.add(speech(*((names.index(r["speaker"]), float(r["start_s"]), float(r["end_s"])) for r in rows)))
    figures = made.figures()
    # published for all 57: 0.057, 0.083, 0.366, 0.19, -1.05, 1.38; here are 45 of them
    assert figures["overlap_of_time"] == pytest.approx(0.057, abs=0.006)
    assert figures["silence_of_time"] == pytest.approx(0.083, abs=0.008)
    assert figures["overlapped_changes"] == pytest.approx(0.366, abs=0.02)
    assert figures["fto_median_s"] == pytest.approx(0.19, abs=0.02)
    assert figures["fto_p5_s"] == pytest.approx(-1.05, abs=0.2)
    assert figures["fto_p95_s"] == pytest.approx(1.38, abs=0.2)
