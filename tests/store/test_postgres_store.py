"""What is true of the PostgreSQL store alone: lost connections, lost answers, claims side by side."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queuectl_core.model.errors import InvalidInput, StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.postgres.async_store import AsyncPostgresStore
from queuectl_core.store.postgres.compiling import QUERIES
from queuectl_core.store.postgres.connecting import begin
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.statements import Kind
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, processing, take_turns
from queuectl_core.store.transactions.jobs import page
from tests.postgres.proxy import Pooler, proxy_to
from tests.postgres.server import Databases, with_parameter
from tests.store.acts import fresh_token


def end_session(store: PostgresStore, url: str) -> None:
    """Have the server end the store's session."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (store._connection.info.backend_pid,))


def test_a_session_that_the_server_ends_is_replaced(queue: PostgresStore, url: str) -> None:
    job = queue.run(enqueue(NewJob("true")))
    end_session(queue, url)

    assert queue.run(page()) == [job]
    end_session(queue, url)
    queue.run(enqueue(NewJob("false")))

    assert len(queue.run(page())) == 2


def cut_commits(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch, *, times: int, arrive: bool
) -> list[str]:
    """Lose the answers to so many commits, whether or not these arrive; what was cut off so far."""
    cut: list[str] = []
    execute = type(store._connection).execute

    def cutting(connection: Any, query: Any, *rest: Any, **more: Any) -> Any:
        if query != "COMMIT" or len(cut) == times:
            return execute(connection, query, *rest, **more)
        cut.append(query)
        if arrive:
            execute(connection, query)
        end_session(store, url)
        return execute(connection, "SELECT 1")

    monkeypatch.setattr(type(store._connection), "execute", cutting)
    return cut


