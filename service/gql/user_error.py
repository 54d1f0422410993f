"""A refusal of the business, as payloads and jobs tell it."""

from __future__ import annotations

import strawberry

from service.gql.enums import ErrorCode

__all__ = ["UserError"]


@strawberry.type(description="Why something was not done.")
class UserError:
    code: ErrorCode = strawberry.field(description="The kind of reason.")
    message: str = strawberry.field(description="One sentence: what came and what is allowed. It holds no personal data.")
    path: list[str] = strawberry.field(description="From `input` to the field that it is about.")
