"""The demo: real work through the real commands, in a private store that is removed at the end.

Every `.py` file of this Python's standard library becomes a job that compresses it and writes its SHA-256;
a handful of jobs fail in different ways. Two workers drain the queue; then the Dead Letter Queue is looked
at, its cause is mended, and it is sent back. Every checksum is compared with hashlib's before that is said.

    python tests/demo/run.py [--files N] [--keep]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHORT_BACKOFF = {"backoff_base": "1.2", "backoff_max": "0.3"}


class Source(NamedTuple):
    """A file to compress, and where its results go, without their suffix."""

    path: Path
    result: Path


class Demo:
    """One run of the demo in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.results = folder / "results"
        self.results.mkdir()

    def queuectl(self, *words: str, stdin: str | None = None, show: bool = True) -> str:
        """Run a command of queuectl on the private store, showing it and its output; returns its stdout."""
        if show:
            say(f"\n$ queuectl {shlex.join(words)}")
        command = [sys.executable, "-m", "queuectl_core", "--home", str(self.home), *words]
        capture = None if show else subprocess.PIPE
        done = subprocess.run(command, input=stdin, text=True, stdout=capture, check=False)
        if done.returncode != 0:
            sys.exit(f"demo: queuectl {words[0]} failed with status {done.returncode}")
        return done.stdout or ""

    def jobs(self, sources: list[Source]) -> str:
        """All jobs as JSON Lines: one for each file, then those that fail."""
        jobs = [{"command": compressing(source), "queue": "files"} for source in sources]
        return "\n".join(json.dumps(job) for job in [*jobs, *self.failing_jobs()])

    def failing_jobs(self) -> Iterator[dict[str, object]]:
        """Jobs that fail in different ways; `third-time` succeeds at its third try."""
        tries = shlex.quote(str(self.folder / "tries"))
        orders = shlex.quote(str(self.folder / "orders.csv"))
        third = f"echo try >> {tries}; [ $(wc -l < {tries}) -ge 3 ]"
        yield {"id": "third-time", "command": third, "max_retries": 3}
        yield {"id": "needs-orders", "command": f"echo reading the orders; cat {orders}", "max_retries": 1}
        yield {"id": "exit-3", "command": "echo this will not do >&2; exit 3", "max_retries": 1}
        yield {"id": "not-found", "command": "no-such-command --at-all", "max_retries": 0}
        yield {"id": "too-slow", "command": "sleep 60", "timeout": 0.5, "max_retries": 0}

    def work(self) -> None:
        """Run two workers until nothing is left to do; what they report is kept in a file."""
        say("\n$ queuectl worker start --count 2 --drain")
        command = [sys.executable, "-m", "queuectl_core", "--home", str(self.home)]
        with open(self.folder / "pool.log", "ab") as log:
            subprocess.run([*command, "worker", "start", "--count", "2", "--drain"], stderr=log, check=True)
        lines = (self.folder / "pool.log").read_text(errors="replace").splitlines()
        say("\n".join(["…", *lines[-5:]]))

    def state(self, job: str) -> str:
        """The state of a job."""
        return str(json.loads(self.queuectl("show", job, "--json", show=False))["state"])


def compressing(source: Source) -> str:
    """The command that compresses a file and writes its SHA-256."""
    path, result = shlex.quote(str(source.path)), shlex.quote(str(source.result))
    digest = "sha256sum" if sys.platform != "darwin" else "shasum -a 256"
    return f"gzip -c {path} > {result}.gz && {digest} < {path} > {result}.sha256"


def library(most: int | None) -> list[Path]:
    """The `.py` files of this Python's standard library, what was installed beside it left out."""
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.relative_to(root).parts)
    return files[:most]


def wrong_results(sources: list[Source]) -> list[Path]:
    """The files whose checksum or compressed copy is not what hashlib makes of the file itself."""
    return [source.path for source in sources if not is_right(source)]


def is_right(source: Source) -> bool:
    """Whether both results of a file are there and agree with it."""
    expected = hashlib.sha256(source.path.read_bytes()).hexdigest()
    try:
        written = Path(f"{source.result}.sha256").read_text().split()[0]
        unpacked = gzip.decompress(Path(f"{source.result}.gz").read_bytes())
    except (OSError, IndexError, EOFError):
        return False
    return written == expected and hashlib.sha256(unpacked).hexdigest() == expected


def say(text: str) -> None:
    """Show a line at once, before the output of the next command."""
    print(text, flush=True)


def run(folder: Path, most: int | None) -> None:
    """Run the demo. Exits with a sentence where something is not as it should be."""
    demo = Demo(folder)
    sources = [Source(path, demo.results / str(n)) for n, path in enumerate(library(most))]
    for key, value in SHORT_BACKOFF.items():
        demo.queuectl("config", "set", key, value)
    say(f"\n$ queuectl enqueue --from jobs.jsonl   # {len(sources)} files to compress, 5 troubled jobs")
    ids = demo.queuectl("enqueue", "--from", "-", stdin=demo.jobs(sources), show=False).split()
    say(f"{len(ids)} jobs enqueued: {ids[0]} … {ids[-1]}")
    demo.work()
    demo.queuectl("status")
    demo.queuectl("dlq", "list")
    demo.queuectl("logs", "exit-3")
    say("\nThe orders are there now; back from the Dead Letter Queue with all of it:")
    (folder / "orders.csv").write_text("1,coffee\n")
    demo.queuectl("dlq", "retry", "--all", "--yes")
    demo.work()
    demo.queuectl("logs", "needs-orders")
    demo.queuectl("status")
    check(demo, sources)


def check(demo: Demo, sources: list[Source]) -> None:
    """Hold what happened against what should have; says so only then."""
    if wrong := wrong_results(sources):
        sys.exit(f"demo: {len(wrong)} checksums differ, the first is that of {wrong[0]}")
    expected = {"third-time": "completed", "needs-orders": "completed"}
    expected |= dict.fromkeys(("exit-3", "not-found", "too-slow"), "dead")
    found = {job: demo.state(job) for job in expected}
    if found != expected:
        sys.exit(f"demo: jobs ended as {found}, not as {expected}")
    say(f"\nAll {len(sources)} checksums agree with hashlib; every troubled job ended as it should.")


def main() -> None:
    """Parse the arguments and run in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=None, help="how many files to compress (default: all)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the store, and say where it is")
    options = parser.parse_args()
    os.environ.pop("QUEUECTL_STORE", None)
    if options.keep:
        folder = Path(tempfile.mkdtemp(prefix="queuectl-demo-"))
        run(folder, options.files)
        say(f"The store is {folder / 'home'}")
        return
    with tempfile.TemporaryDirectory(prefix="queuectl-demo-") as temporary:
        run(Path(temporary), options.files)


if __name__ == "__main__":
    main()
