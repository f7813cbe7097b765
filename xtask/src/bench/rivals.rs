//! The live session beside other programs that keep two folders the same, in one run.
//!
//! Owns how each of them is called: with the shortest rest that it allows, with this machine alone, on a pair of trees
//! of its own that are the same at the start. They take turns; none runs while another is measured. One that is not
//! installed is named as not measured. Debian has all of them; `cargo xtask setup` installs unison alone.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::latency::{AtWork, Pair, Spent, at, burst, edit};
use super::live::{BURST_FILES, IDLE, Options, PATIENCE};
use super::place::Place;
use crate::shell;
use crate::tree::{Layout, Sizes};

/// How long a program may take until it is at work.
const READY: Duration = Duration::from_mins(15);

/// Another program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Rival {
    /// From left to right alone, by local copies, without a delay
    Lsyncd,
    /// Two instances on the loopback, without discovery, relays or reports
    Syncthing,
    /// Every second, and where its watcher is there, by that
    Unison,
}

/// One way to keep two folders the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Bothways,
    Lsyncd,
    Syncthing,
    UnisonEverySecond,
    UnisonWatching,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Bothways => "bothways run",
            Self::Lsyncd => "lsyncd -direct -delay 0 (one way)",
            Self::Syncthing => "syncthing, a pair, fsWatcherDelayS 1",
            Self::UnisonEverySecond => "unison -repeat 1",
            Self::UnisonWatching => "unison -repeat watch",
        }
    }

    /// The programs that it takes.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Bothways => &[],
            Self::Lsyncd => &["lsyncd"],
            Self::Syncthing => &["syncthing"],
            Self::UnisonEverySecond => &["unison"],
            Self::UnisonWatching => &["unison", "unison-fsmonitor"],
        }
    }
}

struct Row {
    way: Way,
    found: Result<Found, String>,
}

struct Found {
    median: Duration,
    p99: Duration,
    burst: Duration,
    /// Of one core, with nothing to do.
    idle: f64,
}

pub(super) fn run(options: &Options, binary: PathBuf) -> Result<()> {
    let files = options.files();
    let mut ways = vec![Way::Bothways];
    for rival in &options.against {
        ways.extend(match rival {
            Rival::Lsyncd => &[Way::Lsyncd][..],
            Rival::Syncthing => &[Way::Syncthing],
            Rival::Unison => &[Way::UnisonEverySecond, Way::UnisonWatching],
        });
    }
    let Some(place) = Place::new(options.dir.as_deref(), options.image, false, files * 3, files * 21_000)?
    else {
        return Ok(());
    };
    let layout = Layout::new(files, options.seed, Sizes::Office);
    let mut rows = Vec::new();
    for way in ways {
        let missing: Vec<&str> = way.needs().iter().copied().filter(|name| !shell::in_path(name)).collect();
        if !missing.is_empty() {
            rows.push(Row {
                way,
                found: Err(format!("not measured: {} is not installed", missing.join(", "))),
            });
            continue;
        }
        eprintln!("{}: two trees of {files} files", way.name());
        let home = place.path().join("one");
        fs::create_dir_all(&home)?;
        // A program that fails is a line of the table, and the others are measured all the same.
        let found = one(way, options, &layout, &binary, &home).map_err(|error| format!("failed: {error:#}"));
        if let Err(why) = &found {
            eprintln!("{}: {why}\n{}", way.name(), last_words(&home));
        }
        fs::remove_dir_all(&home)?;
        rows.push(Row { way, found });
    }
    if options.json {
        return print_json(options, &rows);
    }
    println!(
        "{files} files a side, {} single edits, then {} at once",
        options.edits,
        BURST_FILES.min(usize::try_from(files)? / 4)
    );
    println!("{:<38} {:>10} {:>10} {:>10} {:>8}", "milliseconds", "median", "99 %", "at once", "idle %");
    for row in &rows {
        match &row.found {
            Ok(found) => println!(
                "{:<38} {:>10.1} {:>10.1} {:>10.1} {:>8.2}",
                row.way.name(),
                found.median.as_secs_f64() * 1e3,
                found.p99.as_secs_f64() * 1e3,
                found.burst.as_secs_f64() * 1e3,
                found.idle * 100.0
            ),
            Err(why) => println!("{:<38} {why}", row.way.name()),
        }
    }
    Ok(())
}

