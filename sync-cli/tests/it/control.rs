//! Commands against a running session: the same results as without one, and no way to disturb it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::running::{PATIENCE, Running, send, wait};
use crate::schema;
use crate::world::{Outcome, World};

/// How long a session takes to carry a change over: a debounce of 300 ms, and some work.
const SURELY: Duration = Duration::from_millis(1500);

/// A session of this world that has looked at everything once.
fn start(world: &World) -> Running {
    let running = begin(world, "state");
    wait("the first look", || status(world)["checked"].is_string());
    running
}

/// The same without waiting for the first look.
fn begin(world: &World, state: &str) -> Running {
    let running = Running::launch(world.command(["run", "--state", state]));
    wait("its first words", || !running.words().is_empty());
    let first = running.words();
    assert!(first.contains("both folders are there") || first.contains("waiting"), "{first}");
    running
}

fn stop(running: Running) {
    assert_eq!(running.stop().0, 0);
}

/// Two folders with a configuration that lets conflicts wait.
fn world() -> World {
    configured("")
}

fn configured(more: &str) -> World {
    let world = World::new();
    configure(&world, more);
    for (name, content) in [("left/a.txt", "a"), ("left/docs/b.txt", "bb"), ("right/c.txt", "ccc")] {
        world.write(name, content);
    }
    world
}

fn configure(world: &World, more: &str) {
    let text = format!(
        "left_root = 'left'\nright_root = 'right'\n[conflict]\nsame_file_changed_both = 'notify'\n{more}"
    );
    fs::write(world.path("bothways.toml"), text).unwrap();
}

fn call(world: &World, args: &[&str]) -> Outcome {
    world.run(args.iter().chain(&["--state", "state"]))
}

fn document(world: &World, args: &[&str]) -> (i32, Value) {
    world.json(args.iter().chain(&["--state", "state"]))
}

fn status(world: &World) -> Value {
    let (_, status) = document(world, &["status"]);
    assert_eq!(schema::faults("status", &status), Vec::<String>::new(), "{status}");
    status
}

/// A conflict waits at `c.txt`, and `old.txt` lies in the trash of the left.
fn something_happened(world: &World) {
    world.write("left/old.txt", "old");
    wait("a file", || world.has("right/old.txt"));
    fs::remove_file(world.path("right/old.txt")).unwrap();
    wait("its deletion", || !world.has("left/old.txt"));
    call(world, &["pause"]);
    for side in ["left", "right"] {
        fs::write(world.path(&format!("{side}/c.txt")), format!("of the {side}")).unwrap();
    }
    call(world, &["resume"]);
    wait("the conflict", || status(world)["conflicts"].as_array().is_some_and(|all| all.len() == 1));
}

/// What takes as long as it takes is no part of what is compared.
fn timeless(document: &mut Value) {
    for field in ["scan_ms", "decide_ms", "act_ms", "live", "checked", "since"] {
        if let Some(value) = document.get_mut(field) {
            *value = Value::Null;
        }
    }
}

#[test]
fn whatever_looks_says_the_same_with_and_without_a_running_session() {
    let world = world();
    let running = start(&world);
    something_happened(&world);
    let looks: [&[&str]; 14] = [
        &["status"],
        &["history"],
        &["history", "1"],
        &["history", "99"],
        &["history", "--path", "*.txt", "--action", "delete"],
        &["conflicts"],
        &["conflicts", "list", "--all"],
        &["conflicts", "show", "c.txt"],
        &["conflicts", "show", "a.txt"],
        &["trash"],
        &["trash", "list", "old.txt", "--side", "left"],
        &["scan"],
        &["plan", "--all"],
        &["explain", "docs/b.txt"],
    ];
    let ask = |args: &[&str]| {
        let (code, mut document) = document(&world, args);
        timeless(&mut document);
        (code, document)
    };
    let quiet = |args: &[&str]| {
        let outcome = call(&world, &[args, &["-q"]].concat());
        (outcome.code, outcome.err)
    };
    let with: Vec<_> = looks.iter().map(|args| (ask(args), quiet(args))).collect();
    assert_eq!(status(&world)["live"]["process"], running.id());
    stop(running);
    for (args, (with, with_words)) in looks.iter().zip(with) {
        let without = ask(args);
        assert_eq!(with, without, "{args:?}");
        assert_eq!(with_words, quiet(args), "{args:?}");
    }
    assert_eq!(status(&world)["live"], Value::Null);
}

