"""What a command tells a person, a line at a time."""

import typer

from pipeline.visible import printable


def say(line: str, *, err: bool = False) -> None:
    """Print a line, with nothing in it that a terminal obeys: names and paths may be anybody's."""
    typer.echo(printable(line), err=err)
