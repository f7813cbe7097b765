//! The examples of the command reference: what happened before, what is typed, how it ends.
//!
//! Owns the table [`SCENES`], one for each command. A scene states the exit codes of its command; each of them must come
//! up in it, and no other may (2 and 3, which any command may end with, are shown once). Calls that are not shown are
//! there to prove one.

use super::play::Stage;

/// One command's examples.
pub(super) struct Scene {
    /// What is typed after the program's name, such as `trash list`.
    pub(super) command: &'static str,
    pub(super) world: Setting,
    pub(super) steps: &'static [Step],
    /// How it can end, but for 2 and 3.
    pub(super) exits: &'static [(i32, &'static str)],
}

/// What is there at the beginning.
#[derive(Clone, Copy)]
pub(super) enum Setting {
    /// Two empty folders.
    Bare,
    /// A configuration, and two folders with three files that were synced by run 1.
    Synced,
}

#[derive(Clone, Copy)]
pub(super) enum Step {
    /// A sentence for the reader.
    Say(&'static str),
    /// What people do in the folders meanwhile.
    Do(fn(&Stage)),
    /// What is typed, and the exit code.
    Run(&'static str, i32, Show),
    /// A session that goes on until it is stopped: what is typed, what changes meanwhile, and what is there afterwards.
    Live(&'static str, fn(&Stage), &'static str, Show),
}

/// How much of the output the page shows.
#[derive(Clone, Copy)]
pub(super) enum Show {
    All,
    /// The lines that begin with these; what follows a `…` and all other lines differ from machine to machine.
    Lines(&'static [&'static str]),
    Nothing,
}

impl Step {
    /// The call, where the page shows it.
    pub(super) fn shown_call(&self) -> Option<&'static str> {
        match self {
            Self::Run(line, _, Show::All | Show::Lines(_))
            | Self::Live(line, _, _, Show::All | Show::Lines(_)) => Some(line),
            _ => None,
        }
    }
}

use Setting::{Bare, Synced};
use Show::{All, Lines, Nothing};
use Step::{Do, Live, Run, Say};

/// What the codes mean, whatever the command.
pub(super) const COMMON: &str = "\
| code | means |
| --- | --- |
| 0 | clean |
| 1 | finished, and a person should look: a conflict, a problem, something left undone |
| 2 | usage or configuration error; nothing was done |
| 3 | could not run now, try again: a folder is away, another run holds the state |
| 4 | halted by a guard before anything was touched |
| 5 | internal error |

Any command may end with 2, 3 or 5; each says below when it ends with another code.
";

/// What may happen to any command.
pub(super) const EVERYWHERE: Scene = Scene {
    command: "",
    world: Bare,
    steps: &[
        Run("sync --aprove office cloud", 2, All),
        Run("sync office gone", 3, All),
        Say(
            "With `--json` a program gets one document on one line, here as on every error; the schemas lie in \
             `sync-cli/schema`:",
        ),
        Run("sync office gone --json --quiet", 3, All),
    ],
    exits: &[],
};

/// Both sides change the same file, the cloud an hour later.
fn both_change_the_budget(stage: &Stage) {
    stage.write("office/budget.txt", "rent 110\n", 1);
    stage.write("cloud/budget.txt", "rent 120\n", 2);
}

fn notify(stage: &Stage) {
    let config =
        "left_root = 'office'\nright_root = 'cloud'\n[conflict]\nsame_file_changed_both = 'notify'\n";
    std::fs::write(stage.place("bothways.toml"), config).unwrap();
}

fn two_conflicts_wait(stage: &Stage) {
    notify(stage);
    both_change_the_budget(stage);
    stage.write("office/letters/offer.txt", "An offer\nfor nine chairs\n", 1);
    stage.write("cloud/letters/offer.txt", "An offer\nfor ten tables\n", 2);
    stage.quietly("sync");
}

fn thirty_scans(stage: &Stage) {
    for number in 0..30 {
        stage.write(&format!("office/scans/{number:02}.txt"), &format!("page {number}\n"), 0);
    }
}

fn the_scans_vanish(stage: &Stage) {
    thirty_scans(stage);
    stage.quietly("sync office cloud");
    stage.remove("cloud/scans");
}

fn the_offer_is_deleted(stage: &Stage) {
    stage.remove("office/letters/offer.txt");
    stage.quietly("sync");
}

fn an_offer_is_made_anew(stage: &Stage) {
    stage.write("cloud/letters/offer.txt", "Another offer\n", 3);
}

