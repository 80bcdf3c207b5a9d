"""`duplexset browse`: a dataset to look at, hear and search."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.say import say


def browse(
    out: Annotated[Path, typer.Argument(help="The OUT folder of a build.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port on this machine; 0 takes any free one.")] = 8765,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    static: Annotated[
        Path | None,
        typer.Option(help="Write the page into this folder instead, for any web server.", show_default=False),
    ] = None,
    clips: Annotated[int, typer.Option(min=1, max=100_000, help="With --static: how many clips at most.")] = 1_000,
) -> None:
    """Look at a dataset, hear its clips and search it, in the browser.

    Filters by licence, consent, source, split, quality, overlap and reason; plays either channel or both over turns,
    overlaps, backchannels and words; shows where each clip comes from, what was lost and why, totals, and what a
    withdrawal would take out. Only this machine can reach it, and nothing can be changed through it.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"  # whatever codec a dataset names, nothing is fetched for it
    from pipeline.browse.start import site_of_folder

    if static is not None:
        from pipeline.browse.static import write

        site = site_of_folder(out)
        try:
            written = write(site, static, clips)
        finally:
            site.store.close()
        say(f"{static}: {written.clips} of {written.total} clips, {written.bytes / 2**20:.1f} MiB")
        say("serve the folder with any web server, as with: python -m http.server --directory FOLDER")
        return
    from pipeline.browse.server import bound, serve

    listener = bound(port)
    site = site_of_folder(out)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    say(f"{address} shows {out}; Ctrl-C ends it")
    if open_page:
        import webbrowser

        webbrowser.open(address)
    serve(site, listener)
