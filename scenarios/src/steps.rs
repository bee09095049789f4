//! The steps of a scenario: sentences that a custodian would say, and what they do to a world or ask of it. Knows no
//! file and no report.

mod administration;
mod card_reader;
mod cards;
mod console;
mod custodians;
mod device;
mod experiments;
mod live_sync;
mod network;
mod newcomers;
mod power_cuts;
pub(crate) mod published;
pub(crate) mod screens;
mod smart_cards;
mod time;
mod told;
mod values;

use std::{mem, rc::Rc, time::Duration};

use card_core::CardImage;
use machine::Instant;
use sim::Seed;

use crate::{
    card_under_test::{CardBed, CardUnderTest},
    lane::{Failure, Mismatch, Played, Seen},
    step::{Argument, BlockKind, MatchedArgument, Registry},
    world::{Hand, Trace, World},
};
pub(crate) use administration::spellings;
#[cfg(feature = "pcsc")]
pub(crate) use card_reader::breaks_a_card;
pub(crate) use newcomers::reason;
pub use values::Value;

/// What a step does. It says what differs if what it expects is not so.
pub type Handler = fn(&mut Stage, &Args) -> Result<(), Mismatch>;

/// Every step.
pub type Steps = Registry<Value, Handler>;

/// Every step of this version.
pub fn registry() -> Steps {
    let mut steps = Steps::new();
    values::register(&mut steps);
    device::register(&mut steps);
    custodians::register(&mut steps);
    cards::register(&mut steps);
    card_reader::register(&mut steps);
    told::register(&mut steps);
    console::register(&mut steps);
    time::register(&mut steps);
    network::register(&mut steps);
    newcomers::register(&mut steps);
    experiments::register(&mut steps);
    administration::register(&mut steps);
    power_cuts::register(&mut steps);
    published::register(&mut steps);
    screens::register(&mut steps);
    smart_cards::register(&mut steps);
    live_sync::register(&mut steps);
    steps
}

fn define(steps: &mut Steps, expression: &'static str, explanation: &'static str, handler: Handler) {
    steps.define(expression, explanation, BlockKind::None, handler);
}

/// Where one scenario is played: its world, and what was done in it so far.
pub struct Stage {
    seed: Seed,
    world: Option<World>,
    /// Puts cards into readers.
    bed: Rc<dyn CardBed>,
    /// A card in a reader of its own, which no HSM sees.
    card: Option<Box<dyn CardUnderTest>>,
    card_trace: Trace,
    /// So that an experiment can begin again in a world that is equal to this one.
    done: Vec<(Handler, Args)>,
    /// Worlds of experiments.
    outcomes: Vec<experiments::Outcome>,
    /// The step that is being played does nothing to the world, and is not done again in another.
    is_aside: bool,
    /// Cuts of power at durable writes.
    cuts: usize,
    trace: Vec<String>,
    lasted: Duration,
    /// Whether what the console shows is kept.
    is_recording: bool,
    /// Lines of the log that were looked at.
    log_read: usize,
}

impl Stage {
    pub(crate) fn new(seed: Seed, bed: Rc<dyn CardBed>) -> Self {
        Self {
            seed,
            world: None,
            bed,
            card: None,
            card_trace: Trace::default(),
            done: Vec::new(),
            outcomes: Vec::new(),
            is_aside: false,
            cuts: 0,
            trace: Vec::new(),
            lasted: Duration::ZERO,
            is_recording: false,
            log_read: 0,
        }
    }

    /// The same stage, on which what the console shows is kept.
    pub(crate) fn recording(self) -> Self {
        Self {
            is_recording: true,
            ..self
        }
    }

    /// Puts a world on the stage that was just made.
    fn set_world(&mut self, mut world: World, begin: impl FnOnce(&mut World)) {
        if self.is_recording {
            world.recording.start();
        }
        begin(&mut world);
        self.world = Some(world);
    }

    /// Does one step and lets its consequences of the same instant happen.
    pub(crate) fn play(&mut self, handler: Handler, args: Args) -> Result<(), Mismatch> {
        handler(self, &args)?;
        if let Some(world) = &mut self.world {
            world.settle();
        }
        if !mem::take(&mut self.is_aside) {
            self.done.push((handler, args));
        }
        Ok(())
    }

    /// A stage on which the first so many of the same steps were done, in a world of its own with the same seed.
    fn again(&self, steps_len: usize) -> Result<Self, Mismatch> {
        let mut stage = Self::new(self.seed, Rc::clone(&self.bed));
        for (handler, args) in self.done.iter().take(steps_len) {
            stage.play(*handler, args.clone())?;
        }
        Ok(stage)
    }

