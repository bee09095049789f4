//! Which cards are not what they should be if the power goes now. Kept durably from before the first byte that changes
//! a card until the operation is over, so that no cut leaves a half set that nobody knows of. Holds no secret.

use core::fmt;

use apdu::Csn;
use serde::{Deserialize, Serialize};

use crate::{Event, Purpose, Scheme, SetId};

/// A set of cards, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSet {
    /// Its name.
    pub id: SetId,
    /// What it is for.
    pub purpose: Purpose,
    /// M and N.
    pub scheme: Scheme,
}

/// `2-of-3 Server Master Key set 15C000E3-A8171006`.
impl fmt::Display for CardSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (required, cards) = (self.scheme.required(), self.scheme.cards());
        write!(f, "{required}-of-{cards} {} set {}", self.purpose, self.id)
    }
}

/// Cards that are being changed. Source: SC-03, SC-08, SC-10.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfinishedCards {
    /// The set that they are to be, if they are to be one.
    pub set: Option<CardSet>,
    /// The serial numbers of those that were, or are being, written; at most [`CARDS_MAX`](crate::CARDS_MAX).
    cards: Vec<[u8; 16]>,
}

impl UnfinishedCards {
    /// Cards of a set of which none was written yet.
    pub(super) const fn of_set(set: CardSet) -> Self {
        Self {
            set: Some(set),
            cards: Vec::new(),
        }
    }

    /// One card that is on its own.
    pub(super) fn of_card(card: Csn) -> Self {
        Self {
            set: None,
            cards: vec![card.0],
        }
    }

    pub(super) fn push(&mut self, card: Csn) {
        self.cards.push(card.0);
    }

    pub(super) fn remove(&mut self, card: Csn) {
        self.cards.retain(|listed| *listed != card.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// The serial numbers of the cards, in the order in which they were written.
    pub fn cards(&self) -> impl Iterator<Item = Csn> {
        self.cards.iter().copied().map(Csn)
    }

    /// What the log tells of them: the set and each card is invalid.
    //= SC-10
    pub(super) fn events(&self) -> impl Iterator<Item = Event> {
        let set = self.set.map(|set| set.id);
        let cards = self.cards().map(move |serial| Event::CardInvalid { serial, set });
        self.set.map(Event::SetInvalid).into_iter().chain(cards)
    }

    /// What the screen says of them.
    //= SC-10
    pub(super) fn rows(&self) -> Vec<String> {
        let mut rows = match self.set {
            Some(set) => vec![
                "This set was not finished and is invalid:".to_owned(),
                set.to_string(),
                "Do not use these cards; make a new set with them:".to_owned(),
            ],
            None => vec![
                "This card was not finished and is invalid:".to_owned(),
                "Do not use it; erase it or write it again.".to_owned(),
            ],
        };
        rows.extend(self.cards().map(|card| format!("CSN {card}")));
        rows
    }
}
