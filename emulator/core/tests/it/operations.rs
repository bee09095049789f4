//! The table of operations against devices: each is brought into every state that it can be brought into, and everybody
//! who can be there asks for every operation. Knows no verdict; they are `hsm_core::Operation::verdict`'s, which
//! `docs/operations.md` prints.

use std::collections::{BTreeMap, VecDeque};

use hsm_core::{
    Access, Device, Event, Gone, Input, Key, LifeCycle, Model, Operation, Operator, RemoteManagement, Screen,
    Verdict,
};
use protocol::ErrorName;
use serde_json::{Value, json};

use crate::bench::{Bench, PIN, Seen};

const PASSWORD: &str = "a first password";
/// From the main menu's first entry, upwards.
const LOCK_CONSOLE: [Key; 3] = [Key::Up, Key::Up, Key::Enter];
/// More screens than a person at the console can come to in one state. A search that sees more has lost its way.
const SCREENS_MAX: usize = 1000;

fn state(bench: &Bench) -> LifeCycle {
    bench.device.as_ref().map_or(LifeCycle::Off, Device::state)
}

/// What an honest person gives to an operation, so that nothing but the table can be in its way.
fn parameters(operation: Operation, serial: &str) -> Value {
    match operation {
        Operation::StopService
        | Operation::StartService
        | Operation::Restart
        | Operation::PowerOff
        | Operation::UnlockMaster => json!({}),
        Operation::LiveSync | Operation::FactoryReset => json!({"confirm": serial}),
        Operation::SetMode => json!({"mode": "RM1", "confirm": serial}),
        Operation::SetNetwork => json!({"gateway": "192.0.2.1"}),
        Operation::ChangePassword => json!({"old": PASSWORD, "new": "another password"}),
    }
}

// The states.

/// Somebody is the administrator, if the one who is there can become it.
fn authenticated(mut bench: Bench) -> Bench {
    if bench.profile.has_console() {
        bench.present(0);
        bench.present(1);
    } else {
        bench.ask_with("auth.activate", &json!({ "password": PASSWORD }));
    }
    bench
}

/// The administrator asks for this operation.
fn operated(mut bench: Bench, operation: Operation) -> Bench {
    assert!(bench.administrator().is_some(), "`{}`", operation.name());
    bench.ask(operation.method().name());
    bench
}

fn left(mut bench: Bench) -> Bench {
    if let Some(connection) = bench.manager {
        let how = Gone::Finished;
        bench.input(Input::Gone { connection, how });
    }
    bench
}

/// A device in this state that nobody is connected to, enabled for remote management if it can be. Who was there has
/// left by itself only where the device lets a manager stay.
fn brought_into(model: Model, aim: LifeCycle) -> Option<Bench> {
    let off = Bench::of(model, 2).with_a_node();
    let running = || {
        let mut bench = off.clone().switched_on();
        bench.arrive();
        authenticated(bench)
    };
    let locked = |mut bench: Bench| {
        bench.press(&[Key::Esc]);
        bench.press(&LOCK_CONSOLE);
        bench
    };
    let bench = match aim {
        LifeCycle::Off => off,
        LifeCycle::Starting => {
            let mut bench = off;
            bench.input(Input::PowerButton);
            bench
        }
        LifeCycle::FirstBoot => off.out_of_the_factory().with_a_node().switched_on(),
        LifeCycle::Waiting => {
            let mut bench = operated(running(), Operation::Restart);
            assert_eq!(bench.manager, None, "{model}: a restart ends the session");
            bench.wait(bench.profile.limits.stop);
            bench.wait(bench.profile.limits.start);
            bench
        }
        LifeCycle::Stopped => left(operated(running(), Operation::StopService)),
        LifeCycle::Running => left(running()),
        LifeCycle::StoppedLocked => locked(left(operated(running(), Operation::StopService))),
        LifeCycle::RunningLocked => locked(left(running())),
        // The power button of a rack model ends the session before it stops the device (RM-17).
        LifeCycle::Stopping if model == Model::Pocket => {
            let mut bench = running();
            bench.input(Input::PowerButton);
            assert_eq!(bench.manager, None, "{model}: the power button ends the session");
            bench
        }
        LifeCycle::Stopping => {
            let bench = operated(running(), Operation::PowerOff);
            assert_eq!(bench.manager, None, "{model}: a switch-off ends the session");
            bench
        }
    };
    (state(&bench) == aim).then_some(bench)
}

