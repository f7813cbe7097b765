//! The session as a service: what the manager hears, and the unit it is started by.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::running::{Running, wait};
use super::schema;
use super::world::World;

/// A service manager that listens.
struct Listening {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Listening {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                all.lock().unwrap().push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
        });
        Self { heard }
    }

    /// What was heard since the given place, and where that ends.
    fn since(&self, place: usize) -> (Vec<String>, usize) {
        let heard = self.heard.lock().unwrap();
        (heard[place..].to_vec(), heard.len())
    }

    fn pings(&self) -> usize {
        self.since(0).0.iter().filter(|one| one.contains("WATCHDOG=1")).count()
    }

    /// Waits for a message with this in it, after the given place; where the next one begins.
    #[track_caller]
    fn hears(&self, place: usize, text: &str) -> usize {
        let mut found = None;
        wait(text, || {
            found = self.since(place).0.iter().position(|one| one.contains(text));
            found.is_some()
        });
        place + found.unwrap() + 1
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_manager_hears_how_the_session_stands_and_that_it_lives() {
    let world = World::new();
    let configure = |limit: &str| {
        let text =
            format!("left_root = 'left'\nright_root = 'right'\n[performance]\nbandwidth_limit = '{limit}'\n");
        fs::write(world.path("pair.toml"), text).unwrap();
    };
    configure("20 KB");
    // At that pace it takes minutes.
    fs::write(world.path("left/long.bin"), vec![1; 4_000_000]).unwrap();
    let manager = Listening::at(&world.path("notify"));
    let session = Running::configured(&world, |command| {
        command.env("NOTIFY_SOCKET", world.path("notify")).env("WATCHDOG_USEC", "400000");
    });
    let place = manager.hears(0, "READY=1");
    assert!(manager.since(0).0[place - 1].contains("STATUS=both folders are there"));
    let before = manager.pings();
    wait("signs of life during a long copy", || manager.pings() >= before + 5);
    assert!(!world.has("right/long.bin"), "the copy is under way all the time");

    configure("0");
    let place = manager.hears(place, "RELOADING=1");
    assert!(manager.since(0).0[place - 1].contains("MONOTONIC_USEC="), "{:?}", manager.since(0));
    let place = manager.hears(place, "READY=1");
    let place = manager.hears(place, "STATUS=changes are synced; last: ");

    // A process that does not run gives no sign.
    session.signal("-STOP");
    wait("what was on its way", || {
        let before = manager.pings();
        std::thread::sleep(Duration::from_millis(300));
        manager.pings() == before
    });
    let before = manager.pings();
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(manager.pings(), before, "it does not run");
    session.signal("-CONT");
    wait("signs of life again", || manager.pings() > before);

    // To wait is to live.
    fs::rename(world.path("right"), world.path("away")).unwrap();
    world.write("left/meanwhile.txt", "wakes it up");
    let place = manager.hears(place, "STATUS=waiting: ");
    let before = manager.pings();
    wait("signs of life while a folder is away", || manager.pings() >= before + 5);
    fs::rename(world.path("away"), world.path("right")).unwrap();
    let place = manager.hears(place, "READY=1");
    assert_eq!(session.stop().0, 0);
    manager.hears(place, "STOPPING=1");
    let words: Vec<_> = manager.since(0).0.into_iter().filter(|one| !one.contains("WATCHDOG=1")).collect();
    assert!(words[0].starts_with("READY=1"), "{words:?}");
    assert!(words.last().unwrap().starts_with("STOPPING=1"), "{words:?}");
}

fn configured(file: &str) -> World {
    let world = World::new();
    let roots = ["left", "right"].map(|side| world.path(side).display().to_string());
    fs::create_dir_all(world.path(file).parent().unwrap()).unwrap();
    fs::write(world.path(file), format!("left_root = '{}'\nright_root = '{}'\n", roots[0], roots[1]))
        .unwrap();
    world
}

#[test]
fn the_unit_that_is_printed_is_one() {
    let world = configured("office.toml");
    let printed = world.run(["service", "install", "--config", "office.toml", "--user", "root", "--print"]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    let unit = &printed.out;
    let left = world.path("left").display().to_string();
    for wanted in [
        "Type=notify\n".to_owned(),
        "ExecReload=/bin/kill -HUP $MAINPID\n".to_owned(),
        "StateDirectory=bothways-office\n".to_owned(),
        "NoNewPrivileges=yes\n".to_owned(),
        "CapabilityBoundingSet=\n".to_owned(),
        format!("ReadWritePaths=-\"{left}\"\n"),
        format!(
            "run --quiet --config \"{}\" --state \"/var/lib/bothways-office\"\n",
            world.path("office.toml").display()
        ),
        // The folders of this test lie there.
        "PrivateTmp=no\n".to_owned(),
    ] {
        assert!(unit.contains(&wanted), "{wanted} in\n{unit}");
    }
    let powerful = world.run(["service", "install", "--config", "office.toml", "--every-owner", "--print"]);
    assert!(powerful.out.contains("\nAmbientCapabilities=CAP_DAC_OVERRIDE CAP_FOWNER\n"), "{}", powerful.out);
    assert!(
        powerful.out.contains("u bothways-office - \"Bothways\" /var/lib/bothways-office -\n"),
        "{}",
        powerful.out
    );

    let (code, document) =
        world.json(["service", "install", "--config", "office.toml", "--user", "root", "--print"]);
    assert_eq!((code, document["unit"].as_str()), (0, Some(unit.as_str())));
    assert_eq!(schema::faults("service", &document), [""; 0]);

    // What systemd itself says of it: nothing.
    let file = world.path("bothways-office.service");
    fs::write(&file, unit).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output();
    let verified = verified.expect("systemd-analyze is there: `cargo xtask setup` installs it");
    let said = String::from_utf8_lossy(&verified.stderr);
    let about_it: Vec<_> = said.lines().filter(|line| line.contains("bothways-office")).collect();
    assert!(verified.status.success() && about_it.is_empty(), "{said}");
}

#[test]
fn services_live_side_by_side_and_a_foreign_unit_is_never_touched() {
    let world = configured("office.toml");
    fs::copy(world.path("office.toml"), world.path("home.toml")).unwrap();
    let service = |what: &str, config: &str, more: &[&str]| {
        world.run(["service", what, "--config", config, "--root", "image"].iter().chain(more).copied())
    };
    let units = world.path("image/etc/systemd/system");
    for config in ["office.toml", "home.toml"] {
        let made = service("install", config, &[]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert!(made.out.contains("It runs as the user `bothways-"), "{}", made.out);
        assert!(made.out.contains("setfacl") && made.out.contains("owners are not synced"), "{}", made.out);
    }
    let office = fs::read_to_string(units.join("bothways-office.service")).unwrap();
    assert!(units.join("bothways-home.service").is_file());
    assert!(world.path("image/etc/sysusers.d/bothways-office.conf").is_file());

    // Again, with another choice: it is ours.
    assert_eq!(service("install", "office.toml", &["--every-owner"]).code, 0);
    assert_ne!(fs::read_to_string(units.join("bothways-office.service")).unwrap(), office);

    // Of another configuration.
    fs::create_dir(world.path("other")).unwrap();
    fs::copy(world.path("office.toml"), world.path("other/office.toml")).unwrap();
    let taken = service("install", "other/office.toml", &[]);
    assert_eq!(taken.code, 2);
    assert!(
        taken.err.contains("belongs to another configuration") && taken.err.contains("--name"),
        "{}",
        taken.err
    );
    assert_eq!(service("install", "other/office.toml", &["--name", "bothways-other"]).code, 0);

    // Somebody's own.
    fs::write(units.join("bothways-office.service"), "[Service]\nExecStart=/bin/true\n").unwrap();
    for what in ["install", "uninstall", "start", "stop", "status"] {
        let foreign = service(what, "office.toml", &[]);
        assert_eq!(foreign.code, 2, "{what}");
        assert!(
            foreign.err.contains("was not made by Bothways and stays as it is"),
            "{what}: {}",
            foreign.err
        );
    }
    assert_eq!(
        fs::read_to_string(units.join("bothways-office.service")).unwrap(),
        "[Service]\nExecStart=/bin/true\n"
    );

    let gone = service("uninstall", "home.toml", &[]);
    assert_eq!(gone.code, 0, "{}", gone.err);
    assert!(!units.join("bothways-home.service").exists());
    assert!(!world.path("image/etc/sysusers.d/bothways-home.conf").exists());
    let none = service("uninstall", "home.toml", &[]);
    assert!(none.code == 2 && none.err.contains("there is no service `bothways-home`"), "{}", none.err);
}

#[test]
fn what_cannot_be_a_service_says_why() {
    let world = configured("office.toml");
    let none = world.run(["service", "install", "--print"]);
    assert!(none.code == 2 && none.err.contains("name it with `--config FILE`"), "{}", none.err);
    fs::write(world.path("bad.toml"), "left_root = 'a'\nright_root = 'b'\ntypo = 1\n").unwrap();
    let bad = world.run(["service", "install", "--print", "--config", "bad.toml"]);
    assert!(bad.code == 2 && bad.err.contains("bad.toml:3:1"), "{}", bad.err);
    for name in ["Big", "a b", "../x", ""] {
        let odd = world.run(["service", "install", "--print", "--config", "office.toml", "--name", name]);
        assert!(odd.code == 2 && odd.err.contains("is no name for a service"), "{}", odd.err);
    }
    if !Path::new("/run/systemd/system").is_dir() {
        let elsewhere = world.run(["service", "install", "--config", "office.toml"]);
        assert!(elsewhere.code == 2 && elsewhere.err.contains("is not run by systemd"), "{}", elsewhere.err);
        assert!(!Path::new("/etc/systemd/system/bothways-office.service").exists());
    }
}
