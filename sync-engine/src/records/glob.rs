//! What a person types to pick paths, or rows of the journal: a path or a pattern, an action or a part of its word.
//!
//! The one place that says what a pattern of paths means: for the history, the conflicts and the trash alike.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use sync_core::path::show;

use crate::error::SessionError;

/// A path with everything below it, or a pattern of paths.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathGlob {
    /// As it was typed.
    text: String,
    kind: Kind,
}

impl TryFrom<String> for PathGlob {
    type Error = SessionError;

    fn try_from(text: String) -> Result<Self, SessionError> {
        Self::new(&text)
    }
}

impl From<PathGlob> for String {
    fn from(glob: PathGlob) -> Self {
        glob.text
    }
}

#[derive(Clone, Debug)]
enum Kind {
    /// The path itself, and what lies below it.
    Below(Vec<u8>),
    /// A pattern without a slash is one of names, wherever they are.
    Names(Pattern),
    /// Any other is one of whole paths.
    Paths(Pattern),
}

impl PathGlob {
    /// What `text` means. Without `*`, `?`, `[` or `{` it is a path, below which everything is meant too. A pattern
    /// without `/` is compared with names in any folder; one with `/` with paths from the root, where `**` stands for
    /// any number of folders. One that begins with `/` is compared from the root too.
    ///
    /// # Errors
    /// [`SessionError::Path`] when it is no pattern.
    pub fn new(text: &str) -> Result<Self, SessionError> {
        let path = || text.trim_start_matches("./").trim_end_matches('/').as_bytes().to_vec();
        Ok(Self::pattern(text)?.unwrap_or_else(|| Self { text: text.to_owned(), kind: Kind::Below(path()) }))
    }

    /// The pattern, if `text` is one and not a path.
    ///
    /// # Errors
    /// [`SessionError::Path`] when it is meant as one and is none.
    pub(crate) fn pattern(typed: &str) -> Result<Option<Self>, SessionError> {
        let text = typed.trim_start_matches("./").trim_end_matches('/');
        if !text.contains(['*', '?', '[', '{']) {
            return Ok(None);
        }
        // In any folder is what a pattern of names means by itself, and names are compared much faster.
        let text = text.strip_prefix("**/").filter(|name| !name.contains('/')).unwrap_or(text);
        let from_root = text.strip_prefix('/').unwrap_or(text);
        let built = GlobBuilder::new(from_root).literal_separator(true).backslash_escape(true).build();
        let matcher = built
            .map_err(|error| SessionError::Path { path: text.to_owned(), reason: error.to_string() })?
            .compile_matcher();
        let (begins, ends) = fixed(from_root);
        let pattern = Pattern { matcher, begins: begins.into(), ends: ends.into() };
        let kind = if text.contains('/') { Kind::Paths(pattern) } else { Kind::Names(pattern) };
        Ok(Some(Self { text: typed.to_owned(), kind }))
    }

    /// Whether a path, in its bytes, is meant.
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.kind {
            Kind::Below(prefix) => path
                .strip_prefix(prefix.as_slice())
                .is_some_and(|rest| rest.is_empty() || prefix.is_empty() || rest.starts_with(b"/")),
            Kind::Names(pattern) => {
                let cut = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
                pattern.is_match(path.get(cut..).unwrap_or_default())
            }
            Kind::Paths(pattern) => pattern.is_match(path),
        }
    }
}

/// A pattern, and what every text that it matches begins and ends with: most rows are passed over by that alone.
#[derive(Clone, Debug)]
struct Pattern {
    matcher: GlobMatcher,
    begins: Box<str>,
    ends: Box<str>,
}

impl Pattern {
    /// A name that is no text is compared as it is shown.
    fn is_match(&self, path: &[u8]) -> bool {
        match std::str::from_utf8(path) {
            Ok(text) => self.is_match_text(text),
            Err(_) => self.is_match_text(&show(path)),
        }
    }

    fn is_match_text(&self, text: &str) -> bool {
        text.ends_with(&*self.ends) && text.starts_with(&*self.begins) && self.matcher.is_match(text)
    }
}