/// A thing that is neither file, folder nor link.
fn a_pipe(stage: &Stage) {
    let made = std::process::Command::new("mkfifo").arg(stage.place("office/pipe")).status().unwrap();
    assert!(made.success());
}

/// A copy made by hand with the file's time, one byte of which has turned.
fn a_byte_has_turned(stage: &Stage) {
    stage.write("office/archive/survey.txt", "all measured values\n", 0);
    stage.write("cloud/archive/survey.txt", "all measured valuEs\n", 0);
    stage.quietly("sync");
}

/// Somebody has put a file where the trash was.
fn the_trash_is_a_file(stage: &Stage) {
    stage.remove("cloud/.sync_trash");
    std::fs::write(stage.place("cloud/.sync_trash"), "not a folder").unwrap();
}

pub(super) const SCENES: &[Scene] = &[
    Scene {
        command: "sync",
        world: Bare,
        steps: &[
            Do(|stage| {
                stage.write("office/letters/offer.txt", "An offer\nfor ten chairs\n", 0);
                stage.write("office/budget.txt", "rent 100\n", 0);
                stage.write("cloud/minutes.txt", "All were there.\n", 0);
            }),
            Say("Two folders are enough:"),
            Run("sync office cloud", 0, All),
            Run("sync office cloud", 0, All),
            Do(|stage| {
                both_change_the_budget(stage);
                stage.remove("cloud/minutes.txt");
            }),
            Say("Later the same file was changed on both sides, and another one deleted:"),
            Run("sync office cloud", 1, All),
            Do(the_scans_vanish),
            Say("More than half of a side vanishes, and a guard wants a person's word:"),
            Run("sync office cloud", 4, All),
            Run("sync office cloud --approve", 0, All),
            Do(|stage| {
                stage.write("office/offers/chairs.txt", "chairs\n", 3);
                stage.write("office/offers/tables.txt", "tables\n", 3);
            }),
            Say(
                "A plan that was reviewed is carried out as far as the world still is as it was planned on. Here one \
                 file has changed since:",
            ),
            Run("plan office cloud -o plan.json", 0, Nothing),
            Do(|stage| stage.write("office/offers/tables.txt", "tables, oak\n", 4)),
            Run("sync office cloud --plan plan.json", 1, All),
        ],
        exits: &[
            (0, "both sides are the same"),
            (
                1,
                "there was a conflict, also one that a clash copy settled; a problem; or something was left undone",
            ),
            (4, "a guard halted the plan, and `--approve` was not given"),
        ],
    },
    Scene {
        command: "plan",
        world: Synced,
        steps: &[
            Do(|stage| {
                stage.write("office/letters/offer.txt", "An offer\nfor nine chairs\n", 1);
                stage.remove("cloud/minutes.txt");
            }),
            Run("plan", 0, All),
            Say("The same, written to a file for `sync --plan`:"),
            Run("plan --output plan.json", 0, Lines(&["Wrote", "In all", "This is a plan"])),
            Do(both_change_the_budget),
            Say("With a conflict to come:"),
            Run("plan", 1, All),
            Do(|stage| {
                stage.quietly("sync");
                the_scans_vanish(stage);
            }),
            Run("plan", 4, Nothing),
        ],
        exits: &[
            (0, "a sync would end clean, as far as one can see"),
            (1, "there would be a conflict or a problem"),
            (4, "a guard would halt the sync"),
        ],
    },
    Scene {
        command: "run",
        world: Synced,
        steps: &[
            Say("Stopped with Ctrl-C, after a file was saved in the office and has arrived in the cloud:"),
            Live(
                "run",
                |stage| {
                    stage.write("draft.txt", "A note\n", 1);
                    std::fs::rename(stage.place("draft.txt"), stage.place("office/note.txt")).unwrap();
                },
                "cloud/note.txt",
                Lines(&["both folders are there", "stopped"]),
            ),
            Run("sync", 0, Nothing),
        ],
        exits: &[(0, "it was stopped")],
    },
    Scene {
        command: "pause",
        world: Synced,
        steps: &[
            Run("pause", 3, All),
            Say("While `bothways run` goes on elsewhere:"),
            Do(Stage::begin),
            Run("pause", 0, All),
            Do(|stage| stage.write("office/note.txt", "A note\n", 1)),
            Run("status", 0, Lines(&["A session runs", "  paused since", "  the left", "  the right"])),
            Say("What is asked for by name is done all the same:"),
            Run("sync", 0, All),
            Do(Stage::end),
        ],
        exits: &[(0, "it is paused"), (3, "no session runs")],
    },
    Scene {
        command: "resume",
        world: Synced,
        steps: &[
            Run("resume", 3, Nothing),
            Do(|stage| {
                stage.begin();
                stage.quietly("pause");
                stage.write("office/note.txt", "A note\n", 1);
            }),
            Run("resume", 0, All),
            Do(|stage| stage.wait_for("cloud/note.txt")),
            Run("resume", 0, All),
            Do(Stage::end),
        ],
        exits: &[(0, "it goes on"), (3, "no session runs")],
    },
    Scene {
        command: "service install",
        world: Synced,
        steps: &[
            Say("What it would be, in part:"),
            Run(
                "service install --name bothways-office --print",
                0,
                Lines(&[
                    "Type=",
                    "ExecReload=",
                    "User=",
                    "Restart=",
                    "ProtectSystem=",
                    "NoNewPrivileges=",
                    "Capab",
                ]),
            ),
            Say("Into the image of a system:"),
            Run(
                "service install --name bothways-office --root image",
                0,
                Lines(&["Wrote", "It runs", "- What it writes"]),
            ),
        ],
        exits: &[(0, "it is installed, or printed")],
    },
    Scene {
        command: "service uninstall",
        world: Synced,
        steps: &[
            Run("service install --name bothways-office --root image", 0, Nothing),
            Run("service uninstall --name bothways-office --root image", 0, All),
        ],
        exits: &[(0, "it is removed")],
    },
    Scene {
        command: "service start",
        world: Synced,
        steps: &[Run("service start --name bothways-nobody", 2, All)],
        exits: &[(2, "there is no such service, or no systemd")],
    },
    Scene {
        command: "service stop",
        world: Synced,
        steps: &[Run("service stop --name bothways-nobody", 2, All)],
        exits: &[(2, "there is no such service, or no systemd")],
    },
    Scene {
        command: "service status",
        world: Synced,
        steps: &[Run("service status --name bothways-nobody", 2, All)],
        exits: &[(2, "there is no such service, or no systemd")],
    },
    Scene {
        command: "scan",
        world: Synced,
        steps: &[
            Do(|stage| stage.write("office/new.txt", "new\n", 1)),
            Run("scan", 0, All),
            Do(a_pipe),
            Run("scan", 1, Nothing),
        ],
        exits: &[(0, "everything was seen"), (1, "something could not be read, or not be synced")],
    },
    Scene {
        command: "init",
        world: Bare,
        steps: &[Run("init office cloud", 0, All), Run("init office cloud", 2, All)],
        exits: &[(0, "the file is written")],
    },
    Scene {
        command: "check",
        world: Synced,
        steps: &[
            Run(
                "check",
                0,
                Lines(&[
                    "left /srv/office",
                    "right /srv/cloud",
                    "  free space   …",
                    "  names        …",
                    "  times        …",
                    "  holds        …",
                    "  a scan       takes",
                    "clocks …",
                    "All is well: a sync can run.",
                ]),
            ),
            Run("check office gone", 1, Lines(&["error"])),
        ],
        exits: &[
            (0, "a sync can run"),
            (1, "something stands in its way, or a test message was not delivered"),
        ],
    },
    Scene {
        command: "explain",
        world: Synced,
        steps: &[
            Do(|stage| stage.write("office/budget.txt", "rent 110\n", 1)),
            Run("explain budget.txt", 0, All),
            Do(both_change_the_budget),
            Run("explain budget.txt", 0, All),
        ],
        exits: &[(0, "it is explained, whatever it is")],
    },
    Scene {
        command: "conflicts list",
        world: Synced,
        steps: &[
            Run("conflicts list", 0, All),
            Do(two_conflicts_wait),
            Say("With `same_file_changed_both = 'notify'`, after two files were changed on both sides:"),
            Run("conflicts list", 1, All),
        ],
        exits: &[(0, "no conflict waits"), (1, "a conflict waits")],
    },
    Scene {
        command: "conflicts show",
        world: Synced,
        steps: &[Do(two_conflicts_wait), Run("conflicts show letters/offer.txt", 0, All)],
        exits: &[(0, "it is shown")],
    },
    Scene {
        command: "conflicts resolve",
        world: Synced,
        steps: &[
            Do(two_conflicts_wait),
            Run("conflicts resolve letters/offer.txt --keep left", 0, All),
            Run("conflicts resolve '*.txt' --keep both", 0, All),
            Do(|stage| {
                stage.write("office/budget.txt", "rent 130\n", 3);
                stage.write("cloud/budget.txt", "rent 140\n", 4);
                stage.quietly("sync");
                stage.write("cloud/budget.txt", "rent 150\n", 5);
            }),
            Say("What changed since it was seen stays as it is, until the next sync has seen it:"),
            Run("conflicts resolve --all --keep newer", 1, All),
        ],
        exits: &[(0, "all that were named are settled"), (1, "one of them is not, and why")],
    },
    Scene {
        command: "resync",
        world: Synced,
        steps: &[
            Run("resync letters", 0, All),
            Run("resync lettres", 1, All),
            Do(a_byte_has_turned),
            Say("Two files of one size and one time, which the first sync took for the same:"),
            Run("resync archive", 1, All),
            Do(the_scans_vanish),
            Run("resync .", 4, Nothing),
        ],
        exits: &[
            (0, "all is the same, or is now"),
            (
                1,
                "silent corruption, another conflict or a problem was found; or there was nothing to compare",
            ),
            (4, "a guard halted what was to be done"),
        ],
    },
    Scene {
        command: "status",
        world: Synced,
        steps: &[Run("status", 0, All), Do(two_conflicts_wait), Run("status --hours 8", 1, All)],
        exits: &[
            (0, "nothing needs a person"),
            (
                1,
                "a conflict or a problem waits, a guard has halted, a run was cut short, or there was none yet",
            ),
        ],
    },
    Scene {
        command: "history",
        world: Synced,
        steps: &[
            Do(the_offer_is_deleted),
            Run("history", 0, All),
            Run("history 2", 0, All),
            Run("history --path letters --action delete --since 2h", 0, All),
            Run("history 99", 2, All),
        ],
        exits: &[(0, "it is shown, also when no run fits")],
    },
    Scene {
        command: "undo",
        world: Synced,
        steps: &[
            Do(the_offer_is_deleted),
            Say("Run 2 has deleted a file on the right, for it was deleted on the left:"),
            Run("undo 2 --dry-run", 0, All),
            Run("undo 2 --yes --quiet", 0, All),
            Run("sync", 0, All),
            Do(|stage| {
                the_offer_is_deleted(stage);
                an_offer_is_made_anew(stage);
            }),
            Say("Deleted again, and made anew meanwhile:"),
            Run("undo 5 --dry-run", 1, All),
            Run("undo 5 --keep-both --yes", 0, All),
        ],
        exits: &[
            (0, "all of it is put back, or would be"),
            (1, "something stays as it is, and why; or the answer was no"),
        ],
    },
    Scene {
        command: "trash list",
        world: Synced,
        steps: &[
            Do(the_offer_is_deleted),
            Run("trash list", 0, All),
            Run("trash list '*.pdf' --side left --min-size '1 MiB'", 0, All),
            Do(the_trash_is_a_file),
            Run("trash list", 1, Nothing),
        ],
        exits: &[(0, "it is shown, also when nothing fits"), (1, "the trash of a side cannot be read")],
    },
    Scene {
        command: "trash restore",
        world: Synced,
        steps: &[
            Do(the_offer_is_deleted),
            Run("trash restore letters --dry-run", 0, All),
            Run("trash restore letters/offer.txt", 0, All),
            Run("sync", 0, All),
            Do(|stage| {
                the_offer_is_deleted(stage);
                an_offer_is_made_anew(stage);
            }),
            Say("Never over something else:"),
            Run("trash restore letters/offer.txt", 1, All),
            Run("trash restore letters/offer.txt --to letters/offer-old.txt", 0, All),
        ],
        exits: &[(0, "all of it came back"), (1, "something did not, and why; or nothing fits")],
    },
    Scene {
        command: "trash purge",
        world: Synced,
        steps: &[
            Do(the_offer_is_deleted),
            Run("trash purge --older-than 30d", 0, All),
            Run("trash purge letters/offer.txt --dry-run", 0, All),
            Say("Where nobody can be asked, as in a script, it takes `--yes`:"),
            Run("trash purge letters/offer.txt", 2, All),
            Run("trash purge letters/offer.txt --yes", 0, All),
            Do(the_trash_is_a_file),
            Run("trash purge --all --yes", 1, Nothing),
        ],
        exits: &[
            (0, "all that was meant is gone"),
            (1, "something could not be dropped; or the answer was no"),
        ],
    },
    Scene {
        command: "completions",
        world: Bare,
        steps: &[Run("completions bash > bothways.bash", 0, All)],
        exits: &[(0, "always")],
    },
    Scene { command: "man", world: Bare, steps: &[Run("man > bothways.1", 0, All)], exits: &[(0, "always")] },
];
