//! Makes the lane ready and plays one scenario: what is refused before anything is played, what is skipped, and what a
//! person is told beforehand.

use std::{path::Path, rc::Rc, sync::Arc, time::Duration};

use apdu::hex;
use program::{ExitCode, Problem};
use sim::Seed;

use super::{
    Settings,
    card::Slot,
    card_bed::{Hand, RealBed},
    hands::{self, Does},
    operator::Operator,
    rig_file::RigFile,
    stage::{RealDevice, RealStage},
};
use crate::{
    gherkin::pickle::Pickle,
    lane::{
        Failure, Played, Skipped,
        process::{self, Programs},
        sim::play_on,
    },
    report::duration,
    rig::Ready,
    step::Argument,
    steps::{Args, Handler, Steps, Value, breaks_a_card},
    suite::Scenario,
};

/// Why a scenario that was under way, or came later, was not played.
const ENDED: &str = "the run was ended before it was over";
/// Why a scenario with a card is not played at a device alone.
const NO_READER: &str = "needs a card: `--card pcsc:READER` names a reader";
/// The sentence that lets time pass.
const PASSES: &str = "{duration} pass(es)";
/// The sentence that knows a card's serial number.
const SHOWS_SERIAL: &str = "Inspect shows the serial number {string}";

/// Makes the lane ready: reads the rig file, wants the word, finds the parts, and sees that the rig file names them.
pub fn make_ready(
    settings: &Settings,
    scenarios: &[Scenario],
    steps: &Steps,
) -> Result<Ready<'static, Value, Handler>, Problem> {
    let rig = RigFile::read(&settings.rig)?;
    if !settings.is_dangerous {
        return Err(refusal_without_the_word(settings, &rig));
    }
    if settings.card.is_none() && settings.device.is_none() {
        let what = "play scenarios in lane `hardware`: expected a real part, got none";
        return Err(Problem::new(ExitCode::Usage, what).hint(
            "name a reader for cards, a device, or both: `--card pcsc:READER`, `--hsm tcp:ADDR:PORT`",
        ));
    }
    let device = settings.device.map(|address| {
        let of_rig = rig.device.clone().ok_or_else(|| {
            let what = format!(
                "play with the HSM at {address}: expected `{}` to name a device, got none",
                settings.rig.display()
            );
            Problem::new(ExitCode::Usage, what).hint("`[device]` with `serial` and `fingerprint` does")
        })?;
        let programs = process::programs(&process::Settings {
            programs: settings.programs.clone(),
            ..process::Settings::default()
        })?;
        Ok::<_, Problem>((RealDevice { address, of_rig }, programs))
    });
    let device = device.transpose()?;
    let slot = settings.card.as_ref().map(|reader| {
        if rig.cards.is_empty() {
            let what = format!(
                "play with the reader `{reader}`: expected `{}` to name a card, got none",
                settings.rig.display()
            );
            return Err(Problem::new(ExitCode::Usage, what)
                .hint("`[[card]]` with `serial`, `holder`, `pin` and `expendable` does"));
        }
        let mut slot = Slot::find(reader)?;
        refuse_a_stranger(&mut slot, &rig, &settings.rig)?;
        Ok(slot)
    });
    let slot = slot.transpose()?;
    let operator = Operator::new(settings.record.ended.clone())?;
    let lane = HardwareLane {
        hand: Arc::new(Hand::new(slot, rig, operator, settings.record.clone())),
        device,
    };
    lane.tell_beforehand(scenarios, steps);
    Ok(Ready::Here(Box::new(move |pickle, steps, seed| {
        lane.play(pickle, steps, seed)
    })))
}

