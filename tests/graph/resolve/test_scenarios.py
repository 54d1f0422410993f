"""Worked identity scenarios, each in many orders of its lines: the reference gives what they expect, and so does the fast resolver."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from graph.lines import parse_evidence
from graph.model import Fragment, Identifier, Judgement
from graph.resolve.rules import Rules
from graph.resolve.whole import resolve
from tests.reference import reference_resolve

SCENARIOS = json.loads((Path(__file__).parents[2] / "data/scenarios/scenarios.json").read_text(encoding="utf-8"))
ORDERS = 24


def orders(scenario: dict[str, Any]) -> list[list[Fragment | Judgement]]:
    """The lines as they are, reversed and in random orders."""
    lines = [parse_evidence(json.dumps(line)) for line in scenario["lines"]]
    random = Random(scenario["id"])
    return [lines, lines[::-1], *(random.sample(lines, len(lines)) for _ in range(ORDERS - 2))]


def split(lines: list[Fragment | Judgement]) -> tuple[list[Fragment], list[Judgement]]:
    return [each for each in lines if isinstance(each, Fragment)], [each for each in lines if isinstance(each, Judgement)]


def without(loose: list[str], profiles: tuple[tuple[Identifier, ...], ...]) -> list[list[str]]:
    """The partition as sorted texts, without the identifiers whose place is left open."""
    kept = [sorted(each.text for each in profile if each.text not in loose) for profile in profiles]
    return sorted(profile for profile in kept if profile)


@pytest.fixture(params=SCENARIOS, ids=lambda scenario: scenario["id"])
def scenario(request: pytest.FixtureRequest) -> dict[str, Any]:
    chosen: dict[str, Any] = request.param
    return chosen


def test_all_scenarios_are_there() -> None:
    assert len({each["id"] for each in SCENARIOS}) == 34


def test_reference_scenarios(scenario: dict[str, Any]) -> None:
    rules = Rules.parse(scenario["rules"])
    for lines in orders(scenario):
        found = reference_resolve(*split(lines), rules)

        assert without(scenario["loose"], found.profiles) == sorted(map(sorted, scenario["profiles"]))


def test_scenarios(scenario: dict[str, Any]) -> None:
    rules = Rules.parse(scenario["rules"])
    first, *others = [resolve(*split(lines), rules) for lines in orders(scenario)]

    assert without(scenario["loose"], first.profiles) == sorted(map(sorted, scenario["profiles"]))
    for other in others:
        assert other.profiles == first.profiles
        assert set(other.refused) == set(first.refused)
