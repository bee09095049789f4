//! The card of a scenario in the reader of the rig: a person is asked to put it in, its serial number is read, and only a
//! card that the rig file names is brought to what the scenario needs. The steps are those of the simulation.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use apdu::{Csn, hex};
use card_core::CardImage;
use pcsc_reader::Presence;

use super::{
    Record,
    card::{Slot, Unfit},
    operator::Operator,
    rig_file::{CardOfRig, RigFile},
};
use crate::{
    card_under_test::{CardBed, CardUnderTest, Silence},
    lane::Mismatch,
};

/// How often a person may put in a card that is not asked for, before the scenario fails.
pub(super) const WRONG_CARDS_MAX: usize = 3;

/// The reader, its cards and the person who changes them.
pub(super) struct Hand {
    /// `None` if no reader was chosen.
    slot: Option<Mutex<Slot>>,
    pub(super) rig: RigFile,
    pub(super) operator: Operator,
    pub(super) record: Record,
}

/// Why there is no card as it is needed.
#[derive(Debug)]
pub(super) enum NoCard {
    /// The rig has none.
    InRig(String),
    /// A person, a card or a reader did not do what was asked for.
    Failed(String),
}

impl From<Mismatch> for NoCard {
    fn from(mismatch: Mismatch) -> Self {
        Self::Failed(mismatch.actual)
    }
}

impl Hand {
    pub(super) fn new(slot: Option<Slot>, rig: RigFile, operator: Operator, record: Record) -> Self {
        Self {
            slot: slot.map(Mutex::new),
            rig,
            operator,
            record,
        }
    }

    /// Whether a reader was chosen.
    pub(super) const fn has_slot(&self) -> bool {
        self.slot.is_some()
    }

    pub(super) fn slot(&self) -> MutexGuard<'_, Slot> {
        let slot = self.slot.as_ref();
        let slot = slot.expect("without a reader only what needs none is played");
        // A world that broke left it as a scenario that failed does.
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a person put in a card of the rig file for which `is_fit` finds nothing against it. One that is in the reader
    /// is taken if it is.
    pub(super) fn get(
        &self,
        asked_for: &str,
        mut why_not: impl FnMut(&mut Slot, &CardOfRig) -> Result<Option<String>, NoCard>,
    ) -> Result<CardOfRig, NoCard> {
        for _ in 0..=WRONG_CARDS_MAX {
            self.operator.check()?;
            let is_in = self.slot().holds_card().map_err(|why| NoCard::Failed(why.what))?;
            if !is_in {
                self.await_presence(
                    &format!("put {asked_for} into the reader {}", self.slot().name()),
                    Presence::Inserted,
                )?;
            }
            let serial = self.slot().read_serial();
            let against = match serial {
                Err(why) => format!("the card does not tell who it is: {why}"),
                Ok(serial) => match self.rig.card(serial) {
                    None => format!(
                        "the card {} is not in the rig file; nothing was written to it",
                        hex::encode(&serial.0)
                    ),
                    Some(card) => {
                        let why_not = why_not(&mut self.slot(), card)?;
                        let Some(why) = why_not else {
                            self.tell_part(card);
                            return Ok(card.clone());
                        };
                        format!("this is the card of {}: {why}", card.holder)
                    }
                },
            };
            self.operator.say(&format!("    {against}"));
            self.ask_out()?;
        }
        Err(NoCard::Failed(format!(
            "a card that was not asked for, {} times",
            WRONG_CARDS_MAX + 1
        )))
    }

    fn tell_part(&self, card: &CardOfRig) {
        let serial = hex::encode(&card.serial.0);
        self.record.add_part(format!(
            "card {serial} of {} in {}",
            card.holder,
            self.slot().name()
        ));
    }

    /// Has a person take the card out.
    pub(super) fn ask_out(&self) -> Result<(), Mismatch> {
        let what = format!("take the card out of the reader {}", self.slot().name());
        self.await_presence(&what, Presence::Removed)
    }

    /// Asks for a card to be moved; the reader tells when it was.
    fn await_presence(&self, what: &str, awaited: Presence) -> Result<(), Mismatch> {
        // The slot is held for one look at a time.
        self.operator
            .ask(what, |within| self.slot().await_card(awaited, within))
    }
}

