//! Where the state of a pair goes when nobody says.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder for the state of the pair of these two roots: a readable name with a short hash, in the place where
/// the platform keeps the state of programs.
///
/// It is the same however the roots are spelled, as long as they lead to the same folders. A user without a home
/// folder, as some services are, gets the place for programs of the whole system.
pub fn default_state_dir(left: &Path, right: &Path) -> PathBuf {
    let base = base(|name| std::env::var_os(name), std::env::home_dir());
    base.join("bothways").join(pair_name(&settled(left), &settled(right)))
}

#[cfg(not(windows))]
fn base(env: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> PathBuf {
    // A relative XDG_STATE_HOME is to be ignored, says the specification.
    let named = env("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || home.filter(|home| home.is_absolute()).map(|home| home.join(".local").join("state"));
    named.or_else(home).unwrap_or_else(|| PathBuf::from("/var/lib"))
}

#[cfg(windows)]
fn base(env: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> PathBuf {
    let named = env("LOCALAPPDATA").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || home.filter(|home| home.is_absolute()).map(|home| home.join("AppData").join("Local"));
    named.or_else(home).unwrap_or_else(|| PathBuf::from(r"C:\ProgramData"))
}

/// The path without links, as far as it exists.
fn settled(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
            // With a separator at the end, as joining nothing leaves one: a root has one name, there or away.
            return real.join(rest).join("");
        }
    }
    path
}

fn pair_name(left: &Path, right: &Path) -> String {
    let mut hash = blake3::Hasher::new();
    for root in [left, right] {
        let bytes = root.as_os_str().as_encoded_bytes();
        // The length keeps two pairs apart whose paths read the same in a row.
        hash.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
    let hash = hash.finalize().to_hex();
    format!("{}+{}-{}", plain_name(left), plain_name(right), &hash[..10])
}

/// The last component of a path in letters that every file system and shell takes.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().map_or_else(|| "root".into(), |name| name.to_string_lossy());
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).take(24).collect();
    // A device name of Windows would be harmless here too: the `+` makes it another name.
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_its_own_readable_name() {
        let name = |left: &str, right: &str| pair_name(Path::new(left), Path::new(right));
        let one = name("/data/office docs", "/mnt/p");
        assert!(one.starts_with("office_docs+p-"), "{one}");
        assert_eq!(one, name("/data/office docs", "/mnt/p"));
        assert_ne!(one, name("/mnt/p", "/data/office docs"));
        assert_ne!(name("/ab", "/c"), name("/a", "/bc"));
        assert!(name("/", "/x").starts_with("root+x-"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_root_leads_to_the_same_state() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", temp.path().join("link")).unwrap();
        assert_eq!(settled(&temp.path().join("link")), settled(&temp.path().join("real")));
        // What is not there yet keeps its name below what is.
        assert_eq!(settled(&temp.path().join("link/a/b")), settled(&temp.path().join("real")).join("a/b"));
    }

    #[test]
    fn a_root_that_is_away_leads_to_the_same_state() {
        let temp = tempfile::tempdir().unwrap();
        let (left, right) = (temp.path().join("left"), temp.path().join("right"));
        std::fs::create_dir(&left).unwrap();
        let away = default_state_dir(&left, &right);
        std::fs::create_dir(&right).unwrap();
        assert_eq!(default_state_dir(&left, &right), away);
    }

    #[cfg(unix)]
    #[test]
    fn the_platform_says_where() {
        let home = Some(PathBuf::from("/home/anna"));
        assert_eq!(base(|_| None, home.clone()), Path::new("/home/anna/.local/state"));
        assert_eq!(base(|_| Some("/s".into()), home.clone()), Path::new("/s"));
        assert_eq!(base(|_| Some("relative".into()), home), Path::new("/home/anna/.local/state"));
        assert_eq!(base(|_| None, None), Path::new("/var/lib"));
    }
}
