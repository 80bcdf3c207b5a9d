"""Formats of whole corpora: lhotse's supervisions and Kaldi's data folders, searched for one recording."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.transcript import TimedWord, Transcript, Utterance
from stages.transcripts.read import TranscriptError, read_transcript

Read = Callable[..., Transcript]


def supervision(recording: str, start: float, duration: float, **more: Any) -> dict[str, Any]:
    return {"id": f"{recording}-{start}", "recording_id": recording, "start": start, "duration": duration, **more}


SUPERVISIONS = [
    supervision("sess0", 0.5, 1.0, channel=0, text="not this one", speaker="x"),
    supervision(
        "sess1",
        0.5,
        1.0,
        channel=0,
        text="Can you?",
        speaker="a",
        language="English",
        alignment={"word": [["CAN", 0.5, 0.3, None], ["YOU", 0.9, 0.5, 0.75]], "phone": []},
    ),
    supervision(
        "sess1", 0.7, 0.2, channel=1, text="can you hear", speaker="b", alignment={"word": [["can", 0.7, 0.1]]}
    ),
    supervision("sess1", 4.0, 0.5, channel=1, text="no speaker"),
    supervision("sess1", 5.0, 0.5, channel=[0, 1], text=None),
]


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_lhotse_supervisions(read: Read, name: str) -> None:
    text = "\n\n".join(json.dumps(row) for row in SUPERVISIONS).encode()
    found = read(name, gzip.compress(text) if name.endswith(".gz") else text, recording="sess1")
    assert found.utterances == (
        Utterance(
            speaker="a",
            start_s=0.5,
            end_s=1.5,
            text="Can you?",
            words=(
                TimedWord(text="Can", start_s=0.5, end_s=0.8),
                TimedWord(text="you?", start_s=0.9, end_s=1.4, confidence=0.75),
            ),
        ),
        Utterance(speaker="b", start_s=0.7, end_s=0.9, text="can you hear"),
        Utterance(speaker="1", start_s=4.0, end_s=4.5, text="no speaker"),
        Utterance(speaker="", start_s=5.0, end_s=5.5, text=""),
    )
    assert found.notes == ("left out: the word times of utterances whose text has other words (1)",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "a", "sources": []}', "line 2: has no 'recording_id': give lhotse's supervisions"),
        ('{"recording_id": "talk", "duration": 1}', "line 2: has no 'start'"),
        ('{"recording_id": "talk", "start": 1, "duration": "1"}', "line 2, duration: is a text where a number"),
        ('{"recording_id": "talk", "start": 1, "duration": -1}', "line 2: the duration is -1 s"),
        (
            '{"recording_id": "talk", "start": 1, "duration": 1, "alignment": {"word": [["a", 1]]}}',
            "line 2, alignment.word[0]: is not [symbol, start, duration, score]",
        ),
        ("[1]", "line 2: is a list where an object is expected"),
        ("{", "line 2: not JSON"),
        ('{"recording_id": "b"}', "has 2 recordings ('b', 'sess0'), none is 'talk'"),
    ],
)
def test_a_wrong_supervision_is_named(read: Read, line: str, words: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read("all.jsonl", f"{json.dumps(SUPERVISIONS[0])}\n{line}\n")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_gzip_file_that_is_cut_off_says_so(read: Read) -> None:
    whole = gzip.compress(b"".join(json.dumps(supervision(f"r{k}", k, 1)).encode() + b"\n" for k in range(999)))
    for damaged in (whole[:-20], b"no gzip at all", whole[:40] + b"\xff" * 60 + whole[100:]):
        with pytest.raises(TranscriptError, match=r"is not a whole gzip file"):
            read("all.jsonl.gz", damaged)


SEGMENTS = """anna-talk-0001 talk 0.50 5.00
ben-talk-0001 talk 2.00 2.30
ben-talk-0002 talk 7.00 8.00
zoe-other-0001 other 0.00 1.00
"""


def kaldi(folder: Path, **files: str) -> Path:
    texts = "anna-talk-0001 So  I said  go\nben-talk-0001 <mhm>\nben-talk-0002\nzoe-other-0001 no\n"
    for name, content in {"segments": SEGMENTS, "text": texts, **files}.items():
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("given", ["", "segments"])
def test_a_kaldi_folder(tmp_path: Path, given: str) -> None:
    folder = kaldi(
        tmp_path, utt2spk="anna-talk-0001 anna\nben-talk-0001 ben\nben-talk-0002 ben\nzoe-other-0001 zoe\n"
    )
    found = read_transcript(folder / given, recording="talk", duration_s=9.0)
    assert found.utterances == (
        Utterance(speaker="anna", start_s=0.5, end_s=5.0, text="So I said go"),
        Utterance(speaker="ben", start_s=2.0, end_s=2.3, text="<mhm>"),
    )
    assert found.notes == ("left out: utterances without text (1)",)


def test_a_kaldi_folder_without_speakers(tmp_path: Path) -> None:
    found = read_transcript(kaldi(tmp_path), recording="other", duration_s=None)
    assert found.utterances == (Utterance(speaker="", start_s=0.0, end_s=1.0, text="no"),)


def test_a_kaldi_folder_of_telephone_sides(tmp_path: Path) -> None:
    folder = kaldi(
        tmp_path,
        segments="a talk-A 0 1\nb talk-B 0.5 0.8\nc other-A 0 1\n",
        text="a hello\nb hi\nc no\n",
        reco2file_and_channel="talk-A talk A\ntalk-B talk B\nother-A other A\n",
    )
    found = read_transcript(folder, recording="talk", duration_s=None)
    assert [(u.speaker, u.text) for u in found.utterances] == [("A", "hello"), ("B", "hi")]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"segments": "a talk 0\n"}, "segments line 1: has 3 fields: write 'utterance recording start end'"),
        ({"segments": "a talk 0 x\n"}, "segments line 1: the end 'x' is no number of seconds"),
        ({"segments": "a talk 2 1\n"}, "segments line 1: ends at 1 s, before it starts at 2 s"),
        ({"segments": "a talk 1 2\na talk 2 3\n"}, "segments line 2: the utterance 'a' stands there twice"),
        ({"segments": "a one 1 2\n"}, "segments: has 1 recording ('one'), none is 'talk'"),
        ({"utt2spk": "anna-talk-0001\n"}, "utt2spk line 1: has 1 fields"),
    ],
)
def test_a_wrong_kaldi_folder_is_one_line(tmp_path: Path, files: dict[str, str], words: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read_transcript(kaldi(tmp_path, **files), recording="talk", duration_s=None)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kaldi_folder_without_text_says_which_file(tmp_path: Path) -> None:
    (kaldi(tmp_path) / "text").unlink()
    with pytest.raises(TranscriptError, match="text is not there"):
        read_transcript(tmp_path, recording="talk", duration_s=None)
