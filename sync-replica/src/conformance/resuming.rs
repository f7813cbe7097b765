//! Copies that are interrupted and go on.

use sync_core::entry::Entry;

use super::kit::{
    Given, NOT_AS_EXPECTED, OnBytes, Result, StopAfter, THEN_NS, clean, digest, ensure, holds, look, needs,
    noise, p, refused, rewritten, same, scan, written,
};
use super::{Check, Fixture, Spoil};
use crate::control::Uncontrolled;
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect, Staged};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a copy that was stopped goes on where it stopped", goes_on),
    ("a copy whose source cannot be read on goes on later", goes_on_after_trouble),
    ("a copy of a killed process is gone on with after recover", goes_on_after_kill),
    ("a finished copy whose handle is dropped is gone on with", finished_is_partial),
    ("another version of the source begins anew", another_version),
    ("another target begins anew", another_target),
    ("a partial copy whose bytes were changed is begun anew", spoiled_bytes),
    ("a partial copy that became shorter is begun anew", spoiled_length),
    ("a partial copy without a sound note is begun anew", spoiled_note),
    ("a partial copy that nobody asked for again is dropped", too_old),
    ("a dropped partial copy leaves nothing", dropped),
    ("a copy that was gone on with can be read back", reread_resumed),
    ("a source that changes under a resumable copy leaves nothing", changing_source),
    ("an installed and a discarded copy leave nothing to go on with", nothing_left),
    ("a copy that could not be installed is gone on with", not_installed),
    ("a second copy to a path beside one under way is one of its own", two_at_once),
    ("a partial copy is in no scan", invisible),
    ("a file that somebody has open for writing is told", being_written),
];

/// Large enough to be interrupted anywhere.
const SIZE: usize = 6 << 20;
const HALF: u64 = 3 << 20;

fn large() -> Vec<u8> {
    noise(SIZE + 5)
}

/// Copies to `copy`, stopped after half of it.
fn stop_half_way(fx: &dyn Fixture, content: &[u8]) -> Result {
    let stop = StopAfter::bytes(HALF);
    let result = fx.replica().stage_resumable(&mut Given::file(content), &p("copy"), false, &stop);
    refused(result, &[ProblemKind::Cancelled], "a copy that is stopped")?;
    same!(fx.partial_count(), 1, "partial copies after a stop");
    clean(fx, "after a stop")
}

fn go_on(fx: &dyn Fixture, content: &[u8]) -> Result<Staged> {
    let count = OnBytes::new(|| ());
    let staged = fx.replica().stage_resumable(&mut Given::file(content), &p("copy"), false, &count)?;
    same!(staged.resumed + count.bytes.into_inner(), content.len() as u64, "bytes resumed and copied");
    if let Some(found) = staged.digest {
        same!(found, digest(content), "the digest");
    }
    Ok(staged)
}

/// Puts a staged copy at `copy`, where it must be `content`, and nothing may be left.
fn finish(fx: &dyn Fixture, staged: Staged, content: &[u8]) -> Result {
    fx.replica().settle(&[&staged])?;
    let expect = fx.replica().look(&p("copy"))?.map_or(Expect::Absent, Expect::Is);
    let installed = fx.replica().install(staged, &p("copy"), &expect, Displaced::Drop)?;
    same!(installed.entry.size, content.len() as u64, "size");
    holds(fx, &p("copy"), content, "after going on")?;
    same!(fx.partial_count(), 0, "partial copies after the end");
    same!(fx.replica().partials()?, [], "partial copies told after the end");
    Ok(())
}

/// What was begun is not used.
fn begins_anew(fx: &dyn Fixture, content: &[u8], what: &str) -> Result {
    let staged = go_on(fx, content)?;
    same!(staged.resumed, 0, "{what}: bytes gone on with");
    finish(fx, staged, content)
}

fn goes_on(fx: &dyn Fixture) -> Result {
    let content = large();
    stop_half_way(fx, &content)?;
    let told = fx.replica().partials()?;
    let [partial] = &told[..] else { return Err(format!("{} partial copies are told", told.len()).into()) };
    same!(partial.at, p("copy"), "its target");
    same!(partial.source, Given::file(&content).entry, "its source");
    ensure!(partial.bytes > 0 && partial.bytes <= HALF + (1 << 20), "{} bytes are kept", partial.bytes);
    let staged = go_on(fx, &content)?;
    same!(staged.resumed, partial.bytes, "bytes gone on with");
    ensure!(staged.resumed >= HALF - (1 << 20), "only {} bytes were kept", staged.resumed);
    finish(fx, staged, &content)
}

fn goes_on_after_trouble(fx: &dyn Fixture) -> Result {
    let content = large();
    let mut given = Given::file(&content);
    given.breaks = true;
    let result = fx.replica().stage_resumable(&mut given, &p("copy"), false, &Uncontrolled);
    refused(result, &[ProblemKind::Io], "a source that breaks")?;
    let staged = go_on(fx, &content)?;
    ensure!(staged.resumed > 0, "nothing was kept");
    finish(fx, staged, &content)
}

