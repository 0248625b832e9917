"""The settings: one table of name, default and a sentence, read from flags, environment and a file, in that order.
Rule: read once, checked whole, handed down as one frozen value; nothing else looks at the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from answerdesk.model.callback import clean_host, registrable
from answerdesk.model.catalog import own_name
from answerdesk.model.database import DatabaseUrl
from answerdesk.model.limit import network_of

T = TypeVar("T")

PREFIX: Final = "ANSWERDESK_"
FILE: Final = "answerdesk.toml"
#: In the data folder: the first account's key, which `serve` leaves and `ask` finds, and where the server is.
FIRST_KEY: Final = "first.key"
ADDRESS: Final = "address"
#: Beside the address of a server that speaks TLS: the certificates by which the folder's owner knows it.
ANCHORS: Final = "address.pem"


class BadSetting(ValueError):
    """A setting that is not accepted; the message names it, where it came from, and what is accepted."""


class Setting(NamedTuple):
    """One row of the table."""

    name: str
    default: Any
    read: Callable[[Any], Any]
    about: str
    #: Whether what was given is told to nobody, not even where it is not accepted.
    secret: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, as values."""

    data: Path
    database: DatabaseUrl | None
    host: str
    port: int
    dialect: str
    hold: float
    behind_proxy: tuple[str, ...]
    deadline: float
    poll_limit: int | None
    poll_lock: float
    report_window: float
    result_ttl: float
    media_ttl: float
    body_memory: int
    solver: str
    cors: bool
    publish_media: bool
    callback_hosts: tuple[str, ...]
    callback_private: bool
    drain: float
    tls: bool
    tls_names: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    public_url: str | None
    user_agent: str
    complex_names: tuple[str, ...]
    metrics_token_file: Path | None
    trace_endpoint: str | None
    log_level: str


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(str(value))
        if not least <= number <= most:
            raise ValueError
        return number

    read.__doc__ = f"a whole number {least}..{most}"
    return read


