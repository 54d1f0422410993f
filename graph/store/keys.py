"""The key of the tombstones: outside the store, read when it is first needed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from graph.errors import KeyTrouble
from graph.resolve.tombstones import KEY_BYTES

__all__ = ["ErasureKey"]


class ErasureKey:
    """A key given as it is, or in a file: 64 hexadecimal digits. `path`: a file, which is made, for its owner alone, when somebody is
    erased and it is not there."""

    def __init__(self, text: str | None = None, path: Path | None = None) -> None:
        self._text = text
        self._path = path
        self._key: bytes | None = None

    @classmethod
    def fresh(cls) -> ErasureKey:
        """A new one that nothing keeps."""
        return cls(secrets.token_hex(KEY_BYTES))

    @property
    def given(self) -> tuple[str | None, str | None]:
        """By which another process on this machine has the same key: its text, and the path of its file."""
        return self._text, None if self._path is None else str(self._path.absolute())

    def read(self) -> bytes:
        """The key; KeyTrouble where there is none, or it is none."""
        if self._key is None:
            self._key = _key_of(self._text if self._text is not None else self._from_file())
        return self._key

    def made(self) -> bytes:
        """The key, made now if it is to be kept in a file that is not there."""
        if self._text is None and self._path is not None and self._key is None:
            _make(self._path)
        return self.read()

    def _from_file(self) -> str:
        if self._path is None:
            raise KeyTrouble("no erasure key; set ONEID_ERASURE_KEY or ONEID_ERASURE_KEY_FILE")
        try:
            return self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            raise KeyTrouble(f"the erasure key of this store is not here: {self._path}; bring it back, or set ONEID_ERASURE_KEY") from None
        except (OSError, UnicodeDecodeError) as error:
            raise KeyTrouble(f"the erasure key cannot be read: {self._path}: {type(error).__name__}") from None


def _key_of(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyTrouble(f"the erasure key is {KEY_BYTES * 2} hexadecimal digits; something else came")
    return key


def _make(path: Path) -> None:
    """A new key in a file of its own; one that is there stays."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        if path.exists():
            return
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)  # whole or not at all, and never over one that somebody else made meanwhile
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    except OSError as error:
        raise KeyTrouble(f"the erasure key cannot be made: {path}: {error.strerror}") from None
