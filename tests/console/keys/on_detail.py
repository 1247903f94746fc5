"""What the keys of the detail do to what it shows: which run, and its output."""

from __future__ import annotations

from queuectl_core.model.job import JobState, Outcome
from queuectl_tui.detail.job_detail import ASIDE
from tests.console.keys.at import At, Row
from tests.store import acts

HITS = "hit one\nhit two\nhit three\n"
WIDE = "wide " * 100


async def _with_output(there: At, output: str, state: JobState = JobState.COMPLETED) -> None:
    await there.job(state, output=output)
    await there.until(lambda: there.detail.output.status().bytes == len(output), "its output is there")


async def _with_two_runs(there: At) -> None:
    job = await there.job(JobState.FAILED, output="first")
    there.here.clock.now += 3_600_000
    run = acts.started(there.here.store, job.queue)
    there.write(run, "second")
    acts.ended(there.here.store, run, Outcome.FAILED)
    there.app.look_again()
    await _shows(there, "second")


async def _shows(there: At, text: str) -> None:
    await there.until(lambda: _row(there, 0) == text, f"{text!r} is in sight")


def _row(there: At, row: int) -> str:
    return there.detail.output.render_line(row).text.strip()


async def earlier_run(there: At) -> None:
    await _with_two_runs(there)
    await there.tap()
    await _shows(there, "first")


async def later_run(there: At) -> None:
    await _with_two_runs(there)
    there.detail.do_earlier_run()
    await _shows(there, "first")
    await there.tap()
    await _shows(there, "second")


async def follow(there: At) -> None:
    await _with_output(there, "so far", JobState.PROCESSING)
    assert there.detail.output.follow
    await there.tap()
    await there.until(lambda: not there.detail.output.follow, "it stays where it is")


async def wrap(there: At) -> None:
    await _with_output(there, WIDE)
    await there.until(lambda: _row(there, 0), "the line is in sight")
    assert not _row(there, 1)
    await there.tap()
    await there.until(lambda: _row(there, 1), "the line goes on in the next row")


async def search(there: At) -> None:
    await _with_output(there, HITS)
    await there.tap()
    await there.answers("hit")
    await _hit(there, 1)


async def _hit(there: At, position: int) -> None:
    def there_is() -> bool:
        status = there.detail.output.status().search
        return status is not None and (status.pattern, status.matches, status.position) == ("hit", 3, position)

    await there.until(there_is, f"it is at hit {position} of 3")


async def next_hit(there: At) -> None:
    await _with_output(there, HITS)
    there.detail.output.search("hit")
    await _hit(there, 1)
    await there.tap()
    await _hit(there, 2)


async def previous_hit(there: At) -> None:
    await _with_output(there, HITS)
    there.detail.output.search("hit")
    await _hit(there, 1)
    await there.tap()
    await _hit(there, 3)


async def facts(there: At) -> None:
    await there.job()
    assert there.detail.facts.region
    await there.tap()
    await there.until(lambda: not there.detail.facts.region, "the facts are hidden")
    await there.tap()
    await there.until(lambda: there.detail.facts.region, "the facts are shown")


async def scroll_right(there: At) -> None:
    await _with_output(there, WIDE)
    await there.tap()
    await there.until(lambda: there.detail.output._left == ASIDE, "it is scrolled to the right")


async def scroll_left(there: At) -> None:
    await _with_output(there, WIDE)
    there.detail.output.scroll_columns(3 * ASIDE)
    await there.tap()
    await there.until(lambda: there.detail.output._left == 2 * ASIDE, "it is scrolled to the left")


ROWS: dict[str, Row] = {
    "earlier_run": earlier_run,
    "later_run": later_run,
    "follow": follow,
    "wrap": wrap,
    "search": search,
    "next_hit": next_hit,
    "previous_hit": previous_hit,
    "facts": facts,
    "scroll_left": scroll_left,
    "scroll_right": scroll_right,
}
