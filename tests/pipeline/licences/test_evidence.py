"""Evidence beside the data: whole, under its digest, bounded, and only what the licences name."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.licences import evidence as module
from pipeline.licences.evidence import Document, differences, forget, held, keep, kept_name, names_of, read_document
from schemas.licence import Licence, LicenceError

SIGNED = hashlib.sha256(b"signed").hexdigest()
LICENCE = Licence(spdx="LicenseRef-x", evidence="contract.pdf", evidence_sha256=SIGNED)


def test_names_in_the_folder_are_digests_with_plain_suffixes() -> None:
    assert kept_name(SIGNED, "contract.PDF") == f"{SIGNED}.pdf"
    for name in ("contract", "a.b/c", "x.p d", "x." + "a" * 30, "x.é"):
        assert kept_name(SIGNED, name) == SIGNED
    assert names_of(LICENCE) == (f"{SIGNED}.pdf",)
    assert names_of(replace(LICENCE, evidence="https://example.org/x.pdf")) == ()
    assert names_of(replace(LICENCE, evidence=None, licence_text="t.txt", licence_text_sha256=SIGNED)) == (
        f"{SIGNED}.txt",
    )


def document(folder: Path, data: bytes = b"signed") -> Document:
    (folder / "contract.pdf").write_bytes(data)
    return read_document("contract.pdf", folder, what="evidence")


def test_a_file_is_copied_once_and_mended_if_it_was_damaged(tmp_path: Path) -> None:
    one = document(tmp_path)
    out = tmp_path / "out"
    keep(out, [LICENCE], {one.kept_as: one})
    (kept,) = (out / "evidence").iterdir()
    assert (kept.name, kept.read_bytes()) == (f"{SIGNED}.pdf", b"signed")
    before = kept.stat().st_mtime_ns
    keep(out, [LICENCE], {one.kept_as: one})
    assert kept.stat().st_mtime_ns == before
    assert list(differences(out, [LICENCE])) == []
    kept.write_bytes(b"forged")
    assert list(differences(out, [LICENCE])) == [f"evidence/{SIGNED}.pdf: its bytes are not those that its name says"]
    keep(out, [LICENCE], {one.kept_as: one})
    assert kept.read_bytes() == b"signed"


def test_what_no_licence_names_any_more_goes_and_what_others_put_there_stays(tmp_path: Path) -> None:
    one = document(tmp_path)
    out = tmp_path / "out"
    keep(out, [LICENCE], {one.kept_as: one})
    (out / "evidence" / "notes.txt").write_text("mine")
    keep(out, [Licence(spdx="MIT")], {})  # not before all else is done
    forget(out, [LICENCE])
    assert list(held(out)) == [f"{SIGNED}.pdf"]
    forget(out, [Licence(spdx="MIT")])
    assert [p.name for p in (out / "evidence").iterdir()] == ["notes.txt"]
    (out / "evidence" / "notes.txt").unlink()
    forget(out, [Licence(spdx="MIT")])
    assert not (out / "evidence").exists()
    forget(out, [])


def test_missing_evidence_is_said_but_a_folder_left_out_is_not(tmp_path: Path) -> None:
    assert list(differences(tmp_path, [LICENCE])) == []
    (tmp_path / "evidence").mkdir()
    assert list(differences(tmp_path, [LICENCE])) == [f"evidence/{SIGNED}.pdf: missing"]


def test_a_file_that_changes_under_the_build_is_not_kept(tmp_path: Path) -> None:
    one = document(tmp_path)
    (tmp_path / "contract.pdf").write_bytes(b"another")
    with pytest.raises(LicenceError, match="changed while the build ran"):
        keep(tmp_path / "out", [LICENCE], {one.kept_as: one})
    assert not [p for p in (tmp_path / "out").rglob("*") if p.is_file()]


def test_large_files_devices_and_circles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document(tmp_path)
    monkeypatch.setattr(module, "LARGEST", 5)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for name, words in (("contract.pdf", "at most"), ("pipe", "is no file"), ("round", "cannot be read")):
        with pytest.raises(LicenceError, match=words):
            read_document(name, tmp_path, what="evidence")


def test_names_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b[2Jb\u202e"
    with pytest.raises(LicenceError, match=r"a\\u001b\[2Jb\\u202e/gone\.pdf cannot be read") as raised:
        read_document("gone.pdf", folder, what="evidence")
    assert "\x1b" not in str(raised.value)


def test_a_changed_file_is_digested_again(tmp_path: Path) -> None:
    assert document(tmp_path).sha256 == SIGNED
    assert document(tmp_path, b"signed again").sha256 == hashlib.sha256(b"signed again").hexdigest()
