"""duplexset policy, as a user runs it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.licences.policy_file import policy_text, ready
from schemas.errors import UserError

ROWS = """path,licence,holder,consent,speakers_consent
good.wav,CC-BY-4.0,Ann,contract,given
unsold.wav,CC-BY-NC-4.0,Bo,contract,withdrawn
choice.wav,GPL-3.0-only OR CC BY 4.0,Bo,contract,given
wrong.wav,CC-BY,,,
"""


def run(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(cli.app, ["policy", *arguments])
    return result.exit_code, result.output.splitlines()


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    (tmp_path / "m.csv").write_text(ROWS)
    return str(tmp_path / "m.csv")


def test_every_recording_is_explained_and_nothing_is_opened(manifest: str) -> None:
    code, lines = run("check", manifest, "--policy", "commercial")  # there are no such files
    assert code == 0
    assert "permitted  good.wav  CC-BY-4.0" in lines
    at = lines.index("refused  unsold.wav  CC-BY-NC-4.0")
    assert lines[at + 1].startswith("    rule commercial_use: CC-BY-NC-4.0 does not permit commercial use")
    assert lines[at + 2].startswith("    rule speakers_consent: speakers_consent is withdrawn")
    assert lines[at + 3].startswith("    not stated: attribution, source_url, retrieved, evidence")
    assert "permitted  choice.wav  CC-BY-4.0 OR GPL-3.0-only, of which CC-BY-4.0 is taken" in lines
    at = lines.index("refused  wrong.wav")
    assert "m.csv line 5: licence 'CC-BY' has no version" in lines[at + 1]
    assert "policy commercial: 2 permitted, 2 refused" in lines
    assert "    licences together: CC-BY-4.0" in lines


def test_options_lie_on_top_and_nothing_let_in_is_exit_code_1(manifest: str) -> None:
    code, lines = run("check", manifest, "--policy", "strict")
    assert code == 1
    assert lines[-1] == "policy strict: 0 permitted, 4 refused"
    code, lines = run("check", manifest, "--commercial")
    assert (code, lines[-7]) == (0, "policy default --commercial: 2 permitted, 2 refused")


def test_the_licence_options_are_those_of_build(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    fields = [
        "--licence",
        "LicenseRef-acme",
        "--holder",
        "Ann",
        "--jurisdiction",
        "DE",
        "--retain-until",
        "2999-01-01",
    ]
    code, lines = run("check", str(tmp_path / "a.wav"), *fields, "--allow", "LicenseRef-acme")
    assert (code, lines[0]) == (0, "permitted  a.wav  LicenseRef-acme")
    assert "licence_text" in lines[1]
    assert "holder" not in lines[1]
    code, lines = run("check", str(tmp_path / "a.wav"), *fields)
    assert code == 1
    assert "is not known to permit derived works" in lines[1]


def test_a_name_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\n.wav").write_bytes(b"x")
    _, lines = run("check", str(tmp_path), "--licence", "MIT")
    assert lines[0] == "permitted  a\\u001b[2J .wav  MIT"


def test_the_policy_chooses_among_alternatives_and_the_whole_is_under_what_is_taken(tmp_path: Path) -> None:
    rows = "a.wav,LicenseRef-acme OR CC-BY-NC-4.0\nb.wav,CC0-1.0 OR CC-BY-4.0\n"
    (tmp_path / "m.csv").write_text(f"path,licence\n{rows}")
    (tmp_path / "mine.toml").write_text('allow = ["LicenseRef-acme"]\ndeny = ["CC0-1.0", "*-NC-*"]\n')
    code, lines = run("check", str(tmp_path / "m.csv"), "--policy", str(tmp_path / "mine.toml"))
    assert code == 0
    assert "permitted  a.wav  CC-BY-NC-4.0 OR LicenseRef-acme, of which LicenseRef-acme is taken" in lines
    assert "permitted  b.wav  CC-BY-4.0 OR CC0-1.0, of which CC-BY-4.0 is taken" in lines
    assert "    licences together: CC-BY-4.0 AND LicenseRef-acme" in lines


def test_a_dataset_takes_no_options_for_recordings(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("{}")
    for option in (["--licence", "MIT"], ["--speakers-consent", "given"], ["--pairs", "{name}.l|{name}.r"]):
        result = CliRunner().invoke(cli.app, ["policy", "check", str(tmp_path), *option])
        assert isinstance(result.exception, UserError)
        assert f"whose index states the licences: leave out {option[0]}" in str(result.exception)


def test_the_ready_policies_are_listed_and_printed() -> None:
    code, lines = run("show")
    assert code == 0
    assert [line.split()[0] for line in lines] == ready()
    code, lines = run("show", "strict")
    assert (code, lines) == (0, policy_text("strict").splitlines())
