"""report.html: the figures of the indexes, nothing that breaks out, the same bytes again, whatever the dataset."""

import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cluster.engine import open_engine
from cluster.rows import Failed
from pipeline import quarantine
from pipeline.build import build
from pipeline.config import BuildConfig
from pipeline.dataset_json import DescriptionError
from pipeline.report import write
from pipeline.report.choose import COUNT
from pipeline.report.clips import clips_of
from pipeline.report.flow import flow_of
from pipeline.report.write import write_report
from pipeline.sources import read_sources
from pipeline.verify import verify
from pipeline.view import View

NOBODY: frozenset[str] = frozenset()


class Elements(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_names_are_text(make_world: Callable[..., object]) -> None:
    page = Elements(write_report(make_world().out).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    assert "script" not in {tag for tag, _ in page.found}
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    for where in ("-0.wav", "0a", " Ltd", "$x_{"):  # a recording, a speaker, a holder, a word
        assert f"<script>alert(1)</script>\"'&$x_{{{where}".replace("$x_{$x_{", "$x_{") in page.text
    assert not [u for _, a in page.found for u in (a.get("src"), a.get("href")) if u and not re.match("data:|#", u)]


def test_the_same_dataset_gives_the_same_bytes(make_world: Callable[..., object]) -> None:
    out: Path = make_world().out  # type: ignore[attr-defined]
    first = write_report(out).read_bytes()
    assert write_report(out).read_bytes() == first
    assert len(first) < 8_000_000
    assert list(verify(out)) == []


def test_sums_are_those_of_the_indexes(make_world: Callable[..., object]) -> None:
    out: Path = make_world().out  # type: ignore[attr-defined]
    clips, flow = clips_of(out, NOBODY), flow_of(out)
    rows = pq.read_table(out / "index" / "clips.parquet").to_pylist()
    recordings = pq.read_table(out / "index" / "recordings.parquet").to_pylist()
    totals = json.loads((out / "dataset.json").read_text())["duplexset"]["totals"]
    assert (clips.clips, clips.seconds) == (12, 12 * 24.0)
    assert {s: tuple(v) for s, v in clips.splits.items()} == {
        name: (total["clips"], total["seconds"]) for name, total in totals["splits"].items()
    }
    assert flow.recordings == len(recordings) == totals["recordings"]["count"]
    assert flow.seconds == pytest.approx(sum(r["duration_s"] for r in recordings))
    assert flow.kept_s == pytest.approx(clips.seconds) == pytest.approx(totals["recordings"]["kept_s"])
    assert flow.kept_s + flow.lost_s == pytest.approx(flow.seconds)
    assert flow.lost == {("split", "silence"): [4, 48.0]}
    (detail,) = flow.details.most(5)  # names and numbers apart, all four are told the same
    assert (detail.count, detail.words) == (4, "# s of (name)")
    assert flow.unlicensed == totals["recordings"]["unlicensed"] == 1
    assert sum(seconds for _, seconds in clips.licences.values()) == pytest.approx(clips.seconds)
    assert {key[0]: n for key, (n, _) in clips.licences.items()} == {"CC-BY-NC-4.0": 9, "NOASSERTION": 3}
    assert clips.speakers.count() == len({name for row in rows for name in row["info"]["speakers"]})
    separated = [row["info"] for row in rows if row["info"]["provenance"]["separated"]]
    overlap_s = sum(o["end_s"] - o["start_s"] for info in separated for o in info["overlaps"])
    quality = clips.quality
    assert quality.low_confidence_s == pytest.approx(overlap_s)
    assert quality.histograms["confidence"].total == pytest.approx(overlap_s)
    assert (quality.transcribed, quality.words, quality.approximate) == (6, 6, 6)
    assert quality.uncertain_s == quality.transcribed_s == pytest.approx(6 * 24.0)


def test_ten_clips_none_twice_extremes_first(make_world: Callable[..., object]) -> None:
    world = make_world()
    chosen = clips_of(world.out, NOBODY).candidates.chosen()  # type: ignore[attr-defined]
    assert len(chosen) == len({c.row.clip_id for c in chosen}) == COUNT
    by_name = {c.criterion: c for c in reversed(chosen)}
    assert by_name["overlap"].why == "most overlap: 21 % of its time"
    assert by_name["leakage"].row.info.quality.leakage_db[0] == -30.0
    assert by_name["confidence"].row.info.quality.overlap_confidence == 0.3
    assert sum(c.criterion == "chance" for c in chosen) >= 3


def test_a_withdrawn_clip_is_not_shown(make_world: Callable[..., object]) -> None:
    world = make_world(2)
    clip_id = world.clips[0].info.clip_id  # type: ignore[attr-defined]
    (world.out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{clip_id}"}}\n')  # type: ignore[attr-defined]
    page = write_report(world.out).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert clip_id not in page
    assert "Withdrawn since the build, but still in the shards: 1 of the clips." in page


def test_without_flac_it_is_decoded_from_the_tokens(make_world: Callable[..., object]) -> None:
    page = write_report(make_world(1, flac=False).out).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert page.count("<audio ") == page.count("Decoded from tokens") == 3


def test_without_the_codec_there_is_no_sound(make_world: Callable[..., object]) -> None:
    out: Path = make_world(1, flac=False).out  # type: ignore[attr-defined]
    text = (out / "dataset.json").read_text()
    described = json.loads(text)
    described["duplexset"]["weights"]["builtin"] = "0" * 64  # another codec by now
    (out / "dataset.json").write_text(json.dumps(described))
    page = write_report(out).read_text(encoding="utf-8")
    assert "<audio " not in page
    assert page.count("No sound: ") == 3


def test_an_empty_dataset_has_a_report(empty: Path) -> None:
    page = write_report(empty).read_text(encoding="utf-8")
    assert "Nothing was kept" in page
    assert not re.search(r"\bnan\b", Elements(page).text.lower())


def test_what_is_no_dataset_is_said(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"has no dataset\.json"):
        write_report(tmp_path)


def build_of_nothing(tmp_path: Path) -> tuple[Path, str]:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.wav").write_bytes(b"no audio")
    out, said = tmp_path / "out", io.StringIO()
    sources = read_sources([str(tmp_path / "in")], {"licence": "CC0-1.0"})
    with View(Console(file=said, width=300), interactive=False) as view:
        build(sources, out, BuildConfig(), engine=open_engine("inline", None), view=view)
    return out, said.getvalue()


def test_a_build_writes_it_even_if_nothing_was_kept(tmp_path: Path) -> None:
    out, _ = build_of_nothing(tmp_path)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Nothing was kept" in page
    assert "not audio" in page
    assert list(verify(out)) == []


def test_a_report_that_cannot_be_written_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(write, "write_text", full)
    out, said = build_of_nothing(tmp_path)
    assert "the dataset is whole; try `duplexset report" in said
    assert list(verify(out)) == []


def test_recordings_in_quarantine_are_listed_with_their_error(make_world: Callable[..., object]) -> None:
    out: Path = make_world().out  # type: ignore[attr-defined]
    quarantine.put(out, "<b>worst</b>\n.wav", 3600.0, Failed(error="RuntimeError: a\nb", trace="Traceback"))
    quarantine.put(out, "unknown.wav", None, Failed(error="OSError: gone", trace="Traceback"))
    page = Elements(write_report(out).read_text(encoding="utf-8"))
    for words in ("<b>worst</b> .wav", "1.00 h", "RuntimeError: a b", "unknown.wav", "OSError: gone"):
        assert words in page.text
    assert "In quarantine, as their work failed again and again: 2 recordings." in page.text
    quarantine.clear(out)
    assert "quarantine" not in write_report(out).read_text(encoding="utf-8")
