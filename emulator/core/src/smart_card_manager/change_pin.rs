//! Change PIN: once in the life of a card. Shows no PIN, and leaves the card with the old one or with the new one.

use apdu::{LifeCycle, NewPin, PinEntry, procedure::VisitRefusal};

use super::{CardDeed, Desk, Flow, News, Trouble, fields, pin_of};
use crate::{console::Field, event::CardOutcome};

#[expect(clippy::enum_variant_names, reason = "each is named for what it waits for")]
#[derive(Clone, Debug)]
pub(super) enum ChangePin {
    ExpectInserted,
    ExpectMet,
    ExpectPins,
    ExpectChanged,
}

impl ChangePin {
    pub(super) fn begin(desk: &mut Desk) -> Self {
        let _ = desk.ask_for_the_card();
        Self::ExpectInserted
    }

    //= SC-02
    pub(super) fn on(&mut self, desk: &mut Desk, news: Result<News, Trouble>) -> Flow {
        let news = match news {
            Ok(news) => news,
            Err(trouble) => return desk.give_up(&trouble),
        };
        match self {
            Self::ExpectInserted => {
                *self = Self::ExpectMet;
                desk.meet_card()
            }
            Self::ExpectMet => {
                let inspection = desk.inspection();
                let sealed =
                    (inspection.status.life_cycle == LifeCycle::Sealed).then_some(VisitRefusal::PinSealed);
                if let Some(refusal) = inspection.refusal().or(sealed) {
                    return desk.give_up(&Trouble::Refused(refusal));
                }
                *self = Self::ExpectPins;
                ask_for_pins(desk, "A PIN can be changed once, and then never again.")
            }
            Self::ExpectPins => {
                let [old, new, again] = fields(news.entered());
                match pins_of(&old, &new, &again) {
                    Err(complaint) => ask_for_pins(desk, &complaint),
                    Ok((old, new)) => {
                        *self = Self::ExpectChanged;
                        desk.use_card("Changing the PIN...", |card| card.change_pin(&old, &new))
                    }
                }
            }
            Self::ExpectChanged => {
                desk.let_go(CardOutcome::Managed(CardDeed::PinChanged));
                desk.end(vec!["The PIN was changed and is sealed now.".into()])
            }
        }
    }
}

fn ask_for_pins(desk: &mut Desk, line: &str) -> Flow {
    let others = vec![Field::pin("New PIN"), Field::pin("New PIN again")];
    desk.ask_for_pin(vec![line.to_owned()], others)
}

//= PN-02
fn pins_of(old: &str, new: &str, again: &str) -> Result<(PinEntry, NewPin), String> {
    let old = pin_of(old)?;
    let new_pin = NewPin::try_from(new).map_err(|_| "A new PIN has 8 digits.")?;
    if new != again {
        return Err("The new PIN was typed in two ways.".into());
    }
    Ok((old, new_pin))
}
