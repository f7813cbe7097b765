//! When two spellings are the same name.
//!
//! Owns [`Equivalence`]: what the sides were *measured* to fold. Where both tell case and Unicode form apart, a
//! name's key is the name itself and nothing is computed.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use icu_casemap::CaseMapper;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::path::RelPath;

/// What a pair of replicas folds: a spelling difference that either side cannot tell is none for the pair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Equivalence {
    /// `Report.docx` and `report.DOCX` are one name.
    pub case: bool,
    /// `é` in one code point and `e` with a combining accent are one name.
    pub form: bool,
}

impl Equivalence {
    /// Both sides tell every spelling apart.
    pub const EXACT: Self = Self { case: false, form: false };

    /// What two sides fold together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self { case: self.case || other.case, form: self.form || other.form }
    }

    /// Whether every name is its own key.
    pub const fn is_exact(self) -> bool {
        !self.case && !self.form
    }

    /// The key under which `name` is compared, stored and sorted.
    ///
    /// Case is folded one character to one character, as NTFS, exFAT and APFS do: `ß` stays apart from `ss`.
    /// Bytes that are no UTF-8 stand for themselves.
    pub fn key(self, name: &[u8]) -> Cow<'_, [u8]> {
        if self.is_exact() {
            return Cow::Borrowed(name);
        }
        if name.is_ascii() {
            return if self.case && name.iter().any(u8::is_ascii_uppercase) {
                Cow::Owned(name.to_ascii_lowercase())
            } else {
                Cow::Borrowed(name)
            };
        }
        let mut out = Vec::with_capacity(name.len());
        for chunk in name.utf8_chunks() {
            out.extend_from_slice(self.fold(chunk.valid()).as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
        Cow::Owned(out)
    }

    fn fold(self, text: &str) -> Cow<'_, str> {
        let formed = if self.form && !is_nfc(text) {
            Cow::Owned(text.nfc().collect::<String>())
        } else {
            Cow::Borrowed(text)
        };
        if !self.case {
            return formed;
        }
        let mapper = CaseMapper::new();
        let folded: String = formed.chars().map(|c| mapper.simple_fold(c)).collect();
        // Folding can bring a text out of its composed form.
        if self.form && !is_nfc(&folded) { Cow::Owned(folded.nfc().collect()) } else { Cow::Owned(folded) }
    }

    /// The key of a whole path, component by component.
    pub fn path_key(self, path: &RelPath) -> RelPath {
        if self.is_exact() {
            return path.clone();
        }
        path.components().fold(RelPath::root(), |key, name| key.join_checked(&self.key(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Equivalence = Equivalence { case: true, form: false };
    const BOTH: Equivalence = Equivalence { case: true, form: true };

    #[test]
    fn an_exact_pair_folds_nothing() {
        assert_eq!(Equivalence::EXACT.key("É.TXT".as_bytes()).as_ref(), "É.TXT".as_bytes());
    }

    #[test]
    fn case_folds_one_to_one() {
        let same = |a: &str, b: &str| CASE.key(a.as_bytes()) == CASE.key(b.as_bytes());
        assert!(same("Report.DOCX", "rEPORT.docx"));
        assert!(same("ÄÖÜ", "äöü"));
        assert!(same("ΣΑΣ", "σας"));
        assert!(!same("ß", "ss"));
        assert!(!same("e\u{301}", "é"));
    }

    #[test]
    fn form_folds_composed_and_decomposed() {
        assert_eq!(BOTH.key("E\u{301}a".as_bytes()), BOTH.key("éA".as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_text_stand_for_themselves() {
        assert_eq!(BOTH.key(b"A\xffB").as_ref(), b"a\xffb");
    }

    #[test]
    fn a_key_is_its_own_key() {
        for name in ["İ", "ŞğI", "ẞ", "K", "Å", "ﬀ", "A\u{345}", "ᾳ", "Ǆ"] {
            let once = BOTH.key(name.as_bytes()).into_owned();
            assert_eq!(BOTH.key(&once).as_ref(), once.as_slice(), "{name}");
        }
    }
}
