"""The mapping: a TOML document that says how the CSV files of source systems are read as fragments and interactions.

    [[fragments]]
    path = "crm_contacts.csv"          # name or glob, in the folder of the mapping or of the file given
    source = "crm"
    id = "contact_id"                  # a column by name, or by number from 1; several are joined with ":"
    observed_at = ["updated_at", "created_at"]     # the first that is filled
    identifiers = [
        { namespace = "email", column = "emails", split = ";" },
        { namespace = "phone", column = "phone", region = "US" },
    ]
    traits = { name = ["first_name", "last_name"], vip = { column = "vip", type = "boolean" } }
    constants = { segment = "b2b" }

    [[interactions]]
    path = "likes.csv"
    source = "forum"
    type = "like"
    from = { namespace = "member", column = "who" }
    to = { namespace = "member", column = "post", lookup = "author" }
    at = "when"
    time_format = "epoch_ms"

    [lookup.author]                    # what stands beside a key in another file; held in memory
    path = "posts.csv"
    key = "post_id"
    value = "author_id"

Everything that is not known here is refused, with its place in the document.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping as AnyMapping
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from graph.errors import BadInput

__all__ = ["BadMapping", "Cell", "FragmentFile", "IdentifierCell", "InteractionFile", "Lookup", "Mapping", "TraitCell"]


_A_DAY = datetime(1987, 12, 31, 22, 47, 58)


class BadMapping(BadInput):
    """A mapping document that cannot be used; the message names the place in it."""


def _column(sent: Any) -> str | int:
    if isinstance(sent, str) and sent:
        return sent
    if isinstance(sent, int) and not isinstance(sent, bool) and sent >= 1:
        return sent
    raise ValueError("a column is wanted: its name, or its number from 1")


def _cell(sent: Any) -> Any:
    return sent if isinstance(sent, AnyMapping | BaseModel) else {"column": sent}


def _list(sent: Any) -> Any:
    return sent if isinstance(sent, list) else [sent]


def _trait(sent: Any) -> Any:
    if isinstance(sent, AnyMapping) and "columns" not in sent and "column" in sent:
        cell = {key: value for key, value in sent.items() if key in ("column", "lookup")}
        return {**{key: value for key, value in sent.items() if key not in cell}, "columns": [cell]}
    return sent if isinstance(sent, AnyMapping | BaseModel) else {"columns": sent}


def _constant_or_cell(sent: Any) -> Any:
    return sent if isinstance(sent, AnyMapping | BaseModel) else {"constant": sent}


def _encoding(sent: str) -> str:
    try:
        codecs.lookup(sent)
        "".encode(sent)
    except (LookupError, ValueError, TypeError):
        raise ValueError("not a text encoding that Python knows") from None
    return sent


def _zone(sent: str) -> str:
    try:
        ZoneInfo(sent)
    except (OSError, ValueError, KeyError):
        raise ValueError("not a time zone of the IANA list, as Europe/Berlin") from None
    return sent


def _time_format(sent: str) -> str:
    if sent in ("rfc3339", "epoch_s", "epoch_ms"):
        return sent
    try:
        whole_date = datetime.strptime(_A_DAY.strftime(sent), sent).date() == _A_DAY.date()
    except ValueError:
        whole_date = False
    if not whole_date:
        raise ValueError("rfc3339, epoch_s, epoch_ms or a format of strptime with a whole date is wanted")
    return sent


def _region(sent: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if sent not in SUPPORTED_REGIONS:
        raise ValueError("a region of two capital letters is wanted, as US or CN")
    return sent


def _constants(sent: dict[str, Any]) -> dict[str, Any]:
    try:
        orjson.dumps(sent, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:
        raise ValueError("texts, numbers, booleans, lists and tables are wanted; write a date as text") from None
    return sent


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


Column: TypeAlias = Annotated[Any, BeforeValidator(_column)]


class _Cell(_Strict):
    """A column, or what a lookup gives for it."""

    column: Column
    lookup: str | None = None


Cell: TypeAlias = Annotated[_Cell, BeforeValidator(_cell)]
Cells: TypeAlias = Annotated[list[Cell], Field(min_length=1), BeforeValidator(_list)]
Character: TypeAlias = Annotated[str, Field(min_length=1, max_length=1)]


class IdentifierCell(_Cell):
    """An identifier in a column; `split` where a cell holds several, `region` where phones are written nationally."""

    namespace: Annotated[str, Field(min_length=1, max_length=64, pattern="^[^:]+$")]
    split: Annotated[str, Field(min_length=1)] | None = None
    region: Annotated[str, AfterValidator(_region)] | None = None


class _TraitCell(_Strict):
    """A trait from one column or several, joined with `join`; `split` makes a list; empty cells give no trait."""

    columns: Cells
    join: str = " "
    split: Annotated[str, Field(min_length=1)] | None = None
    type: Literal["text", "integer", "number", "boolean", "json"] = "text"


TraitCell: TypeAlias = Annotated[_TraitCell, BeforeValidator(_trait)]


class _ConstantOrCell(_Strict):
    """One value for the whole file, or a column."""

    column: Column | None = None
    lookup: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> _ConstantOrCell:
        if (self.column is None) is (getattr(self, "constant", None) is None):
            raise ValueError("either one value or a column is wanted")
        return self


class _Text(_ConstantOrCell):
    constant: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class _Weight(_ConstantOrCell):
    constant: Annotated[float, Field(ge=0, le=1e9)] | None = None


class _File(_Strict):
    """How a CSV file is written."""

    path: Annotated[str, Field(min_length=1)]
    delimiter: Character = ","
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    header: bool = True
    quoted: bool = True
    """False: a quotation mark is a character as any other."""


class Lookup(_File):
    """A table from `key` to `value`; all of it is held in memory."""

    key: Column
    value: Column


class _Records(_File):
    source: Annotated[str, Field(min_length=1, max_length=256)]
    id: Cells
    id_prefix: str = ""
    time_format: Annotated[str, AfterValidator(_time_format)] = "rfc3339"
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Of times written without one."""

    def reads(self, path: str) -> bool:
        name = PurePath(path).name
        pattern = PurePath(self.path).name
        return fnmatchcase(name, pattern) or fnmatchcase(name.removesuffix(".gz"), pattern)


