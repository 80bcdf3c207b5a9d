"""notice: who is to be credited, word for word, and what is not known."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.audit.notice import NoticeError, notice
from schemas.clip import Clip

RULE = "=" * 100
EXPECTED = f"""\
ATTRIBUTION NOTICE

This dataset is made from the works named here. Each of them remains under its own licence, whose
text is at the address given with it; it comes without warranties and its licensor's liability is
limited, as far as that licence says so. Nothing here means that a creator or licensor endorses the
dataset or whoever gives it on.

What was changed, in all of them: cut into clips, brought to 24 kHz with a channel for each of two
speakers, and turned into the tokens of an audio codec (builtin), from which sound is made anew; who
speaks when, turns and, where somebody wrote or a recogniser heard them, words were added.
[separated]: one track was taken apart into two channels. [enhanced]: music or noise was taken out.

{RULE}
CC-BY-4.0
{RULE}
CC-BY-4.0: https://creativecommons.org/licenses/by/4.0/legalcode

Credit: Example Lab, Calls 2026
Rights holder: Ann
Source: https://example.org/calls (retrieved 2026-01-01)
Works:
    a.wav (SHA-256 {hashlib.sha256(b"a.wav").hexdigest()[:16]})
    b.wav (SHA-256 {hashlib.sha256(b"b.wav").hexdigest()[:16]}) [separated] [enhanced]
In all 2 works, 4 clips, 0.01 h.

Credit: (not stated)
Works:
    c.wav (SHA-256 {hashlib.sha256(b"c.wav").hexdigest()[:16]})
In all 1 work, 2 clips, 0.00 h.

{RULE}
CC0-1.0
{RULE}
CC0-1.0: https://creativecommons.org/publicdomain/zero/1.0/legalcode
CC0-1.0 asks for no credit.

Credit: Ann
Source: https://example.org/calls (retrieved 2026-01-01)
In all 1 work, 2 clips, 0.00 h.

{RULE}
GPL-3.0-only OR OGL-UK-3.0
{RULE}
Used under OGL-UK-3.0.
OGL-UK-3.0: https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/

Credit: Ann
Source: https://example.org/calls (retrieved 2026-01-01)
Contains public sector information licensed under the Open Government Licence v3.0.
Works:
    e.wav (SHA-256 {hashlib.sha256(b"e.wav").hexdigest()[:16]})
In all 1 work, 2 clips, 0.00 h.

{RULE}
LicenseRef-acme AND MIT
{RULE}
LicenseRef-acme: its text stands below, where it is kept with the dataset.
MIT: https://opensource.org/license/mit
The whole text of MIT goes along with this notice: put it beside this file.

Credit: Ann
Source: https://example.org/calls (retrieved 2026-01-01)
Works:
    f.wav (SHA-256 {hashlib.sha256(b"f.wav").hexdigest()[:16]})
In all 1 work, 2 clips, 0.00 h.

{RULE}
TEXT OF LicenseRef-acme AND MIT (evidence/%s)
{RULE}
signed by Ann

{RULE}
WHAT IS MISSING
{RULE}
CC-BY-4.0, (not stated), (not stated): nobody is named who is to be credited
CC-BY-4.0, (not stated), (not stated): no address of the source is stated
"""


def mixed(clip: Clip) -> Clip:
    return replace(
        clip, info=replace(clip.info, provenance=replace(clip.info.provenance, separated=True, enhanced=True))
    )


@pytest.fixture
def made(dataset: Any, stated: Any, licence: Any) -> Any:
    """Six recordings; the clips of the seventh are withdrawn."""
    sha256 = stated.evidence_sha256
    found = dataset(
        {
            "b.wav": (stated, None, mixed),
            "a.wav": stated,
            "c.wav": licence("CC-BY-4.0", holder=None, source_url=None, retrieved=None),
            "d.wav": licence("CC0-1.0"),
            "e.wav": licence("GPL-3.0-only OR OGL-UK-3.0", taken="OGL-UK-3.0"),
            "f.wav": licence("LicenseRef-acme AND MIT", licence_text="acme.txt", licence_text_sha256=sha256),
            "gone.wav": licence("CC-BY-NC-4.0"),
        }
    )
    lines = "".join(f'{{"clip_id": "{clip_id}"}}\n' for clip_id in found.of("gone.wav"))
    (found.out / "withdrawn.jsonl").write_text(lines)
    return found


def test_the_notice_word_for_word(made: Any, stated: Any, run: Any, tmp_path: Path) -> None:
    wanted = EXPECTED % f"{stated.evidence_sha256}.txt"
    assert "".join(f"{line}\n" for line in notice(made.out).lines()) == wanted
    printed = run("notice", made.out)
    assert printed.stdout == wanted
    assert "2 things that nobody stated: see the end of the notice" in printed.stderr
    assert run("notice", made.out, "--to", "-").stdout == wanted
    run("notice", made.out, "--to", tmp_path / "NOTICE.txt")
    assert (tmp_path / "NOTICE.txt").read_text(encoding="utf-8") == wanted


def test_a_split_has_its_own(made: Any) -> None:
    whole = "\n".join(notice(made.out).lines())
    parts = ["\n".join(notice(made.out, [split]).lines()) for split in ("train", "validation", "test")]
    assert [part.count("    a.wav") for part in parts].count(1) == 1
    assert sum(part.count(" (SHA-256") for part in parts) == whole.count(" (SHA-256")
    assert "For the parts: train." in parts[0]
    with pytest.raises(NoticeError, match="give train, validation or test"):
        notice(made.out, ["all"])


def test_a_text_that_is_none_or_not_there(made: Any, stated: Any) -> None:
    kept = made.out / "evidence" / f"{stated.evidence_sha256}.txt"
    kept.write_bytes(b"another text")
    lines = list(notice(made.out).lines())
    assert f"the text of the licence, evidence/{kept.name}, is changed" in lines[-1]
    assert "another text" not in lines
    kept.unlink()
    assert list(notice(made.out).lines())[-1].endswith("is missing")


def test_a_text_that_is_no_text_is_named(dataset: Any, licence: Any) -> None:
    scan = b"%PDF\xff"
    sha256 = hashlib.sha256(scan).hexdigest()
    made = dataset({"a.wav": licence("LicenseRef-x", licence_text="x.pdf", licence_text_sha256=sha256)})
    (made.out / "evidence" / f"{sha256}.pdf").write_bytes(scan)
    assert f"It is no plain text: the file evidence/{sha256}.pdf goes along with this notice." in list(
        notice(made.out).lines()
    )


def test_what_is_missing_is_named(dataset: Any, licence: Any) -> None:
    made = dataset({"a.wav": licence("NOASSERTION"), "b.wav": licence("LicenseRef-x"), "c.wav": licence("CC0-1.0")})
    found = notice(made.out)
    text = "\n".join(found.lines())
    assert [what for what, _ in found.lacks] == ["the text of LicenseRef-x is not kept", "no licence is known"]
    assert "No licence is known for these works: nobody may be given them on." in text


def test_hostile_credits_stay_on_their_line(dataset: Any, licence: Any, hostile: tuple[str, ...], run: Any) -> None:
    made = dataset({f"{at}.wav": licence("CC-BY-4.0", attribution=name) for at, name in enumerate(hostile)})
    lines = run("notice", made.out).stdout.splitlines()
    assert "Credit: <script>alert(1)</script>" in lines  # plain text: nobody runs it
    assert "Credit: a\\u001b[31mred new line\\u202eevil" in lines
    assert max(map(len, lines)) < 11_000
