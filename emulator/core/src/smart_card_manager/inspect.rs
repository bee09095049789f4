//! Inspect: what a card tells anybody. Asks for no PIN.

use super::{CardDeed, Desk, Flow, News, Trouble};
use crate::event::CardOutcome;

#[derive(Clone, Debug)]
pub(super) enum Inspect {
    ExpectInserted,
    ExpectMet,
}

impl Inspect {
    pub(super) fn begin(desk: &mut Desk) -> Self {
        let _ = desk.ask_for_the_card();
        Self::ExpectInserted
    }

    //= SC-01
    pub(super) fn on(&mut self, desk: &mut Desk, news: Result<News, Trouble>) -> Flow {
        if let Err(trouble) = news {
            return desk.give_up(&trouble);
        }
        match self {
            Self::ExpectInserted => {
                *self = Self::ExpectMet;
                desk.meet_card()
            }
            Self::ExpectMet => {
                let rows = desk.inspection().rows();
                let rows = rows.iter().map(|(name, value)| format!("{name:<10} : {value}"));
                let rows = rows.collect();
                desk.let_go(CardOutcome::Managed(CardDeed::Inspected));
                desk.end_with_list("", rows)
            }
        }
    }
}