    /// What is to be seen at the device since this was asked last.
    pub(crate) fn look(&mut self) -> Seen {
        let Some(world) = &self.world else {
            return Seen::default();
        };
        // Somebody may have cleared it.
        let known = self.log_read.min(world.log.len());
        self.log_read = world.log.len();
        Seen::new(world.log[known..].to_vec(), &world.screen())
    }

    pub(crate) fn finish(self, failure: Option<Failure>) -> Played {
        let mut played = Played {
            failure,
            trace: self.trace,
            last_events: Vec::new(),
            lasted: self.lasted,
            screens: Vec::new(),
            cuts: self.cuts,
            seen: Vec::new(),
        };
        played.trace.extend(self.card_trace.lines());
        played.last_events.extend(self.card_trace.last_of_each());
        if let Some(world) = self.world {
            played.trace.extend(world.trace.lines());
            played.last_events.extend(world.last_events());
            played.lasted += world.now.since(Instant::POWER_ON);
            played.screens = world.recording.into_screens();
        }
        played
    }

    /// A card in a reader of its own; the one that was there is gone.
    fn put_card(&mut self, image: CardImage) -> Result<(), Mismatch> {
        self.card = None;
        let card = self.bed.reader_with(image);
        self.card = Some(card.map_err(|why| mismatch("a card in a reader", why))?);
        Ok(())
    }

    /// No time passes for a card in a reader of its own.
    fn tell_of_card(&mut self, text: String) {
        self.card_trace.tell(Instant::POWER_ON, "the card", text);
    }

    /// The world, which the first step of a scenario makes.
    fn world(&mut self) -> Result<&mut World, Mismatch> {
        let missing = || {
            mismatch(
                "an HSM, as in `Given an HSM ready for remote management`",
                "no HSM yet",
            )
        };
        self.world.as_mut().ok_or_else(missing)
    }
}

/// The arguments of one step.
#[derive(Clone)]
pub struct Args {
    arguments: Vec<MatchedArgument<Value>>,
    text: Option<String>,
}

impl Args {
    pub(crate) fn new(arguments: Vec<MatchedArgument<Value>>, text: Option<String>) -> Self {
        Self { arguments, text }
    }

    /// What hands do in this step.
    pub(crate) fn hands(&self) -> impl Iterator<Item = Hand> {
        let of_hand = |argument: &MatchedArgument<Value>| match &argument.value {
            Argument::Value(Value::Hand(hand)) => Some(*hand),
            _ => None,
        };
        self.arguments.iter().filter_map(of_hand)
    }

    /// The doc string of the step.
    pub(crate) fn text(&self) -> &str {
        self.text
            .as_deref()
            .expect("the definition says that it takes a doc string")
    }

    pub(crate) fn int(&self, index: usize) -> i64 {
        match &self.arguments[index].value {
            Argument::Int(int) => *int,
            other => panic!("the expression has no whole number at {index}: {other:?}"),
        }
    }

    pub(crate) fn string(&self, index: usize) -> &str {
        match &self.arguments[index].value {
            Argument::String(text) | Argument::Word(text) => text,
            other => panic!("the expression has no text at {index}: {other:?}"),
        }
    }

    fn value(&self, index: usize) -> &Value {
        match &self.arguments[index].value {
            Argument::Value(value) => value,
            other => panic!("the expression has no value of ours at {index}: {other:?}"),
        }
    }
}

/// What a step as a whole expected, and what was there.
pub(crate) fn mismatch(expected: impl Into<String>, actual: impl Into<String>) -> Mismatch {
    Mismatch {
        argument: None,
        expected: expected.into(),
        actual: actual.into(),
    }
}

/// Compares what is there with the argument at `index`.
pub(crate) fn expect_argument<T: PartialEq + std::fmt::Debug>(
    index: usize,
    expected: &T,
    actual: &T,
) -> Result<(), Mismatch> {
    if expected == actual {
        return Ok(());
    }
    Err(Mismatch {
        argument: Some(index),
        expected: shown(expected),
        actual: shown(actual),
    })
}

/// A value as a person would write it: what may be missing is `nothing` or the thing itself.
fn shown(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => inner.to_owned(),
        None if text == "None" => "nothing".to_owned(),
        None => text,
    }
}

/// Holds if `is_so`.
pub(crate) fn expect(is_so: bool, expected: &str, actual: impl FnOnce() -> String) -> Result<(), Mismatch> {
    if is_so {
        Ok(())
    } else {
        Err(mismatch(expected, actual()))
    }
}
