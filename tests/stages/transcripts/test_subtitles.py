"""WebVTT and SRT: examples written after w3.org/TR/webvtt1 and what subtitle tools write."""

from collections.abc import Callable

import pytest

from schemas.transcript import TimedWord, Transcript, Utterance
from stages.transcripts.read import TranscriptError

Read = Callable[..., Transcript]

VTT = """WEBVTT - a conversation
Kind: captions

STYLE
::cue { color: red }

NOTE a comment
over two lines

1
00:00:01.000 --> 00:00:04.000 align:left position:10%
<v.loud Anna Lindström>So, <i>what</i> do you think,<c.yellow> R&amp;D</c>
&lt;laugh&gt; isn't &#233;asy <laugh></v>

00:02.000 --> 00:02,300
<v Ben>mhm

crosstalk
01:00:05.000 --> 01:00:06.000
<v Anna Lindström>yes</v>
<v Ben>no</v>

01:00:07.000 --> 01:00:08.000
[laughter]
"""


def test_webvtt_voices_blocks_and_markup(read: Read) -> None:
    found = read("talk.vtt", VTT)
    assert found.utterances == (
        Utterance(
            speaker="Anna Lindström",
            start_s=1.0,
            end_s=4.0,
            text="So, what do you think, R&D <laugh> isn't éasy <laugh>",
        ),
        Utterance(speaker="Ben", start_s=2.0, end_s=2.3, text="mhm"),
        Utterance(speaker="Anna Lindström", start_s=3605.0, end_s=3606.0, text="yes"),
        Utterance(speaker="Ben", start_s=3605.0, end_s=3606.0, text="no"),
        Utterance(speaker="", start_s=3607.0, end_s=3608.0, text="[laughter]"),
    )
    assert found.notes == ("left out: STYLE blocks (1)", "left out: NOTE blocks (1)")


def test_webvtt_timestamps_give_the_times_of_words(read: Read) -> None:
    found = read(
        "talk.vtt",
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Anna>What <00:00:01.200>a<00:00:01.300><c> day</c><00:01.900></v>\n\n"
        "00:03.000 --> 00:04.000\n<v Ben>and that <00:03.500>too\n",
    )
    first, second = found.utterances
    assert first.text == "What a day"
    assert first.words == (
        TimedWord(text="What", start_s=1.0, end_s=1.2),
        TimedWord(text="a", start_s=1.2, end_s=1.3),
        TimedWord(text="day", start_s=1.3, end_s=1.9),
    )
    assert (second.text, second.words) == ("and that too", ())
    assert found.notes == ("left out: timestamps in cues that are not one for each word (1)",)


def test_webvtt_without_voices_may_name_speakers_in_its_text(read: Read) -> None:
    found = read(
        "talk.vtt",
        "\ufeffWEBVTT\r\n\r\n1\r\n00:00:01.000 --> 00:00:02.000\r\nAnna Berg: Good &amp; well\r\n\r\n"
        "2\r\n00:00:01.500 --> 00:00:03.000\r\nBen: Fine\r\n",
    )
    assert [(u.speaker, u.text) for u in found.utterances] == [("Anna Berg", "Good & well"), ("Ben", "Fine")]


SRT = """1
00:00:01,000 --> 00:00:04,000 X1:40 X2:600 Y1:20 Y2:50
ANNA: <i>So</i>, {\\an8}what do you think,
Ben? <laugh>

2
00:00:02,000 --> 00:00:02.300
[Ben] <font color="#ff0000">mhm</font>

3
00:05,000 --> 00:06,000
- ANNA: yes
- [Ben]: no

4
0:00:07,000 --> 0:00:08,000
[laughter] I said: go

5
00:00:09,000 --> 00:00:10,000
"""


def test_srt_prefixes_markup_and_clock(read: Read) -> None:
    found = read("talk.srt", SRT)
    assert found.utterances == (
        Utterance(speaker="ANNA", start_s=1.0, end_s=4.0, text="So, what do you think, Ben? <laugh>"),
        Utterance(speaker="Ben", start_s=2.0, end_s=2.3, text="mhm"),
        Utterance(speaker="ANNA", start_s=5.0, end_s=6.0, text="yes"),
        Utterance(speaker="Ben", start_s=5.0, end_s=6.0, text="no"),
        Utterance(speaker="", start_s=7.0, end_s=8.0, text="[laughter] I said: go"),
    )
    assert found.notes == ("left out: utterances without text (1)",)


def test_srt_of_whisperx(read: Read) -> None:
    cues = "".join(f"{k}\n00:00:0{k},000 --> 00:00:0{k},900\n[SPEAKER_0{k % 2}]: word {k}\n\n" for k in range(1, 4))
    assert [(u.speaker, u.text) for u in read("talk.srt", cues).utterances] == [
        ("SPEAKER_01", "word 1"),
        ("SPEAKER_00", "word 2"),
        ("SPEAKER_01", "word 3"),
    ]


def test_srt_text_that_only_looks_like_a_name_stays_and_is_counted(read: Read) -> None:
    found = read(
        "talk.srt",
        "1\n00:01,000 --> 00:02,000\nThis is it: the end\n\n2\n00:03,000 --> 00:04,000\nAt 10:30 we met\n",
    )
    assert [(u.speaker, u.text) for u in found.utterances] == [("", "This is it: the end"), ("", "At 10:30 we met")]
    assert found.notes == ("taken as text: starts of cues that look like a name (1)",)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.vtt", "00:01.000 --> 00:02.000\nhi\n", "line 1: '00:01.000 --> 00:02.000' is no start of WebVTT"),
        ("t.vtt", "WEBVTT\n00:01.000 --> 00:02.000\nhi\n", "line 2: has times in the head of the file"),
        ("t.vtt", "WEBVTT\n\nhello there\n", "line 3: 'hello there' stands under no line of times"),
        ("t.vtt", "WEBVTT\n\n00:02.000 --> 00:01.000\nhi\n", "line 3: ends at 1 s, before it starts at 2 s"),
        ("t.vtt", "WEBVTT\n\n00:61.000 --> 01:01.000\nhi\n", "line 3: '00:61.000' is no time"),
        ("t.vtt", "WEBVTT\n\n00:01.000 -->\nhi\n", "line 3: '' is no time"),
        ("t.vtt", "WEBVTT\n\n-00:01.000 --> 00:02.000\nhi\n", "line 3: '-00:01.000' is no time"),
        (
            "t.vtt",
            "WEBVTT\n\n00:01.000 --> 00:02.000\na <00:01.800>b <00:01.400>c\n",
            "line 3: ends at 1.4 s, before",
        ),
        ("t.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\na <00:1.800>b\n", "line 3: '00:1.800' is no time"),
        (
            "t.srt",
            "1\n00:01,000 --> 00:02,000\nhi\n2\n00:03,000 --> 00:04,000\nho\n",
            "line 5: has times within a cue",
        ),
        ("t.srt", "1\nnan --> 00:02,000\nhi\n", "line 2: 'nan' is no time"),
        ("t.srt", "1\n00:01,000 --> 00:02,000\nhi\n\nmore\n", "line 5: 'more' stands under no line of times"),
    ],
)
def test_a_damaged_file_is_one_line(read: Read, name: str, text: str, words: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        read(name, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
