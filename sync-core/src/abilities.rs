//! What a side was measured to be able to hold.
//!
//! Owns [`Abilities`] and [`NameRules`]. Comparison follows from what was measured, never from a file system's
//! name. Measuring is not done here.

use alloc::string::String;

use crate::fold::Equivalence;
use crate::path::show;

/// Which family of attributes a side keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AttributeKind {
    /// None that can be set and read back.
    #[default]
    None,
    /// Permission bits.
    Unix,
    /// Read-only, hidden, system, archive.
    Windows,
}

/// What one side can do, measured when its identity is first seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Abilities {
    /// The spellings it does not tell apart.
    pub equivalence: Equivalence,
    /// Whether it shows every name as it was given. One that shows them all in one case, say, has no spelling.
    pub shows_spelling: bool,
    /// The step of the modification times it keeps, in nanoseconds (1 on ext4, 100 on NTFS, 2 s on FAT).
    pub mtime_precision_ns: u64,
    /// Whether a modification time that is set stays as it was set.
    pub keeps_mtime: bool,
    /// The attributes it keeps.
    pub attributes: AttributeKind,
    /// Whether it keeps extended attributes.
    pub xattrs: bool,
    /// Whether it can hold symbolic links.
    pub symlinks: bool,
    /// Whether it can give one file two names.
    pub hard_links: bool,
    /// Whether it can copy by sharing blocks.
    pub reflinks: bool,
    /// Whether it can exchange two names in one step.
    pub exchange: bool,
    /// Whether its file numbers stay the same as long as the file does.
    pub file_ids: bool,
    /// Whether it tells when anything about a file last changed.
    pub ctimes: bool,
    /// The names it can hold.
    pub names: NameRules,
}

impl Abilities {
    /// A side that can do everything, as ext4 nearly can; the start for tests and for probes.
    pub const FULL: Self = Self {
        equivalence: Equivalence::EXACT,
        shows_spelling: true,
        mtime_precision_ns: 1,
        keeps_mtime: true,
        attributes: AttributeKind::Unix,
        xattrs: true,
        symlinks: true,
        hard_links: true,
        reflinks: false,
        exchange: true,
        file_ids: true,
        ctimes: true,
        names: NameRules::ANY,
    };
}

/// The names a side can hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NameRules {
    /// Windows' rules: no `<>:"|?*\`, no control characters, no trailing dot or space, no device names.
    pub windows: bool,
    /// Only names that are UTF-8.
    pub utf8_only: bool,
    /// The longest name in bytes.
    pub max_bytes: u16,
    /// The longest name in UTF-16 units.
    pub max_utf16: u16,
}

impl NameRules {
    /// Anything Linux allows.
    pub const ANY: Self = Self { windows: false, utf8_only: false, max_bytes: 255, max_utf16: u16::MAX };

    /// What Win32 allows.
    pub const WINDOWS: Self = Self { windows: true, utf8_only: false, max_bytes: u16::MAX, max_utf16: 255 };

    /// Whether a side with these rules can hold `name`; if not, in words.
    pub fn check(&self, name: &[u8]) -> Result<(), String> {
        let fail = |why: &str| Err(alloc::format!("`{}` {why}", show(name)));
        if name.len() > usize::from(self.max_bytes) {
            return fail("is too long");
        }
        let text = core::str::from_utf8(name);
        if self.utf8_only && text.is_err() {
            return fail("is not UTF-8");
        }
        if self.max_utf16 != u16::MAX {
            let units: usize = match text {
                Ok(text) => text.encode_utf16().count(),
                Err(_) => name.len(),
            };
            if units > usize::from(self.max_utf16) {
                return fail("is too long");
            }
        }
        if self.windows {
            if let Some(c) = name.iter().find(|c| c.is_ascii_control() || b"<>:\"|?*\\".contains(c)) {
                return fail(&alloc::format!("has the character `{}`", c.escape_ascii()));
            }
            if name.ends_with(b".") || name.ends_with(b" ") {
                return fail("ends in a dot or a space");
            }
            if is_device_name(name) {
                return fail("is a device name");
            }
        }
        Ok(())
    }
}

/// `CON`, `nul.txt`, `COM1` and their like, which Windows keeps for devices.
fn is_device_name(name: &[u8]) -> bool {
    let stem = name.split(|c| *c == b'.').next().unwrap_or_default().trim_ascii_end();
    let numbered = |prefix: &[u8]| {
        stem.len() == 4
            && stem[..3].eq_ignore_ascii_case(prefix)
            && stem[3].is_ascii_digit()
            && stem[3] != b'0'
    };
    [b"con".as_slice(), b"prn", b"aux", b"nul"].iter().any(|device| stem.eq_ignore_ascii_case(device))
        || numbered(b"com")
        || numbered(b"lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_names() {
        let bad = ["a:b", "a?", "con", "NUL.txt", "com1.log", "end.", "end ", "a\\b", "tab\t"];
        for name in bad {
            assert!(NameRules::WINDOWS.check(name.as_bytes()).is_err(), "{name:?}");
            assert!(NameRules::ANY.check(name.as_bytes()).is_ok(), "{name:?}");
        }
        for name in ["console", "com0", "com12", "a.b.c", ".hidden", "lpt"] {
            assert!(NameRules::WINDOWS.check(name.as_bytes()).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_the_sides_own_unit() {
        let name = "é".repeat(200);
        assert!(NameRules::ANY.check(name.as_bytes()).is_err());
        assert!(NameRules::WINDOWS.check(name.as_bytes()).is_ok());
        assert!(NameRules { utf8_only: true, ..NameRules::ANY }.check(b"\xff").is_err());
    }
}
