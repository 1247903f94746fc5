"""What is secret stays so: values of variables unless asked for, and the password in the URL of a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from queuectl_core.model.cleaning import SHOWN_CHARACTERS, shown, without_passwords
from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, at_terminal, run_program
from tests.execution.pools import ROOT
from tests.store.acts import put
from tests.store.engines import Engine

SECRET = "hunter2-Zx9"
PASSWORD = "s3cr3t"


# ---------------------------------------------------------------- variables


@pytest.fixture
def secretive(home: Home, store: Engine) -> Home:
    """A home with a job of each ending, all with a secret among their variables, that a pool has run."""
    env = {"API_KEY": SECRET}
    put(store, "true", env=env)
    put(store, "exit 3", env=env, max_retries=0)
    put(store, ("/no/such/program",), env=env, max_retries=0)
    put(store, "kill -9 $$", env=env, max_retries=0)
    put(store, "true", cwd="/no/such/directory", env=env, max_retries=0)
    for log_format in ("text", "json"):
        put(store, "true", env={**env, "BAD\x1b": SECRET})
        ran = run_program(home, "worker", "start", "--count=1", "--drain", f"--log-format={log_format}", timeout=60)
        assert SECRET not in ran.out + ran.err
    put(store, "true", env=env, delay=3600.0)
    return home


COMMANDS = [
    ("list", "--all"),
    ("list", "--all", "--json"),
    *(("show", str(number), *more) for number in (1, 2, 3, 8) for more in ((), ("--json",))),
    ("dlq", "list"),
    ("dlq", "list", "--json"),
    ("dlq", "list", "--by-cause"),
    ("dlq", "show", "2"),
    ("dlq", "show", "2", "--json"),
    ("status", "--json"),
    ("worker", "list", "--json"),
    ("doctor", "--json"),
    ("logs", "1"),
    ("edit", "8", "--env", SECRET),
    ("edit", "8", "--env", f"={SECRET}"),
    ("edit", "8", "--env", f"A=\udc9b{SECRET}"),
    ("edit", "1", "--env", f"A={SECRET}"),
    ("edit", "8", "--env", f"A={SECRET}", "--priority", "x"),
    ("enqueue", json.dumps({"command": "true", "env": f"A={SECRET}"})),
    ("enqueue", json.dumps({"command": "true", "env": [f"A={SECRET}"]})),
    ("enqueue", json.dumps({"command": "true", "env": {"A": [SECRET]}})),
    ("enqueue", json.dumps({"command": "true", "env": {"A": f"\0{SECRET}"}})),
    ("enqueue", json.dumps({"command": "true", "env": {"A": f"\ud800{SECRET}"}})),
    ("enqueue", json.dumps({"command": "true", "env": {f"A={SECRET}": ""}})),
    ("enqueue", json.dumps({"command": "true", "env": {"A": SECRET}, "priority": "x"})),
    ("enqueue", f'{{"command": "true", "env": {{"A": "{SECRET}"'),
    ("enqueue", f'{{"command": "true", "env": {{"A": "{SECRET}", "A": "{SECRET}"}}}}'),
    ("cancel", "8"),
    ("dlq", "retry", "2"),
]


def test_no_command_and_no_error_tells_what_a_variable_is_set_to(secretive: Home, queuectl: CommandLine) -> None:
    there_is_something_to_tell(queuectl)
    for arguments in COMMANDS:
        ran = queuectl(*arguments)
        assert SECRET not in ran.out + ran.err, arguments
        assert "Traceback" not in ran.err, arguments


def there_is_something_to_tell(queuectl: CommandLine) -> None:
    """Whoever asks for the values gets them."""
    assert queuectl("show", "1", "--values").out.count(SECRET) == 1
    assert queuectl.json("show", "1", "--values")["env"] == {"API_KEY": SECRET}
    assert queuectl.json("dlq", "show", "2", "--values")["env"] == {"API_KEY": SECRET}
    assert queuectl.json("show", "1")["env"] == ["API_KEY"]


# ---------------------------------------------------------------- URLs

URLS = [
    f"postgresql://user:{PASSWORD}@host/db",
    f"postgres://user:{PASSWORD}@host:5432/db?sslmode=require",
    f"POSTGRESQL://user:{PASSWORD}@host",
    f"postgresql://user:a%40{PASSWORD}%3A@host/db",
    f"postgresql://user:a/b@{PASSWORD}@host/db",
    f"postgresql://user:a b {PASSWORD}@host/db",
    f"postgresql://user:{PASSWORD}",
    f"postgresql://:{PASSWORD}@/db",
    f"postgresql://host/db?user=u&password={PASSWORD}",
    f"postgresql://host/db?user=u&pass%77ord={PASSWORD}",
    f"postgresql://host/db?user=u&%73sl%50assword={PASSWORD}",
    f"postgresql://host/db?password={PASSWORD}@x&user=u",
    f"postgresql:/user:{PASSWORD}@host/db",
    f"postgresql:user:{PASSWORD}@host/db",
    f"mysql://user:{PASSWORD}@host/db",
    f"host=h user=u password={PASSWORD}",
    f"postgresql://user:{PASSWORD}\udc9b@host/db",
    f"postgresql://user:{PASSWORD}{'x' * 60}@host/db",
]

WAYS: list[tuple[str, ...]] = [
    ("--store", "URL", "list"),
    ("list", "--store=URL"),
    ("URL",),
    ("URL", "list"),
    ("show", "URL"),
    ("list", "--queue", "URL"),
    ("list", "--state", "URL"),
    ("list", "--limit", "URL"),
    ("list", "URL"),
    ("enqueue", "URL"),
    ("enqueue", "--from", "URL"),
    ("enqueue", "--id", "URL", "--", "true"),
    ("config", "set", "max_retries", "URL"),
    ("config", "get", "URL"),
    ("completion", "URL"),
    ("worker", "stop", "URL"),
]


@pytest.mark.parametrize("debug", ["0", "1"])
def test_no_error_repeats_the_password_of_a_url(
    queuectl: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, debug: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUEUECTL_DEBUG", debug)
    for url in URLS:
        for way in WAYS:
            ran = queuectl(*(word.replace("URL", url) for word in way))
            assert ran.status != 0, (url, way)
            assert PASSWORD not in ran.out + ran.err, (url, way, ran)


def test_no_error_repeats_the_password_of_a_url_in_the_environment(
    queuectl: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in URLS:
        monkeypatch.setenv("QUEUECTL_STORE", url)
        for arguments in (("list",), ("worker", "start"), ("--help",), ("list", "--help"), ("doctor",), ("init",)):
            ran = queuectl(*arguments)
            assert "--help" in arguments or ran.status != 0
            assert PASSWORD not in ran.out + ran.err, (url, arguments)


@pytest.mark.parametrize("url", URLS[:3])
def test_the_url_of_a_store_is_no_home(
    queuectl: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for ran in (queuectl("--home", url, "list"), run_program(Home(url), "init", cwd=str(tmp_path))):
        assert (ran.status, ran.out) == (2, "")
        assert "--store" in ran.err
        assert PASSWORD not in ran.err
    monkeypatch.setenv("QUEUECTL_HOME", url)
    ran = run_program(Home(""), "list")
    assert ran.status == 2
    assert PASSWORD not in ran.err
    assert list(tmp_path.iterdir()) == []
    assert not [path for path in ROOT.iterdir() if path.name.startswith("postgres")]


@pytest.mark.parametrize("option", ["--store", "--home"])
def test_the_console_repeats_no_password(home: Home, option: str) -> None:
    ran = at_terminal(home, "tui", option, URLS[0])

    assert ran.status != 0
    assert PASSWORD not in ran.out


@pytest.mark.parametrize("url", URLS)
def test_a_url_loses_its_password_and_what_is_none_stays(url: str) -> None:
    assert PASSWORD not in without_passwords(url)
    assert PASSWORD not in shown(url)
    assert len(shown(url)) <= SHOWN_CHARACTERS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "see 'queuectl --help'",
        "postgresql://host:5432/db",
        "postgresql://user@host:5432/db",
        "http://[::1]:80/x",
        "a:b@c",
    ],
)
def test_what_holds_no_password_is_as_it_was(text: str) -> None:
    assert without_passwords(text) == text
