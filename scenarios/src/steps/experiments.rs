//! Steps that do the same again and again, each time in a world of its own with one thing changed: a hand at every
//! position of the protocol, a crowd or none. The positions are counted while it runs, never written down.

use std::time::Duration;

use hsm_client::{Ending, Notice, Speaker};
use hsm_core::Device;
use machine::Instant;
use protocol::ManagerRequest;

use super::{Stage, Steps, custodians::authenticate, define, expect, mismatch, newcomers::crowd};
use crate::{
    lane::Mismatch,
    world::{Hand, Interruption, World},
};

/// What was found in one world of an experiment.
pub(super) struct Outcome {
    /// Messages delivered before the hand acted.
    position: u32,
    /// Whether the session had been opened by then.
    opened: bool,
    /// How the session ended, as its manager was told.
    ending: Option<Ending>,
    administrator: bool,
    /// Whether the box of remote management is still on the screen.
    enabled: bool,
    /// Wrong PINs that the two cards count.
    tries_lost: u8,
    transcript: Vec<(Instant, Speaker, String)>,
}

/// More positions than any process has; past it something does not end.
const POSITIONS_MAX: u32 = 2_000;

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "somebody {hand} at every message of a process with the cards of {person} and {person}",
        "one world for each message, from the first byte of the handshake to the last answer of the administrator",
        |stage, args| {
            let (hand, people) = (*args.hand(0), [args.person(1), args.person(2)]);
            for position in 1..=POSITIONS_MAX {
                let mut again = stage.again(usize::MAX)?;
                let world = again.world()?;
                let (outcome, acted) = disturbed_process(world, people, position, hand);
                if !acted {
                    break;
                }
                stage.outcomes.push(outcome);
                stage.trace.push(format!(
                    "position {position}: trace {:016x}",
                    world.trace.digest()
                ));
                stage.lasted += world.now.since(Instant::POWER_ON);
            }
            Ok(())
        },
    );
    define(
        steps,
        "the session of {person} is played with and without {int} newcomers at once",
        "two worlds; the crowd comes after the first answer, again during the dialog, and again before the end",
        |stage, args| {
            for newcomers in [0, args.int(1)] {
                let mut again = stage.again(usize::MAX)?;
                let world = again.world()?;
                let outcome = crowded_session(world, args.person(0), newcomers);
                stage.outcomes.push(outcome);
                stage.trace.push(format!(
                    "{newcomers} newcomers: trace {:016x}",
                    world.trace.digest()
                ));
                stage.lasted += world.now.since(Instant::POWER_ON);
            }
            Ok(())
        },
    );
    define(
        steps,
        "there were at least {int} positions",
        "so that an experiment cannot be empty",
        |stage, args| {
            let found = i64::try_from(stage.outcomes.len()).unwrap_or(i64::MAX);
            expect(found >= args.int(0), &format!("at least {}", args.int(0)), || {
                found.to_string()
            })
        },
    );
    define(
        steps,
        "at every position the manager was told {closing}",
        "as the last line of the session, or was denied because it had not begun",
        |stage, args| {
            let expected = *args.closing(0);
            every(stage, &format!("an end: {expected}"), |outcome| {
                match &outcome.ending {
                    Some(Ending::Closing(reason)) => *reason == expected,
                    Some(Ending::Denied(_)) => !outcome.opened,
                    _ => false,
                }
            })
        },
    );
    define(
        steps,
        "at every position the manager was told nothing",
        "the silence of a cut",
        |stage, _| every(stage, "no end that was told", |outcome| outcome.ending.is_none()),
    );
    define(
        steps,
        "at every position nobody is the administrator",
        "afterwards",
        |stage, _| every(stage, "nobody", |outcome| !outcome.administrator),
    );
    define(
        steps,
        "at every position remote management is disabled",
        "afterwards",
        |stage, _| every(stage, "a console without the box", |outcome| !outcome.enabled),
    );
    define(
        steps,
        "at every position no card has lost a try",
        "SCR is 0 on both",
        |stage, _| every(stage, "no try lost", |outcome| outcome.tries_lost == 0),
    );
    define(
        steps,
        "both transcripts are equal, with their instants",
        "line for line",
        |stage, _| {
            let [without, with] = &stage.outcomes[..] else {
                return Err(mismatch("two transcripts", stage.outcomes.len().to_string()));
            };
            expect(!without.transcript.is_empty(), "lines to compare", || {
                "none".into()
            })?;
            let pairs = without.transcript.iter().zip(&with.transcript);
            let differs = pairs.clone().position(|(a, b)| a != b);
            let same = differs.is_none() && without.transcript.len() == with.transcript.len();
            expect(same, "equal transcripts", || {
                let line = differs.unwrap_or(without.transcript.len().min(with.transcript.len()));
                let shown = |transcript: &[(Instant, Speaker, String)]| {
                    transcript
                        .get(line)
                        .map_or("nothing".into(), |(at, speaker, line)| {
                            format!("{at} {speaker:?} {line}")
                        })
                };
                format!(
                    "line {} is, without the crowd,\n{}\nand with it\n{}",
                    line + 1,
                    shown(&without.transcript),
                    shown(&with.transcript)
                )
            })
        },
    );
}

