//! Steps about a device out of the factory, its operations, the owner of a Pocket, users and their log, and cuts of power
//! at every durable write.

use std::time::Duration;

use hsm_core::{Key, LastStop, LifeCycle, Password, Permissions, Stored, UserAnswer, UserRequest};
use machine::Instant;
use protocol::{ActivationPassword, ManagerRequest};

use super::{Args, Stage, Steps, define, expect, mismatch};
use crate::{lane::Mismatch, step::BlockKind, world::World};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "a(n) {model} HSM out of the factory, and a {scheme} set of cards held by {people}",
        "a device that is switched on and bound to no key; the set is any valid one",
        |stage, args| {
            if stage.world.is_some() {
                return Err(mismatch("one HSM in a scenario", "a second one"));
            }
            let mut world =
                World::out_of_the_factory(stage.seed, args.model(0).clone(), *args.scheme(1), args.people(2));
            world.press_power_button();
            super::device::start(&mut world);
            stage.world = Some(world);
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks the HSM to {operation}, confirmed as {string}",
        "with this serial number",
        |stage, args| {
            let world = stage.world()?;
            let method = *args.act(1);
            let params = serde_json::json!({"confirm": args.string(2), "mode": "RM1"});
            let request = ManagerRequest::decode(method.name(), &params).map_err(|error| Mismatch {
                argument: Some(1),
                expected: "an operation that is confirmed".into(),
                actual: error.to_string(),
            })?;
            world.ask(args.person(0), request);
            Ok(())
        },
    );
    define(
        steps,
        "somebody types {string}",
        "at the console, key by key",
        |stage, args| {
            let text = args.string(0).to_owned();
            let world = stage.world()?;
            for character in text.chars() {
                world.press(Key::Char(character));
            }
            Ok(())
        },
    );
    define(
        steps,
        "somebody answers Yes",
        "to the question on the console",
        |stage, _| {
            let world = stage.world()?;
            world.press(Key::Right);
            world.press(Key::Enter);
            Ok(())
        },
    );
    define(
        steps,
        "somebody answers No",
        "to the question on the console",
        |stage, _| {
            stage.world()?.press(Key::Enter);
            Ok(())
        },
    );
    define(
        steps,
        "{person} gives the activation password {string}",
        "`auth.activate`: sets it, or shows that it is known",
        |stage, args| {
            let password = ActivationPassword::from(args.string(1));
            stage
                .world()?
                .ask(args.person(0), ManagerRequest::Activate { password });
            Ok(())
        },
    );
    define(
        steps,
        "{person} changes the activation password from {string} to {string}",
        "`auth.change_password`",
        |stage, args| {
            let (old, new) = (args.string(1).into(), args.string(2).into());
            stage
                .world()?
                .ask(args.person(0), ManagerRequest::ChangePassword { old, new });
            Ok(())
        },
    );
    steps.define(
        "{person} sets the network to:",
        "`network.set` with these members",
        BlockKind::DocString,
        |stage, args| {
            let members = serde_json::from_str(args.text())
                .map_err(|why| mismatch("a JSON object", why.to_string()))?;
            let request = ManagerRequest::SetNetwork(members);
            stage.world()?.ask(args.person(0), request);
            Ok(())
        },
    );
    define(
        steps,
        "{person} logs in as {string} with the password {string}",
        "as a user of the database",
        |stage, args| {
            let request = UserRequest::Login {
                name: args.string(1).to_owned(),
                password: Password::from(args.string(2)),
            };
            // Each login is a conversation of its own.
            stage.world()?.user_sessions.remove(args.person(0));
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person} creates the user {string} with the password {string} and the permissions {int}",
        "the vendor's bits; 32 is the log",
        |stage, args| {
            let permissions = Permissions(u32::try_from(args.int(3)).unwrap_or(0));
            let request = UserRequest::Create {
                name: args.string(1).to_owned(),
                password: Password::from(args.string(2)),
                permissions,
            };
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person} retrieves the log",
        "the whole of it",
        |stage, args| ask(stage, args, UserRequest::RetrieveLog),
    );
    define(steps, "{person} follows the log", "from now on", |stage, args| {
        ask(stage, args, UserRequest::FollowLog)
    });
    define(steps, "{person} clears the log", "all of it", |stage, args| {
        ask(stage, args, UserRequest::ClearLog)
    });
    define(
        steps,
        "{person}, a user, is told {string}",
        "the newest answer of the device: `done`, `logged in`, `logged out`, or the name of a refusal",
        |stage, args| {
            let told = last_answer(stage.world()?, args.person(0));
            super::expect_argument(1, &Some(args.string(1).to_owned()), &told)
        },
    );
    define(
        steps,
        "{person}, a user, has read the line {string}",
        "of the log, retrieved or followed",
        |stage, args| {
            let world = stage.world()?;
            let session = world.user_sessions.get(args.person(0)).copied();
            let has_read = world.told_users.iter().any(|(number, answer)| {
                let is_line = matches!(answer, UserAnswer::LogLine(line) if line.contains(args.string(1)));
                Some(*number) == session && is_line
            });
            expect(has_read, "such a line", || "none".into())
        },
    );
    define(
        steps,
        "the power is cut at every write while {person} asks the HSM to {operation}",
        "two worlds for each durable write: one in which it is lost, one in which only its word is",
        |stage, args| sweep(stage, args, Deed::Operation),
    );
    define(
        steps,
        "the power is cut at every write while the first cards of {person} and {person} are shown",
        "at the console of a device out of the factory; two worlds for each durable write",
        |stage, args| sweep(stage, args, Deed::FirstActivation),
    );
    define(
        steps,
        "the power is cut at every write while {person} sets the activation password",
        "two worlds for each durable write",
        |stage, args| sweep(stage, args, Deed::FirstPassword),
    );
    define(
        steps,
        "there were at least {int} cuts",
        "so that a sweep cannot be empty; the number is in the trace",
        |stage, args| {
            let found = i64::try_from(stage.cuts).unwrap_or(i64::MAX);
            expect(found >= args.int(0), &format!("at least {}", args.int(0)), || {
                found.to_string()
            })
        },
    );
    define(
        steps,
        "nothing that was kept holds a secret",
        "no PIN, password, key or shadow, as text, hexadecimal, base64 or a list of bytes; nor does the trace",
        |stage, _| {
            let world = stage.world()?;
            let mut secrets: Vec<Vec<u8>> = vec![crate::world::PIN.into(), b"correct horse".into()];
            secrets.push(b"battery staple".into());
            secrets.extend(world.secrets());
            let kept = world.persisted.join("\n");
            let trace = world.trace.lines().join("\n");
            for secret in &secrets {
                for written in spellings(secret) {
                    let found = kept.contains(&written) || trace.contains(&written);
                    expect(!found, "no secret", || format!("one of {} bytes", secret.len()))?;
                }
            }
            expect(
                !world.persisted.is_empty() && secrets.len() > 5,
                "something to search",
                || "nothing".into(),
            )
        },
    );
}