// Managers.

/// A manager who is let in without the device leaving its state.
fn with_manager(bench: &Bench) -> Option<Bench> {
    let mut bench = bench.clone();
    let before = state(&bench);
    bench.sights.clear();
    bench.arrive();
    assert_eq!(state(&bench), before);
    let is_denied = bench.lines().any(|line| line["method"] == "session.denied");
    assert_ne!(bench.manager.is_some(), is_denied);
    bench.manager.is_some().then_some(bench)
}

/// A manager who becomes the administrator without the device leaving its state.
fn with_administrator(bench: &Bench) -> Option<Bench> {
    let before = state(bench);
    let bench = authenticated(with_manager(bench)?);
    assert_eq!(bench.administrator(), bench.manager, "whoever is there is honest");
    (state(&bench) == before).then_some(bench)
}

/// What the device told of operations, each with its verdict.
fn judged(bench: &Bench, by: impl Fn(Operator) -> bool) -> Vec<(Operation, Verdict)> {
    let judged = bench.sights.iter().filter_map(|sight| match &sight.seen {
        Seen::Event(Event::OperationAccepted { operation, by }) => Some((*by, *operation, Ok(()))),
        Seen::Event(Event::OperationRefused { operation, by, error }) => Some((*by, *operation, Err(*error))),
        Seen::Event(_)
        | Seen::LocalAct
        | Seen::LocalShadow(_)
        | Seen::Spoke(_)
        | Seen::Left(_)
        | Seen::Line(..)
        | Seen::End(_)
        | Seen::NetworkDown => None,
    });
    judged
        .filter(|(operator, ..)| by(*operator))
        .map(|(_, operation, verdict)| (operation, verdict))
        .collect()
}

/// A manager asks, and both the answer and the event are as the table says.
fn check_manager(bench: &Bench, operation: Operation, expected: Verdict, cell: &str) {
    let mut bench = bench.clone();
    bench.sights.clear();
    let manager = bench.manager;
    let serial = bench.profile.serial.clone();
    let asked = bench
        .ask_with(operation.method().name(), &parameters(operation, &serial))
        .expect("a manager is there");
    let answer = bench.answer_to(asked).unwrap_or(&Value::Null);
    match expected {
        // It was accepted; the node is not there.
        Ok(()) if operation == Operation::LiveSync => {
            assert_eq!(answer["error"]["data"]["reason"], "node_unreachable", "{cell}");
        }
        Ok(()) => assert!(answer["result"].is_object(), "{cell}: {answer}"),
        Err(error) => assert_eq!(answer["error"]["data"]["name"], error.name(), "{cell}"),
    }
    let is_the_manager =
        |by| matches!(by, Operator::Remote { connection, .. } if Some(connection) == manager);
    assert_eq!(judged(&bench, is_the_manager), [(operation, expected)], "{cell}");
}

// The console.

/// Everything that a person at the console comes to in one state.
struct Console {
    /// A device for each screen, the first as it was.
    screens: Vec<Bench>,
    /// Every operation that was asked for on the way, with every verdict that it met.
    asked: BTreeMap<Operation, Vec<Verdict>>,
    /// Whether any key led to another state.
    has_a_way_out: bool,
}

