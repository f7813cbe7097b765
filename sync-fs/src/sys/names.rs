//! Names on Windows: WTF-8 bytes to and from what the system takes.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

/// The bytes of a name the system gave.
pub(crate) fn name_bytes(name: &OsStr) -> Cow<'_, [u8]> {
    // On Windows this encoding is WTF-8.
    Cow::Borrowed(name.as_encoded_bytes())
}

/// A path from bytes with `/` between components. Bytes that no name on Windows can have give a path that no call
/// takes, so that they are refused and never mangled.
pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    bytes.split(|b| *b == b'/').map(component).collect()
}

/// One name, which must not lead anywhere but to itself.
fn component(name: &[u8]) -> OsString {
    let leads_elsewhere = name.iter().any(|b| matches!(b, b'\\' | b':' | 0));
    match decode(name) {
        Some(units) if !leads_elsewhere => OsString::from_wide(&units),
        _ => OsString::from("\0"),
    }
}

/// WTF-8 to UTF-16; none where it is not WTF-8.
fn decode(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, tail @ ..] = rest {
            // A lone surrogate, which UTF-8 has no place for.
            units.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
            rest = tail;
            continue;
        }
        let length = match first {
            0x00..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return None,
        };
        let text = std::str::from_utf8(rest.get(..length)?).ok()?;
        units.extend(text.encode_utf16());
        rest = &rest[length..];
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_windows_survives_the_way_there_and_back() {
        let lone = OsString::from_wide(&[u16::from(b'a'), 0xd800, 0xe9]);
        for name in [OsString::from("plain"), OsString::from("ä\u{1f600}"), lone] {
            assert_eq!(path_from_bytes(&name_bytes(&name)).as_os_str(), name);
        }
        assert_eq!(path_from_bytes(b"a/b"), PathBuf::from("a\\b"));
    }

    #[test]
    fn what_is_no_name_is_no_path() {
        for bad in [b"caf\xe9".as_slice(), b"a\\b", b"C:", b"a:stream", b"x/..\\y"] {
            assert!(path_from_bytes(bad).to_string_lossy().contains('\0'), "{bad:?}");
        }
    }
}
