//! What a letter says.
//!
//! Owns the sentences. Nothing is escaped here: the writers do that.

use super::{Line, Page, Part, Tone};
use crate::event::{Conflict, Event, Failure, Halt, Remedy, Version, What};
use crate::letter::{Letter, LetterKind, Summary};
use crate::numbers::{count, grouped};

pub(super) fn page(letter: &Letter) -> Page {
    let mut lead = vec![
        format!("Left:  {}", letter.left_root),
        format!("Right: {}", letter.right_root),
        format!("Time:  {}", when(&letter.time)),
    ];
    if letter.kind == LetterKind::Test {
        lead.push("This is a test, as you asked for: alerts reach you in this way.".to_owned());
    }
    let mut parts: Vec<Part> = letter.events.iter().map(part).collect();
    if letter.rest > 0 {
        let lines = vec![Line::Say(
            "The log has all of them; `bothways status` and `bothways conflicts list` show what is still open."
                .to_owned(),
        )];
        let heading = format!("And {}", count(letter.rest, "more event", "more events"));
        parts.push(Part { heading, tone: Tone::Care, lines });
    }
    if let Some(summary) = &letter.summary {
        parts.push(summed(summary, letter.kind));
    }
    if letter.dropped > 0 {
        let lost = count(letter.dropped, "older message was", "older messages were");
        let lines = vec![Line::Say(format!(
            "{lost} lost: they could not be delivered for too long. The log has what they said."
        ))];
        parts.push(Part { heading: "Lost messages".to_owned(), tone: Tone::Care, lines });
    }
    let foot = vec![
        format!("Bothways on {}; message {}.", letter.host, letter.id),
        "This message was made by a program. Nobody reads answers to it.".to_owned(),
    ];
    Page { title: title(letter), lead, parts, foot }
}

/// The subject without its prefix.
fn title(letter: &Letter) -> String {
    match letter.kind {
        LetterKind::Test => return "Test message".to_owned(),
        LetterKind::Daily => {
            let day = letter.summary.as_ref().map_or(letter.time.as_str(), |summary| summary.from.as_str());
            let day = day.split('T').next().unwrap_or_default();
            return format!("Daily summary {day}: {}", tally(letter));
        }
        LetterKind::Events => {}
    }
    match letter.events.as_slice() {
        [only] if letter.rest == 0 => {
            let again = if only.told_before > 0 { "Still: " } else { "" };
            format!("{again}{}", only.what.title())
        }
        events => match events.iter().find(|event| matches!(event.what, What::Halt(_))) {
            Some(halt) => halt.what.title(),
            None => tally(letter),
        },
    }
}

/// How many of what.
fn tally(letter: &Letter) -> String {
    let number = |is: fn(&What) -> bool| letter.events.iter().filter(|event| is(&event.what)).count() as u64;
    let kinds = [
        (number(|what| matches!(what, What::Halt(_))), "halt", "halts"),
        (number(|what| matches!(what, What::Conflict(_))), "conflict", "conflicts"),
        (number(|what| matches!(what, What::Failure(_))), "failure", "failures"),
        (number(|what| matches!(what, What::Recovery(_))), "recovery", "recoveries"),
        (letter.rest, "more event", "more events"),
    ];
    let mut parts: Vec<String> =
        kinds.iter().filter(|(number, ..)| *number > 0).map(|(n, one, many)| count(*n, one, many)).collect();
    if parts.is_empty() {
        let copied = letter.summary.as_ref().map_or(0, |summary| sum(summary, &["COPY_"]));
        parts.push(if copied > 0 {
            format!("{} copied, nothing to look at", count(copied, "file", "files"))
        } else {
            "nothing to look at".to_owned()
        });
    }
    parts.join(", ")
}

fn part(event: &Event) -> Part {
    let mut lines = vec![Line::Row("Time", when(&event.time))];
    if let Some(since) = &event.since {
        lines.push(Line::Row("Since", when(since)));
    }
    if event.told_before > 0 && !matches!(event.what, What::Recovery(_)) {
        let told = match event.told_before {
            1 => "once before".to_owned(),
            times => format!("{times} times before"),
        };
        lines.push(Line::Row("Told", told));
    }
    let (tone, remedies) = match &event.what {
        What::Conflict(one) => {
            conflict(one, &mut lines);
            (Tone::Care, one.remedies.as_slice())
        }
        What::Failure(one) => {
            failure(one, &mut lines);
            (Tone::Alarm, one.remedies.as_slice())
        }
        What::Halt(one) => {
            halt(one, &mut lines);
            (Tone::Alarm, one.remedies.as_slice())
        }
        What::Recovery(one) => {
            lines.push(Line::Say(format!("This is over: {}", one.of)));
            (Tone::Good, [].as_slice())
        }
    };
    lines
        .extend(remedies.iter().map(|Remedy { does, command }| Line::Command(does.clone(), command.clone())));
    Part { heading: event.what.title(), tone, lines }
}

