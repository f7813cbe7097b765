//! An administrator's morning: one pair through an ordinary bad day, with nothing but the program.
//!
//! `cargo test -p sync-cli --test it morning -- --nocapture` prints what the administrator typed and saw.

use crate::world::World;

const CONFIG: &str = "\
left_root = 'office'
right_root = 'cloud'
[conflict]
same_file_changed_both = 'notify'
";

/// The folders, and what was typed so far.
struct Desk {
    world: World,
}

impl Desk {
    /// What happens in the world before the next command.
    #[allow(clippy::unused_self)]
    fn meanwhile(&self, told: &str) {
        println!("\n# {told}");
    }

    /// A command, shown with what came of it. It must end with this code and have said all of these words.
    fn types(&self, code: i32, args: &[&str], words: &[&str]) -> String {
        let outcome = self.world.run(args);
        let quoted: Vec<String> = args
            .iter()
            .map(|arg| if arg.contains(' ') { format!("'{arg}'") } else { (*arg).to_owned() })
            .collect();
        println!(
            "$ bothways {}\n{}{}[exit code {}]\n",
            quoted.join(" "),
            outcome.err,
            outcome.out,
            outcome.code
        );
        let said = outcome.err + &outcome.out;
        assert_eq!(outcome.code, code, "{args:?}");
        for word in words {
            assert!(said.contains(word), "{args:?} does not say `{word}`:\n{said}");
        }
        said
    }

    /// Writes a file that was changed so many minutes ago.
    fn write(&self, name: &str, content: &str, minutes: u64) {
        self.world.write(name, content);
        self.world.age(name, minutes * 60);
    }

    fn both(&self, name: &str) -> [Option<String>; 2] {
        ["office", "cloud"].map(|side| {
            let name = format!("{side}/{name}");
            self.world.has(&name).then(|| self.world.read(&name))
        })
    }

    /// Both sides hold this content there.
    fn agree(&self, name: &str, content: &str) {
        assert_eq!(self.both(name), [Some(content.to_owned()), Some(content.to_owned())], "{name}");
    }

    /// What people see on a side: all but the trash.
    fn seen(&self, side: &str) -> Vec<String> {
        let names = self.world.names(side);
        names.into_iter().filter(|name| !name.starts_with(".sync_trash")).collect()
    }

    /// Both sides show the same names; how many files.
    fn same_names(&self) -> usize {
        let left = self.seen("office");
        assert_eq!(left, self.seen("cloud"));
        left.iter().filter(|name| self.world.path(&format!("office/{name}")).is_file()).count()
    }

    fn remove(&self, name: &str) {
        let path = self.world.path(name);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }

    /// The number of the latest run.
    fn latest_run(&self) -> String {
        let (code, history) = self.world.json(["history", "--limit", "1"]);
        assert_eq!(code, 0, "{history}");
        history["runs"][0]["run"].as_u64().unwrap().to_string()
    }
}

/// An office that has been there for years, and a cloud drive that already holds its archive, copied there by hand. One
/// byte of that copy has turned since, with its size and its time as they were.
fn office() -> Desk {
    let desk = Desk { world: World::new() };
    std::fs::write(desk.world.path("bothways.toml"), CONFIG).unwrap();
    for number in 0..30 {
        desk.write(
            &format!("office/2019/invoice {number:02}.txt"),
            &format!("invoice {number} of 2019\n"),
            9000,
        );
    }
    for number in 0..12 {
        desk.write(&format!("office/plans/sheet {number:02}.txt"), &format!("sheet {number}\n"), 800);
    }
    desk.write("office/letters/offer.txt", "An offer\nfor ten chairs\nat 100 each\n", 500);
    desk.write("office/letters/order.txt", "An order\nof two tables\n", 500);
    for (side, text) in [("office", "all measured values\n"), ("cloud", "all measured valuEs\n")] {
        desk.write(&format!("{side}/archive/survey.dat"), text, 90_000);
    }
    let time = std::fs::metadata(desk.world.path("office/archive/survey.dat")).unwrap().modified().unwrap();
    let copy = desk.world.path("cloud/archive/survey.dat");
    std::fs::File::options().write(true).open(copy).unwrap().set_modified(time).unwrap();
    desk
}

