//! `hsm-client doctor` at stations where something is missing: what it finds, and what it says to do. Each text is a
//! snapshot, with what differs from run to run taken out.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod device;
mod schema;

use std::{
    fs,
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use device::TestDevice;
use serde_json::Value;

/// A station with a home of its own, and a device.
struct Station {
    home: tempfile::TempDir,
    device: TestDevice,
}

impl Station {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            device: TestDevice::start(),
        }
    }

    fn doctor(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hsm-client"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("HSM_CLIENT_HSM", self.device.address.to_string())
            .arg("doctor")
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// What it prints, and its exit code. Its JSON says the same.
    fn finds(&self, args: &[&str]) -> String {
        found(&mut self.doctor(args))
    }

    fn known_hsms(&self) -> std::path::PathBuf {
        self.home.path().join(".config/hsm-rig/known_hsms")
    }
}

fn found(doctor: &mut Command) -> String {
    let printed = doctor.output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let code = printed.status.code().unwrap();
    let json = doctor.arg("--json").output().unwrap();
    let json = String::from_utf8(json.stdout).unwrap();
    schema::check_line(json.trim_end());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["outcome"], &json["exit_code"]),
        (&"checked".into(), &code.into())
    );
    let findings = json["findings"].as_array().unwrap();
    let first = findings
        .iter()
        .map(|finding| finding["exit_code"].as_u64().unwrap())
        .find(|code| *code != 0);
    assert_eq!(first.unwrap_or(0), u64::try_from(code).unwrap(), "{json}");
    for finding in findings {
        assert_eq!(finding["ok"] == true, finding["exit_code"] == 0, "{finding}");
        assert_eq!(finding["ok"] == true, finding["hint"].is_null(), "{finding}");
        let check = finding["check"].as_str().unwrap();
        let how = if finding["ok"] == true {
            "good   "
        } else {
            "problem"
        };
        assert!(
            text.contains(&format!("{how}  {check:<8} ")),
            "{finding} in\n{text}"
        );
    }
    format!("{text}exit code {code}\n")
}

/// By how much the clocks differ, as it is printed. The real one goes on while the other stands still.
fn skew_secs(text: &str) -> Option<u64> {
    let (_, behind) = text.split_once("differ by ")?;
    behind.split(' ').next()?.parse().ok()
}

