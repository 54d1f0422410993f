"""Opening text files: plain or gzip, a path or standard input, always in lines of bounded length."""

from __future__ import annotations

import codecs
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from typing import Any, cast

from graph.errors import BadInput, ValueTooLong
from graph.lines import MAX_LINE

__all__ = ["STDIN", "BytesFile", "TextLines", "undecodable"]

STDIN = "-"
_GZIP = b"\x1f\x8b"
_MARK = "\udcff"  # half a surrogate pair: no decoder yields it for text
_CHUNK = 1 << 16


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK, error.end


codecs.register_error("oneid.marked", _mark)


def undecodable(text: str) -> bool:
    """True where bytes of the file were no text in its encoding."""
    return _MARK in text


class BytesFile:
    """A file as bytes; gzip is seen by its first bytes, not its name. `size` and `done` count what lies on disk."""

    def __init__(self, path: str) -> None:
        self._raw = _Counted(0, closefd=False) if path == STDIN else _Counted(path)
        try:
            self.size = None if path == STDIN else os.fstat(self._raw.fileno()).st_size
            plain = io.BufferedReader(self._raw, _CHUNK)
            zipped = plain.peek(2)[:2] == _GZIP
            self.data = io.BufferedReader(cast(io.RawIOBase, GzipFile(fileobj=plain)), _CHUNK) if zipped else plain
            self._top: io.IOBase = self.data
        except BaseException:
            self._raw.close()
            raise

    def text(self, encoding: str) -> io.TextIOWrapper:
        """The file as text, line ends as they are; bytes that are no text are marked (`undecodable`)."""
        encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
        top = io.TextIOWrapper(self.data, encoding, errors="oneid.marked", newline="")
        self._top = top
        return top

    def done(self) -> int:
        return self._raw.count

    def close(self) -> None:
        self._top.close()
        self._raw.close()

    def lines(self) -> Iterator[bytes | ValueTooLong]:
        """The lines, newline included; one longer than MAX_LINE bytes is passed over and told as the error it is."""
        with damage_told():
            while line := self.data.readline(MAX_LINE + 1):
                if len(line) <= MAX_LINE:
                    yield line
                    continue
                length = len(line)
                while not line.endswith(b"\n") and (line := self.data.readline(_CHUNK)):
                    length += len(line)
                yield ValueTooLong(length, MAX_LINE, ("line",))


class TextLines:
    """The lines of a file as text, as the csv module wants them.

    A line of more than MAX_LINE characters raises ValueTooLong once, then the next one follows.
    """

    def __init__(self, file: BytesFile, encoding: str) -> None:
        self._text = file.text(encoding)
        self.number = 0
        """Lines given out so far."""

    def __iter__(self) -> TextLines:
        return self

    def __next__(self) -> str:
        with damage_told():
            line = self._text.readline(MAX_LINE + 1)
            if not line:
                raise StopIteration
            self.number += 1
            if len(line) <= MAX_LINE:
                return line
            length = len(line)
            while not line.endswith(("\n", "\r")) and (line := self._text.readline(_CHUNK)):
                length += len(line)
            raise ValueTooLong(length, MAX_LINE, ("line",))


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn what gzip and codecs say about data they cannot read into BadInput."""
    try:
        yield
    except (EOFError, zlib.error):
        raise BadInput("the compressed data is damaged or ends too early") from None
    except UnicodeError:  # of a codec that does not mark what it cannot read
        raise BadInput("the file is not in the encoding that the mapping names") from None
    except OSError as error:
        if error.errno is None:  # BadGzipFile and its like; a disk's own trouble has a number
            raise BadInput("the compressed data is damaged") from None
        raise


class _Counted(io.FileIO):
    """A raw file that counts the bytes read from it."""

    count = 0

    def readinto(self, buffer: Any) -> int | None:
        got = super().readinto(buffer)
        self.count += got or 0
        return got
