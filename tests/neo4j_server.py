"""A real Neo4j Community server for tests: jars from Maven Central, auth on, loopback, a free port and a folder of its own.

`running()` gives this process's server of a version, started when it is first asked for and stopped at the end by its own pid. Community
has one database and tests wipe it, so under xdist tests on a server run in groups, each in one worker (tests/conftest.py). Settings:

    ONEID_TEST_NEO4J           URI with user, password and database of a server to use instead; everything in it is deleted
    ONEID_TEST_NEO4J_VERSION   5.26.30 or 2026.08.1; by default the first of them that the machine has Java for

The jars stay in ~/.cache/oneid-tests. Where no server can be had `running` raises `Missing`, which says what to install.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, LiteralString

import pytest
from neo4j import GraphDatabase
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph.store.neo4j import cypher
from graph.store.neo4j.connect import connected, target_of
from graph.store.neo4j.schema import STEPS

__all__ = ["LINES", "Line", "Missing", "Server", "given", "running", "start", "usual", "versions", "wanted", "wipe"]

CACHE: Final = Path.home() / ".cache" / "oneid-tests"
PASSWORD: Final = "only-for-tests"
_POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>neo4j</artifactId><version>1</version><dependencies>
<dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{version}</version></dependency>
</dependencies></project>
"""
_CONF: Final = """server.default_listen_address=127.0.0.1
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size={pagecache}
dbms.usage_report.enabled=false
db.lock.acquisition.timeout=10s
db.transaction.timeout=60s
db.tx_log.preallocate=false
db.store.files.preallocate=false
dbms.cypher.min_replan_interval=1h
"""
_OPENED: Final = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
_SMALL: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m")
_START_SECONDS: Final = 90


class Missing(Exception):
    """No server can be had here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A release line: what it is started by, the Java versions it takes, and settings that only it knows."""

    version: str
    main: str
    java: tuple[int, ...]
    settings: tuple[str, ...]


LINES: Final = {
    line.version: line
    for line in (
        Line(
            "5.26.30",
            "org.neo4j.server.CommunityEntryPoint",
            (17, 21),
            ("internal.dbms.bolt.netty_server_shutdown_quiet_period=0",),
        ),
        Line(
            "2026.08.1",
            "org.neo4j.server.Neo4jCommunity",
            (21, 25),
            (
                "internal.dbms.bolt.netty_server_shutdown_quiet_period_duration=0s",
                "dbms.fleet_manager.enabled=false",
                "server.fleet_discovery.enabled=false",
            ),
        ),
    )
}


@dataclass(slots=True)
class Server:
    """A server that answers; `uri` carries user, password and database."""

    uri: str
    line: Line | None = None
    home: Path | None = None
    command: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def kill(self) -> None:
        """SIGKILL, for tests of what survives it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def launch(self) -> None:
        """The same server on the same folder and port, also after `kill`; it answers some seconds later. Not to be called in a thread, at
        whose end the server would end, too."""
        assert self.home is not None
        with (self.home / "out.log").open("ab") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)

    def await_answer(self) -> None:
        """Wait until it answers."""
        _await_answer(self)

    def start_again(self) -> None:
        """Launch it, and wait until it answers."""
        self.launch()
        self.await_answer()

    def hang(self) -> None:
        """It does nothing more until `go_on`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.go_on()
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)


_running: dict[str, Server] = {}
_missing: dict[str, Missing] = {}


def given() -> str | None:
    """The URI of a server that somebody else runs."""
    return os.environ.get("ONEID_TEST_NEO4J") or None


def versions() -> tuple[str, ...]:
    """The versions that this machine has Java for, the one with long support first."""
    return tuple(line.version for line in LINES.values() if any(java in line.java for java in _javas()))


def usual() -> str:
    """The version that is meant where none is named."""
    return os.environ.get("ONEID_TEST_NEO4J_VERSION") or next(iter(versions()), next(iter(LINES)))


def running(version: str | None = None) -> Server:
    """The server of this process; Missing where there cannot be one."""
    if (uri := given()) is not None:
        return Server(uri)
    version = version or usual()
    if version in _missing:
        raise _missing[version]
    if version not in _running:
        try:
            server = start(version)
        except Missing as missing:
            _missing[version] = missing
            raise
        atexit.register(server.stop)
        _running[version] = server
    return _running[version]


def wanted(version: str | None = None) -> Server:
    """As `running`, for a fixture: without a server the test is skipped, which counts as a failure where CI is set."""
    try:
        return running(version)
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"no Neo4j: {missing}", pytrace=False)
        pytest.skip(f"no Neo4j: {missing}")


