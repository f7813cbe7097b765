//! The reports of the engine as Python dataclasses, made from the schemas of the command line's documents.
//!
//! Owns what a field of a document is in Python: which texts are moments, and which are paths. A schema says neither.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// The documents that the Python module returns.
const DOCUMENTS: &[&str] = &[
    "sync",
    "plan",
    "scan",
    "check",
    "explain",
    "conflicts",
    "conflict",
    "resolve",
    "resync",
    "status",
    "history",
    "run",
    "undo",
    "trash",
    "restore",
    "purge",
    "pause",
    "sync-plan",
];

/// Fields that hold a moment, whatever the document.
const MOMENTS: &[&str] = &[
    "started",
    "finished",
    "mtime",
    "deleted",
    "since",
    "checked",
    "first_seen",
    "last_seen",
    "next_try",
    "oldest",
    "time",
    "paused_since",
    "waits_since",
    "busy_since",
    "next_full_scan",
    "last_round_finished",
];

/// Fields that hold a path below the roots.
const PATHS: &[&str] = &["path", "to", "clash_path", "place", "trashed"];

/// The same names where they hold something else.
const NO_PATHS: &[(&str, &str)] =
    &[("PlaceCheck", "path"), ("TestDelivery", "place"), ("Unresolved", "path")];

/// Reports that can say whether a person should look.
const JUDGED: &[&str] = &[
    "SyncReport",
    "PlannedReport",
    "ResolveReport",
    "ResyncReport",
    "UndoReport",
    "RestoreReport",
    "PurgeReport",
    "CheckReport",
];

const HEAD: &str = "\"\"\"What the engine tells, as dataclasses.

Made by `cargo xtask generate` from sync-cli/schema. Do not edit.

Moments are aware datetimes in UTC; a datetime ends at microseconds, so each has a companion with all nanoseconds since
1970, whose name ends in `_ns`. Paths below the roots are `pathlib.PurePath`.
\"\"\"

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from ._bothways import shown_path
from ._times import moment, parsed
";

pub(crate) fn python(root: &Path) -> Result<String> {
    let mut classes: BTreeMap<String, Value> = BTreeMap::new();
    let mut names = Vec::new();
    for document in DOCUMENTS {
        let path = root.join(format!("sync-cli/schema/{document}.json"));
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let schema: Value = serde_json::from_str(&text)?;
        let title = schema["title"].as_str().context("a schema without a title")?.to_owned();
        let inner = schema["$defs"].as_object().cloned().unwrap_or_default();
        for (name, class) in inner.into_iter().chain([(title, schema)]) {
            if !names.contains(&name) {
                names.push(name.clone());
            }
            classes.insert(name, class);
        }
    }
    names.sort();
    let mut text = HEAD.to_owned();
    write!(text, "\n__all__ = [\n")?;
    for name in &names {
        writeln!(text, "    \"{name}\",")?;
    }
    writeln!(text, "]")?;
    for name in &names {
        let class = classes.get(name).context("a class got lost")?;
        write_class(&mut text, name, class).with_context(|| format!("in {name}"))?;
    }
    Ok(text)
}

fn write_class(text: &mut String, name: &str, class: &Value) -> Result<()> {
    let nothing = Map::new();
    let fields = class["properties"].as_object().unwrap_or(&nothing);
    write!(text, "\n\n@dataclass(frozen=True)\nclass {name}:\n")?;
    writeln!(text, "    {}\n", docstring(class, 4))?;
    let mut made = Vec::new();
    for (field, schema) in fields {
        let kind = Kind::of(name, field, schema).with_context(|| format!("in the field {field}"))?;
        writeln!(text, "    {field}: {}", kind.annotation())?;
        writeln!(text, "    {}", docstring(schema, 4))?;
        made.push((field.clone(), kind.reading(&format!("d.get(\"{field}\")"))));
        if let Kind::Moment { optional } = kind {
            let annotation = if optional { "int | None" } else { "int" };
            writeln!(text, "    {field}_ns: {annotation} = field(repr=False)")?;
            writeln!(text, "    \"\"\"The same in nanoseconds since 1970.\"\"\"")?;
            made.push((format!("{field}_ns"), format!("parsed(d.get(\"{field}\"))")));
        }
    }
    if JUDGED.contains(&name) {
        writeln!(text, "    is_clean: bool")?;
        writeln!(text, "    \"\"\"Whether nobody needs to look at anything.\"\"\"")?;
        made.push(("is_clean".to_owned(), "d[\"is_clean\"]".to_owned()));
    }
    writeln!(text, "\n    @classmethod\n    def _of(cls, d: Any) -> {name}:\n        return cls(")?;
    for (field, reading) in made {
        writeln!(text, "            {field}={reading},")?;
    }
    writeln!(text, "        )")?;
    Ok(())
}

