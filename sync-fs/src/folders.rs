//! Directories: making them, also in the place of a file, and removing them when nothing visible is left in them.

use std::io;
use std::sync::atomic::AtomicBool;

use sync_core::abilities::AttributeKind;
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{
    Displaced, Expect, Filter, Installed, Operation, Problem, ProblemKind, Properties, Trashed,
};

use crate::intent::{Intent, Version, Way, old_name, staged_name};
use crate::local::LocalReplica;
use crate::place::leads_nowhere;
use crate::scan::text;
use crate::stage::LocalStaged;
use crate::sys::{self, Dir};

impl LocalReplica {
    pub(crate) fn make_directory(
        &self,
        at: &RelPath,
        properties: &Properties,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        let operation = Operation::MakeDir;
        let staging = self.staging()?;
        let io = |error| Problem::io(operation, at, error);
        // What creating cannot give it, it gets before anybody sees it: a kill in between would leave a directory with
        // permissions that are nobody's.
        if matches!(expect, Expect::Is(_)) || !self.is_born_dressed(properties, staging.lost_bits) {
            let number = staging.number();
            let name = staged_name(&number);
            staging.dir.mkdir(&name, properties.attributes).map_err(io)?;
            let dressed = self.dress(&staging.dir, &name, properties);
            let stat = match dressed.and_then(|()| staging.dir.stat(&name)) {
                Ok(Some(stat)) => stat,
                other => {
                    let _ = staging.dir.rmdir(&name);
                    return Err(io(other.err().unwrap_or_else(|| io::ErrorKind::NotFound.into())));
                }
            };
            let own = LocalStaged { number, stat, settled: AtomicBool::new(true), partial: None };
            return self.put_in_place(&own, at, expect, displaced, operation);
        }
        let mut place = self.place(at, operation)?;
        let mut made = place.dir.mkdir(place.name, properties.attributes);
        if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            self.recent.forget();
            place = self.place(at, operation)?;
            made = place.dir.mkdir(place.name, properties.attributes);
        }
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Problem::stale(operation, at, "something is there now"),
            _ => io(error),
        })?;
        self.touch_name(at);
        let dressed = self.dress(&place.dir, place.name, properties);
        let entry = dressed.and_then(|()| place.dir.stat(place.name)).map_err(io)?;
        let entry = entry.and_then(|stat| self.entry_of(&stat));
        let entry = entry.ok_or_else(|| Problem::stale(operation, at, "it is gone again"))?;
        Ok(Installed { entry, trashed: None })
    }

    /// Whether creating a directory gives it everything it is to have.
    fn is_born_dressed(&self, properties: &Properties, lost_bits: u16) -> bool {
        let xattrs =
            self.abilities.xattrs && properties.xattrs.as_ref().is_some_and(|xattrs| !xattrs.0.is_empty());
        let attributes = match (properties.attributes, self.abilities.attributes) {
            (Attributes::Unix(mode), AttributeKind::Unix) => mode & (lost_bits | 0o7000) == 0,
            (Attributes::Windows(bits), AttributeKind::Windows) => bits == 0,
            _ => true,
        };
        !xattrs && attributes
    }

    /// Gives a new directory what creating it could not.
    fn dress(&self, dir: &Dir, name: &[u8], properties: &Properties) -> io::Result<()> {
        let xattrs =
            properties.xattrs.as_ref().filter(|xattrs| self.abilities.xattrs && !xattrs.0.is_empty());
        let wrong_mode = match properties.attributes {
            Attributes::Unix(mode) if self.abilities.attributes == AttributeKind::Unix => {
                dir.stat(name)?.is_some_and(|stat| stat.bits != mode)
            }
            Attributes::Windows(_) => true,
            _ => false,
        };
        if xattrs.is_none() && !wrong_mode {
            return Ok(());
        }
        let file = dir.open_for_properties(name)?;
        if let Some(xattrs) = xattrs {
            sys::set_xattrs(&file, xattrs)?;
        }
        if wrong_mode { sys::set_attributes(&file, properties.attributes) } else { Ok(()) }
    }

    pub(crate) fn remove_directory(
        &self,
        at: &RelPath,
        expect: &Entry,
        filter: &dyn Filter,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem> {
        let operation = Operation::RemoveDir;
        let staging = self.staging()?;
        let io = |error| Problem::io(operation, at, error);
        let place = match self.place(at, operation) {
            Err(Problem { source: Some(error), .. }) if leads_nowhere(&error) => {
                return Err(Problem::stale(operation, at, "it is gone"));
            }
            other => other?,
        };
        let not_empty = |what: &str| Problem::new(operation, at, ProblemKind::NotEmpty, what);
        if !expect.is_dir() {
            let words = "only directories are removed this way";
            return Err(Problem::new(operation, at, ProblemKind::Unsupported, words));
        }
        let stat = place.stat(operation)?.ok_or_else(|| Problem::stale(operation, at, "it is gone"))?;
        self.expect_stat(&stat, at, expect, operation)?;
        match place.dir.rmdir(place.name) {
            Ok(()) => {
                self.recent.forget();
                self.touch_name(at);
                return Ok(None);
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if leads_nowhere(&error) => {
                return Err(Problem::stale(operation, at, "it is gone, or no directory any more"));
            }
            Err(error) => return Err(io(error)),
        }
        if self.hidden.any_below(at) {
            return Err(not_empty("the trash or the state of Bothways lies in it"));
        }
        if let Some(name) = first_visible(&place.dir, place.name, at, filter).map_err(io)? {
            return Err(not_empty(&format!("`{name}` is in it")));
        }
        let Displaced::Trash(stamp) = displaced else {
            return Err(not_empty("ignored files are in it, which are not deleted"));
        };
        let spot = self.prepare_trash(at, stamp, operation)?;
        let number = staging.number();
        let now = self.entry_of(&stat).unwrap_or(*expect);
        let intent = Intent {
            way: Way::Folder,
            displaced,
            old: Version::of(&now),
            new: None,
            target: at.clone(),
            to: None,
        };
        self.intend(staging, &number, &intent).map_err(io)?;
        let old = old_name(&number);
        if let Err(error) = place.dir.rename_over(place.name, &staging.dir, &old) {
            staging.fulfilled(&number);
            return Err(io(error));
        }
        self.recent.forget();
        self.touch_name(at);
        // Out of everybody's way now: what came in since the first look is found by this one.
        let judged = (|| {
            let taken = staging.dir.stat(&old).map_err(io)?;
            if !taken.is_some_and(|taken| taken.may_be(&stat, &self.abilities)) {
                return Err(Problem::stale(operation, at, "another one took its place"));
            }
            if let Some(name) = first_visible(&staging.dir, &old, at, filter).map_err(io)? {
                return Err(not_empty(&format!("`{name}` came into it")));
            }
            self.move_to_trash(&staging.dir, &old, &spot).map_err(io)
        })();
        match judged {
            Ok(trashed) => {
                staging.fulfilled(&number);
                Ok(Some(trashed))
            }
            Err(problem) => Err(self.undo(staging, &number, &old, at, None, problem)),
        }
    }
}

/// The first thing in the directory `name` of `parent`, known as `at`, that the filter does not hide.
fn first_visible(parent: &Dir, name: &[u8], at: &RelPath, filter: &dyn Filter) -> io::Result<Option<String>> {
    let dir = parent.open_beneath(name)?;
    for name in dir.names()? {
        let Some(stat) = dir.stat(&name)? else { continue };
        let Some(kind) = stat.kind else {
            return Ok(Some(sync_core::path::show(&name).into_owned()));
        };
        if filter.hides(at, &name, kind)
            || (kind == Kind::File && filter.text_only() && !text::is_text(&dir, &name))
        {
            continue;
        }
        // An unhidden directory is visible itself, so there is no need to look into it.
        return Ok(Some(sync_core::path::show(&name).into_owned()));
    }
    Ok(None)
}