fn ask(stage: &mut Stage, args: &Args, request: UserRequest) -> Result<(), Mismatch> {
    stage.world()?.ask_as_user(args.person(0), request);
    Ok(())
}

fn last_answer(world: &World, person: &str) -> Option<String> {
    let session = world.user_sessions.get(person)?;
    let answers = world.told_users.iter().rev();
    let (_, answer) = answers
        .filter(|(_, answer)| !matches!(answer, UserAnswer::LogLine(_)))
        .find(|(number, _)| number == session)?;
    Some(match answer {
        UserAnswer::LoggedIn { .. } => "logged in".into(),
        UserAnswer::Done => "done".into(),
        UserAnswer::Refused(why) => why.to_string(),
        UserAnswer::LoggedOut => "logged out".into(),
        UserAnswer::Object(facts) => facts.name.to_string(),
        UserAnswer::Objects { objects, .. } => {
            let names: Vec<_> = objects.iter().map(|facts| facts.name.as_str()).collect();
            names.join(", ")
        }
        UserAnswer::Users { users, .. } => {
            let names: Vec<_> = users.iter().map(|facts| facts.name.as_str()).collect();
            names.join(", ")
        }
        UserAnswer::Trusted(users) => {
            let names: Vec<_> = users.iter().map(|(name, _)| name.as_str()).collect();
            names.join(", ")
        }
        UserAnswer::LogLine(_) => unreachable!("filtered above"),
    })
}

