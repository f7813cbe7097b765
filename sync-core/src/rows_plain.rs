//! Trees of rows made the plain way, to compare with: all rows are brought into path order and walked once.

use super::*;
use crate::baseline::BaselineDir;

/// Three trees, ready to be compared.
#[derive(Debug)]
pub(super) struct Trees {
    /// What each side shows.
    pub(super) snapshots: Sides<Snapshot>,
    /// What both agreed on, in path order.
    pub(super) baseline: Vec<BaselineDir>,
}

/// Makes trees of rows in any order.
///
/// # Errors
/// The rows of one tree contradict each other. The side is that of the scan; none for the baseline.
pub(super) fn trees(
    baseline: Vec<AgreedRow>,
    scans: Sides<Vec<Row>>,
    equivalence: Equivalence,
) -> Result<Trees, (Option<Side>, BadRows)> {
    let mut scans = scans;
    for side in Side::BOTH {
        let rows = core::mem::take(&mut scans[side]);
        scans[side] = sorted(rows, |row| &row.path).map_err(|bad| (Some(side), bad))?;
    }
    let baseline = agreed_dirs(baseline, equivalence).map_err(|bad| (None, bad))?;
    let unsaid = unsaid(&baseline, &scans);
    let mut snapshots = Sides { left: None, right: None };
    for (side, rows) in [(Side::Left, &scans.left), (Side::Right, &scans.right)] {
        let also = not_shown(&unsaid, rows, equivalence);
        snapshots[side] = Some(snapshot(rows, &also, equivalence).map_err(|bad| (Some(side), bad))?);
    }
    let snapshots = snapshots.map(|one| one.unwrap_or_else(Snapshot::empty));
    Ok(Trees { snapshots, baseline })
}

/// Brings rows into path order.
fn sorted<T>(rows: Vec<T>, path: impl Fn(&T) -> &RelPath) -> Result<Vec<T>, BadRows> {
    let rows = if rows.is_sorted_by(|a, b| path(a) < path(b)) { rows } else { in_order(rows, &path) };
    match rows.windows(2).find(|pair| matches!(pair, [a, b] if path(a) == path(b))) {
        Some([twice, ..]) => Err(BadRows::Twice { path: path(twice).clone() }),
        _ => Ok(rows),
    }
}

/// Sorts small keys, and moves each row, which is large, once.
fn in_order<T>(rows: Vec<T>, path: impl Fn(&T) -> &RelPath) -> Vec<T> {
    let mut keys: Vec<(&RelPath, usize)> = rows.iter().enumerate().map(|(at, row)| (path(row), at)).collect();
    // What comes in runs, as a walk yields it, is merged run by run.
    keys.sort_by(|a, b| a.0.cmp(b.0));
    let order: Vec<usize> = keys.into_iter().map(|(_, at)| at).collect();
    let mut places: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| places.get_mut(at)?.take()).collect()
}

/// The directories that lead to where a walk is, each with its number. The root is always open.
struct Open(Vec<(usize, usize)>);

impl Open {
    fn new() -> Self {
        Self(Vec::from([(0, 0)]))
    }

    /// The number of the directory that `path` lies in. `before` is the path of the last call; a directory on the way
    /// that was not entered is made by `make`, which is told its path and the number of the one that holds it.
    fn enter<E>(
        &mut self,
        before: &[u8],
        path: &[u8],
        mut make: impl FnMut(&[u8], usize) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let leads = |length: usize| {
            length == 0 || (path.get(length) == Some(&b'/') && path.get(..length) == before.get(..length))
        };
        while self.0.len() > 1 && self.0.last().is_some_and(|(_, length)| !leads(*length)) {
            self.0.pop();
        }
        loop {
            let (number, length) = self.0.last().copied().unwrap_or_default();
            let start = if length == 0 { 0 } else { length + 1 };
            let rest = path.get(start..).unwrap_or_default();
            let Some(cut) = rest.iter().position(|byte| *byte == b'/') else { return Ok(number) };
            let dir = path.get(..start + cut).unwrap_or_default();
            let made = make(dir, number)?;
            self.0.push((made, dir.len()));
        }
    }