#[test]
fn an_administrators_morning() {
    let desk = office();

    desk.meanwhile("The pair is new: an office, and a cloud drive that holds a copy of the archive.");
    desk.types(1, &["status"], &["Never synced"]);
    desk.types(0, &["sync"], &["Both sides are the same now", "44 copies to the right"]);
    desk.types(0, &["status"], &["In sync since"]);
    assert_eq!(desk.same_names(), 45);
    desk.agree("letters/offer.txt", "An offer\nfor ten chairs\nat 100 each\n");

    desk.meanwhile(
        "The cloud drive is not mounted for a while. What is on record can be asked for all the same.",
    );
    std::fs::rename(desk.world.path("cloud"), desk.world.path("unmounted")).unwrap();
    desk.types(3, &["sync"], &["the right root", "does not exist"]);
    desk.types(0, &["status"], &["In sync since"]);
    desk.types(0, &["history"], &["clean, 49 changes"]);
    std::fs::rename(desk.world.path("unmounted"), desk.world.path("cloud")).unwrap();

    halted_and_approved(&desk);
    two_conflicts(&desk);
    mass_deletion(&desk);
    from_the_trash(&desk);
    silent_corruption(&desk);

    desk.meanwhile("That was the morning.");
    desk.types(0, &["sync"], &["Nothing to do: both sides are the same."]);
    let status = desk.types(0, &["status"], &["In sync since"]);
    assert!(!status.contains("HALTED") && !status.contains("waits") && !status.contains("wait:"), "{status}");
    desk.types(0, &["history"], &["undo of run", "halted", "resolve", "restore"]);
    assert_eq!(desk.same_names(), 16);
}

fn halted_and_approved(desk: &Desk) {
    desk.meanwhile("Overnight most of the files have vanished from the cloud drive.");
    desk.remove("cloud/2019");
    desk.types(4, &["sync"], &["2019"]);
    assert_eq!(desk.seen("office").iter().filter(|name| name.starts_with("2019/")).count(), 30);
    desk.types(1, &["status"], &["HALTED since", "30 of 45 files on the left", "--approve"]);

    desk.meanwhile("A telephone call: the accountant has cleared 2019 away, as agreed. It may go.");
    desk.types(0, &["sync", "--approve"], &["30 files of the left to the trash"]);
    assert_eq!(desk.both("2019/invoice 07.txt"), [None, None]);
    assert!(!desk.world.has("office/2019"));
    let status = desk.types(0, &["status"], &["In sync since", "Trash of the left: 30 versions"]);
    assert!(!status.contains("HALTED"), "{status}");
}

fn two_conflicts(desk: &Desk) {
    desk.meanwhile("Two letters were changed in the office and on the road.");
    let [ten, twelve] = [100, 90].map(|price| format!("An offer\nfor ten chairs\nat {price} each\n"));
    desk.write("office/letters/offer.txt", &twelve, 90);
    desk.write("cloud/letters/offer.txt", &ten.replace("ten", "nine"), 60);
    desk.write("office/letters/order.txt", "An order\nof three tables\n", 90);
    desk.write("cloud/letters/order.txt", "An order\nof two tables, oak\n", 60);
    desk.types(1, &["sync"], &["2 conflicts"]);
    assert_eq!(desk.both("letters/offer.txt")[0].as_deref(), Some(twelve.as_str()), "neither is touched");
    assert_eq!(desk.both("letters/order.txt")[1].as_deref(), Some("An order\nof two tables, oak\n"));
    desk.types(1, &["status"], &["2 conflicts wait", "letters/offer.txt", "letters/order.txt"]);
    desk.types(1, &["conflicts"], &["letters/offer.txt", "the newer one"]);
    desk.types(0, &["conflicts", "show", "letters/offer.txt"], &["-at 90 each", "+at 100 each", "6.2.1"]);
    desk.types(0, &["conflicts", "resolve", "letters/offer.txt", "--keep", "left"], &["the left one stands"]);
    desk.agree("letters/offer.txt", &twelve);
    desk.types(1, &["conflicts"], &["1 conflict waits", "letters/order.txt"]);
    desk.types(
        0,
        &["conflicts", "resolve", "letters/order.txt", "--keep", "right"],
        &["the right one stands"],
    );
    desk.agree("letters/order.txt", "An order\nof two tables, oak\n");
    desk.types(0, &["conflicts"], &["no conflict waits"]);
    let status = desk.types(0, &["status"], &[]);
    assert!(!status.contains("waits") && !status.contains("wait:"), "{status}");
    // What was given up is not lost.
    let trash = desk.types(0, &["trash", "list", "letters"], &[]);
    for side in ["left", "right"] {
        assert!(
            trash.lines().any(|line| line.contains(&format!(" {side} ")) && line.contains("letters/o")),
            "{side}"
        );
    }
}

