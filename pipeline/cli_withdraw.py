"""`duplexset withdraw`: material leaves a dataset, with what derives from it, and nothing of it is left."""

import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.say import say

if TYPE_CHECKING:
    from pipeline.withdraw.run import Request

LEFT, STOPPED = 1, 130  # exit codes

Names = list[str] | None


def withdraw(
    out: Annotated[Path, typer.Argument(help="The OUT folder of a build.", show_default=False)],
    recording: Annotated[
        Names,
        typer.Option(help="A recording: its id, how that begins, or its name in the index.", show_default=False),
    ] = None,
    speaker: Annotated[
        Names, typer.Option(help="A person: the name, or RECORDING_ID/NUMBER.", show_default=False)
    ] = None,
    source: Annotated[Names, typer.Option(help="All from an address: its source_url.", show_default=False)] = None,
    licence: Annotated[Names, typer.Option(help="All under a licence.", show_default=False)] = None,
    clip: Annotated[Names, typer.Option(help="A clip: its id or how that begins.", show_default=False)] = None,
    reason: Annotated[
        str, typer.Option(help="Why; it is kept as it stands, so name nobody in it.", show_default=False)
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    only_mark: Annotated[
        bool, typer.Option("--only-mark", help="Trainers leave it out at once, but no byte is removed yet.")
    ] = False,
    keep_evidence: Annotated[
        bool, typer.Option("--keep-evidence", help="Leave contracts and the like in OUT/evidence.")
    ] = False,
    undo: Annotated[
        str | None, typer.Option(metavar="ID", help="Take back what is only marked.", show_default=False)
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Show what was withdrawn, when, why, and how it stands.")
    ] = False,
) -> None:
    """Take material out of a dataset, with its near duplicates and every copy of its voices, so that none is left.

    The options that name material may be given several times and together. What goes is shown, and done when you say
    so: trainers leave it out at once, then only the shards concerned are rewritten, and prepared files and evidence
    removed. The indexes keep when it was and what was measured, but no names and nothing that was said. Another build
    does not bring it back.

    If it is stopped, or killed, `duplexset withdraw OUT` finishes it; that also carries out what is only marked or
    was written into withdrawn.jsonl by hand. Exits with 1 if anything is left.
    """
    from pipeline.dataset_json import described
    from pipeline.withdraw.choose import Selection, WithdrawError
    from pipeline.withdraw.run import Request

    described(out)
    kinds = {"recording": recording, "speaker": speaker, "source": source, "licence": licence, "clip": clip}
    named = tuple(Selection(kind, value) for kind, values in kinds.items() for value in values or ())
    if listed:
        _list(out)
        return
    if undo is not None:
        _undo(out, undo)
        return
    if named and not reason.strip() and not dry_run:
        raise WithdrawError("--reason is missing: say why, and name nobody in it")
    request = Request(selections=named, reason=reason.strip(), keep_evidence=keep_evidence)
    if dry_run:
        _dry(out, request)
        return
    try:
        _withdraw(out, request, yes=yes, only_mark=only_mark)
    except KeyboardInterrupt as stop:
        say(f"stopped: `duplexset withdraw {out}` finishes it", err=True)
        raise typer.Exit(STOPPED) from stop


def _list(out: Path) -> None:
    from pipeline.withdraw.words import told
    from schemas.plain_text import counted
    from schemas.withdrawn import NAME, read_withdrawn

    withdrawn = read_withdrawn(out / NAME)
    for one in withdrawn.withdrawals.values():
        say(told(one))
    hand = withdrawn.by_hand()
    if lines := len(hand.clips) + len(hand.recordings) + len(hand.licences):
        say(f"{counted(lines, 'line')} written by hand and not carried out: run `duplexset withdraw {out}`")
    if not withdrawn.withdrawals and not lines:
        say("nothing was withdrawn")


def _undo(out: Path, name: str) -> None:
    from datetime import date

    from pipeline.lock import held
    from pipeline.withdraw.run import undo

    with held(out):
        one = undo(out, name, date.today().isoformat())
    say(f"withdrawal {one.id} is undone: trainers use its clips again; if a build ran since, run it again")


def _dry(out: Path, request: "Request") -> None:
    from pipeline.withdraw.run import taken_by
    from pipeline.withdraw.words import preview

    taken = taken_by(out, request)
    for line in preview(taken, keep_evidence=request.keep_evidence):
        say(line)
    say("nothing was changed")


def _withdraw(out: Path, request: "Request", *, yes: bool, only_mark: bool) -> None:
    from pipeline.lock import held, remove_leftovers
    from pipeline.view import sometimes
    from pipeline.withdraw.finish import finish
    from pipeline.withdraw.proof import remains
    from pipeline.withdraw.run import mark, taken_by, waiting
    from pipeline.withdraw.words import done, preview, told

    with held(out):
        remove_leftovers(out)
        taken = taken_by(out, request)
        marked, begun = waiting(out)
        before = [] if only_mark else [told(one) for one in marked]
        if not taken and not begun and not before:
            say("nothing to do")
            return
        if taken or before:
            _confirm(chain(preview(taken, keep_evidence=request.keep_evidence) if taken else (), before), yes=yes)
        if taken:
            one = mark(out, request, taken)
            say(f"withdrawal {one.id}: trainers leave it out from now on")
            if only_mark:
                say(f"no byte is removed yet: `duplexset withdraw {out}` does it, --undo {one.id} takes it back")
                return
        if begun:
            say(f"finishing what was begun: {', '.join(one.id for one in begun)}")
        finished = finish(out, request.today, sometimes(_say, 1.0))
        _say("looking for what is left")
        _prove(out, remains(out))
    for line in done(out, finished):
        say(line)


def _say(line: str) -> None:
    say(line, err=True)


def _confirm(lines: Iterable[str], *, yes: bool) -> None:
    """Show what goes, and ask. Raises WithdrawError where nobody can be asked."""
    from pipeline.withdraw.choose import WithdrawError

    for line in lines:
        say(line)
    if yes:
        return
    if not sys.stdin.isatty():
        raise WithdrawError("there is no terminal to ask on: give --yes to withdraw this, or --dry-run to look only")
    if not typer.confirm("Withdraw this?"):
        raise WithdrawError("nothing was withdrawn")


def _prove(out: Path, lines: Iterable[str]) -> None:
    left = 0
    for line in lines:
        say(line)
        left += 1
    if left:
        say(f"{out} still holds material that was withdrawn: see the lines above", err=True)
        raise typer.Exit(LEFT)
