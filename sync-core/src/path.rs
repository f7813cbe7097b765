//! Paths relative to a replica's root.
//!
//! Owns [`RelPath`]: any bytes a file system allows, in components divided by `/`. On Windows the bytes are WTF-8.
//! A `RelPath` can never be absolute, climb out with `..` or hold an empty component: whoever has one may join it
//! to a root. Nothing here knows a real file system.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// A path below a root; the root itself is the empty path.
///
/// The order is that of a walk: a directory comes right before everything below it, whatever other names there
/// are (`a`, `a/b`, `a.txt`).
///
/// A plan holds a path many times over: a clone shares the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelPath(Arc<[u8]>);

/// Why some bytes are no [`RelPath`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadPath {
    /// A component is empty: the path is absolute, ends in a slash or holds `//`.
    EmptyComponent,
    /// A component is `.` or `..`.
    DotComponent,
    /// There is a NUL byte in it.
    Nul,
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyComponent => "the path has an empty component (is it absolute?)",
            Self::DotComponent => "the path has a `.` or `..` component",
            Self::Nul => "the path has a NUL byte",
        })
    }
}

impl core::error::Error for BadPath {}

/// Whether `name` can be one component of a path.
pub fn check_name(name: &[u8]) -> Result<(), BadPath> {
    match name {
        b"" => Err(BadPath::EmptyComponent),
        b"." | b".." => Err(BadPath::DotComponent),
        _ if name.contains(&b'/') => Err(BadPath::EmptyComponent),
        _ if name.contains(&0) => Err(BadPath::Nul),
        _ => Ok(()),
    }
}

impl Default for RelPath {
    fn default() -> Self {
        Self::root()
    }
}

impl RelPath {
    /// The root itself.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::default())
    }

    /// A path from its bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Result<Self, BadPath> {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            bytes.split(|b| *b == b'/').try_for_each(check_name)?;
        }
        Ok(Self(bytes))
    }

    /// Whether this is the root itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, components divided by `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components from the root downwards.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|c| !c.is_empty())
    }

    /// How many components there are.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }

    /// The directory that holds this path; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].into()))
    }

    /// Every directory above this path, nearest first, the root last.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        core::iter::successors(self.parent(), Self::parent)
    }

    /// The child called `name`.
    pub fn join(&self, name: &[u8]) -> Result<Self, BadPath> {
        check_name(name)?;
        Ok(self.join_checked(name))
    }

    /// The child called `name`, which a scan or a path has already proven to be one component.
    pub(crate) fn join_checked(&self, name: &[u8]) -> Self {
        debug_assert!(check_name(name).is_ok());
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        if !self.is_root() {
            bytes.extend_from_slice(&self.0);
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self(bytes.into())
    }

    /// The sibling called `name`.
    pub fn with_name(&self, name: &[u8]) -> Result<Self, BadPath> {
        self.parent().unwrap_or_else(Self::root).join(name)
    }

    /// Whether this path lies below `dir` or is `dir`.
    pub fn starts_with(&self, dir: &Self) -> bool {
        dir.is_root()
            || (self.0.starts_with(&dir.0) && self.0.get(dir.0.len()).is_none_or(|next| *next == b'/'))
    }

    /// Whether `dir` is the directory that holds this path.
    pub(crate) fn is_right_in(&self, dir: &Self) -> bool {
        let rest = if dir.is_root() {
            Some(&*self.0)
        } else {
            self.0.strip_prefix(&*dir.0).and_then(|rest| rest.strip_prefix(b"/"))
        };
        rest.is_some_and(|name| !name.is_empty() && !name.contains(&b'/'))
    }

    /// The same path with its leading `from` replaced by `to`; itself when it does not lie below `from`.
    #[must_use]
    pub fn rebased(&self, from: &Self, to: &Self) -> Self {
        if !self.starts_with(from) {
            return self.clone();
        }
        let rest = self.0[from.0.len()..].strip_prefix(b"/").unwrap_or(&self.0[from.0.len()..]);
        let mut bytes = to.0.to_vec();
        if !bytes.is_empty() && !rest.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(rest);
        Self(bytes.into())
    }

    /// For people and logs: control characters, backslashes and bytes that are no UTF-8 are escaped, so that no
    /// name can forge a line and every name can be told from every other.
    pub fn display(&self) -> String {
        show(&self.0).into_owned()
    }
}

/// Shows raw name bytes as [`RelPath::display`] does.
pub fn show(bytes: &[u8]) -> Cow<'_, str> {
    let plain = |c: char| harmless(c) && c != '\\';
    match core::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(plain) => Cow::Borrowed(text),
        _ => {
            let mut out = String::with_capacity(bytes.len() + 8);
            for chunk in bytes.utf8_chunks() {
                for c in chunk.valid().chars() {
                    if plain(c) { out.push(c) } else { out.extend(c.escape_default()) }
                }
                for byte in chunk.invalid() {
                    out.push_str("\\x");
                    for nibble in [byte >> 4, byte & 15] {
                        out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('?'));
                    }
                }
            }
            Cow::Owned(out)
        }
    }
}

