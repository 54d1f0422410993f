"""Why two identifiers belong together, or do not: the question as people ask it, and the answer as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from graph.model import Identifier, Rule, rfc3339
from graph.resolve.rules import Blocked, Rules
from graph.ruled import by_rules
from graph.store.ports import Moment, Store
from graph.store.reading.explain import unknown
from graph.views import ExplanationView, LinkView, Standing, Want

__all__ = ["REASONS", "explain", "sentence", "unknown"]

REASONS: Final[Mapping[Rule, str]] = {
    Rule.CONTRADICTION: "the records that carry it hold more identifiers of one namespace than its limit",
    Rule.SCORE: "its score is below the least score of the rules",
    Rule.SHARED: "one of the two is shared by too many others",
    Rule.PARK: "not all links of an identifier in this namespace can hold, so none does",
    Rule.DISTINCT: "a judgement holds the two apart",
    Rule.LIMIT: "the profile would hold more identifiers of one namespace than its limit",
    Rule.MAX_IDENTIFIERS: "the profile, or what surrounds one identifier, would grow too large",
    Rule.SAME: "newer judgements say that the two belong together",
}
"""Why a link is not used, by the rule that refuses it."""

_NAMED: Final = 5
"""Identifiers of a chain that a sentence names."""


async def explain(
    store: Store, a: Identifier, b: Identifier, want: Sequence[Want] = (), *, token: int | None = None, then: Moment | None = None
) -> ExplanationView:
    """Why two identifiers, as people write them, are together or apart, now or `then`."""

    async def by(rules: Rules) -> ExplanationView:
        normal = {one: rules.normalise(one) for one in (a, b)}
        blocked = tuple(one for one, form in normal.items() if isinstance(form, Blocked))
        x, y = ((one if isinstance(form := normal[one], Blocked) else form) for one in (a, b))
        if blocked:
            await store.profiles_by((), (), token=token)  # by which other rules are heard of
            return ExplanationView(x, y, Standing.BLOCKED, missing=blocked)
        return await store.explain(x, y, want, token=token, as_of=None if then is None else then.commit)

    return await (by_rules(store, by) if then is None else by(then.rules))


def sentence(view: ExplanationView, show: Callable[[Identifier], str]) -> str:
    """The answer as one sentence; `show` says an identifier as the reader may see it."""
    a, b = show(view.a), show(view.b)
    match view.standing:
        case Standing.ONE:
            return f"Both are one identifier, {a}."
        case Standing.TOGETHER:
            return f"{a} and {b} belong together: {_together(view, show)}."
        case Standing.UNKNOWN:
            return f"{_all(view.missing, show)} not known: no record, interaction or judgement that counts mentions {_it(view.missing)}."
        case Standing.BLOCKED:
            return f"{_all(view.missing, show)} blocked by the rules, so that nobody can be known by {_it(view.missing)}."
        case _:
            return f"{a} and {b} are apart: {_apart(view, show)}."


def _all(some: Sequence[Identifier], show: Callable[[Identifier], str]) -> str:
    return f"{' and '.join(show(one) for one in some)} {'is' if len(some) == 1 else 'are'}"


def _it(some: Sequence[Identifier]) -> str:
    return "it" if len(some) == 1 else "them"


# ---------------------------------------------------------------- together


def _together(view: ExplanationView, show: Callable[[Identifier], str]) -> str:
    links, refused, bridges = view.counts
    if not links:
        return "too many links hold their profile together to work out a chain between the two"
    return f"{_chain(view, links, show)}; {_hanging(bridges, refused, view.cut)}"


def _chain(view: ExplanationView, links: int, show: Callable[[Identifier], str]) -> str:
    if links == 1:
        return _evidence(view.path[0])
    names = [show(one) for one in view.chain]
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 2], "…", *names[-2:]]
    judged = sum(link.judgement is not None for link in view.path)
    said = f", {judged} of them by judgement" if judged else ""
    return f"the strongest chain between them has {links:,} links{said}, {' – '.join(names)}"


def _evidence(link: LinkView) -> str:
    if link.judgement is not None:
        return f"a judgement of {rfc3339(link.first_seen)[:10]} says that they are the same"
    records = "1 record carries" if link.fragment_count == 1 else f"{link.fragment_count:,} records carry"
    return f"{records} both, the last one of {rfc3339(link.last_seen)[:10]}"


def _hanging(bridges: int, refused: int, cut: bool) -> str:
    if not bridges:
        return "losing any single link would not part them"
    hanging = f"losing {'1 link' if bridges == 1 else f'any one of {bridges:,} links'} would part them"
    if not refused:
        return hanging
    several = "a refused link" if refused == 1 else f"one of {'at least ' if cut else ''}{refused:,} refused links"
    return f"{hanging}, unless {several} took its place"


# ---------------------------------------------------------------- apart


def _apart(view: ExplanationView, show: Callable[[Identifier], str]) -> str:
    match view.standing:
        case Standing.REFUSED:
            return _refused(view, show)
        case Standing.CHAIN:
            nearest, first = "a" if view.cut else "the shortest", view.refused[0]
            return (
                f"no link leads from one profile to the other, and {nearest} chain over other profiles has {view.counts[1]} refused links, "
                f"the first {_ends(first, show)}, since {_reason(first)}"
            )
        case Standing.UNFOUND:
            return f"no chain of up to 6 refused links was found between them among the {view.profiles:,} profiles looked at"
        case _:
            return "no evidence connects them"


def _refused(view: ExplanationView, show: Callable[[Identifier], str]) -> str:
    """What is refused between the two profiles: what counts most, and how much there is."""
    first, (_, count, _) = view.refused[0], view.counts
    more = "at least " if view.cut else ""
    if first.kind == "distinct":
        others = {1: "", 2: f", and {more}1 link more between their profiles is not used"}
        said = others.get(count, f", and {more}{count - 1:,} links more between their profiles are not used")
        return f"a judgement of {rfc3339(first.first_seen)[:10]} holds {_ends(first, show)} apart{said}"
    if count == 1:
        return f"1 link between their profiles is not used, {_ends(first, show)}, since {_reason(first)}"
    return f"{more}{count:,} links between their profiles are not used, the strongest {_ends(first, show)}, since {_reason(first)}"


def _ends(link: LinkView, show: Callable[[Identifier], str]) -> str:
    a, b = sorted((link.a.identifier, link.b.identifier), key=lambda one: one.text)
    return f"{show(a)} – {show(b)}"


def _reason(link: LinkView) -> str:
    if link.refused is None:
        return REASONS[Rule.DISTINCT]
    where = f" (namespace {link.refused.namespace})" if link.refused.namespace else ""
    return f"{REASONS[link.refused.rule]}{where}"