/// Puts the card of one scenario into the reader.
pub(super) struct RealBed {
    hand: Arc<Hand>,
    pub(super) is_asked: Cell<bool>,
    /// Why the rig cannot play it, if it cannot.
    skipped: Rc<RefCell<Option<String>>>,
}

impl RealBed {
    pub(super) fn new(hand: Arc<Hand>) -> Self {
        Self {
            hand,
            is_asked: Cell::new(false),
            skipped: Rc::default(),
        }
    }

    /// Why the rig cannot play the scenario, if it found out on the way.
    pub(super) fn skipped(&self) -> Option<String> {
        self.skipped.borrow().clone()
    }
}

impl CardBed for RealBed {
    fn reader_with(&self, image: CardImage) -> Result<Box<dyn CardUnderTest>, String> {
        self.is_asked.set(true);
        // What is written on it is its label.
        let holders: Vec<&CardOfRig> = self.hand.rig.cards.iter().collect();
        let mut unfit: Vec<Csn> = Vec::new();
        let asked_for = match &holders[..] {
            [one] => format!("the card of {} ({})", one.holder, hex::encode(&one.serial.0)),
            _ => "a card of the rig".to_owned(),
        };
        let found = self.hand.get(&asked_for, |slot, card| {
            match slot.bring_to(&image, &card.pin, card.expendable) {
                Ok(()) => Ok(None),
                Err(Unfit::This(why)) => {
                    if !unfit.contains(&card.serial) {
                        unfit.push(card.serial);
                    }
                    // Whoever has no other card cannot put one in.
                    if unfit.len() == holders.len() {
                        return Err(NoCard::InRig(format!("no card of the rig can do it: {why}")));
                    }
                    Ok(Some(why))
                }
                Err(Unfit::Any(why)) => Err(NoCard::InRig(why)),
                Err(Unfit::Broken(why)) => Err(NoCard::Failed(why)),
            }
        });
        match found {
            Ok(card) => Ok(Box::new(RealCard {
                hand: self.hand.clone(),
                serial: card.serial,
                skipped: self.skipped.clone(),
            })),
            Err(NoCard::InRig(why)) => {
                *self.skipped.borrow_mut() = Some(why.clone());
                Err(why)
            }
            Err(NoCard::Failed(why)) => Err(why),
        }
    }
}

/// The card in the reader.
struct RealCard {
    hand: Arc<Hand>,
    serial: Csn,
    skipped: Rc<RefCell<Option<String>>>,
}

impl RealCard {
    fn drive<T>(&self, act: impl FnOnce(&mut Slot) -> Result<T, Silence>) -> Result<T, Silence> {
        self.hand.operator.check().map_err(failed)?;
        let mut slot = self.hand.slot();
        let done = act(&mut slot);
        if let Some(why) = slot.take_withheld() {
            *self.skipped.borrow_mut() = Some(format!("needs an expendable card: a command of it {why}"));
        }
        done
    }
}

fn failed(mismatch: Mismatch) -> Silence {
    Silence::Failed(mismatch.actual)
}

impl CardUnderTest for RealCard {
    fn power_on(&mut self) -> Result<Vec<u8>, Silence> {
        self.drive(Slot::cold_reset)
    }

    fn warm_reset(&mut self) -> Result<Vec<u8>, Silence> {
        self.drive(Slot::warm_reset)
    }

    fn transmit(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        self.drive(|slot| slot.transmit(tpdu))
    }

    fn remove(&mut self) -> Result<(), Silence> {
        self.hand.slot().let_go();
        self.hand.ask_out().map_err(failed)
    }

    fn insert(&mut self) -> Result<(), Silence> {
        let back = self.hand.get("the same card again", |_, card| {
            Ok((card.serial != self.serial).then(|| "it is another one".to_owned()))
        });
        back.map(drop).map_err(|why| match why {
            NoCard::InRig(why) | NoCard::Failed(why) => Silence::Failed(why),
        })
    }

    /// Nothing holds a real card but its reader.
    fn restart(&mut self) -> Result<(), Silence> {
        self.remove()?;
        self.insert()
    }
}

impl Drop for RealCard {
    fn drop(&mut self) {
        self.hand.slot().let_go();
    }
}
