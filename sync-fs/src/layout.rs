//! Where things of Bothways' own lie in a root, and what is therefore never synced.
//!
//! ```text
//! .bothways/root.json        which pair this root belongs to, and as which side
//! .bothways/lock             held while a session works on the root
//! .bothways/abilities.json   what the side was measured to be able to do
//! .bothways/staged/s-RUN-N   a copy that is being made, or the version it was exchanged with
//! .bothways/staged/o-RUN-N   a version that was taken from its place
//! .bothways/staged/i-RUN-N   the intent: what is being done with the two above
//! .bothways/staged/t-RUN-N   an intent that is being written
//! .bothways/staged/t-RUN-…   a file that is made to try something out: what is taken from its mode (`umask`), how the
//!                            clocks stand (`clock`), whether the system reports it (`N-watch`)
//! .bothways/partial/p-KEY    a large copy that is being made, or was interrupted; KEY stands for its target
//! .bothways/partial/n-KEY    its note: of which version it is, and how much of it can be relied on
//! .bothways/probe-RUN/       while a probe runs
//! ```

use sync_core::path::RelPath;

/// The directory in each root that belongs to Bothways.
pub const OWN: &[u8] = b".bothways";
/// The marker.
pub(crate) const MARKER: &[u8] = b"root.json";
/// The measured abilities.
pub(crate) const ABILITIES: &[u8] = b"abilities.json";
/// The staging area.
pub(crate) const STAGED: &[u8] = b"staged";
/// Large copies that can be gone on with.
pub(crate) const PARTIAL: &[u8] = b"partial";

/// Paths in a root that no scan shows and no change touches.
#[derive(Debug)]
pub(crate) struct Hidden {
    paths: Vec<RelPath>,
    fold_case: bool,
}

impl Hidden {
    /// Hides the own directory and `more`.
    pub(crate) fn new(fold_case: bool, more: impl IntoIterator<Item = RelPath>) -> Self {
        let mut paths: Vec<RelPath> = RelPath::new(OWN).into_iter().chain(more).collect();
        paths.retain(|path| !path.is_root());
        Self { paths, fold_case }
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.fold_case { a.eq_ignore_ascii_case(b) } else { a == b }
    }

    /// The hidden names of one directory; mostly none, so that a scan asks once per directory.
    pub(crate) fn names_in(&self, dir: &RelPath) -> HiddenNames<'_> {
        let here = |path: &&RelPath| {
            let bytes = path.as_bytes();
            let parent = bytes.len() - path.name().len();
            self.same(&bytes[..parent.saturating_sub(1)], dir.as_bytes())
        };
        let names = self.paths.iter().filter(here).map(RelPath::name).collect();
        HiddenNames { names, fold_case: self.fold_case }
    }

    /// Whether `path` is hidden or lies below something hidden.
    pub(crate) fn covers(&self, path: &RelPath) -> bool {
        let bytes = path.as_bytes();
        self.paths.iter().any(|hidden| {
            let len = hidden.as_bytes().len();
            bytes.len() >= len
                && self.same(&bytes[..len], hidden.as_bytes())
                && bytes.get(len).is_none_or(|next| *next == b'/')
        })
    }

    /// Whether something hidden lies below `path`.
    pub(crate) fn any_below(&self, path: &RelPath) -> bool {
        self.paths.iter().any(|hidden| {
            let len = path.as_bytes().len();
            hidden.as_bytes().len() > len
                && self.same(&hidden.as_bytes()[..len], path.as_bytes())
                && (len == 0 || hidden.as_bytes()[len] == b'/')
        })
    }
}

/// The hidden names of one directory.
#[derive(Debug)]
pub(crate) struct HiddenNames<'a> {
    names: Vec<&'a [u8]>,
    fold_case: bool,
}

impl HiddenNames<'_> {
    /// Whether `name` is one of them.
    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.names
            .iter()
            .any(|hidden| if self.fold_case { hidden.eq_ignore_ascii_case(name) } else { *hidden == name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    #[test]
    fn only_the_exact_place_is_hidden() {
        let hidden = Hidden::new(false, [p(".sync_trash"), p("data/state")]);
        assert!(hidden.names_in(&RelPath::root()).contains(b".bothways"));
        assert!(hidden.names_in(&RelPath::root()).contains(b".sync_trash"));
        assert!(!hidden.names_in(&RelPath::root()).contains(b"state"));
        assert!(!hidden.names_in(&p("data")).contains(b".sync_trash"));
        assert!(hidden.names_in(&p("data")).contains(b"state"));
        assert!(hidden.covers(&p("data/state/x")) && hidden.covers(&p(".bothways")));
        assert!(!hidden.covers(&p("data/states")) && !hidden.covers(&p("data")));
        assert!(hidden.any_below(&p("data")) && hidden.any_below(&RelPath::root()));
        assert!(!hidden.any_below(&p("dat")) && !hidden.any_below(&p("data/state")));
    }

    #[test]
    fn a_side_that_folds_case_hides_every_spelling() {
        let hidden = Hidden::new(true, [p("Trash")]);
        assert!(hidden.names_in(&RelPath::root()).contains(b".BothWays"));
        assert!(hidden.covers(&p("TRASH/a")));
    }
}
