//! The suite itself under test: a side that breaks one sentence of the contract must fail, by name.

use std::sync::Mutex;

use sync_core::abilities::Abilities;
use sync_core::entry::Entry;
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};
use sync_replica::conformance::{self, Fixture, Spoil};
use sync_replica::{
    Contents, Control, Displaced, Expect, Filter, InTrash, Installed, Marker, Partial, Problem, ProblemKind,
    Properties, Recovered, Replica, ScanRequest, Source, Staged, Trashed, Uncontrolled,
};

use super::fixture::MemoryFixture;

/// Which sentence is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// Replaces whatever is there.
    ReplacesAnything,
    /// Removes whatever is there.
    RemovesAnything,
    /// Sets properties on whatever is there.
    DressesAnything,
    /// Renames over what is there.
    RenamesOver,
    /// Puts nothing into the trash.
    NoTrash,
    /// Tells the entry of before.
    TellsOldEntry,
    /// Leaves discarded copies.
    NeverDiscards,
    /// Does not hear that the work should stop.
    Deaf,
    /// Takes a directory that cannot be read for an empty one.
    BlindScan,
    /// Confirms whatever it read.
    ConfirmsAnything,
    /// Forgets the marker.
    NoMarker,
    /// Copies links as what they point to.
    FollowsLinks,
    /// Ignores the filter.
    ShowsAll,
    /// Removes directories with all that is in them.
    RemovesFullDirs,
    /// Keeps nothing beside.
    KeepsNothing,
    /// Recover removes nothing.
    NeverRecovers,
    /// Puts back over whatever is there.
    RestoresOver,
    /// Says that it purged, and did not.
    NeverPurges,
    /// Goes on with what was begun of any version.
    GoesOnWithAnything,
    /// Begins every copy anew.
    NeverGoesOn,
    /// Clears partial copies away with the rest.
    RecoversTooMuch,
    /// Says that nobody writes.
    SeesNoWriters,
    /// Takes a directory that is gone for an empty one.
    GoneIsEmpty,
}

struct Broken {
    fixture: MemoryFixture,
    fault: Fault,
    // What has to live as long as the side.
    kept: Mutex<Vec<Staged>>,
}

struct Blind<'a>(Box<dyn Source + 'a>);

impl std::io::Read for Blind<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Source for Blind<'_> {
    fn entry(&self) -> &Entry {
        self.0.entry()
    }
    fn target(&self) -> Option<&[u8]> {
        self.0.target()
    }
    fn properties(&self) -> &Properties {
        self.0.properties()
    }
    fn confirm(&mut self) -> Result<Entry, Problem> {
        Ok(*self.0.entry())
    }
}

/// Says that it is another version.
struct Posing<'a>(&'a mut dyn Source, Entry);

impl std::io::Read for Posing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Source for Posing<'_> {
    fn entry(&self) -> &Entry {
        &self.1
    }
    fn target(&self) -> Option<&[u8]> {
        self.0.target()
    }
    fn properties(&self) -> &Properties {
        self.0.properties()
    }
    fn confirm(&mut self) -> Result<Entry, Problem> {
        self.0.confirm()
    }
}

impl Broken {
    fn side(&self) -> &dyn Replica {
        self.fixture.replica()
    }

    fn now(&self, at: &RelPath, expect: &Entry, fault: Fault) -> Result<Entry, Problem> {
        if self.fault == fault { Ok(self.side().look(at)?.unwrap_or(*expect)) } else { Ok(*expect) }
    }

    fn where_to(&self, displaced: Displaced) -> Displaced {
        if self.fault == Fault::NoTrash { Displaced::Drop } else { displaced }
    }

    /// The same snapshot with unreadable directories shown as empty ones.
    fn blinded(snapshot: &Snapshot, request: &ScanRequest<'_>) -> Snapshot {
        let mut dirs = Vec::new();
        for id in 0.. {
            let Some(listing) = snapshot.dir(DirId(id)) else { break };
            if listing.trouble().is_some() {
                dirs.push(Listing::default());
                continue;
            }
            let mut builder = ListingBuilder::new(request.equivalence);
            for listed in listing.iter() {
                builder.push(listed.name, listed.entry, listed.target, listed.child);
            }
            dirs.push(builder.finish());
        }
        Snapshot::assemble(dirs)
    }
}

