"""dataset.json as Croissant: mlcroissant finds it valid and reads what the indexes hold; the RAI vocabulary."""

import fnmatch
import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
import pytest

from pipeline.describe import describe, made_before
from pipeline.description.croissant import licence_address, version_of
from pipeline.description.fields import CLIP, RECORDING, Column
from pipeline.verify import verify
from schemas.arrow import from_table
from schemas.licence import Consent, Licence
from schemas.shard import PackedShard, RecordingRow, Split

pytestmark = [  # of mlcroissant's own libraries
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index is deprecated"),
]
MakeDataset = Callable[..., Path]
NOT_PUBLISHED = (
    '[Metadata(duplexset)] Property "https://schema.org/datePublished" is recommended, but does not exist.'
)
NO_LICENCE = '[Metadata(duplexset)] Property "https://schema.org/license" is recommended, but does not exist.'
HOSTILE = (
    "<script>alert(1)</script>",
    'quotes " and \\ and {"@id": "x"} and @context',
    "line\nbreak\x00\x1b[31m\u202egnp.exe",
)
# mlcommons.org/croissant/RAI: the terms of version 1.0 and how many values each takes.
ONE = {
    *("dataCollection", "dataCollectionMissingData", "dataCollectionRawData", "dataImputationProtocol"),
    *("dataManipulationProtocol", "dataAnnotationProtocol", "annotationsPerItem", "dataSocialImpact"),
}
MANY = {
    *("dataCollectionType", "dataCollectionTimeframe", "dataPreprocessingProtocol", "dataAnnotationPlatform"),
    *("dataAnnotationAnalysis", "dataReleaseMaintenancePlan", "personalSensitiveInformation", "dataBiases"),
    *("dataLimitations", "dataUseCases", "annotatorDemographics", "machineAnnotationTools"),
}


def described(out: Path) -> dict[str, Any]:
    text = (out / "dataset.json").read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


def loaded(out: Path) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(jsonld=out / "dataset.json")


def issues(out: Path) -> tuple[set[str], set[str]]:
    found = loaded(out).metadata.ctx.issues
    return found.errors, found.warnings


