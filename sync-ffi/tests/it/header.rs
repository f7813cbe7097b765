//! The header is good C and C++, and says what the library has.

use std::collections::BTreeSet;
use std::process::Command;

use crate::toolchain::{installed, repository, succeed};

fn header() -> String {
    std::fs::read_to_string(repository().join("sync-ffi/include/bothways.h")).unwrap()
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let text = header();
    let code = text.lines().filter(|line| !line.starts_with(['/', ' ', '#', '*']) && line.contains('('));
    code.filter(|line| !line.starts_with("typedef"))
        .map(|line| line.split('(').next().unwrap().rsplit([' ', '*']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_language_takes_it() {
    for (compiler, language, standard) in [
        ("gcc", "c", "c99"),
        ("gcc", "c", "c11"),
        ("gcc", "c", "c2x"),
        ("g++", "c++", "c++11"),
        ("g++", "c++", "c++20"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("alone");
        std::fs::write(&source, "#include <bothways.h>\n#include <bothways.h>\n").unwrap();
        let mut command = Command::new(compiler);
        command.args([
            "-x",
            language,
            &format!("-std={standard}"),
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Werror",
        ]);
        command.arg("-fsyntax-only").arg("-I").arg(repository().join("sync-ffi/include"));
        succeed(command.arg(source));
    }
}

/// Nothing else may be called by accident, and nothing that is declared is missing.
#[test]
fn the_shared_library_has_what_is_declared_and_nothing_else() {
    let library = installed().prefix.join("lib/libbothways.so");
    let text =
        succeed(Command::new("nm").args(["--dynamic", "--defined-only", "--format=posix"]).arg(library));
    let exported: BTreeSet<String> =
        text.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect();
    assert!(declared().len() > 30, "{:?}", declared());
    assert_eq!(exported, declared());
}

#[test]
fn pkg_config_knows_the_version() {
    let said = crate::toolchain::pkg_config(&["--modversion"]);
    assert_eq!(said, [env!("CARGO_PKG_VERSION")]);
}
