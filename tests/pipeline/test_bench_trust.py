"""What a clip says of itself, against the truth, in a table."""

import numpy as np
from numpy.typing import NDArray

from pipeline.bench_trust import Trust, said_of_overlaps, trust_table


def activity(*spans: tuple[int, int, int]) -> NDArray[np.bool_]:
    made = np.zeros((2, 100), np.bool_)
    for speaker, start, end in spans:
        made[speaker, start:end] = True
    return made


def test_overlaps_are_as_right_as_their_frames() -> None:
    found = activity((0, 0, 50), (1, 40, 80), (0, 70, 90))
    true = activity((0, 0, 45), (1, 40, 100))
    rows = said_of_overlaps(found, true, (0.9, 0.3))
    assert rows.tolist() == [[0.9, 10, 5], [0.3, 10, 0]]
    assert said_of_overlaps(activity(), true, ()).shape == (0, 3)


def test_the_table_pools_frames_by_confidence_and_counts_leaks() -> None:
    first = Trust(np.array([[0.9, 10, 5], [0.3, 10, 0]]), -20.0, -10.0)
    second = Trust(np.array([[1.0, 30, 30]]), -40.0, -120.0)
    lines = trust_table([first, second]).splitlines()
    assert "| 0.2 to 0.4 | 1 | 0.30 | 0 |" in lines
    assert "| 0.8 to 1 | 2 | 0.97 | 88 |" in lines
    assert "| -25 dB | 1 | 1 | 1 |" in lines
    assert "| -15 dB | 0 | 1 | 0 |" in lines