impl Replica for Broken {
    fn location(&self) -> String {
        self.side().location()
    }

    fn abilities(&self) -> &Abilities {
        self.side().abilities()
    }

    fn marker(&self) -> Result<Option<Marker>, Problem> {
        if self.fault == Fault::NoMarker { Ok(None) } else { self.side().marker() }
    }

    fn set_marker(&self, marker: &Marker) -> Result<(), Problem> {
        self.side().set_marker(marker)
    }

    fn scan(&self, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
        match self.fault {
            Fault::ShowsAll => self.side().scan(&ScanRequest { filter: &sync_replica::ShowAll, ..*request }),
            Fault::BlindScan => Ok(Self::blinded(&self.side().scan(request)?, request)),
            Fault::Deaf => self.side().scan(&ScanRequest { control: &Uncontrolled, ..*request }),
            _ => self.side().scan(request),
        }
    }

    fn tells_everything(&self) -> bool {
        self.side().tells_everything()
    }

    fn watch(
        &self,
        tell: sync_replica::Tell,
        left_out: sync_replica::LeftOut,
    ) -> Result<sync_replica::Watching, Problem> {
        self.side().watch(tell, left_out)
    }

    fn scan_part(&self, request: &ScanRequest<'_>, part: &Part) -> Result<Snapshot, Problem> {
        self.side().scan_part(request, part)
    }

    fn list(&self, at: &RelPath, request: &ScanRequest<'_>) -> Result<Listing, Problem> {
        match self.side().list(at, request) {
            Err(problem) if self.fault == Fault::GoneIsEmpty && problem.kind == ProblemKind::NotFound => {
                Ok(Listing::default())
            }
            listed => listed,
        }
    }

    fn look(&self, at: &RelPath) -> Result<Option<Entry>, Problem> {
        self.side().look(at)
    }

    fn contents(&self, at: &RelPath, expect: &Entry, control: &dyn Control) -> Result<Contents, Problem> {
        self.side().contents(at, expect, if self.fault == Fault::Deaf { &Uncontrolled } else { control })
    }

    fn open(&self, at: &RelPath, expect: &Entry) -> Result<Box<dyn Source>, Problem> {
        let mut at = at.clone();
        let mut expect = *expect;
        if self.fault == Fault::FollowsLinks
            && let Some(target) = self.fixture.target(&at)
            && let Ok(goal) = RelPath::new(target)
            && let Some(entry) = self.side().look(&goal)?
        {
            (at, expect) = (goal, entry);
        }
        let source = self.side().open(&at, &expect)?;
        Ok(if self.fault == Fault::ConfirmsAnything { Box::new(Blind(source)) } else { source })
    }

    fn properties(&self, at: &RelPath, expect: &Entry) -> Result<Properties, Problem> {
        self.side().properties(at, expect)
    }

    fn stage(&self, source: &mut dyn Source, reread: bool, control: &dyn Control) -> Result<Staged, Problem> {
        self.side().stage(source, reread, if self.fault == Fault::Deaf { &Uncontrolled } else { control })
    }

    fn stage_resumable(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        match self.fault {
            Fault::NeverGoesOn => self.side().stage(source, reread, control),
            Fault::GoesOnWithAnything => {
                let begun = self.side().partials()?.into_iter().find(|partial| partial.at == *at);
                let version = begun.map_or(*source.entry(), |partial| partial.source);
                self.side().stage_resumable(&mut Posing(source, version), at, reread, control)
            }
            _ => self.side().stage_resumable(source, at, reread, control),
        }
    }

    fn partials(&self) -> Result<Vec<Partial>, Problem> {
        self.side().partials()
    }

    fn drop_partial(&self, at: &RelPath) -> Result<bool, Problem> {
        self.side().drop_partial(at)
    }

    fn is_being_written(&self, at: &RelPath, expect: &Entry) -> Result<Option<bool>, Problem> {
        let told = self.side().is_being_written(at, expect)?;
        Ok(if self.fault == Fault::SeesNoWriters { told.map(|_| false) } else { told })
    }

    fn settle(&self, staged: &[&Staged]) -> Result<(), Problem> {
        self.side().settle(staged)
    }

