//! The timetable: `[[schedule.hours]]`.
//!
//! Owns how days and times of the day are written.

use super::super::error::Fault;
use super::super::model::{Config, Hours};
use super::super::tree::{Format, Value};
use super::{BTreeMap, Fields, Node, Span};
use crate::timetable::Limits;

/// The name under which the table of keys has what one of the hours holds.
const SECTION: &str = "schedule.hours";
/// No week needs more.
const MOST: usize = 100;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

pub(super) fn read(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    let Some(field) = fields.take("schedule", "hours")? else { return Ok(()) };
    let Value::List(items) = &field.node.value else {
        return Err(fields.wrong(&field, "a list of sections").help(how_to_write(fields.source.format)));
    };
    if items.len() > MOST {
        let fault = fields.source.fault(&field.span, format!("there are more than {MOST} `hours`"));
        return Err(fault.help("name several days in one: days = \"mon-fri\""));
    }
    for item in items {
        config.schedule.push(one(fields, item, config.performance.limits())?);
    }
    Ok(())
}

const fn how_to_write(format: Format) -> &'static str {
    match format {
        Format::Toml => "write `[[schedule.hours]]`, in two brackets each, and its keys below it",
        Format::Json => "write `\"hours\": [{ … }, { … }]`",
        Format::Yaml => "write `hours:` and below it `- days: mon-fri` and so on",
    }
}

fn one(fields: &Fields<'_>, item: &Node, otherwise: Limits) -> Result<Hours, Fault> {
    let Value::Table(entries) = &item.value else {
        let message = format!("`hours` takes sections, and this is {}", item.value.what());
        return Err(fields.source.fault(&item.span, message).help(how_to_write(fields.source.format)));
    };
    let mut own = Fields { source: fields.source, folder: fields.folder, found: BTreeMap::new() };
    for (key, node) in entries {
        own.add(SECTION, key.clone(), node.clone())?;
    }
    let days = days(&mut own)?;
    let to_at = own.span(SECTION, "to").or_else(|| own.span(SECTION, "from"));
    let from = time(&mut own, "from")?;
    if let Some((1440, span)) = &from {
        let fault = own.source.fault(span, "`from` cannot be `24:00`");
        return Err(fault.help("write \"00:00\", and name the next day in `days`"));
    }
    let (from, to) =
        (from.map_or(0, |(minute, _)| minute), time(&mut own, "to")?.map_or(1440, |(minute, _)| minute));
    if from == to {
        let fault = own.source.fault(&to_at.unwrap_or(0..0), "`from` and `to` are the same time");
        return Err(fault.help("leave both out for the whole day"));
    }
    let bandwidth = own.bandwidth(SECTION)?.zip(otherwise.bandwidth).map(|(own, other)| match own {
        Some(bytes) => (bytes > 0).then_some(bytes),
        None => other,
    });
    let copies = match own.number(SECTION, "max_concurrent_copies", 0, 1024)? {
        Some(count) => (count > 0).then_some(count),
        None => otherwise.copies,
    };
    Ok(Hours { days, from, to, limits: Limits { bandwidth, copies } })
}

fn days(own: &mut Fields<'_>) -> Result<[bool; 7], Fault> {
    let Some(texts) = own.texts(SECTION, "days")?.filter(|texts| !texts.is_empty()) else {
        return Ok([true; 7]);
    };
    let mut days = [false; 7];
    for (text, span) in &texts {
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(own, first, span)?, day(own, last, span)?);
            // `sat-mon` goes over the end of the week.
            for ahead in 0..=(last + 7 - first) % 7 {
                days[(first + ahead) % 7] = true;
            }
        }
    }
    Ok(days)
}

/// The place of a day in the week: by its name, or the first three letters of it.
fn day(own: &Fields<'_>, word: &str, span: &Span) -> Result<usize, Fault> {
    let word = word.trim().to_lowercase();
    let found = DAYS.iter().position(|day| *day == word || day[..3] == *word);
    found.ok_or_else(|| {
        let fault = own.source.fault(span, format!("`days`: `{word}` is no day"));
        fault.help("write days as \"mon-fri\", \"sat,sun\" or \"wed\"; leave them out for every day")
    })
}

/// A time of the day, as its minute, and where it stands.
fn time(own: &mut Fields<'_>, name: &'static str) -> Result<Option<(u16, Span)>, Fault> {
    let Some((text, span)) = own.text(SECTION, name)? else { return Ok(None) };
    let number = |part: &str| {
        let digits = matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| digits)
    };
    let parts = text.trim().split_once(':');
    let parts =
        parts.and_then(|(hour, minute)| number(hour).zip(number(minute).filter(|_| minute.len() == 2)));
    match parts {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok(Some((hour * 60 + minute, span))),
        Some((24, 0)) => Ok(Some((1440, span))),
        _ => {
            let fault = own.source.fault(&span, format!("`{name}`: `{text}` is no time of the day"));
            Err(fault.help("write it as \"08:00\" or \"22:30\"; \"24:00\" is the end of the day"))
        }
    }
}