/// Presses everything on every screen, and stays in the state. Two screens are told apart if they look different or
/// were come to from different ones: the field for the serial number does not say which mode it is for.
fn walked(bench: &Bench) -> Console {
    let confirmed: Vec<_> = bench
        .profile
        .serial
        .chars()
        .map(Key::Char)
        .chain([Key::Enter])
        .collect();
    let start_pin: Vec<_> = PIN.chars().map(Key::Char).chain([Key::Enter]).collect();
    let single = [
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Tab,
        Key::Enter,
        Key::Esc,
        Key::Backspace,
        Key::Function(1),
    ];
    let acts: Vec<_> = single
        .into_iter()
        .map(|key| vec![key])
        .chain([confirmed, start_pin])
        .collect();
    let look = |bench: &Bench| -> Option<(Screen, RemoteManagement)> {
        let device = bench.device.as_ref()?;
        Some((device.screen(), device.remote_management()))
    };

    // No card is put in: what a set leads to is another state, or the offer of a reset, which is no operation (LF-05).
    let mut first = bench.clone();
    first.cards.clear();
    let mut console = Console {
        screens: Vec::new(),
        asked: BTreeMap::new(),
        has_a_way_out: false,
    };
    let mut seen = vec![(look(&first), None)];
    let mut to_walk = VecDeque::from([first]);
    while let Some(here) = to_walk.pop_front() {
        // What is typed into the fields of a page is judged elsewhere; there is no end to it.
        let is_open = is_an_open_form(&here);
        for act in acts
            .iter()
            .filter(|act| !is_open || matches!(act[..], [Key::Enter | Key::Esc]))
        {
            let mut next = here.clone();
            next.sights.clear();
            next.press(act);
            for (operation, verdict) in judged(&next, |by| by == Operator::Local) {
                console.asked.entry(operation).or_default().push(verdict);
            }
            if state(&next) != state(bench) {
                console.has_a_way_out = true;
                continue;
            }
            let way = (look(&next), Some(look(&here)));
            if !seen.contains(&way) {
                seen.push(way);
                to_walk.push_back(next);
            }
        }
        console.screens.push(here);
        assert!(console.screens.len() <= SCREENS_MAX);
    }
    console
}

/// Whether a text can be typed that is neither a PIN nor the serial number.
fn is_an_open_form(bench: &Bench) -> bool {
    bench.device.as_ref().is_some_and(|device| {
        let screen = device.screen();
        let shown = screen.to_string();
        screen.cursor.is_some() && !shown.contains("PIN") && !shown.contains("Serial number")
    })
}

/// Somebody at the console asked, and met what the table says, or what is checked after it.
fn check_console(met: &[Verdict], operation: Operation, expected: Verdict, cell: &str) {
    assert!(met.contains(&expected), "{cell}: {met:?}");
    for verdict in met {
        let is_checked_later = match verdict {
            Err(ErrorName::ConfirmationMismatch) => operation.is_confirmed(),
            // The mode that the device has already.
            Err(ErrorName::WrongState) => operation == Operation::SetMode,
            Ok(()) | Err(_) => false,
        };
        assert!(
            *verdict == expected || (expected.is_ok() && is_checked_later),
            "{cell}: {verdict:?}"
        );
    }
}

// The cells.

/// Why nobody can ask for this there, if nobody can.
fn out_of_reach(
    operation: Operation,
    access: Access,
    model: Model,
    state: LifeCycle,
) -> Option<&'static str> {
    let is_pocket = model == Model::Pocket;
    match (access, state) {
        (_, LifeCycle::StoppedLocked | LifeCycle::RunningLocked) if is_pocket => {
            Some("a Pocket has no console that could be locked (PK-01)")
        }
        (Access::Console, _) if is_pocket => Some("a Pocket has no console (PK-01)"),
        (
            Access::Anyone | Access::Administrator,
            LifeCycle::Off | LifeCycle::Starting | LifeCycle::Stopping,
        ) => Some("no manager is let in, and none stays (RM-05)"),
        (Access::Anyone | Access::Administrator, LifeCycle::StoppedLocked | LifeCycle::RunningLocked) => {
            Some("a locked console shows no menu, and only a menu enables remote management (RM-16, LC-05)")
        }
        (Access::Anyone | Access::Administrator, LifeCycle::FirstBoot) if !is_pocket => {
            Some("nobody can have enabled remote management (LF-01, RM-01)")
        }
        (Access::Administrator, LifeCycle::FirstBoot | LifeCycle::Waiting) => {
            Some("whoever becomes the administrator activates the device (AU-15, PK-02)")
        }
        (Access::Anyone, LifeCycle::FirstBoot | LifeCycle::Waiting)
        | (Access::Anyone | Access::Administrator, LifeCycle::Stopped | LifeCycle::Running) => None,
        (Access::Console, LifeCycle::Off | LifeCycle::Starting | LifeCycle::Stopping) => {
            Some("the console takes no keys")
        }
        (Access::Console, LifeCycle::FirstBoot) => {
            Some("the console offers the Smart Card Manager alone (LF-01)")
        }
        (Access::Console, LifeCycle::Waiting) => Some("the console asks for the start PIN (LF-03)"),
        (Access::Console, LifeCycle::StoppedLocked | LifeCycle::RunningLocked) => {
            Some("the console asks for the set (LC-05)")
        }
        (Access::Console, LifeCycle::Stopped | LifeCycle::Running) => match (operation, state) {
            (Operation::LiveSync | Operation::ChangePassword, _) => Some("no menu offers it"),
            (Operation::StopService, LifeCycle::Stopped) | (Operation::StartService, LifeCycle::Running) => {
                Some("the menu offers the opposite")
            }
            (
                Operation::StopService
                | Operation::StartService
                | Operation::Restart
                | Operation::PowerOff
                | Operation::UnlockMaster
                | Operation::FactoryReset
                | Operation::SetMode
                | Operation::SetNetwork,
                _,
            ) => None,
        },
    }
}

