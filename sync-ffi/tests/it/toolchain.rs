//! The library in its place, and compiling against it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Where the library is installed, once for all tests.
pub(crate) struct Installed {
    _folder: tempfile::TempDir,
    pub(crate) prefix: PathBuf,
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("prefix");
        // Those that were built with this test lie beside it: another build would take minutes and be the same.
        let program = std::env::current_exe().unwrap();
        let mut install = xtask();
        install.current_dir(repository()).args(["install-c", "--from"]).arg(program.parent().unwrap());
        succeed(install.arg("--prefix").arg(&prefix));
        // Linkers and valgrind would read some hundred MiB of what only a debugger needs, once for every program.
        for library in ["libbothways.so", "libbothways.a"] {
            succeed(Command::new("strip").arg("--strip-debug").arg(prefix.join("lib").join(library)));
        }
        Installed { _folder: folder, prefix }
    })
}

/// `cargo xtask`: the very program that runs these tests, where it does, which need not be built again.
fn xtask() -> Command {
    if let Some(program) = std::env::var_os("BOTHWAYS_XTASK") {
        return Command::new(program);
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--package", "xtask", "--"]);
    cargo
}

/// Runs it to the end, and shows everything when it fails.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot start {command:?}: {error}; `cargo xtask setup` installs what is missing")
    });
    let Output { status, stdout, stderr } = output;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?} ended with {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// What pkg-config says, word by word.
pub(crate) fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(arguments).arg("bothways");
    command.env("PKG_CONFIG_PATH", installed().prefix.join("lib/pkgconfig"));
    succeed(&mut command).split_whitespace().map(ToOwned::to_owned).collect()
}

/// Which of the two libraries a program is linked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Linked {
    Shared,
    Static,
}

/// Compiles a program of the repository, with what pkg-config says, into `folder`.
pub(crate) fn compile(source: &str, linked: Linked, more: &[&str], folder: &Path) -> PathBuf {
    let source = repository().join(source);
    let is_cpp = source.extension().is_some_and(|end| end == "cpp");
    let program = folder.join(source.file_stem().unwrap());
    let mut command = Command::new(if is_cpp { "g++" } else { "gcc" });
    command.arg(if is_cpp { "-std=c++11" } else { "-std=gnu99" });
    command.args(["-g", "-O1", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror"]).args(more);
    command.args(pkg_config(&["--cflags"])).arg(&source).arg("-o").arg(&program);
    match linked {
        Linked::Shared => command.args(pkg_config(&["--libs"])),
        // Of the two that lie there, the static one.
        Linked::Static => {
            command.args(pkg_config(&["--static", "--libs"]).into_iter().map(|word| match word.as_str() {
                "-lbothways" => "-l:libbothways.a".to_owned(),
                _ => word,
            }))
        }
    };
    succeed(command.arg("-lpthread"));
    let needs = succeed(Command::new("readelf").arg("--dynamic").arg(&program));
    assert_eq!(needs.contains("libbothways.so.0"), linked == Linked::Shared, "{needs}");
    program
}
