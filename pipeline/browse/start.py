"""A dataset folder opened for its pages; nothing large is loaded before it is needed."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.browse.audio import Sounds
from pipeline.browse.server import Site, site_of
from pipeline.browse.store import open_store

if TYPE_CHECKING:
    from model.codec import Codec


def site_of_folder(out: Path) -> Site:
    """The site of the dataset in OUT. Raises CatalogError."""
    return site_of(open_store(out), Sounds(out, _codec_of(out)))


def _codec_of(out: Path) -> "Callable[[], Codec | None]":
    @cache
    def codec() -> "Codec | None":
        from pipeline.dataset_json import DescriptionError, described
        from pipeline.report.write import codec_of

        try:
            return codec_of(described(out))
        except DescriptionError:
            return None

    return codec
