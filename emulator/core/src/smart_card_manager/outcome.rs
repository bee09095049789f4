//! What came of a card at the Smart Card Manager: what it did, why it was of no use, what went wrong. Words for the
//! screen and for the log; decides nothing.

use core::fmt;

use apdu::procedure::VisitRefusal;
use protocol::ErrorName;

use crate::{SetId, event::CardOutcome};

/// What was done with a card. Source: SC-01 to SC-09.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardDeed {
    /// It told what it tells anybody.
    Inspected,
    /// Its PIN is another one, for ever.
    PinChanged,
    /// Key, shadow and label are gone.
    Erased,
    /// Its label was shown.
    LabelShown,
    /// Its shadow and label were read, to be copied.
    Read,
    /// It is a card of this set from now on.
    Written {
        /// Which set.
        set: SetId,
        /// Which card of it, 1 to N.
        index: u8,
    },
}

/// Why a card was of no use to the operation, where the table of errors has no name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardUnfit {
    /// Its PIN was changed before. Source: SC-02.
    PinSealed,
    /// Somebody did not want it to be overwritten. Source: SC-03.
    NotToBeOverwritten,
    /// It holds another shadow of the set that is being made.
    InThisSet,
    /// It belongs to the set that is being copied. Source: SC-08.
    InSourceSet,
    /// It is the card that is being copied. Source: SC-09.
    SourceItself,
    /// It has a label, and the card that is being copied has none.
    HasLabel,
}

/// Why an operation cannot go on as it was going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Esc.
    Left,
    /// The card says no.
    Refused(VisitRefusal),
    /// We say no.
    Unfit(CardUnfit),
    /// What the card holds is no shadow that helps.
    Shadow(ErrorName),
    Absent,
    Removed,
    Mute,
    Unavailable,
}

impl Trouble {
    /// What the log says of the card.
    pub(super) fn outcome(&self) -> CardOutcome {
        match self {
            Self::Left => CardOutcome::Abandoned,
            Self::Refused(VisitRefusal::PinSealed) => CardOutcome::Unfit(CardUnfit::PinSealed),
            Self::Unfit(why) => CardOutcome::Unfit(*why),
            Self::Refused(VisitRefusal::Incompatible) => CardOutcome::Refused(ErrorName::CardIncompatible),
            Self::Refused(VisitRefusal::Unformatted) => CardOutcome::Refused(ErrorName::CardNotInitialized),
            Self::Refused(VisitRefusal::Blocked) => CardOutcome::Refused(ErrorName::CardBlocked),
            Self::Refused(VisitRefusal::PinWrong { .. }) => CardOutcome::Refused(ErrorName::PinWrong),
            Self::Refused(VisitRefusal::Damaged) => CardOutcome::Refused(ErrorName::CardDamaged),
            Self::Refused(VisitRefusal::CardError(_)) => CardOutcome::Refused(ErrorName::CardError),
            Self::Shadow(name) => CardOutcome::Refused(*name),
            Self::Absent => CardOutcome::Refused(ErrorName::CardAbsent),
            Self::Removed => CardOutcome::Refused(ErrorName::CardRemoved),
            Self::Mute => CardOutcome::Refused(ErrorName::CardMute),
            Self::Unavailable => CardOutcome::Refused(ErrorName::ReaderUnavailable),
        }
    }
}

/// What the log says.
impl fmt::Display for CardDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inspected => f.write_str("inspected"),
            Self::PinChanged => f.write_str("PIN changed"),
            Self::Erased => f.write_str("erased"),
            Self::LabelShown => f.write_str("label shown"),
            Self::Read => f.write_str("read for a copy"),
            Self::Written { set, index } => write!(f, "written, card {index} of set {set}"),
        }
    }
}

/// What the log says, in the manner of the table of errors.
impl fmt::Display for CardUnfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PinSealed => "pin_sealed",
            Self::NotToBeOverwritten => "not_to_be_overwritten",
            Self::InThisSet => "in_this_set",
            Self::InSourceSet => "in_source_set",
            Self::SourceItself => "source_itself",
            Self::HasLabel => "has_label",
        })
    }
}

/// What the screen says.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("It was left unfinished."),
            Self::Refused(VisitRefusal::Incompatible) => f.write_str("This card is of another kind."),
            Self::Refused(VisitRefusal::Unformatted) => f.write_str("This card was never formatted."),
            Self::Refused(VisitRefusal::Blocked) => f.write_str("This card is blocked for ever."),
            Self::Refused(VisitRefusal::PinWrong { tries_left: 1 }) => {
                f.write_str("The PIN is wrong; 1 try is left.")
            }
            Self::Refused(VisitRefusal::PinWrong { tries_left }) => {
                write!(f, "The PIN is wrong; {tries_left} tries are left.")
            }
            Self::Refused(VisitRefusal::PinSealed) | Self::Unfit(CardUnfit::PinSealed) => {
                f.write_str("The PIN of this card was changed before and is sealed.")
            }
            Self::Refused(VisitRefusal::Damaged) => {
                f.write_str("This card does not give back what was written.")
            }
            Self::Refused(VisitRefusal::CardError(status)) => write!(f, "This card answered {status}."),
            Self::Unfit(CardUnfit::NotToBeOverwritten) => f.write_str("The card was not overwritten."),
            Self::Unfit(CardUnfit::InThisSet) => f.write_str("This card is in the new set already."),
            Self::Unfit(CardUnfit::InSourceSet) => {
                f.write_str("This card belongs to the set that is copied.")
            }
            Self::Unfit(CardUnfit::SourceItself) => f.write_str("This is the card that is copied."),
            Self::Unfit(CardUnfit::HasLabel) => {
                f.write_str("This card has a label and the copied one has none; erase it first.")
            }
            Self::Shadow(name) => write!(f, "{}.", capitalised(name.sentence())),
            Self::Absent => f.write_str("There is no card in the reader."),
            Self::Removed => f.write_str("The card was taken out."),
            Self::Mute => f.write_str("The card does not answer."),
            Self::Unavailable => f.write_str("The reader does not answer."),
        }
    }
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}
