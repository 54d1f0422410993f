"""The schema against the file that is printed from it, and against the core that clients rely on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    print_ast,
)

from service.gql.schema import print_sorted

ROOT = Path(__file__).parents[3]
CORE = build_schema((ROOT / "tests/data/schema-core.graphql").read_text(encoding="utf-8"), assume_valid=True)
OURS = build_schema(print_sorted())

MORE_TYPES = {"ContradictingSource"}
MORE_FIELDS = {
    "Stats.contradictions",
    *(f"Query.audit({name})" for name in ("operation", "by", "since")),
    *(f"AuditEntry.{name}" for name in ("keyId", "profilesBefore", "profilesAfter", "moved", "subjects", "jobId")),
}
MORE_ENUM_VALUES = {"RefusalRule.SAME", "ErrorCode.UNAVAILABLE"}


def test_the_printed_schema_is_the_file() -> None:
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == print_sorted(), "run `oneid schema > schema.graphql`"


def test_the_types_of_the_core_are_there() -> None:
    assert {name for name in CORE.type_map if not name.startswith("__")} <= OURS.type_map.keys()


def test_nothing_is_there_that_the_core_does_not_name() -> None:
    assert {name for name in OURS.type_map if not name.startswith("__")} - CORE.type_map.keys() == MORE_TYPES


def test_fields_arguments_and_nullability_are_those_of_the_core() -> None:
    ours, core = signatures(OURS), signatures(CORE)
    assert {name: ours.get(name) for name in core} == core
    assert {name for name in ours.keys() - core.keys() if name.split(".")[0] not in MORE_TYPES} == MORE_FIELDS


def test_enums_have_the_values_of_the_core() -> None:
    for name, type_ in OURS.type_map.items():
        core = CORE.type_map.get(name)
        if isinstance(type_, GraphQLEnumType) and isinstance(core, GraphQLEnumType) and not name.startswith("__"):
            more = {f"{name}.{value}" for value in type_.values.keys() - core.values.keys()}
            assert core.values.keys() <= type_.values.keys(), name
            assert more <= MORE_ENUM_VALUES


def test_objects_implement_what_the_core_says() -> None:
    for name, type_ in OURS.type_map.items():
        core = CORE.type_map.get(name)
        if isinstance(type_, GraphQLObjectType) and isinstance(core, GraphQLObjectType):
            assert {one.name for one in type_.interfaces} == {one.name for one in core.interfaces}, name


def test_one_of_inputs_are_one_of() -> None:
    for name, type_ in OURS.type_map.items():
        core = CORE.type_map.get(name)
        if isinstance(type_, GraphQLInputObjectType) and isinstance(core, GraphQLInputObjectType):
            assert type_.is_one_of == core.is_one_of, name


@pytest.mark.parametrize(
    "name", [name for name in OURS.type_map if not name.startswith("__") and name not in "String Int Float Boolean ID"]
)
def test_everything_is_described(name: str) -> None:
    type_ = OURS.type_map[name]
    undescribed = [] if type_.description else [name]
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for field_name, field in type_.fields.items():
            undescribed += [] if field.description else [f"{name}.{field_name}"]
            undescribed += [f"{name}.{field_name}({arg})" for arg, one in field.args.items() if not one.description]
    if isinstance(type_, GraphQLInputObjectType):
        undescribed += [f"{name}.{arg}" for arg, one in type_.fields.items() if not one.description]
    if isinstance(type_, GraphQLEnumType):
        undescribed += [f"{name}.{value}" for value, one in type_.values.items() if not one.description]

    assert undescribed == []


def test_a_nullable_field_says_what_null_means() -> None:
    silent = [
        f"{name}.{field_name}"
        for name, type_ in OURS.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
        for field_name, field in type_.fields.items()
        if not str(field.type).endswith("!") and not re.search(r"[Nn]ull", f"{field.description} {type_.description}")
    ]

    assert silent == []


def signatures(schema: GraphQLSchema) -> dict[str, str]:
    """By `Type.field` its type, by `Type.field(argument)` its type and default."""
    found: dict[str, str] = {}
    for name, type_ in schema.type_map.items():
        if not name.startswith("__"):
            found.update(_fields(name, type_))
    return found


def _fields(name: str, type_: GraphQLNamedType) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for field_name, field in type_.fields.items():
            found[f"{name}.{field_name}"] = str(field.type)
            for arg, one in field.args.items():
                found[f"{name}.{field_name}({arg})"] = f"{one.type} = {_default(one)}"
    if isinstance(type_, GraphQLInputObjectType):
        found.update({f"{name}.{arg}": f"{one.type} = {_default(one)}" for arg, one in type_.fields.items()})
    return found


def _default(one: GraphQLArgument | GraphQLInputField) -> str:
    default = one.ast_node.default_value if one.ast_node else None
    return print_ast(default) if default else "none"