/// What a field is in Python.
enum Kind {
    Plain { python: &'static str, optional: bool },
    Moment { optional: bool },
    Path { optional: bool },
    Class { name: String, optional: bool },
    List(Box<Kind>),
    Counts,
}

impl Kind {
    fn of(class: &str, field: &str, schema: &Value) -> Result<Self> {
        if let Some(reference) = schema["$ref"].as_str() {
            return Ok(Self::Class { name: named(reference)?, optional: false });
        }
        if let Some(any) = schema["anyOf"].as_array() {
            let reference = any.iter().find_map(|one| one["$ref"].as_str()).context("no class")?;
            return Ok(Self::Class { name: named(reference)?, optional: true });
        }
        let (kind, optional) = match &schema["type"] {
            Value::String(kind) => (kind.as_str(), false),
            Value::Array(kinds) => {
                let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null");
                (kind.context("nothing but null")?, true)
            }
            _ => bail!("no type"),
        };
        let is_path = PATHS.contains(&field) && !NO_PATHS.contains(&(class, field));
        Ok(match kind {
            "string" if MOMENTS.contains(&field) => Self::Moment { optional },
            "string" if is_path => Self::Path { optional },
            "string" => Self::Plain { python: "str", optional },
            "integer" => Self::Plain { python: "int", optional },
            "number" => Self::Plain { python: "float", optional },
            "boolean" => Self::Plain { python: "bool", optional },
            "array" => Self::List(Box::new(Self::of(class, "", &schema["items"])?)),
            "object" => Self::Counts,
            other => bail!("the type {other} has no counterpart"),
        })
    }

    fn annotation(&self) -> String {
        let or_none =
            |name: &str, optional: bool| if optional { format!("{name} | None") } else { name.to_owned() };
        match self {
            Self::Plain { python, optional } => or_none(python, *optional),
            Self::Moment { optional } => or_none("datetime", *optional),
            Self::Path { optional } => or_none("PurePath", *optional),
            Self::Class { name, optional } => or_none(name, *optional),
            Self::List(inner) => format!("tuple[{}, ...]", inner.annotation()),
            Self::Counts => "dict[str, int]".to_owned(),
        }
    }

    /// How it is made of what JSON holds.
    fn reading(&self, value: &str) -> String {
        let unless_none = |made: String, optional: bool| {
            if optional { format!("None if {value} is None else {made}") } else { made }
        };
        match self {
            Self::Plain { .. } => value.to_owned(),
            Self::Moment { .. } => format!("moment(parsed({value}))"),
            Self::Path { optional } => unless_none(format!("shown_path({value})"), *optional),
            Self::Class { name, optional } => unless_none(format!("{name}._of({value})"), *optional),
            Self::List(inner) => format!("tuple({} for each in {value} or ())", inner.reading("each")),
            Self::Counts => format!("dict({value} or {{}})"),
        }
    }
}

fn named(reference: &str) -> Result<String> {
    Ok(reference.rsplit('/').next().context("an empty reference")?.to_owned())
}

fn docstring(schema: &Value, indent: usize) -> String {
    let words = schema["description"].as_str().unwrap_or("A part of a report.");
    let words = words.replace('\\', "\\\\").replace('\n', &format!("\n{}", " ".repeat(indent)));
    format!("\"\"\"{words}\"\"\"")
}