/// The same with every run's own values taken out.
fn check(name: &str, station: &Station, text: &str) {
    let mut text = text.replace(&station.device.address.to_string(), "ADDRESS:PORT");
    if let Some(skew) = skew_secs(&text) {
        text = text.replace(&format!("differ by {skew} s"), "differ by SECONDS s");
    }
    text = text.replace(&*station.home.path().to_string_lossy(), "HOME");
    text = text.replace(&*station.device.cards()[0].to_string_lossy(), "ana.card");
    let word = |word: &str| {
        let bare = word.trim_end_matches(',');
        let is_csn = bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_fingerprint = bare.len() == 95 && bare.split(':').count() == 32;
        match (is_csn, is_fingerprint) {
            (true, _) => word.replace(bare, "CSN"),
            (_, true) => word.replace(bare, "FINGERPRINT"),
            (false, false) => word.to_owned(),
        }
    };
    let lines = text
        .lines()
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" "));
    insta::assert_snapshot!(name, lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn everything_is_in_order() {
    let station = Station::new();
    let card = station.device.cards()[0].clone();
    let text = station.finds(&["--card", card.to_str().unwrap()]);
    assert!(skew_secs(&text).unwrap() <= 60, "{text}");
    check("in_order", &station, &text);
}

#[test]
fn the_clock_of_the_device_is_wrong() {
    let station = Station::new();
    station.device.advance(Duration::from_secs(86_400));
    let text = station.finds(&[]);
    let skew_secs = skew_secs(&text).unwrap();
    assert!((80_000..=86_400).contains(&skew_secs), "{text}");
    check("clock", &station, &text);
}

#[test]
fn nothing_listens_where_the_device_should() {
    let station = Station::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = found(station.doctor(&[]).env("HSM_CLIENT_HSM", free.to_string()));
    check(
        "port_closed",
        &station,
        &text.replace(&free.to_string(), "ADDRESS:PORT"),
    );
}

//= RM-01
#[test]
fn the_device_is_not_enabled_for_remote_management() {
    let station = Station::new();
    let [ana, bruno, _] = station.device.cards();
    for card in [&ana, &bruno] {
        let mut present = Command::new(env!("CARGO_BIN_EXE_hsm-client"));
        let presented = present
            .env_clear()
            .env("HOME", station.home.path())
            .env("PIN", device::PIN)
            .args([
                "--hsm",
                &station.device.address.to_string(),
                "auth",
                "--pin-env",
                "PIN",
                "--card",
            ])
            .arg(card)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(presented.status.success(), "{presented:?}");
    }
    station.device.press("Enter");
    check("not_armed", &station, &station.finds(&[]));
}

//= CL-06
#[test]
fn the_fingerprint_of_the_device_has_changed() {
    let station = Station::new();
    let other = vec!["00"; 32].join(":");
    let known = station.known_hsms();
    fs::create_dir_all(known.parent().unwrap()).unwrap();
    fs::write(&known, format!("{} {other}\n", station.device.address)).unwrap();
    let text = station.finds(&[]);
    assert!(text.contains(&other), "{text}");
    check("fingerprint", &station, &text);
}

#[test]
fn the_settings_cannot_be_read() {
    let station = Station::new();
    let file = station.home.path().join("settings.toml");
    fs::write(&file, "hms = \"192.0.2.1\"\n").unwrap();
    let text = station.finds(&["--config", file.to_str().unwrap()]);
    check("settings", &station, &text);
}

/// A card that is blocked, and one that holds nothing.
//= CD-05
#[test]
fn the_card_is_of_no_use() {
    let station = Station::new();
    let card = station.device.cards()[0].clone();
    let text = fs::read_to_string(&card).unwrap();
    fs::write(&card, text.replace("try_counter = 0", "try_counter = 7")).unwrap();
    check(
        "blocked",
        &station,
        &station.finds(&["--card", card.to_str().unwrap()]),
    );

    let empty = station.home.path().join("empty.card");
    let made = Command::new(device::program("virtual-card"))
        .arg("new")
        .arg(&empty)
        .args(["--pin-env", "PIN"])
        .env("PIN", device::PIN)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    check(
        "no_shadow",
        &station,
        &station.finds(&["--card", empty.to_str().unwrap()]),
    );
}

/// What only a program with PC/SC can find.
#[cfg(feature = "pcsc")]
mod pcsc {
    use std::{io::Read as _, os::unix::net::UnixListener, thread};

    use pcsc_bed::{Bed, test_inside};
    use pcsc_reader::{Presence, await_card};

    use super::*;

    /// Longer than anything here takes; only a hang is as long.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn there_is_no_daemon() {
        let station = Station::new();
        let mut doctor = station.doctor(&["--reader", "pcsc"]);
        doctor.env("PCSCLITE_CSOCK_NAME", station.home.path().join("nobody"));
        check("no_daemon", &station, &without_device(&found(&mut doctor)));
    }

    /// A daemon that polkit tells not to let somebody in closes the connection without a word (`ContextThread` in
    /// `winscard_svc.c` of pcsc-lite); the stock library makes an error of it.
    #[test]
    fn the_daemon_lets_nobody_in() {
        let station = Station::new();
        let socket = station.home.path().join("pcscd.comm");
        let daemon = UnixListener::bind(&socket).unwrap();
        thread::spawn(move || {
            for client in daemon.incoming() {
                // All of the question has come, 8 bytes of header and a body, and most of the body is left unread.
                let _ = client.unwrap().read_exact(&mut [0; 9]);
            }
        });
        let mut doctor = station.doctor(&["--reader", "pcsc"]);
        doctor.env("PCSCLITE_CSOCK_NAME", &socket);
        check("not_allowed", &station, &without_device(&found(&mut doctor)));
    }

    #[test]
    fn there_is_no_reader() {
        device::build();
        test_inside(0, |_| {
            let station = Station::new();
            check(
                "no_reader",
                &station,
                &without_device(&station.finds(&["--reader", "pcsc"])),
            );
        });
    }

    #[test]
    fn there_is_no_card() {
        device::build();
        test_inside(1, |bed| {
            let reader = &bed.readers()[0].name;
            assert!(await_card(reader, Presence::Removed, LONG).unwrap());
            let station = Station::new();
            check(
                "no_card",
                &station,
                &without_device(&station.finds(&["--reader", "pcsc"])),
            );
        });
    }

    #[test]
    fn the_card_is_mute() {
        device::build();
        test_inside(1, |bed| look_at_card(bed, "mute", "kind = \"mute\"\nat = 1\n"));
    }

    #[test]
    fn the_card_is_of_another_kind() {
        device::build();
        test_inside(1, |bed| {
            look_at_card(bed, "other_kind", "kind = \"wrong_status\"\nstatus = \"6E00\"\n");
        });
    }

    /// Looks at a card with this fault.
    fn look_at_card(bed: &Bed, name: &str, fault: &str) {
        let reader = &bed.readers()[0];
        let station = Station::new();
        let faults = station.home.path().join("faults");
        fs::write(&faults, format!("version = 1\n[[fault]]\n{fault}")).unwrap();
        let mut vicc = Command::new(device::program("virtual-card"))
            .arg("vicc")
            .arg(&station.device.cards()[0])
            .args(["--log-level", "error", "--connect"])
            .arg(format!("127.0.0.1:{}", reader.port))
            .arg("--fault")
            .arg(&faults)
            .spawn()
            .unwrap();
        assert!(await_card(&reader.name, Presence::Inserted, LONG).unwrap());
        let text = station.finds(&["--reader", "pcsc"]);
        vicc.kill().unwrap();
        vicc.wait().unwrap();
        check(name, &station, &without_device(&text));
    }

    /// The device is looked at as well, and is none of the matter.
    fn without_device(text: &str) -> String {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("good     device") && !line.starts_with("good     clock"));
        lines.map(|line| line.to_owned() + "\n").collect()
    }
}
