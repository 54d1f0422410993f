"""Erasures: receipts, and what the mutations about them answer."""

from __future__ import annotations

from typing import Self, cast

import strawberry

from graph.store.ports import ReceiptRow
from service.gql.enums import ErasureState
from service.gql.ids import node_id, node_key
from service.gql.node import Node
from service.gql.scalars import DateTime
from service.gql.user_error import UserError

__all__ = ["ErasePayload", "Receipt", "receipt_number"]


@strawberry.type(description="What remains of an erasure: when, who, why and how much; no values. Needs scope `privacy`.")
class Receipt(Node):
    at: DateTime = strawberry.field(description="When it was done; from then on no request finds what it erased.")
    by: str | None = strawberry.field(description="Who did it, by the name of the API key; null where nobody is named.")
    reason: str = strawberry.field(description="Why, as it was said.")
    identifiers: int = strawberry.field(description="How many identifiers it erased; each is refused when it comes again.")
    records: int = strawberry.field(description="How many records went with them, or lost what they said of them.")
    state: ErasureState = strawberry.field(description="How far it is.")
    purged_at: DateTime | None = strawberry.field(description="When it was complete; null while it is not.")

    @classmethod
    def of(cls, row: ReceiptRow) -> Self:
        return cls(
            id=strawberry.ID(node_id("receipt", row.n)),
            at=cast(DateTime, row.at),
            by=row.by,
            reason=row.reason,
            identifiers=row.identifiers,
            records=row.records,
            state=ErasureState.PURGING if row.purged is None else ErasureState.COMPLETE,
            purged_at=None if row.purged is None else cast(DateTime, row.purged),
        )


@strawberry.type(description="What became of an erasure, or of those who may come again.")
class ErasePayload:
    receipt: Receipt | None = strawberry.field(
        description="The receipt; keep its id, nothing else leads to it. Null where nothing was done."
    )
    erased: list[str] = strawberry.field(
        description="The identifiers that it was about, normalised, as `namespace:value`, masked whoever asks; the first 100. Empty for a "
        "retry with the same clientMutationId."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")
    client_mutation_id: str | None = strawberry.field(description="The clientMutationId that came; null where none came.")


def receipt_number(sent: str, path: tuple[str, ...]) -> int | None:
    """The number of a receipt by its id; None where the id is that of something else."""
    kind, numbers = node_key(sent, path)
    return numbers[0] if kind == "receipt" else None