def _seconds(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = float(str(value))
        if not least <= number <= most:
            raise ValueError
        return number

    read.__doc__ = f"a number of seconds {least:g}..{most:g}"
    return read


def _one_of(*names: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in names:
            raise ValueError
        return str(value)

    read.__doc__ = f"one of {', '.join(names)}"
    return read


def _flag(value: Any) -> bool:
    """true or false"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]


def _networks(value: Any) -> tuple[str, ...]:
    """addresses or networks, separated by commas"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    return tuple(str(_whole_or_wrong(network_of(part))) for part in _listed(value))


def _listed(value: Any) -> list[str]:
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


def _hosts(value: Any) -> tuple[str, ...]:
    """hosts, each with or without a port, separated by commas"""  # noqa: D400, D415 - reads as the end of a sentence
    return tuple(_whole_or_wrong(registrable(part)) for part in _listed(value))


def _names(value: Any) -> tuple[str, ...]:
    """host names or addresses, separated by commas; *. may stand for one label"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    return tuple(
        "*." * part.startswith("*.") + _whole_or_wrong(clean_host(part.removeprefix("*."))) for part in _listed(value)
    )


def _whole_or_wrong(read: T | None) -> T:
    if read is None:
        raise ValueError
    return read


def _optional_path(value: Any) -> Path | None:
    """the path of a file"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    return Path(str(value)).expanduser() if value not in {None, ""} else None


def _words(value: Any) -> str:
    """a text"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    return str(value)


def _line(value: Any) -> str:
    """one line of 1..500 printable ASCII characters"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    text = str(value).strip()
    if not (text.isascii() and text.isprintable() and 0 < len(text) <= 500):
        raise ValueError
    return text


def _public_url(value: Any) -> str | None:
    """an address like https://desk.example.com, without a path"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    text = str(value or "").strip().rstrip("/")
    if text and not (text.startswith(("http://", "https://")) and registrable(text.partition("://")[2])):
        raise ValueError
    return text or None


def _endpoint(value: Any) -> str | None:
    """an http or https address without a user's name or password"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    text = str(value or "").strip()
    if text and not (
        text.startswith(("http://", "https://")) and registrable(text.partition("://")[2].partition("/")[0])
    ):
        raise ValueError
    return text or None


def _own_names(value: Any) -> tuple[str, ...]:
    """names of your own, each =grid, =rotate, =coordinates, =text or =audio, separated by commas; none a vendor's"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    named = dict(own_name(part) for part in _listed(value))
    return tuple(f"{name}={form}" for name, form in named.items())


def _optional_whole(value: Any) -> int | None:
    """a whole number 0..1000000, or nothing for the default"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    return None if value in {None, ""} else _whole(0, 1_000_000)(value)


def _database(value: Any) -> DatabaseUrl | None:
    """a URL like postgresql://user@host/name, whose password, if any, has its signs percent-encoded"""  # noqa: D400, D403, D415 - reads as the end of a sentence
    if value in {None, ""}:
        return None
    return value if isinstance(value, DatabaseUrl) else DatabaseUrl(str(value).strip())


DAY: Final = 86_400.0
#: Where a setting comes from that nobody chose.
DEFAULT: Final = "default"

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("data", "~/.local/share/answerdesk", lambda value: Path(str(value)).expanduser(), "The data folder."),
    Setting(
        "database",
        None,
        _database,
        "The PostgreSQL database that holds the desk, as a URL; unset: a file in the data folder.",
        secret=True,
    ),
    Setting("host", "127.0.0.1", _line, "The address to listen on."),
    Setting("port", 8080, _whole(0, 65_535), "The port to listen on, 0 for any free one."),
    Setting(
        "dialect",
        "2captcha",
        _one_of("capmonster", "2captcha", "anticaptcha"),
        "The dialect spoken where neither host name, account nor client says otherwise.",
    ),
    Setting(
        "hold",
        3.0,
        _seconds(0, 15),
        "Seconds a poll of an unfinished task is held for its answer, 0 to answer at once.",
    ),
    Setting(
        "behind_proxy",
        (),
        _networks,
        "Proxies whose X-Forwarded-For is believed.",
    ),
    Setting("deadline", 300.0, _seconds(5, 86_400), "Seconds until an unanswered task fails, uncharged."),
    Setting(
        "poll_limit",
        None,
        _optional_whole,
        "Polls of one unfinished task before its account is locked; unset: 120, or more where deadline and hold"
        " allow more; 0 for no limit.",
    ),
    Setting("poll_lock", 60.0, _seconds(1, 3_600), "Seconds an account stays locked after too many polls."),
    Setting("report_window", DAY, _seconds(60, 30 * DAY), "Seconds after the answer in which reports are accepted."),
    Setting("result_ttl", DAY, _seconds(300, 3_650 * DAY), "Seconds a task and its answer are kept."),
    Setting("media_ttl", DAY, _seconds(60, 3_650 * DAY), "Seconds a finished task's pictures are kept."),
    Setting(
        "body_memory",
        256,
        _whole(16, 1_048_576),
        "MiB that large requests may take up while they arrive, all together; one that finds no room waits for some"
        " seconds and is then told to come again.",
    ),
    Setting(
        "solver",
        "ocr",
        _words,
        "The machine solver started beside the server, by its entry point's name; none for none.",
    ),
    Setting(
        "publish_media",
        False,
        _flag,
        "Whether Anti-Captcha replies name an unguessable address of the task's picture, for a day.",
    ),
    Setting("cors", False, _flag, "Whether replies carry Access-Control-Allow-Origin: *."),
    Setting(
        "callback_hosts",
        (),
        _hosts,
        "Hosts, or host:port, that every account's callbacks may go to, besides those registered for the account.",
    ),
    Setting(
        "callback_private",
        False,
        _flag,
        "Whether callbacks to hosts that the operator registered may go to loopback and private addresses.",
    ),
    Setting(
        "drain",
        0.0,
        _seconds(0, 600),
        "Seconds the server goes on after SIGTERM while /readyz says 503, so that a load balancer sends no more here.",
    ),
    Setting("tls", False, _flag, "Whether to serve https, by default with a certificate of the desk's own authority."),
    Setting(
        "tls_names",
        (),
        _names,
        "Names the desk's own certificate is for, besides localhost, 127.0.0.1, ::1 and the host listened on.",
    ),
    Setting("tls_cert", None, _optional_path, "A certificate to serve https with instead: a PEM file, its chain too."),
    Setting("tls_key", None, _optional_path, "The key of that certificate: a PEM file that is not encrypted."),
    Setting(
        "public_url",
        None,
        _public_url,
        "The address people open, where it is not the one listened on; links begin with it.",
    ),
    Setting(
        "user_agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        _line,
        "The browser that CapMonster's clients are told to be when they ask.",
    ),
    Setting(
        "complex_names",
        (),
        _own_names,
        "Names of your own for a ComplexImageTask, such as meter=text: each takes the form of one of the desk's names.",
    ),
    Setting(
        "metrics_token_file",
        None,
        _optional_path,
        "A file with the bearer token that readers of /metrics must send; without one only this machine may read it.",
    ),
    Setting(
        "trace_endpoint",
        None,
        _endpoint,
        "Where traces go by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; takes the extra otel.",
    ),
    Setting("log_level", "info", _one_of("debug", "info", "warning", "error"), "How much is logged."),
)


class Chosen(NamedTuple):
    """A setting's value and where it came from."""

    value: Any
    where: str


def read_settings(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read all settings; a flag beats ``ANSWERDESK_NAME``, which beats the file, which beats the default."""
    return Settings(**{name: chosen.value for name, chosen in choose_settings(flags, environ).items()})


def choose_settings(flags: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Chosen]:
    """Read all settings by name, telling where each came from."""
    path, file = _find_file(flags, environ)
    return {setting.name: _choose(setting, flags, environ, file, str(path)) for setting in SETTINGS}


def choose_setting(name: str, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Chosen:
    """Read one setting as all are read, whatever the others say."""
    setting = next(setting for setting in SETTINGS if setting.name == name)
    path, file = _find_file(flags, environ)
    return _choose(setting, flags, environ, file, str(path))


def _find_file(flags: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Path, Mapping[str, Any]]:
    data = _choose(SETTINGS[0], flags, environ, {}, "").value
    named = environ.get(f"{PREFIX}CONFIG", "")
    path = Path(named or data / FILE).expanduser()
    if named and not path.exists():
        msg = f"{path}, which {PREFIX}CONFIG names, is not there"
        raise BadSetting(msg)
    return path, _read_file(path, {setting.name for setting in SETTINGS})


def _read_file(path: Path, known: set[str]) -> Mapping[str, Any]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as TOML: {error}"
        raise BadSetting(msg) from error
    if unknown := sorted(table.keys() - known):
        msg = f"{path}: unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}"
        raise BadSetting(msg)
    return table


def _choose(
    setting: Setting, flags: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any], path: str
) -> Chosen:
    name, variable = setting.name, PREFIX + setting.name.upper()
    if flags.get(name) is not None:
        where, given = f"--{name.replace('_', '-')}", flags[name]
    elif variable in environ:
        where, given = variable, environ[variable]
    elif name in file:
        where, given = f"{name} in {path}", file[name]
    else:
        where, given = DEFAULT, setting.default
    try:
        return Chosen(setting.read(given), where)
    except (ValueError, KeyError, TypeError) as error:
        accepted = setting.read.__doc__ or str(error)
        msg = f"{where} must be {accepted}{'' if setting.secret else f' (got {given!r})'}"
        raise BadSetting(msg) from None if setting.secret else error


def poll_limit(settings: Settings) -> int:
    """Give the polls allowed of one unfinished task: more than one can make by polling through every hold."""
    if settings.poll_limit is not None:
        return settings.poll_limit
    if not settings.hold:
        return 120
    return max(120, -int(-settings.deadline // settings.hold) + 20)