def plain(value: Any) -> Any:
    """A record as the index has it: texts, and names without the record set."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, dict):
        return {name.rpartition("/")[2]: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def wanted(columns: tuple[Column, ...], row: dict[str, Any]) -> dict[str, Any]:
    """What the columns say of a row of the index."""

    def at(path: str, value: Any) -> Any:
        for name in path.split("."):
            value = None if value is None else value[name]
        return value

    def one(column: Column) -> Any:
        if column.parts and column.many:
            return [wanted(column.parts, part) for part in at(column.path, row)]
        return {part.name: at(part.path, row) for part in column.parts} if column.parts else at(column.path, row)

    return {column.name: one(column) for column in columns}


@pytest.mark.parametrize("flac", [False, True])
def test_it_is_valid_but_for_the_date_that_nobody_stated(make_dataset: MakeDataset, flac: bool) -> None:
    out = make_dataset(flac=flac)
    assert issues(out) == (set(), {NOT_PUBLISHED})
    assert list(verify(out)) == []


def test_records_are_those_of_the_indexes(make_dataset: MakeDataset) -> None:
    out = make_dataset(withdrawn=2)
    for name, columns in (("clips", CLIP), ("recordings", RECORDING)):
        rows = pq.read_table(out / "index" / f"{name}.parquet").to_pylist()
        records = [plain(record) for record in loaded(out).records(name)]
        assert len(records) == len(rows) >= 5
        for record, row in zip(records, rows, strict=True):
            assert record == wanted(columns, row)
    kept = [record["clips/kept"] for record in loaded(out).records("clips")]
    assert kept.count(False) == 2
    assert {plain(r)["name"] for r in loaded(out).records("splits")} == {"train", "validation", "test"}


def test_every_file_of_a_sample_is_in_one_set(make_dataset: MakeDataset) -> None:
    out = make_dataset()
    sets = [entry for entry in described(out)["distribution"] if entry["@type"] == "cr:FileSet"]
    shards = {f"shards/{path.name}" for path in (out / "shards").iterdir()}
    assert all({one["@id"] for one in entry["containedIn"]} == shards for entry in sets)
    names = []
    for path in (out / "shards").iterdir():
        with tarfile.open(path) as tar:
            names += tar.getnames()
    found = {name: [entry["@id"] for entry in sets if fnmatch.fnmatch(name, entry["includes"])] for name in names}
    assert found
    assert all(entries == [f"samples/{name.partition('.')[2]}"] for name, entries in found.items())


def test_what_an_older_version_did_not_configure_has_its_default(make_dataset: MakeDataset) -> None:
    out = make_dataset(())
    made = made_before(out)
    del made["software"], made["configuration"]["near_duplicates"]
    made["stages"] = [{"stage": "layout", "version": 1, "settings": {}}]
    describe(out, made, [], [])
    steps = described(out)["rai:dataPreprocessingProtocol"]
    assert steps[0] == "layout, version 1: not described by this version of the software."
    assert "near duplicates are dropped" in steps[1]
    assert made_before(out) == made  # nothing is made up


def test_hostile_names_change_nothing_but_themselves(make_dataset: MakeDataset) -> None:
    licences = tuple(
        Licence(spdx="CC-BY-4.0", holder=name, source_url=name, attribution=name) for name in HOSTILE[:3]
    )
    out = make_dataset(HOSTILE, licences)
    assert issues(out) == (set(), {NOT_PUBLISHED})
    names = {one["name"] for one in described(out)["creator"]}
    assert names == {HOSTILE[0], HOSTILE[1], "line break\\u0000\\u001b[31m\\u202egnp.exe"}
    assert described(out)["@context"]["rai"] == "http://mlcommons.org/croissant/RAI/"
    assert "\x1b" not in (out / "dataset.json").read_text("utf-8")


def test_the_bibtex_entry_closes_what_it_opens(make_dataset: MakeDataset) -> None:
    out = make_dataset(("a",), (Licence(spdx="CC-BY-4.0", holder='}, note = {x} \\write18 % " Müller & Söhne'),))
    text = described(out)["citeAs"]
    assert text.count("{") == text.count("}")
    assert "\\" not in text
    assert "%" not in text
    assert "Müller" in text
    assert "year" not in text  # nobody stated one


def test_of_nothing_kept_it_says_so(make_dataset: MakeDataset) -> None:
    out = make_dataset(())
    assert issues(out) == (set(), {NOT_PUBLISHED, NO_LICENCE})
    assert "0 clips" in described(out)["description"]
    assert list(loaded(out).records("clips")) == []


def test_where_all_is_withdrawn_it_says_so(make_dataset: MakeDataset) -> None:
    out = make_dataset(("a",), clips=1, withdrawn=1)
    assert issues(out) == (set(), {NOT_PUBLISHED, NO_LICENCE})
    assert [plain(record)["reason"] for record in loaded(out).records("clips")] == ["withdrawn"]
    assert "Withdrawn so far: 1 clip." in described(out)["rai:dataReleaseMaintenancePlan"]


def test_rai_has_the_vocabulary_s_terms_and_cardinalities(make_dataset: MakeDataset) -> None:
    found = {
        name.removeprefix("rai:"): value for name, value in described(make_dataset()).items() if name[:4] == "rai:"
    }
    assert found.keys() <= ONE | MANY
    assert ONE | MANY - {"dataAnnotationPlatform"} == found.keys()  # nobody annotated on any platform
    assert all(isinstance(found[name], str) for name in ONE)
    assert found["dataCollectionTimeframe"] == ["2025-06-01", "2026-01-30"]


def test_rai_says_the_figures_of_this_dataset(make_dataset: MakeDataset) -> None:
    found = described(make_dataset(("a", "b", "c", "d")))  # eight clips of 8 s, half separated and with words
    text = json.dumps({name: value for name, value in found.items() if name[:4] == "rai:"})
    assert "Two channels were made out of one track in 32 s (50 %)" in text
    assert "8 of 28 words share out the time of their utterance" in text
    assert "Of 0.8 s of overlap on one track, 75 % has a confidence below 0.5" in text
    assert "Words: none 32 s, from transcripts 32 s." in text
    assert "not certain who of the transcript" in text
    assert "Basis of consent, as stated: contract 16 s, informed-consent 16 s, synthetic 16 s, unknown 16 s." in text
    assert "No natural person speaks in 16 s, as stated." in text
    assert "2030-12-31 (16 s)" in text
    assert "rights holder (48 s)" in text
    assert "where recordings had one for each: -45 dB in the median clip, -45 dB in the worst" in text
    assert "where both were on one track: -20 dB in the median clip, -20 dB in the worst" in text
    assert "separator (SHA-256 1111" in text
    assert "Speakers: 8; 14 % of all speech is that of one of them." in text


def test_what_is_withdrawn_is_counted_and_no_longer_described(make_dataset: MakeDataset) -> None:
    found = described(make_dataset(("a", "b"), withdrawn=2))
    assert "Withdrawn so far: 2 clips." in found["rai:dataReleaseMaintenancePlan"]
    assert "2 clips, 16 s" in found["description"]


def test_without_natural_persons_it_says_so(make_dataset: MakeDataset) -> None:
    out = make_dataset(("a",), (Licence(spdx="CC0-1.0", consent=Consent.SYNTHETIC),))
    assert "No natural person speaks, as stated of all" in described(out)["rai:personalSensitiveInformation"][0]


def test_the_same_data_have_the_same_description(make_dataset: MakeDataset) -> None:
    out, again = make_dataset(), make_dataset(folder="elsewhere")
    for name in ("dataset.json", "DATA_CARD.md"):
        assert (again / name).read_bytes() == (out / name).read_bytes()
        assert str(out) not in (out / name).read_text("utf-8")


def test_it_is_written_again_from_what_lies_in_the_folder(make_dataset: MakeDataset) -> None:
    out = make_dataset(withdrawn=1)
    before = {name: (out / name).read_bytes() for name in ("dataset.json", "DATA_CARD.md")}
    with pq.ParquetFile(out / "index" / "recordings.parquet") as file:
        recordings = list(from_table(RecordingRow, file.read()))
    counts = Counter(pq.read_table(out / "index" / "clips.parquet")["shard"].to_pylist())
    files = {f["contentUrl"]: f for f in described(out)["distribution"] if f.get("contentUrl", "")[:7] == "shards/"}
    shards = [
        PackedShard(
            name=name[7:],
            split=Split(name[7:].partition("-")[0]),
            n_clips=counts[name[7:]],
            size_bytes=(out / name).stat().st_size,
            sha256=file["sha256"],
            plan_sha256="",
        )
        for name, file in files.items()
    ]
    describe(out, made_before(out), recordings, shards)
    assert {name: (out / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("spdx", "address"),
    [
        ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0"),
        ("LicenseRef-acme", "LicenseRef-acme"),
        ("CC-BY-4.0 OR MIT", "CC-BY-4.0 OR MIT"),
        ("NOASSERTION", "NOASSERTION"),
    ],
)
def test_only_what_spdx_lists_has_an_address_there(spdx: str, address: str) -> None:
    assert licence_address(spdx) == address


def test_what_spdx_does_not_list_is_a_named_work(make_dataset: MakeDataset) -> None:
    assert {"@type": "sc:CreativeWork", "name": "LicenseRef-acme"} in described(make_dataset())["license"]


def test_a_version_tells_bytes_not_their_order() -> None:
    assert version_of(["a", "b"]) == version_of(["b", "a"]) != version_of(["a", "c"])
