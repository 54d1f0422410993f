"""The page that browsers get at /graphql: GraphiQL where its assets can be fetched, and until then, or without, a simple one."""

from __future__ import annotations

import json
import secrets
from functools import cache
from pathlib import Path
from typing import Final

from graphql import parse, print_ast

from service.gql.examples import EXAMPLES
from service.sample import EXAMPLES as SAMPLE

__all__ = ["page_for"]

_UNPKG: Final = "https://unpkg.com"
_ASSETS: Final = (
    ("react@18.3.1/umd/react.production.min.js", "DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z"),
    ("react-dom@18.3.1/umd/react-dom.production.min.js", "gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1"),
    ("graphiql@3.8.3/graphiql.min.css", "Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM"),
    ("graphiql@3.8.3/graphiql.min.js", "HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie"),
)
"""What GraphiQL is made of, with the SHA-384 of each file as its maker published it; anything else is not run."""


def page_for(*, keys: bool) -> tuple[str, dict[str, str]]:
    """The page and its headers; `keys`: callers need an API key, so the page has a place for one."""
    nonce = secrets.token_urlsafe(16)
    text = _template().replace("{{nonce}}", nonce).replace("{{data}}", _data(keys=keys))
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}' {_UNPKG}; style-src 'unsafe-inline' {_UNPKG}; "
        f"img-src data:; font-src data: {_UNPKG}; connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'"
    )
    return text, {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _template() -> str:
    return Path(__file__).with_name("page.html").read_text(encoding="utf-8")


@cache
def _data(*, keys: bool) -> str:
    examples = [{"title": title, "query": query} for title, query in EXAMPLES.items()]
    examples += [
        {"title": f"sample: {title}", "query": _laid_out(query, f"Sample{place}")} for place, (title, query) in enumerate(SAMPLE.items(), 1)
    ]
    assets = [{"url": f"{_UNPKG}/{path}", "integrity": f"sha384-{digest}"} for path, digest in _ASSETS]
    return json.dumps({"examples": examples, "assets": assets, "keys": keys}, ensure_ascii=False).replace("<", "\\u003c")


def _laid_out(query: str, name: str) -> str:
    """A query that was written on one line, under a name; GraphiQL calls its tab so."""
    return print_ast(parse(f"query {name} {query}")) + "\n"