class FragmentFile(_Records):
    observed_at: Cells
    identifiers: Annotated[list[IdentifierCell], Field(min_length=1, max_length=20)]
    traits: dict[str, TraitCell] = {}
    constants: Annotated[dict[str, Any], AfterValidator(_constants)] = {}
    score: Cell | None = None


class InteractionFile(_Records):
    type: Annotated[_Text, BeforeValidator(_constant_or_cell)]
    origin: Annotated[IdentifierCell, Field(alias="from")]
    target: Annotated[IdentifierCell, Field(alias="to")]
    at: Cells
    weight: Annotated[_Weight, BeforeValidator(_constant_or_cell)] = _Weight(constant=1.0)


class Mapping(_Strict):
    """A whole mapping document."""

    fragments: list[FragmentFile] = []
    interactions: list[InteractionFile] = []
    lookup: dict[str, Lookup] = {}

    @model_validator(mode="after")
    def _something(self) -> Mapping:
        if not self.fragments and not self.interactions:
            raise ValueError("no [[fragments]] and no [[interactions]] in it")
        return self

    @classmethod
    def parse(cls, toml: str) -> Mapping:
        """The mapping a TOML text holds; BadMapping names what is wrong with it, and where."""
        try:
            mapping = cls.model_validate(tomllib.loads(toml))
        except tomllib.TOMLDecodeError as error:
            raise BadMapping(f"the mapping is not valid TOML: {error}") from None
        except ValidationError as error:
            raise BadMapping("; ".join(_told(one) for one in error.errors()[:5])) from None
        mapping._check_lookups()
        return mapping

    def entries(self) -> list[FragmentFile | InteractionFile]:
        return [*self.fragments, *self.interactions]

    def entries_for(self, path: str) -> list[FragmentFile | InteractionFile]:
        """The entries that read a file of this name; fragments first."""
        return [entry for entry in self.entries() if entry.reads(path)]

    def paths(self, folder: Path) -> list[Path]:
        """Every file in the folder that an entry reads, in the order of the mapping, each once."""
        found: dict[Path, None] = {}
        for entry in self.entries():
            matches = sorted([*folder.glob(entry.path), *folder.glob(entry.path + ".gz")])
            if not matches:
                raise BadMapping(f"no file {entry.path} lies in the folder of the mapping")
            found.update(dict.fromkeys(matches))
        return list(found)

    def lookups_of(self, entry: FragmentFile | InteractionFile) -> list[str]:
        """The names of the lookups an entry uses."""
        return sorted(set(_lookups_of(entry.model_dump(exclude={"constants"}))))

    def _check_lookups(self) -> None:
        for entry in self.entries():
            for name in self.lookups_of(entry):
                if name not in self.lookup:
                    raise BadMapping(f"{entry.path}: there is no [lookup.{name}] in the mapping")


def _lookups_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["lookup"]] if isinstance(value.get("lookup"), str) else []
        return own + [name for inner in value.values() for name in _lookups_of(inner)]
    return [name for inner in value for name in _lookups_of(inner)] if isinstance(value, list) else []


def _told(error: Any) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in error["loc"])
    message = {"extra_forbidden": "unknown key", "missing": "missing"}.get(error["type"], error["msg"])
    return f"{place}: {message.removeprefix('Value error, ')}" if place else message.removeprefix("Value error, ")
