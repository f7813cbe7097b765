//! What one directory of one side shows that the baseline does not.
//!
//! Owns [`unlike`], for whoever looks at a single directory to find out whether something happened there. What that
//! means is not said here: a comparison of both sides decides, with everything that belongs to it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::baseline::Agreed;
use crate::compare::is_settled;
use crate::side::Side;
use crate::snapshot::{Listed, Listing, Unobserved};

/// One name of a directory that is not as it was when both sides last agreed.
#[derive(Debug)]
pub enum Unlike<'a> {
    /// It is there, and is new or another version.
    Here(Listed<'a>),
    /// It is there and could not be observed.
    Unobserved(&'a Unobserved),
    /// It is no longer there: its key, and what was agreed on.
    Gone(&'a [u8], &'a Agreed),
}

impl Unlike<'_> {
    /// The name as this side spells it, or spelled it when both last agreed.
    pub fn name(&self, side: Side) -> &[u8] {
        match self {
            Self::Here(listed) => listed.name,
            Self::Unobserved(one) => &one.name,
            Self::Gone(key, agreed) => agreed.sides[side].name.as_deref().unwrap_or(key),
        }
    }
}

/// What of a directory is unlike its rows in the baseline, which come by key. A side that does not show names as they
/// were given has no spelling to differ in. A directory that could not be read shows nothing.
pub fn unlike<'a>(
    listing: &'a Listing,
    rows: &'a [(Box<[u8]>, Agreed)],
    side: Side,
    shows_spelling: bool,
) -> Vec<Unlike<'a>> {
    let row = |key: &[u8]| {
        let at = rows.binary_search_by(|(row, _)| (**row).cmp(key)).ok()?;
        rows.get(at).map(|(_, agreed)| agreed)
    };
    if listing.trouble().is_some() {
        return Vec::new();
    }
    let settled = |listed: &Listed<'_>| {
        row(listed.key).is_some_and(|agreed| is_settled(&agreed.was(side), listed, shows_spelling))
    };
    let mut found: Vec<Unlike<'a>> = Vec::new();
    found.extend(listing.iter().filter(|listed| !settled(listed)).map(Unlike::Here));
    found.extend(listing.unobserved().iter().map(Unlike::Unobserved));
    let unobserved = |key: &[u8]| listing.unobserved().binary_search_by(|one| (*one.key).cmp(key)).is_ok();
    let there = |key: &[u8]| listing.find(key).is_some() || unobserved(key);
    let gone = rows.iter().filter(|(key, _)| !there(key));
    found.extend(gone.map(|(key, agreed)| Unlike::Gone(key, agreed)));
    found
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::baseline::Record;
    use crate::entry::{Attributes, Entry, Kind, Reason, Trouble};
    use crate::fold::Equivalence;
    use crate::side::Sides;
    use crate::snapshot::ListingBuilder;

    fn file(size: u64, mtime_ns: i64) -> Entry {
        Entry {
            kind: Kind::File,
            attributes: Attributes::NotHeld,
            size,
            mtime_ns,
            ctime_ns: 0,
            file_id: None,
        }
    }

    fn agreed(name: &str, left: Entry, right: Entry) -> (Box<[u8]>, Agreed) {
        let key = name.to_ascii_lowercase();
        let record = |entry: &Entry| Record::of(entry, name.as_bytes(), key.as_bytes(), None);
        let sides = Sides { left: record(&left), right: record(&right) };
        let agreed = Agreed { kind: left.kind, size: left.size, digest: None, target: None, sides };
        (key.as_bytes().into(), agreed)
    }

    fn told(listing: &Listing, rows: &[(Box<[u8]>, Agreed)], side: Side, spelling: bool) -> Vec<String> {
        let mut told: Vec<_> = unlike(listing, rows, side, spelling)
            .iter()
            .map(|one| {
                let word = match one {
                    Unlike::Here(_) => "here",
                    Unlike::Unobserved(_) => "unobserved",
                    Unlike::Gone(..) => "gone",
                };
                format!("{word} {}", one.name(side).escape_ascii())
            })
            .collect();
        told.sort();
        told
    }

    #[test]
    fn what_is_as_agreed_is_not_told_and_everything_else_is() {
        let mut builder = ListingBuilder::new(Equivalence { case: true, form: false });
        for (name, entry) in [
            ("same", file(1, 1)),
            ("longer", file(9, 1)),
            ("later", file(1, 9)),
            ("new", file(1, 1)),
            ("Respelled", file(1, 1)),
        ] {
            builder.push(name.as_bytes(), entry, None, None);
        }
        builder.push_unobserved(b"dark", Trouble::new(Reason::Unreadable, ""));
        let listing = builder.finish();
        let mut rows: Vec<_> = ["same", "longer", "later", "respelled", "dark", "Gone"]
            .map(|name| agreed(name, file(1, 1), file(1, 2)))
            .into();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let expected =
            ["gone Gone", "here Respelled", "here later", "here longer", "here new", "unobserved dark"];
        assert_eq!(told(&listing, &rows, Side::Left, true), expected);
        assert!(!told(&listing, &rows, Side::Left, false).contains(&"here Respelled".into()));
        assert!(
            told(&listing, &rows, Side::Right, true).contains(&"here same".into()),
            "each side has its own record"
        );
        let dark = Listing::unreadable(Trouble::new(Reason::UnreadableDir, ""));
        assert!(told(&dark, &rows, Side::Left, true).is_empty(), "nothing is known of it");
    }
}
