//! The Python module: its wheel, its tests, its types.
//!
//! Owns how the wheel is built and how large it may be. Everything that is made lies below cargo's target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

/// The largest wheel, in bytes.
const LARGEST: u64 = 8_000_000;

/// How long the tests may take, on a busy machine too.
const LONGEST: Duration = Duration::from_mins(10);
/// After how many seconds one test is taken to hang: it is told where, and the run ends.
const LONGEST_TEST: &str = "120";

/// Builds the wheel, installs it into a clean environment, and runs what tests it there.
pub(crate) fn run() -> Result<()> {
    let installed = installed()?;
    let source = shell::root().join("sync-py");
    println!("-- pytest");
    let hangs = format!("faulthandler_timeout={LONGEST_TEST}");
    let options = ["-m", "pytest", "--quiet", "-o", &hangs, "-o", "faulthandler_exit_on_timeout=true"];
    shell::run_within(installed.python()?.args(options).current_dir(&source), LONGEST)?;
    println!("-- stubtest");
    let stubs = ["-m", "mypy.stubtest", "bothways", "--ignore-disjoint-bases"];
    shell::run(installed.python()?.args(stubs).current_dir(&installed.elsewhere))?;
    println!("-- mypy");
    let config = source.join("pyproject.toml");
    let check = |what: &[&str]| {
        let mut mypy = installed.python()?;
        mypy.args(["-m", "mypy", "--config-file"]).arg(&config).args(what);
        shell::run(mypy.current_dir(source.join("examples")))
    };
    check(&["-p", "bothways"])?;
    check(&["tour.py", "own_script/main.py"])
}

/// `cargo xtask bench python`.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    let script = shell::root().join("sync-py/benches/plan.py");
    shell::run(installed()?.python()?.arg(script).args(arguments))
}

/// An environment that holds the wheel and nothing else.
struct Installed {
    python: PathBuf,
    /// Where pytest and mypy are.
    tools: PathBuf,
    /// A folder in which no source can be taken for the module.
    elsewhere: PathBuf,
}

impl Installed {
    /// Its interpreter, with the tools within reach.
    fn python(&self) -> Result<Command> {
        let mut command = Command::new(&self.python);
        command.env("PYTHONPATH", &self.tools).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("MYPY_CACHE_DIR", self.elsewhere.join("mypy"));
        Ok(command)
    }
}

fn installed() -> Result<Installed> {
    setup::require_python_packages()?;
    let target = shell::target_dir()?;
    let tools = setup::python_dir()?;
    let out = target.join("wheel");
    if out.exists() {
        std::fs::remove_dir_all(&out).with_context(|| format!("cannot clear {}", out.display()))?;
    }
    shell::run(
        Command::new(tools.join("bin/maturin"))
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(shell::root().join("sync-py/Cargo.toml"))
            .arg("--out")
            .arg(&out)
            .env("CARGO_TARGET_DIR", &target),
    )?;
    let wheel = the_wheel_in(&out)?;
    let size = std::fs::metadata(&wheel)?.len();
    println!("{} has {:.1} MB", wheel.file_name().unwrap_or_default().display(), size as f64 / 1e6);
    if size > LARGEST {
        bail!("the wheel has {size} bytes, and may have {LARGEST}");
    }
    if !wheel.to_string_lossy().contains("-cp39-abi3-") {
        bail!("`{}` is not for Python 3.9 and all later ones", wheel.display());
    }
    let clean = target.join("python-clean");
    shell::run(Command::new(tools.join("bin/python")).args(["-m", "venv", "--clear"]).arg(&clean))?;
    let python = clean.join("bin/python");
    let install = ["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"];
    shell::run(Command::new(&python).args(install).arg(&wheel))?;
    // Without the tools: it must need nothing.
    let hello =
        "import bothways; assert len(bothways.matrix()) == 33; print('bothways', bothways.__version__)";
    shell::run(Command::new(&python).args(["-I", "-c", hello]))?;
    let site = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let tools = shell::output(Command::new(tools.join("bin/python")).args(["-c", site]))?;
    Ok(Installed { python, tools: PathBuf::from(tools.trim()), elsewhere: out })
}

fn the_wheel_in(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "whl") {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([wheel]) => Ok(wheel),
        Err(found) => bail!("{} wheels in {}", found.len(), folder.display()),
    }
}
