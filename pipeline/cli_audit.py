"""`duplexset audit`: what is in a dataset, where it comes from, what is owed for it, whether that holds."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_provenance import provenance
from pipeline.say import say

audit = typer.Typer(
    help="What is in a dataset, where it comes from, what is owed for it, and whether that holds.",
    no_args_is_help=True,
)
FOUND = 1  # exit code: faults, or differences

OutFolder = Annotated[Path, typer.Argument(metavar="OUT", help="The OUT folder of a build.", show_default=False)]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write all of it to this file; - prints it.", show_default=False),
]
Csv = Annotated[
    str | None,
    typer.Option("--csv", metavar="FILE", help="Write the rows to this file; - prints them.", show_default=False),
]


@audit.callback()
def audits() -> None:
    """What is in a dataset, where it comes from, what is owed for it, and whether that holds.

    Everything is read from the OUT folder of a build, nothing is changed and nothing fetched.
    """


@audit.command()
def summary(
    out: OutFolder,
    by: Annotated[
        str | None,
        typer.Option(help="What to tell apart, as licence,source,consent,language,split,holder.", show_default=False),
    ] = None,
    json: Json = None,
    csv: Csv = None,
) -> None:
    """Count hours, clips, recordings and speakers, say what nobody stated, and what may be done with the whole.

    Clips that are withdrawn do not count.
    """
    from pipeline.audit.summary import names_of_groups
    from pipeline.audit.summary import summary as summed
    from pipeline.audit.summary_table import HEADS, as_json, csv_rows, summary_lines
    from pipeline.audit.tables import console
    from pipeline.audit.written import check_targets, put_csv, put_json

    printed = check_targets(json=json, csv=csv)
    found = summed(out, names_of_groups(by))
    put_json(json, as_json(found))
    put_csv(csv, HEADS, csv_rows(found))
    if not printed:
        console().print(summary_lines(found))


@audit.command()
def show(
    out: OutFolder,
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="The clip's id, or how it begins.", show_default=False)],
    source: Annotated[
        list[Path] | None,
        typer.Option(
            help="The recording's file, to compare with the bytes that were read; both of a pair.", show_default=False
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Follow a clip back to the bytes of its source: licence and evidence, stages, networks, what was changed.

    Exits with 1 where the bytes in the shard, the evidence or the source file are not those that the index names.
    """
    from pipeline.audit.show import show as clip_of
    from pipeline.audit.tables import chain_lines, console
    from pipeline.audit.written import check_targets, put_json
    from pipeline.visible import shown

    printed = check_targets(json=json)
    found = clip_of(out, clip, source or ())
    put_json(json, found.written())
    if not printed:
        console().print(chain_lines(f"clip {found.record['clip_id']}", found.steps))
    if found.faults:
        for line in found.faults:
            say(shown(line, 1_000), err=True)
        raise typer.Exit(FOUND)


@audit.command()
def query(
    out: OutFolder,
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="One SELECT, as DuckDB understands it.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows at most.")] = 100,
    columns: Annotated[bool, typer.Option("--columns", help="List the views and their columns instead.")] = False,
    json: Json = None,
    csv: Csv = None,
) -> None:
    """Ask the indexes in SQL: the views clips, recordings and losses, and nothing else; nothing can be changed.

    As in: "SELECT holder, sum(duration_s) / 3600 AS hours FROM clips WHERE kept GROUP BY ALL ORDER BY hours DESC"
    """
    from pipeline.audit.columns import HEADS
    from pipeline.audit.columns import columns as described
    from pipeline.audit.tables import answer_lines, console
    from pipeline.audit.written import check_targets, put_csv, put_json
    from pipeline.catalog_query import Answer, QueryError, select

    if (sql is None) is not columns:
        raise QueryError('give a SELECT, as "SELECT count(*) FROM clips", or --columns, which lists what there is')
    printed = check_targets(json=json, csv=csv)
    found = Answer(columns=HEADS, rows=tuple(described(out)), more=False) if sql is None else select(out, sql, limit)
    put_json(json, {"columns": found.columns, "rows": found.rows, "more": found.more})
    put_csv(csv, found.columns, found.rows)
    if not printed:
        console().print(answer_lines(found.columns, found.rows))
    if found.more:
        say(f"there are more than these {len(found.rows)} rows: --limit shows more of them", err=True)


audit.command("provenance")(provenance)


@audit.command()
def notice(
    out: OutFolder,
    to: Annotated[Path, typer.Option(metavar="FILE", help="The file to write; - prints it.")] = Path("-"),
    split: Annotated[
        list[str] | None,
        typer.Option(help="Only for this part: train, validation or test; may be given again.", show_default=False),
    ] = None,
) -> None:
    """Write the attribution file: credits, licences with their addresses, sources, and what was changed.

    It is what CC BY and like licences ask for. What lacks credit stands at its end, and is said here.
    """
    from pipeline.audit.notice import notice as notice_of
    from pipeline.outputs import check_output
    from schemas.atomic import whole_file
    from schemas.plain_text import counted

    printed = to == Path("-")
    check_output(None if printed else to, "--to")
    made = notice_of(out, split or ())
    if printed:
        for line in made.lines():
            typer.echo(line)
    else:
        with whole_file(to) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in made.lines())
        say(f"{to}: the notice")
    if made.lacks:
        where = "the notice" if printed else to
        say(f"{counted(len(made.lacks), 'thing')} that nobody stated: see the end of {where}", err=True)


@audit.command()
def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="An OUT folder, or a copy of its index folder.", show_default=False)
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same, later.", show_default=False)],
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if anything differs.")] = False,
    json: Json = None,
    csv: Csv = None,
) -> None:
    """Say what changed: clips and recordings that came and went, and why; licences, consent, splits, bytes, settings.

    Clips that are withdrawn or not kept count as not there.
    """
    from pipeline.audit.diff import difference
    from pipeline.audit.diff_table import HEADS, as_json, csv_rows, diff_lines
    from pipeline.audit.tables import console
    from pipeline.audit.written import check_targets, json_rows, put_csv

    printed = check_targets(json=json, csv=csv)
    with difference(old, new) as found:
        totals = found.totals()
        with json_rows(json, "changes", as_json(totals)) as put:
            for change in found.changes() if json else ():
                put(change.written())
        put_csv(csv, HEADS, csv_rows(found))
        if not printed:
            console().print(diff_lines(found, totals))
    if exit_code and not totals.same:
        raise typer.Exit(FOUND)


@audit.command()
def check(
    out: OutFolder,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="A ready policy, or FILE.toml, that must hold, too; may be given again.", show_default=False
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the shards.")] = False,
    json: Json = None,
) -> None:
    """Look for what does not hold, and exit with 1 if there is any.

    A clip without a licence, evidence that is missing or changed, a policy that is broken (the one of the build and
    those named here), retention dates that have passed, withdrawn clips that remain, shards and indexes that
    disagree.
    """
    from datetime import date

    from pipeline.audit.check import checking
    from pipeline.audit.check_lines import Printer
    from pipeline.audit.written import check_targets, json_rows
    from pipeline.licences.policy_file import read_policy

    printed = check_targets(json=json)
    wanted = [read_policy(name) for name in policy or ()]
    with Printer(to_terminal=not printed) as printer:
        checked = checking(out, wanted, date.today(), quick=quick, say=printer.say)
        around = {"counts": printer.counts, "policies": [one.name for one in checked.every()]}
        with json_rows(json, "faults", around) as put:
            for fault in checked.faults():
                put(fault.written())
                printer.fault(fault)
        printer.end(out, checked)
    if printer.counts:
        raise typer.Exit(FOUND)
