//! Steps about cables: slow ones, chopped ones, cut ones.

use std::time::Duration;

use sim::{Side, Split};

use super::{Steps, define};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "every message takes {duration} on its way",
        "on connections that are opened from now on",
        |stage, args| {
            stage.world()?.link_settings.delay = *args.duration(0);
            Ok(())
        },
    );
    define(
        steps,
        "every message arrives byte by byte",
        "on connections that are opened from now on",
        |stage, _| {
            stage.world()?.link_settings.split = Split::EveryByte;
            Ok(())
        },
    );
    define(
        steps,
        "every message arrives in pieces of any size",
        "chosen by the seed",
        |stage, _| {
            let world = stage.world()?;
            world.link_settings.split = Split::Seeded(world.seed());
            Ok(())
        },
    );
    define(
        steps,
        "the cable of {person} is cut",
        "nothing arrives any more in either direction",
        |stage, args| {
            let world = stage.world()?;
            if let Some(link) = world.station(args.person(0)).link {
                world.with_raw_link(link, |_, link| link.cut());
            }
            Ok(())
        },
    );
    define(
        steps,
        "{person} reads nothing any more",
        "what the HSM sends waits",
        |stage, args| {
            let world = stage.world()?;
            if let Some(link) = world.station(args.person(0)).link {
                world.with_raw_link(link, |_, link| link.hold(Side::Client));
            }
            Ok(())
        },
    );
    define(
        steps,
        "{person} reads again",
        "what has waited arrives",
        |stage, args| {
            let world = stage.world()?;
            if let Some(link) = world.station(args.person(0)).link {
                world.with_raw_link(link, |now, link| link.release(now, Side::Client));
            }
            Ok(())
        },
    );
    define(
        steps,
        "the program of {person} will crash in the instant the card is accepted",
        "the answer is lost",
        |stage, args| {
            stage.world()?.crash_on_acceptance = Some(args.person(0).to_owned());
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks for {reading} {int} times in a row",
        "without waiting for answers",
        |stage, args| {
            for _ in 0..args.int(2) {
                let world = stage.world()?;
                let request = world.request(*args.act(1));
                world.ask(args.person(0), request);
                // Each goes on its way before the next one is asked.
                world.pass(Duration::ZERO);
            }
            Ok(())
        },
    );
}
