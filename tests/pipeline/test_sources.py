"""SOURCE in all its forms; every mistake in one clear line."""

import hashlib
import os
from pathlib import Path

import pytest

from pipeline.sources import PairPattern, SourceError, Sources, read_sources
from schemas.licence import Consent, LicenceError
from schemas.rejection import Reason

NONE: dict[str, str | None] = {}


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names_of(found: Sources) -> list[tuple[str | None, str | None]]:
    return [(s.name, s.name_b) for s in found.usable]


def test_a_folder_gives_its_audio_and_tells_what_it_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "b.WAV", "sub/a.mp3", "notes.txt", ".hidden.wav")
    found = read_sources([str(tmp_path)], {"licence": "cc by 4.0", "holder": "Acme"})
    assert names_of(found) == [("b.WAV", None), ("sub/a.mp3", None)]
    assert [p.name for p in found.left_out] == ["notes.txt"]
    assert all(s.licence and (s.licence.spdx, s.licence.holder) == ("CC-BY-4.0", "Acme") for s in found.usable)


def test_names_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    for place in ("here", "there/below"):
        touch(tmp_path / place, "x.wav")
    here, there = (read_sources([str(tmp_path / p)], NONE).usable[0] for p in ("here", "there/below"))
    assert here.name == there.name == "x.wav"
    assert here.uri != there.uri


def test_a_glob_and_a_single_file(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.wav", "a/2.wav", "b/3.flac")
    assert names_of(read_sources([f"{tmp_path}/a/*.wav"], NONE)) == [("1.wav", None), ("2.wav", None)]
    assert names_of(read_sources([f"{tmp_path}/*/*"], NONE)) == [
        ("a/1.wav", None),
        ("a/2.wav", None),
        ("b/3.flac", None),
    ]
    assert names_of(read_sources([f"{tmp_path}/b/3.flac"], NONE)) == [("3.flac", None)]


def test_the_nearest_licence_file_speaks_for_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, "x.wav", "deep/y.wav", "deep/er/z.wav")
    (tmp_path / "LICENSE.toml").write_text('licence = "CC0-1.0"\n')
    (tmp_path / "deep" / "LICENSE.toml").write_text(
        'licence = "CC-BY-4.0"\nevidence = "proof.txt"\nconsent = "contract"\n'
    )
    (tmp_path / "deep" / "proof.txt").write_text("yes")
    licences = {s.name: s.licence for s in read_sources([str(tmp_path)], {"licence": "MIT"}).usable}
    assert {name: lic.spdx for name, lic in licences.items() if lic} == {
        "x.wav": "CC0-1.0",
        "deep/y.wav": "CC-BY-4.0",
        "deep/er/z.wav": "CC-BY-4.0",
    }
    deep = licences["deep/y.wav"]
    assert deep
    assert deep.evidence_sha256 == hashlib.sha256(b"yes").hexdigest()
    assert deep.consent is Consent.CONTRACT


def test_pairs_by_pattern_and_a_half_without_its_other(tmp_path: Path) -> None:
    touch(tmp_path, "k.left.wav", "k.right.wav", "q.left.wav", "solo.wav")
    found = read_sources([str(tmp_path)], NONE, PairPattern.parse("{name}.left.*|{name}.right.*"))
    assert names_of(found) == [("k.left.wav", "k.right.wav"), ("solo.wav", None)]
    assert [(s.name, r.reason) for s, r in found.rejected] == [("q.left.wav", Reason.PAIR_MISMATCH)]


def test_an_export_is_named_by_its_manifest(tmp_path: Path) -> None:
    touch(tmp_path, "train/k-0.wav", "train/k-1.wav")
    (tmp_path / "export.json").write_text('{\n "to": "moshi-finetune",\n "model_channel": "both"\n}')
    (tmp_path / "manifest.csv").write_text("path\ntrain/k-0.wav\n")
    with pytest.raises(SourceError, match=r"twice: give .*manifest\.csv"):
        read_sources([str(tmp_path)], NONE)
    assert names_of(read_sources([str(tmp_path / "manifest.csv")], NONE)) == [("train/k-0.wav", None)]


@pytest.mark.parametrize(
    ("texts", "taken"),
    [
        (("k.left.vtt", "k.right.vtt"), ["k.left.vtt", "k.right.vtt"]),  # a file a channel
        (("k.left.txt", "k.right.txt"), ["k.left.txt", "k.right.txt"]),
        (("k.left.TextGrid", "k.right.vtt", "k.srt"), ["k.left.TextGrid", "k.right.vtt"]),
        (("k.TextGrid", "k2.vtt"), ["k.TextGrid"]),  # one for both
        (("k.json", "k.left.vtt"), ["k.json"]),  # a half is no whole
        (("k.left.json",), ["k.left.json"]),
        ((), []),
    ],
)
def test_the_transcripts_of_a_pair(tmp_path: Path, texts: tuple[str, ...], taken: list[str]) -> None:
    touch(tmp_path, "k.left.wav", "k.right.wav", *texts)
    (tmp_path / "pairs.csv").write_text("path,path_b\nk.left.wav,k.right.wav\n")
    pattern = PairPattern.parse("{name}.left.*|{name}.right.*")
    for found in (read_sources([str(tmp_path)], NONE, pattern), read_sources([str(tmp_path / "pairs.csv")], NONE)):
        (source,) = [s for s in found.usable if s.uri.endswith("k.left.wav")]
        assert [Path(text).name for text in source.transcript] == taken


@pytest.mark.parametrize("text", ["{name}.left", "a|b", "{name}|{name}|{name}", "{name}{name}|{name}"])
def test_a_pattern_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="give two patterns"):
        PairPattern.parse(text)


def test_a_file_whose_name_is_not_utf8_is_rejected_alone(tmp_path: Path) -> None:
    touch(tmp_path, "good.wav")
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"x")
    found = read_sources([str(tmp_path)], NONE)
    assert [s.name for s in found.usable] == ["good.wav"]
    ((source, rejection),) = found.rejected
    assert source.name == "caf\\udce9.wav"
    assert rejection.detail == f"{tmp_path}/caf\\udce9.wav: its name is not UTF-8, rename it"


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "only.txt")
    with pytest.raises(SourceError, match=r"no such file or folder"):
        read_sources([str(tmp_path / "none.wav")], NONE)
    with pytest.raises(SourceError, match="no such manifest"):
        read_sources([str(tmp_path / "none.csv")], NONE)
    with pytest.raises(SourceError, match="no audio files found; 1 other file there"):
        read_sources([str(tmp_path)], NONE)


def test_a_licence_file_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "x.wav")
    (tmp_path / "LICENSE.toml").write_text('license = "CC0-1.0"\n')
    with pytest.raises(LicenceError, match="unknown key 'license'"):
        read_sources([str(tmp_path)], NONE)
