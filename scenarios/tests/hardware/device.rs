//! A device at an address, of which the runner knows nothing but its fingerprint and its serial number, and custodians
//! whose cards go through one reader.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use apdu::hex;
use card_core::CardImage;
use pcsc_bed::test_inside;
use serde_json::Value;

use super::{PIN, RIG, Scene, programs, repository};

/// An emulator in real time, which waits for two of its three custodians, and their cards.
struct Foreign {
    emulator: Child,
    folder: PathBuf,
    address: String,
    fingerprint: String,
    serial: String,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

impl Foreign {
    fn start(folder: &Path) -> Self {
        let program = Path::new(RIG).with_file_name("hsm-emulator");
        let made = Command::new(&program)
            .args(["demo", "--dir"])
            .arg(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let ready = folder.join("ready.json");
        let mut emulator = Command::new(program)
            .args(["run", "--headless", "--listen", "127.0.0.1:0", "--state"])
            .arg(folder.join("state"))
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(emulator.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("ready: ") {
            assert_ne!(told.read_line(&mut said).unwrap(), 0, "{said}");
        }
        // What it tells from now on is read by nobody, and must not fill a pipe.
        thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        let ready: Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        let text = |member: &str| {
            ready[member]
                .as_str()
                .unwrap_or_else(|| panic!("{ready}"))
                .to_owned()
        };
        Self {
            emulator,
            folder: folder.to_owned(),
            address: text("management"),
            fingerprint: text("fingerprint"),
            serial: "TXP0000001".to_owned(),
        }
    }

    fn card(&self, holder: &str) -> PathBuf {
        self.folder.join(format!("cards/{}.card", holder.to_lowercase()))
    }

    /// A rig file with the cards of these people.
    fn write_rig(&self, path: &Path, holders: &[&str]) {
        let device = format!(
            "version = 1\n\n[device]\nserial = \"{}\"\nfingerprint = \"{}\"\n",
            self.serial, self.fingerprint
        );
        let cards = holders.iter().map(|holder| {
            let image = CardImage::from_text(&fs::read_to_string(self.card(holder)).unwrap()).unwrap();
            let serial = hex::encode(&image.csn().0);
            format!(
                "\n[[card]]\nserial = \"{serial}\"\nholder = \"{holder}\"\npin = \"{PIN}\"\nexpendable = false\n"
            )
        });
        let text: Vec<String> = [device].into_iter().chain(cards).collect();
        fs::write(path, text.concat()).unwrap();
    }
}

#[test]
fn custodians_authenticate_at_a_foreign_device_with_cards_through_one_reader() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let foreign = Foreign::start(&scene.path("foreign"));
        foreign.write_rig(&scene.path("rig.toml"), &["Ana", "Bruno"]);
        let device = format!("--dangerous --hsm tcp:{}", foreign.address);
        // From the suite, as it stands there.
        let suite = repository().join("scenarios/suite/agreement");
        scene.run(&suite, &format!("'A whole process' {device}"));
        scene.terminal.wait_for("==> put the card of Ana (");
        let inserted = scene.insert(&foreign.card("Ana"));
        // The runner has no say in when the station is done with it, but asks for the next card then.
        scene
            .terminal
            .wait_for("this is the card of Ana: that of Bruno is needed");
        drop(inserted);
        scene.terminal.wait_for("==> put the card of Bruno (");
        let inserted = scene.insert(&foreign.card("Bruno"));
        let screen = scene.wait_for_end(0);
        assert!(screen.contains("scenarios  1 passed"), "{screen}");
        let part = format!("part       HSM TXP0000001 at {}", foreign.address);
        assert!(screen.contains(&part), "{screen}");
        assert_eq!(screen.matches("part       card ").count(), 2, "{screen}");

        // Now it is activated; real time passes, which is told beforehand.
        let scenario = scene.write_scenario(
            "later",
            &[
                "Given an HSM ready for remote management",
                "When Bruno connects, authenticates and hangs up",
                "And 2 s pass",
                "And Ana connects",
                "Then Ana is told on arrival that 1 of 2 cards are in",
            ],
        );
        scene.run(&scenario, &device);
        let screen = scene.wait_for_end(0);
        assert!(
            screen.contains("the scenarios wait 2.000 s of real time in all"),
            "{screen}"
        );
        drop(inserted);

        // Nobody in this lane can do it, or should.
        let scenario = scene.write_scenario(
            "never",
            &[
                "Given an HSM ready for remote management",
                "When Ana connects",
                "And Ana asks the HSM to restart",
            ],
        );
        scene.run(&scenario, &device);
        let screen = scene.wait_for_end(4);
        assert!(screen.contains("1: no person and no part can do: "), "{screen}");
    });
}

