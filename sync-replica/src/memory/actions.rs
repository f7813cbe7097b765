//! The trait over the tree in memory.
//!
//! Every check of a version is made under the same lock as the change it guards, or, where the change is an
//! exchange, on what the exchange brought back: never before the step, so that a user who acts in between is seen.

use std::sync::Arc;

use sync_core::abilities::Abilities;
use sync_core::entry::{Attributes, Digest, Entry, Kind, Reason};
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{Listing, Snapshot};

use super::displace::Replacing;
use super::journal::Change;
use super::partial::Held;
use super::reading::MemorySource;
use super::tree::{Body, Ino, Inode, Key, ROOT, STAGING, Slot};
use super::{MemoryReplica, Place, State};
use crate::control::Control;
use crate::filter::Filter;
use crate::marker::Marker;
use crate::partial::Partial;
use crate::problem::{Operation, Problem, ProblemKind};
use crate::replica::{
    Contents, Displaced, Expect, InTrash, Installed, Recovered, Replica, ScanRequest, Staged, Trashed,
};
use crate::source::{Properties, Source, Xattrs};
use crate::watching::{LeftOut, Tell, Watching};

/// How many bytes are read at once.
const CHUNK: usize = 256 * 1024;

/// What a [`Staged`] carries.
pub(super) struct Token {
    pub(super) replica: usize,
    pub(super) boot: u64,
    /// Its place in the staging area; it is there unless it is a partial copy as yet.
    pub(super) key: Key,
    pub(super) ino: Ino,
    pub(super) partial: Option<Held>,
}

impl MemoryReplica {
    fn enter(&self, operation: Operation, at: &RelPath) -> Result<(), Problem> {
        self.step(operation, at, "call")
    }

