//! What an HSM does with a card, as machines: they hand out commands and are told the answers, and never know whether
//! the card is in the local reader or at a station far away.

mod card_visit;
mod read_shadow;

pub use card_visit::{CardVisit, CardVisitOutput, VisitRefusal};
pub use read_shadow::{
    CardReading, CardRefusal, LearnedOfCard, ReadShadow, ReadShadowInput, ReadShadowOutput, is_relayed,
};
