//! The power cut at every durable write of everything that writes, in the real program: before the write, within it,
//! after it before the device was told, and when all is done. What is on the disk then must be what one of the writes
//! left; and once the device has started, all of the deed or nothing of it, and all of it if it was acknowledged.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use hsm_core::{
    Change, LastStop, Model, ObjectId, Profile, SealedObject, ServerMasterKey, Stored, User, UserName, Vault,
};
use hsm_emulator::{FILE_NAME, OsRandom, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    custodian::present,
    emulator::{Emulator, demo},
    hand::{Bench, card, run_with_bench},
    manager::Manager,
};

/// A write that never comes.
const FAR: u64 = 1_000_000;
const PASSWORD: &str = "correct horse";

/// Where a deed begins: a state and the cards beside it.
struct Beginning {
    folder: TempDir,
    state: Vec<u8>,
}

impl Beginning {
    /// What is in the folder now.
    fn of(folder: TempDir) -> Self {
        let state = fs::read(state_file(folder.path())).expect("it is there");
        Self { folder, state }
    }

    /// A device that waits for its custodians, with remote management enabled and `master` blocked.
    fn waiting() -> Self {
        let folder = demo();
        let (store, _) = Store::open(&folder.path().join("state"))
            .expect("it is whole")
            .expect("it is there");
        // So many that an unlocked `master` is shorter where it is sealed.
        let blocked = User {
            failures: 70,
            ..User::factory_master()
        };
        store
            .persist(&[Change::SeedUsers([(UserName::master(), blocked)].into())])
            .expect("there is room");
        drop(store);
        Self::of(folder)
    }

    /// A device of this model out of the factory, with the cards of a demo beside it.
    fn fresh(model: Model) -> Self {
        let folder = demo();
        fs::remove_dir_all(folder.path().join("state")).expect("it is ours");
        // A password costs a moment here, since it is derived at every point.
        let profile = folder.path().join("profile.toml");
        let text = Profile::text_of(model).replace("memory_kib = 19_456", "memory_kib = 8");
        fs::write(&profile, text).expect("there is room");
        let mut command = run_with_bench(folder.path(), &["--clock", "manual"]);
        command.arg("--profile").arg(profile);
        let mut emulator = Emulator::spawn(folder.path(), command);
        emulator.wait_for("ready: ");
        emulator.signal("-TERM");
        assert!(emulator.end().success(), "{}", emulator.said.join("\n"));
        Self::of(folder)
    }

    /// A Pocket with an activation password.
    fn pocket() -> Self {
        let fresh = Self::fresh(Model::Pocket);
        let mut bench = Bench::start(fresh.folder.path());
        let (_, answer) = ask(&bench, "auth.activate", &json!({"password": PASSWORD}));
        assert!(answer.is_some_and(|answer| answer.get("result").is_some()));
        bench.emulator.signal("-TERM");
        assert!(bench.emulator.end().success());
        Self::of(fresh.folder)
    }

    /// The device has no power: it begins again where the deed does.
    fn restore(&self) {
        fs::write(state_file(self.folder.path()), &self.state).expect("there is room");
    }

    fn stored(&self) -> Stored {
        let (_, kept) = Store::open(&self.folder.path().join("state"))
            .expect("it is whole")
            .expect("it is there");
        kept.stored
    }
}

fn state_file(folder: &Path) -> PathBuf {
    folder.join("state").join(FILE_NAME)
}

/// A new connection, and what it was answered; `None` if the power went first.
fn ask(bench: &Bench, method: &str, params: &Value) -> (Manager, Option<Value>) {
    let mut manager = Manager::connect(bench.emulator.address());
    let answer = manager.ask_with(method, params);
    (manager, answer)
}

/// Where the device is when a deed is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// On, without having been down.
    On,
    /// On, and it has been down.
    StartedAgain,
    Off,
}

