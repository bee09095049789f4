//! Hands that play one session twice, each time with programs of their own: alone, and with a crowd of newcomers.

use std::time::Duration;

use serde_json::json;

use super::{
    super::stage::{Stage, Transcript},
    Hands,
    newcomers::crowd,
};
use crate::{
    lane::Mismatch,
    steps::{expect, mismatch},
    world::PIN,
};

/// Newcomers of the second and third crowd.
const LATER_MAX: u16 = 100;

pub(super) const HANDS: Hands = &[
    (
        "the session of {person} is played with and without {int} newcomers at once",
        |stage, args| {
            let newcomers = u16::try_from(args.int(1)).unwrap_or(u16::MAX);
            for newcomers in [0, newcomers] {
                let mut again = stage.again(usize::MAX)?;
                crowded_session(&mut again, args.person(0), newcomers)?;
                let mut transcript = again.transcript(args.person(0));
                // What both say in one instant crosses, in either order.
                transcript.sort_by(|(at, from, _), (at_other, from_other, _)| {
                    (at, from).cmp(&(at_other, from_other))
                });
                stage.transcripts.push(transcript);
                stage.count(&again);
            }
            stage.stay_aside();
            Ok(())
        },
    ),
    ("both transcripts are equal, with their instants", |stage, _| {
        let [without, with] = &stage.transcripts[..] else {
            return Err(mismatch("two transcripts", stage.transcripts.len().to_string()));
        };
        expect(!without.is_empty(), "lines to compare", || "none".into())?;
        let longest = without.len().max(with.len());
        let differs = (0..longest).find(|&line| without.get(line) != with.get(line));
        expect(differs.is_none(), "equal transcripts", || {
            let line = differs.unwrap_or_default();
            let shown = |transcript: &Transcript| {
                let line = transcript.get(line);
                line.map_or("nothing".into(), |(at, from, line)| {
                    format!("{at} us {from} {line}")
                })
            };
            format!(
                "line {} is, without the crowd,\n{}\nand with it\n{}",
                line + 1,
                shown(without),
                shown(with)
            )
        })?;
        stage.stay_aside();
        Ok(())
    }),
];

/// A session from its first line to its end by inactivity.
fn crowded_session(stage: &mut Stage<'_>, person: &str, newcomers: u16) -> Result<(), Mismatch> {
    stage.connect(person, None)?;
    stage.pass(Duration::from_millis(250))?;
    stage.ask(person, "device.header", &json!({}))?;
    crowd(stage, newcomers)?;
    stage.pass(Duration::from_secs(3))?;
    stage.insert(person, person)?;
    stage.ask(person, "auth.start", &json!({}))?;
    stage.settle()?;
    crowd(stage, newcomers.min(LATER_MAX))?;
    stage.pass(Duration::from_secs(7))?;
    stage.type_pin(person, PIN)?;
    stage.pass(Duration::from_secs(119))?;
    crowd(stage, newcomers.min(LATER_MAX))?;
    stage.pass(Duration::from_secs(1))
}