/// What would be written, and to what.
fn refusal_without_the_word(settings: &Settings, rig: &RigFile) -> Problem {
    let mut parts = Vec::new();
    if let Some(reader) = &settings.card {
        let cards = rig.cards.iter().map(|card| {
            let never = if card.expendable {
                "and may be formatted, sealed and blocked for ever"
            } else {
                "and never formatted, sealed or blocked"
            };
            format!("{} of {} ({never})", hex::encode(&card.serial.0), card.holder)
        });
        let cards = cards.collect::<Vec<_>>().join(", ");
        parts.push(format!(
            "in the reader `{reader}`, these cards would lose label and shadow, get others, and count wrong PINs: {cards}"
        ));
    }
    if let (Some(address), Some(device)) = (settings.device, &rig.device) {
        parts.push(format!(
            "at the HSM {} at {address}, managers would connect, authenticate with these cards and read",
            device.serial
        ));
    }
    if parts.is_empty() {
        parts.push("no real part was chosen".to_owned());
    }
    let what = format!(
        "play with real parts: `--dangerous` was not said; {}",
        parts.join("; ")
    );
    Problem::new(ExitCode::Usage, what).hint("say `--dangerous` if that is what you want")
}

/// A card that is in the reader already is looked at before anything is played.
fn refuse_a_stranger(slot: &mut Slot, rig: &RigFile, rig_path: &Path) -> Result<(), Problem> {
    if !slot.holds_card()? {
        return Ok(());
    }
    let doing = format!("play with the card in the reader `{}`", slot.name());
    let serial = slot.read_serial().map_err(|why| {
        Problem::new(ExitCode::Card, format!("{doing}: {why}"))
            .hint("nothing was written; put in another card")
    })?;
    if rig.card(serial).is_some() {
        return Ok(());
    }
    let what = format!(
        "{doing}: expected a card that `{}` names, got one with the serial number {}; nothing was written to it",
        rig_path.display(),
        hex::encode(&serial.0)
    );
    Err(Problem::new(ExitCode::Card, what)
        .hint("take it out, or name it in the rig file if it may be written to"))
}

/// The parts of a run.
struct HardwareLane {
    hand: Arc<Hand>,
    /// A real device, and the programs that stand at the stations.
    device: Option<(RealDevice, Programs)>,
}

/// A step with who does it here.
struct Ordered {
    expression: &'static str,
    does: Does,
    args: Args,
}

/// How a scenario is played here.
enum Order {
    /// With people, their cards and a device.
    People(Vec<Ordered>),
    /// With nothing but a card, or not at all for this reason.
    Card { or: Skipped },
}

impl HardwareLane {
    /// How much real time the scenarios wait for.
    fn tell_beforehand(&self, scenarios: &[Scenario], steps: &Steps) {
        let played = scenarios.iter().map(|Scenario { pickle, .. }| pickle);
        let played = played.filter(|pickle| matches!(self.order(pickle, steps), Ok(Order::People(_))));
        let total: Duration = played.map(|pickle| waits(pickle, steps)).sum();
        if !total.is_zero() {
            let total = duration(total);
            self.hand
                .operator
                .say(&format!("the scenarios wait {total} of real time in all"));
        }
    }

    fn play(&self, pickle: &Pickle, steps: &Steps, seed: Seed) -> Result<Played, Skipped> {
        if self.hand.operator.ended().is_some() {
            return Err(Skipped(ENDED.into()));
        }
        let played = match (self.order(pickle, steps)?, &self.device) {
            (Order::Card { .. }, _) if !self.hand.has_slot() => return Err(Skipped(NO_READER.into())),
            (Order::Card { or }, _) => self.play_card(pickle, steps, seed, or)?,
            (Order::People(ordered), Some((device, programs))) => {
                let waits = waits(pickle, steps);
                if !waits.is_zero() {
                    let (name, waits) = (&pickle.name, duration(waits));
                    self.hand.operator.say(&format!("{name}: waits {waits}"));
                }
                play_people(
                    RealStage::new(programs, &self.hand, device, seed),
                    &ordered,
                    pickle,
                )
            }
            (Order::People(_), None) => {
                let why = "needs a device: `--hsm tcp:ADDR:PORT` names one";
                return Err(Skipped(why.into()));
            }
        };
        if self.hand.operator.ended().is_some() {
            return Err(Skipped(ENDED.into()));
        }
        Ok(played)
    }