#[test]
fn whatever_acts_is_done_by_the_running_session() {
    let world = world();
    let running = start(&world);
    something_happened(&world);

    let (code, resolved) = document(&world, &["conflicts", "resolve", "c.txt", "--keep", "left"]);
    assert_eq!((code, schema::faults("resolve", &resolved)), (0, Vec::new()), "{resolved}");
    assert_eq!(world.read("right/c.txt"), "of the left");
    assert_eq!(call(&world, &["conflicts"]).code, 0);

    let run = resolved["run"].as_u64().unwrap().to_string();
    let asked = call(&world, &["undo", &run]);
    assert_eq!(asked.code, 2, "nobody is there to ask: {}", asked.err);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    let undone = call(&world, &["undo", &run, "--yes"]);
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    wait("the other version again", || world.read("left/c.txt") == "of the right");

    let (code, restored) = document(&world, &["trash", "restore", "old.txt"]);
    assert_eq!((code, schema::faults("restore", &restored)), (0, Vec::new()), "{restored}");
    wait("what came back, on the other side", || world.has("right/old.txt"));
    let purged = call(&world, &["trash", "purge", "--all", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.err);
    assert!(world.names("left/.sync_trash").iter().all(|name| !name.contains("deleted")));

    let (code, same) = document(&world, &["resync", "."]);
    assert_eq!((code, schema::faults("resync", &same)), (0, Vec::new()), "{same}");
    assert_eq!(same["examined"], 4);
    let wrong = call(&world, &["resync", "../elsewhere"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("without `..`"), "{}", wrong.err);

    call(&world, &["pause"]);
    world.write("left/planned.txt", "planned");
    world.write("left/later.txt", "later");
    assert_eq!(call(&world, &["plan", "-o", "plan.json"]).code, 0);
    let text = fs::read_to_string(world.path("plan.json")).unwrap();
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    plan["transitions"].as_array_mut().unwrap().retain(|one| one["path"] == "planned.txt");
    fs::write(world.path("plan.json"), plan.to_string()).unwrap();
    let (code, reviewed) = document(&world, &["sync", "--plan", "plan.json"]);
    assert_eq!((code, &reviewed["not_in_plan"]), (0, &json!(1)), "{reviewed}");
    assert!(world.has("right/planned.txt") && !world.has("right/later.txt"));
    let (code, synced) = document(&world, &["sync"]);
    assert_eq!((code, schema::faults("sync", &synced)), (0, Vec::new()), "{synced}");
    assert!(world.has("right/later.txt"), "what is asked for by name is done in a pause too");
    stop(running);
    let after = call(&world, &["sync"]);
    assert!(after.out.contains("Nothing to do"), "{}", after.out);
}

#[test]
fn a_halted_plan_is_let_through_once() {
    let world = world();
    for number in 0..40 {
        world.write(&format!("left/many/{number}.txt"), "x");
    }
    let running = start(&world);
    wait("all files", || world.names("right/many").len() == 40);
    fs::rename(world.path("left/many"), world.path("many")).unwrap();
    wait("the halt", || status(&world)["halt"].is_object());
    assert!(world.has("right/many/7.txt"));
    let halted = call(&world, &["sync"]);
    assert_eq!(halted.code, 4, "{}", halted.out);
    assert!(halted.out.contains("--approve"), "{}", halted.out);
    assert_eq!(document(&world, &["resync", "."]).0, 4);
    let (code, done) = document(&world, &["sync", "--approve"]);
    assert_eq!((code, &done["done"]["SOFT_DELETE_RIGHT"]), (0, &json!(40)), "{done}");
    assert!(!world.has("right/many"));
    assert_eq!(status(&world)["halt"], Value::Null);
    stop(running);
}

#[test]
fn a_root_that_is_not_the_pairs_is_approved_without_a_restart() {
    let world = world();
    stop(start(&world));
    fs::remove_dir_all(world.path("right/.bothways")).unwrap();
    let running = begin(&world, "state");
    wait("the halt", || status(&world)["halt"].is_object());
    let refused = call(&world, &["conflicts", "resolve", "--all", "--keep", "left"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(
        refused.err.contains("lost its identity marker") && refused.err.contains("hint"),
        "{}",
        refused.err
    );
    let (_, document_of_it) = document(&world, &["conflicts", "resolve", "--all", "--keep", "left"]);
    assert_eq!(document_of_it["halt"]["reason"], "lost-marker", "{document_of_it}");
    let approved = call(&world, &["sync", "--approve"]);
    assert_eq!(approved.code, 0, "{}{}", approved.out, approved.err);
    world.write("left/after.txt", "after");
    wait("what is made afterwards", || world.has("right/after.txt"));
    assert_eq!(status(&world)["live"]["process"], running.id(), "it is the same session");
    stop(running);
}

#[test]
fn a_paused_session_notices_and_waits() {
    let world = world();
    let none = call(&world, &["pause"]);
    assert_eq!(none.code, 3, "{}", none.err);
    assert!(none.err.contains("no session") && none.err.contains("bothways run"), "{}", none.err);
    let running = start(&world);
    let (code, paused) = document(&world, &["pause"]);
    assert_eq!((code, schema::faults("pause", &paused)), (0, Vec::new()), "{paused}");
    assert_eq!((&paused["paused"], &paused["changed"]), (&json!(true), &json!(true)));
    assert_eq!(document(&world, &["pause"]).1["changed"], false, "it is paused already");
    world.write("left/new.txt", "new");
    wait("the news", || status(&world)["live"]["told"].as_u64().is_some_and(|told| told > 0));
    let begun = Instant::now();
    while begun.elapsed() < SURELY {
        assert!(!world.has("right/new.txt"));
        assert!(status(&world)["live"]["paused_since"].is_string());
    }
    let said = call(&world, &["status"]);
    assert!(said.out.contains("paused since") && said.out.contains("bothways resume"), "{}", said.out);
    let (code, resumed) = document(&world, &["resume"]);
    assert_eq!((code, &resumed["paused"], &resumed["changed"]), (0, &json!(false), &json!(true)));
    wait("the change", || world.has("right/new.txt"));
    assert_eq!(status(&world)["live"]["paused_since"], Value::Null);
    stop(running);
}

#[test]
fn many_ask_at_once() {
    let world = world();
    let running = start(&world);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..3 {
                    let args: &[&str] = [&["scan"][..], &["status"], &["sync"]][number % 3];
                    let (code, document) = document(world, args);
                    assert_eq!(code, 0, "{document}");
                }
            });
        }
    });
    stop(running);
}

