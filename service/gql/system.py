"""About the service itself: the rules in force and counts."""

from __future__ import annotations

from typing import Self

import strawberry

from graph.views import RuleSetView, StatsView
from service.gql.scalars import DateTime, Long

__all__ = ["ContradictingSource", "RuleSet", "Stats"]


@strawberry.type(description="The rules that say who belongs together.")
class RuleSet:
    version: int = strawberry.field(description="Counts up with every change of the rules; 1 is the first.")
    toml: str = strawberry.field(description="The document, in TOML.")
    applied_at: DateTime = strawberry.field(description="When they came into force.")
    by: str | None = strawberry.field(description="Who applied them; null where nobody is named.")

    @classmethod
    def of(cls, view: RuleSetView) -> Self:
        return cls(version=view.version, toml=view.toml, applied_at=DateTime(view.applied_at), by=view.by)


@strawberry.type(description="A source system whose records contradict themselves.")
class ContradictingSource:
    source: str = strawberry.field(description="The source system.")
    records: Long = strawberry.field(description="How many of its records that count hold more identifiers of a namespace than its limit.")


@strawberry.type(description="How much the store holds. Counts are null where counting would be costly.")
class Stats:
    identifiers: Long | None = strawberry.field(description="Identifiers that a record or judgement mentions.")
    links: Long | None = strawberry.field(description="Pairs of identifiers that records link and that are used.")
    refused_links: Long | None = strawberry.field(description="Pairs that records link and that a rule refuses.")
    profiles: Long | None = strawberry.field(description="Profiles of every kind.")
    fragments: Long | None = strawberry.field(description="Records that count: one version each.")
    largest_profile: int | None = strawberry.field(description="Identifiers of the largest profile.")
    shared_identifiers: Long | None = strawberry.field(description="Identifiers that many share and that join nobody.")
    contested_profiles: Long | None = strawberry.field(
        description="Profiles that a refused link, a judgement or a parked group connects to another."
    )
    contradictions: list[ContradictingSource] = strawberry.field(
        description="The source systems with the most records that contradict themselves, most first; at most 20."
    )
    store: str = strawberry.field(description="The kind of store, such as `sqlite`.")
    rules_version: int = strawberry.field(description="Version of the rules in force.")

    @classmethod
    def of(cls, view: StatsView) -> Self:
        return cls(
            identifiers=Long(view.identifiers),
            links=Long(view.links),
            refused_links=Long(view.refused_links),
            profiles=Long(view.profiles),
            fragments=Long(view.fragments),
            largest_profile=view.largest_profile,
            shared_identifiers=Long(view.shared_identifiers),
            contested_profiles=Long(view.contested_profiles),
            contradictions=[ContradictingSource(source=name, records=Long(times)) for name, times in view.contradictions.items()],
            store=view.store,
            rules_version=view.rules_version,
        )
