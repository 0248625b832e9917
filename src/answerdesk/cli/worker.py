"""The verb `worker`: a machine solver claims and answers over the work API.
Rule: it imports nothing of the server, for it runs as long as the server does."""

from __future__ import annotations

from pathlib import Path

import click

from answerdesk.cli import options, out, trust
from answerdesk.cli.ends import Misused
from answerdesk.cli.logs import log_lines
from answerdesk.cli.running import address_of
from answerdesk.cli.trust import ca_option


@click.command()
@click.option("--solver", default="ocr", show_default=True, help="The machine solver, by its entry point's name.")
@click.option("--url", help="The server's address. Default: where the data folder's server runs.")
@click.option("--token", required=True, envvar="ANSWERDESK_TOKEN", show_envvar=True, help="The worker's token.")
@click.option(
    "--parent", type=int, metavar="PID", help="Stop when the process of this number, which started this one, is gone."
)
@ca_option
@click.option("--pinned", type=click.Path(path_type=Path), hidden=True, help="What the folder's server is known by.")
@click.option(
    "--trace-endpoint",
    metavar="URL",
    envvar="ANSWERDESK_TRACE_ENDPOINT",
    show_envvar=True,
    help="Where traces go by OTLP over HTTP; takes the extra otel.",
)
@options.data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line: the solver, and the server it works for.")
def worker(  # noqa: PLR0913, PLR0917 - one argument an option
    solver: str, url: str | None, token: str, parent: int | None, ca: Path | None, pinned: Path | None,
    trace_endpoint: str | None, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """A token is made by `answerdesk workers add NAME --machine`."""
    log_lines("info")
    from answerdesk.solve.loop import run

    address = url or address_of(data)
    if as_json:
        out.document({"solver": solver, "url": address})
    tls = trust.pinned(pinned) if pinned else trust.trusted(address, data, ca=ca, found=url is None)
    if not trace_endpoint:
        return run(solver=solver, url=address, token=token, parent=parent, tls=tls)
    try:
        from answerdesk.tracing import open_traces
    except ImportError as missing:
        raise Misused(f"traces take the extra otel, and {missing.name} is not installed") from missing
    traces = open_traces(trace_endpoint, f"answerdesk-{solver}")
    try:
        return run(solver=solver, url=address, token=token, parent=parent, tls=tls, span=traces.span)
    finally:
        traces.close()
