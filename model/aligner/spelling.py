"""A pronunciation from the letters alone, for English words and names that no dictionary has.

A small part of the letter-to-sound rules of Elovitz, Johnson, McHugh and Shore (NRL Report 7948, 1976): the longest
group of letters first. Rough, and enough to find where a word begins and ends.
"""

import re
import unicodedata
from typing import Final

_ANYWHERE: Final = """
tion=SH AH N|sion=ZH AH N|cian=SH AH N|tious=SH AH S|cious=SH AH S|ture=CH ER|ough=AO|augh=AO|eigh=EY|igh=AY|tch=CH
dge=JH|sch=SH|ch=CH|sh=SH|th=TH|ph=F|gh=G|ck=K|ng=NG|nk=NG K|qu=K W|wh=W|wr=R|x=K S|air=EH R|are=EH R|ear=IH R
eer=IH R|oor=AO R|our=AO R|ar=AA R|er=ER|ir=ER|or=AO R|ur=ER|ee=IY|ea=IY|oo=UW|ou=AW|ow=OW|oi=OY|oy=OY|ai=EY|ay=EY
au=AO|aw=AO|ei=EY|ey=IY|ie=IY|oa=OW|ue=UW|ui=UW|ew=UW|eu=Y UW|cz=CH|sz=SH|dz=Z|zh=ZH|kh=K|bh=B|a=AE|b=B|c=K|d=D|e=EH
f=F|g=G|h=HH|i=IH|j=JH|k=K|l=L|m=M|n=N|o=AA|p=P|q=K|r=R|s=S|t=T|u=AH|v=V|w=W|y=IY|z=Z
"""
_AT_START: Final = "kn=N|gn=N|ps=S|pn=N|x=Z|y=Y|mc=M AH K|chr=K R|rh=R"
_AT_END: Final = """
ies=IY Z|es=IH Z|ed=D|e=|y=IY|o=OW|a=AH|i=IY|mb=M|gn=N|que=K|gue=G|le=AH L|al=AH L|ough=OW|ue=UW|ee=IY
"""
_SOFT: Final = {"c": "S", "g": "JH"}  # before e, i and y
_LONG: Final = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}  # before a consonant and a last e
_ONE_SYLLABLE_END: Final = {"y": "AY", "e": "IY", "i": "AY"}  # "fly", "he", "hi"
_NAMES: Final = """
a=EY|b=B IY|c=S IY|d=D IY|e=IY|f=EH F|g=JH IY|h=EY CH|i=AY|j=JH EY|k=K EY|l=EH L|m=EH M|n=EH N|o=OW|p=P IY|q=K Y UW
r=AA R|s=EH S|t=T IY|u=Y UW|v=V IY|w=D AH B AH L Y UW|x=EH K S|y=W AY|z=Z IY
"""
_VOWELS: Final = frozenset("aeiouy")
_MAGIC_E: Final = re.compile(r"[aeiouy](?:[bcdfgjklmnpstvz]|th)e[sd]?$")


def _table(rules: str) -> dict[str, str]:
    return dict(rule.split("=", 1) for rule in rules.replace("\n", "|").strip("|").split("|"))


_RULES: Final = _table(_ANYWHERE)
_START_RULES: Final = _table(_AT_START)
_END_RULES: Final = _table(_AT_END)
_LETTERS: Final = _table(_NAMES)


def latin(word: str) -> str:
    """The word without accents: only a-z is left of what can be written so."""
    plain = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def letter_names(letters: str) -> tuple[str, ...]:
    """The phones of each letter's name; letters: a-z."""
    return tuple(_LETTERS[letter] for letter in letters)


def sounded(word: str) -> str | None:
    """The phones (ARPAbet, without stress) of a word by its letters; None where it has other letters than a-z."""
    if not re.fullmatch("[a-z]+", word):
        return None
    text = re.sub(r"([bcdfghjklmnpqrstvwxyz])\1", r"\1", word)
    magic = _MAGIC_E.search(text)
    phones: list[str] = []
    at = 0
    while at < len(text):
        said, length = _step(text, at, bool(magic and magic.start() == at))
        phones.extend(said.split())
        at += length
    return " ".join(phones) or " ".join(letter_names(word))


def _step(text: str, at: int, long: bool) -> tuple[str, int]:
    """The phones of the next group of letters, and how many letters it has."""
    rest = text[at:]
    if long and (at == 0 or text[at - 1] not in _VOWELS):
        return _LONG[rest[0]], 1
    if rest in _ONE_SYLLABLE_END and not _VOWELS & set(text[:at]):
        return _ONE_SYLLABLE_END[rest], 1
    if at > 0 and rest in _END_RULES:
        return _END_RULES[rest], len(rest)
    starts = [rest[:n] for n in (3, 2, 1) if at == 0 and len(rest) > n and rest[:n] in _START_RULES]
    if starts:
        return _START_RULES[starts[0]], len(starts[0])
    if rest[0] in _SOFT and rest[1:2] in tuple("eiy"):
        return _SOFT[rest[0]], 1
    group = next(rest[:n] for n in (5, 4, 3, 2, 1) if rest[:n] in _RULES)
    return _RULES[group], len(group)
