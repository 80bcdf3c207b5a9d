"""The user's own generator: what it is given, and what is said of one that cannot be used."""

import signal
from pathlib import Path

import pytest

from model.persona.roles import RoleError, RoleFacts, function_of, load_roles, located

FACTS = RoleFacts(
    channel=1,
    speaker="ben",
    speakers=("anna", "ben"),
    words=((), ()),
    language="en",
    recording="call.wav",
    licence="CC0-1.0",
    duration_s=12.0,
    role="You sell parcels: \"fast\", cheap | good, 'ok'?",
)


def written(path: Path, code: str) -> str:
    path.write_text(code, encoding="utf-8")
    return f"{path}:describe"


def test_a_function_gets_the_facts_and_gives_the_role(tmp_path: Path) -> None:
    code = 'def describe(facts):\n    return f" {facts.speaker} of {facts.speakers}: {facts.role} "\n'
    assert load_roles(written(tmp_path / "r.py", code))(FACTS) == f"ben of ('anna', 'ben'): {FACTS.role}"


@pytest.mark.parametrize("nothing", ["None", "''", "'  '"])
def test_nothing_said_is_no_role(tmp_path: Path, nothing: str) -> None:
    assert load_roles(written(tmp_path / "r.py", f"def describe(facts):\n    return {nothing}\n"))(FACTS) is None


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    generator = load_roles(written(tmp_path / "r.py", "def describe(facts):\n    return [facts.role]\n"))
    with pytest.raises(RoleError, match=r"gave \[.* for a role: it must return text"):
        generator(FACTS)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("return 1 / 0", "ZeroDivisionError in line 2: division by zero"),
        ("raise SystemExit(0)", "SystemExit in line 2: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt in line 2"),
        ("raise StopIteration", "StopIteration in line 2"),
        ("raise ValueError('one\\ntwo \\ud800')", r"ValueError in line 2: one two \\ud800"),
        ("raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})", r"Odd in line 2: <.*failed>"),
    ],
)
def test_whatever_is_raised_inside_is_one_error_of_the_file(tmp_path: Path, code: str, says: str) -> None:
    generator = load_roles(written(tmp_path / "r.py", f"def describe(facts):\n    {code}\n"))
    with pytest.raises(RoleError, match=rf"r\.py:describe failed \({says}\): correct it") as raised:
        generator(FACTS)
    assert raised.value.__cause__ is not None, "the quarantined traceback shows it"
    assert len(str(raised.value).encode().splitlines()) == 1


def test_a_real_interruption_inside_stops_the_build(tmp_path: Path) -> None:
    code = "import signal\ndef describe(facts):\n    signal.raise_signal(signal.SIGINT)\n"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        load_roles(written(tmp_path / "r.py", code))(FACTS)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("said", "fault"),
    [("\\ud800x", r"not valid Unicode \(a lone surrogate, U\+D800"), ("a\\0", r"control .*U\+0000")],
)
def test_a_role_that_no_file_can_hold_is_refused(tmp_path: Path, said: str, fault: str) -> None:
    generator = load_roles(written(tmp_path / "r.py", f"def describe(facts):\n    return '{said}'\n"))
    with pytest.raises(RoleError, match=rf"gave a role that .*{fault}"):
        generator(FACTS)


def test_a_role_may_have_lines_and_tabs_and_is_a_plain_text(tmp_path: Path) -> None:
    code = "class Text(str): ...\ndef describe(facts):\n    return Text('one\\n\\ttwo\\n')\n"
    said = load_roles(written(tmp_path / "r.py", code))(FACTS)
    assert said == "one\n\ttwo"
    assert type(said) is str


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def other(facts): ...\ndef more(facts): ...\n", "has no function describe; it has more, other"),
        ("describe = 3\n", "has no function describe; it has none"),
        ("def describe(): ...\n", "must take one argument"),
        ("def describe(a, b): ...\n", "must take one argument"),
        ("def describe(facts:\n", "cannot be imported .SyntaxError"),
        ("import no_such_module\n", "cannot be imported .ModuleNotFoundError"),
        ("x = nothing\n", "cannot be imported .NameError in line 1: name 'nothing' is not defined.: correct it"),
        ("import sys\nsys.exit(0)\n", "cannot be imported .SystemExit in line 2: 0"),
        ("raise KeyboardInterrupt\n", "cannot be imported .KeyboardInterrupt in line 1.: correct"),
        ("raise StopIteration\n", "cannot be imported .StopIteration in line 1.: correct"),
        ("class Odd(Exception): ...\nraise Odd('a\\nb')\n", "cannot be imported .Odd in line 2: a b"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(RoleError, match=says):
        load_roles(written(tmp_path / "r.py", code))


@pytest.mark.parametrize("name", ["describe", "r.py:", ":describe", "nowhere/r.py:describe"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(RoleError, match="give a Python file"):
        load_roles(name)


def test_the_bytes_make_the_digest_and_the_code_not_the_place_nor_a_cache(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    one = load_roles(written(tmp_path / "r.py", "def describe(facts):\n    return 'a'\n"))
    same = load_roles(written(tmp_path / "elsewhere" / "r.py", "def describe(facts):\n    return 'a'\n"))
    other = load_roles(written(tmp_path / "r.py", "def describe(facts):\n    return 'b'\n"))  # as long, at once
    assert one.digest == same.digest != other.digest
    assert (one(FACTS), other(FACTS)) == ("a", "b")
    assert not (tmp_path / "__pycache__").exists()


def test_dataclasses_in_the_file_work(tmp_path: Path) -> None:
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Role:\n    text: str\ndef describe(facts):\n    return Role('x').text\n"
    )
    assert load_roles(written(tmp_path / "r.py", code))(FACTS) == "x"


def test_names_of_generators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert located("r.py:describe") == f"{tmp_path}/r.py:describe"
    assert located("") == ""
    assert function_of("a/b.py:describe") == "describe"
    assert function_of("") == ""
