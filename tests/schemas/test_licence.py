"""Licence names and what follows from them."""

import pytest

from schemas.licence import LicenceError, Rights, normalise_spdx, rights_of


@pytest.mark.parametrize(
    ("given", "spdx"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("cc by 4.0", "CC-BY-4.0"),
        (" CC0-1.0 ", "CC0-1.0"),
        ("apache-2.0", "Apache-2.0"),
        ("LicenseRef-acme-2024", "LicenseRef-acme-2024"),
    ],
)
def test_names_are_normalised(given: str, spdx: str) -> None:
    assert normalise_spdx(given) == spdx


@pytest.mark.parametrize("given", ["", "free", "LicenseRef-", "LicenseRef-a b", "../CC0-1.0", "CC-BY-9.0"])
def test_what_is_not_known_is_refused(given: str) -> None:
    with pytest.raises(LicenceError, match="SPDX"):
        normalise_spdx(given)


def test_rights_follow_the_licence_texts() -> None:
    assert rights_of("CC-BY-4.0") == Rights(commercial_use=True, derivatives=True, share_alike=False)
    assert rights_of("CC-BY-NC-SA-4.0") == Rights(commercial_use=False, derivatives=True, share_alike=True)
    assert rights_of("CC-BY-ND-4.0") == Rights(commercial_use=True, derivatives=False, share_alike=False)
    assert rights_of("LicenseRef-acme") == Rights(commercial_use=None, derivatives=None, share_alike=None)