/// The fixed beginning and end of a pattern. A slash beside `**` may stand for nothing, and is left out.
fn fixed(pattern: &str) -> (&str, &str) {
    if pattern.contains('\\') {
        return ("", "");
    }
    let is_special = |c| matches!(c, '*' | '?' | '[' | ']' | '{' | '}');
    let begins = pattern.split(is_special).next().unwrap_or_default();
    let ends = pattern.rsplit(is_special).next().unwrap_or_default();
    (begins.trim_end_matches('/'), ends.trim_start_matches('/'))
}

/// Whether an action such as `SOFT_DELETE_LEFT` is meant by a word: itself, or some of its parts, in any case and with
/// `-` for `_`. `delete` means all deletions, `soft-delete` those to the trash, `left` what changed the left.
pub fn action_matches(action: &str, wanted: &str) -> bool {
    let wanted: Vec<String> =
        wanted.split(['-', '_', ' ']).filter(|part| !part.is_empty()).map(str::to_uppercase).collect();
    let action: Vec<&str> = action.split('_').collect();
    !wanted.is_empty()
        && action.windows(wanted.len()).any(|part| part.iter().zip(&wanted).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_all_below_it_and_a_pattern_what_it_says() {
        let cases: [(&str, &[&str], &[&str]); 9] = [
            ("a/b", &["a/b", "a/b/c/d"], &["a", "a/bc", "x/a/b"]),
            ("./a/", &["a", "a/b"], &["ab"]),
            ("", &["a", "a/b"], &[]),
            ("*.docx", &["x.docx", "a/b/x.docx"], &["x.docx/y", "docx"]),
            ("/*.docx", &["x.docx"], &["a/x.docx"]),
            ("a/*.docx", &["a/x.docx"], &["x.docx", "a/b/x.docx", "b/x.docx"]),
            ("a/**", &["a/x", "a/b/c"], &["b/x"]),
            ("**/no*.txt", &["no.txt", "a/no x.txt", "a/b/no.txt"], &["no/x.txt", "yes.txt", "a/yes/no"]),
            ("repor[tT]?{1,2}", &["a/report 1", "reporT 2"], &["report1", "report 3"]),
        ];
        for (pattern, inside, outside) in cases {
            let glob = PathGlob::new(pattern).unwrap();
            assert!(inside.iter().all(|path| glob.matches(path.as_bytes())), "{pattern}");
            assert!(!outside.iter().any(|path| glob.matches(path.as_bytes())), "{pattern}");
        }
        assert!(PathGlob::new("*.t").unwrap().matches(b"\xff.t"));
        assert!(PathGlob::new("a[").is_err());
    }

    #[test]
    fn a_fixed_beginning_or_end_never_rules_out_what_the_pattern_means() {
        let patterns = [
            "a*b", "a/**/b", "**/b", "a/**", "**/a/b", "{a,b}/b", "a/{b,c}", "[ab]", "?/b", "a\\**", "*",
            "a{b/,}*b",
        ];
        let texts =
            ["a", "b", "ab", "a/b", "a/x/b", "x/b", "b/b", "a/c", "a*", "x/a/b", "a/b/c", "abb", "/b"];
        for pattern in patterns {
            let (Kind::Names(whole) | Kind::Paths(whole)) = PathGlob::new(pattern).unwrap().kind else {
                panic!("{pattern} is a pattern");
            };
            for text in texts {
                assert_eq!(whole.is_match(text.as_bytes()), whole.matcher.is_match(text), "{pattern} {text}");
            }
        }
        assert_eq!(fixed("docs/**/old*.docx"), ("docs", ".docx"));
    }

    #[test]
    fn a_word_means_every_action_it_is_a_part_of() {
        for (action, wanted, means) in [
            ("SOFT_DELETE_LEFT", "delete", true),
            ("SOFT_DELETE_LEFT", "soft-delete", true),
            ("SOFT_DELETE_LEFT", "SOFT_DELETE_LEFT", true),
            ("DELETE_LEFT", "soft-delete", false),
            ("COPY_LEFT_TO_RIGHT", "left to right", true),
            ("COPY_LEFT_TO_RIGHT", "cop", false),
            ("ADOPT", "", false),
        ] {
            assert_eq!(action_matches(action, wanted), means, "{action} {wanted}");
        }
    }
}
