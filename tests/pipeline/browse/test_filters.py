"""Filters, orders and pages of a large index, against plain Python."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.bench_audit import LICENCES, REASONS
from pipeline.browse.filters import PAGE, filter_of
from pipeline.browse.store import Store
from pipeline.browse.text import BrowseError

Row = dict[str, Any]
Holds = Callable[[Row], bool]


def quality(row: Row, name: str) -> float | None:
    value: float | None = row["info"]["quality"][name]
    return value


def between(value: float | None, low: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)


CHOICES: dict[str, tuple[tuple[str, ...], Callable[[Row], str | None]]] = {
    "licence": (LICENCES, lambda row: row["info"]["licence"]["spdx"]),
    "reason": (("", *REASONS), lambda row: row["reason"]),
    "split": (("train", "test", ""), lambda row: row["split"]),
    "language": (("en", "de", "", "xx"), lambda row: row["info"]["language"]),
}


@st.composite
def wanted(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[Holds]]:
    """Parameters, and what must hold of a row."""
    parameters: list[tuple[str, str]] = []
    holds: list[Holds] = []
    for name, (values, of) in CHOICES.items():
        chosen = draw(st.lists(st.sampled_from(values), max_size=2))
        if chosen:
            parameters += [(name, value) for value in chosen]
            holds.append(lambda row, of=of, chosen=chosen: (of(row) or "") in chosen)
    for name, low, high, of in (
        ("overlap", 0, 30, lambda row: 100 * (quality(row, "overlap_s") or 0.0) / row["duration_s"]),
        ("leakage", -80, -10, lambda row: max(row["info"]["quality"]["leakage_db"])),
        ("confidence", 0, 1, lambda row: quality(row, "overlap_confidence")),
    ):
        ends = [draw(st.none() | st.integers(low, high)) for _ in range(2)]
        if any(end is not None for end in ends):
            parameters.append((name, "..".join("" if end is None else str(end) for end in ends)))
            holds.append(lambda row, of=of, ends=ends: between(of(row), *ends))
    flag = draw(st.sampled_from(["", "yes", "no", "unknown"]))
    if flag:
        parameters.append(("commercial", flag))
        answer = {"yes": True, "no": False, "unknown": None}[flag]
        holds.append(lambda row: row["info"]["licence"]["rights"]["commercial_use"] is answer)
    return parameters, holds


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=wanted())
def test_a_filter_finds_what_python_finds(
    store: Store, rows: list[Row], asked: tuple[list[tuple[str, str]], list[Holds]]
) -> None:
    parameters, holds = asked
    found = store.clips(filter_of(parameters))
    expected = sorted((row for row in rows if all(one(row) for one in holds)), key=lambda row: row["clip_id"])
    assert found["total"] == len(expected)
    assert found["seconds"] == pytest.approx(sum(row["duration_s"] for row in expected), abs=1e-3)
    assert [clip["id"] for clip in found["clips"]] == [row["clip_id"] for row in expected[:PAGE]]


@pytest.mark.parametrize("sort", ["id", "-id", "length", "-overlap", "leakage", "confidence", "-words"])
def test_pages_have_every_clip_once_in_order(store: Store, rows: list[Row], sort: str) -> None:
    parameters = [("licence", "CC0-1.0"), ("split", "test"), ("sort", sort)]
    first = store.clips(filter_of(parameters))
    clips = [
        c
        for page in range(first["pages"])
        for c in store.clips(filter_of([*parameters, ("page", str(page))]))["clips"]
    ]
    expected = [r for r in rows if r["split"] == "test" and r["info"]["licence"]["spdx"] == "CC0-1.0"]
    assert {c["id"] for c in clips} == {r["clip_id"] for r in expected}
    assert len(clips) == len(expected) == first["total"]
    names = {"length": "duration_s"}
    key = sort.removeprefix("-")
    known = [c[names.get(key, key)] for c in clips if c[names.get(key, key)] is not None]
    assert known == sorted(known, reverse=sort.startswith("-"))
    assert [c[names.get(key, key)] is None for c in clips] == [False] * len(known) + [True] * (
        len(clips) - len(known)
    )


def test_pages_far_from_the_start(store: Store, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(row["clip_id"] for row in rows)
    for near in (0, 10**9):
        monkeypatch.setattr("pipeline.browse.store.NEAR", near)
        found = store.clips(filter_of([("page", "399")]))
        assert [clip["id"] for clip in found["clips"]] == ids[399 * PAGE :]
        assert store.clips(filter_of([("page", "400")]))["clips"] == []


def test_text_speaker_recording_and_withdrawn(store: Store, rows: list[Row]) -> None:
    def ids(*parameters: tuple[str, str]) -> set[str]:
        return {clip["id"] for clip in store.clips(filter_of(parameters), most=N)["clips"]}

    N = len(rows)
    assert ids(("q", "S42A")) == {r["clip_id"] for r in rows if any("s42a" in s for s in r["info"]["speakers"])}
    assert ids(("q", "calls/00001")) == {
        r["clip_id"] for r in rows if r["info"]["provenance"]["uri"].startswith("calls/00001")
    }
    assert ids(("q", rows[7]["clip_id"][:12])) >= {rows[7]["clip_id"]}
    assert ids(("speaker", "s42a")) == {r["clip_id"] for r in rows if "s42a" in r["info"]["speakers"]}
    assert ids(("recording", f"{3:064x}")) == {r["clip_id"] for r in rows[30:40]}
    assert ids(("withdrawn", "yes")) == {r["clip_id"] for r in rows if r["withdrawn"]}
    assert len(ids(("withdrawn", "yes"))) == 20


@pytest.mark.parametrize(
    "parameters",
    [
        [("nope", "1")],
        [("overlap", "5")],
        [("overlap", "a..b")],
        [("overlap", "nan..")],
        [("overlap", "1..inf")],
        [("separated", "maybe")],
        [("sort", "duration_s; DROP TABLE flat")],
        [("page", "-1")],
        [("page", "٣")],
        [("page", "99999999999")],
        [("licence", "x")] * 21,
    ],
)
def test_what_no_filter_is(parameters: list[tuple[str, str]]) -> None:
    with pytest.raises(BrowseError, match=r"^[^\n]+$"):
        filter_of(parameters)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["q", "licence", "source", "speaker", "recording", "holder"]), st.text(max_size=60)
        ),
        max_size=4,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_value_and_never_sql(store: Store, parameters: list[tuple[str, str]]) -> None:
    try:
        filter_ = filter_of(parameters)
    except BrowseError:
        return
    assert store.clips(filter_)["total"] >= 0
    assert store.ask("SELECT count(*) AS n FROM flat") == [{"n": 20_000}]


def test_facets_count_what_there_is(store: Store, rows: list[Row]) -> None:
    facets = store.facets()
    assert {one["key"]: one["n"] for one in facets["licence"]} == dict.fromkeys(LICENCES, 4000)
    assert sum(one["n"] for one in facets["reason"]) == len(rows)
    assert {one["key"]: one["n"] for one in facets["reason"]}[""] == sum(row["kept"] for row in rows)
    assert len(facets["source"]) == 25


def test_a_record_is_the_row_of_the_file(store: Store, rows: list[Row]) -> None:
    for row in (*rows[:3], rows[999], rows[1_000], rows[12_345], rows[-1]):
        assert store.record(row["clip_id"]) == row
    with pytest.raises(BrowseError, match="there is no clip"):
        store.record("' OR 1=1 --")
