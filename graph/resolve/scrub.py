"""What is left of evidence when some identifiers are taken out of it: pure, and the same whenever the same evidence comes again.

A text holds a value where it contains it, whatever the case; a value of fewer than `SHORT` characters only as a word of its own, since
`1` stands in every second text. A text that the rules would normalise to an erased identifier holds it, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from graph.model import Fragment, Identifier, Judgement
from graph.resolve.rules import Blocked, Rules

__all__ = ["SHORT", "Traces", "erased_in", "less_ends", "own_traces", "without", "without_ends"]

SHORT: Final = 5
_NOTHING: Final = re.compile(r"(?!)")


class Traces:
    """Finds what was erased in other texts. `erased`: identifiers as normalised; `sent`: the ways in which they were written."""

    def __init__(self, erased: Collection[Identifier], sent: Collection[str], rules: Rules) -> None:
        self._erased = frozenset(erased)
        self._namespaces = sorted({identifier.namespace for identifier in erased})
        self._rules = rules
        texts = {text.casefold() for text in (*sent, *(identifier.value for identifier in erased))} - {""}
        self._long = _any_of(text for text in texts if len(text) >= SHORT)
        self._short = _any_of((text for text in texts if len(text) < SHORT), r"(?<!\w)(?:{})(?!\w)")

    def in_text(self, text: str) -> bool:
        folded = text.casefold()
        if self._long.search(folded) or self._short.search(folded):
            return True
        return any(self._rules.normalise(Identifier(namespace, text)) in self._erased for namespace in self._namespaces)

    def in_value(self, value: Any) -> bool:
        """Whether a trait's value holds any: texts and numbers in it at any depth, keys among them."""
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, Mapping):
            return any(self.in_text(key) or self.in_value(inner) for key, inner in value.items())
        if isinstance(value, list | tuple):
            return any(self.in_value(inner) for inner in value)
        return isinstance(value, int | float) and not isinstance(value, bool) and self.in_text(str(value))

    def left(self, traits: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The traits that hold none; None where none are left."""
        kept = {key: value for key, value in (traits or {}).items() if not self.in_text(key) and not self.in_value(value)}
        return kept or None


def _any_of(texts: Any, form: str = "{}") -> re.Pattern[str]:
    listed = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile(form.format("|".join(map(re.escape, listed)))) if listed else _NOTHING


def without(fragment: Fragment, erased: Collection[Identifier], rules: Rules, traces: Traces | None = None) -> Fragment:
    """The fragment without identifiers (as normalised, or as sent where the rules block them) and without the traits that hold them; its id
    stays. `traces`: how else they were written; by default those of this fragment as it has them, so that what is left of it does not
    depend on who else was erased.

    With nothing left of it that identifies, its traits go, too.
    """
    gone = erased_in(fragment, erased, rules)
    left = tuple(one for one in fragment.identifiers if one not in gone)
    if traces is None:
        traces = own_traces(gone, erased, rules)
    traits = fragment.traits if traces is None else traces.left(fragment.traits)
    return replace(fragment, identifiers=left, traits=traits if left else None)


def own_traces(gone: Collection[Identifier], erased: Collection[Identifier], rules: Rules) -> Traces | None:
    """The traces of those in one fragment that were erased, as it has them; None where there are none."""
    if not gone:
        return None
    return Traces({one if one in erased else Identifier(*rules.normalise(one)) for one in gone}, [one.value for one in gone], rules)


def erased_in(fragment: Fragment, erased: Collection[Identifier], rules: Rules) -> tuple[Identifier, ...]:
    """Those in a fragment, as sent, that were erased."""
    return tuple(one for one in fragment.identifiers if one in erased or rules.normalise(one) in erased)


def without_ends(judgement: Judgement, erased: Collection[Identifier], rules: Rules) -> Judgement | None:
    """The judgement without ends, and without its reason; None where a side is left without any, those that the rules block not counted.
    One that names none of them stays, void or not."""
    less = less_ends(judgement, erased, rules)
    if less is None or less is judgement:
        return less
    return less if all(any(not isinstance(rules.normalise(end), Blocked) for end in side) for side in less.sides) else None


def less_ends(judgement: Judgement, erased: Collection[Identifier], rules: Rules) -> Judgement | None:
    """As `without_ends`, blocked ends counted: of a judgement on record, which keeps no blocked ends but the first."""
    sides = [tuple(end for end in side if end not in erased and rules.normalise(end) not in erased) for side in judgement.sides]
    if tuple(sides) == judgement.sides:
        return judgement
    if not sides[0] or not sides[1]:
        return None
    (a, *with_a), (b, *with_b) = sides
    return replace(judgement, a=a, b=b, with_a=tuple(with_a), with_b=tuple(with_b), reason="")