fn goes_on_after_kill(fx: &dyn Fixture) -> Result {
    let content = large();
    stop_half_way(fx, &content)?;
    let next = fx.restarted();
    same!(next.replica().recover()?.removed, 0, "copies removed by recover");
    let staged = go_on(next.as_ref(), &content)?;
    ensure!(staged.resumed > 0, "nothing was kept");
    finish(next.as_ref(), staged, &content)
}

fn finished_is_partial(fx: &dyn Fixture) -> Result {
    let content = large();
    drop(go_on(fx, &content)?);
    let staged = go_on(fx, &content)?;
    ensure!(staged.resumed >= SIZE as u64 - (1 << 20), "only {} bytes were kept", staged.resumed);
    // A killed process does not clean up.
    std::mem::forget(staged);
    let next = fx.restarted();
    next.replica().recover()?;
    let staged = go_on(next.as_ref(), &content)?;
    ensure!(staged.resumed >= SIZE as u64 - (1 << 20), "only {} bytes outlast the process", staged.resumed);
    finish(next.as_ref(), staged, &content)
}

fn another_version(fx: &dyn Fixture) -> Result {
    let content = large();
    let other: Vec<u8> = content.iter().map(|byte| !byte).collect();
    let change: [(&str, &dyn Fn(&mut Entry)); 5] = [
        ("another time", &|entry| entry.mtime_ns += 1),
        ("another change time", &|entry| entry.ctime_ns += 1),
        ("another file number", &|entry| entry.file_id = std::num::NonZeroU64::new(9)),
        ("other attributes", &|entry| entry.attributes = sync_core::entry::Attributes::Unix(0o600)),
        ("another size", &|_| ()),
    ];
    for (what, change) in change {
        stop_half_way(fx, &content)?;
        let other = if what == "another size" { &other[1..] } else { &other[..] };
        let mut given = Given::file(other);
        change(&mut given.entry);
        let staged = fx.replica().stage_resumable(&mut given, &p("copy"), false, &Uncontrolled)?;
        same!(staged.resumed, 0, "{what}: bytes gone on with");
        finish(fx, staged, other)?;
        fx.remove(&p("copy"));
    }
    Ok(())
}

fn another_target(fx: &dyn Fixture) -> Result {
    let content = large();
    stop_half_way(fx, &content)?;
    let mut given = Given::file(&content);
    let staged = fx.replica().stage_resumable(&mut given, &p("elsewhere"), false, &Uncontrolled)?;
    same!(staged.resumed, 0, "bytes of another target");
    fx.replica().discard(staged);
    same!(fx.partial_count(), 1, "partial copies for the first target");
    let staged = go_on(fx, &content)?;
    ensure!(staged.resumed > 0, "nothing was kept");
    finish(fx, staged, &content)
}

fn spoiled(fx: &dyn Fixture, spoil: Spoil) -> Result {
    let content = large();
    stop_half_way(fx, &content)?;
    fx.spoil_partials(spoil);
    begins_anew(fx, &content, &format!("{spoil:?}"))?;
    fx.remove(&p("copy"));
    // And by the next process.
    stop_half_way(fx, &content)?;
    fx.spoil_partials(spoil);
    let next = fx.restarted();
    next.replica().recover()?;
    begins_anew(next.as_ref(), &content, &format!("{spoil:?}, after recover"))
}

fn spoiled_bytes(fx: &dyn Fixture) -> Result {
    spoiled(fx, Spoil::Bytes)
}

fn spoiled_length(fx: &dyn Fixture) -> Result {
    spoiled(fx, Spoil::Shorter)
}

fn spoiled_note(fx: &dyn Fixture) -> Result {
    spoiled(fx, Spoil::Note)
}

fn too_old(fx: &dyn Fixture) -> Result {
    let content = large();
    stop_half_way(fx, &content)?;
    fx.spoil_partials(Spoil::Age);
    // By a copy of something else,
    let mut given = Given::file(&content);
    let staged = fx.replica().stage_resumable(&mut given, &p("elsewhere"), false, &Uncontrolled)?;
    fx.replica().discard(staged);
    same!(fx.partial_count(), 0, "partial copies that are too old");
    // and by the next process.
    stop_half_way(fx, &content)?;
    fx.spoil_partials(Spoil::Age);
    let next = fx.restarted();
    same!(next.replica().recover()?.removed, 1, "copies removed by recover");
    same!(next.partial_count(), 0, "partial copies that are too old, after recover");
    Ok(())
}

