"""How fast profiles are answered over HTTP, against a hand-written ASGI endpoint over the same file.

    python tests/bench/over_http.py --people 100000

Two real servers on loopback, `oneid serve` and an endpoint of a few dozen lines in this file, read the same rows of one SQLite file and
answer the same requests with the same JSON (compared before anything is measured). The endpoint knows three questions by name and holds
the SQL for each; it parses no GraphQL, checks no limits, normalises nothing. Both run on uvicorn with uvloop and httptools, in one
process each. Rounds take turns; the ratio is that of neighbouring rounds. Printed for each question: requests per second, p50 and p99
as the client sees them, microseconds of server CPU per request, and at the end peak memory. `--profile` runs the service in one thread
under cProfile instead. `--keep DIR` keeps the filled store for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any

import orjson
import uvicorn
import uvloop

from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.sqlite.store import SqliteStore, open_sqlite
from service.collector import collect_rarely
from service.gql.ids import encode

START = 1_780_000_000_000_000
BATCH = 1_000
ROOT = Path(__file__).parents[2]
HZ = os.sysconf("SC_CLK_TCK")
LOOK_UP = """query LookUp($user: String!) { profile(by: {identifier: {namespace: "user_id", value: $user}}) { oneId kind } }"""
PROFILE = """query Profile($user: String!) {
  profile(by: {identifier: {namespace: "user_id", value: $user}}) {
    oneId
    kind
    identifiers(first: 20) { edges { node { namespace value } } }
    traits { key value source }
    links(first: 20) { edges { node { a { namespace value } b { namespace value } fragmentCount } } }
  }
}"""
PAGE = """query Page($after: String) {
  profiles(first: 20, after: $after) {
    edges { node { oneId kind identifiers(first: 20) { edges { node { namespace value } } } traits { key value source } } }
    pageInfo { hasNextPage }
  }
}"""


# ------------------------------------------------------------------------------------------------ the store
def fragments(people: int) -> Iterator[Fragment]:
    """Two records of each person: a sign-up with a device, every second with a phone, and an account with an e-mail address."""
    for n in range(people):
        user = Identifier("user_id", f"u{n}")
        ids = [user, Identifier("device", f"d{n:08x}")]
        if n % 2:
            ids.append(Identifier("phone", f"+8613{n:09d}"))
        yield Fragment("app", str(n), tuple(ids), START + n * 1000, {"name": f"Person {n}", "city": "Hangzhou", "level": n % 7})
        mail = Identifier("email", f"user{n}@example.com")
        yield Fragment("billing", str(n), (user, mail), START + n * 1000 + 1, {"name": f"Person No. {n}", "plan": "pro"})


async def fill(path: Path, people: int) -> None:
    async with open_sqlite(str(path), Rules.builtin()) as store:
        store._connection.execute("PRAGMA synchronous = OFF")  # the filling is not what is measured
        began = time.perf_counter()
        batch: list[Fragment] = []
        for count, fragment in enumerate(fragments(people), 1):
            batch.append(fragment)
            if len(batch) == BATCH or count == people * 2:
                await ingest(store, batch, reading=False)
                batch = []
        print(f"filled {people:,} people from {people * 2:,} fragments in {time.perf_counter() - began:.0f} s", flush=True)


# ------------------------------------------------------------------------------------------------ the hand-written endpoint
class Bare:
    """An ASGI application that answers the three questions, and no other, by their operation names."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA cache_size = -131072")
        self.db.execute("PRAGMA query_only = ON")
        self.namespace = dict(self.db.execute("SELECT no, name FROM namespace"))
        self.user = next(no for no, name in self.namespace.items() if name == "user_id")
        self.source = dict(self.db.execute("SELECT no, name FROM source"))
        self.answers: Mapping[str, Callable[[Any], Any]] = {"LookUp": self.look_up, "Profile": self.profile, "Page": self.page}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        sent = orjson.loads(body)
        self.db.execute("BEGIN")
        answer = orjson.dumps({"data": self.answers[sent["operationName"]](sent["variables"])})
        self.db.execute("ROLLBACK")
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def look_up(self, given: Any) -> Any:
        row = self._by_user(given["user"])
        return {"profile": None if row is None else {"oneId": row[1], "kind": row[2].upper()}}

    def profile(self, given: Any) -> Any:
        row = self._by_user(given["user"])
        if row is None:
            return {"profile": None}
        n, one_id, kind = row
        ids = self._ids(n)
        links = [
            {"node": {"a": self._end(ids[a]), "b": self._end(ids[b]), "fragmentCount": count}}
            for a, b, count in self.db.execute(
                "SELECT l.a, l.b, l.n + l.dirty FROM identifier i JOIN link l ON l.a = i.id WHERE i.profile = ? AND l.refused IS NULL"
                " ORDER BY l.a, l.b LIMIT 20",
                (n,),
            )
        ]
        shown = {"oneId": one_id, "kind": kind.upper(), **self._shown(n, ids), "links": {"edges": links}}
        return {"profile": shown}

    def page(self, given: Any) -> Any:
        rows = self.db.execute("SELECT n, one_id, kind FROM one_id WHERE n > ? AND size > 0 ORDER BY n LIMIT 21", (given["n"],)).fetchall()
        edges = [{"node": {"oneId": one_id, "kind": kind.upper(), **self._shown(n, self._ids(n))}} for n, one_id, kind in rows[:20]]
        return {"profiles": {"edges": edges, "pageInfo": {"hasNextPage": len(rows) > 20}}}

    def _by_user(self, user: str) -> Any:
        return self.db.execute(
            "SELECT o.n, o.one_id, o.kind FROM identifier i JOIN one_id o ON o.n = i.profile WHERE i.namespace = ? AND i.value = ?",
            (self.user, user),
        ).fetchone()

    def _ids(self, n: int) -> dict[int, tuple[int, str]]:
        return {
            id: (namespace, value)
            for id, namespace, value in self.db.execute("SELECT id, namespace, value FROM identifier WHERE profile = ? ORDER BY id", (n,))
        }

    def _shown(self, n: int, ids: Mapping[int, tuple[int, str]]) -> dict[str, Any]:
        golden: dict[str, Any] = {}
        for source, traits in self.db.execute(
            "SELECT v.source, v.traits FROM version v WHERE v.traits IS NOT NULL AND v.id IN"
            " (SELECT c.version FROM identifier i JOIN carries c ON c.identifier = i.id WHERE i.profile = ?) ORDER BY v.observed",
            (n,),
        ):
            for key, value in orjson.loads(traits).items():
                golden[key] = {"key": key, "value": value, "source": self.source[source]}
        edges = [{"node": self._end(end)} for end in list(ids.values())[:20]]
        return {"identifiers": {"edges": edges}, "traits": [golden[key] for key in sorted(golden)]}

    def _end(self, end: tuple[int, str]) -> dict[str, str]:
        return {"namespace": self.namespace[end[0]], "value": end[1]}


