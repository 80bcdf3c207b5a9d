"""Turn-taking statistics of the demo from its truth: `python demo/turn_statistics.py`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

RATE_HZ = 1_000  # activity is counted in milliseconds
HUMAN = {  # 57 two-party consultations, utterances marked by hand
    "fto_median_s": 0.19,
    "fto_p5_s": -1.05,
    "fto_p95_s": 1.38,
    "overlapped_changes": 0.37,
    "overlap_of_time": 0.057,
    "silence_of_time": 0.083,
    "turns_per_min": 9.8,
}


def floor_transfers_s(turns: Sequence[tuple[int, float, float]]) -> list[float]:
    """Offset at each speaker change: start of the next minus end of the previous; negative where they overlap.

    turns: (channel, start_s, end_s). What lies wholly inside the other's turn is no change.
    """
    changes = []
    held: tuple[int, float] | None = None
    for channel, start_s, end_s in sorted(turns, key=lambda t: (t[1], t[2])):
        if any(c != channel and s <= start_s and end_s <= e for c, s, e in turns):
            continue
        if held is not None and held[0] != channel:
            changes.append(start_s - held[1])
            held = None
        held = (channel, end_s if held is None else max(end_s, held[1]))
    return changes


def activity(spans: Sequence[Sequence[Sequence[float]]], duration_s: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[2, milliseconds]: who speaks."""
    active = np.zeros((2, round(duration_s * RATE_HZ)), bool)
    for channel, units in enumerate(spans):
        for start_s, end_s in units:
            active[channel, round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = True
    return active


def measure(truths: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Statistics over all the truths: shares of the time between the first and the last word of each."""
    offsets: list[float] = []
    talk, active, backchannels = 0.0, [], 0
    for truth in truths:
        offsets += floor_transfers_s([(t["channel"], t["start_s"], t["end_s"]) for t in truth["turns"]])
        units = [unit for channel in truth["ipus"] for unit in channel]
        first, last = (round(f(u[k] for u in units) * RATE_HZ) for f, k in ((min, 0), (max, 1)))
        active.append(activity(truth["ipus"], truth["duration_s"])[:, first:last])
        backchannels += sum(e["kind"] == "backchannel" for e in truth["events"])
    talking = np.concatenate(active, axis=1).sum(axis=0)
    talk = len(talking) / RATE_HZ / 60.0
    return {
        "minutes": talk,
        "changes": len(offsets),
        "fto_median_s": float(np.median(offsets)),
        "fto_p5_s": float(np.quantile(offsets, 0.05)),
        "fto_p95_s": float(np.quantile(offsets, 0.95)),
        "overlapped_changes": float(np.mean(np.array(offsets) < 0.0)),
        "gaps_below_200_ms": float(np.mean([0.0 <= o < 0.2 for o in offsets])),
        "gaps_200_to_400_ms": float(np.mean([0.2 <= o < 0.4 for o in offsets])),
        "overlap_of_time": float(np.mean(talking == 2)),
        "silence_of_time": float(np.mean(talking == 0)),
        "turns_per_min": len(offsets) / talk,
        "backchannels_per_min": backchannels / talk,
    }


def main() -> None:
    """Prints the figures beside the human ones."""
    files = sorted((Path(__file__).parent / "recordings/truth").glob("*.json"))
    print(f"{'':22}{'demo':>8}{'people':>8}")  # noqa: T201
    for name, value in measure([json.loads(file.read_text()) for file in files]).items():
        print(f"{name:22}{value:8.3f}{HUMAN.get(name, float('nan')):8.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
