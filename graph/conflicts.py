"""Conflicts that a steward puts off: they leave the work-list until there is new evidence between the two profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from graph.audit import subjects
from graph.errors import KeyReused, NotFound
from graph.model import JudgementKind, Key, Rule
from graph.store.ports import Deed, LinkRow, Store, Writing

__all__ = ["Postponed", "postpone"]


@dataclass(frozen=True, slots=True)
class Postponed:
    """`token` is the commit that put it on record."""

    token: int
    replayed: bool = False


async def postpone(
    store: Store, conflict: tuple[int, int], *, reason: str, by: str | None = None, key_id: str | None = None, key: Key | None = None
) -> Postponed:
    """Put off a conflict, named by the ends of a link between its profiles, until one of the links refused between these is carried by more
    fragments, or there are more of them. NotFound where the two are one, nothing is refused between them, or a judgement parts them."""
    digest = blake2b(repr((conflict, reason)).encode(), digest_size=16).digest()
    async with store.writing("postponement", by=by, reason=reason) as writing:
        if key is not None and (answer := await writing.answered(key)) is not None:
            if answer[0] != digest:
                raise KeyReused
            return Postponed(answer[1]["token"], replayed=True)
        links = await _refused_between(writing, conflict)
        if not links:
            raise NotFound("no such conflict: unknown, decided, or gone with its evidence", ("id",))
        await writing.postpone([(row.a, row.b, row.tally.clean) for row in links])
        figures = {"links": len(links)}
        await writing.write_deed(Deed("postponeConflict", await subjects(writing, conflict), figures, key=key_id))
        if key is not None:
            await writing.answer(key, digest, {"token": writing.commit})
        return Postponed(writing.commit)


async def _refused_between(writing: Writing, ends: Sequence[int]) -> list[LinkRow]:
    """The links refused between the profiles that hold these; none where they are one, or where a judgement parts them."""
    faces = await writing.faces(ends)
    p, q = (face.profile if (face := faces.get(end)) is not None else 0 for end in ends)
    if not p or not q or p == q:
        return []
    held: dict[int, set[int]] = {p: set(), q: set()}
    for member in await writing.members([p, q]):
        held[member.profile].add(member.id)
    near, far = sorted(held.values(), key=len)
    for said in await writing.judgements(near):
        if said.kind is JudgementKind.DISTINCT and said.in_force and (word := said.word) is not None:
            left, right = set(word.left), set(word.right)
            if (left & near and right & far) or (left & far and right & near):
                return []
    between = [row for row in await writing.usable_links(near) if (row.b if row.a in near else row.a) in far]
    return [row for row in between if row.refused is not None and row.refused.rule is not Rule.DISTINCT]
