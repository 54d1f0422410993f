"""Queries to begin with, by what they show; each works on any store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["EXAMPLES"]

EXAMPLES: Final[Mapping[str, str]] = {
    "what the store holds": """\
# OneID: fragments in, people with stable OneIDs out.
# Ctrl-Enter runs what stands here; more examples stand beside.
query Store {
  stats {
    profiles fragments identifiers links refusedLinks
    largestProfile sharedIdentifiers rulesVersion
  }
}
""",
    "the first people, with what is known of each": """\
query FirstPeople {
  profiles(kind: PERSON, first: 5) {
    edges {
      node {
        oneId
        identifiers(first: 10) {
          edges { node { namespace value masked lastSeenAt } }
        }
        traits { key value source observedAt }
        related(first: 3) {
          edges { node { weight direction profile { oneId } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    "take in two records of one person": """\
mutation TwoRecords {
  ingestFragments(input: {fragments: [
    {source: "crm", id: "c-1", observedAt: "2026-01-02T03:04:05Z", traits: {name: "李雷"},
     identifiers: [{namespace: "phone", value: "139 1234 5678"}, {namespace: "email", value: "Li.Lei@example.com"}]},
    {source: "app", id: "a-1", observedAt: "2026-01-03T08:00:00Z",
     identifiers: [{namespace: "email", value: "li.lei@example.com"}, {namespace: "device", value: "5f1c-77"}]}
  ]}) {
    accepted
    unchanged
    results { index status oneId blocked }
    rejected { index code message path }
    userErrors { code message path }
  }
}
""",
    "one person by any identifier, and why it is one person": """\
query OnePerson {
  profile(by: {identifier: {namespace: "phone", value: "139 1234 5678"}}) {
    oneId
    kind
    identifiers { edges { node { namespace value status } } }
    links {
      edges { node { a { namespace value } b { namespace value } fragmentCount lastSeenAt bridge } }
    }
    fragments { edges { node { source recordId observedAt traits } } }
  }
}
""",
    "the feed of what happened to OneIDs": """\
query Feed {
  changes(first: 10) {
    edges {
      node {
        at kind oneId leadsTo cause { kind }
        gained { edges { node { namespace masked } } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    "follow the feed": """\
subscription FollowFeed {
  changes {
    cursor at kind oneId leadsTo
    gained { edges { node { namespace masked } } }
    lost { edges { node { namespace masked } } }
  }
}
""",
}
