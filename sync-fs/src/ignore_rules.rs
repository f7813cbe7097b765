//! The filter that a configuration describes.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_replica::Filter;

use crate::sys::path_from_bytes;

/// What a configuration says about ignoring.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IgnoreSpec {
    /// Endings without their dot, in any case: files only.
    pub extensions: Vec<String>,
    /// Beginnings of file names.
    pub filenames_prefix: Vec<String>,
    /// Whole file names, in any case.
    pub filenames_exact: Vec<String>,
    /// Globs as in a `.gitignore` in the root.
    pub globs: Vec<String>,
    /// Whether files whose content is not text are ignored.
    pub text_only: bool,
}

/// A glob that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreError {
    /// One of the globs.
    #[error("the glob `{glob}` cannot be understood: {source}")]
    Glob {
        /// As it was given.
        glob: String,
        /// Why.
        source: ignore::Error,
    },
    /// All of them together.
    #[error("the globs cannot be used together: {source}")]
    Globs {
        /// Why.
        source: ignore::Error,
    },
}

/// Hides what an [`IgnoreSpec`] names.
#[derive(Debug)]
pub struct IgnoreRules {
    extensions: Vec<Box<[u8]>>,
    prefixes: Vec<Box<[u8]>>,
    exact: Vec<String>,
    globs: Option<Gitignore>,
    text_only: bool,
}

impl IgnoreRules {
    /// Makes the rules, or names the glob that is wrong.
    pub fn new(spec: &IgnoreSpec) -> Result<Self, IgnoreError> {
        let mut builder = GitignoreBuilder::new("");
        builder.allow_unclosed_class(false);
        for glob in &spec.globs {
            builder
                .add_line(None, glob)
                .map_err(|source| IgnoreError::Glob { glob: glob.clone(), source })?;
        }
        let globs = builder.build().map_err(|source| IgnoreError::Globs { source })?;
        let bytes = |text: &String| text.trim_start_matches('.').as_bytes().into();
        Ok(Self {
            extensions: spec.extensions.iter().filter(|text| !text.is_empty()).map(bytes).collect(),
            prefixes: spec
                .filenames_prefix
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| text.as_bytes().into())
                .collect(),
            exact: spec.filenames_exact.iter().map(|name| name.to_lowercase()).collect(),
            globs: (!globs.is_empty()).then_some(globs),
            text_only: spec.text_only,
        })
    }

    fn by_name(&self, name: &[u8]) -> bool {
        let ending = |extension: &[u8]| {
            name.len() > extension.len() + 1
                && name[name.len() - extension.len() - 1] == b'.'
                && name[name.len() - extension.len()..].eq_ignore_ascii_case(extension)
        };
        self.prefixes.iter().any(|prefix| name.starts_with(prefix))
            || self.extensions.iter().any(|extension| ending(extension))
            || (!self.exact.is_empty() && self.is_exact(name))
    }

    fn is_exact(&self, name: &[u8]) -> bool {
        if name.is_ascii() {
            return self.exact.iter().any(|exact| exact.as_bytes().eq_ignore_ascii_case(name));
        }
        std::str::from_utf8(name).is_ok_and(|name| self.exact.contains(&name.to_lowercase()))
    }
}

impl Filter for IgnoreRules {
    fn hides(&self, parent: &RelPath, name: &[u8], kind: Kind) -> bool {
        if kind != Kind::Dir && self.by_name(name) {
            return true;
        }
        let Some(globs) = &self.globs else { return false };
        let name = path_from_bytes(name);
        let path: PathBuf =
            if parent.is_root() { name } else { path_from_bytes(parent.as_bytes()).join(name) };
        globs.matched(Path::new(&path), kind == Kind::Dir).is_ignore()
    }

    fn text_only(&self) -> bool {
        self.text_only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn each_kind_of_rule_hides_what_it_names() {
        let rules = IgnoreRules::new(&IgnoreSpec {
            extensions: strings(&["tmp", ".Part"]),
            filenames_prefix: strings(&["~$"]),
            filenames_exact: strings(&["Thumbs.db", "ÄRGER.txt"]),
            globs: strings(&["*.log", "!keep.log", "/build/", "docs/**/draft-*"]),
            text_only: false,
        })
        .unwrap();
        let hides = |path: &str, kind| {
            let path = RelPath::try_from(path).unwrap();
            rules.hides(&path.parent().unwrap(), path.name(), kind)
        };
        let hidden = [
            "a.tmp",
            "b/A.TMP",
            "x.part",
            "~$report.docx",
            "deep/thumbs.DB",
            "ärger.TXT",
            "a.log",
            "b/c.log",
            "docs/x/y/draft-1",
        ];
        for path in hidden {
            assert!(hides(path, Kind::File), "{path}");
        }
        for path in ["tmp", ".tmp", "atmp", "x.tmp.txt", "keep.log", "a~$b", "build", "sub/build", "draft-1"]
        {
            assert!(!hides(path, Kind::File), "{path}");
        }
        assert!(hides("build", Kind::Dir) && !hides("sub/build", Kind::Dir));
        assert!(!hides("x.tmp", Kind::Dir), "an ending is a rule for files");
    }

    #[test]
    fn a_bad_glob_is_named() {
        let spec = IgnoreSpec { globs: strings(&["fine", "a[b"]), ..IgnoreSpec::default() };
        let words = IgnoreRules::new(&spec).unwrap_err().to_string();
        assert!(words.contains("a[b"), "{words}");
    }

    #[test]
    #[cfg(unix)]
    fn a_name_that_is_no_text_is_matched_too() {
        let rules = IgnoreRules::new(&IgnoreSpec {
            extensions: strings(&["tmp"]),
            globs: strings(&["*.log"]),
            ..IgnoreSpec::default()
        })
        .unwrap();
        assert!(rules.hides(&RelPath::root(), b"\xff.tmp", Kind::File));
        assert!(rules.hides(&RelPath::root(), b"\xff.log", Kind::File));
        assert!(!rules.hides(&RelPath::root(), b"\xff.txt", Kind::File));
    }
}