    fn push(&mut self, number: usize, path: &[u8]) {
        self.0.push((number, path.len()));
    }
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// A row with its key path, where that is another than its own.
struct Keyed {
    key: Option<RelPath>,
    row: AgreedRow,
}

impl Keyed {
    fn path(&self) -> &RelPath {
        self.key.as_ref().unwrap_or(&self.row.path)
    }
}

fn agreed_dirs(rows: Vec<AgreedRow>, equivalence: Equivalence) -> Result<Vec<BaselineDir>, BadRows> {
    let keyed = |row: AgreedRow| {
        let key = (!equivalence.is_exact()).then(|| equivalence.path_key(&row.path));
        Keyed { key, row }
    };
    let rows = sorted(rows.into_iter().map(keyed).collect(), Keyed::path)?;
    let mut dirs = Vec::from([BaselineDir::default()]);
    let mut open = Open::new();
    let mut before = RelPath::root();
    // What lies below a leaf comes right behind it.
    let mut after_leaf = false;
    for keyed in rows {
        let (path, spelled) = (keyed.path(), &keyed.row.path);
        if path.is_root() {
            if keyed.row.agreed.kind != Kind::Dir {
                return Err(BadRows::Root);
            }
            continue;
        }
        let number = open.enter(before.as_bytes(), path.as_bytes(), |dir, number| {
            if after_leaf && before.as_bytes() == dir {
                return Err(BadRows::BelowLeaf { path: spelled.clone() });
            }
            let depth = dir.split(|byte| *byte == b'/').count();
            let name = spelled.components().nth(depth - 1).unwrap_or_default();
            let record = Record::of(&BARE_DIR, name, name_of(dir), None);
            let sides = Sides { left: record.clone(), right: record };
            let bare = Agreed { kind: Kind::Dir, size: 0, digest: None, target: None, sides };
            add(&mut dirs, number, dir, bare);
            Ok(made(&mut dirs, dir))
        })?;
        let Keyed { key, row: AgreedRow { path: spelled, mut agreed } } = keyed;
        if let Some(path) = &key
            && spelled.name() != path.name()
        {
            for side in Side::BOTH {
                agreed.sides[side].name = Some(spelled.name().into());
            }
        }
        let path = key.unwrap_or(spelled);
        after_leaf = agreed.kind != Kind::Dir;
        add(&mut dirs, number, path.as_bytes(), agreed);
        if !after_leaf {
            let number = made(&mut dirs, path.as_bytes());
            open.push(number, path.as_bytes());
        }
        before = path;
    }
    Ok(dirs)
}

fn add(dirs: &mut [BaselineDir], number: usize, path: &[u8], agreed: Agreed) {
    if let Some(dir) = dirs.get_mut(number) {
        dir.children.push((name_of(path).into(), agreed));
    }
}

fn made(dirs: &mut Vec<BaselineDir>, path: &[u8]) -> usize {
    // It was cut from a path.
    let path = RelPath::new(path).unwrap_or_default();
    dirs.push(BaselineDir { path, children: Vec::new() });
    dirs.len() - 1
}

/// The directories of the baseline with their names, where neither scan names any directory.
fn unsaid<'a>(baseline: &'a [BaselineDir], scans: &Sides<Vec<Row>>) -> Vec<(RelPath, &'a [u8])> {
    if scans.either(|rows| rows.iter().any(|row| row.entry.is_dir() && !row.path.is_root())) {
        return Vec::new();
    }
    let mut dirs: Vec<(RelPath, &[u8])> = Vec::new();
    for dir in baseline {
        let inner = dir.children.iter().filter(|(_, agreed)| agreed.kind == Kind::Dir);
        dirs.extend(inner.map(|(key, agreed)| {
            let name = agreed.sides.left.name.as_deref().unwrap_or(key);
            (dir.path.join_checked(key), name)
        }));
    }
    dirs.sort();
    dirs
}

