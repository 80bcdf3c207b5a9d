"""What people write, as SPDX writes it. Expected identifiers are those of spdx.org/licenses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.expressions import normalise
from pipeline.licences.names import identifiers, name_of
from pipeline.licences.terms import TERMS
from schemas.licence import LicenceError

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("said", "spdx"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("cc by 4.0", "CC-BY-4.0"),
        ("cc_by_nc_sa 2.5", "CC-BY-NC-SA-2.5"),
        (" CC0-1.0 ", "CC0-1.0"),
        ("apache-2.0", "Apache-2.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        (
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International (CC BY-NC-SA 4.0)",
            "CC-BY-NC-SA-4.0",
        ),
        ("Attribution-Non Commercial-No Derivatives 3.0 Unported", "CC-BY-NC-ND-3.0"),
        ("Creative Commons Attribution-NoDerivs 2.0 Generic", "CC-BY-ND-2.0"),
        ("CC BY 3.0 DE", "CC-BY-3.0-DE"),
        ("CC BY-SA 3.0 IGO", "CC-BY-SA-3.0-IGO"),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("public domain", "CC-PDM-1.0"),
        ("ODbL", "ODbL-1.0"),
        ("The MIT License (MIT)", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("New BSD", "BSD-3-Clause"),
        ("GPL-2.0", "GPL-2.0-only"),  # what SPDX replaced it with
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GNU General Public License v3.0 or later", "GPL-3.0-or-later"),
        ("Licence Ouverte 2.0", "etalab-2.0"),
        ("Datenlizenz Deutschland Namensnennung 2.0", "DL-DE-BY-2.0"),
        ("LicenseRef-acme-2024", "LicenseRef-acme-2024"),
        ("licenseref-Acme.v2", "LicenseRef-Acme.v2"),
        ("LicenseRef-GPL-2.0", "LicenseRef-GPL-2.0"),  # a contract of that name is not the GPL
        (f"{CC}/licenses/by-nc/4.0/deed.de", "CC-BY-NC-4.0"),
        (f"{CC}/licenses/by/3.0/de/", "CC-BY-3.0-DE"),
        (f"{CC}/licenses/by-sa/2.1/jp/deed.ja", "CC-BY-SA-2.1-JP"),
        (f"{CC}/licenses/by/3.0/igo/legalcode", "CC-BY-3.0-IGO"),
        (f"{CC}/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),  # as version 1.0 was called
        ("http://www.creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0"),
        (f"{CC}/publicdomain/zero/1.0/", "CC0-1.0"),
        (f"{CC}/publicdomain/mark/1.0/deed.zh_TW", "CC-PDM-1.0"),
        (f"{CC}/licenses/publicdomain/", "CC-PDDC"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://opensource.org/license/apache-2-0", "Apache-2.0"),
        ("https://opensource.org/license/BSD-3-Clause/", "BSD-3-Clause"),
        ("https://spdx.org/licenses/CC-BY-4.0.html", "CC-BY-4.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opendatacommons.org/licenses/odbl/1-0/", "ODbL-1.0"),
        ("https://cdla.dev/permissive-2-0/", "CDLA-Permissive-2.0"),
    ],
)
def test_names_and_addresses_become_identifiers(said: str, spdx: str) -> None:
    assert normalise(said) == spdx


@pytest.mark.parametrize(
    ("said", "listed"),
    [
        ("CC-BY", ["CC-BY-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0"]),
        ("cc-by-nc-sa", ["CC-BY-NC-SA-1.0", "CC-BY-NC-SA-4.0"]),
        ("Creative Commons Attribution", ["CC-BY-4.0"]),
        ("creative commons", ["CC-BY-4.0", "CC0-1.0"]),
        ("GPL", ["GPL-2.0-only", "GPL-3.0-or-later"]),
        ("GPLv3", ["GPL-3.0-only", "GPL-3.0-or-later"]),
        ("BSD", ["BSD-2-Clause", "BSD-3-Clause"]),
        ("CDLA-Permissive", ["CDLA-Permissive-1.0", "CDLA-Permissive-2.0"]),
        ("Apache", ["Apache-1.1", "Apache-2.0"]),
    ],
)
def test_a_name_that_means_several_is_refused_with_all_of_them(said: str, listed: list[str]) -> None:
    with pytest.raises(LicenceError, match="say which of") as raised:
        normalise(said)
    assert "\n" not in str(raised.value)
    assert all(spdx in str(raised.value) for spdx in listed)


@pytest.mark.parametrize(
    "said",
    [
        "CC BY-SA 4.0 / CC BY-NC 4.0",
        "CC BY 4.0, CC BY-ND 4.0",
        "CC BY 4.0 / NC 4.0",
        "Creative Commons Attribution 4.0 International (CC BY-NC 4.0)",
        "CC BY-NC-SA, CC BY-NC 4.0",
    ],
)
def test_of_several_names_no_licence_is_made_up(said: str) -> None:
    with pytest.raises(LicenceError, match=r"names several: give one, or put AND or OR|is no SPDX expression"):
        normalise(said)


@pytest.mark.parametrize(
    "said",
    [
        *("", " ", "free", "LicenseRef-", "LicenseRef-a b", "../CC0-1.0", "CC-BY-9.0", "@MIT!", "((MIT)", "MIT\x00"),
        *("CC BY-ND-SA 4.0", "CC BY 2.1 JP", "CC BY 4.0 or 3.0 maybe", "DocumentRef-x:LicenseRef-y", "NONE"),
        f"{CC}/licenses/by/2.0/fr/",  # SPDX has no such port
        f"{CC}/licenses/sampling+/1.0/",
        "https://evil.example/creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org.evil.example/licenses/by/4.0/",
        "https://creativecommons.org@evil.example/licenses/by/4.0/",
        "https://spdx.org/licenses/../MIT",
        "http://[",
        "file:///etc/passwd",
        "MIT" * 400,
    ],
)
def test_what_is_not_known_is_refused_in_one_line(said: str) -> None:
    with pytest.raises(LicenceError) as raised:
        normalise(said)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_near_names_are_offered() -> None:
    with pytest.raises(LicenceError, match=r"did you mean CC-BY-4\.0"):
        normalise("CC-BY-4.1")


def test_every_identifier_of_the_table_is_one_of_spdx_and_names_itself() -> None:
    for spdx in TERMS:
        assert identifiers()[spdx.casefold()] == spdx
        assert name_of(spdx) == name_of(spdx.lower()) == spdx


def test_the_address_of_every_text_means_its_licence() -> None:
    """But for -only and -or-later, and the variants of the GFDL, which share a text: that means the first."""
    for spdx, terms in TERMS.items():
        assert terms.url
        assert TERMS[name_of(terms.url) or ""].url == terms.url, spdx
        if not spdx.startswith(("GPL", "LGPL", "AGPL", "GFDL")):
            assert name_of(terms.url) == spdx


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9 ().,+/:_-]{0,60}", fullmatch=True))
def test_any_text_is_a_licence_or_an_error_of_one_line(said: str) -> None:
    try:
        spdx = normalise(said)
    except LicenceError as error:
        assert "\n" not in str(error)
    else:
        assert normalise(spdx) == spdx
