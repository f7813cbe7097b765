//! The directories that are known of one side.
//!
//! Owns [`Folders`]: a name and a place in the tree for each number, and what was told of it. Some hundred bytes for
//! each directory, and nothing for a file but for one that is unlike the baseline.

use sync_core::path::RelPath;

/// The number of the root.
pub(super) const ROOT: u32 = 0;

#[derive(Debug)]
struct Folder {
    name: Box<[u8]>,
    above: u32,
    /// The directories in it, by name.
    inside: Vec<u32>,
    /// What in it was unlike the baseline at the last visit and is told of, in a number each, sorted.
    told: Box<[u64]>,
}

/// What a visit made of the directories inside a directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Names that were not known.
    pub(super) new: Vec<Box<[u8]>>,
    /// Numbers of those that are no longer there.
    pub(super) gone: Vec<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Folders {
    by_number: Vec<Option<Folder>>,
}

impl Folders {
    /// Gives a directory its number. The one above it is known.
    pub(super) fn put(&mut self, number: u32, above: u32, name: &[u8]) {
        let at = number as usize;
        if at >= self.by_number.len() {
            self.by_number.resize_with(at + 1, || None);
        }
        self.by_number[at] =
            Some(Folder { name: name.into(), above, inside: Vec::new(), told: Box::default() });
        if number == ROOT {
            return;
        }
        if let Err(place) = self.find(above, name)
            && let Some(above) = self.get_mut(above)
        {
            above.inside.insert(place, number);
        }
    }

    /// Where a directory lies; none when it is not known any more.
    pub(super) fn path(&self, number: u32) -> Option<RelPath> {
        let mut names = Vec::new();
        let mut at = number;
        while at != ROOT {
            let folder = self.get(at)?;
            names.push(&*folder.name);
            at = folder.above;
        }
        self.get(ROOT)?;
        names.iter().rev().try_fold(RelPath::root(), |path, name| path.join(name).ok())
    }

    /// The directory above one.
    pub(super) fn above(&self, number: u32) -> Option<u32> {
        self.get(number).map(|folder| folder.above)
    }

    /// The number of a directory inside another one, as it is spelled here.
    pub(super) fn inside(&self, above: u32, name: &[u8]) -> Option<u32> {
        let place = self.find(above, name).ok()?;
        self.get(above)?.inside.get(place).copied()
    }

    /// Which directories are new and which are gone, where these are in it now.
    pub(super) fn compare(&self, number: u32, now: &[&[u8]]) -> Changes {
        let new = now.iter().filter(|name| self.find(number, name).is_err());
        let inside = self.get(number).map(|folder| folder.inside.as_slice()).unwrap_or_default();
        let mut sorted = now.to_vec();
        sorted.sort_unstable();
        let is_gone = |inside: &&u32| {
            self.get(**inside).is_none_or(|folder| sorted.binary_search(&&*folder.name).is_err())
        };
        Changes {
            new: new.map(|name| (*name).into()).collect(),
            gone: inside.iter().filter(is_gone).copied().collect(),
        }
    }

    /// Forgets a directory and all below it, whose numbers are returned.
    pub(super) fn remove(&mut self, number: u32) -> Vec<u32> {
        let mut removed = Vec::new();
        let Some(folder) = self.by_number.get_mut(number as usize).and_then(Option::take) else {
            return removed;
        };
        if let Some(above) = self.get_mut(folder.above) {
            above.inside.retain(|inside| *inside != number);
        }
        removed.push(number);
        let mut below = folder.inside;
        while let Some(next) = below.pop() {
            if let Some(folder) = self.by_number.get_mut(next as usize).and_then(Option::take) {
                removed.push(next);
                below.extend(folder.inside);
            }
        }
        removed
    }

    /// Notes what is told of a directory now; which of it was not told before.
    pub(super) fn tell(&mut self, number: u32, mut now: Vec<u64>) -> Vec<u64> {
        let Some(folder) = self.get_mut(number) else { return Vec::new() };
        now.sort_unstable();
        now.dedup();
        let new = now.iter().filter(|one| folder.told.binary_search(one).is_err()).copied().collect();
        if *folder.told != *now {
            folder.told = now.into();
        }
        new
    }

    fn get(&self, number: u32) -> Option<&Folder> {
        self.by_number.get(number as usize)?.as_ref()
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Folder> {
        self.by_number.get_mut(number as usize)?.as_mut()
    }

    /// The place of a name among the directories inside another one; else where it would have to be.
    fn find(&self, above: u32, name: &[u8]) -> Result<usize, usize> {
        let inside = self.get(above).map(|folder| folder.inside.as_slice()).unwrap_or_default();
        inside.binary_search_by(|inside| self.get(*inside).map_or(&[][..], |folder| &folder.name).cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(names: &[&'a str]) -> Vec<&'a [u8]> {
        names.iter().map(|name| name.as_bytes()).collect()
    }

    fn some() -> Folders {
        let mut folders = Folders::default();
        folders.put(ROOT, ROOT, b"");
        for (number, above, name) in [(1, 0, "b"), (2, 0, "a"), (3, 1, "inner"), (4, 3, "deep"), (5, 0, "c")]
        {
            folders.put(number, above, name.as_bytes());
        }
        folders
    }

    #[test]
    fn a_directory_is_found_by_its_number_and_forgotten_with_all_below() {
        let mut folders = some();
        let path = |folders: &Folders, number| folders.path(number).map(|path| path.to_string());
        assert_eq!(path(&folders, 4).as_deref(), Some("b/inner/deep"));
        assert_eq!(folders.path(ROOT), Some(RelPath::root()));
        let mut removed = folders.remove(1);
        removed.sort_unstable();
        assert_eq!(removed, [1, 3, 4]);
        assert_eq!((path(&folders, 4), path(&folders, 2).as_deref()), (None, Some("a")));
        assert_eq!(folders.remove(1), Vec::<u32>::new());
        assert_eq!((folders.above(5), folders.above(1)), (Some(ROOT), None));
        assert_eq!(
            (folders.inside(ROOT, b"a"), folders.inside(2, b"x"), folders.inside(ROOT, b"b")),
            (Some(2), None, None)
        );
        folders.put(3, 2, b"again");
        assert_eq!(path(&folders, 3).as_deref(), Some("a/again"));
    }

    #[test]
    fn what_came_and_what_went_is_seen_by_name() {
        let folders = some();
        assert_eq!(folders.compare(ROOT, &names(&["c", "b", "a"])), Changes::default());
        let changes = folders.compare(ROOT, &names(&["c", "new", "a", "also"]));
        assert_eq!(changes.new, [Box::from(*b"new"), Box::from(*b"also")]);
        assert_eq!(changes.gone, [1]);
        assert_eq!(folders.compare(2, &[]), Changes::default());
    }

    #[test]
    fn what_was_told_and_still_stands_is_not_told_again() {
        let mut folders = some();
        assert_eq!(folders.tell(2, vec![7, 3]), [3, 7]);
        assert_eq!(folders.tell(2, vec![3, 7]), Vec::<u64>::new());
        assert_eq!(folders.tell(2, vec![3, 8]), [8]);
        assert_eq!(folders.tell(2, vec![]), Vec::<u64>::new());
        assert_eq!(folders.tell(2, vec![3]), [3], "it went away and is back");
    }
}