fn conflict(one: &Conflict, lines: &mut Vec<Line>) {
    lines.push(Line::Row("Path", one.path.clone()));
    lines.push(Line::Row("Sides", "left and right".to_owned()));
    let number = one.requirement.as_ref().map(|number| format!(" ({number})")).unwrap_or_default();
    lines.push(Line::Row("Rule", format!("{}{number}: {}", one.rule, rule(&one.rule))));
    lines.push(Line::Row("Left", version(&one.left)));
    lines.push(Line::Row("Right", version(&one.right)));
    lines.push(Line::Row("Newer", one.newer.clone()));
    if let Some(clash) = &one.clash_path {
        lines.push(Line::Row("Clash file", clash.clone()));
    }
    let done = match (one.policy.as_str(), one.open) {
        ("clash", false) => {
            "both sides have both versions now: the newer one at the path, the older one as the clash file"
        }
        ("clash", true) => "not finished yet; the next run goes on, and nothing was lost",
        ("notify", _) => "nothing was touched; each side keeps its version until you decide",
        (_, false) => "the newer version is on both sides now",
        (_, true) => "nothing yet",
    };
    lines.push(Line::Row("Done", done.to_owned()));
}

fn failure(one: &Failure, lines: &mut Vec<Line>) {
    let whole = one.path.is_empty();
    lines.push(Line::Row("Path", if whole { "the root".to_owned() } else { one.path.clone() }));
    lines.push(Line::Row("Side", one.side.clone().unwrap_or_else(|| "both".to_owned())));
    lines.push(Line::Row("Operation", one.operation.clone()));
    lines.push(Line::Row("Error", format!("{} ({})", one.error, one.kind)));
    let done = if whole {
        "nothing is synced until this is mended"
    } else {
        "left as it is; everything else went on"
    };
    lines.push(Line::Row("Done", done.to_owned()));
}

fn halt(one: &Halt, lines: &mut Vec<Line>) {
    lines.push(Line::Row("Guard", one.reason.clone()));
    if let Some(side) = &one.side {
        lines.push(Line::Row("Side", side.clone()));
    }
    lines.push(Line::Row("Done", "nothing was touched, and nothing is until you say so".to_owned()));
    for folder in &one.folders {
        let path = if folder.path.is_empty() { "(the root itself)" } else { &folder.path };
        lines.push(Line::Row("Folder", format!("{path}: {}", count(folder.files, "file", "files"))));
    }
    if let Some(approval) = &one.approval {
        lines.push(Line::Say(approval.clone()));
    }
}

/// A rule in a sentence.
fn rule(name: &str) -> &str {
    match name {
        "both-changed" => "changed on both sides",
        "both-created" => "new on both sides, with other contents",
        "props-both" => "properties or spelling changed on both sides",
        "silent-corruption" => "another content although size and time are the same",
        other => other,
    }
}

fn version(version: &Version) -> String {
    match version.kind.as_str() {
        "file" => format!("{}, changed {}", size(version.size), when(&version.mtime)),
        kind => format!("a {kind}, changed {}", when(&version.mtime)),
    }
}

fn summed(summary: &Summary, kind: LetterKind) -> Part {
    let mut lines = vec![Line::Row("From", when(&summary.from)), Line::Row("To", when(&summary.to))];
    let heading = match kind {
        LetterKind::Daily => {
            lines.push(Line::Row("Runs", grouped(summary.runs)));
            "The day"
        }
        _ => "The run",
    };
    let counts = [
        ("Copies", sum(summary, &["COPY_"])),
        ("Renames", sum(summary, &["RENAME_"])),
        ("Deletes", sum(summary, &["DELETE_"])),
        ("To the trash", sum(summary, &["SOFT_DELETE_"])),
        ("Folders", sum(summary, &["MKDIR_", "RMDIR_"])),
        ("Properties", sum(summary, &["SET_PROPS_"])),
        ("Conflicts", summary.conflicts.values().sum()),
        ("Problems", summary.problems),
    ];
    lines.extend(counts.into_iter().map(|(label, number)| Line::Row(label, grouped(number))));
    lines.extend(
        summary
            .conflicts
            .iter()
            .map(|(name, number)| Line::Row("", format!("{} {name}: {}", grouped(*number), rule(name)))),
    );
    lines.push(Line::Row("Copied", size(summary.bytes)));
    lines.push(Line::Row("Took", duration(summary.duration_ms)));
    Part { heading: heading.to_owned(), tone: Tone::Calm, lines }
}

/// How many transitions have a word that begins so.
fn sum(summary: &Summary, beginnings: &[&str]) -> u64 {
    let counts = |word: &str| beginnings.iter().any(|beginning| word.starts_with(beginning));
    summary.done.iter().filter(|(word, _)| counts(word)).map(|(_, number)| number).sum()
}

/// Bytes, and in a larger unit where that is shorter.
fn size(bytes: u64) -> String {
    let exact = count(bytes, "byte", "bytes");
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = bytes as f64;
    let mut unit = None;
    for name in units {
        if scaled < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = Some(name);
    }
    unit.map_or_else(|| exact.clone(), |unit| format!("{exact} ({scaled:.1} {unit})"))
}

fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A time without the decimals nobody reads.
fn when(time: &str) -> String {
    match time.split_once('T') {
        Some((day, clock)) if time.ends_with('Z') => {
            format!("{day} {} UTC", clock.split(['.', 'Z']).next().unwrap_or_default())
        }
        _ => time.to_owned(),
    }
}
