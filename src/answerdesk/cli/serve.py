"""The verbs `serve` and `settings`: a server over a data folder, and what it would run with.
Rule: the flags are the rows of the settings' table and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import Failed
from answerdesk.cli.home import database_option
from answerdesk.config import PREFIX, SETTINGS, Setting, choose_settings, read_settings
from answerdesk.model.database import DatabaseUrl
from answerdesk.model.money import show

if TYPE_CHECKING:
    from answerdesk.announcing import Announcement

#: Why an address cannot be listened on, and what to do.
_NO_ADDRESS: Final = {
    errno.EADDRINUSE: "is taken; choose another with --port, or 0 for any free one",
    errno.EADDRNOTAVAIL: "is no address of this machine; name one with --host",
    errno.EACCES: "needs rights this user does not have; choose a port from 1024 on with --port",
}


#: What stands before the link that signs the owner in.
_WITH_LINK: Final = "; this link signs the owner in once, within 10 minutes:"


def _shown(value: Any) -> Any:
    if isinstance(value, Path | DatabaseUrl):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _plain(default: Any) -> str:
    if isinstance(default, float):
        return f"{default:g}"
    return out.cell(_shown(default)) if default != () else "none"


#: Flags that are also called by a shorter name, which their variables cannot have: ANSWERDESK_KEY is an account's.
_SHORTER: Final = {"tls_cert": ("--cert", "tls_cert"), "tls_key": ("--key", "tls_key")}


def _flag(setting: Setting) -> click.Option:
    name = setting.name.replace("_", "-")
    about = f"{setting.about} [{PREFIX}{setting.name.upper()}; default: {_plain(setting.default)}]"
    if isinstance(setting.default, bool):
        return click.Option([f"--{name}/--no-{name}"], default=None, help=about)
    return click.Option(
        [f"--{name}", *_SHORTER.get(setting.name, ())], metavar=setting.name.rpartition("_")[2].upper(), help=about
    )


def _serve(as_json: bool, **flags: Any) -> None:
    """A flag beats its environment variable, which beats answerdesk.toml in the data folder (or the file named by
    ANSWERDESK_CONFIG), which beats the default. Ctrl+C or SIGTERM stops.
    """
    settings = read_settings(flags, os.environ)
    from answerdesk.cli.logs import log_structured

    log_structured(settings.log_level)
    from answerdesk import main

    try:
        main.serve(settings, lambda ready: announce(ready, as_json=as_json))
    except OSError as error:
        why = _NO_ADDRESS.get(error.errno or 0)
        if why is None:
            raise
        raise Failed(f"{settings.host} port {settings.port} {why}") from error


def announce(ready: Announcement, *, as_json: bool) -> None:
    """Print what a server that is ready tells, the owner's link on a line of its own."""
    tried = f"answerdesk ask PICTURE --data {ready.data}"
    if as_json:
        out.document(
            {
                "url": ready.url,
                "work_url": f"{ready.url}/api/work/",
                "data": str(ready.data),
                "database": ready.database,
                "new": ready.new,
                "account": ready.account,
                "key": ready.key,
                "balance": out.cost(ready.balance) if ready.account else None,
                "machine": ready.machine,
                "trouble": ready.trouble,
                "ca": str(ready.authority) if ready.authority else None,
                "try": tried,
                "enter": f"{ready.url}/enter/{ready.enter}" if ready.enter else None,
            }
        )
        return
    made = f"answerdesk accounts add NAME --balance 10 --data {ready.data}{' --database URL' * bool(ready.database)}"
    lines = (
        ("API", f"{ready.url}  (createTask, getTaskResult, getBalance)"),
        ("Work API", f"{ready.url}/api/work/  (claim, answer, decline)"),
        ("Key", _key(ready) or f"none in this folder; make one: {made}"),
        ("Data", f"{ready.data}{'  (new)' if ready.new else ''}"),
        *((("Database", ready.database),) if ready.database else ()),
        ("Machine", ready.machine or (f"none: {ready.trouble}" if ready.trouble else "none")),
        *_trust(ready),
        ("Pages", f"{ready.url}/work  and {ready.url}/team{_WITH_LINK if ready.enter else ''}"),
    )
    link = (f"{ready.url}/enter/{ready.enter}",) if ready.enter else ()
    click.echo("\n".join((*(f"{name:9} {said}" for name, said in lines), *link, f"{'Try':9} {tried}")))


def _trust(ready: Announcement) -> tuple[tuple[str, str], ...]:
    """Tell what makes each family of clients trust the desk."""
    if ready.authority is None:
        return ()
    ca = ready.authority.absolute()
    names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
    told = tuple(("", f"export {name}={ca}") for name in names)
    return (("TLS", f"clients must trust {ca}, by one of:"), *told)


def _key(ready: Announcement) -> str:
    if not (ready.key and ready.account):
        return ""
    return f'{ready.key}  (account "{out.clean(ready.account)}", ${show(ready.balance, least=2)})'


serve = click.Command(
    "serve",
    callback=_serve,
    params=[*map(_flag, SETTINGS), click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON line.")],
    help=_serve.__doc__,
)


@click.command()
@options.of_desk
@database_option
@click.pass_context
def settings(ctx: click.Context, data: Path, database: str | None, as_json: bool) -> None:
    """Other flags of `serve` are not looked at."""
    named = ctx.get_parameter_source("data") is click.core.ParameterSource.COMMANDLINE
    given = options.given(data=data if named else None, database=database)
    chosen = choose_settings(given, os.environ)
    about = {setting.name: setting.about for setting in SETTINGS}
    records = [
        {"name": name, "value": _shown(value), "from": where, "about": about[name]}
        for name, (value, where) in chosen.items()
    ]
    out.table(records, ("name", "value", "from"), as_json=as_json, none="")
