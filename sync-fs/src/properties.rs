//! Setting properties, and keeping a version beside its path under a second name.

use std::io;

use std::sync::PoisonError;
use sync_core::abilities::AttributeKind;
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{
    Control, Displaced, Expect, Operation, Problem, ProblemKind, Properties, Replica, Uncontrolled,
};

use crate::intent::old_name;
use crate::local::LocalReplica;
use crate::place::{Place, leads_nowhere};
use crate::sys::{self, Stat, Writers, file_stat, writers};

impl LocalReplica {
    pub(crate) fn write_properties(
        &self,
        at: &RelPath,
        expect: &Entry,
        properties: &Properties,
    ) -> Result<Entry, Problem> {
        let operation = Operation::Properties;
        self.staging()?;
        let io = |error| Problem::io(operation, at, error);
        let place = match self.place(at, operation) {
            Err(Problem { source: Some(error), .. }) if leads_nowhere(&error) => {
                return Err(Problem::stale(operation, at, "it is gone"));
            }
            other => other?,
        };
        self.expect(&place, expect, operation)?;
        self.touch_thing(at);
        if expect.kind == Kind::Symlink {
            place.dir.set_link_mtime(place.name, properties.mtime_ns).map_err(io)?;
            let found = place.stat(operation)?.and_then(|stat| self.entry_of(&stat));
            return found.ok_or_else(|| Problem::stale(operation, at, "it is gone"));
        }
        let file = place.dir.open_for_properties(place.name).map_err(|error| {
            if leads_nowhere(&error) { Problem::stale(operation, at, "it is gone") } else { io(error) }
        })?;
        // A time that is set while somebody writes would hide what was written.
        if expect.kind == Kind::File && writers(&file) == Writers::Some {
            let words = "somebody has it open for writing";
            return Err(Problem::new(operation, at, ProblemKind::InUse, words));
        }
        let stat = file_stat(&file).map_err(io)?;
        self.expect_stat(&stat, at, expect, operation)?;
        self.set_on(&file, &stat, properties).map_err(io)?;
        // Whoever waits to write until the file is closed here gets another time for it.
        let after = file_stat(&file).map_err(io)?;
        self.entry_of(&after).ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))
    }

    fn set_on(&self, file: &std::fs::File, stat: &Stat, properties: &Properties) -> io::Result<()> {
        if self.abilities.xattrs
            && let Some(xattrs) = &properties.xattrs
        {
            sys::set_xattrs(file, xattrs)?;
        }
        match (self.abilities.attributes, properties.attributes) {
            (AttributeKind::Unix, Attributes::Unix(mode)) => {
                // Set-id bits are kept, never newly given: who may lend them is not this replica's to say.
                let mode = if stat.kind == Some(Kind::Dir) { mode } else { mode & (0o1777 | stat.bits) };
                if mode != stat.bits {
                    sys::set_attributes(file, Attributes::Unix(mode))?;
                }
            }
            (AttributeKind::Windows, Attributes::Windows(bits)) if bits != stat.bits => {
                sys::set_attributes(file, properties.attributes)?;
            }
            _ => {}
        }
        if stat.kind == Some(Kind::File) && stat.mtime_ns != properties.mtime_ns {
            sys::set_mtime(file, properties.mtime_ns)?;
        }
        Ok(())
    }

    pub(crate) fn keep_version_beside(
        &self,
        at: &RelPath,
        expect: &Entry,
        to: &RelPath,
    ) -> Result<Entry, Problem> {
        let operation = Operation::Clash;
        let staging = self.staging()?;
        let io = |error| Problem::io(operation, at, error);
        let place = match self.place(at, operation) {
            Err(Problem { source: Some(error), .. }) if leads_nowhere(&error) => {
                return Err(Problem::stale(operation, at, "it is gone"));
            }
            other => other?,
        };
        let before = self.expect(&place, expect, operation)?;
        let target = self.place(to, operation)?;
        if let Some(there) = target.stat(operation)? {
            return self.already_beside(&before, &there, at, to);
        }
        let linked = if self.abilities.hard_links {
            let number = staging.number();
            let second = old_name(&number);
            match place.dir.link(place.name, &staging.dir, &second) {
                Ok(()) => {
                    let kept = self.place_second_name(&place, &before, expect, &target, &second);
                    if kept.is_err() {
                        // But a second name of what is still in its place.
                        let _ = staging.dir.unlink(&second);
                    }
                    Some(kept?)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Problem::stale(operation, at, "it is gone"));
                }
                // Too many names already, or a file that may not be linked: a copy does as well.
                Err(_) => None,
            }
        } else {
            None
        };
        if let Some(entry) = linked {
            return Ok(entry);
        }
        let now = self.entry_of(&before).ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
        let mut source = self.open_source(at, &now)?;
        let staged = self.stage_copy(&mut *source, false, &Uncontrolled)?;
        let installed = self.install_staged(staged, to, &Expect::Absent, Displaced::Drop)?;
        Ok(installed.entry)
    }

    /// Moves a second name from the staging area to its place, once it is known to be of the expected version.
    fn place_second_name(
        &self,
        place: &Place<'_>,
        before: &Stat,
        expect: &Entry,
        target: &Place<'_>,
        second: &[u8],
    ) -> Result<Entry, Problem> {
        let operation = Operation::Clash;
        let staging = self.staging()?;
        let io = |error| Problem::io(operation, target.path, error);
        let linked = staging.dir.stat(second).map_err(io)?;
        let stat = linked.ok_or_else(|| io(io::ErrorKind::NotFound.into()))?;
        match self.entry_of(&stat) {
            Some(now)
                if stat.may_be(before, &self.abilities)
                    && expect.is_same_version_moved(&now)
                    && !expect.attributes.differ(now.attributes) => {}
            _ => return Err(Problem::stale(operation, place.path, "it changed while it was kept")),
        }
        staging.dir.rename_noreplace(second, &target.dir, target.name).map_err(|error| {
            match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Problem::new(operation, target.path, ProblemKind::Exists, "something is there already")
                }
                _ => io(error),
            }
        })?;
        self.touch_name(target.path);
        let after = target.stat(operation)?.filter(|after| after.may_be(&stat, &self.abilities));
        let after = after.unwrap_or(stat);
        if self.abilities.ctimes {
            // The second name moved the change time of the version at the path as well; that is no edit.
            let mut linked = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
            linked.insert(after.id, (expect.ctime_ns, after.ctime_ns));
        }
        self.entry_of(&after).ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))
    }

    /// Something is at the place already: fine if it is that very version.
    fn already_beside(
        &self,
        before: &Stat,
        there: &Stat,
        at: &RelPath,
        to: &RelPath,
    ) -> Result<Entry, Problem> {
        let operation = Operation::Clash;
        let exists = || Problem::new(operation, to, ProblemKind::Exists, "something is there already");
        let (Some(version), Some(found)) = (self.entry_of(before), self.entry_of(there)) else {
            return Err(exists());
        };
        if there.is_same_thing(before) {
            return Ok(found);
        }
        let alike =
            version.kind == found.kind && version.size == found.size && version.mtime_ns == found.mtime_ns;
        if !alike || version.is_dir() {
            return Err(exists());
        }
        let control: &dyn Control = &Uncontrolled;
        let same = self.contents(at, &version, control)?.digest == self.contents(to, &found, control)?.digest;
        if same { Ok(found) } else { Err(exists()) }
    }
}