fn mass_deletion(desk: &Desk) {
    desk.meanwhile(
        "Somebody in the office drops a folder into the waste basket. It is too small for the guard.",
    );
    desk.remove("office/plans");
    desk.types(0, &["sync"], &["12 files of the right to the trash"]);
    assert_eq!(desk.both("plans/sheet 03.txt"), [None, None]);
    desk.meanwhile("\"Where are the plans?\"");
    desk.types(
        0,
        &["history", "--path", "plans", "--action", "delete", "--limit", "1"],
        &["plans/sheet 03.txt"],
    );
    let run = desk.latest_run();
    desk.types(0, &["history", &run], &["12 files of the right to the trash", "plans/sheet 03.txt"]);
    desk.types(0, &["undo", &run, "--dry-run"], &["plans/sheet 03.txt", "12 versions back on the right"]);
    assert_eq!(desk.both("plans/sheet 03.txt"), [None, None], "a dry run changes nothing");
    desk.types(0, &["undo", &run, "--yes"], &[&format!("Run {run} is undone")]);
    assert_eq!(desk.both("plans/sheet 03.txt"), [None, Some("sheet 3\n".to_owned())]);
    desk.types(0, &["sync"], &["12 copies to the left"]);
    for number in 0..12 {
        desk.agree(&format!("plans/sheet {number:02}.txt"), &format!("sheet {number}\n"));
    }
}

fn from_the_trash(desk: &Desk) {
    desk.meanwhile("The accountant needs one invoice of 2019 after all.");
    desk.types(0, &["trash", "list", "2019/invoice 1*"], &["2019/invoice 17.txt"]);
    desk.types(0, &["trash", "restore", "2019/invoice 17.txt"], &["1 thing came back"]);
    assert_eq!(desk.both("2019/invoice 17.txt"), [Some("invoice 17 of 2019\n".to_owned()), None]);
    desk.types(0, &["sync"], &["1 copy to the right"]);
    desk.agree("2019/invoice 17.txt", "invoice 17 of 2019\n");
    assert_eq!(desk.both("2019/invoice 16.txt"), [None, None], "nothing else came back");
}

fn silent_corruption(desk: &Desk) {
    desk.meanwhile("The disk behind the cloud drive was replaced. Is what came from it still right?");
    desk.types(0, &["sync"], &["Nothing to do"]);
    desk.types(1, &["resync", "archive"], &["silent corruption", "archive/survey.dat", "Neither is copied"]);
    let turned = [Some("all measured values\n".to_owned()), Some("all measured valuEs\n".to_owned())];
    assert_eq!(desk.both("archive/survey.dat"), turned);
    desk.types(1, &["sync"], &["archive/survey.dat"]);
    assert_eq!(desk.both("archive/survey.dat"), turned, "a sync spreads neither");
    desk.types(1, &["status"], &["1 conflict waits", "archive/survey.dat"]);
    desk.types(
        0,
        &["conflicts", "show", "archive/survey.dat"],
        &["-all measured valuEs\n+all measured values\n"],
    );
    desk.types(
        0,
        &["conflicts", "resolve", "archive/survey.dat", "--keep", "left"],
        &["the left one stands"],
    );
    desk.agree("archive/survey.dat", "all measured values\n");
    desk.types(0, &["resync", "archive"], &["All the same"]);
}
