//! Programs in C and C++ that use the library, each with both libraries, under AddressSanitizer and under valgrind.

use std::process::Command;

use crate::toolchain::{Linked, compile, installed, repository, succeed};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Checker {
    AddressSanitizer,
    Valgrind,
}

/// Whether a program gives back everything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaks {
    None,
    /// A call that was left by a jump keeps its memory.
    Some,
}

/// Runs a program in three fresh folders and returns what it printed.
fn run(source: &str, linked: Linked, checker: Checker, leaks: Leaks) -> String {
    let folder = tempfile::tempdir().unwrap();
    let sanitize: &[&str] = match checker {
        Checker::AddressSanitizer => &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        Checker::Valgrind => &[],
    };
    let program = compile(source, linked, sanitize, folder.path());
    let mut command = match checker {
        Checker::AddressSanitizer => Command::new(&program),
        Checker::Valgrind => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--quiet", "--error-exitcode=99", "--fair-sched=yes"]);
            if leaks == Leaks::None {
                valgrind.args(["--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible"]);
                let known = repository().join("sync-ffi/tests/c/valgrind.supp");
                valgrind.arg(format!("--suppressions={}", known.display()));
            }
            valgrind.arg(&program);
            valgrind
        }
    };
    for name in ["left", "right", "state"] {
        let made = folder.path().join(name);
        std::fs::create_dir(&made).unwrap();
        command.arg(made);
    }
    let detect = if leaks == Leaks::None { "detect_leaks=1" } else { "detect_leaks=0" };
    command.env("ASAN_OPTIONS", detect).env("LD_LIBRARY_PATH", installed().prefix.join("lib"));
    succeed(&mut command)
}

/// With both libraries, under both checkers.
fn everywhere(source: &str, leaks: Leaks, says: &str) {
    for linked in [Linked::Shared, Linked::Static] {
        for checker in [Checker::AddressSanitizer, Checker::Valgrind] {
            let said = run(source, linked, checker, leaks);
            assert!(said.contains(says), "{source}, {linked:?}, {checker:?}: {said}");
        }
    }
}

#[test]
fn the_example_makes_two_folders_the_same() {
    let says = "rule: deleted-right-changed-left (requirement 6.2.6)";
    everywhere("examples/c/sync_folders.c", Leaks::None, says);
}

#[test]
fn every_misuse_is_a_status() {
    everywhere("sync-ffi/tests/c/misuse.c", Leaks::None, "misuse: told");
}

#[test]
fn calls_do_what_they_say_and_stop_when_asked() {
    everywhere("sync-ffi/tests/c/calls.c", Leaks::None, "calls: fine");
}

#[test]
fn a_session_that_runs_answers() {
    everywhere("sync-ffi/tests/c/running.c", Leaks::None, "running: reached");
}

/// Forbidden, and yet it breaks nothing.
#[test]
fn a_longjmp_over_a_call_leaves_everything_usable() {
    everywhere("sync-ffi/tests/c/jump.c", Leaks::Some, "jump: survived");
}

#[test]
fn an_exception_of_the_caller_passes_through() {
    everywhere("sync-ffi/tests/c/throw.cpp", Leaks::None, "throw: caught");
}

/// A checker that finds nothing anywhere would pass everything above.
#[test]
fn the_checkers_find_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("wrong.c");
    let text = "#include <bothways.h>\n#include <stdlib.h>\nint main(void) {\n    \
                bothways_config *config = NULL;\n    bothways_config_new(&config);\n    \
                bothways_config_close(config);\n    char *volatile it = malloc(1);\n    free(it);\n    return it[0];\n}\n";
    std::fs::write(&source, text).unwrap();
    let flags = ["-fsanitize=address", "-Wno-use-after-free"];
    for linked in [Linked::Shared, Linked::Static] {
        let sanitized = compile(source.to_str().unwrap(), linked, &flags, folder.path());
        let libraries = installed().prefix.join("lib");
        let failed = Command::new(sanitized).env("LD_LIBRARY_PATH", &libraries).output().unwrap();
        assert!(String::from_utf8_lossy(&failed.stderr).contains("heap-use-after-free"));
        let plain = compile(source.to_str().unwrap(), linked, &flags[1..], folder.path());
        let failed = Command::new("valgrind")
            .args(["--quiet", "--error-exitcode=99"])
            .arg(plain)
            .env("LD_LIBRARY_PATH", &libraries)
            .status()
            .unwrap();
        assert_eq!(failed.code(), Some(99));
    }
}