/// The end of what a program printed.
fn last_words(home: &Path) -> String {
    let logs = ["output.log", "one/output.log", "other/output.log"];
    let texts = logs.iter().filter_map(|log| fs::read(home.join(log)).ok());
    texts
        .map(|text| String::from_utf8_lossy(&text[text.len().saturating_sub(1_000)..]).into_owned())
        .collect()
}

fn print_json(options: &Options, rows: &[Row]) -> Result<()> {
    let listed: Vec<_> = rows
        .iter()
        .map(|row| match &row.found {
            Ok(found) => json!({
                "program": row.way.name(), "median_ms": found.median.as_secs_f64() * 1e3,
                "p99_ms": found.p99.as_secs_f64() * 1e3, "at_once_ms": found.burst.as_secs_f64() * 1e3,
                "idle_share": found.idle,
            }),
            Err(why) => json!({"program": row.way.name(), "not_measured": why}),
        })
        .collect();
    let document = json!({"files": options.files(), "edits": options.edits, "rows": listed});
    println!("{}", serde_json::to_string_pretty(&document)?);
    Ok(())
}

fn one(way: Way, options: &Options, layout: &Layout, binary: &Path, home: &Path) -> Result<Found> {
    let pair = Pair { left: home.join("left"), right: home.join("right") };
    for side in [&pair.left, &pair.right] {
        layout.build(side)?;
    }
    let mut at_work = start(way, &pair, binary, home)?;
    let edited = layout.some_files(options.edits.max(BURST_FILES));
    // A new file, which nobody can take for one that both sides changed before it knew them.
    edit(&pair, "the first.txt", "first", READY)?;
    let mut taken = Vec::with_capacity(options.edits);
    for (number, path) in edited.iter().take(options.edits).enumerate() {
        taken.push(edit(&pair, path, &format!("edit {number}"), PATIENCE)?);
    }
    taken.sort_unstable();
    // So large a share of a small tree would be no ordinary change: Bothways' guard would ask a person.
    let at_once = BURST_FILES.min(usize::try_from(options.files())? / 4);
    let burst = burst(&pair, &edited[..at_once.min(edited.len())], PATIENCE * 3)?;
    std::thread::sleep(Duration::from_secs(3));
    let cpu = |at_work: &[AtWork]| -> Result<Duration> {
        at_work.iter().map(|one| Ok(Spent::of(one.0.id())?.cpu)).sum()
    };
    let before = cpu(&at_work)?;
    std::thread::sleep(IDLE);
    let idle = cpu(&at_work)?.saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
    for one in &mut at_work {
        one.still_there()?;
    }
    Ok(Found { median: at(&taken, 0.5), p99: at(&taken, 0.99), burst, idle })
}

fn start(way: Way, pair: &Pair, binary: &Path, home: &Path) -> Result<Vec<AtWork>> {
    let unison = |repeat: &str| {
        let mut command = Command::new("unison");
        command
            .args([&pair.left, &pair.right])
            .args(["-ui", "text", "-batch", "-auto", "-times", "-perms", "-1"]);
        command.args(["-repeat", repeat]).env("UNISON", home.join("unison"));
        command
    };
    let command = match way {
        Way::Bothways => {
            let mut command = Command::new(binary);
            command
                .args(["run", "-qq"])
                .args([&pair.left, &pair.right])
                .arg("--state")
                .arg(home.join("memory"));
            command.env_remove("BOTHWAYS_CONFIG");
            command
        }
        Way::Lsyncd => {
            let mut command = Command::new("lsyncd");
            command.args(["-nodaemon", "-delay", "0", "-direct"]).args([&pair.left, &pair.right]);
            command
        }
        Way::UnisonEverySecond => unison("1"),
        Way::UnisonWatching => unison("watch"),
        Way::Syncthing => return two_instances(pair, home),
    };
    Ok(vec![spawn(command, &home.join("output.log"))?])
}

