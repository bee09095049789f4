//! Copy Set: M cards of a set give their secret, and a new set of its own M and N is made of it. Never writes a card of
//! the set that it copies, and never activates anything with the secret.

use apdu::procedure::CardVisit;
use protocol::ErrorName;
use rand_core::Rng;

use super::{Desk, Flow, News, Trouble, fields, new_set::NewSet, pin_of};
use crate::{
    Purpose, SetId, Shadow, ShadowError,
    ceremony::{self, Ceremony, Step as Presented, Welcome},
    event::CardOutcome,
};

#[derive(Clone, Debug)]
pub(super) enum CopySet {
    Collecting { ceremony: Option<Ceremony>, step: Step },
    Making(Box<NewSet>),
}

#[expect(clippy::enum_variant_names, reason = "each is named for what it waits for")]
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    ExpectInserted,
    ExpectMet,
    ExpectPin,
    ExpectVerified,
    ExpectRead,
}

impl CopySet {
    pub(super) fn begin(desk: &mut Desk) -> Self {
        let _ = ask_for_card(desk, None, None);
        Self::Collecting {
            ceremony: None,
            step: Step::ExpectInserted,
        }
    }

    //= SC-08
    pub(super) fn on(&mut self, desk: &mut Desk, news: Result<News, Trouble>, rng: &mut dyn Rng) -> Flow {
        let step = match self {
            Self::Making(making) => return making.on(desk, news, rng),
            Self::Collecting { step, .. } => step,
        };
        let trouble = match news {
            Ok(news) => match step {
                Step::ExpectInserted => {
                    *step = Step::ExpectMet;
                    return desk.meet_card();
                }
                Step::ExpectMet => {
                    let inspection = desk.inspection();
                    let empty = (inspection.status.shadow_len == 0)
                        .then_some(Trouble::Shadow(ErrorName::CardNotInitialized));
                    if let Some(trouble) = inspection.refusal().map(Trouble::Refused).or(empty) {
                        trouble
                    } else {
                        *step = Step::ExpectPin;
                        return desk.ask_for_pin(Vec::new(), Vec::new());
                    }
                }
                Step::ExpectPin => {
                    let [typed] = fields(news.entered());
                    return match pin_of(&typed) {
                        Err(complaint) => desk.ask_for_pin(vec![complaint], Vec::new()),
                        Ok(pin) => {
                            *step = Step::ExpectVerified;
                            desk.use_card("Presenting the PIN...", |card| card.verify(&pin))
                        }
                    };
                }
                Step::ExpectVerified => {
                    *step = Step::ExpectRead;
                    return desk.use_card("Reading the card...", CardVisit::read);
                }
                Step::ExpectRead => match shadow_of(desk) {
                    Ok(shadow) => {
                        let (purpose, set) = (shadow.purpose, shadow.set);
                        match self.present(desk, shadow, purpose, set) {
                            Ok(flow) => return flow,
                            Err(trouble) => trouble,
                        }
                    }
                    Err(trouble) => trouble,
                },
            },
            Err(Trouble::Left) => return desk.give_up(&Trouble::Left),
            Err(trouble) => trouble,
        };
        // Nothing was written: the card may be tried again, or another one.
        desk.let_go_in(&trouble);
        self.ask_again(desk, Some(trouble.to_string()))
    }

    fn present(
        &mut self,
        desk: &mut Desk,
        shadow: Shadow,
        purpose: Purpose,
        set: SetId,
    ) -> Result<Flow, Trouble> {
        let Self::Collecting { ceremony, .. } = self else {
            unreachable!("a card is presented while they are collected")
        };
        match ceremony::present(ceremony.take(), shadow, Welcome::ForCopy) {
            Presented::Refused { unchanged, error } => {
                *ceremony = unchanged;
                Err(Trouble::Shadow(error))
            }
            Presented::Intermediary(so_far) => {
                let (presented, required) = (so_far.presented(), so_far.required());
                *ceremony = Some(so_far);
                desk.let_go(CardOutcome::Accepted { presented, required });
                Ok(self.ask_again(desk, None))
            }
            Presented::Complete(quorum) => {
                let required = quorum.required;
                let presented = required;
                desk.let_go(CardOutcome::Accepted { presented, required });
                let making = NewSet::begin_copy(desk, purpose, quorum.key, set);
                *self = Self::Making(Box::new(making));
                Ok(Flow::GoesOn)
            }
            Presented::Mismatch => Ok(desk.give_up(&Trouble::Shadow(ErrorName::SvmkMismatch))),
            Presented::OtherSet => unreachable!("no set is another one where any is welcome"),
        }
    }

    fn ask_again(&mut self, desk: &mut Desk, complaint: Option<String>) -> Flow {
        let Self::Collecting { ceremony, step } = self else {
            unreachable!("a card is asked for while they are collected")
        };
        *step = Step::ExpectInserted;
        ask_for_card(desk, ceremony.as_ref(), complaint)
    }
}

fn ask_for_card(desk: &mut Desk, ceremony: Option<&Ceremony>, complaint: Option<String>) -> Flow {
    let which = ceremony.map_or_else(
        || "a card of the set to be copied".into(),
        |so_far| {
            let next = so_far.presented() + 1;
            format!("card {next} of {} of the set to be copied", so_far.required())
        },
    );
    desk.ask_for_card(&which, complaint)
}

/// What the card in the reader was read to hold.
pub(super) fn shadow_of(desk: &mut Desk) -> Result<Shadow, Trouble> {
    let bytes = desk.visit().take_shadow().unwrap_or_default();
    Shadow::parse(bytes.expose()).map_err(|why| {
        Trouble::Shadow(match why {
            ShadowError::Damaged => ErrorName::CardDamaged,
            ShadowError::Incompatible => ErrorName::CardIncompatible,
        })
    })
}
