//! Get Label: shows the label of a card to whoever knows its PIN. Changes nothing.

use super::{CardDeed, Desk, Flow, News, Trouble, fields, pin_of};
use crate::{escape, event::CardOutcome};

#[expect(clippy::enum_variant_names, reason = "each is named for what it waits for")]
#[derive(Clone, Debug)]
pub(super) enum GetLabel {
    ExpectInserted,
    ExpectMet,
    ExpectPin,
    ExpectVerified,
    ExpectRead,
}

impl GetLabel {
    pub(super) fn begin(desk: &mut Desk) -> Self {
        let _ = desk.ask_for_the_card();
        Self::ExpectInserted
    }

    //= SC-07
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
                if let Some(refusal) = desk.inspection().refusal() {
                    return desk.give_up(&Trouble::Refused(refusal));
                }
                *self = Self::ExpectPin;
                desk.ask_for_pin(Vec::new(), Vec::new())
            }
            Self::ExpectPin => {
                let [typed] = fields(news.entered());
                match pin_of(&typed) {
                    Err(complaint) => desk.ask_for_pin(vec![complaint], Vec::new()),
                    Ok(pin) => {
                        *self = Self::ExpectVerified;
                        desk.use_card("Presenting the PIN...", |card| card.verify(&pin))
                    }
                }
            }
            Self::ExpectVerified => {
                *self = Self::ExpectRead;
                desk.use_card("Reading the label...", apdu::procedure::CardVisit::read_label)
            }
            Self::ExpectRead => {
                let line = desk.label().map_or_else(
                    || "This card has no label.".into(),
                    |label| format!("Label: {}", escape(&label)),
                );
                desk.let_go(CardOutcome::Managed(CardDeed::LabelShown));
                desk.end(vec![line])
            }
        }
    }
}
