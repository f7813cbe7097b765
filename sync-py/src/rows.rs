//! Rows of Python's into rows of the core.
//!
//! A row is a mapping, an object with attributes such as a dataclass, a plain tuple, or an [`Entry`]; rows come one after the other or
//! as a mapping from path to row. Hundreds of thousands are read while the interpreter is held, so nothing is looked up
//! twice: what a class has is asked once per class, and a mapping is left as soon as all its keys were met.

use std::num::NonZeroU64;

use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict, PyFloat, PyInt, PyMapping, PyString, PyTuple, PyType};
use sync_engine::core::entry::{Attributes, Digest, Entry as Version, Kind, Trouble};
use sync_engine::core::path::RelPath;
use sync_engine::core::rows::{AgreedRow, Row};
use sync_engine::core::side::{Side, Sides};

use crate::errors;
use crate::paths::{relative, target};
use crate::values::{Entry, KINDS, attributes, choice, digest, trouble};

/// What a float of this century's seconds can be off by.
pub(crate) const FLOAT_SLACK_NS: u64 = 1_000;

/// What a row may say, in the order in which it is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Path,
    Size,
    MtimeNs,
    Mtime,
    Kind,
    Digest,
    CtimeNs,
    FileId,
    Mode,
    Target,
    Problem,
    ExistsLeft,
    ExistsRight,
    SizeLeft,
    SizeRight,
    MtimeLeft,
    MtimeRight,
    MtimeNsLeft,
    MtimeNsRight,
    CtimeNsLeft,
    CtimeNsRight,
    FileIdLeft,
    FileIdRight,
}

const KEYS: [(Key, &str); 23] = [
    (Key::Path, "path"),
    (Key::Size, "size"),
    (Key::MtimeNs, "mtime_ns"),
    (Key::Mtime, "mtime"),
    (Key::Kind, "kind"),
    (Key::Digest, "digest"),
    (Key::CtimeNs, "ctime_ns"),
    (Key::FileId, "file_id"),
    (Key::Mode, "mode"),
    (Key::Target, "target"),
    (Key::Problem, "problem"),
    (Key::ExistsLeft, "exists_left"),
    (Key::ExistsRight, "exists_right"),
    (Key::SizeLeft, "size_left"),
    (Key::SizeRight, "size_right"),
    (Key::MtimeLeft, "mtime_left"),
    (Key::MtimeRight, "mtime_right"),
    (Key::MtimeNsLeft, "mtime_ns_left"),
    (Key::MtimeNsRight, "mtime_ns_right"),
    (Key::CtimeNsLeft, "ctime_ns_left"),
    (Key::CtimeNsRight, "ctime_ns_right"),
    (Key::FileIdLeft, "file_id_left"),
    (Key::FileIdRight, "file_id_right"),
];

/// How many of them a row of one side may say.
const OF_A_SCAN: usize = 11;

/// What a plain tuple says, by place. The last may be left out.
const OF_A_TUPLE: [Key; 4] = [Key::Path, Key::Size, Key::MtimeNs, Key::Kind];

/// What a version is made of.
const OF_A_VERSION: [Key; 5] = [Key::Size, Key::MtimeNs, Key::Mtime, Key::CtimeNs, Key::FileId];

/// What a baseline may say of each side by itself, left first.
const OF_A_SIDE: [[Key; 6]; 2] = [
    [Key::ExistsLeft, Key::SizeLeft, Key::MtimeNsLeft, Key::MtimeLeft, Key::CtimeNsLeft, Key::FileIdLeft],
    [
        Key::ExistsRight,
        Key::SizeRight,
        Key::MtimeNsRight,
        Key::MtimeRight,
        Key::CtimeNsRight,
        Key::FileIdRight,
    ],
];

/// How rows of a class are read.
#[derive(Clone, Copy)]
enum Shape {
    Ours,
    Dict,
    Tuple,
    /// Turned into a dict first.
    Mapping,
    /// Its fields, as bits of [`KEYS`]; none where each row may have others.
    Object(Option<u32>),
}