//= OP-08
//= OP-09
#[test]
fn a_device_answers_each_operation_as_the_table_says_whoever_asks_on_every_model_in_every_state() {
    let mut asked = 0;
    let mut unreachable: BTreeMap<&str, usize> = BTreeMap::new();
    for (model, state) in Model::ALL
        .into_iter()
        .flat_map(|model| LifeCycle::ALL.map(|state| (model, state)))
    {
        let bench = brought_into(model, state);
        let console = bench.as_ref().map(walked);
        //= PK-01
        let is_pocket = model == Model::Pocket;
        assert_eq!(
            bench.is_none(),
            is_pocket && state.is_locked(),
            "{model}, {state:?}"
        );
        assert!(!is_pocket || console.as_ref().is_none_or(|console| !console.has_a_way_out));
        // A manager knocks at every screen: one of them may be where remote management is enabled.
        let screens = || {
            let screens = console.iter().flat_map(|console| &console.screens);
            screens.cloned().map(|mut screen| {
                screen
                    .cards
                    .extend(bench.iter().flat_map(|bench| bench.cards.clone()));
                screen
            })
        };
        let anyone = screens().find_map(|bench| with_manager(&bench));
        let administrator = screens().find_map(|bench| with_administrator(&bench));
        for access in Access::ALL {
            for operation in Operation::ALL {
                let cell = format!("`{}`, {access:?}, {model}, {state:?}", operation.name());
                let expected = operation.verdict(access, model, state);
                let manager = match access {
                    Access::Anyone => anyone.as_ref(),
                    Access::Administrator => administrator.as_ref(),
                    Access::Console => None,
                };
                let met = match access {
                    Access::Anyone | Access::Administrator => None,
                    Access::Console => console.as_ref().and_then(|console| console.asked.get(&operation)),
                };
                if let Some(bench) = manager {
                    check_manager(bench, operation, expected, &cell);
                }
                if let Some(met) = met {
                    check_console(met, operation, expected, &cell);
                }
                let is_asked = manager.is_some() || met.is_some();
                match out_of_reach(operation, access, model, state) {
                    None => {
                        assert!(is_asked, "{cell}: nobody could ask");
                        asked += 1;
                    }
                    Some(why) => {
                        assert!(!is_asked, "{cell}: {why}, and yet somebody asked");
                        *unreachable.entry(why).or_default() += 1;
                    }
                }
            }
        }
    }
    let cells = Operation::ALL.len() * Access::ALL.len() * Model::ALL.len() * LifeCycle::ALL.len();
    assert_eq!(asked + unreachable.values().sum::<usize>(), cells);
    assert_eq!((asked, cells), (252, 1080));
    insta::assert_debug_snapshot!(unreachable, @r#"
    {
        "a Pocket has no console (PK-01)": 70,
        "a Pocket has no console that could be locked (PK-01)": 60,
        "a locked console shows no menu, and only a menu enables remote management (RM-16, LC-05)": 120,
        "no manager is let in, and none stays (RM-05)": 240,
        "no menu offers it": 12,
        "nobody can have enabled remote management (LF-01, RM-01)": 60,
        "the console asks for the set (LC-05)": 60,
        "the console asks for the start PIN (LF-03)": 30,
        "the console offers the Smart Card Manager alone (LF-01)": 30,
        "the console takes no keys": 90,
        "the menu offers the opposite": 6,
        "whoever becomes the administrator activates the device (AU-15, PK-02)": 50,
    }
    "#);
}
