"""Whatever the bytes, a reader gives a transcript that keeps its promises, or one line; written times come back."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.transcript import Transcript
from stages.transcripts.read import SUFFIXES, TranscriptError, read_transcript

SAMPLES = {
    "talk.textgrid": [
        '"ooTextFile"\n"TextGrid"\n\n0\n9\n<exists>\n1\n"IntervalTier"\n"a - words"\n0\n9\n1\n0\n1\n"hi"\n'
    ],
    "talk.ctm": ["talk A 0.5 0.2 YES 0.9\ntalk A * * <ALT_BEGIN>\ntalk A 1 1 a\ntalk A * * <ALT_END>\n"],
    "talk.stm": ["talk 1 a 0.5 1.2 <o,f0> { um / uh } yes\n"],
    "talk.rttm": ["SPEAKER talk 1 0.5 4.5 <NA> <NA> anna <NA> <NA>\n"],
    "talk.vtt": ["WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:02.000\n<v Anna>a <00:01.500>b&amp;</v>\n"],
    "talk.srt": ["1\n00:00:01,000 --> 00:00:02,000\n[Anna]: <i>yes</i>\n"],
    "talk.json": [
        '{"segments": [{"start": 0, "end": 1, "text": "a", "words": [{"word": "a", "start": 0, "end": 1}]}]}\n',
        '{"alignments": [["a", [0, 1], "MAIN"]]}\n',
        '[{"speaker": "A", "word": "a", "start": 0, "end": 1}]\n',
        '{"speakers": ["a", "b"], "words": [[["a", 0, 1, 0.5]], []]}\n',
    ],
    "talk.jsonl": [
        '{"recording_id": "talk", "start": 0, "duration": 1, "text": "a", "alignment": {"word": [["a", 0, 1]]}}\n'
    ],
    "talk.jsonl.gz": ['{"recording_id": "talk", "start": 0, "duration": 1, "channel": 1}\n'],
    "segments": ["talk talk 0.5 1.5\n"],
    "talk.csv": ["speaker,start,end,text\na,0,1,hi\n", "speaker;start;end;word;confidence\na;0;1;hi;0.5\n"],
    "talk.tsv": ["speaker\tstart\tend\tword\tconfidence\na\t0\t1\thi\t0.5\n"],
    "talk.txt": ["ANNA: hello\nand more\n"],
    "talk.anna.txt": ["hello\nand more\n"],
}
DURATION_S = 5.0


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    if name == "segments":
        (folder / "text").write_bytes(content)
    return path


def check(found: Transcript) -> None:
    starts = [u.start_s for u in found.utterances if u.start_s is not None]
    assert starts == sorted(starts)
    for said in found.utterances:
        assert (said.start_s is None) == (said.end_s is None)
        spans = [(w.start_s, w.end_s) for w in said.words]
        if said.start_s is not None and said.end_s is not None:
            spans.append((said.start_s, said.end_s))
        assert all(0 <= start < end <= DURATION_S for start, end in spans)
        assert all(0 <= w.confidence <= 1 and w.text == " ".join(w.text.split()) != "" for w in said.words)
        assert said.text == " ".join(said.text.split())
        assert said.speaker == said.speaker.strip()
        said.text.encode()
    assert all("\n" not in note for note in found.notes)


def read_or_one_line(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), name, content)
        try:
            check(read_transcript(path, recording="talk", duration_s=DURATION_S))
        except TranscriptError as error:
            assert len(str(error).splitlines()) == 1 and len(str(error)) < 600
            assert folder in str(error)


@st.composite
def nearly_right(draw: st.DrawFn, name: str) -> bytes:
    """A right file in which a few pieces are repeated, taken out or replaced."""
    content = bytearray(draw(st.sampled_from(SAMPLES[name])).encode())
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 12)))
        odd = [
            "",
            "-",
            "nan",
            "1e999",
            '"',
            "\n\n",
            "<",
            "{",
            "[",
            "null",
            "\x00",
            "\ud7ff",
            "00:99",
            "-->",
            ":",
            " ",
        ]
        piece = draw(st.one_of(st.sampled_from(odd).map(str.encode), st.binary(max_size=4)))
        content[start:end] = piece * draw(st.integers(1, 2))
    return bytes(content)


def test_there_is_a_sample_of_every_kind() -> None:
    assert {name.removeprefix("talk") for name in SAMPLES} >= set(SUFFIXES)


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@settings(max_examples=120)
def test_no_bytes_raise_anything_but_one_line(name: str, data: st.DataObject) -> None:
    content = st.one_of(nearly_right(name), st.binary(max_size=60), st.text(max_size=60).map(str.encode))
    read_or_one_line(name, data.draw(content))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_under_every_name(name: str) -> None:
    for sample in (text for samples in SAMPLES.values() for text in samples):
        read_or_one_line(name, sample.encode())
        read_or_one_line(name, sample.encode("utf-16"))


SPEAKERS = ("anna", "Ben/2 ß", "c")
Said = list[tuple[str, int, int, str]]


@st.composite
def conversations(draw: st.DrawFn) -> Said:
    """(speaker, start in ms, end in ms, word), by start; a speaker never talks over himself and pauses after each."""
    said: Said = []
    for speaker in SPEAKERS:
        at = 0
        for _ in range(draw(st.integers(0, 4))):
            start = at + draw(st.integers(200, 5_000))
            at = start + draw(st.integers(1, 9_000))
            said.append((speaker, start, at, draw(st.sampled_from(["yes", 'a "b"', "<laugh>", "größer", "x & y"]))))
    return sorted(said, key=lambda s: (s[1], SPEAKERS.index(s[0])))


def as_textgrid(said: Said) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "99", "<exists>", str(len(SPEAKERS))]
    for speaker in SPEAKERS:
        own = [s for s in said if s[0] == speaker]
        lines += ['"IntervalTier"', f'"{speaker}"', "0", "99", str(len(own))]
        for _, start, end, text in own:
            lines += [f"{start / 1000}", f"{end / 1000}", '"' + text.replace('"', '""') + '"']
    return "\n".join(lines) + "\n"


def as_ctm(said: Said) -> str:
    return ";;\n" + "".join(
        f"talk {who.replace(' ', '_')} {a / 1000:.3f} {(b - a) / 1000:.3f} {text.replace(' ', '_')}\n"
        for who, a, b, text in said
    )


def as_webvtt(said: Said) -> str:
    def clock(ms: int) -> str:
        return f"{ms // 60_000:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    cues = (f"{clock(a)} --> {clock(b)}\n<v {who}>{escaped(text)}</v>\n\n" for who, a, b, text in said)
    return "WEBVTT\n\n" + "".join(cues)


@pytest.mark.parametrize(
    ("name", "write"), [("talk.TextGrid", as_textgrid), ("talk.ctm", as_ctm), ("talk.vtt", as_webvtt)]
)
@given(said=conversations())
@settings(max_examples=60)
def test_what_is_written_comes_back(name: str, write: object, said: Said) -> None:
    assert callable(write)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), name, write(said).encode())
        if name.endswith(".ctm"):
            if not said:
                return
            said = [(who.replace(" ", "_"), a, b, text.replace(" ", "_")) for who, a, b, text in said]
        found = read_transcript(path, recording="talk", duration_s=None)
    back = [(u.speaker, u.start_s, u.end_s, u.text) for u in found.utterances]
    assert sorted(back) == sorted((who, a / 1000, b / 1000, text) for who, a, b, text in said)
    assert [s for _, s, _, _ in back] == [a / 1000 for _, a, _, _ in said]
