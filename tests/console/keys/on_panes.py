"""What the keys of the panes Workers, Config and Metrics do.

Pools are names that hold a lock; what would start or stop one is a command of the shell. Real pools are started and
stopped in `tests/console/test_pool_actions.py`.
"""

from __future__ import annotations

from queuectl_core.model.settings import SETTINGS
from queuectl_core.store.transactions.settings import set_setting, settings
from queuectl_core.store.transactions.workers import Orders, Pool, roster
from queuectl_tui.actions import Place
from queuectl_tui.pools import starting, stopping
from tests.console.keys.at import At, Row
from tests.store import acts


def _pool(there: At, name: str) -> Pool:
    return next(pool for pool in there.here.store.run(roster()).pools if pool.id == name)


def _as_program(there: At, script: str) -> None:
    """Have this shell script run in place of the command line."""
    for module in (starting, stopping):
        there.monkeypatch.setattr(module, "PROGRAM", ("/bin/sh", "-c", script))


# ---------------------------------------------------------------- workers


async def start_pool(there: At) -> None:
    _as_program(there, f'echo "$*" > {there.folder}/words; echo abc')
    await there.tap()
    await there.answers("2 mail")
    await there.until(lambda: there.app.pools_started == {"abc"}, "a pool has started")
    assert "start --detach --count 2 --queue mail" in (there.folder / "words").read_text()


async def scale_up(there: At) -> None:
    pool = await there.pool("abc")
    await there.tap()
    await there.until(lambda: _pool(there, pool).wanted == 2, "it wants two workers")


async def scale_down(there: At) -> None:
    pool = await there.pool("abc")
    await there.here.press("plus")
    await there.until(lambda: _pool(there, pool).wanted == 2, "it wants two workers")
    await there.tap()
    await there.until(lambda: _pool(there, pool).wanted == 1, "it wants one worker")


async def drain(there: At) -> None:
    pool = await there.pool("abc")
    await there.tap()
    await there.until(lambda: _pool(there, pool).orders is Orders.DRAIN, "it was asked to drain")


async def stop(there: At) -> None:
    pool = await there.pool("abc")
    words = there.folder / "words"
    _as_program(there, f'echo "$*" > {words}.new; mv {words}.new {words}')
    await there.tap()
    await there.agrees(f"Stop pool {pool}")
    await there.answers("5s")
    await there.until(words.exists, "a command minds its time")
    assert _pool(there, pool).orders is Orders.DRAIN
    assert words.read_text().endswith("stop --pool abc --timeout 5s\n")


async def stop_now(there: At) -> None:
    pool = await there.pool("abc")
    await there.tap()
    await there.agrees(f"Stop pool {pool} now")
    await there.until(lambda: _pool(there, pool).orders is Orders.STOP, "it was asked to stop")


async def worker_job(there: At) -> None:
    pool = await there.pool("abc")
    run = acts.start(there.here.store, worker=f"{pool}-1")
    assert run is not None
    there.app.look_again()
    await there.until(lambda: run.job.id in there.table.table.rows[1].cells["JOB"].text, "the worker has a job")
    await there.here.press("j")
    await there.tap()
    await there.until(lambda: there.app.shown is Place.JOBS, "the jobs are in sight")
    await there.until(lambda: there.browser.detail and there.detail.job == run.job, "the detail shows it")


# ---------------------------------------------------------------- settings


def _texts(there: At) -> dict[str, str]:
    return dict(there.here.store.run(settings()).texts)


async def edit_setting(there: At) -> None:
    await there.tap()
    await there.answers("7")
    await there.until(lambda: _texts(there) == {next(iter(SETTINGS)): "7"}, "it is stored")


async def unset_setting(there: At) -> None:
    there.here.store.run(set_setting(next(iter(SETTINGS)), "7"))
    there.app.look_again()
    await there.until(lambda: "● set" in there.table.table.rows[0].cells["SET"].text, "it is shown as set")
    await there.tap()
    await there.until(lambda: _texts(there) == {}, "it is as it was")


# ---------------------------------------------------------------- metrics


async def window(there: At) -> None:
    before = there.metrics.window
    await there.tap()
    await there.until(lambda: there.metrics.window is before.next, "the next window is shown")


async def next_queue(there: At) -> None:
    await there.until(lambda: there.metrics._queues, "it knows of queues")
    await there.tap()
    await there.until(lambda: there.metrics.queue == there.metrics._queues[0], "the first queue is shown")


async def previous_queue(there: At) -> None:
    await there.until(lambda: there.metrics._queues, "it knows of queues")
    await there.tap()
    await there.until(lambda: there.metrics.queue == there.metrics._queues[-1], "the last queue is shown")


ROWS: dict[str, Row] = {
    "start_pool": start_pool,
    "scale_up": scale_up,
    "scale_down": scale_down,
    "drain": drain,
    "stop": stop,
    "stop_now": stop_now,
    "worker_job": worker_job,
    "edit_setting": edit_setting,
    "unset_setting": unset_setting,
    "window": window,
    "next_queue": next_queue,
    "previous_queue": previous_queue,
}