/// Something that may write. It is prepared by one hand, and done by another while the power may go.
struct Deed<'a> {
    name: &'a str,
    over: Over,
    /// Durable writes that it has at least.
    writes_min: u64,
    /// Gets the device ready, and gives the manager who will ask.
    prepare: &'a dyn Fn(&Path, &Bench) -> Option<Manager>,
    /// Does it, and says whether it was acknowledged.
    perform: &'a dyn Fn(&Path, &Bench, Option<&mut Manager>) -> bool,
}

/// How the device was found, and what it had said.
struct Found {
    stored: Stored,
    is_acknowledged: bool,
    writes: u64,
}

impl Deed<'_> {
    /// Begins again, with everything durable that came before the deed.
    fn begin(&self, beginning: &Beginning, bench: &Bench) -> Option<Manager> {
        beginning.restore();
        bench.faults(&json!({}));
        let state = bench.power("on");
        assert_eq!(state["power"], "on", "{}: {state}", self.name);
        let manager = (self.prepare)(beginning.folder.path(), bench);
        while bench.state()["writes_pending"] != 0 {}
        manager
    }

    /// Does it with a cut at this write, and leaves the device without power.
    fn run(&self, beginning: &Beginning, bench: &Bench, cut_at_write: u64, moment: &str) -> Found {
        let folder = beginning.folder.path();
        let mut manager = self.begin(beginning, bench);
        let from = bench.next_event();
        bench.faults(&json!({"cut_at_write": cut_at_write, "cut_moment": moment}));
        let is_acknowledged = (self.perform)(folder, bench, manager.as_mut());
        let mut state = bench.state();
        while state["power"] != "cut" && !self.is_over(bench, &state, from) {
            state = bench.state();
        }
        let left = state["faults"]["cut_at_write"].as_u64().expect("a number");
        if state["power"] != "cut" {
            bench.power("cut");
        }
        Found {
            stored: beginning.stored(),
            is_acknowledged,
            writes: cut_at_write - left,
        }
    }

    fn is_over(&self, bench: &Bench, state: &Value, from: u64) -> bool {
        let is_there = match self.over {
            Over::On => state["power"] == "on",
            Over::StartedAgain => {
                state["power"] == "on" && bench.kinds_from(from).iter().any(|kind| kind == "started")
            }
            Over::Off => state["power"] == "off",
        };
        is_there && state["writes_pending"] == 0
    }

    /// Cuts the power at every moment of every write, and at the end; gives the number of these points.
    fn sweep(&self, beginning: &Beginning, bench: &Bench) -> u64 {
        let name = self.name;
        let whole = self.run(beginning, bench, FAR, "before");
        assert!(whole.is_acknowledged, "{name}");
        let writes = whole.writes;
        assert!(writes >= self.writes_min, "{name}: {writes} writes");
        let done = fixed(&whole.stored);
        start_again(bench, name);
        bench.power("cut");
        drop(self.begin(beginning, bench));
        bench.power("cut");
        // What the disk holds before the first write, after it, after the second, and so on.
        let mut held = vec![fixed(&beginning.stored())];
        for write in 1..=writes {
            for moment in ["after", "before", "within"] {
                let found = self.run(beginning, bench, write, moment);
                let at = format!("{name}: write {write} of {writes}, {moment}");
                assert_eq!(found.writes, write, "{at}");
                let kept = fixed(&found.stored);
                match moment {
                    "after" => held.push(kept.clone()),
                    "before" => assert_eq!(Some(&kept), held.iter().rev().nth(1), "{at}"),
                    _ => assert!(
                        held.iter().rev().take(2).any(|held| *held == kept),
                        "{at}: {kept:?}"
                    ),
                }
                start_again(bench, &at);
                bench.power("cut");
                let kept = settled(&beginning.stored());
                let (nothing, all) = (settled(&held[0]), settled(&done));
                assert!(kept == nothing || kept == all, "{at}: neither nor: {kept:?}");
                if found.is_acknowledged {
                    //= LF-06
                    assert_eq!(kept, all, "{at}: it was acknowledged");
                    assert!(write > 1, "{at}: it was acknowledged before anything was durable");
                }
            }
        }
        assert_eq!(held.last(), Some(&done), "{name}");
        3 * writes + 1
    }
}