    fn play_card(&self, pickle: &Pickle, steps: &Steps, seed: Seed, or: Skipped) -> Result<Played, Skipped> {
        let bed = Rc::new(RealBed::new(self.hand.clone()));
        let played = play_on(pickle, steps, seed, bed.clone());
        match bed.skipped() {
            Some(why) => Err(Skipped(why)),
            // Whoever never asks for a card was played by the simulation alone.
            None if !bed.is_asked.get() => Err(or),
            None => Ok(played),
        }
    }

    /// Who does each step here, or why the lane does not play the scenario.
    fn order(&self, pickle: &Pickle, steps: &Steps) -> Result<Order, Skipped> {
        if let Some(why) = Skipped::of(pickle) {
            return Err(why);
        }
        let rig = &self.hand.rig;
        let mut ordered = Vec::new();
        let mut missing = None;
        for written in &pickle.steps {
            let found = steps
                .resolve(&pickle.source, written)
                .map_err(|unresolved| Skipped(unresolved.what))?;
            let expression = found.definition.expression;
            if breaks_a_card(expression) {
                return Err(Skipped(
                    "breaks a card or looks into it, which a real one lets nobody do".into(),
                ));
            }
            if expression == SHOWS_SERIAL {
                return Err(Skipped(
                    "knows the serial number of a card that is simulated".into(),
                ));
            }
            let Some(does) = hands::of(expression) else {
                let why = format!("no person and no part can do: {expression}");
                missing.get_or_insert(Skipped(why));
                continue;
            };
            if hands::needs_reader(expression) && !self.hand.has_slot() {
                return Err(Skipped(NO_READER.into()));
            }
            if hands::may_block(expression) && rig.cards.iter().any(|card| !card.expendable) {
                let why = "types PINs that may block a card, and not every card is expendable";
                return Err(Skipped(why.into()));
            }
            for argument in &found.arguments {
                if let Argument::Value(Value::Duration(span)) = &argument.value
                    && span.subsec_nanos() != 0
                {
                    return Err(Skipped("real time is not exact to a part of a second".into()));
                }
            }
            let holder = found
                .arguments
                .iter()
                .rev()
                .find_map(|argument| match &argument.value {
                    Argument::Value(Value::Person(holder)) => Some(holder),
                    _ => None,
                });
            if let Some(holder) = holder.filter(|_| hands::needs_card(expression))
                && rig.card_of(holder).is_none()
            {
                return Err(Skipped(format!("the rig file names no card of {holder}")));
            }
            ordered.push(Ordered {
                expression,
                does,
                args: Args::new(found.arguments, None),
            });
        }
        match missing {
            None => Ok(Order::People(ordered)),
            Some(or) if ordered.is_empty() => Ok(Order::Card { or }),
            Some(or) => Err(or),
        }
    }
}

fn play_people(mut stage: RealStage<'_>, ordered: &[Ordered], pickle: &Pickle) -> Played {
    let mut failure = None;
    for (step, (ordered, written)) in ordered.iter().zip(&pickle.steps).enumerate() {
        stage.people.tell(&written.text);
        let held = stage.operator().check().and_then(|()| match ordered.does {
            Does::Here(hand) => hand(&mut stage, &ordered.args),
            Does::ByPeople => stage.people.play(ordered.expression, &ordered.args),
        });
        if let Err(mismatch) = held.and_then(|()| stage.settle()) {
            failure = Some(Failure { step, mismatch });
            break;
        }
    }
    stage.finish(failure)
}

/// What passes in the sentences of a scenario.
fn waits(pickle: &Pickle, steps: &Steps) -> Duration {
    let spans = pickle.steps.iter().filter_map(|written| {
        let found = steps.resolve(&pickle.source, written).ok()?;
        match (
            found.definition.expression,
            found.arguments.first().map(|it| &it.value),
        ) {
            (PASSES, Some(Argument::Value(Value::Duration(span)))) => Some(*span),
            _ => None,
        }
    });
    spans.sum()
}
