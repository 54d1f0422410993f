"""How the command line speaks: data to stdout, talk to stderr, one exit code for each kind of end."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console

from graph.errors import BadInput, BadRules, OneIDError

if TYPE_CHECKING:
    from graph.resolve.rules import Rules
    from service.settings import Settings

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "USAGE",
    "AsJson",
    "RulesFile",
    "StoreUrl",
    "bar",
    "need_store",
    "operator",
    "put",
    "rules_of",
    "say",
    "store_file",
    "told",
]

FAILED = 1
USAGE = 2
"""Also: rules, a mapping or settings that cannot be used."""
INTERRUPTED = 130

P = ParamSpec("P")
R = TypeVar("R")

say = Console(stderr=True, highlight=False, soft_wrap=True)

StoreUrl = Annotated[str | None, typer.Option("--store", metavar="URL", help="Where people live; ONEID_STORE, else sqlite:///oneid.db.")]
RulesFile = Annotated[
    Path | None, typer.Option("--rules", metavar="TOML", help="Rules to resolve by; ONEID_RULES, else the built-in ones.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of a table.")]


def put(document: object) -> None:
    """A JSON document to stdout."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a command may run into a sentence on stderr and an exit code; a bug still shows its traceback."""

    @wraps(command)
    def talking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except OneIDError as error:
            _trouble(str(error))
            raise typer.Exit(USAGE if _is_usage(error) else FAILED) from None
        except BrokenPipeError:  # whoever read our output has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except OSError as error:
            name = f"{error.filename}: " if error.filename is not None else ""
            _trouble(f"{name}{error.strerror or type(error).__name__}")
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            _trouble("interrupted")
            raise typer.Exit(INTERRUPTED) from None

    return talking


def settings_of(*, store: str | None = None, rules: Path | None = None) -> Settings:
    """The settings of a command that serves nobody: where the service would listen, and for whom, does not matter to it."""
    from service.settings import Settings

    return Settings.of_environment(host="127.0.0.1", store=store, rules=rules)


def rules_of(settings: Settings) -> Rules:
    """The rules of the settings; BadRules also where their file cannot be read."""
    from graph.resolve.rules import Rules

    if settings.rules is None:
        return Rules.builtin()
    try:
        return Rules.parse(settings.rules.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRules(f"the rules file {settings.rules} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRules(f"the rules file {settings.rules} is not UTF-8") from None


def operator() -> str:
    """Whom history and audit name for what a command does: who runs it, as the machine knows them."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in many containers
        return f"cli:{os.getuid()}"


@contextmanager
def bar(title: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr, where somebody looks at it; it hears how far the work is, from 0 to 1."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=say, disable=not say.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda part: bar.update(task, completed=part)


def store_file(url: str) -> Path | None:
    """The file that a store's URL names; None for one without (in memory, on a server)."""
    path = url.removeprefix("sqlite:///")
    return Path(path) if path != url and path != ":memory:" else None


def need_store(url: str) -> None:
    """FileNotFoundError where a store to read from is not there: opening it would make an empty one."""
    path = store_file(url)
    if path is not None and not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "there is no store here; `oneid load` makes one", str(path))


def _trouble(message: str) -> None:
    say.print(f"[red]error:[/red] {_plain(message)}")


def _plain(message: str) -> str:
    from rich.markup import escape

    return escape(message)


def _is_usage(error: OneIDError) -> bool:
    from service.auth import BadKeyFile
    from service.files.mapping import BadMapping
    from service.settings import BadSettings

    setting = isinstance(error, BadInput) and error.path[:1] == ("ONEID_STORE",)
    return setting or isinstance(error, BadRules | BadSettings | BadMapping | BadKeyFile)
