"""The rules: which namespaces there are, how strong each is, and what may join.

A document is TOML; it is read once and never changes. A namespace that no rule declares is weaker than every declared
one, by name among its like, trimmed and without limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from importlib.resources import files

from graph.model import Identifier
from graph.resolve.document import Table, read_document
from graph.resolve.namespaces import Blocklist, Conflict, Namespace, read_namespaces, undeclared
from graph.resolve.normalise import Blocked, Normalise, identifies_nobody, normal_form
from graph.resolve.trait_rules import Strategy, TraitRules, TraitStrategy, read_traits

__all__ = [
    "Blocked",
    "Blocklist",
    "Conflict",
    "Namespace",
    "Normalise",
    "Rules",
    "Strategy",
    "TraitRules",
    "TraitStrategy",
]

_REMEMBERED = 65_536
"""Identifiers whose normal form a Rules object keeps at hand."""
_REMEMBERED_NAMES = 4_096
"""Undeclared namespaces it keeps; their names come from outside, so there may be any number."""

_NOBODY = Blocked("identifies nobody")
_BY_RULES = Blocked("blocked by the rules")
_UNDECLARED = Blocked("namespace is not declared")


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Rules:
    """A rules document, ready to be asked. Two are equal only where they are one object.

    `toml` is the text it was read from, `max_identifiers` bounds the identifiers of a profile (None: no bound),
    `namespaces` are the declared ones, strongest first. `normalise` gives an identifier as it is kept, or why it becomes
    none; it is asked for every identifier that arrives, so answers are remembered.
    """

    toml: str = field(repr=False)
    declared_only: bool = False
    max_identifiers: int | None = None
    traits: TraitRules = field(default_factory=TraitRules)
    namespaces: tuple[Namespace, ...] = ()
    normalise: Callable[[Identifier], Identifier | Blocked] = field(init=False, repr=False)
    _declared: Mapping[str, Namespace] = field(init=False, repr=False)
    _undeclared: Callable[[str], Namespace] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        declared = {namespace.name: namespace for namespace in self.namespaces}
        weakest = len(declared)
        set_once = partial(object.__setattr__, self)
        set_once("_declared", declared)
        set_once("_undeclared", lru_cache(_REMEMBERED_NAMES)(partial(undeclared, weakest=weakest)))
        set_once("normalise", lru_cache(_REMEMBERED)(self._normalise))

    @classmethod
    def parse(cls, toml: str) -> Rules:
        """Read a document; `BadRules` names what cannot be applied. An empty one has no rules at all."""
        top = Table("", read_document(toml))
        top.allow(("declared_only", "namespace", "profile", "traits"))
        profile = Table("[profile]", top.value("profile") if "profile" in top else {})
        profile.allow(("max_identifiers",))
        return cls(
            toml,
            declared_only=top.flag("declared_only") or False,
            max_identifiers=profile.count("max_identifiers"),
            traits=read_traits(top.value("traits") if "traits" in top else {}),
            namespaces=read_namespaces(top.tables("namespace")),
        )

    @classmethod
    def builtin(cls) -> Rules:
        """The rules in force where nobody gave any; always the same object."""
        return _builtin()

    def namespace(self, name: str) -> Namespace:
        """What holds for a namespace, declared or not."""
        return self._declared.get(name) or self._undeclared(name)

    def _normalise(self, identifier: Identifier) -> Identifier | Blocked:
        name, value = identifier
        namespace = self.namespace(name)
        if self.declared_only and name not in self._declared:
            return _UNDECLARED
        if identifies_nobody(value):
            return _NOBODY
        form = normal_form(value, namespace.normalise, namespace.region)
        if isinstance(form, Blocked):
            return form
        if form != value and identifies_nobody(form):
            return _NOBODY
        if namespace.blocked.holds(form):
            return _BY_RULES
        return Identifier(name, form)

    def __reduce__(self) -> tuple[Callable[[str], Rules], tuple[str]]:
        return Rules.parse, (self.toml,)


@cache
def _builtin() -> Rules:
    return Rules.parse(files("graph.resolve").joinpath("builtin.toml").read_text(encoding="utf-8"))