/// A session with a file on its way that takes minutes, asked for by a client.
fn a_long_sync(world: &World) -> Child {
    call(world, &["pause"]);
    fs::write(world.path("left/large.bin"), vec![7; 60 << 20]).unwrap();
    let client = world
        .command(["sync", "--state", "state"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait("the run", || status(world)["last_run"]["outcome"] == "running");
    client
}

const SLOW: &str = "[performance]\nbandwidth_limit = '300 KiB'\n";

#[test]
fn a_client_that_is_killed_takes_its_request_with_it_and_nothing_else() {
    let world = configured(SLOW);
    let running = start(&world);
    let mut client = a_long_sync(&world);
    let busy = status(&world);
    assert!(busy["live"]["busy_since"].is_string(), "{busy}");
    assert_eq!(busy["needs_person"], false, "a run that is under way is not one that was cut short: {busy}");
    client.kill().unwrap();
    client.wait().unwrap();
    wait("the end of the run", || status(&world)["last_run"]["outcome"] == "stopped");
    assert!(!world.has("right/large.bin"));
    world.write("left/small.txt", "small");
    fs::remove_file(world.path("left/large.bin")).unwrap();
    call(&world, &["resume"]);
    wait("an ordinary change", || world.has("right/small.txt"));
    assert_eq!(status(&world)["live"]["process"], running.id());
    stop(running);
}

#[test]
fn a_wish_to_stop_ends_the_request_and_not_the_session() {
    let world = configured(SLOW);
    let running = start(&world);
    let mut client = a_long_sync(&world);
    send("-INT", client.id());
    wait("the client's end", || client.try_wait().unwrap().is_some());
    assert!(!world.has("right/large.bin"), "it has waited for the end of the copy");
    let outcome: Outcome = client.wait_with_output().unwrap().into();
    assert_eq!(outcome.code, 1, "{}{}", outcome.out, outcome.err);
    assert_eq!(status(&world)["live"]["process"], running.id());

    // Those who wait behind it are told why, and that it ends with the session.
    let mut first = a_long_sync(&world);
    let second = Running::launch(world.command(["scan", "--state", "state"]));
    second.says("waiting for the running session: a cycle has been under way", 1);
    stop(running);
    assert_eq!(second.ended(), 3);
    wait("the first one's end", || first.try_wait().unwrap().is_some());
    let first: Outcome = first.wait_with_output().unwrap().into();
    assert!([1, 3].contains(&first.code), "{}{}", first.out, first.err);
}

#[test]
fn a_sync_that_is_asked_for_ends_when_large_files_are_there_and_a_pause_lets_them_rest() {
    let world = configured("[performance]\nbandwidth_limit = '1 MiB'\nlarge_file_bytes = '4 MiB'\n");
    let running = start(&world);
    fs::write(world.path("left/large.bin"), vec![7; 24 << 20]).unwrap();
    world.age("left/large.bin", 3600);
    let copying = || status(&world)["live"]["copying"].as_array().map_or(0, Vec::len);
    wait("the large file's beginning", || {
        status(&world)["live"]["copying"][0]["bytes_done"].as_u64().is_some_and(|done| done > 1 << 20)
    });
    assert_eq!(call(&world, &["pause"]).code, 0);
    wait("its rest", || copying() == 0);
    assert!(!world.has("right/large.bin"));
    // Asked for by name it goes on, from where it was, and as fast as it may by now.
    configure(&world, "[performance]\nlarge_file_bytes = '4 MiB'\n");
    running.says("the configuration has changed", 1);
    let (code, synced) = document(&world, &["sync"]);
    assert_eq!((code, &synced["waiting"]), (0, &json!(0)), "{synced}");
    assert_eq!(fs::metadata(world.path("right/large.bin")).unwrap().len(), 24 << 20, "{synced}");
    assert_eq!(synced["done"]["COPY_LEFT_TO_RIGHT"], 1, "{synced}");
    let log = world.log();
    assert!(log.contains("did not have to be copied again"), "{log}");
    assert!(status(&world)["live"]["paused_since"].is_string());
    stop(running);
}

#[test]
fn nobody_else_comes_in() {
    let world = world();
    let running = start(&world);
    let mode = |name: &str| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("state"), mode("state/control.sock")), (0o700, 0o600));
    if Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() != b"0" {
        println!("not tried: another user takes being root");
        return;
    }
    // As if somebody had opened all of it by hand.
    for (name, mode) in [("", 0o755), ("state", 0o755), ("state/control.sock", 0o666)] {
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_bothways"), world.path("bothways")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", "./bothways"]);
    let foreign = command.args(["status", "--state", "state"]).current_dir(world.path("")).output();
    let foreign: Outcome = match foreign {
        Ok(output) => output.into(),
        Err(error) => return println!("not tried: setpriv cannot be run ({error})"),
    };
    assert_eq!(foreign.code, 3, "{}{}", foreign.out, foreign.err);
    assert!(foreign.err.contains("closed the connection"), "{}", foreign.err);
    assert_eq!(status(&world)["live"]["process"], running.id());
    stop(running);
    let log = world.log();
    assert!(log.contains("turned away"), "{log}");
}

