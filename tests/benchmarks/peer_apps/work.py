"""What every peer's task does, whatever calls it: one shell that does nothing, and a mark that it was done."""

from __future__ import annotations

import os
import subprocess

FOLDER = os.environ["PEER_FOLDER"]
"""Where a peer keeps what it keeps in files."""

SERVER = os.environ.get("PEER_SERVER", "")
"""The URL of the server that it needs, if any."""

_MARKS = os.open(f"{FOLDER}/marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def shell() -> None:
    """Run `sh -c true`, and append a byte to the file of marks: by its size it is known how many were done."""
    subprocess.run(["sh", "-c", "true"], check=True)
    os.write(_MARKS, b".")
