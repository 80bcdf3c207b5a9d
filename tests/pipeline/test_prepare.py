"""Phase 1 with stages that need no audio: duplicates, quarantine, and only what is missing."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from rich.console import Console

from cluster.inline import InlineEngine
from pipeline import prepare as module
from pipeline.config import BuildConfig
from pipeline.licences.expressions import rights_of
from pipeline.prepare import Preparation, Prepared
from pipeline.quarantine import quarantined
from pipeline.sources import Sources
from pipeline.view import View
from schemas.clip import Clip
from schemas.licence import Licence, SpeakersConsent
from schemas.policy import DEFAULT, Policy
from schemas.recording import Recording, Source
from schemas.rejection import Reason, Rejection
from stages.contract import Needs

Run = Callable[..., tuple[Prepared, str, list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A source becomes a recording whose bytes are its file name without digits."""

    make: Callable[[str], Recording]
    name: ClassVar[str] = "ingest"
    reads: ClassVar[type] = Source
    writes: ClassVar[type] = Recording
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 1

    def load(self, device: str) -> Callable[[Source], Recording]:
        def name(source: Source) -> Recording:
            made = self.make(source.uri.rstrip("0123456789"))
            return replace(made, source=source, licence=source.licence or made.licence)

        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Two clips and a lost stretch; raises after the first clip of `bad`."""

    make: Callable[[Recording, int], Clip]
    calls: list[str]
    bad: str = ""
    name: ClassVar[str] = "talk"
    reads: ClassVar[type] = Recording
    writes: ClassVar[type] = Clip
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 1

    def load(self, device: str) -> Callable[[Recording], Iterator[Clip | Rejection]]:
        def talk(recording: Recording) -> Iterator[Clip | Rejection]:
            self.calls.append(recording.source.uri)
            yield self.make(recording, 0)
            if recording.source.uri == self.bad:
                raise RuntimeError("no more")
            yield Rejection(uri=recording.source.uri, stage="talk", reason=Reason.SILENCE, detail="-", end_s=3.0)
            yield self.make(recording, 1)

        return talk


def _under(said: SpeakersConsent) -> Licence:
    return Licence(spdx="CC0-1.0", speakers_consent=said, rights=rights_of("CC0-1.0"))


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_recording: Callable[..., Recording],
    make_clip: Callable[..., Clip],
) -> Run:
    def prepare(
        *uris: str, bad: str = "", said_of: Mapping[str, SpeakersConsent] = {}, policy: Policy = DEFAULT
    ) -> tuple[Prepared, str, list[str]]:
        calls: list[str] = []
        monkeypatch.setattr(module, "intake", lambda _: [Name(make=make_recording)])
        monkeypatch.setattr(module, "conversation", lambda _: [Talk(make=make_clip, calls=calls, bad=bad)])
        said = io.StringIO()
        sources = Sources(
            usable=[
                Source(uri=uri, origin=f"row {i}", licence=_under(said_of[uri]) if uri in said_of else None)
                for i, uri in enumerate(uris)
            ]
        )
        with View(Console(file=said, width=500), interactive=False) as view:
            preparation = Preparation(
                config=BuildConfig(policy=policy), fingerprint="f", out=tmp_path, engine=InlineEngine(), view=view
            )
            return preparation.run(sources), said.getvalue(), calls

    return prepare


def test_every_recording_has_one_file_with_its_clips_and_losses(run: Run) -> None:
    result, _, _ = run("a", "b")
    assert len(result.files) == 2
    for file in result.files:
        row = file.recording()
        assert (row.n_clips, [loss.reason for loss in row.lost]) == (2, ["silence"])
        assert row.duration_s == pytest.approx(2 * 8.0 + 3.0)


def test_what_is_there_is_not_made_again(run: Run) -> None:
    run("a", "b")
    result, _, calls = run("c", "a", "b")
    assert calls == ["c"]
    assert len(result.files) == 3


def test_the_same_bytes_twice_are_kept_once_whatever_the_order(
    run: Run,
) -> None:
    for uris in (("a2", "a1", "b"), ("b", "a1", "a2")):
        result, said, _ = run(*uris)
        assert sorted(file.recording().uri for file in result.files) == ["a1", "b"]
        assert [(row.uri, row.lost[0].reason) for row in result.refused] == [("a2", "duplicate")]
        assert "the same bytes as a1" in said


@pytest.mark.parametrize("word", [SpeakersConsent.REFUSED, SpeakersConsent.WITHDRAWN])
@pytest.mark.parametrize("uris", [("a1", "a2", "b"), ("b", "a2", "a1")])
def test_no_copy_of_what_speakers_objected_to_is_used(run: Run, word: SpeakersConsent, uris: tuple[str, ...]) -> None:
    for objecting, other in (("a1", "a2"), ("a2", "a1")):
        said_of = {objecting: word, other: SpeakersConsent.GIVEN}
        result, said, calls = run(*uris, said_of=said_of)
        assert [file.recording().uri for file in result.files] == ["b"]
        assert "a1" not in calls and "a2" not in calls
        assert {(row.uri, row.lost[0].reason) for row in result.refused} == {
            ("a1", "licence_refused"),
            ("a2", "licence_refused"),
        }
        assert (
            f"the same bytes as {objecting} (row {uris.index(objecting)}), whose speakers_consent is {word}" in said
        )
    unminding = replace(DEFAULT, rules=())
    result, _, _ = run(*uris, said_of={"a1": word}, policy=unminding)
    assert sorted(file.recording().uri for file in result.files) == ["a1", "b"]


def test_what_was_prepared_of_it_is_left_to_selection_as_refused(run: Run) -> None:
    run("a2", "b")
    result, _, calls = run("a1", "a2", "b", said_of={"a1": SpeakersConsent.WITHDRAWN})
    assert calls == []
    of = {file.recording().uri: file.licence.speakers_consent for file in result.files}
    assert of == {"a2": SpeakersConsent.WITHDRAWN, "b": SpeakersConsent.UNKNOWN}
    assert [row.uri for row in result.refused] == ["a1"]


def test_a_recording_that_keeps_failing_is_quarantined_and_the_rest_goes_on(run: Run, tmp_path: Path) -> None:
    result, said, calls = run("a", "b", "c", bad="b")
    assert result.quarantined == ["b"]
    assert sorted(file.recording().uri for file in result.files) == ["a", "c"]
    assert calls.count("b") == 3
    assert "quarantined b: RuntimeError: no more" in said
    (trace,) = (tmp_path / "work" / "quarantine").iterdir()
    assert 'raise RuntimeError("no more")' in trace.read_text()
    assert not list(tmp_path.rglob(".*.tmp"))


def test_a_quarantined_recording_is_tried_again_by_the_next_run(run: Run, tmp_path: Path) -> None:
    run("a", "b", bad="b")
    assert [one.uri for one in quarantined(tmp_path)] == ["b"]
    result, _, calls = run("a", "b")
    assert calls == ["b"]
    assert len(result.files) == 2
    assert result.quarantined == []
    assert quarantined(tmp_path) == []