/// One row with what it was found to say. What is there and is none counts as not there.
type Found<'py> = [Option<Bound<'py, PyAny>>; KEYS.len()];

pub(crate) struct Reader<'py> {
    py: Python<'py>,
    names: Vec<Bound<'py, PyString>>,
    last: Option<(Bound<'py, PyType>, Shape)>,
    word_file: Bound<'py, PyString>,
    /// A time came as a float.
    pub(crate) had_floats: bool,
}

impl<'py> Reader<'py> {
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self {
            py,
            names: KEYS.iter().map(|(_, name)| PyString::intern(py, name)).collect(),
            last: None,
            word_file: PyString::intern(py, "file"),
            had_floats: false,
        }
    }

    fn shape(&mut self, row: &Bound<'py, PyAny>) -> PyResult<Shape> {
        let class = row.get_type();
        if let Some((known, shape)) = &self.last
            && known.is(&class)
        {
            return Ok(*shape);
        }
        let shape = if row.cast::<Entry>().is_ok() {
            Shape::Ours
        } else if row.cast::<PyDict>().is_ok() {
            Shape::Dict
        } else if row.cast_exact::<PyTuple>().is_ok() {
            Shape::Tuple
        } else if row.cast::<PyMapping>().is_ok() || class.hasattr(intern!(self.py, "keys"))? {
            Shape::Mapping
        } else if row.cast::<PyString>().is_ok() || class.hasattr(intern!(self.py, "__fspath__"))? {
            return Err(Self::no_row(row));
        } else {
            let fields = |name| class.getattr_opt(name).map(|found| found.filter(|it| !it.is_none()));
            let listed = match fields(intern!(self.py, "__dataclass_fields__"))? {
                Some(listed) => Some(listed),
                None => fields(intern!(self.py, "_fields"))?,
            };
            let mut bits = None;
            if let Some(listed) = listed {
                let mut found = 0;
                for (bit, name) in self.names.iter().enumerate() {
                    // Also what is a property.
                    if listed.contains(name)? || class.hasattr(name)? {
                        found |= 1 << bit;
                    }
                }
                bits = Some(found);
            }
            Shape::Object(bits)
        };
        self.last = Some((class, shape));
        Ok(shape)
    }

    fn no_row(row: &Bound<'py, PyAny>) -> PyErr {
        let kind = row.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!(
            "a row is a mapping, an object with attributes, a tuple or an Entry, and not {kind}"
        ))
    }

    /// What a row says of the first `most` keys.
    fn read(&mut self, row: &Bound<'py, PyAny>, shape: Shape, most: usize) -> PyResult<Found<'py>> {
        let mut found: Found<'py> = std::array::from_fn(|_| None);
        let names = self.names.iter().take(most).enumerate();
        match shape {
            Shape::Dict | Shape::Mapping => {
                let copied;
                let row = match row.cast::<PyDict>() {
                    Ok(row) => row,
                    Err(_) => {
                        let made = self.py.get_type::<PyDict>().call1((row,))?;
                        copied = made.cast_into::<PyDict>()?;
                        &copied
                    }
                };
                let mut left = row.len();
                for (at, name) in names {
                    if left == 0 {
                        break;
                    }
                    if let Some(value) = row.get_item(name)? {
                        left -= 1;
                        put(&mut found, at, value);
                    }
                }
            }
            Shape::Ours | Shape::Object(None) => {
                for (at, name) in names {
                    if let Some(value) = row.getattr_opt(name)? {
                        put(&mut found, at, value);
                    }
                }
                if found.iter().all(Option::is_none) {
                    return Err(Self::no_row(row));
                }
            }
            Shape::Tuple => {
                let row = row.cast::<PyTuple>()?;
                if !(OF_A_TUPLE.len() - 1..=OF_A_TUPLE.len()).contains(&row.len()) {
                    return Err(PyTypeError::new_err(format!(
                        "a tuple is (path, size, mtime_ns) or (path, size, mtime_ns, kind), and this one has {}",
                        row.len()
                    )));
                }
                for (key, value) in OF_A_TUPLE.into_iter().zip(row) {
                    put(&mut found, key as usize, value);
                }
            }
            Shape::Object(Some(bits)) => {
                let mut rest = bits & ((1 << most) - 1);
                while rest != 0 {
                    let at = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    if let Some(name) = self.names.get(at) {
                        put(&mut found, at, row.getattr(name)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Goes through rows, or through the rows of a mapping by their paths, and says of an error where it is.
    fn each<T>(
        &mut self,
        what: &str,
        rows: &Bound<'py, PyAny>,
        mut one: impl FnMut(&mut Self, Option<Bound<'py, PyAny>>, &Bound<'py, PyAny>) -> PyResult<Option<T>>,
    ) -> PyResult<Vec<T>> {
        let py = self.py;
        let mut all = Vec::with_capacity(rows.len().unwrap_or_default());
        let at_row = |error: PyErr, number: usize| located(py, &error, &format!("{what}, row {number}"));
        if let Ok(mapping) = rows.cast::<PyDict>() {
            for (number, (path, row)) in mapping.iter().enumerate() {
                all.extend(one(self, Some(path), &row).map_err(|error| at_row(error, number))?);
            }
            return Ok(all);
        }
        let is_mapping = rows.cast::<PyMapping>().is_ok();
        let pairs = if is_mapping { rows.call_method0(intern!(py, "items"))? } else { rows.clone() };
        if pairs.cast::<PyString>().is_ok() {
            return Err(PyTypeError::new_err(format!("{what}: rows are wanted, and not a str")));
        }
        let iterator = pairs.try_iter().map_err(|error| located(py, &error, what))?;
        for (number, row) in iterator.enumerate() {
            let row = row?;
            let (path, row) =
                if is_mapping { (Some(row.get_item(0)?), row.get_item(1)?) } else { (None, row) };
            all.extend(one(self, path, &row).map_err(|error| at_row(error, number))?);
        }
        Ok(all)
    }

    /// The rows of a scan. What was seen of a content is told to `known`.
    pub(crate) fn scan(
        &mut self,
        side: Side,
        rows: &Bound<'py, PyAny>,
        mut known: impl FnMut(&RelPath, Digest),
    ) -> PyResult<Vec<Row>> {
        self.each(side.name(), rows, |reader, path, row| {
            let shape = reader.shape(row)?;
            if let (Shape::Ours, None) = (shape, &path) {
                let entry = row.cast::<Entry>()?.get();
                if let Some(digest) = entry.digest {
                    known(&entry.path, digest);
                }
                return Ok(Some(Row {
                    path: entry.path.clone(),
                    entry: entry.version,
                    target: entry.target.clone(),
                    trouble: entry.trouble.clone(),
                }));
            }
            let mut found = reader.read(row, shape, OF_A_SCAN)?;
            let path = Self::path(path, &mut found)?;
            let (kind, trouble) = (reader.kind(&found)?, trouble_of(&found)?);
            let entry = reader.version(&found, kind, trouble.as_ref(), OF_A_VERSION)?;
            let target = got(&found, Key::Target).map(target).transpose()?;
            if let Some(given) = got(&found, Key::Digest) {
                known(&path, digest(given)?);
            }
            Ok(Some(Row { path, entry, target, trouble }))
        })
    }

    /// The rows of a baseline. Each tells of both sides, together or one by one.
    pub(crate) fn baseline(&mut self, rows: &Bound<'py, PyAny>) -> PyResult<Vec<AgreedRow>> {
        self.each("baseline", rows, |reader, path, row| {
            let shape = reader.shape(row)?;
            if let (Shape::Ours, None) = (shape, &path) {
                let entry = row.cast::<Entry>()?.get();
                // Its number and its change time are those of one side, and nobody says of which.
                let version = Some(Version { ctime_ns: 0, file_id: None, ..entry.version });
                let both = Sides { left: version, right: version };
                return Ok(AgreedRow::of(entry.path.clone(), both, entry.digest, entry.target.clone()));
            }
            let mut found = reader.read(row, shape, KEYS.len())?;
            let path = Self::path(path, &mut found)?;
            let kind = reader.kind(&found)?;
            let versions = reader.versions(&found, kind)?;
            let target = got(&found, Key::Target).map(target).transpose()?;
            let digest = got(&found, Key::Digest).map(digest).transpose()?;
            Ok(AgreedRow::of(path, versions, digest, target))
        })
    }

    /// What a row of the baseline says of each side.
    fn versions(&mut self, found: &Found<'py>, kind: Kind) -> PyResult<Sides<Option<Version>>> {
        let [size_of_both, ns_of_both, seconds_of_both] = [Key::Size, Key::MtimeNs, Key::Mtime];
        let of_sides = found.get(Key::ExistsLeft as usize..).unwrap_or_default();
        if of_sides.iter().all(Option::is_none) {
            // The usual case: one version, read once.
            let keys = [size_of_both, ns_of_both, seconds_of_both, Key::CtimeNsLeft, Key::FileIdLeft];
            let version = Some(self.version(found, kind, None, keys)?);
            return Ok(Sides { left: version, right: version });
        }
        let mut versions = Sides { left: None, right: None };
        for side in Side::BOTH {
            let [exists, size, mtime_ns, mtime, ctime_ns, file_id] = OF_A_SIDE[side as usize];
            if let Some(exists) = got(found, exists)
                && !exists.is_truthy()?
            {
                continue;
            }
            let size = if got(found, size).is_some() { size } else { size_of_both };
            let is_own = [mtime_ns, mtime].iter().any(|key| got(found, *key).is_some());
            let [ns, seconds] = if is_own { [mtime_ns, mtime] } else { [ns_of_both, seconds_of_both] };
            versions[side] = Some(self.version(found, kind, None, [size, ns, seconds, ctime_ns, file_id])?);
        }
        Ok(versions)
    }

    fn path(given: Option<Bound<'py, PyAny>>, found: &mut Found<'py>) -> PyResult<RelPath> {
        let given = given.or_else(|| found[Key::Path as usize].take()).ok_or_else(|| missing("path"))?;
        relative(&given)
    }

    fn kind(&self, found: &Found<'py>) -> PyResult<Kind> {
        match got(found, Key::Kind) {
            None => Ok(Kind::File),
            Some(word) if word.is(&self.word_file) => Ok(Kind::File),
            Some(word) => {
                let word = word.cast::<PyString>().map_err(|_| PyTypeError::new_err("a kind is a str"))?;
                choice("a kind", &word.to_cow()?, &KINDS, Kind::name)
            }
        }
    }

    fn version(
        &mut self,
        found: &Found<'py>,
        kind: Kind,
        trouble: Option<&Trouble>,
        [size_key, ns_key, seconds_key, ctime_key, id_key]: [Key; 5],
    ) -> PyResult<Version> {
        let bare = kind == Kind::Dir || trouble.is_some();
        let size = match got(found, size_key) {
            Some(size) => size.extract().map_err(|error| in_field(self.py, &error, "size"))?,
            None if bare => 0,
            None => return Err(missing("size")),
        };
        let mtime_ns = match (got(found, ns_key), got(found, seconds_key)) {
            (Some(ns), _) => ns.extract().map_err(|error| in_field(self.py, &error, "mtime_ns"))?,
            (None, Some(time)) => self.time(time)?,
            (None, None) if bare => 0,
            (None, None) => return Err(missing("mtime_ns")),
        };
        let ctime_ns = match got(found, ctime_key) {
            Some(ns) => ns.extract().map_err(|error| in_field(self.py, &error, "ctime_ns"))?,
            None => 0,
        };
        let file_id: Option<u64> = match got(found, id_key) {
            Some(id) => Some(id.extract().map_err(|error| in_field(self.py, &error, "file_id"))?),
            None => None,
        };
        let mode: Option<u32> = match got(found, Key::Mode) {
            Some(mode) => Some(mode.extract().map_err(|error| in_field(self.py, &error, "mode"))?),
            None => None,
        };
        let attributes = if kind == Kind::Symlink { Attributes::NotHeld } else { attributes(mode) };
        let file_id = file_id.and_then(NonZeroU64::new);
        Ok(Version { kind, attributes, size, mtime_ns, ctime_ns, file_id })
    }

    /// Seconds since 1970, or an aware `datetime`.
    fn time(&mut self, given: &Bound<'py, PyAny>) -> PyResult<i64> {
        let out_of_range = || PyValueError::new_err("mtime is out of range");
        if let Ok(seconds) = given.cast::<PyFloat>() {
            self.had_floats = true;
            let micros = (seconds.value() * 1e6).round();
            // A float holds no more than microseconds here, whatever its digits say.
            let fits = micros.is_finite() && micros.abs() < 9e15;
            return if fits { Ok(micros as i64 * 1_000) } else { Err(out_of_range()) };
        }
        if given.cast::<PyInt>().is_ok() {
            let seconds: i64 = given.extract()?;
            return seconds.checked_mul(1_000_000_000).ok_or_else(out_of_range);
        }
        if given.cast::<PyDateTime>().is_ok() {
            self.had_floats = true;
            return given.py().import("bothways._times")?.call_method1("nanoseconds", (given,))?.extract();
        }
        let kind = given.get_type().name()?;
        Err(PyTypeError::new_err(format!(
            "mtime is a number of seconds or an aware datetime, and not {kind}"
        )))
    }
}

fn put<'py>(found: &mut Found<'py>, at: usize, value: Bound<'py, PyAny>) {
    if !value.is_none()
        && let Some(place) = found.get_mut(at)
    {
        *place = Some(value);
    }
}

fn got<'f, 'py>(found: &'f Found<'py>, key: Key) -> Option<&'f Bound<'py, PyAny>> {
    found[key as usize].as_ref()
}

fn trouble_of(found: &Found<'_>) -> PyResult<Option<Trouble>> {
    let Some(words) = got(found, Key::Problem) else { return Ok(None) };
    let is_dir = got(found, Key::Kind).is_some_and(|kind| kind.eq("directory").unwrap_or_default());
    let kind = if is_dir { Kind::Dir } else { Kind::File };
    Ok(Some(trouble(kind, words.str()?.to_string())))
}

fn missing(name: &str) -> PyErr {
    PyKeyError::new_err(name.to_owned())
}

fn in_field(py: Python<'_>, error: &PyErr, name: &str) -> PyErr {
    located(py, error, name)
}

/// The same error with where it happened, as one of ours.
fn located(py: Python<'_>, error: &PyErr, place: &str) -> PyErr {
    let value = error.value(py);
    let words = if error.is_instance_of::<PyKeyError>(py) {
        format!(
            "`{}` is missing",
            value
                .getattr("args")
                .and_then(|args| args.get_item(0))
                .map_or_else(|_| String::new(), |name| name.to_string())
        )
    } else {
        value.to_string()
    };
    let message = format!("{place}: {words}");
    if error.is_instance_of::<PyTypeError>(py) {
        errors::error(py, "RowTypeError", &message)
    } else if error.is_instance_of::<PyKeyError>(py)
        || error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<pyo3::exceptions::PyOverflowError>(py)
        || error.is_instance_of::<pyo3::exceptions::PyIndexError>(py)
    {
        errors::error(py, "RowError", &message)
    } else {
        // Something of the caller's own was raised on the way: it stays what it is.
        error.clone_ref(py)
    }
}