class Announced(uvicorn.Server):
    """Prints its port once it listens, as `oneid serve` does."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}/", file=sys.stderr, flush=True)


def serve_bare(path: str) -> None:
    Announced(uvicorn.Config(Bare(path), port=0, log_level="warning", access_log=False, server_header=False, lifespan="off")).run()


def serve_profiled(path: str, sort: str) -> None:
    """The service with its reads in the loop's own thread, so that the profile sees all of it."""
    from service.server import Server
    from service.settings import Settings

    async def inline(store: SqliteStore, work: Any, *args: Any, **kwargs: Any) -> Any:
        return store._snapshot(work, *args, **kwargs)

    SqliteStore.read = inline  # type: ignore[method-assign, assignment]
    collect_rarely()
    profile = cProfile.Profile(time.process_time)  # CPU: what else the machine does is nobody's share
    settings = Settings(store=f"sqlite:///{path}", port=0, keys=None, host="127.0.0.1")
    server = Server(settings, announce=lambda port: print(f"http://127.0.0.1:{port}/", file=sys.stderr, flush=True))
    with suppress(KeyboardInterrupt), profile:  # uvicorn raises the signal again that ended it
        server.run()
    stats = pstats.Stats(profile, stream=sys.stdout)
    by_room(stats)
    stats.sort_stats(sort).print_stats(50)