/// Those of `dirs`, which are key paths in order, that a side's rows do not lead through, as that side spells them.
fn not_shown(dirs: &[(RelPath, &[u8])], rows: &[Row], equivalence: Equivalence) -> Vec<RelPath> {
    if rows.is_empty() {
        return Vec::new();
    }
    if equivalence.is_exact() {
        // Whether a row lies below is seen where both are walked.
        return dirs.iter().map(|(dir, _)| dir.clone()).collect();
    }
    let mut spelled: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    let mut last = RelPath::root();
    for row in rows {
        let Some(parent) = row.path.parent().filter(|parent| *parent != last) else { continue };
        for dir in core::iter::once(parent.clone()).chain(parent.ancestors()) {
            spelled.entry(equivalence.path_key(&dir)).or_insert(dir);
        }
        last = parent;
    }
    let mut found = Vec::new();
    for (dir, name) in dirs {
        if spelled.contains_key(dir) {
            continue;
        }
        let above = dir.parent().and_then(|parent| spelled.get(&parent).cloned()).unwrap_or_default();
        let path = above.join_checked(name);
        spelled.insert(dir.clone(), path.clone());
        found.push(path);
    }
    found.sort();
    found
}

struct Builder {
    dirs: Vec<Result<ListingBuilder, Listing>>,
    equivalence: Equivalence,
}

impl Builder {
    fn dir(&mut self, parent: usize, path: &[u8], entry: Entry, trouble: Option<&Trouble>) -> usize {
        let number = self.dirs.len();
        let id = u32::try_from(number).ok().map(DirId);
        if let Some(Ok(parent)) = self.dirs.get_mut(parent) {
            parent.push(name_of(path), entry, None, id);
        }
        self.dirs.push(match trouble {
            None => Ok(ListingBuilder::new(self.equivalence)),
            Some(trouble) => Err(Listing::unreadable(trouble.clone())),
        });
        number
    }
}

/// A snapshot of rows in path order, with the directories of `also` where nothing is said of them.
fn snapshot(rows: &[Row], also: &[RelPath], equivalence: Equivalence) -> Result<Snapshot, BadRows> {
    let mut build = Builder { dirs: Vec::from([Ok(ListingBuilder::new(equivalence))]), equivalence };
    let mut open = Open::new();
    let mut before: &[u8] = &[];
    let mut leaf: Option<&RelPath> = None;
    let mut unsaid = also.iter().peekable();
    let mut rows = rows.iter().peekable();
    loop {
        let next = match (rows.peek(), unsaid.peek()) {
            (None, None) => break,
            (Some(row), Some(dir)) if **dir < row.path => None,
            (Some(_), _) => rows.next(),
            (None, Some(_)) => None,
        };
        let Some(row) = next else {
            let Some(dir) = unsaid.next() else { break };
            let says = rows.peek().is_some_and(|row| row.path.starts_with(dir));
            if says || leaf.is_some_and(|leaf| dir.starts_with(leaf)) {
                continue;
            }
            let Ok(number) = open.enter(before, dir.as_bytes(), |path, parent| {
                Ok::<_, core::convert::Infallible>(build.dir(parent, path, BARE_DIR, None))
            });
            let number = build.dir(number, dir.as_bytes(), BARE_DIR, None);
            open.push(number, dir.as_bytes());
            before = dir.as_bytes();
            continue;
        };
        let path = row.path.as_bytes();
        if row.path.is_root() {
            if !row.entry.is_dir() {
                return Err(BadRows::Root);
            }
            if let (Some(root), Some(trouble)) = (build.dirs.first_mut(), &row.trouble) {
                *root = Err(Listing::unreadable(trouble.clone()));
            }
            continue;
        }
        let number = open.enter(before, path, |dir, parent| {
            if leaf.is_some_and(|leaf| leaf.as_bytes() == dir) {
                return Err(BadRows::BelowLeaf { path: row.path.clone() });
            }
            Ok(build.dir(parent, dir, BARE_DIR, None))
        })?;
        if row.entry.is_dir() {
            let number = build.dir(number, path, row.entry, row.trouble.as_ref());
            open.push(number, path);
        } else {
            if let Some(Ok(parent)) = build.dirs.get_mut(number) {
                match &row.trouble {
                    None => parent.push(name_of(path), row.entry, row.target.as_deref(), None),
                    Some(trouble) => parent.push_unobserved(name_of(path), trouble.clone()),
                }
            }
            leaf = Some(&row.path);
        }
        before = path;
    }
    let listings = build.dirs.into_iter().map(|dir| match dir {
        Ok(builder) => builder.finish(),
        Err(unreadable) => unreadable,
    });
    Ok(Snapshot::assemble(listings.collect()))
}