    fn install(
        &self,
        staged: Staged,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        let expect = match (expect, self.fault) {
            (_, Fault::ReplacesAnything) => self.side().look(at)?.map_or(Expect::Absent, Expect::Is),
            _ => *expect,
        };
        let before = self.side().look(at).ok().flatten();
        let mut installed = self.side().install(staged, at, &expect, self.where_to(displaced))?;
        if let (Fault::TellsOldEntry, Some(before)) = (self.fault, before) {
            installed.entry = before;
        }
        Ok(installed)
    }

    fn discard(&self, staged: Staged) {
        if self.fault == Fault::NeverDiscards {
            self.kept.lock().unwrap().push(staged);
        } else {
            self.side().discard(staged);
        }
    }

    fn make_dir(
        &self,
        at: &RelPath,
        properties: &Properties,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        self.side().make_dir(at, properties, expect, self.where_to(displaced))
    }

    fn keep_beside(&self, at: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem> {
        if self.fault == Fault::KeepsNothing { Ok(*expect) } else { self.side().keep_beside(at, expect, to) }
    }

    fn rename(&self, from: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem> {
        if self.fault == Fault::RenamesOver
            && let Some(there) = self.side().look(to)?
            && !there.is_dir()
        {
            self.side().remove(to, &there, Displaced::Drop)?;
        }
        self.side().rename(from, expect, to)
    }

    fn set_properties(
        &self,
        at: &RelPath,
        expect: &Entry,
        properties: &Properties,
    ) -> Result<Entry, Problem> {
        self.side().set_properties(at, &self.now(at, expect, Fault::DressesAnything)?, properties)
    }

    fn remove(&self, at: &RelPath, expect: &Entry, displaced: Displaced) -> Result<Option<Trashed>, Problem> {
        let expect = self.now(at, expect, Fault::RemovesAnything)?;
        self.side().remove(at, &expect, self.where_to(displaced))
    }

    fn remove_dir(
        &self,
        at: &RelPath,
        expect: &Entry,
        filter: &dyn Filter,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem> {
        if self.fault == Fault::RemovesFullDirs {
            self.fixture.0.remove_tree(at);
            return Ok(None);
        }
        self.side().remove_dir(at, expect, filter, self.where_to(displaced))
    }

    fn list_trash(&self) -> Result<Vec<InTrash>, Problem> {
        self.side().list_trash()
    }

    fn look_in_trash(&self, place: &RelPath) -> Result<Option<Entry>, Problem> {
        self.side().look_in_trash(place)
    }

    fn restore(
        &self,
        place: &RelPath,
        version: &Entry,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        let expect = match self.fault {
            Fault::RestoresOver => self.side().look(at)?.map_or(Expect::Absent, Expect::Is),
            _ => *expect,
        };
        self.side().restore(place, version, at, &expect, self.where_to(displaced))
    }

    fn purge(&self, place: &RelPath) -> Result<bool, Problem> {
        if self.fault == Fault::NeverPurges { Ok(true) } else { self.side().purge(place) }
    }

    fn flush(&self) -> Result<(), Problem> {
        self.side().flush()
    }

    fn free_bytes(&self) -> Result<Option<u64>, Problem> {
        self.side().free_bytes()
    }

    fn recover(&self) -> Result<Recovered, Problem> {
        if self.fault == Fault::RecoversTooMuch {
            self.fixture.spoil_partials(Spoil::Note);
        }
        if self.fault == Fault::NeverRecovers { Ok(Recovered::default()) } else { self.side().recover() }
    }
}

impl Fixture for Broken {
    fn replica(&self) -> &dyn Replica {
        self
    }

    fn restarted(&self) -> Box<dyn Fixture + '_> {
        let _ = self.fixture.restarted();
        let fixture = MemoryFixture(self.fixture.0.clone());
        Box::new(Self { fixture, fault: self.fault, kept: Mutex::default() })
    }

    fn write(&self, at: &RelPath, content: &[u8]) {
        self.fixture.write(at, content);
    }

    fn read(&self, at: &RelPath) -> Option<Vec<u8>> {
        self.fixture.read(at)
    }

    fn mkdir(&self, at: &RelPath) {
        self.fixture.mkdir(at);
    }

    fn symlink(&self, at: &RelPath, target: &[u8]) {
        self.fixture.symlink(at, target);
    }

    fn target(&self, at: &RelPath) -> Option<Vec<u8>> {
        self.fixture.target(at)
    }

    fn is_dir(&self, at: &RelPath) -> bool {
        self.fixture.is_dir(at)
    }

    fn remove(&self, at: &RelPath) {
        self.fixture.remove(at);
    }

    fn set_mtime(&self, at: &RelPath, ns: i64) {
        self.fixture.set_mtime(at, ns);
    }

    fn mtime(&self, at: &RelPath) -> i64 {
        self.fixture.mtime(at)
    }

    fn chmod(&self, at: &RelPath, bits: u16) {
        self.fixture.chmod(at, bits);
    }

    fn set_xattr(&self, at: &RelPath, name: &[u8], value: &[u8]) {
        self.fixture.set_xattr(at, name, value);
    }

    fn list(&self, dir: &RelPath) -> Vec<Vec<u8>> {
        self.fixture.list(dir)
    }

    fn own_names(&self) -> Vec<Vec<u8>> {
        self.fixture.own_names()
    }

    fn trashed(&self, at: &Trashed) -> Option<Vec<u8>> {
        self.fixture.trashed(at)
    }

    fn trash_count(&self) -> usize {
        self.fixture.trash_count()
    }

    fn staged_count(&self) -> usize {
        self.fixture.staged_count()
    }

    fn partial_count(&self) -> usize {
        self.fixture.partial_count()
    }

    fn spoil_partials(&self, spoil: Spoil) {
        self.fixture.spoil_partials(spoil);
    }

    fn keep_writing<'a>(&'a self, at: &RelPath) -> Option<Box<dyn Send + 'a>> {
        self.fixture.keep_writing(at)
    }