def by_room(stats: pstats.Stats) -> None:
    """Print whose code the time is spent in; what C does for somebody counts as its caller's."""
    spent: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if file == "~" and callers:
            for (calling, _, _), (_, _, share, _) in callers.items():
                spent[room_of(calling)] += share
        else:
            spent[room_of(file)] += own
    for name, seconds in spent.most_common():
        print(f"{seconds / sum(spent.values()):6.1%}  {name}")


def room_of(file: str) -> str:
    if found := re.search(r"site-packages/(\w+)", file):
        return found[1]
    return next((name for name in ("graph/store", "graph", "service") if f"{ROOT}/{name}/" in file), "python itself")


# ------------------------------------------------------------------------------------------------ servers under measurement
@dataclass
class Process:
    """A server process and the port it listens on."""

    name: str
    process: subprocess.Popen[str]
    port: int

    def cpu(self) -> float:
        """Seconds of CPU used so far, by all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / HZ

    def peak(self) -> float:
        """Megabytes of memory at its peak."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


@contextmanager
def running(name: str, *arguments: str, out: IO[str] | None = None) -> Iterator[Process]:
    """A server that ends, by its own pid, when the block does."""
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, stdout=out, text=True)
    try:
        assert process.stderr is not None
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", said)):
            line = process.stderr.readline()
            if not line:
                raise RuntimeError(f"{name} did not start: {said}")
            said += line
        yield Process(name, process, int(found[1]))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()