/// The power returns, and the device comes up with its self test passed.
fn start_again(bench: &Bench, at: &str) {
    let from = bench.next_event();
    let mut state = bench.power("on");
    if state["power"] == "off" {
        state = bench.power("on");
    }
    assert_eq!(state["power"], "on", "{at}: {state}");
    let events = bench
        .ask("GET", &format!("/v1/events?from={from}"), &Value::Null)
        .body;
    assert!(events.contains("self test passed"), "{at}: {events}");
}

/// Without what the program draws anew each time: the salt and the key of a Pocket, and the nonces of sealed users, of
/// whom the lengths are left.
fn fixed(stored: &Stored) -> Stored {
    let mut stored = stored.clone();
    let mut lens: Vec<_> = stored
        .sealed_users
        .values()
        .map(|sealed| sealed.as_bytes().len())
        .collect();
    lens.sort_unstable();
    let by_length = |(number, len)| {
        let sealed = SealedObject::new(vec![0; len]).expect("it was as long");
        (ObjectId::new([number; ObjectId::BYTES]), sealed)
    };
    stored.sealed_users = (0..).zip(lens).map(by_length).collect();
    if stored.activation.take().is_some() {
        // Its key is drawn, too, so only whether there is one can be compared.
        stored.binding = None;
        stored.replication_domain = Some("a Pocket with a password".into());
    }
    stored
}

/// Without what any start and stop writes, without the tries that are counted before a password is compared, and with
/// every user as the next activation would seal it.
fn settled(stored: &Stored) -> Stored {
    let mut stored = stored.clone();
    let vault = Vault::of(&ServerMasterKey::generate(&mut OsRandom));
    let users = std::mem::take(&mut stored.users);
    let sealed = users.iter().map(|(name, user)| vault.seal_user(name, user));
    stored.sealed_users.extend(sealed);
    Stored {
        last_stop: LastStop::PowerCut,
        switched_on: true,
        activation_failures: 0,
        ..fixed(&stored)
    }
}

