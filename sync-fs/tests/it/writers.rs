//! Whether somebody writes a file, asked while other programs have it open.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sync_core::path::RelPath;
use sync_fs::{Access, LocalOptions, LocalReplica};
use sync_replica::Replica;

const ASKED: &str = "BOTHWAYS_TEST_ASKED";

fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

/// Another program that has a file open, until this is dropped.
struct Other(Child);

impl Other {
    /// Runs it until it says that it is ready.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "{command:?}");
        Self(child)
    }

    fn shell(script: &str, dir: &Path) -> Self {
        Self::start(
            Command::new("sh").arg("-c").arg(format!("{script}; echo ready; read end")).current_dir(dir),
        )
    }

    /// Maps the file, writable and shared, and closes it; the mapping stays.
    fn mapped(dir: &Path) -> Self {
        let script = "import mmap, os, sys\n\
             fd = os.open('file', os.O_RDWR)\n\
             held = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)\n\
             os.close(fd)\n\
             print('ready', flush=True)\n\
             sys.stdin.read()";
        Self::start(Command::new("python3").arg("-c").arg(script).current_dir(dir))
    }

    /// Lets it end by itself, and waits for that.
    fn end(mut self) -> bool {
        drop(self.0.stdin.take());
        self.0.wait().is_ok()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn folder() -> (tempfile::TempDir, LocalReplica) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "content").unwrap();
    let replica = LocalReplica::open(LocalOptions::new(dir.path()), Access::ReadWrite).unwrap();
    (dir, replica)
}

fn ask(replica: &LocalReplica) -> Option<bool> {
    let entry = replica.look(&p("file")).unwrap().unwrap();
    replica.is_being_written(&p("file"), &entry).unwrap()
}

#[test]
fn other_programs_that_have_it_open_for_writing_are_noticed() {
    let (dir, replica) = folder();
    assert_eq!(ask(&replica), Some(false));
    let others: [(&str, &dyn Fn() -> Other, bool); 4] = [
        ("open for reading", &|| Other::shell("exec 3<file", dir.path()), false),
        ("open for appending", &|| Other::shell("exec 3>>file", dir.path()), true),
        ("open for both", &|| Other::shell("exec 3<>file", dir.path()), true),
        ("mapped", &|| Other::mapped(dir.path()), true),
    ];
    for (how, start, writes) in others {
        let other = start();
        for _ in 0..3 {
            assert_eq!(ask(&replica), Some(writes), "{how}");
        }
        assert!(other.end());
        assert_eq!(ask(&replica), Some(false), "after it was {how}");
    }
}

#[test]
fn whoever_comes_to_write_is_not_kept_out_and_ends_nobody() {
    let (dir, replica) = folder();
    let file = dir.path().join("file");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..200 {
                let mut open = fs::File::options().append(true).open(&file).unwrap();
                std::io::Write::write_all(&mut open, format!("{round}\n").as_bytes()).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let entry = replica.look(&p("file")).unwrap().unwrap();
            // It may have changed in between, which is said.
            let _ = replica.is_being_written(&p("file"), &entry);
        }
    });
    assert_eq!(ask(&replica), Some(false));
    assert!(fs::read_to_string(&file).unwrap().ends_with("199\n"));
}

/// What a user is told of somebody else's file: run again as that user.
#[test]
fn of_a_file_of_somebody_else_nothing_is_told() {
    if let Ok(root) = std::env::var(ASKED) {
        let replica = LocalReplica::open(LocalOptions::new(root), Access::ReadOnly).unwrap();
        assert_eq!(ask(&replica), None);
        return println!("asked");
    }
    if !rustix::process::geteuid().is_root() {
        return println!("not tried: only root has files that are somebody else's");
    }
    let (dir, replica) = folder();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let _writer = Other::shell("exec 3>>file", dir.path());
    assert_eq!(ask(&replica), Some(true));
    let this = "writers::of_a_file_of_somebody_else_nothing_is_told";
    let program = dir.path().join("asks");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let asked = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all"])
        .arg(&program)
        .args(["--exact", this, "--nocapture"])
        .env(ASKED, dir.path())
        .output();
    match asked {
        Err(error) => println!("not tried: setpriv cannot be run ({error})"),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("asked"), "{told}{output:?}");
        }
    }
}
