"""Policies as TOML: the ready ones, one's own, and what is refused in them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.licences.policy_file import PolicyError, policy_of, policy_text, read_policy, ready, with_options
from schemas.licence import LicenceError
from schemas.policy import DEFAULT, Asks, Policy, Rule


def test_the_default_file_is_the_default_of_the_code() -> None:
    assert read_policy("default") == DEFAULT


def test_every_ready_policy_can_be_read_and_says_what_it_is_for() -> None:
    assert ready() == ["commercial", "consented", "default", "research", "strict"]
    for name in ready():
        policy = read_policy(name)
        assert policy.name == name
        assert policy.says
        assert Rule(asks=Asks.DERIVATIVES, accepts=("true",)) in policy.rules
        assert not policy.unlicensed
        assert not policy.allow


def own(tmp_path: Path, text: str) -> str:
    path = tmp_path / "shop.toml"
    path.write_text(text)
    return str(path)


def test_a_file_is_not_taken_for_a_ready_policy(tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_text("")
    (tmp_path / "strict").write_text("")
    assert read_policy(str(tmp_path / "default.toml")).name == "default (a file)"
    assert read_policy(str(tmp_path / "strict")).name == "strict (a file)"
    assert read_policy("strict").name == "strict"


def test_ones_own_policy(tmp_path: Path) -> None:
    text = """
        says = "ours"
        allow = ["LicenseRef-acme", "cc by nd 4.0"]
        deny = ["*-NC-*"]
        expires = 2027-12-31
        [require]
        evidence_age_days = 730
        commercial_use = true
        jurisdiction = ["de"]
        stated = ["holder"]
    """
    assert read_policy(own(tmp_path, text)) == Policy(
        name="shop",
        says="ours",
        allow=("LicenseRef-acme", "CC-BY-ND-4.0"),
        deny=("*-NC-*",),
        expires="2027-12-31",
        rules=(
            Rule(asks=Asks.COMMERCIAL_USE, accepts=("true",)),
            Rule(asks=Asks.JURISDICTION, accepts=("DE",)),
            Rule(asks=Asks.STATED, accepts=("holder",)),
            Rule(asks=Asks.EVIDENCE_AGE_DAYS, accepts=("730",)),
        ),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("requires = 1", "unknown key 'requires'; known are says, allow"),
        ("[require]\ncommercial = true", "unknown key 'commercial'; known are derivatives, commercial_use"),
        ('[require]\ncommercial_use = "yes"', "commercial_use must be true or false"),
        ("[require]\nconsent = true", "consent must be a list of texts"),
        ("[require]\nconsent = []", "consent is empty, which nothing satisfies"),
        ('[require]\nconsent = ["maybe"]', "'maybe' is not known; known are informed-consent"),
        ('[require]\nstated = ["holders"]', "'holders' is not known; known are licence, holder"),
        ("[require]\nretention_days = -1", "give 0 to 36500 days"),
        ("[require]\nretention_days = true", "retention_days must be a number"),
        ('[require]\njurisdiction = ["Germany"]', "no ISO 3166 code"),
        ('allow = "MIT"', "allow must be a list of texts"),
        ('allow = ["CC-BY"]', "say which of"),
        ('deny = ["free"]', "'free' is not known"),
        ('unlicensed = "no"', "unlicensed must be true or false"),
        ('expires = "soon"', "no date"),
        ("require = 4", "require must be a table"),
        ("says = 4", "says must be a text"),
        ("a = [[[", "is not TOML"),
        ("a = " + "[" * 5_000, "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PolicyError) as raised:
        read_policy(own(tmp_path, text))
    assert words in str(raised.value)
    assert "shop.toml" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("name", ["nowhere", "", "/", "a\x00b", "x" * 5_000, "../policies/default"])
def test_a_policy_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(PolicyError) as raised:
        read_policy(name)
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="not UTF-8"):
        policy_text(str(tmp_path / "p.toml"))


values = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.sampled_from(["MIT", "*", "given", "DE", "2027-01-01", "\ud7ff", ""]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
keys = st.sampled_from(["says", "allow", "deny", "unlicensed", "expires", "require", "other"])


@given(st.dictionaries(keys, values), st.dictionaries(st.sampled_from([*Asks, "other"]), values))
def test_any_toml_is_a_policy_or_an_error_of_one_line(top: dict[str, object], require: dict[str, object]) -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    if "require" not in top:
        lines += ["[require]", *(f"{key} = {json.dumps(value)}" for key, value in require.items())]
    try:
        policy = policy_of("\n".join(lines), "mine")
    except PolicyError as error:
        assert "\n" not in str(error)
    else:
        assert {rule.asks for rule in policy.rules} == set(require)


def test_options_lie_on_top_of_the_policy() -> None:
    policy = with_options(DEFAULT, commercial=True, allow=["cc-by-nd-4.0", "LicenseRef-x"], unlicensed=True)
    assert policy.rules == (*DEFAULT.rules, Rule(asks=Asks.COMMERCIAL_USE, accepts=("true",)))
    assert policy.allow == ("CC-BY-ND-4.0", "LicenseRef-x")
    assert policy.unlicensed
    assert policy.name == "default --commercial"
    assert with_options(DEFAULT) == DEFAULT
    again = with_options(with_options(DEFAULT, commercial=True), commercial=True)
    assert again == with_options(DEFAULT, commercial=True)
    with pytest.raises(LicenceError, match="not known"):
        with_options(DEFAULT, allow=["free"])
