"""A database made ready: schema at its newest step, gate and rules on record. Safe when several processes start at once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final

from neo4j import AsyncDriver
from neo4j.exceptions import ClientError, Neo4jError, TransientError

from graph.errors import StoreBusy, StoreTrouble
from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store.in_force import InForce, Ruled
from graph.store.neo4j import cypher
from graph.store.neo4j.connect import STATEMENT_SECONDS, within
from graph.store.neo4j.schema import STEPS
from graph.store.neo4j.transaction import Neo4jTransaction

__all__ = ["prepare"]

_TRIES: Final = 20
_PAUSE: Final = 0.1
_GATES: Final = 6
_log = logging.getLogger("oneid.store")


async def prepare(driver: AsyncDriver, database: str | None, rules: Rules, clock: Callable[[], Instant]) -> InForce:
    """Make the database a store and give the rules in force: those it has, else `rules`; a difference is logged."""
    step = await _ask(driver, database, cypher.SCHEMA_STEP) or 0
    if step > len(STEPS):
        raise StoreTrouble(f"this store is at schema step {step}, this version of oneid knows {len(STEPS)}; run a newer oneid")
    if step < len(STEPS):
        for statements in STEPS[step:]:
            for statement in statements:
                await _ask(driver, database, statement)
        await _ask(driver, database, cypher.AWAIT_INDEXES)
        await _ask(driver, database, cypher.PUT_GATE)
        await _ask(driver, database, cypher.PUT_SCHEMA_STEP, step=len(STEPS))
    version, toml = await _rules(driver, database, rules, clock)
    if toml == rules.toml:
        return InForce(Ruled(version, rules))
    if rules is not Rules.builtin():  # those nobody chose are no news
        _log.warning("the store keeps its own rules (version %d); the rules given at start differ from them and are not used", version)
    return InForce(Ruled(version, Rules.parse(toml)))


async def _rules(driver: AsyncDriver, database: str | None, rules: Rules, clock: Callable[[], Instant]) -> tuple[int, str]:
    """The rules on record, where there are none those given. While the gate is not free somebody else may put some there."""
    left = _GATES
    while True:
        left -= 1
        try:
            version, toml = await _ask(driver, database, cypher.LAST_RULES) or await _put_rules(driver, database, rules, clock)
        except StoreBusy:
            if not left:
                raise
        else:
            return version, toml


async def _put_rules(driver: AsyncDriver, database: str | None, rules: Rules, clock: Callable[[], Instant]) -> tuple[int, str]:
    """Put the first rules on record under the gate; where another process was faster, what it put there comes back."""
    transaction = Neo4jTransaction(driver, database, InForce(Ruled(0, rules)), clock)
    await transaction.begin()
    try:
        step = await transaction.open_step()
        if not step.rules_version:
            step.kind = "rules"
            await step.write_rules(rules)
        await transaction.close_step()
        await transaction.commit()
    except BaseException:
        await transaction.rollback()
        raise
    return step.rules_version, step.rules.toml


async def _ask(driver: AsyncDriver, database: str | None, statement: str, /, **values: Any) -> Any:
    """One statement by itself, again while another process sets up the same."""
    for left in range(_TRIES - 1, -1, -1):
        async with within(STATEMENT_SECONDS * 4), driver.session(database=database) as session:
            try:
                record = await (await session.run(statement, values)).single()
            except Neo4jError as error:
                if not left or not _meets_another(error):
                    raise
            else:
                return None if record is None else record[0]
        await asyncio.sleep(_PAUSE * (1 + random.random()))
    return None


def _meets_another(error: Neo4jError) -> bool:
    return isinstance(error, TransientError) or (isinstance(error, ClientError) and str(error.code).startswith("Neo.ClientError.Schema."))
