//! Everything that is in the way of a start: its message and its exit code.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use crate::{
    emulator::{BINARY, Emulator, demo, run, run_limited, run_on_small_disk},
    manager::Manager,
};

/// Snapshots what is said to the person.
pub(crate) fn check(name: &str, folder: &Path, command: Command, code: i32) {
    let said = refused(command, code);
    assert!(!folder.join("ready.json").exists());
    snapshot(name, folder, &said);
}

/// What an emulator says that does not start.
fn refused(mut command: Command, code: i32) -> String {
    let output = command.output().expect("it starts");
    let said = refusal(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty());
    format!("{said}exit code {code}")
}

fn snapshot(name: &str, folder: &Path, said: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    let said = said
        .replace(&folder.display().to_string(), "[folder]")
        .replace(program::VERSION, "[version]");
    settings.bind(|| insta::assert_snapshot!(name, said));
}

/// Without the log, whose lines begin with a date.
fn refusal(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.split_inclusive('\n').filter(|line| !line.starts_with("20"));
    lines.collect()
}

/// `hsm-emulator run` without a ready-file.
fn run_without_ready_file(folder: &Path, listen: &str) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["run", "--headless", "--listen", listen, "--state"]);
    command.arg(folder.join("state"));
    command
}

#[test]
fn a_second_emulator_is_refused_the_folder_and_the_first_goes_on() {
    let folder = demo();
    let emulator = Emulator::start(folder.path());
    let said = refused(run_without_ready_file(folder.path(), "127.0.0.1:0"), 7);
    snapshot("folder-in-use", folder.path(), &said);
    // Even one that is told to use the same ready-file leaves that of the first alone.
    let before = emulator.ready_file();
    refused(run(folder.path()), 7);
    assert_eq!(emulator.ready_file(), before);
    Manager::connect(emulator.address()).receive().expect("it greets");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = demo();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    let address = taken.local_addr().expect("it is bound").to_string();
    let said = refused(run_without_ready_file(folder.path(), &address), 7);
    snapshot("port-taken", folder.path(), &said.replace(&address, "[address]"));
}

#[test]
fn an_address_of_somebody_else_is_named() {
    let folder = demo();
    let mut command = Command::new(BINARY);
    command.args(["run", "--headless", "--listen", "192.0.2.10:4433", "--state"]);
    check(
        "foreign-address",
        folder.path(),
        {
            command.arg(folder.path().join("state"));
            command
        },
        2,
    );
}

fn check_file(name: &str, content: &[u8], code: i32) {
    let folder = demo();
    let path = folder.path().join("state/state.redb");
    fs::write(&path, content).expect("it can be written");
    check(name, folder.path(), run(folder.path()), code);
    assert_eq!(
        fs::read(&path).expect("it is there"),
        content,
        "it was left as it was"
    );
}

#[test]
fn what_is_no_state_is_refused_and_left_as_it_is() {
    check_file("state-empty", b"", 6);
    check_file(
        "state-of-something-else",
        b"this is not a database, whatever it is called\n",
        6,
    );
}

#[test]
fn a_state_that_was_cut_is_refused_and_left_as_it_is() {
    let whole = fs::read(demo().path().join("state/state.redb")).expect("the demo made it");
    check_file("state-cut", &whole[..whole.len() / 2], 6);
}

#[test]
fn a_file_instead_of_a_folder_is_named() {
    let folder = tempfile::tempdir().expect("there is room");
    fs::write(folder.path().join("state"), "").expect("it can be written");
    check("state-folder-is-a-file", folder.path(), run(folder.path()), 5);
}

#[test]
fn a_state_that_is_a_folder_is_named() {
    let folder = tempfile::tempdir().expect("there is room");
    fs::create_dir_all(folder.path().join("state/state.redb")).expect("it can be made");
    check("state-is-a-folder", folder.path(), run(folder.path()), 5);
}

#[test]
fn a_ready_file_that_cannot_be_written_is_named() {
    let folder = demo();
    for (name, path) in [
        ("ready-file-nowhere", "not/there.json"),
        ("ready-file-is-a-folder", "cards"),
    ] {
        let mut command = run_without_ready_file(folder.path(), "127.0.0.1:0");
        command.arg("--ready-file").arg(folder.path().join(path));
        check(name, folder.path(), command, 5);
    }
}

#[test]
fn another_model_than_that_of_the_state_is_refused() {
    let folder = demo();
    let mut command = run(folder.path());
    command.args(["--model", "ST"]);
    check("other-model", folder.path(), command, 2);
}