fn spawn(mut command: Command, log: &Path) -> Result<AtWork> {
    let log = fs::File::create(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let shown = shell::show(&command);
    Ok(AtWork(command.spawn().with_context(|| format!("cannot start `{shown}`"))?))
}

/// One of the two instances, before it runs.
struct Instance {
    home: PathBuf,
    root: PathBuf,
    id: String,
    port: u16,
}

fn two_instances(pair: &Pair, home: &Path) -> Result<Vec<AtWork>> {
    let make = |name: &str, root: &Path| -> Result<Instance> {
        let own = home.join(name);
        let home_is = format!("--home={}", own.display());
        // Keys and an id; the configuration that comes with them is written over.
        shell::output(Command::new("syncthing").args(["generate", "--no-default-folder", &home_is]))?;
        let id = shell::output(Command::new("syncthing").args(["--device-id", &home_is]))?.trim().to_owned();
        ensure!(id.len() > 20, "syncthing told no device id: `{id}`");
        // The system picks one that is free now.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // Without this mark it takes the folder for one that is away.
        fs::create_dir_all(root.join(".stfolder"))?;
        Ok(Instance { home: own, root: root.to_owned(), id, port })
    };
    let both = [make("one", &pair.left)?, make("other", &pair.right)?];
    both.iter()
        .map(|own| {
            fs::write(own.home.join("config.xml"), configuration(own, &both))?;
            let mut command = Command::new("syncthing");
            command.args(["serve", "--no-browser", "--no-restart", "--no-upgrade"]);
            command.arg(format!("--home={}", own.home.display()));
            // Without the second process that would start it again.
            command.envs([("STMONITORED", "yes"), ("STNOUPGRADE", "1"), ("STNODEFAULTFOLDER", "1")]);
            spawn(command, &own.home.join("output.log"))
        })
        .collect()
}

fn configuration(own: &Instance, both: &[Instance; 2]) -> String {
    // Writing to a text cannot fail.
    let (mut members, mut devices) = (String::new(), String::new());
    for Instance { id, port, .. } in both {
        let _ = write!(members, "<device id=\"{id}\"/>");
        let _ = writeln!(
            devices,
            "<device id=\"{id}\" name=\"{port}\" compression=\"never\"><address>tcp://127.0.0.1:{port}</address></device>"
        );
    }
    format!(
        "<configuration version=\"35\">\n\
         <folder id=\"one\" label=\"one\" path=\"{}\" type=\"sendreceive\" rescanIntervalS=\"3600\" \
         fsWatcherEnabled=\"true\" fsWatcherDelayS=\"1\">{members}<minDiskFree unit=\"\">0</minDiskFree></folder>\n\
         {devices}<gui enabled=\"false\"></gui>\n<options>\n\
         <listenAddress>tcp://127.0.0.1:{}</listenAddress>\n\
         <globalAnnounceEnabled>false</globalAnnounceEnabled>\n<localAnnounceEnabled>false</localAnnounceEnabled>\n\
         <relaysEnabled>false</relaysEnabled>\n<natEnabled>false</natEnabled>\n<urAccepted>-1</urAccepted>\n\
         <crashReportingEnabled>false</crashReportingEnabled>\n<autoUpgradeIntervalH>0</autoUpgradeIntervalH>\n\
         <startBrowser>false</startBrowser>\n<stunKeepaliveStartS>0</stunKeepaliveStartS>\n\
         <announceLANAddresses>false</announceLANAddresses>\n<reconnectionIntervalS>1</reconnectionIntervalS>\n\
         </options>\n</configuration>\n",
        own.root.display(),
        own.port
    )
}
