"""What stands in the document: how the dataset was made, and each clip's way from the bytes it came from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.audit.described import stages_of
from pipeline.description.croissant import licence_address
from pipeline.licences.terms import TERMS
from pipeline.provenance.document import Document, name, qualified
from pipeline.visible import shown
from schemas.licence import NO_LICENCE

PREFIXES: Final = {
    "dx": "urn:duplexset:",
    "recording": "urn:duplexset:recording:",
    "stretch": "urn:duplexset:stretch:",
    "clip": "urn:duplexset:clip:",
    "sha256": "urn:duplexset:sha256:",
    "source": "urn:duplexset:source:",
    "licence": "urn:duplexset:licence:",
    "spdx": "https://spdx.org/licenses/",
    "holder": "urn:duplexset:holder:",
    "stage": "urn:duplexset:stage:",
    "build": "urn:duplexset:build:",
}
_USES: Final = {
    "speaker": ("voices", "separate"),
    "separator": ("voices", "separate"),
    "enhancer": ("enhance",),
    "segmentation": ("voices",),
    "aligner": ("transcribe",),
    "recogniser": ("transcribe",),
    "roles": ("persona",),
}
"""First word of the name of weights -> the stages that use them; what is not here is the codec's."""
_LONG: Final = 2_000


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _type(local: str) -> dict[str, str]:
    return qualified(f"dx:{local}")


def _text(text: Any) -> str | None:
    return shown(text, _LONG) if isinstance(text, str) and text else None