/// `run --profile` with the profile of the XP, changed.
fn run_with_profile(folder: &Path, change: impl FnOnce(&str) -> String) -> Command {
    let profile = folder.join("mine.toml");
    let text = change(hsm_core::Profile::text_of(hsm_core::Model::Xp));
    fs::write(&profile, text).expect("there is room");
    let mut command = run(folder);
    command.arg("--profile").arg(profile);
    command
}

fn check_profile(name: &str, change: impl FnOnce(&str) -> String) {
    let folder = tempfile::tempdir().expect("there is room");
    let command = run_with_profile(folder.path(), change);
    check(name, folder.path(), command, 2);
    assert!(
        !folder.path().join("state/state.redb").exists(),
        "nothing was made"
    );
}

#[test]
fn a_device_has_the_profile_of_its_file_and_keeps_it() {
    let folder = tempfile::tempdir().expect("there is room");
    let mine = |text: &str| text.replace("TXP0000001", "TXP7654321");
    let command = run_with_profile(folder.path(), mine);
    let mut emulator = Emulator::spawn(folder.path(), command);
    emulator.wait_for("ready: ");
    emulator.signal("-TERM");
    assert!(emulator.end().success());
    fs::remove_file(folder.path().join("mine.toml")).expect("it is ours");
    drop(Emulator::start(folder.path()));
    let mut command = Command::new(BINARY);
    command
        .args(["state", "show", "--state"])
        .arg(folder.path().join("state"));
    let shown = String::from_utf8(command.output().expect("it starts").stdout).expect("text");
    assert!(shown.contains("TXP7654321"), "{shown}");
}

#[test]
fn a_profile_that_is_not_understood_is_refused_with_its_place() {
    check_profile("profile-unknown-field", |text| {
        text.replacen("[limits]\n", "[limits]\ninactivity = 1\n", 1)
    });
    check_profile("profile-missing-field", |text| {
        let lines = text.lines().filter(|line| !line.starts_with("inactivity_secs"));
        lines.collect::<Vec<_>>().join("\n")
    });
    check_profile("profile-wrong-value", |text| {
        text.replacen("login_tries = 7", "login_tries = \"seven\"", 1)
    });
    check_profile("profile-out-of-range", |text| {
        text.replacen("inactivity_secs = 120", "inactivity_secs = 86401", 1)
    });
    check_profile("profile-no-toml", |_| "model = \"XP\nserial".into());
    check_profile("profile-too-long", |text| {
        format!("{text}#{}\n", "x".repeat(hsm_core::PROFILE_BYTES_MAX))
    });
}

#[test]
fn a_profile_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut command = run(folder.path());
    command.arg("--profile").arg(folder.path().join("mine.toml"));
    check("profile-not-there", folder.path(), command, 5);
}

#[test]
fn a_disk_without_room_for_a_new_state_is_named() {
    let folder = tempfile::tempdir().expect("there is room");
    let command = run_on_small_disk(folder.path(), "64k", "true");
    check("no-room-for-a-new-state", folder.path(), command, 5);
}

#[test]
fn a_full_disk_ends_the_start_with_what_had_no_room() {
    let folder = demo();
    let prepare = "cp -r --sparse=always state full && { cat /dev/zero >full/rest 2>said; true; }";
    let command = run_on_small_disk(folder.path(), "8m", prepare);
    check("no-room-at-the-start", folder.path(), command, 5);
}

/// A limit on the size of files does what a full disk does, and leaves what can be looked at afterwards.
#[test]
fn what_a_full_disk_leaves_starts_again() {
    let folder = demo();
    let command = run_limited("trap '' XFSZ; ulimit -f 1", folder.path());
    check("no-room-to-write", folder.path(), command, 5);
    drop(Emulator::start(folder.path()));
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let folder = demo();
    for (path, mode) in [("", 0o755), ("state", 0o555), ("state/state.redb", 0o444)] {
        let path = folder.path().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }
    let is_root = fs::File::options()
        .append(true)
        .open(folder.path().join("state/state.redb"))
        .is_ok();
    let mut command = run(folder.path());
    if is_root {
        // Root may write everything, so the emulator is started as nobody, from where that one can reach it.
        let binary = folder.path().join("hsm-emulator");
        fs::copy(BINARY, &binary).expect("there is room");
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = Command::new(binary);
        command.args(arguments).uid(65534).gid(65534);
    }
    check("state-read-only", folder.path(), command, 5);
}