    pub(super) fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    fn token<'a>(&self, operation: Operation, staged: &'a Staged) -> Result<&'a Token, Problem> {
        let fail = |words: &str| Problem::new(operation, &RelPath::root(), ProblemKind::Io, words);
        let token: &Token =
            staged.token.downcast_ref().ok_or_else(|| fail("staged by another kind of replica"))?;
        if token.replica != self.identity() {
            return Err(fail("staged by another replica"));
        }
        if token.boot != self.lock().boot {
            return Err(fail("the handle died with its process"));
        }
        Ok(token)
    }

    pub(super) fn refuse_unreadable(
        state: &State,
        operation: Operation,
        at: &RelPath,
        ino: Ino,
    ) -> Result<(), Problem> {
        if state.unreadable.contains(&ino) {
            return Err(Problem::new(operation, at, ProblemKind::PermissionDenied, "it cannot be read"));
        }
        Ok(())
    }

    /// Makes something in the staging area, nameless to everybody else.
    fn stage_body(&self, state: &mut State, body: Body) -> (Key, Ino) {
        let ino = state.number();
        let now = state.now();
        let inode = Inode {
            bits: self.default_bits(&body),
            body,
            mtime_ns: self.kept_mtime(now, now),
            ctime_ns: now,
            xattrs: Xattrs::default(),
        };
        let key: Key = format!("{ino:08}").into_bytes().into();
        let slot = Slot { name: key.clone(), ino };
        state.commit(Change::new().inode(ino, inode).slot(STAGING, &key, Some(slot)));
        (key, ino)
    }

    pub(super) fn change_staged(&self, ino: Ino, change: impl FnOnce(&mut Inode, i64)) {
        let mut state = self.lock();
        if let Some(mut inode) = state.touched(ino) {
            let now = inode.ctime_ns;
            change(&mut inode, now);
            state.commit(Change::new().inode(ino, inode));
        }
    }

    fn read_all(source: &mut dyn Source, control: &dyn Control) -> Result<(Vec<u8>, blake3::Hash), Problem> {
        let nowhere = RelPath::root();
        let mut bytes = Vec::new();
        let mut buffer = vec![0; CHUNK];
        let mut hasher = blake3::Hasher::new();
        loop {
            if control.is_cancelled() {
                return Err(cancelled(Operation::Stage, &nowhere));
            }
            match source.read(&mut buffer) {
                Ok(0) => return Ok((bytes, hasher.finalize())),
                Ok(count) => {
                    hasher.update(&buffer[..count]);
                    bytes.extend_from_slice(&buffer[..count]);
                    control.bytes_done(count as u64);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(match error.downcast::<Problem>() {
                        Ok(problem) => problem,
                        Err(error) => Problem::io(Operation::Read, &nowhere, error),
                    });
                }
            }
        }
    }

    /// Fills a staged file and dresses it.
    fn fill(
        &self,
        ino: Ino,
        source: &mut dyn Source,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        const OP: Operation = Operation::Stage;
        let nowhere = RelPath::root();
        let mut digest = None;
        if source.target().is_none() {
            let (bytes, hash) = Self::read_all(source, control)?;
            digest = Some(Digest(*hash.as_bytes()));
            self.step(OP, &nowhere, "write")?;
            {
                let state = self.lock();
                if state.capacity.is_some_and(|capacity| state.used() + bytes.len() as u64 > capacity) {
                    return Err(Problem::new(OP, &nowhere, ProblemKind::NoSpace, "the side is full"));
                }
            }
            self.change_staged(ino, |inode, _| inode.body = Body::File(bytes.into()));
            self.lock().journal.unsettle(ino);
        }
        self.step(OP, &nowhere, "properties")?;
        self.change_staged(ino, |inode, now| self.dress(inode, source.properties(), now));
        if reread {
            let state = self.lock();
            let written = match state.live.inodes.get(&ino).map(|inode| &inode.body) {
                Some(Body::File(bytes)) => Some(Digest(*blake3::hash(bytes).as_bytes())),
                _ => None,
            };
            if written != digest {
                let words = "what was written does not read back";
                return Err(Problem::new(OP, &nowhere, ProblemKind::Corrupt, words));
            }
        }
        let confirmed = source.confirm()?;
        let state = self.lock();
        let xattrs = state.live.inodes.get(&ino).map(|inode| inode.xattrs.digest());
        Ok(Staged {
            digest,
            xattrs: xattrs.filter(|_| self.able().xattrs),
            source: confirmed,
            resumed: 0,
            token: Box::new(()),
        })
    }

    /// Removes what was staged, if it still lies there: an exchange may have left another version in its slot.
    fn drop_staged(&self, key: &Key, ino: Ino) {
        let lies_there = {
            let state = self.lock();
            state.live.slots.get(&(STAGING, key.clone())).is_some_and(|slot| slot.ino == ino)
        };
        if lies_there {
            // What cannot be removed now is removed by the next `recover`.
            let _ = self.unstage(Operation::Stage, &RelPath::root(), key);
        }
    }

    /// The directory at a path, with its slot, if it is the expected one and somebody may look into it.
    fn expected_dir(
        &self,
        state: &State,
        at: &RelPath,
        expect: &Entry,
        filter: &dyn Filter,
    ) -> Result<(Place, Ino, bool), Problem> {
        const OP: Operation = Operation::RemoveDir;
        let (place, ino) = self.expected(state, OP, at, expect)?;
        if !state.live.is_dir(ino) || ino == ROOT {
            return Err(Problem::new(OP, at, ProblemKind::Unsupported, "it is no directory below the root"));
        }
        Self::refuse_held(state, OP, at, ino)?;
        Self::refuse_unreadable(state, OP, at, ino)?;
        let found = Self::found_in(state, ino);
        if let Some(newcomer) = found.iter().find(|found| !Self::is_hidden(filter, at, found)) {
            let words = format!("`{}` is in it", sync_core::path::show(&newcomer.name));
            return Err(Problem::new(OP, at, ProblemKind::NotEmpty, words));
        }
        Ok((place, ino, !found.is_empty()))
    }

    fn set_one(
        &self,
        at: &RelPath,
        expect: &Entry,
        what: &'static str,
        change: impl FnOnce(&mut Inode, i64),
    ) -> Result<Entry, Problem> {
        const OP: Operation = Operation::Properties;
        self.step(OP, at, what)?;
        let mut state = self.lock();
        let (_, ino) = self.expected(&state, OP, at, expect)?;
        Self::refuse_held(&state, OP, at, ino)?;
        if let Some(mut inode) = state.touched(ino) {
            let now = inode.ctime_ns;
            change(&mut inode, now);
            state.commit(Change::new().inode(ino, inode));
        }
        self.entry_or_stale(&state, OP, at, ino)
    }
}