@dataclass(slots=True)
class Chain:
    """Writes into `document`. `description`: dataset.json whole, {} where there is none."""

    document: Document
    description: Mapping[str, Any]
    stages: tuple[str, ...] = ()
    shards: dict[str, str] = field(default_factory=dict)
    software: str = ""

    def making(self) -> None:
        """The build, its stages with versions and settings, the networks, and the software that is answerable."""
        made = self.description.get("duplexset") or {}
        document, build = self.document, name("build", str(made.get("fingerprint") or "unknown"))
        said = str(made.get("software") or "duplexset")
        self.software = name("dx", said.replace(" ", "-"))
        kind, version = [qualified("prov:SoftwareAgent"), _type("Software")], said.partition(" ")[2]
        document.once("agent", self.software, prov_type=kind, prov_label=_text(said), dx_version=_text(version))
        configuration = json.dumps(made["configuration"], sort_keys=True) if "configuration" in made else None
        document.once("activity", build, prov_type=_type("Build"), dx_configuration=configuration)
        document.relate("wasAssociatedWith", prov_activity=build, prov_agent=self.software)
        listed = [*stages_of(made), ("select", "", {}), ("pack", "", {})]
        self.stages = tuple(stage for stage, _, _ in listed)
        before = None
        for stage, version, settings in listed:
            at, words = name("stage", stage), json.dumps(settings, sort_keys=True) if settings else None
            document.once("activity", at, prov_type=_type("Stage"), dx_version=version, dx_settings=words)
            document.relate("wasAssociatedWith", prov_activity=at, prov_agent=self.software)
            document.relate("wasStartedBy", prov_activity=at, prov_starter=build)
            if before is not None:
                document.relate("wasInformedBy", prov_informed=at, prov_informant=before)
            before = at
        self._weights(made.get("weights") or {})
        self._shards(build)

    def _weights(self, weights: Mapping[str, str]) -> None:
        for network, digest in weights.items():
            bytes_of = self._bytes(str(digest), "Weights", network)
            for stage in _USES.get(str(network).partition(" ")[0], ("tokenize",)):
                if stage in self.stages:
                    self.document.relate("used", prov_activity=name("stage", stage), prov_entity=bytes_of)

    def _shards(self, build: str) -> None:
        """The dataset as a collection of its shards, as far as dataset.json tells their digests."""
        for file in self.description.get("distribution") or ():
            if str(file.get("contentUrl", "")).startswith("shards/") and file.get("sha256"):
                self.shards[str(file["contentUrl"]).partition("/")[2]] = str(file["sha256"])
        version = self.description.get("version")
        if version:
            dataset = name("dx", f"dataset-{version}")
            kind = [qualified("prov:Collection"), _type("Dataset")]
            self.document.once("entity", dataset, prov_type=kind, dx_version=_text(version))
            self.document.relate("wasGeneratedBy", prov_entity=dataset, prov_activity=build)
            self.document.relate("wasAttributedTo", prov_entity=dataset, prov_agent=self.software)

    def clip(self, row: Mapping[str, Any]) -> None:
        """A row of index/clips.parquet, each once. What a withdrawal took from it is not there."""
        info, document = row["info"], self.document
        made, clip, stretch = info["provenance"], name("clip", row["clip_id"]), name("stretch", row["clip_id"])
        cut, last = self._stage("voices" if made.get("separated") else "split"), self._stage("tokenize")
        document.add("entity", stretch, prov_type=_type("Stretch"), dx_startS=info["start_s"], dx_endS=info["end_s"])
        document.relate("wasGeneratedBy", prov_entity=stretch, prov_activity=cut)
        if info["recording_id"]:
            recording = self._recording(info)
            document.relate(
                "wasDerivedFrom", prov_generatedEntity=stretch, prov_usedEntity=recording, prov_activity=cut
            )
        document.add(
            "entity",
            clip,
            prov_type=_type("Clip"),
            dx_kept=bool(row["kept"]),
            dx_reason=_text(row["reason"]),
            dx_split=_text(row["split"]),
            dx_frames=row["n_frames"],
            dx_durationS=row["duration_s"],
            dx_separated=bool(made.get("separated")),
            dx_enhanced=bool(made.get("enhanced")),
            dx_fingerprint=_text(made.get("fingerprint")),
            dx_sha256=_text(row["sha256"]),
        )
        document.relate("wasGeneratedBy", prov_entity=clip, prov_activity=last)
        document.relate("wasDerivedFrom", prov_generatedEntity=clip, prov_usedEntity=stretch, prov_activity=last)
        document.relate("wasAttributedTo", prov_entity=clip, prov_agent=self.software)
        self._others(row, clip)
        if row["kept"] and row["shard"]:
            self._member(row, clip)

    def _stage(self, stage: str) -> str:
        return self.document.once("activity", name("stage", stage), prov_type=_type("Stage"))

    def _others(self, row: Mapping[str, Any], clip: str) -> None:
        """What else a clip is made of: its transcript, and voice samples cut out of other clips."""
        info = row["info"]
        file = (info.get("transcript") or {}).get("file")
        if file:
            text = self._bytes(file["sha256"], "Transcript", ", ".join(file["names"]))
            self.document.relate("wasDerivedFrom", prov_generatedEntity=clip, prov_usedEntity=text)
        for other in sorted({voice["clip_id"] for voice in info.get("voices") or ()} - {row["clip_id"]}):
            stretch = name("stretch", other)
            self.document.relate(
                "wasDerivedFrom", prov_generatedEntity=clip, prov_usedEntity=stretch, prov_type=_type("VoiceSample")
            )

    def _member(self, row: Mapping[str, Any], clip: str) -> None:
        """The shard that holds it; by its digest where dataset.json has that, else by its name."""
        digest = self.shards.get(row["shard"])
        called = name("sha256", digest) if digest else name("dx", f"shard-{row['shard']}")
        kind = [qualified("prov:Collection"), _type("Shard")]
        document, new = self.document, not self.document.has("entity", called)
        document.once("entity", called, prov_type=kind, prov_label=_text(row["shard"]))
        document.relate("hadMember", prov_collection=called, prov_entity=clip)
        if new:
            document.relate("wasGeneratedBy", prov_entity=called, prov_activity=self._stage("pack"))
            version = self.description.get("version")
            if version:
                document.relate("hadMember", prov_collection=name("dx", f"dataset-{version}"), prov_entity=called)

    def _recording(self, info: Mapping[str, Any]) -> str:
        """The source recording, once: where it came from, whose it is, its licence and what proves that."""
        called, made, licence = name("recording", info["recording_id"]), info["provenance"], info["licence"]
        document = self.document
        if document.has("entity", called):
            return called
        files = [text for text in (_text(made["uri"]), _text(made["uri_b"])) if text]
        document.once(
            "entity",
            called,
            prov_type=_type("Recording"),
            dx_sha256=_text(info["recording_id"]),
            dx_file=files[0] if len(files) == 1 else files,
            dx_container=_text(made["container"]),
            dx_codec=_text(made["source_codec"]),
            dx_sampleRateHz=made["source_sample_rate_hz"],
            dx_layout=_text(made["layout"]),
            dx_consent=_text(licence["consent"]),
            dx_speakersConsent=_text(licence["speakers_consent"]),
            dx_jurisdiction=[_text(code) for code in licence["jurisdiction"] or ()],
            dx_retainUntil=_text(licence["retain_until"]),
        )
        ingest = self._stage("ingest")
        document.relate("used", prov_activity=ingest, prov_entity=called)
        for entity in (self._licence(licence), *self._proofs(licence)):
            document.relate("used", prov_activity=ingest, prov_entity=entity, dx_of=qualified(called))
        self._origin(called, licence)
        return called

    def _origin(self, recording: str, licence: Mapping[str, Any]) -> None:
        if licence["source_url"]:
            source, address = name("source", _digest(licence["source_url"])), _text(licence["source_url"])
            self.document.once("entity", source, prov_type=_type("Source"), prov_location=address)
            self.document.relate(
                "wasDerivedFrom",
                prov_generatedEntity=recording,
                prov_usedEntity=source,
                prov_type=qualified("prov:PrimarySource"),
                dx_retrieved=_text(licence["retrieved"]),
            )
        if licence["holder"]:
            holder = name("holder", _digest(licence["holder"]))
            kind, label = _type("RightsHolder"), _text(licence["holder"])
            self.document.once("agent", holder, prov_type=kind, prov_label=label)
            self.document.relate("wasAttributedTo", prov_entity=recording, prov_agent=holder)

    def _licence(self, licence: Mapping[str, Any]) -> str:
        spdx = licence["spdx"] or NO_LICENCE
        terms = TERMS.get(spdx)
        called = name("spdx" if licence_address(spdx) != spdx else "licence", spdx)
        return self.document.once(
            "entity",
            called,
            prov_type=_type("Licence"),
            prov_label=_text(spdx),
            prov_location=terms.url if terms else None,
        )

    def _proofs(self, licence: Mapping[str, Any]) -> list[str]:
        """Evidence and licence text: by their bytes where those are known."""
        return [
            self._bytes(licence[f"{what}_sha256"], kind, licence[what] or what)
            for what, kind in (("evidence", "Evidence"), ("licence_text", "LicenceText"))
            if licence[f"{what}_sha256"]
        ]

    def _bytes(self, digest: str, kind: str, label: Any) -> str:
        return self.document.once(
            "entity",
            name("sha256", digest),
            prov_type=_type(kind),
            prov_label=_text(str(label)),
            dx_sha256=_text(digest),
        )