#[test]
fn a_device_that_the_rig_file_does_not_name_is_not_managed() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let mut foreign = Foreign::start(&scene.path("foreign"));
        let scenario = scene.write_scenario(
            "stranger",
            &["Given an HSM that waits for its custodians", "When Ana connects"],
        );
        let device = format!("--dangerous --hsm tcp:{}", foreign.address);
        foreign.serial = "TXP0000002".to_owned();
        foreign.write_rig(&scene.path("rig.toml"), &["Ana"]);
        scene.run(&scenario, &device);
        let screen = scene.wait_for_end(2);
        let words = "expected an HSM that the rig file names, got one with the serial number TXP0000001";
        assert!(screen.replace('\n', "").contains(words), "{screen}");
        foreign.fingerprint = ["AB"; 32].join(":");
        foreign.write_rig(&scene.path("rig.toml"), &["Ana"]);
        scene.run(&scenario, &device);
        let screen = scene.wait_for_end(9);
        assert!(
            screen.contains("expected the certificate of the rig file"),
            "{screen}"
        );
        // Without a word about a device there is none.
        scene.write_rig(&[("Ana", 0x11)], false);
        scene.run(&scenario, &device);
        let screen = scene.wait_for_end(2);
        assert!(screen.contains("to name a device, got none"), "{screen}");
    });
}

#[test]
fn a_device_alone_is_played_with_as_far_as_no_card_is_needed() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let foreign = Foreign::start(&scene.path("foreign"));
        foreign.write_rig(&scene.path("rig.toml"), &[]);
        let device = format!("--dangerous --hsm tcp:{}", foreign.address);
        let denied = scene.write_scenario(
            "denied",
            &[
                "Given an HSM that waits for its custodians",
                "When Ana connects",
                "And Bruno connects",
                "Then Bruno is denied with busy",
                "And Ana is the manager",
            ],
        );
        scene.run_parts(&denied, &device);
        let screen = scene.wait_for_end(0);
        assert!(screen.contains("scenarios  1 passed"), "{screen}");
        assert!(!screen.contains("part       card "), "{screen}");
        let part = format!("part       HSM TXP0000001 at {}", foreign.address);
        assert!(screen.contains(&part), "{screen}");

        for steps in [
            &[
                "Given an HSM that waits for its custodians",
                "When Ana connects",
                "And Ana inserts the card",
            ][..],
            &[
                "Given an HSM that waits for its custodians",
                "When Ana takes the card out",
            ],
            &[
                "Given a card of Ana in a reader",
                "Then the PIN \"12345678\" is right",
            ],
        ] {
            scene.run_parts(&scene.write_scenario("card", steps), &device);
            let screen = scene.wait_for_end(4);
            let words = "1: needs a card: `--card pcsc:READER` names a reader";
            assert!(screen.contains(words), "{screen}");
        }

        // Cards are read only if they are named, and a run has a real part.
        scene.run(&denied, "--dangerous");
        let screen = scene.wait_for_end(2);
        assert!(
            screen.replace('\n', "").contains("to name a card, got none"),
            "{screen}"
        );
        scene.run_parts(&denied, "--dangerous");
        let screen = scene.wait_for_end(2);
        assert!(screen.contains("expected a real part, got none"), "{screen}");
    });
}

#[test]
fn a_person_presses_enter_when_it_is_done_and_says_what_the_console_shows() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let foreign = Foreign::start(&scene.path("foreign"));
        foreign.write_rig(&scene.path("rig.toml"), &["Ana"]);
        let device = format!("--dangerous --hsm tcp:{}", foreign.address);
        let scenario = scene.write_scenario(
            "console",
            &[
                "Given an HSM that waits for its custodians",
                "When somebody chooses \"Monitor\" in the menu",
                "Then the console shows \"Uptime\"",
                "And the console does not show \"Remote\"",
            ],
        );
        for (last, exit_code) in [("n", 0), ("yes", 1)] {
            scene.run(&scenario, &device);
            scene
                .terminal
                .wait_for("==> choose \"Monitor\" in the menu of the HSM's console, then press Enter");
            scene.terminal.keys(&["Enter"]);
            scene
                .terminal
                .wait_for("==> does the console of the HSM show \"Uptime\"? [y/n]");
            scene.terminal.types("perhaps");
            scene.terminal.keys(&["Enter"]);
            scene.terminal.wait_for("type y or n, then press Enter");
            scene.terminal.types("y");
            scene.terminal.keys(&["Enter"]);
            scene
                .terminal
                .wait_for("==> does the console of the HSM show \"Remote\"? [y/n]");
            scene.terminal.types(last);
            scene.terminal.keys(&["Enter"]);
            let screen = scene.wait_for_end(exit_code);
            if exit_code == 1 {
                assert!(screen.contains("a person who says that it shows it"), "{screen}");
                // With the parts, so that it can be played again as it stands.
                let line = format!("--hsm tcp:{} --rig ", foreign.address);
                assert!(screen.contains("repeat it: hsm-rig run "), "{screen}");
                assert!(screen.contains(&line), "{screen}");
                assert!(screen.contains(" --dangerous --seed 0"), "{screen}");
            }
        }
    });
}