impl Replica for MemoryReplica {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn abilities(&self) -> &Abilities {
        self.able()
    }

    fn marker(&self) -> Result<Option<Marker>, Problem> {
        self.enter(Operation::Root, &RelPath::root())?;
        Ok(self.lock().live.marker.clone())
    }

    fn set_marker(&self, marker: &Marker) -> Result<(), Problem> {
        let root = RelPath::root();
        self.enter(Operation::Root, &root)?;
        self.step(Operation::Root, &root, "write marker")?;
        self.lock().commit(Change::new().marker(Some(marker.clone())).synced());
        Ok(())
    }

    fn scan(&self, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
        self.enter(Operation::Scan, &RelPath::root())?;
        self.scan_some(request, &Part::Everything)
    }

    fn tells_everything(&self) -> bool {
        false
    }

    fn watch(&self, _tell: Tell, _left_out: LeftOut) -> Result<Watching, Problem> {
        let words = "a side in memory tells of nothing";
        Err(Problem::new(Operation::Watch, &RelPath::root(), ProblemKind::Unsupported, words))
    }

    fn scan_part(&self, request: &ScanRequest<'_>, part: &Part) -> Result<Snapshot, Problem> {
        self.enter(Operation::Scan, &RelPath::root())?;
        self.scan_some(request, part)
    }

    fn list(&self, at: &RelPath, request: &ScanRequest<'_>) -> Result<Listing, Problem> {
        self.enter(Operation::Scan, at)?;
        self.list_dir(at, request)
    }

    fn look(&self, at: &RelPath) -> Result<Option<Entry>, Problem> {
        self.enter(Operation::Scan, at)?;
        let state = self.lock();
        if at.is_root() {
            return Ok(self.entry_of(&state, ROOT));
        }
        if self.is_own(at) {
            return Ok(None);
        }
        let Some(slot) = self.place(&state, Operation::Scan, at)?.and_then(|place| place.slot) else {
            return Ok(None);
        };
        match self.entry_of(&state, slot.ino) {
            Some(entry) => Ok(Some(entry)),
            None => {
                let words = Reason::Special.describe();
                Err(Problem::new(Operation::Scan, at, ProblemKind::Unsupported, words))
            }
        }
    }

    fn contents(&self, at: &RelPath, expect: &Entry, control: &dyn Control) -> Result<Contents, Problem> {
        const OP: Operation = Operation::Digest;
        let mut source = self.open(at, expect)?;
        let digest = match source.target() {
            Some(target) => blake3::hash(target),
            None => {
                Self::read_all(source.as_mut(), control).map(|(_, hash)| hash).map_err(|mut problem| {
                    problem.operation = OP;
                    problem.path = at.clone();
                    problem
                })?
            }
        };
        if control.is_cancelled() {
            return Err(cancelled(OP, at));
        }
        source.confirm()?;
        let xattrs = source.properties().xattrs.as_ref().map(Xattrs::digest);
        Ok(Contents { digest: Digest(*digest.as_bytes()), xattrs })
    }

    fn open(&self, at: &RelPath, expect: &Entry) -> Result<Box<dyn Source>, Problem> {
        const OP: Operation = Operation::Read;
        self.enter(OP, at)?;
        let state = self.lock();
        let (_, ino) = self.expected(&state, OP, at, expect)?;
        Self::refuse_held(&state, OP, at, ino)?;
        Self::refuse_unreadable(&state, OP, at, ino)?;
        let gone = || Problem::stale(OP, at, "it is gone");
        let inode = state.live.inodes.get(&ino).ok_or_else(gone)?;
        let target = match &inode.body {
            Body::Link(target) => Some((**target).into()),
            Body::File(_) => None,
            Body::Dir | Body::Special => {
                return Err(Problem::new(OP, at, ProblemKind::Unsupported, "it has no content"));
            }
        };
        Ok(Box::new(MemorySource {
            replica: self.clone(),
            boot: state.boot,
            at: at.clone(),
            ino,
            entry: inode.entry(ino, self.able()).ok_or_else(gone)?,
            target,
            properties: inode.properties(self.able()),
            offset: 0,
        }))
    }

