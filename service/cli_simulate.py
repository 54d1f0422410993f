"""`oneid simulate`: what rules make of evidence in files, or of all that a store holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from service.cli_talk import FAILED, AsJson, RulesFile, put, rules_of, say, settings_of, told

__all__ = ["simulate"]


@told
def simulate(
    evidence: Annotated[
        list[str] | None,
        typer.Argument(metavar="EVIDENCE", help="NDJSON files of evidence lines; - is standard input.", show_default=False),
    ] = None,
    rules: RulesFile = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="URL", help="Instead of files: a store, all of whose evidence is tried under the rules."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Resolve evidence lines under rules, touching no store, and print who belongs together as JSON.

    With --store: what the rules would change for everybody in that store, as a table or with --json. Nothing is written there, and the
    service that uses it goes on.

    Lines are fragments and judgements, as `oneid load` takes them and `oneid export fragments` writes them. A bad line is told on
    stderr with its number; the JSON is still printed, and the exit code is then 1. Rules that cannot be used end it with 2.
    """
    if store is not None:
        if evidence:
            raise typer.BadParameter("either files or a store is wanted, both came", param_hint="'--store'")
        from service.cli_rehearse import rehearse_store

        rehearse_store(store, rules, as_json=as_json)
        return
    if not evidence:
        raise typer.BadParameter("files of evidence are wanted, or a store with --store", param_hint="'EVIDENCE...'")
    from graph.simulate import simulate as simulated

    in_force = rules_of(settings_of(rules=rules))
    lines = _Lines(evidence)
    result = simulated(lines, in_force)
    put(result.document)
    troubles = sorted({**dict(result.errors), **lines.troubles}.items())
    for number, message in troubles:
        say.print(f"{lines.name(number)}: {message}", markup=False)
    if troubles:
        raise typer.Exit(FAILED)


class _Lines:
    """The lines of all files in their order, and what could not be read of them; `name` says where a line stands."""

    def __init__(self, paths: list[str]) -> None:
        from service.files.parts import check_readable

        check_readable(paths)
        self._paths = paths
        self._starts: list[tuple[int, str]] = []
        self.troubles: dict[int, str] = {}

    def __iter__(self) -> Iterator[bytes]:
        from graph.errors import BadInput, ValueTooLong
        from service.files.text import BytesFile

        number = 0
        for path in self._paths:
            self._starts.append((number, path))
            file = BytesFile(path)
            try:
                for line in file.lines():
                    number += 1
                    if isinstance(line, ValueTooLong):
                        self.troubles[number] = str(line)
                    yield b"" if isinstance(line, ValueTooLong) else line
            except BadInput as trouble:
                number += 1
                self.troubles[number] = str(trouble)
                yield b""
            finally:
                file.close()

    def name(self, number: int) -> str:
        start, path = [one for one in self._starts if one[0] < number][-1]
        where = f"line {number - start}"
        return where if len(self._paths) == 1 else f"{Path(path).name} {where}"