@pytest.mark.parametrize("arrives", [True, False], ids=["was committed", "never arrived"])
def test_a_commit_whose_answer_is_lost_is_made_once(
    queue: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    cut = cut_commits(queue, url, monkeypatch, times=1, arrive=arrives)

    job = queue.run(enqueue(NewJob("true")))

    assert cut == ["COMMIT"]
    assert queue.run(page()) == [job]


@pytest.mark.parametrize("arrives", [True, False], ids=["was committed", "never arrived"])
async def test_so_is_one_of_the_awaited_store(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    cut: list[str] = []
    execute = psycopg.AsyncConnection.execute

    async def cutting(connection: Any, query: Any, *rest: Any, **more: Any) -> Any:
        if query == "COMMIT" and not cut:
            cut.append(query)
            if arrives:
                await execute(connection, query)
            connection.pgconn.finish()
        return await execute(connection, query, *rest, **more)

    async with await AsyncPostgresStore.open(Home(str(tmp_path / "home"), url)) as store:
        monkeypatch.setattr(psycopg.AsyncConnection, "execute", cutting)

        job = await store.run(enqueue(NewJob("true")))

        assert cut == ["COMMIT"]
        assert await store.run(page()) == [job]


async def test_the_awaited_store_waits_for_a_server_that_restarts_behind_a_commit(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, connect = psycopg.AsyncConnection.execute, psycopg.AsyncConnection.connect
    refused: list[str] = []

    async def cutting(connection: Any, query: Any, *rest: Any, **more: Any) -> Any:
        answer = await execute(connection, query, *rest, **more)
        if query == "COMMIT" and not refused:
            connection.pgconn.finish()
            monkeypatch.setattr(psycopg.AsyncConnection, "connect", refusing)
            raise psycopg.OperationalError("the server closed the connection")
        return answer

    async def refusing(*given: Any, **more: Any) -> Any:
        refused.append("refused")
        if len(refused) < 3:
            raise psycopg.OperationalError("Connection refused")
        return await connect(*given, **more)

    async with await AsyncPostgresStore.open(Home(str(tmp_path / "home"), url)) as store:
        monkeypatch.setattr(psycopg.AsyncConnection, "execute", cutting)

        job = await store.run(enqueue(NewJob("true")))

        assert len(refused) == 3
        assert await store.run(page()) == [job]


@pytest.mark.parametrize("arrives", [True, False], ids=["was committed", "never arrived"])
def test_a_turn_without_an_answer_is_made_once_whatever_is_done_before_it_is_tried_again(
    queue: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    jobs = [queue.run(enqueue(NewJob("true"))) for _ in range(2)]
    turn = take_turns([], [Ask("w-1", fresh_token(), ())])
    cut_commits(queue, url, monkeypatch, times=2, arrive=arrives)
    with queue.impatient(5), pytest.raises(StoreError):
        queue.run(turn)
    with queue.impatient(5), pytest.raises(StoreError):
        queue.run(enqueue(NewJob("other")))
    queue.run(page())

    [held] = queue.run(turn).claimed

    assert held.job.id == jobs[0].id
    assert [one.job.id for one in queue.run(processing())] == [jobs[0].id]


def test_those_who_claim_side_by_side_are_given_different_jobs(queue: PostgresStore, url: str, tmp_path: Path) -> None:
    for _ in range(60):
        queue.run(enqueue(NewJob("true")))
    together = threading.Barrier(6)
    claimed: list[int] = []

    def claim(name: str) -> None:
        with PostgresStore(Home(str(tmp_path / "home"), url)) as store:
            together.wait(30)
            for _ in range(5):
                asks = [Ask(name, fresh_token()) for _ in range(2)]
                claimed.extend(held.job.number for held in store.run(take_turns([], asks)).claimed)

    workers = [threading.Thread(target=claim, args=(f"pool-{n}",)) for n in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    stored = queue.run(page(limit=100))
    assert sorted(claimed) == sorted(job.number for job in stored)


def test_a_claim_passes_over_what_another_is_about_to_take(queue: PostgresStore, url: str) -> None:
    first, second = (queue.run(enqueue(NewJob("true"))) for _ in range(2))
    with psycopg.connect(url) as other, queue.impatient():
        other.execute("SELECT 1 FROM queuectl.jobs WHERE number = %s FOR UPDATE", (first.number,))

        [held] = queue.run(take_turns([], [Ask("pool-1", fresh_token())])).claimed

    assert held.job.number == second.number


def test_a_claim_locks_no_more_jobs_than_it_takes(queue: PostgresStore, url: str) -> None:
    jobs = [queue.run(enqueue(NewJob("true", priority=priority))) for priority in (2, 2, 1, 1, 0)]
    address = parse_address(url)
    values: dict[str, Any] = {"queues": None, "known": None, "queue": "default", "wanted": 3}
    with psycopg.connect(address.conninfo) as other, queue.impatient():
        other.execute(f"SET search_path = {address.schema}".encode())
        [(_, _, *first, _)] = other.execute(QUERIES["best_queues"].encode(), values)
        locked = other.execute(QUERIES["ready_jobs"].encode(), {**values, "first": first}).fetchall()

        claimed = queue.run(take_turns([], [Ask("pool-1", fresh_token()) for _ in range(3)])).claimed

    assert [row[0] for row in locked] == [job.number for job in jobs[:3]]
    assert [held.job.number for held in claimed] == [job.number for job in jobs[3:]]


@pytest.mark.parametrize("kind", list(Kind))
def test_the_server_compiles_no_statement_of_ours_however_dear_it_thinks_it(url: str, kind: Kind) -> None:
    address = parse_address(url)
    with psycopg.connect(address.conninfo, autocommit=True, options="-c jit=on") as connection:
        connection.execute(begin(kind, address.schema).encode())

        assert connection.execute("SHOW jit").fetchall() == [("off",)]


def kept_prepared(url: str, folder: Path) -> int:
    """How many statements the server keeps prepared for a store that has read often."""
    with PostgresStore(Home(str(folder / "home"), url)) as store:
        for _ in range(10):
            store.run(page())
        [(count,)] = store._connection.execute("SELECT count(*) FROM pg_prepared_statements", prepare=False)
    return int(count)


@pytest.mark.parametrize(("given", "becomes"), [("off", "on"), ("local", "local"), ("on", "on")])
def test_what_a_person_changes_is_flushed_whatever_the_server_is_set_to(url: str, given: str, becomes: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET synchronous_commit = {given}".encode())
        seen: list[str] = []
        for kind, durable in ((Kind.WRITE, False), (Kind.WORK, True), (Kind.WORK, False)):
            connection.execute(begin(kind, parse_address(url).schema, durable=durable).encode())
            seen += connection.execute("SHOW synchronous_commit").fetchone() or ()
            connection.execute("ROLLBACK")
    assert seen == [becomes, becomes, given]


def test_a_server_that_takes_sessions_and_ends_them_is_not_pressed(
    queue: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("queuectl_core.store.postgres.store.time.sleep", slept.append)
    cut_commits(queue, url, monkeypatch, times=4, arrive=False)

    queue.run(enqueue(NewJob("true")))

    assert len(queue.run(page())) == 1
    assert len(slept) >= 3
    assert slept[-1] > slept[0] > 0


def test_a_transaction_that_takes_longer_than_the_server_allows_is_told_at_once(
    queue: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.info.server_version < 170_000:
            pytest.skip("this server knows no transaction_timeout")
    tries: list[int] = []
    attempt = PostgresStore._attempt

    def counted(store: PostgresStore, *rest: Any) -> Any:
        tries.append(1)
        store._connection.execute("SET transaction_timeout = 100")
        return attempt(store, *rest)

    def slow() -> Any:
        with psycopg.connect(url) as other:
            other.execute(f"LOCK TABLE {parse_address(url).schema}.jobs".encode())
            queue.run(enqueue(NewJob("true")))

    monkeypatch.setattr(PostgresStore, "_attempt", counted)
    with pytest.raises(StoreError, match="transaction timeout"):
        slow()
    assert len(tries) == 1


def test_nothing_is_kept_prepared_where_a_pooler_is_in_between(url: str, postgres: Databases, tmp_path: Path) -> None:
    plain = postgres.over_tcp(url)
    with proxy_to(plain) as network, proxy_to(plain, Pooler) as pooler:
        assert kept_prepared(network.url(plain), tmp_path) > 0
        assert kept_prepared(pooler.url(plain), tmp_path) == 0
        assert kept_prepared(f"{pooler.url(plain)}?prepare_threshold=5", tmp_path) > 0, "its user knows better"


async def test_nor_does_the_awaited_store_keep_any(url: str, postgres: Databases, tmp_path: Path) -> None:
    with proxy_to(postgres.over_tcp(url), Pooler) as pooler:
        home = Home(str(tmp_path / "home"), pooler.url(postgres.over_tcp(url)))
        async with await AsyncPostgresStore.open(home) as store:
            assert store._reads._connection is not None
            assert store._reads._connection.prepare_threshold is None


def test_a_database_without_a_store_says_how_to_make_one(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="make it with 'queuectl init'"):
        PostgresStore(Home(str(tmp_path / "home"), with_parameter(url, "schema=elsewhere")))


@pytest.mark.parametrize("wrong", ["schema=Q;drop", "schema=pg_x", "prepare_threshold=many"])
def test_a_parameter_that_cannot_be_meant_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput):
        parse_address(f"postgresql://host/db?{wrong}")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://pooler:6432/db?listen=server:5432", "server", "5432"),
        ("postgresql://pooler:6432/db?listen=server", "server", "6432"),
        ("postgresql://pooler/db?port=6432&listen=server", "server", "6432"),
        ("postgresql:///db?host=/run/pooler&listen=server:5432", "server", "5432"),
        ("postgresql:///?service=work&listen=[::1]:5432", "::1", "5432"),
        ("postgresql://a:1,b:2/db?listen=server:5432", "server", "5432"),
    ],
)
def test_a_pool_listens_where_it_is_told_to(url: str, host: str, port: str) -> None:
    direct = psycopg.conninfo.conninfo_to_dict(parse_address(url).direct)

    assert (direct["host"], str(direct["port"])) == (host, port)
    assert direct.get("dbname", direct.get("service")) in ("db", "work")


@pytest.mark.parametrize("hosts", ["a:1,b:2/db?", "/db?host=a,b&", "/db?host=a&port=1,2&"])
def test_of_several_hosts_the_one_to_listen_at_needs_a_port(hosts: str) -> None:
    with pytest.raises(InvalidInput, match="listen=HOST:PORT"):
        parse_address(f"postgresql://{hosts}listen=server")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_job_is_told_whatever_encoding_a_session_is_given(
    queue: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    queue.run(enqueue(NewJob("echo 10 € 日本")))
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    other = with_parameter(str(queue.home.url), f"client_encoding={encoding}")
    with PostgresStore(Home(str(tmp_path / "other"), other)) as store:
        assert [job.command for job in store.run(page())] == ["echo 10 € 日本"]
        [held] = store.run(take_turns([], [Ask("pool-1", fresh_token())])).claimed
    assert held.job.command == "echo 10 € 日本"
