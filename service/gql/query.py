"""The queries. Each looks at its selection once, makes one awaited call to the store, and maps what comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from graph import explain, jobs, model, profiles, views
from graph.curate import Long
from graph.errors import BadInput
from graph.lines import identifier_of, instant_of
from graph.previews import show_preview
from graph.resolve.rules import Rules
from graph.ruled import by_rules
from graph.store.ports import Moment
from graph.views import LookUp, Page, Want
from service.auth import Scope
from service.gql import arguments
from service.gql.audit import AuditConnection, AuditEntry
from service.gql.conflicts import Conflict, ConflictConnection
from service.gql.context import Context, Info
from service.gql.described import After, AsOf, First, Namespaces, resolved
from service.gql.enums import ChangeKind, ProfileKind
from service.gql.erasure import Receipt, receipt_number
from service.gql.evidence import Fragment, Judgement, Link
from service.gql.explanation import Explanation
from service.gql.feed import Change, ChangeConnection
from service.gql.identifiers import Identifier, IdentifierConnection
from service.gql.ids import commit_of
from service.gql.inputs import IdentifierInput, OperationInput, ProfileBy, RecordKey, said
from service.gql.jobs import Job, job_number, shown
from service.gql.look_up import asked_by, node_ref, normal
from service.gql.node import Node
from service.gql.operations import operation_in, operation_of
from service.gql.preview import Preview
from service.gql.profile import Profile, ProfileConnection
from service.gql.scalars import Sent
from service.gql.sight import Sight
from service.gql.social import Neighbourhood
from service.gql.system import RuleSet, Stats

__all__ = ["Query", "found", "reading"]

_MOST: Final = 100
_MAX_HOPS: Final = 6
_MAX_TEXT: Final = 256
_MAX_LINKS: Final = 1_000

_TYPES: Final[dict[str, Any]] = {
    "profile": Profile,
    "identifier": Identifier,
    "link": Link,
    "fragment": Fragment,
    "judgement": Judgement,
    "change": Change,
    "conflict": Conflict,
    "audit": AuditEntry,
}


def reading(info: Info) -> Context:
    """The context, of a caller who may read."""
    info.context.caller.need(Scope.READ)
    return info.context


async def found(
    context: Context, by: Sequence[LookUp | None], want: Sequence[Want], *, as_of: int | None = None
) -> list[views.ProfileView | None]:
    """The profiles looked up, None where there was nothing to look for."""
    asked = [one for one in by if one is not None]
    answers = iter(await context.store.profiles_by(asked, want, token=context.after, as_of=as_of))
    return [None if one is None else next(answers) for one in by]


async def _then(context: Context, as_of: str) -> Moment | None:
    """The write that `asOf` names; None where it is before the first one."""
    return await context.store.moment(instant_of(as_of, ("asOf",)), token=context.after)


async def _profiles(info: Info, by: Sequence[ProfileBy], paths: Sequence[tuple[str, ...]], as_of: str | None) -> list[Profile | None]:
    """The profiles that inputs name, now or as of an instant."""
    context, want = reading(info), info.context.selection(info).wants()
    asked = [asked_by(one, path) for one, path in zip(by, paths, strict=True)]
    then = None if as_of is None else await _then(context, as_of)
    if as_of is not None and then is None:
        return [None] * len(asked)
    commit = None if then is None else then.commit

    async def ruled(rules: Rules) -> list[views.ProfileView | None]:
        return await found(context, [normal(one, rules) for one in asked], want, as_of=commit)

    found_views = await (by_rules(context.store, ruled) if then is None else ruled(then.rules))
    sight = context.sight_as_of(commit)
    return [Profile.of(view, sight) if view else None for view in found_views]


async def _nodes(info: Info, ids: Sequence[strawberry.ID], paths: Sequence[tuple[str, ...]]) -> list[Node | None]:
    context, selection = reading(info), info.context.selection(info)
    refs = [None if _apart(one, path) else node_ref(one, path) for one, path in zip(ids, paths, strict=True)]
    kinds = {ref[0] for ref in refs if ref is not None}
    if "audit" in kinds:
        context.caller.need(Scope.ADMIN)
    want = {kind: selection.wants(_TYPES[kind].__name__) for kind in sorted(kinds)}
    nodes: list[Node | None] = [None] * len(ids)
    by_commit: dict[int | None, list[int]] = {}
    for place, ref in enumerate(refs):
        if ref is not None:
            by_commit.setdefault(commit_of(ids[place]), []).append(place)
    for commit, places in by_commit.items():
        asked = [ref for place in places if (ref := refs[place]) is not None]
        answers = await context.store.nodes(asked, want, token=context.after, as_of=commit)
        for place, (kind, _), view in zip(places, asked, answers, strict=True):
            nodes[place] = _node(kind, view, context.sight_as_of(commit))
    for place, (one, path) in enumerate(zip(ids, paths, strict=True)):
        if job_number(one, path) is not None:
            context.caller.need(Scope.ADMIN)
            nodes[place] = await _job(info, one, path, selection.wants("Job"))
        elif receipt_number(one, path) is not None:
            nodes[place] = await _receipt(info, one, path)
    return nodes


def _apart(id: str, path: tuple[str, ...]) -> bool:
    """Whether an id is of what is asked for by itself."""
    return job_number(id, path) is not None or receipt_number(id, path) is not None


async def _receipt(info: Info, id: str, path: tuple[str, ...]) -> Receipt | None:
    info.context.caller.need(Scope.PRIVACY)
    number = receipt_number(id, path)
    if number is None:
        raise BadInput("the id of a Receipt is wanted", path)
    row = (await info.context.store.receipts([number])).get(number)
    return None if row is None else Receipt.of(row)


async def _job(info: Info, id: str, path: tuple[str, ...], want: Sequence[Want]) -> Job | None:
    number = job_number(id, path)
    if number is None:
        raise BadInput("the id of a Job is wanted", path)
    row = await jobs.job(info.context.store, number)
    return None if row is None else await shown(info.context, info.context.service.jobs.known(row), want)


def _node(kind: str, view: Any, sight: Sight) -> Node | None:
    if view is None:
        return None
    node: Node = AuditEntry.of(view) if kind == "audit" else _TYPES[kind].of(view, sight)
    return node


def _listed(count: int, name: str) -> None:
    if count > _MOST:
        raise BadInput(f"{count} came, at most {_MOST} are allowed", (name,))


def _page(info: Info, purpose: str, first: int | None, after: str | None) -> Page:
    return arguments.page({"first": said(first), "after": said(after)}, info.context.service.bounds, purpose)


_NEEDED: Final = {"withdraw": Scope.WRITE, "erase": Scope.PRIVACY}


@strawberry.type(description="What can be asked. Everything here needs scope `read`; values and traits are null without scope `pii`.")
class Query:
    @resolved("Whatever has this id; null where there is nothing, or no longer. A retired OneID answers for itself.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="An `id` from an answer.")]
    ) -> Node | None:
        (one,) = await _nodes(info, [id], [("id",)])
        return one

    @resolved("Whatever has these ids, in the same order, null where there is nothing.")
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 `id`s from answers.")]
    ) -> list[Node | None]:
        _listed(len(ids), "ids")
        return await _nodes(info, ids, [("ids", str(place)) for place in range(len(ids))])

    @resolved("The profile that somebody has now, or had; follows retired OneIDs; null when unknown.")
    async def profile(
        self, info: Info, by: Annotated[ProfileBy, strawberry.argument(description="Whom to look for.")], as_of: AsOf = UNSET
    ) -> Profile | None:
        (one,) = await _profiles(info, [by], [("by",)], said(as_of))
        return one

    @resolved("The profiles of many at once, in the same order, null for unknown.")
    async def profiles_by(
        self,
        info: Info,
        by: Annotated[list[ProfileBy], strawberry.argument(description="Whom to look for; at most 100.")],
        as_of: AsOf = UNSET,
    ) -> list[Profile | None]:
        _listed(len(by), "by")
        return await _profiles(info, by, [("by", str(place)) for place in range(len(by))], said(as_of))

    @resolved("Everyone, in the order of their OneIDs; with `updatedAfter` those who changed since, in the order of their last change.")
    async def profiles(
        self,
        info: Info,
        kind: Annotated[ProfileKind | None, strawberry.argument(description="Only this kind; null: all.")] = UNSET,
        updated_after: Annotated[
            Sent | None, strawberry.argument(description="Only those whose identity or facts changed after; null: all.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ProfileConnection:
        context = reading(info)
        since = None if said(updated_after) is None else instant_of(said(updated_after), ("updatedAfter",))
        purpose = "profiles" if since is None else "updated profiles"
        page = _page(info, purpose, first, after)
        connection = await context.store.profiles(
            page,
            context.selection(info).wants(),
            kind=model.ProfileKind(said(kind).value) if said(kind) else None,
            updated_after=since,
            token=context.after,
        )
        return ProfileConnection.of(connection, lambda view: Profile.of(view, context.sight), purpose, page.after)

    @resolved(
        "Profiles by the beginning of an identifier, as it is usually written, or of the words of a name, in any script. "
        "Without scope `pii`: by a whole identifier or a whole name only."
    )
    async def search(
        self,
        info: Info,
        text: Annotated[str, strawberry.argument(description="What to look for, 1 to 256 characters.")],
        first: First = UNSET,
        after: After = UNSET,
    ) -> ProfileConnection:
        context = reading(info)
        if not 0 < len(text.strip()) <= len(text) <= _MAX_TEXT:
            raise BadInput(f"1 to {_MAX_TEXT} characters that are not all blank are wanted, {len(text)} came", ("text",))
        page = _page(info, "search", first, after)
        connection = await profiles.search(
            context.store, text, page, context.selection(info).wants(), whole=not context.sight.pii, token=context.after
        )
        return ProfileConnection.of(connection, lambda view: Profile.of(view, context.sight), "search", page.after)

    @resolved("A source record: the version that counts, else the last one; null when unknown.")
    async def fragment(self, info: Info, by: Annotated[RecordKey, strawberry.argument(description="Which record.")]) -> Fragment | None:
        context = reading(info)
        view = await context.store.fragment(by.key(), context.selection(info).wants(), token=context.after)
        return Fragment.of(view, context.sight) if view else None

    @resolved("Identifiers that too many others share to say anything about who is who, namespace by namespace.")
    async def shared_identifiers(
        self, info: Info, namespaces: Namespaces = UNSET, first: First = UNSET, after: After = UNSET
    ) -> IdentifierConnection:
        context = reading(info)
        page = _page(info, "shared identifiers", first, after)
        names = arguments.texts({"namespaces": said(namespaces)}, "namespaces")
        connection = await context.store.shared_identifiers(page, context.selection(info).wants(), namespaces=names, token=context.after)
        return IdentifierConnection.of(connection, lambda view: Identifier.of(view, context.sight), "shared identifiers", page.after)

    @resolved(
        "Pairs of profiles that a rule holds apart and about whom nobody has decided: a steward's work-list. `judge` (same or distinct) "
        "takes a pair off for good, `postponeConflict` until there is new evidence. By the day a refused link was last seen, latest first, "
        "then by how many records carry it; a pair stands at its first link, and comes once over all pages while nothing changes. A page "
        "looks at some 1,000 refused links at most; where more had to be left out, it is short, and its `endCursor` passes them."
    )
    async def conflicts(
        self,
        info: Info,
        namespaces: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Only by refused links whose weaker end is of these, at most 100; null: of those that the rules mark "
                "`person = true`, since shared devices would drown the list."
            ),
        ] = UNSET,
        min_links: Annotated[
            int | None, strawberry.argument(description="Only pairs with so many refused links between them, 1 to 1,000; null: 1.")
        ] = 1,
        postponed: Annotated[bool | None, strawberry.argument(description="Whether those put off are shown, too.")] = False,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ConflictConnection:
        context = reading(info)
        page = _page(info, "conflicts", first, after)
        names = arguments.texts({"namespaces": said(namespaces)}, "namespaces")
        least = arguments.whole({"minLinks": said(min_links)}, "minLinks", 1, _MAX_LINKS)
        connection = await context.store.conflicts(
            page,
            context.selection(info).wants(),
            namespaces=names,
            min_links=least,
            postponed=bool(said(postponed)),
            token=context.after,
        )
        return ConflictConnection.of(connection, lambda view: Conflict.of(view, context.sight), "conflicts", page.after)

    @resolved("A shortest chain of people who interact, as its nodes in order and the edges between them; null: none within maxHops.")
    async def social_path(
        self,
        info: Info,
        from_: Annotated[ProfileBy, strawberry.argument(name="from", description="Where it starts.")],
        to: Annotated[ProfileBy, strawberry.argument(description="Where it ends.")],
        max_hops: Annotated[int | None, strawberry.argument(description="At most so many edges, 1 to 6; null: 4.")] = 4,
    ) -> Neighbourhood | None:
        context = reading(info)
        hops = arguments.whole({"maxHops": max_hops}, "maxHops", 4, _MAX_HOPS)
        ends = asked_by(from_, ("from",)), asked_by(to, ("to",))
        want = context.selection(info).wants()

        async def ruled(rules: Rules) -> views.NeighbourhoodView | None:
            origin, target = (normal(end, rules) for end in ends)
            if origin is None or target is None:
                await context.store.profiles_by((), (), token=context.after)  # by which other rules are heard of
                return None
            return await context.store.path(origin, target, hops, want, token=context.after)

        view = await by_rules(context.store, ruled)
        return Neighbourhood.of(view, context.sight) if view else None

    @resolved(
        "Why two identifiers are in one profile, or in two. Identifiers that are unknown or blocked are no error: `together` is false "
        "then, and `message` says so."
    )
    async def explain(
        self,
        info: Info,
        a: Annotated[IdentifierInput, strawberry.argument(description="One identifier.")],
        b: Annotated[IdentifierInput, strawberry.argument(description="The other one.")],
        as_of: AsOf = UNSET,
    ) -> Explanation:
        context = reading(info)
        x, y = identifier_of(a.mapping(), ("a",)), identifier_of(b.mapping(), ("b",))
        want, at = context.selection(info).wants(), said(as_of)
        if at is None:
            return Explanation.of(await explain.explain(context.store, x, y, want, token=context.after), context.sight)
        if (then := await _then(context, at)) is None:
            return Explanation.of(explain.unknown(x, y), context.sight)
        view = await explain.explain(context.store, x, y, want, token=context.after, then=then)
        return Explanation.of(view, context.sight_as_of(then.commit))

    @resolved("What an operation would do. Nothing is written. Needs scope `curate`, `write` for a withdrawal, `privacy` for an erasure.")
    async def preview(
        self, info: Info, operation: Annotated[OperationInput, strawberry.argument(description="The operation, as its mutation takes it.")]
    ) -> Preview:
        context = reading(info)
        name, asked = operation_in(operation)
        context.caller.need(_NEEDED.get(name, Scope.CURATE))
        selection = context.selection(info)
        try:
            wanted = operation_of(asked)
        except BadInput as error:
            error.path = ("operation", name, *error.path)
            raise
        traits = selection.wants(below="traitConflicts") if selection.asks_for("traitConflicts") else None
        long = Long(context.service.settings.max_withdrawn)
        shown = await show_preview(context.store, wanted, selection.wants(below="profiles"), traits, by=context.by, long=long)
        return Preview.of(shown, context.sight)

    @resolved("The feed of what happened to OneIDs, in one global order, from its start or from `after`; each entry at least once.")
    async def changes(
        self,
        info: Info,
        after: Annotated[
            str | None, strawberry.argument(description="`cursor` of a change, or `endCursor` of a page; null: from the start.")
        ] = UNSET,
        kinds: Annotated[list[ChangeKind] | None, strawberry.argument(description="Only these kinds; null: all.")] = UNSET,
        first: First = UNSET,
    ) -> ChangeConnection:
        context = reading(info)
        page = _page(info, "changes", first, after)
        asked = said(kinds)
        names = None if asked is None else sorted({kind.value for kind in asked})
        connection = await context.store.changes(page, context.selection(info).wants(), kinds=names, token=context.after)
        return ChangeConnection.of(connection, lambda view: Change.of(view, context.sight), "changes", page.after)

    @resolved("The rules in force, or an earlier version of them; null for a version that never was.")
    async def rules(
        self,
        info: Info,
        version: Annotated[int | None, strawberry.argument(description="From 1; null: the one in force.")] = UNSET,
    ) -> RuleSet | None:
        view = await reading(info).store.rules(said(version))
        return RuleSet.of(view) if view else None

    @resolved("Long work by its id; null where there is none, or no longer: the last 200 that ended are kept. Needs scope `admin`.")
    async def job(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The `id` of a Job.")]) -> Job | None:
        info.context.caller.need(Scope.ADMIN)
        return await _job(info, id, ("id",), info.context.selection(info).wants())

    @resolved(
        "What people decided, newest first: every mutation but those that take in or take back evidence of sources, and every command that "
        "decides. Needs scope `admin`."
    )
    async def audit(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        operation: Annotated[
            str | None, strawberry.argument(description="Only this mutation, by its name, as `mergeProfiles`; null: all.")
        ] = UNSET,
        by: Annotated[str | None, strawberry.argument(description="Only what was done under this name; null: all.")] = UNSET,
        since: Annotated[Sent | None, strawberry.argument(description="Only what was done then or later; null: all.")] = UNSET,
    ) -> AuditConnection:
        context = info.context
        context.caller.need(Scope.ADMIN)
        page = _page(info, "audit", first, after)
        at = None if said(since) is None else instant_of(said(since), ("since",))
        found = await context.store.audit(page, operation=said(operation), by=said(by), since=at, token=context.after)
        return AuditConnection.of(found, page.after)

    @resolved("What remains of an erasure, by the id that it answered; null where there is none. Needs scope `privacy`.")
    async def receipt(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The `id` of a Receipt.")]
    ) -> Receipt | None:
        return await _receipt(info, id, ("id",))

    @resolved("How much the store holds.")
    async def stats(self, info: Info) -> Stats:
        return Stats.of(await reading(info).store.stats())
