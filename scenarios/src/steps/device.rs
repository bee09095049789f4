//! Steps about the device as a whole: which one it is, its power, its port, its log.

use hsm_core::{Key, LifeCycle, Profile, Scheme};

use super::{Stage, Steps, define, expect, mismatch};
use crate::{
    lane::Mismatch,
    world::{PIN, World},
};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "a(n) {model} HSM with a {scheme} set of cards held by {people}",
        "a device that is switched on and waits for its start PIN",
        |stage, args| make(stage, args.model(0).clone(), *args.scheme(1), args.people(2)),
    );
    define(
        steps,
        "an HSM ready for remote management",
        "an XP, activated by its 2-of-3 custodians Ana, Bruno and Carla, with remote management enabled",
        |stage, _| ready(stage, Profile::xp()),
    );
    define(
        steps,
        "a(n) {model} HSM ready for remote management",
        "the same for another model",
        |stage, args| ready(stage, args.model(0).clone()),
    );
    define(
        steps,
        "an HSM that waits for its custodians",
        "the same after a power cut: remote management is enabled, nobody has activated it yet",
        |stage, _| {
            ready(stage, Profile::xp())?;
            let world = stage.world()?;
            world.cut_power();
            world.return_power();
            start(world);
            Ok(())
        },
    );
    define(
        steps,
        "it has been activated at the console",
        "the first M holders type their PINs",
        |stage, _| activate(stage.world()?),
    );
    define(
        steps,
        "remote management has been enabled at the console",
        "by `Remote Management` in the main menu",
        |stage, _| {
            let world = stage.world()?;
            super::console::choose(world, "Remote Management")
        },
    );

    define(
        steps,
        "the power is cut",
        "what is not durable is lost, and nobody is told",
        |stage, _| {
            stage.world()?.cut_power();
            Ok(())
        },
    );
    define(
        steps,
        "the power returns",
        "a device that was on starts by itself",
        |stage, _| {
            stage.world()?.return_power();
            Ok(())
        },
    );
    define(
        steps,
        "the HSM has started",
        "time passes until the start sequence is over",
        |stage, _| {
            let world = stage.world()?;
            start(world);
            let power = world.device().map(hsm_core::Device::state);
            expect(power.is_some_and(LifeCycle::is_on), "an HSM that is on", || {
                format!("{power:?}")
            })
        },
    );
    define(
        steps,
        "the HSM is off",
        "its power is off, or was cut",
        |stage, _| {
            let power = stage.world()?.device().map(hsm_core::Device::state);
            expect(
                matches!(power, None | Some(LifeCycle::Off)),
                "an HSM that is off",
                || format!("{power:?}"),
            )
        },
    );
    define(
        steps,
        "the HSM is activated",
        "the Server Master Key is in its memory",
        |stage, _| {
            expect(is_activated(stage.world()?), "an activated HSM", || {
                "one that is not".into()
            })
        },
    );
    define(
        steps,
        "the HSM is not activated",
        "the Server Master Key is not in its memory",
        |stage, _| {
            expect(
                !is_activated(stage.world()?),
                "an HSM that is not activated",
                || "one that is".into(),
            )
        },
    );
    define(
        steps,
        "port 4433 is open",
        "somebody who connects is answered",
        |stage, _| {
            expect(stage.world()?.is_listening(), "an open port", || {
                "a closed one".into()
            })
        },
    );
    define(
        steps,
        "port 4433 is closed",
        "somebody who connects is refused by the network",
        |stage, _| {
            expect(!stage.world()?.is_listening(), "a closed port", || {
                "an open one".into()
            })
        },
    );
    define(
        steps,
        "the disk takes {duration} for a write",
        "from now on; what is being written keeps its time",
        |stage, args| {
            stage.world()?.storage.latency = *args.duration(0);
            Ok(())
        },
    );

    define(
        steps,
        "the log says {string}",
        "some line of the log holds this text",
        |stage, args| {
            let world = stage.world()?;
            let found = lines(world).any(|line| line.contains(args.string(0)));
            if found {
                Ok(())
            } else {
                Err(not_in_log(world, 0, args.string(0)))
            }
        },
    );
    define(
        steps,
        "the log does not say {string}",
        "no line of the log holds this text",
        |stage, args| {
            let found = lines(stage.world()?).find(|line| line.contains(args.string(0)));
            found.map_or(Ok(()), |line| {
                Err(Mismatch {
                    argument: Some(0),
                    expected: "no such line".into(),
                    actual: line,
                })
            })
        },
    );
    define(
        steps,
        "the log says {string} {int} time(s)",
        "counted in lines",
        |stage, args| {
            let times = lines(stage.world()?)
                .filter(|line| line.contains(args.string(0)))
                .count();
            super::expect_argument(1, &args.int(1), &i64::try_from(times).unwrap_or(i64::MAX))
        },
    );
}

fn make(stage: &mut Stage, profile: Profile, scheme: Scheme, holders: &[String]) -> Result<(), Mismatch> {
    if stage.world.is_some() {
        return Err(mismatch("one HSM in a scenario", "a second one"));
    }
    if holders.len() > usize::from(scheme.cards()) {
        let expected = format!("at most {} holders", scheme.cards());
        return Err(Mismatch {
            argument: Some(2),
            expected,
            actual: holders.len().to_string(),
        });
    }
    let world = World::new(stage.seed, profile, scheme, holders);
    stage.set_world(world, |world| {
        world.press_power_button();
        start(world);
    });
    Ok(())
}

fn ready(stage: &mut Stage, profile: Profile) -> Result<(), Mismatch> {
    let scheme = Scheme::new(2, 3).expect("2 of 3 is a scheme");
    make(
        stage,
        profile,
        scheme,
        &["Ana", "Bruno", "Carla"].map(String::from),
    )?;
    let world = stage.world()?;
    activate(world)?;
    super::console::choose(world, "Remote Management")?;
    world.settle();
    Ok(())
}

/// Lets time pass until the start sequence is over.
pub(super) fn start(world: &mut World) {
    world.settle();
    world.pass(world.profile.limits.stop + world.profile.limits.start);
}

fn activate(world: &mut World) -> Result<(), Mismatch> {
    let holders: Vec<_> = world
        .holders()
        .take(usize::from(world.scheme().required()))
        .collect();
    for holder in holders {
        type_pin_locally(world, &holder);
    }
    expect(is_activated(world), "an activated HSM", || world.screen())
}

/// A card in, its PIN, the card out.
pub(super) fn type_pin_locally(world: &mut World, holder: &str) {
    world.insert_locally(holder);
    for character in PIN.chars() {
        world.press(Key::Char(character));
    }
    world.press(Key::Enter);
    world.settle();
    world.remove_locally();
}

fn is_activated(world: &World) -> bool {
    world.device().is_some_and(hsm_core::Device::is_activated)
}

fn lines(world: &World) -> impl Iterator<Item = String> {
    world.log.iter().cloned()
}

fn not_in_log(world: &World, argument: usize, text: &str) -> Mismatch {
    let last: Vec<_> = lines(world).skip(world.log.len().saturating_sub(5)).collect();
    let expected = format!("a line with {text:?}");
    Mismatch {
        argument: Some(argument),
        expected,
        actual: format!("a log that ends with\n{}", last.join("\n")),
    }
}