async def wipe(server: Server) -> None:
    """Empty its database; constraints, indexes and the note that they are there stay. Bounded steps, so that a test may leave as much as it
    likes."""
    target = target_of(server.uri)
    async with connected(target) as driver, driver.session(database=target.database) as session:
        query = "MATCH (n) WHERE NOT (n:Schema AND n.step = $step) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 20000 ROWS"
        await (await session.run(query, step=len(STEPS))).consume()
        if await (await session.run(cypher.SCHEMA_STEP)).single():
            await (await session.run(cypher.PUT_GATE)).consume()


def start(version: str, *, java_options: tuple[str, ...] = _SMALL, pagecache: str = "64m", folder: Path | None = None) -> Server:
    """A new server of this version, its data in a new folder (in memory where the machine has such a place, or below `folder`)."""
    line = LINES[version]
    java = _java(line)
    jars = _jars(line)
    home = Path(tempfile.mkdtemp(prefix="oneid-neo4j-", dir=folder or ("/dev/shm" if Path("/dev/shm").is_dir() else None)))
    port = _free_port()
    (home / "conf").mkdir()
    (home / "conf" / "neo4j.conf").write_text(_CONF.format(port=port, pagecache=pagecache) + "\n".join(line.settings) + "\n")
    command = [str(java), *java_options, *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED)]
    command.append("--enable-native-access=ALL-UNNAMED")
    if _version_of(java) >= 24:
        command.append("--sun-misc-unsafe-memory-access=allow")
    command += ["-cp", f"{home / 'conf'}:{jars}/*", line.main, f"--home-dir={home}", f"--config-dir={home / 'conf'}", "--console-mode"]
    server = Server(f"neo4j://neo4j:{PASSWORD}@127.0.0.1:{port}/neo4j", line, home, tuple(command))
    try:
        server.start_again()
    except BaseException:
        server.stop()
        raise
    return server


def _javas() -> dict[int, Path]:
    """The Java installations of this machine by version."""
    found = {_version_of(path): path for path in sorted(Path("/usr/lib/jvm").glob("*/bin/java"))}
    places = [Path(home) / "bin" / "java"] if (home := os.environ.get("JAVA_HOME")) else []
    places += [Path(on_path)] if (on_path := shutil.which("java")) else []
    for place in places:
        if place.is_file():
            found.setdefault(_version_of(place), place)
    return found


def _java(line: Line) -> Path:
    found = _javas()
    for version in reversed(line.java):
        if version in found:
            return found[version]
    wanted = " or ".join(map(str, line.java))
    there = f"there is {', '.join(map(str, sorted(found)))}" if found else "there is none"
    raise Missing(f"Neo4j {line.version} needs Java {wanted}; {there}. Or set ONEID_TEST_NEO4J")


def _version_of(java: Path) -> int:
    release = java.resolve().parent.parent / "release"
    told = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.M) if release.is_file() else None
    return int(told.group(1)) if told else 0


def _jars(line: Line) -> Path:
    """The folder of the server's jars, fetched once for all processes."""
    folder = CACHE / f"neo4j-{line.version}"
    folder.mkdir(parents=True, exist_ok=True)
    jars, done = folder / "lib", folder / "complete"
    with _alone(folder / "lock"):
        if not done.exists():
            if shutil.which("mvn") is None:
                raise Missing(
                    f"the jars of Neo4j {line.version} are not in {jars} and there is no mvn to fetch them. Or set ONEID_TEST_NEO4J"
                )
            (folder / "pom.xml").write_text(_POM.format(version=line.version))
            command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
            fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if fetched.returncode:
                raise Missing(f"mvn could not fetch Neo4j {line.version}: {fetched.stdout[-500:]}. Or set ONEID_TEST_NEO4J")
            done.touch()
    return jars


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """A test run that is killed takes its server along (Linux)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _await_answer(server: Server) -> None:
    """Wait until a query is answered; the first time the password is set as well."""
    assert server.process is not None
    assert server.home is not None
    address = server.uri.rpartition("@")[2].partition("/")[0]
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if server.process.poll() is not None or time.monotonic() > deadline:
            tail = (server.home / "out.log").read_text(errors="replace")[-2000:]
            raise Missing(f"the server did not start: {tail}")
        try:
            _answers(f"bolt://{address}")
        except (DriverError, Neo4jError, OSError):
            time.sleep(0.1)
        else:
            return


def _answers(address: str) -> None:
    """Ask as the tests do; a new server still has its first password, which this changes."""
    try:
        _ask(address, PASSWORD, "neo4j", "RETURN 1")
    except AuthError:
        _ask(address, "neo4j", "system", "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $new", new=PASSWORD)
        _ask(address, PASSWORD, "neo4j", "RETURN 1")


def _ask(address: str, password: str, database: str, query: LiteralString, **values: str) -> None:
    with (
        GraphDatabase.driver(address, auth=("neo4j", password), connection_timeout=2) as driver,
        driver.session(database=database) as session,
    ):
        session.run(query, **values).consume()
