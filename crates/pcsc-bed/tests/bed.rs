//! A bed holds what it promises: its readers, their number, its end, and nobody else's.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
};

use pcsc_bed::{Bed, READERS_MAX, is_inside, play_inside, test_inside};

/// What `opensc-tool -l` lists, a name a line.
fn listed() -> Vec<String> {
    let output = Command::new("opensc-tool")
        .arg("-l")
        .output()
        .expect("opensc is installed");
    let text = String::from_utf8(output.stdout).expect("names are text");
    let lines = text.lines().skip(2);
    lines
        .map(|line| line.split("  ").last().unwrap_or_default().trim().to_owned())
        .collect()
}

#[test]
fn the_stock_daemon_knows_the_readers_of_the_bed() {
    test_inside(3, |bed| {
        let ours: Vec<&str> = bed.readers().iter().map(|reader| reader.name.as_str()).collect();
        assert_eq!(ours, ["Bed 0 00 00", "Bed 0 00 01", "Bed 1 00 00"]);
        assert_eq!(
            listed(),
            ["Bed 0 00 00", "Bed 0 00 01", "Bed 1 00 00", "Bed 1 00 01"]
        );
        for reader in bed.readers() {
            TcpStream::connect(("127.0.0.1", reader.port)).expect("it waits for a card");
        }
    });
}

#[test]
fn a_bed_has_as_many_readers_as_the_daemon_takes_and_no_more() {
    test_inside(READERS_MAX, |bed| {
        let ours: Vec<&str> = bed.readers().iter().map(|reader| reader.name.as_str()).collect();
        assert_eq!(listed(), ours);
        let problem = Bed::make(READERS_MAX + 1).expect_err("too many");
        assert!(
            problem.what.ends_with("expected 0 to 16 readers, got 17"),
            "{problem}"
        );
    });
}

#[test]
fn a_bed_without_readers_has_a_daemon_that_serves() {
    test_inside(0, |bed| {
        assert_eq!(bed.readers(), []);
        let mut client = Command::new("pcsc_scan");
        let said = client.arg("-r").output().expect("pcsc-tools is installed");
        let said = String::from_utf8(said.stdout).expect("it prints text");
        assert!(said.contains("No reader found"), "{said}");
    });
}

#[test]
fn the_daemon_comes_back_after_it_was_killed() {
    test_inside(1, |bed| {
        bed.restart_daemon().expect("it starts as it did before");
        assert_eq!(listed().len(), 2);
        assert!(bed.log().contains("daemon ready"), "{}", bed.log());
    });
}

#[test]
fn a_bed_sees_nothing_of_the_machine_and_the_machine_nothing_of_it() {
    if is_inside() {
        let port: u16 = env::var("MACHINE_PORT")
            .expect("the test set it")
            .parse()
            .expect("a port");
        assert!(
            TcpStream::connect(("127.0.0.1", port)).is_err(),
            "the machine's loopback is another one"
        );
        assert!(!Path::new("/run/lock").exists(), "its /run is its own");
        fs::write("/run/mark", "x").expect("and can be written");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let port = listener.local_addr().expect("it is bound").port();
    let harness = env::current_exe().expect("a test knows its own program");
    let name = "a_bed_sees_nothing_of_the_machine_and_the_machine_nothing_of_it";
    let args = ["MACHINE_PORT=".to_owned() + &port.to_string()];
    let args = args
        .iter()
        .map(OsString::from)
        .chain([harness.into_os_string()])
        .chain(["--exact", name, "--nocapture"].map(OsString::from));
    let status = play_inside(OsStr::new("env"), args).expect("namespaces are allowed here");
    assert!(status.success(), "{status}");
    assert!(
        !Path::new("/run/mark").exists(),
        "the machine's /run is as it was"
    );
}

#[test]
fn the_exit_code_of_what_was_played_comes_out() {
    for (script, code) in [("exit 7", 7), ("kill -KILL $$", 137)] {
        let status = play_inside(OsStr::new("sh"), ["-c", script].map(OsString::from));
        let status = status.expect("namespaces are allowed here");
        assert_eq!(status.code(), Some(code), "{script}");
    }
}

/// The asker is this test's program once more; it is killed, and what it played must be gone, which the end of a pipe
/// says that only the played program holds.
#[test]
fn nothing_is_left_when_the_one_who_asked_is_killed() {
    const ASKER: &str = "PCSC_BED_TEST_ASKER";
    if env::var_os(ASKER).is_some() {
        let script = "echo started; exec tail -f /dev/null";
        play_inside(OsStr::new("sh"), ["-c", script].map(OsString::from))
            .expect("namespaces are allowed here");
        return;
    }
    let harness = env::current_exe().expect("a test knows its own program");
    let mut asker = Command::new(harness)
        .args([
            "--exact",
            "nothing_is_left_when_the_one_who_asked_is_killed",
            "--nocapture",
        ])
        .env(ASKER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started once more");
    let mut lines = BufReader::new(asker.stdout.take().expect("it was asked for")).lines();
    assert!(
        lines.any(|line| line.expect("it is text").ends_with("started")),
        "it never started"
    );
    asker.kill().expect("it is ours");
    asker.wait().expect("it is ours");
    // Ends only when nobody holds the pipe any more.
    assert_eq!(lines.count(), 0);
}
