"""The pure engine: the matrix, and plans of the caller's own rows."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections import UserDict
from pathlib import PurePath, PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

import bothways

S = 1_000_000_000


def row(path: Any, size: int = 1, mtime: int = 1, **more: Any) -> dict[str, Any]:
    return {"path": path, "size": size, "mtime_ns": mtime * S, **more}


def words(plan: bothways.Plan) -> list[str]:
    return [f"{step.action} {step.path.as_posix()}" for step in plan.steps]


def test_the_matrix_is_data() -> None:
    cells = bothways.matrix()
    assert len(cells) == 33
    assert {(cell.left, cell.right) for cell in cells} >= {("absent", "created"), ("unknown", "unknown")}
    by_states = {(cell.left, cell.right): cell for cell in cells}
    for (left, right), cell in by_states.items():
        assert bothways.decide(left, right) == cell
    both = bothways.decide("modified", "modified", {"same_file_changed_both": "notify"})
    assert (both.rule, both.requirement, both.resolution, both.policy) == ("both-changed", "6.2.1", "meet", "notify")
    deleted = bothways.decide("deleted", "unchanged")
    assert (deleted.rule, deleted.resolution, deleted.side) == ("deleted-left", "delete", "right")
    assert "deleted-left" in repr(deleted)


def test_unknown_words_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'absent', 'created'.*not 'gone'"):
        bothways.decide("gone", "absent")
    with pytest.raises(TypeError):
        bothways.decide(1, "absent")  # type: ignore[arg-type]
    with pytest.raises(bothways.ConfigError, match="clash"):
        bothways.decide("absent", "absent", {"same_file_changed_both": "overrule"})
    with pytest.raises(ValueError, match="same_file_changed_both"):
        bothways.Policy(same_file="clash")
    with pytest.raises(TypeError, match="mapping"):
        bothways.decide("absent", "absent", "clash")  # type: ignore[arg-type]


def test_every_single_rule() -> None:
    base = [row("same"), row("l"), row("r"), row("both", 5), row("gone-l"), row("gone-r"), row("gone"), row("dl")]
    left = [row("same"), row("l", 2, 9), row("r"), row("both", 6, 8), row("gone-r"), row("new-l", 11), row("new", 21)]
    right = [row("same"), row("l"), row("r", 3, 9), row("both", 7, 9), row("gone-l"), row("new-r", 12), row("new", 22, 5)]
    right.append(row("dl", 9, 9))
    plan = bothways.plan(base, left, right, {"max_change_percent": 100})
    assert plan.is_final and plan.halt is None
    rules = {action.path.as_posix(): action.rule for action in plan.actions}
    assert rules == {
        "l": "changed-left",
        "r": "changed-right",
        "both": "both-changed",
        "gone-l": "deleted-left",
        "gone-r": "deleted-right",
        "gone": "forget",
        "new-l": "created-left",
        "new-r": "created-right",
        "new": "both-created",
        "dl": "deleted-left-changed-right",
    }
    assert plan.counts["CLASH_CREATE"] == 4
    conflict = next(one for one in plan.conflicts if one.path == PurePath("both"))
    assert (conflict.newer, conflict.left.size, conflict.right.size) == ("right", 6, 7)
    assert conflict.clash_path == PurePath("both - clash 197001010000")
    copy = next(step for step in plan.steps if step.path == PurePath("l"))
    assert (copy.action, copy.side, copy.requirement) == ("COPY_LEFT_TO_RIGHT", "right", "6.2.3")
    assert copy.source is not None and copy.source.size == 2
    assert copy.expect is not None and copy.expect.size == 1
    forgotten = next(action for action in plan.actions if action.rule == "forget")
    assert forgotten.forgets == (PurePath("gone"),) and forgotten.steps == ()
    said = plan.explain("both")
    assert (said.left_state, said.right_state) == ("modified", "modified")
    assert "6.2.1" in str(said)
    assert plan.explain("same").rule == "unchanged"
    assert bothways.explain("l", base, left, right).rule == "changed-left"


@dataclasses.dataclass
class Plain:
    path: str
    size: int
    mtime_ns: int


@dataclasses.dataclass
class Slotted:
    __slots__ = ("mtime_ns", "path", "size")
    path: str
    size: int
    mtime_ns: int


class Named(NamedTuple):
    path: str
    size: int
    mtime_ns: int


class Bare:
    def __init__(self, path: str, size: int, mtime_ns: int) -> None:
        self.path, self.size, self.mtime_ns = path, size, mtime_ns


@pytest.mark.parametrize(
    "make",
    [
        Plain,
        Slotted,
        Named,
        Bare,
        lambda path, size, mtime_ns: (path, size, mtime_ns),
        lambda path, size, mtime_ns: (path, size, mtime_ns, "file"),
        lambda path, size, mtime_ns: dict(path=path, size=size, mtime_ns=mtime_ns, other=object()),
        lambda path, size, mtime_ns: UserDict(path=path, size=size, mtime_ns=mtime_ns),
        lambda path, size, mtime_ns: SimpleNamespace(path=path, size=size, mtime_ns=mtime_ns, kind="file"),
        lambda path, size, mtime_ns: bothways.Entry(path, size=size, mtime_ns=mtime_ns),
        lambda path, size, mtime_ns: bothways.Entry(path.encode(), size=size, mtime_ns=mtime_ns),
        lambda path, size, mtime_ns: Named(PurePosixPath(path), size, mtime_ns),  # type: ignore[arg-type]
        lambda path, size, mtime_ns: Named(path.encode(), size, mtime_ns),
    ],
)
def test_rows_of_any_shape(make: Any) -> None:
    before = [make("a", 1, 10), make("d/ü", 2, 10)]
    left = iter([make("d/ü", 2, 10), make("a", 3, 20)])
    plan = bothways.plan(before, left, (one for one in before))
    assert words(plan) == ["COPY_LEFT_TO_RIGHT a"]


def test_rows_as_a_database_yields_them() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE files (path TEXT, size INTEGER, mtime_ns INTEGER, kind TEXT)")
    rows = [("d", None, None, "directory"), ("d/a", 1, S, "file"), ("d/b", 2, S, None)]
    database.executemany("INSERT INTO files VALUES (?, ?, ?, ?)", rows)
    before = database.execute("SELECT * FROM files").fetchall()
    plan = bothways.plan(before, before[:2], before)
    assert words(plan) == ["SOFT_DELETE_RIGHT d/b"]


def test_rows_as_a_mapping_from_path_to_row() -> None:
    before = {"a": {"size": 1, "mtime_ns": 1}}
    left = UserDict({"a": SimpleNamespace(size=2, mtime_ns=2)})
    assert words(bothways.plan(before, left, before)) == ["COPY_LEFT_TO_RIGHT a"]


def test_the_table_of_a_script() -> None:
    """`files(path, exists_left, …)`, with times as REAL, read as `sqlite3.Row`."""
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.execute(
        "CREATE TABLE files (path TEXT PRIMARY KEY, exists_left INTEGER, exists_right INTEGER, mtime_left REAL,"
        " mtime_right REAL, size_left INTEGER, size_right INTEGER)"
    )
    stamp = 1_763_741_234.567891
    db.executemany(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            ("same", 1, 1, stamp, stamp + 5, 3, 3),
            ("gone-left", 1, 1, stamp, stamp, 3, 3),
            ("never-copied", 1, 0, stamp, None, 3, None),
            ("never-agreed", 1, 1, stamp, stamp, 3, 4),
        ],
    )
    table = db.execute("SELECT * FROM files")
    left = [
        {"path": "same", "size": 3, "mtime": stamp},
        {"path": "never-copied", "size": 3, "mtime": stamp},
        {"path": "never-agreed", "size": 3, "mtime": stamp},
    ]
    right = [
        {"path": "same", "size": 3, "mtime": stamp + 5},
        {"path": "gone-left", "size": 3, "mtime": stamp},
        {"path": "never-agreed", "size": 4, "mtime": stamp + 60},
    ]
    plan = bothways.plan(table, left, right)
    rules = {action.path.as_posix(): action.rule for action in plan.actions}
    assert rules == {
        "gone-left": "deleted-left",
        "never-copied": "created-left",
        "never-agreed": "both-created",
    }


def test_contents_settle_what_times_cannot() -> None:
    before = [row("touched"), row("edited")]
    left = [row("touched", mtime=9), row("edited", mtime=9)]
    plan = bothways.plan(before, left, before)
    assert not plan.is_final and not plan.steps
    assert {(question.path.name, question.side) for question in plan.questions} == {
        ("touched", "left"),
        ("touched", "right"),
        ("edited", "left"),
        ("edited", "right"),
    }
    asked = []

    def digest(question: bothways.Question) -> bytes:
        asked.append(question)
        return b"%-20d" % (question.side == "left" and question.path.name == "edited")

    plan = bothways.plan(before, left, before, digest=digest)
    assert words(plan) == ["SET_PROPS_RIGHT touched", "COPY_LEFT_TO_RIGHT edited"]
    assert len(asked) == 4
    known = [{**one, "digest": "00" * 32} for one in before]
    left = [row("touched", mtime=9, digest="00" * 32), row("edited", mtime=9, digest="11" * 32)]
    assert words(bothways.plan(known, left, known)) == words(plan)
    # None: it could not be read, and so nothing is done.
    plan = bothways.plan(before, left, before, digest=lambda question: None)
    assert plan.is_final and not plan.steps and len(plan.problems) == 2


def test_renames_are_seen_by_number() -> None:
    before = [row("old", 5, file_id_left=7, file_id_right=9), row("other", 6)]
    left = [row("new", 5, file_id=7), row("other", 6)]
    plan = bothways.plan(before, left, [row("old", 5), row("other", 6)])
    (step,) = plan.steps
    assert (step.action, step.path.name, step.to) == ("RENAME_RIGHT", "old", PurePath("new"))


def test_what_was_not_observed_is_not_gone() -> None:
    before = [row("d/x"), row("f")]
    left = [{"path": "d", "kind": "directory", "problem": "permission denied"}, {"path": "f", "problem": "in use"}]
    plan = bothways.plan(before, left, before)
    assert not plan.steps and {problem.path.as_posix() for problem in plan.problems} == {"d", "f"}
    assert "permission denied" in plan.problems[0].error


def test_guards_speak() -> None:
    before = [row(f"f{number}") for number in range(50)]
    plan = bothways.plan(before, [], before)
    assert plan.halt is not None and plan.halt.reason == "empty-root"
    plan = bothways.plan(before, before[:5], before)
    assert plan.halt is not None and plan.halt.reason == "too-many-changes"
    assert "halted" in repr(plan)


def test_what_belongs_to_bothways_is_left_out() -> None:
    left = [row(".bothways/root.json"), row(".sync_trash/x"), row("a")]
    assert words(bothways.plan([], left, [])) == ["COPY_LEFT_TO_RIGHT a"]
    assert len(bothways.plan([], left, [], reserved=[])) == 5


def test_folding_sides() -> None:
    before = [row("Report.txt")]
    left = [row("report.TXT", 2, 9)]
    plan = bothways.plan(before, left, before, fold_case=True)
    assert {action.path.name for action in plan.actions} == {"report.txt"}
    assert "DELETE" not in "".join(plan.counts)


def test_the_same_rows_give_the_same_plan_in_any_order() -> None:
    left = [row(f"{a}/{b}", a * b + 1, a) for a in range(8) for b in range(8)]
    one = bothways.plan([], left, [])
    other = bothways.plan([], left[::-1], [])
    assert words(one) == words(other) and len(one) == 72


def test_names_that_are_no_unicode_go_both_ways() -> None:
    name = b"caf\xe9/\xff"
    plan = bothways.plan([], [row(name)], [])
    assert [bytes(step.path) for step in plan.steps] == [b"caf\xe9", name]
    assert bytes(bothways.Entry(name.decode(errors="surrogateescape")).path) == name


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ({"size": 1, "mtime_ns": 1}, bothways.RowError, "left, row 1: `path` is missing"),
        ({"path": "a", "mtime_ns": 1}, bothways.RowError, "`size` is missing"),
        ({"path": "a", "size": 1}, bothways.RowError, "`mtime_ns` is missing"),
        ({"path": "a", "size": None, "mtime_ns": 1}, bothways.RowError, "`size` is missing"),
        ({"path": "a", "size": "1", "mtime_ns": 1}, bothways.RowTypeError, "size"),
        ({"path": "a", "size": 1.5, "mtime_ns": 1}, bothways.RowTypeError, "size"),
        ({"path": "a", "size": -1, "mtime_ns": 1}, bothways.RowError, "size"),
        ({"path": "a", "size": 1 << 64, "mtime_ns": 1}, bothways.RowError, "size"),
        ({"path": "a", "size": 1, "mtime_ns": 1 << 63}, bothways.RowError, "mtime_ns"),
        ({"path": "a", "size": 1, "mtime": float("nan")}, bothways.RowError, "range"),
        ({"path": "a", "size": 1, "mtime": "now"}, bothways.RowTypeError, "datetime"),
        ({"path": "a", "size": 1, "mtime_ns": 1, "kind": "socket"}, bothways.RowError, "'socket'"),
        ({"path": "a", "size": 1, "mtime_ns": 1, "kind": 3}, bothways.RowTypeError, "kind"),
        ({"path": "a", "size": 1, "mtime_ns": 1, "digest": "xyz"}, bothways.RowError, "digest"),
        ({"path": "a", "size": 1, "mtime_ns": 1, "digest": 5}, bothways.RowTypeError, "str"),
        ({"path": "/etc/passwd", "size": 1, "mtime_ns": 1}, bothways.RowError, "absolute"),
        ({"path": "../x", "size": 1, "mtime_ns": 1}, bothways.RowError, r"\.\."),
        ({"path": "a\0b", "size": 1, "mtime_ns": 1}, bothways.RowError, "NUL"),
        ({"path": "\ud800", "size": 1, "mtime_ns": 1}, bothways.RowError, "surrogates"),
        ({"path": 7, "size": 1, "mtime_ns": 1}, bothways.RowTypeError, "not int"),
        ({"path": "first", "size": 1, "mtime_ns": 1}, bothways.RowError, "more than once"),
        ({"path": "first/x", "size": 1, "mtime_ns": 1}, bothways.RowError, "no directory"),
        (("a", 1), bothways.RowTypeError, "path, size, mtime_ns.*this one has 2"),
        (("a", 1, 1, "file", 1), bothways.RowTypeError, "this one has 5"),
        (("a", None, 1), bothways.RowError, "`size` is missing"),
        ((1, "a", 1), bothways.RowTypeError, "not int"),
        ("a", bothways.RowTypeError, "not str"),
        (None, bothways.RowTypeError, "not NoneType"),
        (3, bothways.RowTypeError, "not int"),
        (PurePath("a"), bothways.RowTypeError, "not Pure"),
    ],
)
def test_bad_rows_are_named(bad: Any, error: type[Exception], words: str) -> None:
    for left in ([row("first"), bad], iter([row("first"), bad])):
        with pytest.raises(error, match=words) as caught:
            bothways.plan([], left, [])
        assert isinstance(caught.value, bothways.Error)
        assert isinstance(caught.value, (TypeError, ValueError))
        assert "left" in str(caught.value)


MANY = 1300


def many(make: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """More rows than are read at a time, folder by folder, with names of all kinds."""
    names = ["plain.txt", "größe", "名前", "caf\udce9", "a b", "x.é"]
    paths = [f"Folder {n // 9}/sub/{n} {names[n % len(names)]}" for n in range(MANY)]
    before = [(path, n, n * S) for n, path in enumerate(paths)]
    left = [(path, size + (size % 97 == 0), at + S * (size % 97 == 0)) for path, size, at in before if size % 83]
    right = [*before, ("new/and far/away", 1 << 40, -1)]
    one, other, third = ([make(*row) for row in rows] for rows in (before, left, right))
    return one, other, third


MAKERS: list[Any] = [
    Plain,
    Slotted,
    Named,
    lambda path, size, mtime_ns: (path, size, mtime_ns),
    lambda path, size, mtime_ns: {"path": path, "size": size, "mtime_ns": mtime_ns},
    # Every ninth is of another kind.
    lambda path, size, mtime_ns: (Plain if size % 9 else Slotted)(path, size, mtime_ns),
    lambda path, size, mtime_ns: (path, size, mtime_ns) if size % 9 else (path, size, mtime_ns, "file"),
    lambda path, size, mtime_ns: Plain(path if size % 9 else PurePosixPath(path), size, mtime_ns),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("make", MAKERS)
def test_many_rows_are_what_each_of_them_is(make: Any) -> None:
    def said(plan: bothways.Plan) -> list[tuple[str, str, int, Any]]:
        return [(step.action, str(step.path), step.size, step.expect) for step in plan.steps]

    # With a word more each row is read by itself.
    wanted = said(bothways.plan(*many(lambda *row: (*row, "file"))))
    assert {"COPY_LEFT_TO_RIGHT", "SOFT_DELETE_RIGHT", "MKDIR_LEFT", "COPY_RIGHT_TO_LEFT"} == {one[0] for one in wanted}
    rows = many(make)
    assert said(bothways.plan(*rows)) == wanted
    assert said(bothways.plan(*(iter(one) for one in rows))) == wanted
    assert said(bothways.plan(*(tuple(one) for one in rows))) == wanted


@pytest.mark.parametrize("make", MAKERS[:5])
@pytest.mark.parametrize(
    ("path", "size", "mtime_ns", "words"),
    [
        ("/a", 1, 1, "absolute"),
        ("a/../b", 1, 1, r"\.\."),
        ("a/", 1, 1, "empty"),
        ("a\0b", 1, 1, "NUL"),
        ("a", None, 1, "`size` is missing"),
        ("a", "1", 1, "size"),
        ("a", 1, 1.5, "mtime_ns"),
        (None, 1, 1, "`path` is missing"),
        (7, 1, 1, "not int"),
    ],
)
def test_one_bad_row_of_many_is_named(make: Any, path: Any, size: Any, mtime_ns: Any, words: str) -> None:
    before, left, right = many(make)
    for at in (0, 511, 512, 900):
        rows = [*left[:at], make(path, size, mtime_ns), make("/worse", 1, 1), *left[at:]]
        with pytest.raises(bothways.Error, match=f"left, row {at}: .*{words}"):
            bothways.plan(before, rows, right)
        with pytest.raises(bothways.Error, match=f"left, row {at}: .*{words}"):
            bothways.plan(before, iter(rows), right)
    with pytest.raises(bothways.RowError, match="^left: .* more than once"):
        bothways.plan(before, [*left, left[700]], right)
    with pytest.raises(bothways.RowError, match="^baseline: .* no directory"):
        bothways.plan([*before, make("Folder 3", 1, 1)], left, right)


def test_rows_that_are_no_rows() -> None:
    for bad in (None, 5, "text", object()):
        with pytest.raises(TypeError):
            bothways.plan([], bad, [])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="function"):
        bothways.plan([], [], [], digest=b"x")  # type: ignore[arg-type]


def test_what_a_caller_raises_comes_out_as_it_is() -> None:
    class Mine(Exception):
        pass

    def rows() -> Any:
        yield row("a")
        raise Mine("scanner")

    with pytest.raises(Mine, match="scanner"):
        bothways.plan([], rows(), [])

    class Lazy:
        size, mtime_ns = 1, 1

        @property
        def path(self) -> str:
            raise Mine("property")

    with pytest.raises(Mine, match="property"):
        bothways.plan([], [Lazy()], [])

    def digest(question: bothways.Question) -> bytes:
        raise Mine("digest")

    with pytest.raises(Mine, match="digest"):
        bothways.plan([row("a")], [row("a", mtime=5)], [row("a")], digest=digest)


def test_policies() -> None:
    policy = bothways.Policy(same_file_changed_both="newer", soft_delete=False, max_change_percent=80)
    assert (policy.same_file_changed_both, policy.soft_delete, policy.max_change_percent) == ("newer", False, 80)
    assert policy == bothways.Policy(same_file_changed_both="newer", soft_delete=False, max_change_percent=80)
    assert policy != bothways.Policy() and hash(policy) != hash(bothways.Policy())
    config = {
        "left_root": "C:\\share",
        "conflict_policy": {"modify_modify": "notify", "new_new": "clash", "metadata_conflict": "newer"},
        "soft_delete": {"enabled": True, "max_size_mb": 5},
        "email": {"smtp_host": "x"},
    }
    policy = bothways.Policy.from_config(config)
    assert (policy.same_file_changed_both, policy.properties_conflict_both) == ("notify", "newer")
    assert policy.soft_delete_max_bytes == 5 << 20
    small = [row("a", 4 << 20), row("b", 6 << 20), row("c")]
    assert words(bothways.plan(small, [small[2]], small, policy)) == ["DELETE_RIGHT b", "SOFT_DELETE_RIGHT a"]