/// The ways in which bytes are written down.
fn spellings(secret: &[u8]) -> Vec<String> {
    let mut spellings = vec![
        apdu::hex::encode(secret),
        apdu::hex::encode(secret).to_lowercase(),
        data_encoding::BASE64_NOPAD.encode(secret),
        format!("{secret:?}").trim_matches(['[', ']']).to_owned(),
        format!("{secret:?}").trim_matches(['[', ']']).replace(' ', ""),
    ];
    spellings.extend(std::str::from_utf8(secret).map(str::to_owned));
    spellings
}

/// What is done while the power is cut.
#[derive(Clone, Copy)]
enum Deed {
    Operation,
    FirstActivation,
    FirstPassword,
}

/// More writes than any deed has; past it something does not end.
const WRITES_MAX: usize = 100;

/// Cuts the power at the first write, at the second, and so on, until the deed has no more of them. After each, the
/// device must start, and hold all that it would hold if the deed had been done, or all that it held before.
//= OP-10
//= LF-06
fn sweep(stage: &mut Stage, args: &Args, deed: Deed) -> Result<(), Mismatch> {
    let mut whole = stage.again()?;
    let before = settled(whole.world()?.storage.durable());
    perform(whole.world()?, args, deed);
    let done = settled(whole.world()?.storage.durable());
    expect(before != done, "a deed that leaves something behind", || {
        "nothing".into()
    })?;
    for write in 1..=WRITES_MAX {
        for is_lost in [true, false] {
            let mut again = stage.again()?;
            let world = again.world()?;
            if is_lost {
                // Long enough for the cut to come first.
                world.storage.latency = Duration::from_millis(1);
            }
            world.cut_at_write = Some(write);
            perform(world, args, deed);
            if world.cut_at_write.take().is_some() {
                stage.trace.push(format!("cuts: {}", stage.cuts));
                return Ok(());
            }
            world.storage.latency = Duration::ZERO;
            world.return_power();
            super::device::start(world);
            world.press_power_button_if_off();
            super::device::start(world);
            let state = world.device().map(hsm_core::Device::state);
            expect(state.is_some_and(LifeCycle::is_on), "an HSM that starts", || {
                format!("{state:?}")
            })?;
            let kept = settled(world.storage.durable());
            expect(kept == before || kept == done, "all of it or nothing", || {
                format!("{kept:?}")
            })?;
            stage.cuts += 1;
            stage.lasted += world.now.since(Instant::POWER_ON);
        }
    }
    Err(mismatch(format!("at most {WRITES_MAX} writes"), "more"))
}

/// What is kept without what any start and stop writes, and without what chance has drawn.
fn settled(stored: &Stored) -> String {
    let mut stored = stored.clone();
    stored.last_stop = LastStop::PowerCut;
    stored.switched_on = true;
    stored.activation_failures = 0;
    let is_sealed = stored.activation.take().is_some();
    format!("{is_sealed} {stored:?}")
}

fn perform(world: &mut World, args: &Args, deed: Deed) {
    match deed {
        Deed::Operation => {
            let request = world.request(*args.act(1));
            world.ask(args.person(0), request);
        }
        Deed::FirstActivation => {
            world.press(Key::Enter);
            for person in [args.person(0), args.person(1)] {
                super::device::type_pin_locally(world, person);
            }
        }
        Deed::FirstPassword => {
            let password = ActivationPassword::from("correct horse");
            world.ask(args.person(0), ManagerRequest::Activate { password });
        }
    }
    world.settle();
    world.pass(Duration::from_secs(1));
}
