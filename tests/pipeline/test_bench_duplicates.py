"""How the table of near duplicates is counted, on conversations without speech."""

import numpy as np
from numpy.typing import NDArray

from model.landmarks.find import Landmarks
from pipeline.bench_duplicates import CHANGES, heard, made_landmarks, middle, row, scaling

RATE_HZ = 24_000


def talk(seed: int, seconds: float = 40.0) -> NDArray[np.float32]:
    """Tones that change every fifth of a second, float32 [2, samples]."""
    random, each = np.random.default_rng(seed), RATE_HZ // 5
    pitches = random.uniform(200.0, 3_000.0, (2, round(seconds * 5), 1))
    time_s = np.arange(each) / RATE_HZ
    tones = 0.2 * np.sin(2 * np.pi * pitches * time_s) * np.hanning(each)
    return tones.reshape(2, -1).astype(np.float32)


def test_a_copy_is_a_candidate_and_dropped_and_others_are_no_pairs() -> None:
    talks = [talk(seed) for seed in (1, 2, 3)]
    originals = [heard(one) for one in talks]
    for name in ("mixed down", "channels swapped, -9 dB", "trimmed by 7.3 s"):
        line = row(name, originals, [heard(CHANGES[name](one)) for one in talks])
        assert line.startswith(f"| {name} | 100 | 100 | ")
        assert line.endswith(" | 0 of 6 |")


def test_what_is_another_conversation_is_missed_and_what_is_the_same_is_a_false_pair() -> None:
    first, second = heard(talk(1)), heard(talk(2))
    silent: Landmarks = first[:0]
    assert row("none", [first, second], [silent, silent]) == "| none | 0 | 0 | 0.00, 0.00 | 0 of 2 |"
    assert row("turned round", [first, second], [second, first]).endswith(" | 0 | 0 | 0.00, 0.00 | 2 of 2 |")


def test_every_change_leaves_audio() -> None:
    for change in CHANGES.values():
        changed = change(talk(1, 16.0))
        assert np.isfinite(changed).all()
        assert np.abs(changed).max() > 0.01
    assert middle(talk(1, 4.0)).shape == (2, 2 * RATE_HZ)


def test_made_fingerprints_are_found_again() -> None:
    random = np.random.default_rng(1)
    marks = made_landmarks(random, 120.0)
    assert (marks.dtype, 300 < len(marks) <= 360) == (np.dtype("<u4"), True)
    cells = [cell.strip() for cell in scaling(20, random).strip("|").split("|")]
    assert (cells[0], cells[3]) == ("20", "2 of 2")
