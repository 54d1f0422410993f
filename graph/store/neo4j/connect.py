"""The way to a Neo4j server: its URL, the driver, what its errors mean to a caller, and waiting that ends."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from neo4j import AsyncDriver, AsyncGraphDatabase
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConnectionAcquisitionTimeoutError,
    DriverError,
    Neo4jError,
    TransientError,
)

from graph.errors import BadInput, StoreBusy, StoreTrouble

__all__ = [
    "GATE_SECONDS",
    "LONG_SECONDS",
    "LONG_STATEMENT_SECONDS",
    "SCHEMES",
    "SIGN_SECONDS",
    "STATEMENT_SECONDS",
    "TRANSACTION_SECONDS",
    "Target",
    "connected",
    "target_of",
    "tried",
    "trouble_of",
    "unheard",
    "within",
]

logging.getLogger("neo4j").addHandler(logging.NullHandler())
"""What the driver would write to stderr stands in our own errors; an application that configures logging hears it all the same."""

T = TypeVar("T")
SCHEMES: Final = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
STATEMENT_SECONDS: Final = 30.0
"""How long one statement may take, waiting for a lock included; a server that hangs says nothing by itself."""
TRANSACTION_SECONDS: Final = 120.0
"""How long a transaction may live at the server, which then ends it."""
LONG_STATEMENT_SECONDS: Final = 600.0
LONG_SECONDS: Final = 3600.0
"""Likewise in a step that is known to be long: of a job, or an export of all there is."""
GATE_SECONDS: Final = 10.0
"""How long a writer waits for the gate; the server knows no limit of its own for a lock unless it is set there."""
SIGN_SECONDS: Final = 2.0
"""How long a server that lives takes for a sign of life, or for a short word at the end of a connection."""
_IDLE_SECONDS: Final = 30.0
"""A connection that nobody used for so long is tried before it is used: what stands between may have dropped it in silence."""
_TRIES: Final = 5
_PAUSE: Final = 0.05

_BUSY: Final = frozenset(
    {
        "Neo.TransientError.Transaction.LockAcquisitionTimeout",
        "Neo.ClientError.Transaction.LockClientStopped",
        "Neo.TransientError.Transaction.LockClientStopped",
        "Neo.ClientError.Transaction.TransactionTimedOut",
        "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
    }
)


class Target(NamedTuple):
    """Where a store is: the address for the driver, who asks, and the database (None: the user's own)."""

    address: str
    user: str
    password: str
    database: str | None


def target_of(url: str) -> Target:
    """The parts of `neo4j://user:password@host:7687/database`; user, password and database may be percent-encoded, a query stays."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise BadInput(
            f"not the address of a Neo4j server; the form is neo4j://user:password@host:7687/database, schemes are {', '.join(SCHEMES)}",
            ("ONEID_STORE",),
        )
    if not parts.username or parts.password is None:
        raise BadInput("user and password are missing; the form is neo4j://user:password@host:7687/database", ("ONEID_STORE",))
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" + (f"?{parts.query}" if parts.query else "")
    return Target(address, unquote(parts.username), unquote(parts.password), unquote(parts.path.strip("/")) or None)


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[AsyncDriver]:
    """A driver for this target, closed with the block. Its pool connects when it is first used."""
    try:
        driver = AsyncGraphDatabase.driver(
            target.address,
            auth=(target.user, target.password),
            connection_timeout=3,
            connection_acquisition_timeout=5,
            liveness_check_timeout=_IDLE_SECONDS,
            max_transaction_retry_time=0,
            notifications_min_severity="OFF",
            user_agent="oneid",
        )
    except (ConfigurationError, ValueError) as error:
        raise BadInput("the driver does not take this address of a Neo4j server", ("ONEID_STORE",)) from error
    try:
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """End what takes longer than this, and say every trouble of the driver or the server as StoreTrouble."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise StoreTrouble(f"the store did not answer within {seconds:g} seconds; nothing is known to be written") from error
    except (Neo4jError, DriverError, OSError) as error:
        raise trouble_of(error) from error


async def tried(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, which may run several times: where its connection broke, or the server says that it may be asked again, it is,
    four times within a second. The pauses double, and are drawn between half and whole, so that many do not come back together."""
    pause = _PAUSE
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except StoreTrouble as trouble:
            if not _passes(trouble):
                raise
        await asyncio.sleep(pause * (1 - random.random() / 2))
        pause *= 2
    return await work()


def _passes(trouble: StoreTrouble) -> bool:
    """Whether the same may go well in a moment. A server that kept silent is not asked again: that took its time already."""
    cause = trouble.__cause__
    return not isinstance(trouble, StoreBusy) and isinstance(cause, (Neo4jError, DriverError)) and cause.is_retryable()


def unheard(trouble: StoreTrouble) -> bool:
    """Whether the server may know nothing of this trouble: nothing came from it, so that what it was doing may go on there."""
    return not isinstance(trouble.__cause__, Neo4jError)


def trouble_of(error: BaseException) -> StoreTrouble:
    """What an error of the driver or the server means to a caller, without any value in it."""
    if isinstance(error, StoreTrouble):
        return error
    if isinstance(error, AuthError):
        return StoreTrouble("the store refused user and password; see ONEID_STORE")
    if isinstance(error, Neo4jError):
        if error.code in _BUSY:
            return StoreBusy("another writer held the store for too long; send the request again")
        kind = "is in trouble for the moment" if isinstance(error, TransientError) else "did not take the request"
        return StoreTrouble(f"the store {kind} ({error.code}); nothing of it was written")
    if isinstance(error, ConnectionAcquisitionTimeoutError):
        return StoreBusy("no connection to the store was free in time; send the request again")
    return StoreTrouble(f"the store cannot be reached ({type(error).__name__}); nothing is known to be written")