fn sweep_all(beginning: &Beginning, deeds: &[Deed<'_>]) {
    let bench = Bench::start(beginning.folder.path());
    bench.power("cut");
    for deed in deeds {
        let points = deed.sweep(beginning, &bench);
        // Past the capture of the test runner: this figure is asked for.
        writeln!(
            io::stdout(),
            "the power was cut at {points} points of: {}",
            deed.name
        )
        .expect("it is open");
    }
}

fn nobody(_: &Path, _: &Bench) -> Option<Manager> {
    None
}

fn type_pin(folder: &Path, bench: &Bench, custodian: &str) {
    bench.insert(&card(folder, custodian));
    bench.type_text("12345678");
    bench.keys(&["Enter"]);
    bench.ask("DELETE", "/v1/reader/card", &Value::Null);
}

fn activate(folder: &Path, bench: &Bench) {
    bench.keys(&["Esc"]);
    type_pin(folder, bench, "ana");
    type_pin(folder, bench, "bruno");
    assert_eq!(bench.state()["activated"], true, "{}", bench.screen());
}

/// The second custodian, who may operate.
fn administrator(folder: &Path, bench: &Bench) -> Manager {
    let mut first = Manager::connect(bench.emulator.address());
    let outcome = present(&mut first, &card(folder, "ana"));
    assert_eq!(outcome["result"]["outcome"], "intermediary", "{outcome}");
    first.ask("session.close");
    let mut second = Manager::connect(bench.emulator.address());
    let outcome = present(&mut second, &card(folder, "carla"));
    assert_eq!(outcome["result"]["outcome"], "administrator", "{outcome}");
    second
}

fn owner(bench: &Bench) -> Manager {
    let (manager, answer) = ask(bench, "auth.activate", &json!({"password": PASSWORD}));
    assert_eq!(answer.expect("it answers")["result"]["outcome"], "administrator");
    manager
}

/// Asks, and whether that was answered with what was asked for.
fn is_done(manager: Option<&mut Manager>, method: &str, params: &Value) -> bool {
    let answer = manager.expect("somebody asks").ask_with(method, params);
    answer.is_some_and(|answer| {
        assert!(answer.get("result").is_some(), "{method}: {answer}");
        true
    })
}

/// A function that asks for an operation.
macro_rules! asks {
    ($method:expr, $params:tt) => {
        &|_: &Path, _: &Bench, manager: Option<&mut Manager>| is_done(manager, $method, &json!($params))
    };
}

//= LF-06
//= OP-10
#[test]
fn every_operation_of_an_administrator_is_done_or_not_begun() {
    let prepare = |folder: &Path, bench: &Bench| Some(administrator(folder, bench));
    let deed = |name, over, writes_min, perform| Deed {
        name,
        over,
        writes_min,
        prepare: &prepare,
        perform,
    };
    let stopped = |folder: &Path, bench: &Bench| {
        let mut manager = administrator(folder, bench);
        assert!(is_done(Some(&mut manager), "ops.stop_service", &json!({})));
        Some(manager)
    };
    let confirmed = json!({"confirm": "TXP0000001"});
    let mode = json!({"confirm": "TXP0000001", "mode": "RM1"});
    sweep_all(
        &Beginning::waiting(),
        &[
            deed("stop service", Over::On, 0, asks!("ops.stop_service", {})),
            Deed {
                prepare: &stopped,
                ..deed("start service", Over::On, 0, asks!("ops.start_service", {}))
            },
            deed("restart", Over::StartedAgain, 2, asks!("ops.restart", {})),
            deed("switch off", Over::Off, 1, asks!("ops.power_off", {})),
            deed("unlock master", Over::On, 1, asks!("ops.unlock_master", {})),
            deed(
                "factory reset",
                Over::StartedAgain,
                2,
                asks!("ops.factory_reset", (confirmed)),
            ),
            deed("set mode", Over::StartedAgain, 2, asks!("ops.set_mode", (mode))),
        ],
    );
}

//= LF-06
//= OP-10
#[test]
fn everything_that_the_owner_of_a_pocket_does_is_done_or_not_begun() {
    let fresh = Beginning::fresh(Model::Pocket);
    let stranger = |_: &Path, bench: &Bench| Some(Manager::connect(bench.emulator.address()));
    sweep_all(
        &fresh,
        &[Deed {
            name: "first activation password",
            over: Over::On,
            writes_min: 1,
            prepare: &stranger,
            perform: asks!("auth.activate", {"password": PASSWORD}),
        }],
    );
    let prepare = |_: &Path, bench: &Bench| Some(owner(bench));
    let deed = |name, over, writes_min, perform| Deed {
        name,
        over,
        writes_min,
        prepare: &prepare,
        perform,
    };
    let wrong = |_: &Path, _: &Bench, manager: Option<&mut Manager>| {
        let wrong = json!({"password": "battery staple"});
        let answer = manager.expect("somebody asks").ask_with("auth.activate", &wrong);
        answer.is_some_and(|answer| {
            assert_eq!(answer["error"]["data"]["tries_left"], 5, "{answer}");
            true
        })
    };
    let network = json!({"interfaces": [{"name": "Interface 1", "ip": "192.0.2.99"}], "gateway": null});
    let confirmed = json!({"confirm": "TPK0000001"});
    let mode = json!({"confirm": "TPK0000001", "mode": "RM1"});
    sweep_all(
        &Beginning::pocket(),
        &[
            Deed {
                prepare: &stranger,
                ..deed("wrong activation password", Over::On, 1, &wrong)
            },
            Deed {
                prepare: &stranger,
                ..deed(
                    "right activation password",
                    Over::On,
                    2,
                    asks!("auth.activate", {"password": PASSWORD}),
                )
            },
            deed(
                "change of the activation password",
                Over::On,
                2,
                asks!("auth.change_password", {"old": PASSWORD, "new": "battery staple"}),
            ),
            deed("network settings", Over::On, 1, asks!("network.set", (network))),
            deed("stop service", Over::On, 0, asks!("ops.stop_service", {})),
            deed("restart", Over::StartedAgain, 2, asks!("ops.restart", {})),
            deed("switch off", Over::Off, 1, asks!("ops.power_off", {})),
            deed("unlock master", Over::On, 1, asks!("ops.unlock_master", {})),
            deed(
                "factory reset",
                Over::StartedAgain,
                2,
                asks!("ops.factory_reset", (confirmed)),
            ),
            deed("set mode", Over::StartedAgain, 2, asks!("ops.set_mode", (mode))),
        ],
    );
}

//= LF-06
//= OP-10
#[test]
fn everything_at_the_console_is_done_or_not_begun() {
    let is_on = |bench: &Bench| bench.state()["power"] != "cut";
    let bind = |folder: &Path, bench: &Bench, _: Option<&mut Manager>| {
        bench.keys(&["Enter"]);
        type_pin(folder, bench, "ana");
        type_pin(folder, bench, "bruno");
        bench.state()["activated"] == true
    };
    sweep_all(
        &Beginning::fresh(Model::Xp),
        &[Deed {
            name: "first activation",
            over: Over::On,
            writes_min: 1,
            prepare: &nobody,
            perform: &bind,
        }],
    );
    let stopped_listening = |_: &Path, bench: &Bench| {
        bench.keys(&["Esc"]);
        None
    };
    let activated = |folder: &Path, bench: &Bench| {
        activate(folder, bench);
        None
    };
    let type_pins = |folder: &Path, bench: &Bench, _: Option<&mut Manager>| {
        type_pin(folder, bench, "ana");
        type_pin(folder, bench, "bruno");
        bench.state()["activated"] == true
    };
    let enable = |_: &Path, bench: &Bench, _: Option<&mut Manager>| {
        bench.keys(&["Down", "Down", "Down", "Enter"]);
        bench.state()["remote_management"] == "enabled"
    };
    let disable = |_: &Path, bench: &Bench, _: Option<&mut Manager>| {
        let from = bench.next_event();
        bench.keys(&["Esc"]);
        is_on(bench)
            && bench
                .kinds_from(from)
                .iter()
                .any(|kind| kind == "remote_management_disabled")
    };
    let button = |_: &Path, bench: &Bench, _: Option<&mut Manager>| bench.power("off")["power"] == "off";
    let deed = |name, writes_min, prepare, perform| Deed {
        name,
        over: Over::On,
        writes_min,
        prepare,
        perform,
    };
    let waiting = Beginning::waiting();
    sweep_all(
        &waiting,
        &[
            deed("activation", 0, &stopped_listening, &type_pins),
            deed("enable remote management", 1, &activated, &enable),
            deed("disable remote management", 1, &nobody, &disable),
            Deed {
                over: Over::Off,
                ..deed("power button", 1, &stopped_listening, &button)
            },
        ],
    );
    // The demo's own set is another one for a device that was bound to a set of its own.
    let other = demo();
    let reset = |_: &Path, bench: &Bench, _: Option<&mut Manager>| {
        let from = bench.next_event();
        for custodian in ["ana", "bruno"] {
            type_pin(other.path(), bench, custodian);
        }
        bench.keys(&["Right", "Enter"]);
        let is_told = || {
            bench
                .kinds_from(from)
                .iter()
                .any(|kind| kind == "database_erased")
        };
        while is_on(bench) && !is_told() {}
        is_on(bench)
    };
    sweep_all(
        &waiting,
        &[Deed {
            over: Over::StartedAgain,
            ..deed("reset for another set", 2, &stopped_listening, &reset)
        }],
    );
}