fn dropped(fx: &dyn Fixture) -> Result {
    let content = large();
    ensure!(!fx.replica().drop_partial(&p("copy"))?, "there was one before there was one");
    stop_half_way(fx, &content)?;
    ensure!(!fx.replica().drop_partial(&p("elsewhere"))?, "there was one for another target");
    ensure!(fx.replica().drop_partial(&p("copy"))?, "it was not found");
    same!(fx.partial_count(), 0, "partial copies");
    same!(fx.replica().partials()?, [], "partial copies told");
    begins_anew(fx, &content, "after dropping")
}

fn reread_resumed(fx: &dyn Fixture) -> Result {
    let content = large();
    stop_half_way(fx, &content)?;
    let staged = fx.replica().stage_resumable(&mut Given::file(&content), &p("copy"), true, &Uncontrolled)?;
    ensure!(staged.resumed > 0, "nothing was kept");
    finish(fx, staged, &content)
}

fn changing_source(fx: &dyn Fixture) -> Result {
    let content = large();
    let at = p("file");
    let entry = written(fx, &at, &content)?;
    let mut source = fx.replica().open(&at, &entry)?;
    let edit = OnBytes::new(|| rewritten(fx, &at, &noise(SIZE)));
    let result = fx.replica().stage_resumable(source.as_mut(), &p("copy"), false, &edit);
    if fx.replica().abilities().reflinks && !edit.acted() {
        return Ok(());
    }
    refused(result, NOT_AS_EXPECTED, "a source that changes")?;
    same!(fx.partial_count(), 0, "partial copies of a version that is gone");
    // It is known to have changed before anything is read.
    let entry = written(fx, &at, &content)?;
    let mut source = fx.replica().open(&at, &entry)?;
    rewritten(fx, &at, &noise(SIZE));
    let result = fx.replica().stage_resumable(source.as_mut(), &p("copy"), false, &Uncontrolled);
    refused(result, NOT_AS_EXPECTED, "a source that changed")?;
    same!(fx.partial_count(), 0, "partial copies of a version that was gone");
    clean(fx, "after a source that changes")
}

fn nothing_left(fx: &dyn Fixture) -> Result {
    let content = large();
    let staged = go_on(fx, &content)?;
    finish(fx, staged, &content)?;
    let staged = go_on(fx, &content)?;
    same!(staged.resumed, 0, "bytes of an installed copy");
    fx.replica().discard(staged);
    same!(fx.partial_count(), 0, "partial copies after discarding");
    clean(fx, "after discarding")?;
    begins_anew(fx, &content, "after discarding")
}

fn not_installed(fx: &dyn Fixture) -> Result {
    let content = large();
    let old = written(fx, &p("copy"), b"old")?;
    let staged = go_on(fx, &content)?;
    rewritten(fx, &p("copy"), b"newer");
    let result = fx.replica().install(staged, &p("copy"), &Expect::Is(old), Displaced::Drop);
    refused(result, NOT_AS_EXPECTED, "another version than expected")?;
    holds(fx, &p("copy"), b"newer", "after a refusal")?;
    let staged = go_on(fx, &content)?;
    ensure!(staged.resumed >= SIZE as u64 - (1 << 20), "only {} bytes were kept", staged.resumed);
    finish(fx, staged, &content)
}

fn two_at_once(fx: &dyn Fixture) -> Result {
    let content = large();
    let other: Vec<u8> = content.iter().map(|byte| !byte).collect();
    let first = go_on(fx, &content)?;
    let second = go_on(fx, &other)?;
    same!(second.resumed, 0, "bytes gone on with");
    ensure!(!fx.replica().drop_partial(&p("copy"))?, "one that is under way was dropped");
    fx.replica().settle(&[&second])?;
    fx.replica().install(second, &p("copy"), &Expect::Absent, Displaced::Drop)?;
    same!(fx.read(&p("copy")), Some(other), "the second copy");
    finish(fx, first, &content)
}

fn invisible(fx: &dyn Fixture) -> Result {
    stop_half_way(fx, &large())?;
    ensure!(scan(fx)?.root().is_empty(), "the scan shows it");
    let names = super::kit::names(fx, &sync_core::path::RelPath::root());
    ensure!(names.is_empty(), "it lies among the user's names");
    Ok(())
}

fn being_written(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, b"content")?;
    let resting = fx.replica().is_being_written(&at, &entry)?;
    ensure!(resting != Some(true), "a file that nobody has open is told as being written");
    {
        let open = fx.keep_writing(&at);
        needs!(open.is_some(), "nobody can keep a file open");
        let now = look(fx, &at)?;
        let told = fx.replica().is_being_written(&at, &now)?;
        // A side may know of some writers and not of all.
        ensure!(told == Some(true) || (told, resting) == (None, None), "somebody writes it: told {told:?}");
    }
    let entry = look(fx, &at)?;
    same!(fx.replica().is_being_written(&at, &entry)?, resting, "after it was closed");
    fx.write(&at, b"more content");
    fx.set_mtime(&at, THEN_NS + 60_000_000_000);
    refused(fx.replica().is_being_written(&at, &entry), NOT_AS_EXPECTED, "another version")?;
    Ok(())
}