fn every(stage: &Stage, expected: &str, holds: impl Fn(&Outcome) -> bool) -> Result<(), Mismatch> {
    expect(!stage.outcomes.is_empty(), "an experiment", || {
        "none so far".into()
    })?;
    let broken = stage.outcomes.iter().find(|outcome| !holds(outcome));
    broken.map_or(Ok(()), |outcome| {
        let Outcome { position, ending, administrator, enabled, tries_lost, .. } = outcome;
        Err(mismatch(
            expected,
            format!(
                "at position {position} of {}: end {ending:?}, administrator {administrator}, enabled {enabled}, \
                 tries lost {tries_lost}",
                stage.outcomes.len()
            ),
        ))
    })
}

/// A whole process of two custodians at one station, with a hand that acts after so many messages.
fn disturbed_process(world: &mut World, people: [&str; 2], position: u32, hand: Hand) -> (Outcome, bool) {
    let station = people[0];
    world.interruption = Some(Interruption {
        after: world.delivered + position,
        hand,
    });
    world.connect(station, None);
    world.settle();
    authenticate(world, station, people[0]);
    authenticate(world, station, people[1]);
    for request in [
        ManagerRequest::Info,
        ManagerRequest::StopService,
        ManagerRequest::StartService,
        ManagerRequest::Header,
    ] {
        world.ask(station, request);
        world.settle();
    }
    let acted = world.interruption.is_none();
    (outcome(world, station, position), acted)
}

/// A session from its first line to its end by inactivity.
fn crowded_session(world: &mut World, person: &str, newcomers: i64) -> Outcome {
    world.connect(person, None);
    world.settle();
    world.pass(Duration::from_millis(250));
    world.ask(person, ManagerRequest::Header);
    crowd(world, newcomers);
    world.pass(Duration::from_secs(3));
    world.insert(person, person);
    world.ask(person, ManagerRequest::AuthStart);
    world.settle();
    crowd(world, newcomers.min(100));
    world.pass(Duration::from_secs(7));
    world.type_pin(person, crate::world::PIN);
    world.pass(Duration::from_secs(119));
    crowd(world, newcomers.min(100));
    world.pass(Duration::from_secs(1));
    outcome(world, person, 0)
}

fn outcome(world: &mut World, station: &str, position: u32) -> Outcome {
    let tries_lost = world.cards.values().map(|card| card.image().try_counter()).sum();
    let administrator = world.device().and_then(Device::administrator).is_some();
    let enabled = world.screen().contains("RM (press ESC to exit)");
    let station = world.station(station);
    let opened = station
        .newest(|notice| matches!(notice, Notice::Opened { .. }).then_some(()))
        .is_some();
    let ending = station.newest(|notice| match notice {
        Notice::Ended { ending } => Some(ending.clone()),
        _ => None,
    });
    let transcript = station.transcript.clone();
    Outcome {
        position,
        opened,
        ending,
        administrator,
        enabled,
        tries_lost,
        transcript,
    }
}
