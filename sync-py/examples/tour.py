"""A tour of Bothways from Python. Each `# %%` begins a cell: open it as a notebook, or run it as it is."""

# %% Two folders to play with
import tempfile
from pathlib import Path

import bothways

playground = tempfile.TemporaryDirectory(prefix="bothways-tour-")
base = Path(playground.name)
left, right = base / "office", base / "cloud"
left.mkdir()
right.mkdir()
(left / "letters").mkdir()
(left / "letters/offer.txt").write_text("Dear customer\n")
(right / "minutes.txt").write_text("Present: all\n")

# %% What would a sync do? Nothing changes anywhere.
session = bothways.Session(left=left, right=right, state_dir=base / "state")
plan = session.plan()
for step in plan.transitions:
    print(step.action, step.path, step.rule)

# %% Make both the same, and watch
report = session.sync(progress=print)
print(report.done, "clean:", report.is_clean)

# %% The same file changes on both sides: nothing is lost
(left / "minutes.txt").write_text("Present: all but one\n")
(right / "minutes.txt").write_text("Present: nobody\n")
print(session.explain("minutes.txt").verdict)
report = session.sync()
for conflict in report.conflicts:
    print(conflict.rule, conflict.path, "newer:", conflict.newer, "kept:", conflict.clash_path)

# %% What was done, and how to take it back
for item in session.history().runs:
    print(item.run, item.kind, item.started, item.done)
last = session.history().runs[0].run
print("undo would:", session.undo(last, dry_run=True).counts)

# %% How the pair stands
print("in sync:", session.status().in_sync)

# %% All day long. Whoever asks meanwhile, here or in another process, is answered by the session that runs.
with session.run() as run:
    run.wait_ready(60)
    print(run)
    live = bothways.Session(left=left, right=right, state_dir=base / "state").status().live
    if live is not None:
        print("runs in process", live.process, "since", live.since)
    print("paused:", session.pause().paused, "and again:", session.resume().paused)

# %% The decision by itself, for a program with a scanner and a database of its own
for cell in bothways.matrix()[:6]:
    print(cell)
before = [{"path": "a.txt", "size": 3, "mtime_ns": 1}]
now = [{"path": "a.txt", "size": 4, "mtime_ns": 2}]
own = bothways.plan(before, now, before)
print(own, own.steps, own.explain("a.txt"), sep="\n")

# %% One folder, scanned
for entry in bothways.scan(left):
    print(entry)

# %% Errors say what to do
try:
    bothways.Session(left=left, right=base / "nowhere", state_dir=base / "other").sync()
except bothways.RootError as error:
    print(type(error).__name__, error.errno, error)

# %% Nothing is left behind
playground.cleanup()
