"""Peers that are programs of the shell, used where they are on the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from typing import NamedTuple

from tests.benchmarks.ground import ENVIRONMENT, PATIENCE, run_folder, spend
from tests.benchmarks.peer_place import Peer, Place


class Pipe(NamedTuple):
    """A program that reads `true`, a line a job, and runs each in a shell."""

    name: str
    jobs: int
    command: str

    def lack(self, _: Place) -> str | None:
        """The program, where it is not on the PATH."""
        program = self.command.split()[0]
        return None if shutil.which(program) else f"no {program} on the PATH"

    def seconds(self, _: Place) -> float:
        """How long all of its jobs took."""
        return spend(["sh", "-c", f"yes true | head -n {self.jobs} | {self.command}"])


class Spooler(NamedTuple):
    """task-spooler, whose jobs wait behind one that a FIFO holds until the measuring begins."""

    name: str
    jobs: int

    def lack(self, _: Place) -> str | None:
        """The program, where it is not on the PATH."""
        return None if self._program() else "no tsp or ts of task-spooler on the PATH"

    def seconds(self, _: Place) -> float:
        """From when its two slots are free until the last job is done: its server runs before."""
        folder = tempfile.mkdtemp(dir=run_folder())
        os.mkfifo(f"{folder}/go")
        spooler = self._program()
        environment = {
            **ENVIRONMENT,
            "TS_SOCKET": f"{folder}/socket",
            "TS_MAXFINISHED": str(self.jobs + 10),
            "TS_MAXCONN": str(self.jobs + 10),  # each waiting job is a process that is connected
            "TMPDIR": folder,
        }

        def sh(script: str, output: int = subprocess.DEVNULL) -> str:
            command, said = ["sh", "-c", script], subprocess.DEVNULL
            done = subprocess.run(
                command,
                check=True,
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=said,
                timeout=PATIENCE,
                text=True,
            )
            return done.stdout or ""

        try:
            sh(f"{spooler} -S 1; {spooler} -n sh -c 'read line <go'")
            sh(f"for _ in $(seq {self.jobs}); do {spooler} -n sh -c true; done")
            began = time.perf_counter()
            sh(f"echo >go; {spooler} -S 2; {spooler} -w")
            seconds = time.perf_counter() - began
            # `-w` waits for the job that came last, and the other slot may still hold the one before it.
            # A pipe is for this one alone: the server and those who wait would hold on to that of theirs.
            if (done := sh(spooler, subprocess.PIPE).count("finished")) != self.jobs + 1:
                raise RuntimeError(f"{done - 1} of {self.jobs} jobs were done")
            return seconds
        finally:
            sh(f"{spooler} -K")  # its server, and with it those who still wait

    def _program(self) -> str:
        """Its name on Debian, or else its own, which is also that of a program of moreutils."""
        if shutil.which("tsp"):
            return "tsp"
        found = shutil.which("ts") and subprocess.run(["ts", "-V"], capture_output=True, text=True).stdout
        return "ts" if found and "Task Spooler" in found else ""


TOOLS: tuple[Peer, ...] = (
    Pipe("parallel -j2", 500, "parallel --will-cite -j2"),
    Spooler("task-spooler, 2 slots", 500),
)