    fn properties(&self, at: &RelPath, expect: &Entry) -> Result<Properties, Problem> {
        const OP: Operation = Operation::Read;
        self.enter(OP, at)?;
        let state = self.lock();
        let (_, ino) = self.expected(&state, OP, at, expect)?;
        let inode = state.live.inodes.get(&ino).ok_or_else(|| Problem::stale(OP, at, "it is gone"))?;
        Ok(inode.properties(self.able()))
    }

    fn stage(&self, source: &mut dyn Source, reread: bool, control: &dyn Control) -> Result<Staged, Problem> {
        const OP: Operation = Operation::Stage;
        let nowhere = RelPath::root();
        self.enter(OP, &nowhere)?;
        let unsupported = |words: &str| Problem::new(OP, &nowhere, ProblemKind::Unsupported, words);
        let body = match (source.entry().kind, source.target()) {
            (Kind::File, _) => Body::File(Arc::default()),
            (Kind::Symlink, Some(target)) if self.able().symlinks => Body::Link(target.into()),
            (Kind::Symlink, _) => return Err(unsupported("the side cannot hold links")),
            (Kind::Dir, _) => return Err(unsupported("a directory has no content")),
        };
        self.step(OP, &nowhere, "create")?;
        let (key, ino) = self.stage_body(&mut self.lock(), body);
        match self.fill(ino, source, reread, control) {
            Ok(staged) => {
                let boot = self.lock().boot;
                let token = Token { replica: self.identity(), boot, key, ino, partial: None };
                Ok(Staged { token: Box::new(token), ..staged })
            }
            Err(problem) => {
                self.drop_staged(&key, ino);
                Err(problem)
            }
        }
    }

    fn stage_resumable(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        self.stage_with_partial(source, at, reread, control)
    }

    fn partials(&self) -> Result<Vec<Partial>, Problem> {
        self.enter(Operation::Stage, &RelPath::root())?;
        Ok(self.list_partials())
    }

    fn drop_partial(&self, at: &RelPath) -> Result<bool, Problem> {
        self.enter(Operation::Stage, at)?;
        self.drop_partial_of(at)
    }

    fn is_being_written(&self, at: &RelPath, expect: &Entry) -> Result<Option<bool>, Problem> {
        self.enter(Operation::Scan, at)?;
        let state = self.lock();
        let (_, ino) = self.expected(&state, Operation::Scan, at, expect)?;
        Ok((state.tells_writers && expect.kind == Kind::File).then(|| state.writing.contains(&ino)))
    }

    fn settle(&self, staged: &[&Staged]) -> Result<(), Problem> {
        let nowhere = RelPath::root();
        self.enter(Operation::Flush, &nowhere)?;
        for staged in staged {
            let ino = self.token(Operation::Flush, staged)?.ino;
            self.step(Operation::Flush, &nowhere, "settle")?;
            self.lock().journal.settle(ino);
        }
        Ok(())
    }

    fn install(
        &self,
        staged: Staged,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        const OP: Operation = Operation::Install;
        let token = self.token(OP, &staged)?;
        let Token { key, ino, .. } = token;
        let entered = self.enter(OP, at).and_then(|()| self.check_name(OP, at));
        let brought = entered.and_then(|()| match &token.partial {
            Some(held) => self.bring_partial(at, token, held),
            None => Ok(()),
        });
        let result = brought.and_then(|()| match expect {
            Expect::Absent => {
                self.place_staged(OP, at, key, *ino).map(|entry| Installed { entry, trashed: None })
            }
            Expect::Is(old) => {
                self.replace(&Replacing { operation: OP, at, key, new: Some(*ino), old, displaced }, *ino)
            }
        });
        if result.is_err() {
            if token.partial.as_ref().is_some_and(|held| self.take_partial_back(at, token, held)) {
                return result;
            }
            self.drop_staged(key, *ino);
        }
        if let Some(held) = &token.partial {
            self.forget_partial(held);
        }
        result
    }

    fn discard(&self, staged: Staged) {
        match self.token(Operation::Stage, &staged) {
            Ok(Token { partial: Some(held), .. }) => self.forget_partial(held),
            Ok(Token { key, ino, .. }) => self.drop_staged(key, *ino),
            Err(_) => {}
        }
    }

