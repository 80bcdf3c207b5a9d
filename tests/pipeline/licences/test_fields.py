"""Licence fields from options, LICENSE.toml and manifests: what is taken, what is refused, and how it is said."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.evidence import Document, EvidenceError, held, names_of
from pipeline.licences.fields import FIELDS, laid_over, licence_of, read_licence_file
from pipeline.sources import read_sources
from schemas.licence import NO_LICENCE, Consent, Licence, LicenceError, SpeakersConsent, missing
from schemas.rejection import Reason

ALL = {
    "licence": "LicenseRef-acme",
    "licence_text": "acme.txt",
    "holder": "Example Lab",
    "attribution": "Example Lab, Calls 2026",
    "source_url": "s3://bucket/calls",
    "retrieved": "2026-01-30",
    "evidence": "contract.PDF",
    "evidence_date": "2026-01-31",
    "consent": "contract",
    "speakers_consent": "given",
    "jurisdiction": "de, US-CA",
    "retain_until": "2030-12-31",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.txt").write_bytes(b"the terms")
    (tmp_path / "contract.PDF").write_bytes(b"signed")
    return tmp_path


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_every_field_is_taken(folder: Path) -> None:
    documents: dict[str, Document] = {}
    licence = licence_of(ALL, folder, documents=documents)
    assert licence == Licence(
        spdx="LicenseRef-acme",
        licence_text="acme.txt",
        licence_text_sha256=sha256(b"the terms"),
        holder="Example Lab",
        attribution="Example Lab, Calls 2026",
        source_url="s3://bucket/calls",
        retrieved="2026-01-30",
        evidence="contract.PDF",
        evidence_sha256=sha256(b"signed"),
        evidence_date="2026-01-31",
        consent=Consent.CONTRACT,
        speakers_consent=SpeakersConsent.GIVEN,
        jurisdiction=("DE", "US-CA"),
        retain_until="2030-12-31",
    )
    assert missing(licence) == ()
    assert set(documents) == {f"{sha256(b'the terms')}.txt", f"{sha256(b'signed')}.pdf"}


def test_a_url_is_not_fetched_and_its_digest_is_taken_down() -> None:
    licence = licence_of(
        {"licence": "MIT", "evidence": "https://example.org/deed", "evidence_sha256": "AB" * 32}, Path()
    )
    assert licence
    assert (licence.evidence, licence.evidence_sha256) == ("https://example.org/deed", "ab" * 32)


def test_nothing_stated_is_nothing_and_fields_without_a_licence_are_kept() -> None:
    assert licence_of({}, Path()) is None
    assert licence_of(dict.fromkeys(FIELDS, " "), Path()) is None
    unlicensed = licence_of({"speakers_consent": "withdrawn"}, Path())
    assert unlicensed == Licence(spdx=NO_LICENCE, speakers_consent=SpeakersConsent.WITHDRAWN)


def test_of_a_choice_what_is_taken_is_stated() -> None:
    licence = licence_of({"licence": "GPL-3.0-only or CC BY 4.0"}, Path())
    assert licence
    assert (licence.spdx, licence.taken) == ("CC-BY-4.0 OR GPL-3.0-only", "CC-BY-4.0")
    assert licence.rights.commercial_use is True


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("evidence_date", "31.01.2026", "no date: give year-month-day"),
        ("evidence_date", "2026-02-30", "no date"),
        ("retrieved", "20260131", "no date"),
        ("retain_until", "2030", "no date"),
        ("retain_until", "tomorrow", "no date"),
        ("jurisdiction", "Germany", "no ISO 3166 code"),
        ("jurisdiction", "D", "no ISO 3166 code"),
        ("consent", "maybe", "'maybe' is not known: give one of informed-consent"),
        ("speakers_consent", "yes", "give one of given, partial, refused, withdrawn, not-needed, unknown"),
        ("source_url", "example.org/calls", "no address: give one with http, https, s3, gs, ftp"),
        ("source_url", "javascript:alert(1)", "no address"),
        ("source_url", "file:///etc/passwd", "no address"),
        ("source_url", "https://", "no address"),
        ("source_url", "http://[", "no address"),
        ("source_url", "https://ann:secret@example.org", "has a password in it"),
        ("evidence", "ftp://example.org/deed", "no address: give one with http, https"),
        ("evidence", "file:///etc/passwd", "no address"),
        ("evidence", "gone.pdf", r"gone\.pdf cannot be read"),
        ("evidence", ".", "is no file"),
        ("evidence", "x" * 5_000, "cannot be read"),
        ("evidence", "a\x00b", r"has a control character \(U\+0000\)"),
        ("holder", "\x1b[31mred", r"has a control character \(U\+001B\)"),
        ("holder", "Ann\nBo", r"has a control character \(U\+000A\)"),
        ("attribution", "Ann\x9b2J", r"has a control character \(U\+009B\)"),
        ("holder", "Ann\x7f", r"has a control character \(U\+007F\)"),
        ("holder", "\ud800", "is not valid Unicode"),
        ("attribution", "x" * 10_001, "10000 at most"),
        ("evidence_sha256", "abc", "no SHA-256"),
        ("evidence_sha256", "a" * 64, "without evidence"),
        ("licence_text", "https://example.org/terms", "give the path of a file"),
        ("licence", "CC-BY", r"say which of CC-BY-1\.0"),
    ],
)
def test_what_has_not_its_form_is_refused_in_one_line(folder: Path, field: str, value: str, words: str) -> None:
    with pytest.raises(LicenceError, match=words) as raised:
        licence_of({"licence": "MIT", field: value}, folder)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_stated_digest_is_checked_of_a_file(folder: Path) -> None:
    fields = {"licence": "MIT", "evidence": "contract.PDF", "evidence_sha256": sha256(b"signed")}
    assert licence_of(fields, folder)
    with pytest.raises(LicenceError, match="it is another file, or it changed"):
        licence_of({**fields, "evidence_sha256": "0" * 64}, folder)


@given(
    st.dictionaries(
        st.sampled_from([f for f in FIELDS if f not in {"evidence", "licence_text"}]), st.text(max_size=30)
    )
)
def test_any_text_is_a_licence_or_an_error_of_one_line(fields: dict[str, str]) -> None:
    try:
        licence = licence_of(fields, Path())
    except LicenceError as error:
        assert "\n" not in str(error)
    else:
        assert licence is None or isinstance(licence, Licence)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('license = "MIT"', "unknown key 'license'"),
        ("licence = 4", 'licence is no text: put it in quotes, as licence = "..."'),
        ("licence = [[[", "is not TOML"),
        ("x = " + "[" * 5_000, "is not TOML"),
        ('licence = "MIT"\nholder = ["a"]', "holder is no text"),
        (b"\xff\xfe", "is not TOML"),
    ],
)
def test_a_licence_file_that_is_none_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = tmp_path / "LICENSE.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LicenceError, match=r"LICENSE\.toml") as raised:
        read_licence_file(path)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_licence_file_may_have_dates_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "LICENSE.toml"
    path.write_text('licence = "MIT"\nretain_until = 2030-12-31\njurisdiction = ["DE", "FR"]\n')
    licence = licence_of(read_licence_file(path), tmp_path)
    assert licence
    assert (licence.retain_until, licence.jurisdiction) == ("2030-12-31", ("DE", "FR"))


def test_an_error_in_a_licence_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    (tmp_path / "LICENSE.toml").write_text('licence = "MIT"\nretain_until = "soon"\n')
    with pytest.raises(LicenceError, match=r"LICENSE\.toml: retain_until 'soon' is no date"):
        read_sources([str(tmp_path)], {})


def rows(tmp_path: Path, *values: str, options: dict[str, str | None] | None = None) -> list[tuple[object, str]]:
    """(licence, why it is rejected) of manifest rows."""
    inside = tmp_path / "calls"
    inside.mkdir(exist_ok=True)
    (inside / "proof.txt").write_bytes(b"yes")
    head = "path,licence,holder,evidence,licence_text,speakers_consent"
    (inside / "m.csv").write_text("\n".join([head, *values]) + "\n")
    found = read_sources([str(inside / "m.csv")], options or {})
    return [*((s.licence, "") for s in found.usable), *((r.reason, r.detail) for _, r in found.rejected)]


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "/etc/passwd", "sub/../../secret.txt", "link.txt", "file:///etc/passwd", "//etc/passwd"],
)
@pytest.mark.parametrize("column", [0, 1])
def test_a_manifest_cannot_pull_in_files_from_outside_its_folder(tmp_path: Path, path: str, column: int) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "link.txt").symlink_to(tmp_path / "secret.txt")
    files = ["", ""]
    files[column] = path
    (_, ok), (reason, detail) = rows(tmp_path, "good.wav,MIT,,proof.txt,,", f"bad.wav,MIT,,{','.join(files)},")
    assert (ok, reason) == ("", Reason.NO_LICENCE if "://" in path else Reason.EVIDENCE)  # a bad row costs itself
    assert "m.csv line 3: " in detail
    assert "\n" not in detail


def test_options_may_name_files_anywhere(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"mine")
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "a.wav").write_bytes(b"x")
    options = {"licence": "MIT", "evidence": str(tmp_path / "secret.txt")}
    (source,) = read_sources([str(tmp_path / "calls")], options).usable
    assert source.licence
    assert (source.licence.evidence, source.licence.evidence_sha256) == ("secret.txt", sha256(b"mine"))


@pytest.mark.parametrize("column", ["evidence", "licence_text"])
@pytest.mark.parametrize("path", ["/etc/passwd", "../../secret.txt", "link.txt"])
def test_a_licence_file_cannot_pull_in_files_from_outside_the_folder_given(
    tmp_path: Path, path: str, column: str
) -> None:
    (tmp_path / "secret.txt").write_bytes(b"mine")
    (tmp_path / "calls" / "sub").mkdir(parents=True)
    for name in ("proof.txt", "sub/a.wav"):
        (tmp_path / "calls" / name).write_bytes(b"x")
    (tmp_path / "calls" / "sub" / "link.txt").symlink_to(tmp_path / "secret.txt")
    beside = tmp_path / "calls" / "sub" / "LICENSE.toml"
    beside.write_text(f'licence = "MIT"\n{column} = "{path}"\n')
    with pytest.raises(LicenceError, match=r"LICENSE\.toml: .* lies outside"):
        read_sources([str(tmp_path / "calls")], {})
    ((reason, _),) = rows(tmp_path, "sub/a.wav,,,,,")  # nor behind a manifest row that names none
    assert reason is Reason.EVIDENCE
    beside.write_text(f'licence = "MIT"\n{column} = "../proof.txt"\n')
    (source,) = read_sources([str(tmp_path / "calls")], {}).usable
    assert source.licence
    assert getattr(source.licence, f"{column}_sha256")
    with pytest.raises(LicenceError, match="lies outside"):
        read_sources([str(tmp_path / "calls" / "sub")], {})


def test_what_is_held_proves_evidence_that_is_away_if_its_digest_is_stated(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    kept = tmp_path / "evidence" / f"{sha256(b'signed')}.pdf"
    kept.write_bytes(b"signed")
    stated = {"licence": "MIT", "evidence": "away.PDF", "evidence_sha256": sha256(b"signed")}
    documents = held(tmp_path)
    licence = licence_of(stated, tmp_path, documents=documents)
    assert licence
    assert (licence.evidence, names_of(licence)) == ("away.PDF", (kept.name,))
    for unproved in ({"evidence_sha256": sha256(b"other")}, {"evidence_sha256": None}, {"evidence": "away.txt"}):
        with pytest.raises(EvidenceError, match="put it back"):
            licence_of({**stated, **unproved}, tmp_path, documents=documents)
    kept.write_bytes(b"forged")
    with pytest.raises(EvidenceError, match="put it back"):
        licence_of(stated, tmp_path, documents=documents)


def test_a_row_without_a_licence_has_that_of_the_folder_or_the_options_with_its_own_fields(tmp_path: Path) -> None:
    ((licence, _),) = rows(tmp_path, "a.wav,,,,,withdrawn", options={"licence": "CC0-1.0", "holder": "Ann"})
    assert isinstance(licence, Licence)
    assert (licence.spdx, licence.holder) == ("CC0-1.0", "Ann")
    assert licence.speakers_consent is SpeakersConsent.WITHDRAWN
    (tmp_path / "calls" / "sub").mkdir()
    (tmp_path / "calls" / "LICENSE.toml").write_text('licence = "MIT"\n')
    ((licence, _),) = rows(tmp_path, "sub/a.wav,,Bo,,,", options={"licence": "CC0-1.0", "holder": "Ann"})
    assert isinstance(licence, Licence)
    assert (licence.spdx, licence.holder) == ("MIT", "Bo")


def test_evidence_goes_with_its_own_digest_and_date() -> None:
    other = Licence(spdx="MIT", evidence="a", evidence_sha256="a" * 64, evidence_date="2026-01-01")
    own = Licence(spdx=NO_LICENCE, evidence="https://b")
    assert laid_over(own, other, ["evidence"]) == Licence(spdx="MIT", evidence="https://b")
