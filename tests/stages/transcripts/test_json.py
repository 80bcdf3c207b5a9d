"""The JSON of Whisper, whisperX, moshi-finetune and nu-dialogue, and the project's own words by channel."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.transcript import TimedWord, Transcript, Utterance
from stages.transcripts.read import TranscriptError, read_transcript

Read = Callable[..., Transcript]

DEMO = Path(__file__).parents[3] / "demo" / "recordings" / "truth" / "telephone-parcel.json"


def word(text: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"word": text, "start": start, "end": end, **more}


def test_openai_whisper(read: Read) -> None:
    segments = [
        {
            "id": 0,
            "start": 0.0,
            "end": 2.0,
            "text": " Ja, ja.  Nein!",
            "avg_logprob": -0.3,
            "words": [
                word(" Ja,", 0.1, 0.4, probability=0.9),
                word(" ja.", 0.4, 0.8, probability=0.5),
                word(" Nein!", 1.0, 2.0, probability=1.0),
            ],
        },
        {"id": 1, "start": 2.0, "end": 3.0, "text": " So."},
        {"id": 2, "start": 3.0, "end": 3.5, "text": " "},
        {"id": 3, "start": 4.0, "end": 5.0, "text": " a b", "words": [word(" a", 4.0, 4.0), word(" b", 4.0, 5.0)]},
    ]
    found = read("talk.json", json.dumps({"text": " Ja...", "segments": segments, "language": "de"}))
    assert found.utterances == (
        Utterance(
            speaker="",
            start_s=0.0,
            end_s=2.0,
            text="Ja, ja. Nein!",
            words=(
                TimedWord(text="Ja,", start_s=0.1, end_s=0.4, confidence=0.9),
                TimedWord(text="ja.", start_s=0.4, end_s=0.8, confidence=0.5),
                TimedWord(text="Nein!", start_s=1.0, end_s=2.0, confidence=1.0),
            ),
        ),
        Utterance(speaker="", start_s=2.0, end_s=3.0, text="So."),
        Utterance(
            speaker="",
            start_s=4.0,
            end_s=5.0,
            text="a b",
            partly=("a", TimedWord(text="b", start_s=4.0, end_s=5.0, confidence=1.0)),
        ),
    )
    assert found.notes == (
        "left out: utterances without text (1)",
        "words that have no times, or no duration, among words that have (1)",
    )


def test_whisperx_speakers_of_segments_and_words(read: Read) -> None:
    segments = [
        {
            "start": 0.0,
            "end": 3.0,
            "text": "Hey, baby. 12 is all",
            "speaker": "SPEAKER_01",
            "words": [
                word("Hey,", 0.0, 0.5, score=0.7, speaker="SPEAKER_00"),
                word("baby.", 0.6, 1.0, score=0.7),
                {"word": "12"},
                word("is", 1.5, 2.0, score=0.7, speaker="SPEAKER_01"),
                word("all", 2.0, 2.5, score=0.7, speaker="SPEAKER_01"),
            ],
        },
        {"start": 0.5, "end": 0.9, "text": "mhm", "speaker": "SPEAKER_01", "words": []},
    ]
    found = read("talk.json", json.dumps({"segments": segments, "word_segments": []}))
    assert [(u.speaker, u.start_s, u.end_s, u.text, len(u.words)) for u in found.utterances] == [
        ("SPEAKER_00", 0.0, 1.0, "Hey, baby. 12", 0),
        ("SPEAKER_01", 0.5, 0.9, "mhm", 0),
        ("SPEAKER_01", 1.5, 2.5, "is all", 2),
    ]
    first = found.utterances[0].partly
    assert [w if isinstance(w, str) else (w.text, w.start_s, w.end_s) for w in first] == [
        ("Hey,", 0.0, 0.5),
        ("baby.", 0.6, 1.0),
        "12",
    ]


def test_whisper_words_of_a_script_without_spaces(read: Read) -> None:
    said = [word("こん", 0.0, 0.5), word("にちは", 0.5, 1.0)]
    found = read("talk.json", json.dumps({"segments": [{"start": 0, "end": 1, "text": "こんにちは", "words": said}]}))
    assert [(u.text, [w.text for w in u.words]) for u in found.utterances] == [("こんにちは", ["こん", "にちは"])]


def test_moshi_finetune(read: Read) -> None:
    alignments = [
        ["Good", [0.5, 0.8], "SPEAKER_MAIN"],
        ["day", [0.8, 1.0], "SPEAKER_MAIN"],
        ["hm", [0.7, 0.9], "SPEAKER_OTHER"],
        ["Paris!", [8.2, 8.7], "SPEAKER_MAIN"],
    ]
    found = read("talk.json", json.dumps({"alignments": alignments}))
    assert [(u.speaker, u.start_s, u.end_s, u.text) for u in found.utterances] == [
        ("SPEAKER_MAIN", 0.5, 1.0, "Good day"),
        ("SPEAKER_OTHER", 0.7, 0.9, "hm"),
        ("SPEAKER_MAIN", 8.2, 8.7, "Paris!"),
    ]


@pytest.mark.parametrize("key", [None, "transcript"])
def test_nu_dialogue(read: Read, key: str | None) -> None:
    rows = [
        word("hello", 0.46, 1.52, speaker="A"),
        word("hi", 1.82, 2.04, speaker="B"),
        word("customer", 2.04, 2.703, speaker="B"),
        word("um", 2.0, 2.5, speaker="A", confidence=0.25),
        word("eh", 9, 9, speaker="A"),
    ]
    found = read("talk.json", json.dumps({"id": 7, key: rows} if key else rows))
    assert [(u.speaker, u.start_s, u.end_s, u.text) for u in found.utterances] == [
        ("A", 0.46, 1.52, "hello"),
        ("B", 1.82, 2.703, "hi customer"),
        ("A", 2.0, 2.5, "um"),
    ]
    assert found.utterances[2].words[0].confidence == 0.25
    assert found.notes == ("left out: words without duration (1)",)


def test_words_by_channel_as_the_demo_has_them() -> None:
    found = read_transcript(DEMO, recording="telephone-parcel", duration_s=38.87)
    written = json.loads(DEMO.read_text())
    for speaker, words in zip(written["speakers"], written["words"], strict=True):
        own = [w for u in found.utterances if u.speaker == speaker for w in u.words]
        assert [[w.text, w.start_s, w.end_s, w.confidence] for w in own] == words
    assert found.notes == ()
    assert found.utterances[0].text == "Good morning parcel desk this is Anna How can I help"


def test_words_by_channel_without_names(read: Read) -> None:
    found = read("talk.json", '[[["hi", 1, 1.5, 0.5]], [["ho", 1.2, 1.4], ["he", 3, 3.1]]]')
    assert [(u.speaker, u.text) for u in found.utterances] == [("0", "hi"), ("1", "ho"), ("1", "he")]


def test_a_file_without_words_has_no_utterances(read: Read) -> None:
    for text in ("[]", '{"segments": []}', "[[], []]"):
        assert read("talk.json", text) == Transcript(utterances=(), notes=("it has no utterances",))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('{"segments": {}}', "segments: is an object where a list is expected"),
        ('{"segments": [1]}', "segments[0]: is a number where an object is expected"),
        ('{"segments": [{"start": "0", "end": 1, "text": "a"}]}', "segments[0].start: is a text where a number"),
        (
            '{"segments": [{"start": true, "end": 1, "text": "a"}]}',
            "segments[0].start: is true or false where a number",
        ),
        (
            '{"segments": [{"start": 0, "end": 1, "text": 5}]}',
            "segments[0].text: is a number where a text is expected",
        ),
        ('{"segments": [{"start": 0, "end": 1}]}', "segments[0]: has no 'text'"),
        ('{"segments": [{"end": 1, "text": "a"}]}', "segments[0]: has no 'start'"),
        ('{"segments": [{"start": NaN, "end": 1, "text": "a"}]}', "segments[0].start: the start is nan s"),
        ('{"segments": [{"start": 0, "end": Infinity, "text": "a"}]}', "segments[0].end: the end is inf s"),
        ('{"segments": [{"start": -0.5, "end": 1, "text": "a"}]}', "segments[0].start: the start is -0.5 s"),
        ('{"segments": [{"start": 2, "end": 1, "text": "a"}]}', "segments[0]: ends at 1 s, before it starts at 2 s"),
        (
            '{"segments": [{"start": 0, "end": 1, "text": "a", "words": [{"word": "a", "start": 0, "end": 1.6}]}]}',
            "segments[0]: the word 'a' (0-1.6 s) lies outside its utterance (0-1 s)",
        ),
        ('{"segments": [{"start": 0, "end": 1, "text": "a", "words": ["a"]}]}', "segments[0].words[0]: is a text"),
        ('{"segments": [{"start": 0, "end": 1, "text": "a\\ud800"}]}', "segments[0]: has the character U+D800"),
        (
            '{"segments": [{"start": 1' + "0" * 400 + ', "end": 1, "text": "a"}]}',
            "segments[0].start: the start is inf s",
        ),
        ('{"alignments": [["a", 0, 1]]}', "alignments[0]: is not [word, [start, end], speaker]"),
        ('{"alignments": [["a", [0, "1"], "b"]]}', "alignments[0][1][1]: is a text where a number is expected"),
        ('[{"word": "a", "start": 0}]', "[0]: has no 'end'"),
        ('[{"word": "a", "start": 0, "end": 1, "speaker": [1]}]', "[0].speaker: is a list where a text is expected"),
        ('[{"word": "a", "start": 0, "end": 1}, 7]', "[1]: is a number where an object is expected"),
        ('{"words": [[["a", 0, 1]]], "speakers": ["a", "b"]}', "words: has 1 channels for 2 speakers"),
        ('{"words": [["a", 0, 1]]}', "words[0][0]: is a text where a list is expected"),
        ('{"words": [[["a", 0]]]}', "words[0][0]: is not [word, start, end, confidence]"),
        ('{"turns": 3, "name": "x"}', "this is none, with ['turns', 'name']"),
        ("[1, 2]", "is no list of words or utterances"),
        ("7", "is no transcript: known are"),
        ('{"segments": [\n}', "line 2: not JSON"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param("1" * 10_000, "number that is too long", id="digits"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(read: Read, value: str, words: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read("talk.json", value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_may_be_one_long_line(read: Read) -> None:
    rows = [word("x" * 100, k, k + 0.5, speaker="A") for k in range(12_000)]
    assert len(read("talk.json", json.dumps(rows)).utterances) == 12_000
