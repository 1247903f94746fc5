"""A systemd user unit for a pool, as text. Nothing is installed here.

Quoting follows systemd.syntax(7) and systemd.service(5), "Command lines": `%` starts a specifier
everywhere, `$` a variable in the arguments of a command.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from urllib.parse import unquote

from queuectl_core.model.settings import Settings

LEAVING_SECONDS = 10
"""What a pool may need past its graces to note what became of its runs."""

_PLAIN = re.compile(r"[A-Za-z0-9_@:,./+=%$-]+")
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t"}

_TEMPLATE = """\
# A systemd user unit that keeps a pool of workers running. To install it:
#   mkdir -p ~/.config/systemd/user
#   {queuectl} worker unit > ~/.config/systemd/user/queuectl.service
#   systemctl --user daemon-reload
#   systemctl --user enable --now queuectl.service
#   loginctl enable-linger    # so that it also runs while you are not logged in

[Unit]
Description=queuectl workers
Documentation=man:systemd.service(5)

[Service]
Type=exec
ExecStart={command}
# Jobs find their programs where you find them now.
Environment={path}
{store}Restart=on-failure
RestartSec=5
# TERM goes to the pool alone, which drains; what is left when it has gone is killed.
KillMode=mixed
{timeout}
# A job that runs out of memory is that job's failure, and no reason to stop the pool.
OOMPolicy=continue

[Install]
WantedBy=default.target
"""

_STORE = """\
# Where the jobs are, without a password, which everybody could read here. Put that into ~/.pgpass (mode 0600, a line
# HOST:PORT:DATABASE:USER:PASSWORD), into the file that PGPASSFILE names, or into a service file of libpq.
Environment={store}
"""


def this_program() -> tuple[str, ...]:
    """The words that start this very program: its installed script, else this Python with the package."""
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "queuectl")
    for script in (os.path.abspath(sys.argv[0]), beside):
        if os.path.basename(script) == "queuectl" and os.access(script, os.X_OK):
            return (script,)
    return (os.path.abspath(sys.executable), "-m", "queuectl_core")


def unit_text(program: tuple[str, ...], home: str, settings: Settings, path: str, url: str | None = None) -> str:
    """The unit for a pool on `home`; `path` is the search path that jobs get, `url` that of the server that keeps the
    jobs, if one does."""
    executable, *rest = program
    arguments = [*rest, "--home", home, "worker", "start"]
    place = ("--home", home) if url is None else ("--home", home, "--store", without_password(url))
    return _TEMPLATE.format(
        queuectl=shlex.join((*program, *place)).replace("\n", " "),
        command=" ".join([quoted(executable), *(quoted(word.replace("$", "$$")) for word in arguments)]),
        path=quoted(f"PATH={path}"),
        store="" if url is None else _STORE.format(store=quoted(f"QUEUECTL_STORE={without_password(url)}")),
        timeout=_stop_timeout(settings),
    )


def without_password(url: str) -> str:
    """The URL of a server without its password, be it before the host or a parameter; all else as it was."""
    scheme, _, rest = url.partition("://")
    before, slash, path = rest.partition("/")
    # Where libpq looks for it, which takes a # or ? before the @ for a part of it.
    login, at, host = before.rpartition("@")
    place, _, query = f"{host}{slash}{path}".partition("?")
    kept = [part for part in query.split("&") if unquote(part.partition("=")[0]) not in ("password", "sslpassword")]
    return f"{scheme}://{login.partition(':')[0]}{at}{place}{'?' if any(kept) else ''}{'&'.join(kept)}"


def _stop_timeout(settings: Settings) -> str:
    if settings.shutdown_grace is None:
        return (
            "# shutdown_grace is none: a stopping pool lets its runs finish, however long they take.\n"
            "# When you log out or shut down, the limit of user@.service holds all the same.\n"
            "TimeoutStopSec=infinity"
        )
    seconds = round(settings.shutdown_grace + settings.kill_grace + LEAVING_SECONDS)
    return (
        f"# shutdown_grace, kill_grace and {LEAVING_SECONDS} s: print this unit anew when you change them.\n"
        f"TimeoutStopSec={seconds}"
    )


def quoted(word: str) -> str:
    """A word as systemd reads it back: `%` doubled, and in quotes where it needs them."""
    doubled = word.replace("%", "%%")
    if _PLAIN.fullmatch(doubled):
        return doubled
    return '"' + "".join(_escaped(character) for character in doubled) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character >= " " and character != "\x7f" else f"\\x{ord(character):02x}"