    fn make_dir(
        &self,
        at: &RelPath,
        properties: &Properties,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        const OP: Operation = Operation::MakeDir;
        self.enter(OP, at)?;
        self.check_name(OP, at)?;
        self.step(OP, at, "create")?;
        let (key, ino) = self.stage_body(&mut self.lock(), Body::Dir);
        self.change_staged(ino, |inode, now| self.dress(inode, properties, now));
        let result = match expect {
            Expect::Absent => {
                self.place_staged(OP, at, &key, ino).map(|entry| Installed { entry, trashed: None })
            }
            Expect::Is(old) => {
                self.replace(&Replacing { operation: OP, at, key: &key, new: Some(ino), old, displaced }, ino)
            }
        };
        if result.is_err() {
            self.drop_staged(&key, ino);
        }
        result
    }

    fn keep_beside(&self, at: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem> {
        const OP: Operation = Operation::Clash;
        self.enter(OP, at)?;
        self.check_name(OP, to)?;
        self.step(OP, at, "keep")?;
        let mut state = self.lock();
        let (_, ino) = self.expected(&state, OP, at, expect)?;
        if state.live.is_dir(ino) {
            return Err(Problem::new(OP, at, ProblemKind::Unsupported, "a directory has one place"));
        }
        let place = self.place_for(&state, OP, to)?;
        if let Some(slot) = &place.slot {
            if slot.ino == ino || Self::is_copy_of(&state, slot.ino, ino) {
                return self.entry_or_stale(&state, OP, to, slot.ino);
            }
            return Err(Problem::new(OP, to, ProblemKind::Exists, "the name is taken"));
        }
        let (change, kept) = self.duplicate(&mut state, Change::new(), ino);
        let slot = Slot { name: self.shown(to.name()), ino: kept };
        state.commit(change.slot(place.dir, &place.key, Some(slot)));
        state.stir(place.dir);
        self.entry_or_stale(&state, OP, to, kept)
    }

    fn rename(&self, from: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem> {
        const OP: Operation = Operation::Rename;
        self.enter(OP, from)?;
        self.check_name(OP, to)?;
        self.step(OP, from, "rename")?;
        let mut state = self.lock();
        let (source, ino) = self.expected(&state, OP, from, expect)?;
        Self::refuse_held(&state, OP, from, ino)?;
        if ino == ROOT || (to != from && to.starts_with(from)) {
            return Err(Problem::new(OP, to, ProblemKind::Unsupported, "it cannot move below itself"));
        }
        let target = self.place_for(&state, OP, to)?;
        let respelled = (source.dir, &source.key) == (target.dir, &target.key);
        if target.slot.is_some() && !respelled {
            return Err(Problem::new(OP, to, ProblemKind::Exists, "the name is taken"));
        }
        if respelled && to != from && !self.able().shows_spelling {
            let words = "the side shows no spelling";
            return Err(Problem::new(OP, to, ProblemKind::Unsupported, words));
        }
        let change = Change::new().slot(source.dir, &source.key, None).slot(
            target.dir,
            &target.key,
            Some(Slot { name: self.shown(to.name()), ino }),
        );
        let change = state.touching(change, ino);
        state.commit(change);
        state.stir(source.dir);
        state.stir(target.dir);
        self.entry_or_stale(&state, OP, to, ino)
    }

    fn set_properties(
        &self,
        at: &RelPath,
        expect: &Entry,
        properties: &Properties,
    ) -> Result<Entry, Problem> {
        self.enter(Operation::Properties, at)?;
        let mut now = {
            let state = self.lock();
            let (_, ino) = self.expected(&state, Operation::Properties, at, expect)?;
            self.entry_or_stale(&state, Operation::Properties, at, ino)?
        };
        if let (true, Some(xattrs)) = (self.able().xattrs, &properties.xattrs) {
            now = self.set_one(at, &now, "xattrs", |inode, _| inode.xattrs = xattrs.clone())?;
        }
        if properties.attributes != Attributes::NotHeld && now.attributes.differ(properties.attributes) {
            now = self.set_one(at, &now, "attributes", |inode, _| {
                self.dress_bits(inode, properties.attributes);
            })?;
        }
        if !now.is_dir() && self.able().keeps_mtime {
            now = self.set_one(at, &now, "mtime", |inode, moment| {
                inode.mtime_ns = self.kept_mtime(properties.mtime_ns, moment);
            })?;
        }
        Ok(now)
    }

    fn remove(&self, at: &RelPath, expect: &Entry, displaced: Displaced) -> Result<Option<Trashed>, Problem> {
        const OP: Operation = Operation::Remove;
        self.enter(OP, at)?;
        {
            let state = self.lock();
            let (_, ino) = self.expected(&state, OP, at, expect)?;
            if state.live.is_dir(ino) {
                return Err(Problem::new(OP, at, ProblemKind::Unsupported, "it is a directory"));
            }
        }
        let key = self.spare_key();
        let job = Replacing { operation: OP, at, key: &key, new: None, old: expect, displaced };
        self.note(&job, false)?;
        match self.take_away(&job) {
            Ok(true) => self.finish_or_undo(&job, &key),
            Ok(false) => {
                self.undo(&job)?;
                Err(Problem::stale(OP, at, "another version was there"))
            }
            Err(problem) => {
                self.forget_note(&key);
                Err(problem)
            }
        }
    }

    fn remove_dir(
        &self,
        at: &RelPath,
        expect: &Entry,
        filter: &dyn Filter,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem> {
        const OP: Operation = Operation::RemoveDir;
        self.enter(OP, at)?;
        self.step(OP, at, "remove directory")?;
        let mut state = self.lock();
        let (place, ino, hidden) = self.expected_dir(&state, at, expect, filter)?;
        let change = Change::new().slot(place.dir, &place.key, None);
        let (change, trashed) = match (hidden, displaced) {
            (false, _) => (change, None),
            (true, Displaced::Drop) => {
                let words = "it holds names that are hidden";
                return Err(Problem::new(OP, at, ProblemKind::NotEmpty, words));
            }
            (true, Displaced::Trash(stamp)) => {
                let (dir, path) = self.trash_place(&mut state, stamp.0, at);
                let slot = Slot { name: path.name().into(), ino };
                let change = change.slot(dir, &self.key(path.name()), Some(slot));
                (state.touching(change, ino), Some(Trashed { path }))
            }
        };
        state.commit(change);
        state.stir(place.dir);
        Ok(trashed)
    }

    fn list_trash(&self) -> Result<Vec<InTrash>, Problem> {
        self.enter(Operation::Restore, &RelPath::root())?;
        Ok(self.trash_list())
    }

    fn look_in_trash(&self, place: &RelPath) -> Result<Option<Entry>, Problem> {
        self.enter(Operation::Restore, place)?;
        Ok(self.trash_look(place))
    }

    fn restore(
        &self,
        place: &RelPath,
        version: &Entry,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        self.enter(Operation::Restore, at)?;
        self.check_name(Operation::Restore, at)?;
        self.trash_restore(place, version, at, expect, displaced)
    }

    fn purge(&self, place: &RelPath) -> Result<bool, Problem> {
        self.enter(Operation::Purge, place)?;
        self.trash_purge(place)
    }

    fn flush(&self) -> Result<(), Problem> {
        let root = RelPath::root();
        self.enter(Operation::Flush, &root)?;
        self.step(Operation::Flush, &root, "flush")?;
        self.lock().journal.flush();
        Ok(())
    }

    fn free_bytes(&self) -> Result<Option<u64>, Problem> {
        self.enter(Operation::Root, &RelPath::root())?;
        let state = self.lock();
        Ok(state.capacity.map(|capacity| capacity.saturating_sub(state.used())))
    }

    fn recover(&self) -> Result<Recovered, Problem> {
        self.enter(Operation::Recover, &RelPath::root())?;
        let removed = self.drop_old_partials(Operation::Recover)?;
        let recovered = self.clean_staging()?;
        Ok(Recovered { removed: recovered.removed + removed, ..recovered })
    }
}

impl MemoryReplica {
    /// Whether one file is a copy of the other, as `keep_beside` makes it where a file has one name only.
    fn is_copy_of(state: &State, copy: Ino, of: Ino) -> bool {
        let inode = |ino| state.live.inodes.get(&ino);
        match (inode(copy), inode(of)) {
            (Some(copy), Some(of)) => copy.body == of.body && copy.mtime_ns == of.mtime_ns,
            _ => false,
        }
    }
}

pub(super) fn cancelled(operation: Operation, at: &RelPath) -> Problem {
    Problem::new(operation, at, ProblemKind::Cancelled, "the work was stopped")
}
