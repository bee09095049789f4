//! Erase: takes key, shadow and label from a card, after its PIN. Revives no blocked card.

use apdu::procedure::CardVisit;

use super::{CardDeed, Desk, Flow, News, Trouble, UnfinishedCards, fields, pin_of};
use crate::event::CardOutcome;

#[expect(clippy::enum_variant_names, reason = "each is named for what it waits for")]
#[derive(Clone, Debug)]
pub(super) enum Erase {
    ExpectInserted,
    ExpectMet,
    ExpectPin,
    ExpectVerified,
    ExpectKept,
    ExpectErased,
    ExpectCleared,
}

impl Erase {
    pub(super) fn begin(desk: &mut Desk) -> Self {
        let _ = desk.ask_for_the_card();
        Self::ExpectInserted
    }

    //= SC-05
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
                ask_for_pin(desk, None)
            }
            Self::ExpectPin => {
                let [typed] = fields(news.entered());
                match pin_of(&typed) {
                    Err(complaint) => ask_for_pin(desk, Some(complaint)),
                    Ok(pin) => {
                        *self = Self::ExpectVerified;
                        desk.use_card("Presenting the PIN...", |card| card.verify(&pin))
                    }
                }
            }
            Self::ExpectVerified => {
                *self = Self::ExpectKept;
                let card = desk.inspection().csn;
                desk.keep_before(UnfinishedCards::of_card(card))
            }
            Self::ExpectKept => {
                *self = Self::ExpectErased;
                desk.use_card("Erasing the card...", CardVisit::erase)
            }
            Self::ExpectErased => {
                desk.let_go(CardOutcome::Managed(CardDeed::Erased));
                *self = Self::ExpectCleared;
                desk.keep_after()
            }
            Self::ExpectCleared => desk.end(vec!["The card was erased.".into()]),
        }
    }
}

fn ask_for_pin(desk: &mut Desk, complaint: Option<String>) -> Flow {
    let which = format!("Card {}", desk.inspection().csn);
    let what = "Key, shadow and label will be gone.".into();
    desk.ask_for_pin(complaint.into_iter().chain([which, what]).collect(), Vec::new())
}
