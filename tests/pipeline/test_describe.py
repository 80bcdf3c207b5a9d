"""dataset.json: what it says of licences."""

import pytest

from pipeline.describe import licence_address


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
