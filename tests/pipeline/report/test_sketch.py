"""Sums in constant memory, against the same computed from everything."""

import numpy as np
import pytest

from pipeline.report.sketch import DETAILS, HASHES, Distinct, Frequent, Histogram


def test_a_histogram_counts_as_numpy_does() -> None:
    values, weights = np.random.default_rng(1).uniform(-70.0, 10.0, (2, 1_000))
    weights = np.abs(weights) + 0.1
    histogram = Histogram(-60.0, 0.0, 30)
    for value, weight in zip(values, weights, strict=True):
        histogram.add(float(value), float(weight))
    expected, edges = np.histogram(values.clip(-60.0, -1e-9), 30, (-60.0, 0.0), weights=weights)
    np.testing.assert_allclose(histogram.counts, expected)
    np.testing.assert_allclose(histogram.edges, edges)
    assert histogram.mean() == pytest.approx(np.average(values, weights=weights))


def test_what_is_no_number_is_left_out() -> None:
    histogram = Histogram(0.0, 1.0, 2)
    histogram.add(float("nan"), 1.0)
    histogram.add(0.5, 0.0)
    assert histogram.total == 0.0
    assert np.isnan(histogram.mean())


def test_distinct_is_exact_below_its_size_and_close_above() -> None:
    few, many = Distinct(), Distinct()
    for number in range(HASHES):
        few.add(f"name {number % 100}")
        many.add(f"name {number}")
    assert (few.count(), few.exact, many.count(), many.exact) == (100, True, HASHES, True)
    for number in range(40_000):
        many.add(f"name {number}")
    assert not many.exact
    assert many.count() == pytest.approx(40_000, rel=0.05)
    assert len(many._smallest) == HASHES


def test_frequent_keeps_what_costs_most() -> None:
    frequent = Frequent()
    for number in range(5_000):
        frequent.add("split", "silence", f"rare {number}", f"rare {number}", 1.0)
        frequent.add("voices", "third_voice", "# people", f"{number} people", 10.0)
    assert len(frequent.details) <= 2 * DETAILS
    first = frequent.most(1)[0]
    assert (first.words, first.count, first.seconds) == ("# people", 5_000, 50_000.0)
