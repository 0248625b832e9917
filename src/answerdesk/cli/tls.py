"""The verb `tls`: what clients have to trust, and how each is told to.
Rule: it shows and explains; it changes nothing, and never a system's trust."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import Failed
from answerdesk.cli.running import shown_address
from answerdesk.cli.trust import AUTHORITY

#: How a program is told to trust one more authority; `{ca}` is its file.
PROGRAMS: Final = (
    ("Python requests", "export REQUESTS_CA_BUNDLE={ca}"),
    ("Python httpx, aiohttp, urllib; Go", "export SSL_CERT_FILE={ca}"),
    ("Node", "export NODE_EXTRA_CA_CERTS={ca}"),
    ("curl", "curl --cacert {ca} ..."),
)
#: How a whole system is told to.
SYSTEMS: Final = (
    ("Debian, Ubuntu", "sudo cp {ca} /usr/local/share/ca-certificates/answerdesk.crt && sudo update-ca-certificates"),
    ("Fedora, RHEL", "sudo cp {ca} /etc/pki/ca-trust/source/anchors/answerdesk.pem && sudo update-ca-trust"),
    (
        "macOS",
        "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {ca}",
    ),
    ("Windows", "certutil -addstore -f Root {ca}"),
)
_BEWARE: Final = (
    "Whoever holds tls/ca.key can pass for any site before those who trust it: trust it in single programs where that"
    " is enough, and never on a machine that others use."
)


@click.group()
def tls() -> None:
    """The authority is made by the first `answerdesk serve --tls`, and kept."""


@tls.command("show")
@options.of_desk
def show(data: Path, as_json: bool) -> None:
    """Show the desk's authority and certificate: names, fingerprints and until when they last."""
    from answerdesk.api.certificates import facts

    folder = _authority(data).parent
    records = [
        {
            "what": what,
            "file": str(folder / file),
            "names": list(read.names),
            "ends": read.ends.strftime("%Y-%m-%d"),
            "sha256": read.fingerprint,
        }
        for what, file in (("authority", "ca.pem"), ("certificate", "server.pem"))
        for read in (facts(folder / file),)
    ]
    if as_json:
        out.document({"authority": records[0], "certificate": records[1], "serves_at": shown_address(data)})
        return
    for record in records:
        out.facts(record, as_json=False)
        click.echo()


@tls.command("trust")
@options.of_desk
def trust(data: Path, as_json: bool) -> None:
    """Print the commands by which programs and systems are told to trust the desk; runs none of them."""
    ca = str(_authority(data).absolute())
    programs = {name: line.format(ca=ca) for name, line in PROGRAMS}
    systems = {name: line.format(ca=ca) for name, line in SYSTEMS}
    if as_json:
        out.document({"ca": ca, "programs": programs, "systems": systems, "here": platform.system(), "beware": _BEWARE})
        return
    for heading, lines in (("One program", programs), ("The whole system", systems)):
        click.echo(f"{heading}:")
        for name, line in lines.items():
            click.echo(f"  {name}:\n    {line}")
        click.echo()
    click.echo(_BEWARE)


def _authority(data: Path) -> Path:
    path = data / AUTHORITY
    if not path.exists():
        raise Failed(f"there is no {path} yet; `answerdesk serve --tls --data {data}` makes it")
    return path
