//! Steps of people at their stations: connect, present cards, ask, operate.

use super::{Steps, define};
use crate::world::{PIN, Prompt, World};
use protocol::ManagerRequest;

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "{person} connects",
        "from the station of this person",
        |stage, args| {
            stage.world()?.connect(args.person(0), None);
            Ok(())
        },
    );
    define(
        steps,
        "{person} connects from {address}",
        "from another desk",
        |stage, args| {
            stage.world()?.connect(args.person(0), Some(*args.address(1)));
            Ok(())
        },
    );
    define(
        steps,
        "{person} hangs up",
        "leaves the program, without a word",
        |stage, args| {
            stage.world()?.hang_up(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} closes the session",
        "goes back to the start screen: `session.close`",
        |stage, args| {
            stage.world()?.ask(args.person(0), ManagerRequest::Close);
            Ok(())
        },
    );
    define(
        steps,
        "the program of {person} crashes",
        "the connection is reset",
        |stage, args| {
            stage.world()?.crash(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} starts to authenticate",
        "`auth.start`",
        |stage, args| {
            stage.world()?.ask(args.person(0), ManagerRequest::AuthStart);
            Ok(())
        },
    );
    define(
        steps,
        "{person} cancels the dialog",
        "`auth.cancel`",
        |stage, args| {
            stage.world()?.ask(args.person(0), ManagerRequest::AuthCancel);
            Ok(())
        },
    );
    define(
        steps,
        "{person} inserts the card",
        "the card of this person, into the reader of the station",
        |stage, args| {
            stage.world()?.insert(args.person(0), args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} inserts the card of {person}",
        "into the reader of the station",
        |stage, args| {
            stage.world()?.insert(args.person(0), args.person(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} takes the card out",
        "of the reader of the station",
        |stage, args| {
            stage.world()?.take_card_out(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} types the right PIN",
        "and presses Enter",
        |stage, args| {
            stage.world()?.type_pin(args.person(0), PIN);
            Ok(())
        },
    );
    define(
        steps,
        "{person} types the PIN {string}",
        "and presses Enter",
        |stage, args| {
            stage.world()?.type_pin(args.person(0), args.string(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} gives up at the prompt",
        "no PIN is typed",
        |stage, args| {
            stage.world()?.cancel_prompt(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} authenticates",
        "starts, inserts the own card and types the right PIN",
        |stage, args| {
            authenticate(stage.world()?, args.person(0), args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} authenticates with the card of {person}",
        "at the same station",
        |stage, args| {
            authenticate(stage.world()?, args.person(0), args.person(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} connects and authenticates",
        "the two steps in one",
        |stage, args| {
            let world = stage.world()?;
            world.connect(args.person(0), None);
            authenticate(world, args.person(0), args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} connects, authenticates and hangs up",
        "as an intermediary custodian does",
        |stage, args| {
            let world = stage.world()?;
            world.connect(args.person(0), None);
            authenticate(world, args.person(0), args.person(0));
            world.hang_up(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks for {reading}",
        "what anyone may read",
        |stage, args| {
            let world = stage.world()?;
            let request = world.request(*args.act(1));
            world.ask(args.person(0), request);
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks the HSM to {operation}",
        "an operation after authentication",
        |stage, args| {
            let world = stage.world()?;
            let request = world.request(*args.act(1));
            world.ask(args.person(0), request);
            Ok(())
        },
    );
    define(
        steps,
        "the reader of {person} is unplugged",
        "from the station",
        |stage, args| {
            stage.world()?.station(args.person(0)).reader_unplugged = true;
            Ok(())
        },
    );
}

/// One whole card dialog at a station.
pub(super) fn authenticate(world: &mut World, person: &str, card: &str) {
    world.settle();
    if world.station(person).slot.as_deref() != Some(card) {
        world.take_card_out(person);
        world.insert(person, card);
    }
    world.ask(person, ManagerRequest::AuthStart);
    world.settle();
    if world.station(person).prompt == Some(Prompt::Pin) {
        world.type_pin(person, PIN);
        world.settle();
    }
}