fn knock(world: &World) -> UnixStream {
    let stream = UnixStream::connect(world.path("state/control.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn framed(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
}

/// Reads until the other side hangs up.
fn all(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_session_bears_whatever_comes_in() {
    let world = world();
    let running = start(&world);
    // Those who say nothing, as many as there is room for and more.
    let silent: Vec<UnixStream> = (0..40).map(|_| knock(&world)).collect();
    let hello = framed(r#"{"protocol":1,"program":"0"}"#);
    for (name, bytes, wanted) in [
        ("another language", b"GET / HTTP/1.1\r\n\r\n".to_vec(), ""),
        ("no JSON", framed("{{{{"), ""),
        ("another version", framed(r#"{"protocol":2,"program":"9"}"#), r#""protocol":1"#),
        ("half a greeting", hello[..7].to_vec(), ""),
        ("an unknown request", [hello.clone(), framed(r#"{"Dance":1}"#)].concat(), "does not understand"),
        ("half a request", [hello.clone(), vec![200, 0, 0, 0, b'{']].concat(), r#""protocol":1"#),
        ("an endless request", [hello.clone(), vec![0xff; 64]].concat(), r#""protocol":1"#),
    ] {
        let mut stream = knock(&world);
        stream.write_all(&bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let said = all(&mut stream);
        assert!(said.contains(wanted) && said.is_empty() == wanted.is_empty(), "{name}: {said}");
    }
    world.write("left/meanwhile.txt", "x");
    wait("an ordinary change", || world.has("right/meanwhile.txt"));
    let refused = call(&world, &["status"]);
    assert!(refused.code == 0 || refused.err.contains("serves"), "{}", refused.err);
    drop(silent);
    wait("room", || call(&world, &["status"]).code == 0);
    stop(running);
}

#[test]
fn a_session_of_another_version_is_named() {
    let world = world();
    call(&world, &["sync"]);
    let listener = UnixListener::bind(world.path("state/control.sock")).unwrap();
    let other = std::thread::spawn(move || {
        for answer in [Some(r#"{"protocol":7,"program":"8.1.0"}"#), Some("nonsense"), None] {
            let (mut stream, _) = listener.accept().unwrap();
            if let Some(answer) = answer {
                stream.write_all(&framed(answer)).unwrap();
            }
        }
    });
    for wanted in ["8.1.0", "cannot be understood", "closed the connection"] {
        let outcome = call(&world, &["status"]);
        assert_eq!(outcome.code, 3, "{}", outcome.err);
        assert!(outcome.err.contains(wanted), "{wanted}: {}", outcome.err);
    }
    other.join().unwrap();
    assert_eq!(call(&world, &["status"]).code, 0, "a socket that nobody listens at is nobody's");
}

#[test]
fn a_long_way_to_the_state_is_no_hindrance() {
    let world = world();
    let state = "a folder with a long name ".repeat(4).trim().to_owned();
    let state = format!("{state}/{state}/{state}");
    assert!(state.len() > 300);
    let running = begin(&world, &state);
    let (_, status) = world.json(["status", "--state", &state]);
    assert_eq!(status["live"]["process"], running.id(), "{status}");
    assert_eq!(world.run(["sync", "--state", &state]).code, 0);
    stop(running);
    assert!(!world.has(&format!("{state}/control.sock")));
}

#[test]
fn what_a_killed_session_leaves_keeps_nobody_out() {
    let world = world();
    start(&world).kill();
    assert!(world.has("state/control.sock"), "it was killed, after all");
    assert_eq!(status(&world)["live"], Value::Null);
    assert_eq!(call(&world, &["sync"]).code, 0);
    let running = start(&world);
    assert_eq!(status(&world)["live"]["process"], running.id());
    stop(running);
    assert!(!world.has("state/control.sock"));
}

#[test]
fn a_second_session_waits_for_the_first() {
    let world = world();
    let first = start(&world);
    let second = begin(&world, "state");
    assert_eq!(status(&world)["live"]["process"], first.id());
    let waits = second.id();
    stop(first);
    wait("the second one's turn", || status(&world)["live"]["process"] == waits);
    stop(second);
}

#[test]
fn a_root_that_is_away_is_told_of() {
    let world = world();
    let running = start(&world);
    fs::rename(world.path("right"), world.path("away")).unwrap();
    wait("the session to notice", || status(&world)["live"]["waits_for"].is_string());
    let said = call(&world, &["status"]);
    assert!(said.out.contains("waiting since") && said.out.contains("right"), "{}", said.out);
    assert_eq!(call(&world, &["history"]).code, 0, "the records are there");
    for args in [&["sync"][..], &["scan"], &["trash"]] {
        let away = call(&world, args);
        assert_eq!(away.code, 3, "{args:?}: {}", away.err);
        assert!(away.err.contains("right root") && away.err.contains("hint"), "{args:?}: {}", away.err);
    }
    fs::rename(world.path("away"), world.path("right")).unwrap();
    let back = call(&world, &["sync"]);
    assert_eq!(back.code, 0, "somebody who asks is a reason to look at once: {}", back.err);
    assert_eq!(status(&world)["live"]["waits_for"], Value::Null);
    stop(running);
}

#[test]
fn a_state_of_another_running_pair_is_not_used() {
    let world = world();
    let running = start(&world);
    fs::create_dir(world.path("third")).unwrap();
    let other = call(&world, &["status", "left", "third"]);
    assert_eq!(other.code, 3, "{}{}", other.out, other.err);
    assert!(other.err.contains("another pair"), "{}", other.err);
    stop(running);
}
