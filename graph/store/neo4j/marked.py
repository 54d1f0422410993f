"""How a read of a Neo4j store notices that other rules come into force meanwhile.

A commit is not atomic for who reads meanwhile, and the one that switches rules may change very much. So a node of its own, (:InForce), says
what readers may go by. Before a step that wrote rules commits, its version there is made negative, in a transaction of its own; once the
commit is whole, it is set to the new one, in another. Every statement outside the gate gives it along, looked up when all else of its
answer is known. While it is that of the rules that a read goes by, no part of another switch was visible yet, and every part of the last
one is. It is one number, so that it cannot be met half.

Who was killed in between leaves a negative version. Whoever takes the gate next sets it right, and a read that keeps meeting it takes the
gate for that (`Neo4jStore.read`).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from neo4j import AsyncSession, Query

from graph.store.neo4j.connect import STATEMENT_SECONDS, within

__all__ = ["MARK", "Marked", "OtherRules", "marked", "single"]

MARK: Final = "OPTIONAL MATCH (f:InForce {id: 0}) RETURN f.version"
"""The mark alone, for a statement that gives no record."""

_MARK: Final = """ AS answer
CALL (answer) { OPTIONAL MATCH (f:InForce {id: 0}) RETURN f.version AS in_force }
RETURN answer, in_force"""


class OtherRules(Exception):
    """What was read may be of other rules than a read goes by. `version`: of those now in force; less than 0, or None: others come into
    force just now, or whoever tried was killed."""

    def __init__(self, version: int | None) -> None:
        super().__init__()
        self.version = version


@cache
def marked(statement: str) -> str:
    """The statement with the mark as a second value of its one record. The subquery takes the answer, so that it runs after it."""
    depth, at = 0, 0
    for found in re.finditer(r"[{}]|\bRETURN ", statement):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0 and found[0] == "RETURN ":
            at = found.start()
    return f"{statement[:at]}WITH {statement[at + len('RETURN ') :].rstrip()}{_MARK}"


async def single(session: AsyncSession, statement: str, values: dict[str, Any]) -> Any:
    """The one record that a statement gives, None where it gives none."""
    async with within(STATEMENT_SECONDS):
        return await (await session.run(Query(statement, timeout=STATEMENT_SECONDS), values)).single()


class Marked:
    """Runs the statements of a read that goes by the rules of this version; OtherRules where these are not, or no longer, in force."""

    def __init__(self, session: AsyncSession, version: int) -> None:
        self.asked = False
        self._session, self._version = session, version

    async def __call__(self, statement: str, /, **values: Any) -> Any:
        record = await single(self._session, marked(statement), values)
        if record is None:  # no answer, and no mark with it
            return await self.look()
        answer, in_force = record
        self._see(in_force)
        return answer

    async def look(self) -> None:
        self._see((await single(self._session, MARK, {}))[0])

    def _see(self, in_force: int | None) -> None:
        self.asked = True
        if in_force != self._version:
            raise OtherRules(in_force)
