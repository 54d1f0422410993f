"""Loading: what was acknowledged is never sent in vain, what was not is sent again, and a bad row stops nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from graph.errors import StoreBusy
from graph.model import Fragment, Interaction, Judgement
from service.files import load as loading
from service.files.load import Loaded, Refused, Reject, Written, load
from service.files.marks import Mark, Marks
from service.files.parts import Part, parts_of


class Store:
    """Keeps what it is given; fails in the ways it is told to."""

    def __init__(self, *, busy: int = 0, dies_at: int | None = None) -> None:
        self.ids: list[str] = []
        self.calls = 0
        self.busy = busy
        self.dies_at = dies_at

    async def fragments(self, batch: Sequence[Fragment]) -> Written:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KeyboardInterrupt
        if self.busy:
            self.busy -= 1
            raise StoreBusy("busy")
        known = sum(one.id in self.ids for one in batch)
        self.ids += [one.id for one in batch if one.id not in self.ids]
        return Written(len(batch) - known, known, self.calls)

    async def judgements(self, batch: Sequence[Judgement]) -> Written:
        return Written(len(batch), 0, self.calls)

    async def interactions(self, batch: Sequence[Interaction]) -> Written:
        return Written(len(batch) - 1, 0, self.calls, (Refused(0, "BLOCKED", "no", ("from",)),))


class Watcher:
    def __init__(self) -> None:
        self.rejects: list[Reject] = []
        self.settled_rejects = 0

    def opened(self, part: Part, size: int | None) -> None: ...

    def moved(self, part: Part, done: int, loaded: Loaded) -> None: ...

    def finished(self, part: Part, loaded: Loaded) -> None: ...

    def rejected(self, reject: Reject) -> None:
        self.rejects.append(reject)

    def settled(self) -> None:
        self.settled_rejects = len(self.rejects)


def line(n: int) -> str:
    return f'{{"source": "s", "id": "{n}", "observedAt": "2026-01-01T00:00:00Z", "identifiers": ["a:{n}"]}}\n'


def parts(tmp_path: Path, *lines: str) -> list[Part]:
    path = tmp_path / "x.ndjson"
    if not path.exists():
        path.write_text("".join(lines))
    return parts_of([str(path)], None)


def marks(tmp_path: Path, store: str = "one", head: int = 1_000) -> Marks:
    return Marks(tmp_path / "db.loads", store, head)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_WAITS", (0.0, 0.0))
    monkeypatch.setattr(loading, "_MARK_SECONDS", -1.0)


async def test_bad_rows_are_counted_and_the_rest_lands(tmp_path: Path) -> None:
    store, watcher = Store(), Watcher()
    like = '{"interaction": "like", "source": "s", "id": "%s", "from": "a:1", "to": "a:2", "at": "2026-01-01T00:00:00Z"}\n'
    judged = '{"judgement": "same", "a": "a:1", "b": "a:2", "at": "2026-01-01T00:00:00Z"}\n'
    work = parts(tmp_path, line(1), "bad\n", like % 1, judged, like % 2, line(2))

    loaded = await load(work, store, marks(tmp_path), watcher, batch=100, stop=lambda: False)

    assert loaded == Loaded(rows=6, fragments=2, judgements=1, interactions=1, rejected=2)
    assert [(one.place, one.code) for one in watcher.rejects] == [(2, "INVALID"), (3, "BLOCKED")]


async def test_a_killed_load_goes_on_after_what_was_acknowledged(tmp_path: Path) -> None:
    first, second, watcher = Store(dies_at=4), Store(), Watcher()
    work = parts(tmp_path, "bad\n", *(line(n) for n in range(2, 101)))
    with pytest.raises(KeyboardInterrupt):
        await load(work, first, marks(tmp_path), watcher, batch=10, stop=lambda: False)
    rejected_before = watcher.settled_rejects

    loaded = await load(work, second, marks(tmp_path), Watcher(), batch=10, stop=lambda: False)

    assert rejected_before == 1
    assert loaded.resumed
    assert loaded.rejected == 1
    assert second.ids == [str(n) for n in range(31, 101)]
    assert sorted({*first.ids, *second.ids}, key=int) == [str(n) for n in range(2, 101)]


async def test_a_finished_load_leaves_no_mark_and_may_be_repeated(tmp_path: Path) -> None:
    store = Store()
    work = parts(tmp_path, *(line(n) for n in range(50)))
    await load(work, store, marks(tmp_path), Watcher(), batch=10, stop=lambda: False)

    again = await load(work, store, marks(tmp_path), Watcher(), batch=10, stop=lambda: False)

    assert not (tmp_path / "db.loads").exists()
    assert again == Loaded(rows=50, unchanged=50)


@pytest.mark.parametrize(("store", "head"), [("another", 1_000), ("one", 2)])
async def test_a_mark_counts_for_its_own_store_only_and_not_for_an_older_copy(tmp_path: Path, store: str, head: int) -> None:
    work = parts(tmp_path, *(line(n) for n in range(100)))
    with pytest.raises(KeyboardInterrupt):
        await load(work, Store(dies_at=5), marks(tmp_path), Watcher(), batch=10, stop=lambda: False)

    loaded = await load(work, Store(), marks(tmp_path, store, head), Watcher(), batch=10, stop=lambda: False)

    assert (loaded.resumed, loaded.fragments) == (False, 100)


async def test_a_file_that_changed_is_read_from_its_start(tmp_path: Path) -> None:
    work = parts(tmp_path, *(line(n) for n in range(100)))
    with pytest.raises(KeyboardInterrupt):
        await load(work, Store(dies_at=5), marks(tmp_path), Watcher(), batch=10, stop=lambda: False)
    (tmp_path / "x.ndjson").write_text("".join(line(n) for n in range(1_000, 1_050)))

    loaded = await load(parts(tmp_path), Store(), marks(tmp_path), Watcher(), batch=10, stop=lambda: False)

    assert loaded.fragments == 50


async def test_a_load_that_is_told_to_stop_ends_between_batches(tmp_path: Path) -> None:
    store = Store()
    work = parts(tmp_path, *(line(n) for n in range(100)))

    loaded = await load(work, store, marks(tmp_path), Watcher(), batch=10, stop=lambda: store.calls >= 3)

    assert (loaded.finished, loaded.fragments) == (False, 30)
    assert list(marks(tmp_path)._marks.values()) == [Mark(30, 3, 0)]


async def test_a_busy_store_is_asked_again(tmp_path: Path) -> None:
    loaded = await load(parts(tmp_path, line(1)), Store(busy=2), marks(tmp_path), Watcher(), batch=10, stop=lambda: False)

    assert loaded.fragments == 1


async def test_a_store_that_stays_busy_ends_the_load(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy):
        await load(parts(tmp_path, line(1)), Store(busy=9), marks(tmp_path), Watcher(), batch=10, stop=lambda: False)


async def test_a_file_that_cannot_be_read_is_one_reject_and_the_next_file_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nonsense")
    (tmp_path / "b.ndjson").write_text(line(1))
    watcher = Watcher()
    work = parts_of([str(tmp_path / "a.parquet"), str(tmp_path / "b.ndjson")], None)

    loaded = await load(work, Store(), marks(tmp_path), watcher, batch=10, stop=lambda: False)

    assert (loaded.fragments, loaded.rejected) == (1, 1)
    assert watcher.rejects[0].part.name == "a.parquet"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"store": "one"}', b'{"store": "one", "marks": {"a": {"place": 1}}}'])
def test_damaged_marks_are_no_marks(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db.loads").write_bytes(content)

    assert marks(tmp_path).get("a") is None


def test_marks_that_cannot_be_written_stop_nobody(tmp_path: Path) -> None:
    lost = Marks(tmp_path / "no such folder" / "db.loads", "one", 0)

    lost.put("a", Mark(1, 0, 0))

    assert lost.get("a") == Mark(1, 0, 0)