    fn make_unreadable(&self, dir: &RelPath) -> bool {
        self.fixture.make_unreadable(dir)
    }
}

/// The checks that must catch each fault, among others.
const CAUGHT: [(Fault, &str); 23] = [
    (Fault::RestoresOver, "nothing is put back over another version than expected"),
    (Fault::NeverPurges, "what is purged is gone for good"),
    (Fault::ReplacesAnything, "another version than expected is not touched"),
    (Fault::RemovesAnything, "another version than expected is not removed"),
    (Fault::DressesAnything, "the properties of another version are not set"),
    (Fault::RenamesOver, "a rename never overwrites"),
    (Fault::NoTrash, "a file goes to the trash"),
    (Fault::TellsOldEntry, "the expected version is replaced and dropped"),
    (Fault::NeverDiscards, "a discarded copy leaves nothing"),
    (Fault::Deaf, "cancelled staging is an error and leaves no copy"),
    (Fault::BlindScan, "a directory that cannot be read is unknown, not empty"),
    (Fault::GoneIsEmpty, "a list of what is gone, of a file and of a root that is away says which it is"),
    (Fault::ConfirmsAnything, "an open version that changed is not confirmed"),
    (Fault::NoMarker, "a marker reads as it was written, and can be replaced"),
    (Fault::FollowsLinks, "links are installed as links, dangling ones too"),
    (Fault::ShowsAll, "a filter hides a name and everything below it, and is counted"),
    (Fault::RemovesFullDirs, "a directory with a newcomer stays, and so does the newcomer"),
    (Fault::KeepsNothing, "an older version kept beside survives the replacement"),
    (Fault::GoesOnWithAnything, "another version of the source begins anew"),
    (Fault::NeverGoesOn, "a copy that was stopped goes on where it stopped"),
    (Fault::RecoversTooMuch, "a copy of a killed process is gone on with after recover"),
    (Fault::SeesNoWriters, "a file that somebody has open for writing is told"),
    (Fault::NeverRecovers, "staged copies of a killed process are removed by recover"),
];

#[test]
fn every_broken_side_is_found_out_by_name() {
    for (fault, check) in CAUGHT {
        let make = || -> Box<dyn Fixture> {
            let fixture = MemoryFixture::new(Abilities::FULL);
            Box::new(Broken { fixture, fault, kept: Mutex::default() })
        };
        let outcome = conformance::run(make);
        let failed: Vec<_> = outcome.failed.iter().map(|(name, _)| *name).collect();
        assert!(failed.contains(&check), "{fault:?} was found out by {failed:?} only");
        let caught = std::panic::catch_unwind(|| outcome.assert_passed());
        assert!(caught.is_err(), "a failed outcome was taken as passed");
    }
}
