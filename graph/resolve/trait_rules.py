"""Which of several values of a trait a profile shows, and which traits are names; the `[traits]` table of the rules.

```toml
[traits]
default = "most_recent"             # for traits without a table of their own; { strategy = …, priority = … } works too
names = ["name", "姓名"]            # what `search` finds people by
[traits.city]
strategy = "source_priority"
priority = ["crm", "billing"]       # sources, most trusted first; the others come after them
```

`default` and `names` are words of this table: a trait that is called so follows the default strategy,
it cannot have its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from graph.errors import BadRules
from graph.resolve.document import Table

__all__ = ["NAMES", "Strategy", "TraitRules", "TraitStrategy", "read_traits"]


class Strategy(StrEnum):
    """How one of several values is chosen; `union` shows all of them."""

    MOST_RECENT = "most_recent"
    SOURCE_PRIORITY = "source_priority"
    MOST_FREQUENT = "most_frequent"
    EARLIEST = "earliest"
    UNION = "union"


class TraitStrategy(NamedTuple):
    """A strategy; `priority` holds the sources of `source_priority`, most trusted first, and is empty for others."""

    kind: Strategy
    priority: tuple[str, ...] = ()


NAMES = frozenset(
    {"name", "full_name", "fullName", "first_name", "firstName", "last_name", "lastName", "given_name", "givenName"}
    | {"family_name", "familyName", "display_name", "displayName", "account_name", "accountName"}
    | {"nickname", "nick_name", "nickName", "姓名", "姓", "名", "名字", "名称", "昵称", "用户名"}
)
"""The traits that people are found by where the rules name none."""


_MOST_RECENT = TraitStrategy(Strategy.MOST_RECENT)


@dataclass(frozen=True, slots=True)
class TraitRules:
    """How traits become a golden record."""

    default: TraitStrategy = _MOST_RECENT
    own: Mapping[str, TraitStrategy] = field(default_factory=lambda: MappingProxyType({}))
    names: frozenset[str] = NAMES

    def strategy_of(self, key: str) -> TraitStrategy:
        """The strategy of one trait."""
        return self.own.get(key, self.default)


def read_traits(content: object) -> TraitRules:
    """The `[traits]` table."""
    table = Table("[traits]", content)
    names = table.texts("names")
    own = {key: _strategy(Table(f"[traits.{key}]", table.value(key))) for key in table if key not in ("default", "names")}
    return TraitRules(
        default=_default(table),
        own=MappingProxyType(own),
        names=NAMES if names is None else frozenset(names),
    )


def _default(table: Table) -> TraitStrategy:
    content = table.value("default")
    if isinstance(content, dict):
        return _strategy(Table("[traits.default]", content))
    kind = table.choice("default", Strategy) or Strategy.MOST_RECENT
    if kind is Strategy.SOURCE_PRIORITY:
        raise table.refusal("default", f'"{kind}" alone', '{ strategy = "source_priority", priority = ["crm"] }')
    return TraitStrategy(kind)


def _strategy(table: Table) -> TraitStrategy:
    table.allow(("strategy", "priority"))
    kind = table.choice("strategy", Strategy)
    if kind is None:
        raise table.refusal("strategy", "nothing", f"one of {', '.join(Strategy)}")
    priority = table.texts("priority")
    if (priority is not None) != (kind is Strategy.SOURCE_PRIORITY):
        raise BadRules(f'{table.place} priority: stands with strategy = "source_priority", and only there')
    if priority is not None and (not priority or len(set(priority)) < len(priority)):
        raise table.refusal("priority", f"{len(priority)} texts", "at least one source, each once,")
    return TraitStrategy(kind, priority or ())