/// The bytes that [`show`] has shown as `text`; none where it shows nothing so.
pub fn unshow(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let kind = escaped.chars().next()?;
        rest = escaped.get(kind.len_utf8()..)?;
        match kind {
            'x' => {
                bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                rest = rest.get(2..)?;
            }
            'u' => {
                let (digits, after) = rest.strip_prefix('{')?.split_once('}')?;
                let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            '\\' => bytes.push(b'\\'),
            _ => return None,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// Whether a character may be shown to a person as it is: neither a control character nor one that reorders or hides
/// text on a screen. The one list of them for paths, mails, logs and the command line.
pub fn harmless(c: char) -> bool {
    let hides = matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}');
    !c.is_control() && !hides
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.display())
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(&self.0))
    }
}

impl RelPath {
    /// How many bytes both begin with. Paths of one tree share much: eight bytes are compared at a time.
    fn shared_with(&self, other: &Self) -> usize {
        const STRIDE: usize = 8;
        let strides = self.0.chunks_exact(STRIDE).zip(other.0.chunks_exact(STRIDE));
        let start = STRIDE * strides.take_while(|(a, b)| a == b).count();
        let rest = self.0[start..].iter().zip(&other.0[start..]);
        start + rest.take_while(|(a, b)| a == b).count()
    }
}

impl Ord for RelPath {
    fn cmp(&self, other: &Self) -> Ordering {
        // A `/` sorts before every byte a name can hold, which makes byte order walk order.
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        let at = self.shared_with(other);
        match (self.0.get(at), other.0.get(at)) {
            (Some(a), Some(b)) => rank(a).cmp(&rank(b)),
            _ => self.0.len().cmp(&other.0.len()),
        }
    }
}

impl PartialOrd for RelPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<&str> for RelPath {
    type Error = BadPath;
    fn try_from(text: &str) -> Result<Self, BadPath> {
        Self::new(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    #[test]
    fn a_directory_comes_right_before_what_it_holds() {
        let mut paths = [p("a.txt"), p("a/b"), p("a"), p("a/b/c"), p("a b"), p("a-"), p("")];
        paths.sort();
        let shown: Vec<_> = paths.iter().map(RelPath::display).collect();
        assert_eq!(shown, ["", "a", "a/b", "a/b/c", "a b", "a-", "a.txt"]);
    }

    #[test]
    fn nothing_that_could_leave_the_root_is_a_path() {
        for bad in ["/etc", "a/", "a//b", "..", "a/../b", "./a", "a\0b"] {
            assert!(RelPath::try_from(bad).is_err(), "{bad:?}");
        }
        assert!(p("a").join(b"b/c").is_err());
        assert!(RelPath::new(b"caf\xe9/\xff".as_slice()).is_ok());
    }

    #[test]
    fn rebasing_moves_a_subtree_and_nothing_else() {
        assert_eq!(p("a/b/c").rebased(&p("a/b"), &p("x")), p("x/c"));
        assert_eq!(p("a/b").rebased(&p("a/b"), &p("x/y")), p("x/y"));
        assert_eq!(p("a/bc").rebased(&p("a/b"), &p("x")), p("a/bc"));
        assert_eq!(p("a").rebased(&RelPath::root(), &p("x")), p("x/a"));
    }

    #[test]
    fn no_name_can_forge_a_line() {
        let path = RelPath::new(b"a\nb\x1b[31m\\\xff\xe2\x80\xae".as_slice()).unwrap();
        assert_eq!(path.display(), "a\\nb\\u{1b}[31m\\\\\\xff\\u{202e}");
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for name in ["plain", "a\\b\n\r\t\u{1b}", "é\u{202e}'\"", "\\x41", "u{41}", ""] {
            assert_eq!(unshow(&show(name.as_bytes())).as_deref(), Some(name.as_bytes()), "{name:?}");
        }
        let bytes: Vec<u8> = (1..=255).collect();
        assert_eq!(unshow(&show(&bytes)), Some(bytes));
        for bad in ["\\", "\\q", "\\x4", "\\xzz", "\\u{110000}", "\\u41", "\\é"] {
            assert_eq!(unshow(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_its_parent_holds_a_path() {
        for path in ["a", "a/b", "a/b/c", "ab/c", "b"] {
            for dir in ["", "a", "a/b", "ab", "b"] {
                assert_eq!(p(path).is_right_in(&p(dir)), p(path).parent() == Some(p(dir)), "{path} {dir}");
            }
        }
        assert!(!RelPath::root().is_right_in(&RelPath::root()));
    }

    #[test]
    fn ancestors_end_at_the_root() {
        let all: Vec<_> = p("a/b/c").ancestors().collect();
        assert_eq!(all, [p("a/b"), p("a"), RelPath::root()]);
        assert_eq!(p("a/b").with_name(b"c").unwrap(), p("a/c"));
    }
}