# ------------------------------------------------------------------------------------------------ the client
class Connection:
    """One connection that is kept; asks and reads one answer after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        body = await self.reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200") or body.startswith(b'{"errors"'):
            raise RuntimeError(f"the server refused: {head[:20]!r} {body[:300]!r}")
        return body


@dataclass
class Question:
    """Something to ask, and how its answers came."""

    name: str
    requests: list[bytes]
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)


def questions(path: Path, people: int, count: int) -> list[Question]:
    draw = random.Random(7)
    with sqlite3.connect(path) as db:
        last = db.execute("SELECT max(n) FROM one_id").fetchone()[0]
    users = [{"user": f"u{draw.randrange(people)}"} for _ in range(count)]
    places = [draw.randrange(max(1, last - 20)) for _ in range(max(1, count // 5))]
    pages = [{"after": encode("profiles", (n,)), "n": n} for n in places]
    return [
        Question("look-up: oneId, kind", [_request("LookUp", LOOK_UP, one) for one in users]),
        Question("one profile: identifiers, traits, links", [_request("Profile", PROFILE, one) for one in users]),
        Question("page of 20 profiles: identifiers, traits", [_request("Page", PAGE, one) for one in pages]),
    ]


def _request(name: str, query: str, variables: Mapping[str, Any]) -> bytes:
    body = orjson.dumps({"operationName": name, "query": query, "variables": variables})
    head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def round_of(server: Process, question: Question, connections: int) -> None:
    """All requests once, a bounded number under way."""
    waiting = iter(question.requests)
    times = question.times.setdefault(server.name, [])

    async def work(connection: Connection) -> None:
        for request in waiting:
            began = time.perf_counter()
            await connection.ask(request)
            times.append(time.perf_counter() - began)
        connection.writer.close()

    open_ones = [await Connection.to(server.port) for _ in range(connections)]
    began, began_cpu = time.perf_counter(), server.cpu()
    await asyncio.gather(*(work(one) for one in open_ones))
    question.rates.setdefault(server.name, []).append(len(question.requests) / (time.perf_counter() - began))
    question.cpu.setdefault(server.name, []).append((server.cpu() - began_cpu) / len(question.requests))


async def compared(servers: list[Process], question: Question, most: int = 50) -> None:
    """Both servers give the same JSON."""
    a, b = [await Connection.to(server.port) for server in servers]
    for request in question.requests[:most]:
        one, other = orjson.loads(await a.ask(request))["data"], orjson.loads(await b.ask(request))["data"]
        if one != other:
            raise RuntimeError(f"the answers differ:\n{one}\n{other}")
    a.writer.close()
    b.writer.close()


async def measure(path: Path, options: argparse.Namespace) -> None:
    asked = questions(path, options.people, options.requests)
    service = ("-m", "service", "serve", "--port", "0", "--store", f"sqlite:///{path}")
    with running("service", *service) as one, running("hand-written", __file__, "--bare", str(path)) as other:
        for question in asked:
            await compared([one, other], question)
            for server in (one, other):  # warm: caches of both, the parsed document of the service
                await round_of(server, Question("", question.requests[: len(question.requests) // 4]), options.connections)
        for turn in range(options.rounds):
            for question in asked:
                for server in (one, other) if turn % 2 else (other, one):
                    await round_of(server, question, options.connections)
        print(f"{size_of(path)}; {options.connections} connections, {options.rounds} rounds")
        for question in asked:
            report(question, one, other)
        print(f"\npeak memory: service {one.peak():.0f} MB, hand-written {other.peak():.0f} MB")


def size_of(path: Path) -> str:
    with sqlite3.connect(path) as db:
        people, identifiers = db.execute("SELECT count(*), sum(size) FROM one_id WHERE size > 0").fetchone()
    return f"{people:,} people, {identifiers:,} identifiers, {path.stat().st_size / 1e6:.0f} MB"


def report(question: Question, service: Process, bare: Process) -> None:
    print(f"\n{question.name} ({len(question.requests):,} requests a round)")
    for server in (service, bare):
        times = sorted(question.times[server.name])
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        print(
            f"  {server.name:13s} {median(question.rates[server.name]):8,.0f} requests/s   p50 {median(times) * 1000:6.2f} ms   "
            f"p99 {p99 * 1000:6.2f} ms   {median(question.cpu[server.name]) * 1e6:7,.0f} µs CPU a request"
        )
    ratios = [a / b for a, b in zip(question.rates[service.name], question.rates[bare.name], strict=True)]
    cost = median(question.cpu[service.name]) / median(question.cpu[bare.name])
    print(f"  service / hand-written: {median(ratios):.2f} of the requests per second, {cost:.1f} times the CPU")


async def profiled(path: Path, options: argparse.Namespace) -> None:
    asked = questions(path, options.people, options.requests)
    with running("service", __file__, "--profiled", str(path), "--sort", options.sort) as server:
        for question in asked:
            if options.profile in question.name:
                await round_of(server, question, options.connections)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=3_000, help="requests of a round; a fifth of it for pages")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--connections", type=int, default=4, help="requests under way at once")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the filled store")
    parser.add_argument("--profile", metavar="WORD", help="profile the questions whose name holds this word: look-up, one, page")
    parser.add_argument("--sort", default="tottime", help="order of the profile: tottime or cumtime")
    parser.add_argument("--bare", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--profiled", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.bare)
    elif options.profiled:
        serve_profiled(options.profiled, options.sort)
    else:
        _with_store(options)


def _with_store(options: argparse.Namespace) -> None:
    work = Path(tempfile.mkdtemp(prefix="oneid-bench-"))
    try:
        path = ((options.keep or work) / f"http-{options.people}.db").resolve()
        if not path.exists():
            asyncio.run(fill(path, options.people))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run((profiled if options.profile else measure)(path, options))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
