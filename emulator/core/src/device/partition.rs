//! Partition Authorization: M of N of a set of its own purpose change what may be done with a user's keys. The first
//! set that is shown for a partition is the one that counts from then on. Knows no key of a partition.

use apdu::PinEntry;
use machine::Cx;
use protocol::{ErrorName, ServiceState};

use super::{Device, local::LocalDialog};
use crate::{
    Event, Partition, PartitionChange, Shadow, User, UserName,
    ceremony::{self, Ceremony, Step, Welcome},
    console::{Answer, Dialog, Field, Page},
    escape,
    event::CardOutcome,
    users::USER_NAME_CHARACTERS_MAX,
};

/// The cards that were shown for one partition. Dropping it wipes their shares.
#[derive(Clone, Debug)]
pub(super) struct PartitionProcess {
    name: UserName,
    change: PartitionChange,
    ceremony: Option<Ceremony>,
}

impl PartitionChange {
    /// The only change that is possible in a state.
    fn of(partition: Option<&Partition>) -> Self {
        match partition {
            None => Self::Associated,
            Some(Partition {
                authorized: false, ..
            }) => Self::Authorized,
            Some(Partition { authorized: true, .. }) => Self::Revoked,
        }
    }

    /// How things are before it.
    const fn state_before(self) -> &'static str {
        match self {
            Self::Associated => "not associated with a set",
            Self::Authorized => "associated, not authorized",
            Self::Revoked => "authorized",
        }
    }

    const fn buttons(self) -> &'static [&'static str] {
        match self {
            Self::Associated => &["Cancel", "Associate"],
            Self::Authorized => &["Cancel", "Authorize"],
            Self::Revoked => &["Cancel", "Revoke"],
        }
    }
}

impl Device {
    pub(super) fn show_partition(&mut self) {
        //= LC-02
        match self.service() {
            ServiceState::Running => self.console.show_page(Page::Partition, partition_form("")),
            ServiceState::Stopped => self.console.tell("This needs a running service."),
        }
    }

    pub(super) fn on_partition_answer(&mut self, cx: &Cx<'_>, page: Page, answer: Answer) {
        match (page, answer) {
            (Page::Partition, Answer::Entered(entered)) => {
                let typed = entered.first().map_or("", |typed| typed.trim());
                self.ask_for_partition_change(typed);
            }
            (Page::PartitionChange, Answer::Chosen(1)) => self.ask_for_partition_pin(),
            (Page::PartitionPin, Answer::Entered(entered)) => {
                let typed = entered.first().map_or("", |typed| typed.as_str());
                //= PN-03
                let Ok(pin) = PinEntry::try_from(typed) else {
                    self.ask_for_partition_pin();
                    return self.console.tell("A PIN has 8 characters, digits or letters.");
                };
                let lines = vec!["The card is being read.".to_owned()];
                let progress = Dialog::progress(Page::PartitionCard.label(), lines);
                self.console.show_page(Page::PartitionCard, progress);
                self.present_local_card(cx, LocalDialog::for_partition(pin));
            }
            (Page::PartitionCard, _) => self.abandon_local_activation(cx),
            (_, Answer::Left | Answer::Confirmed | Answer::Chosen(_) | Answer::Entered(_)) => {
                self.local.partition = None;
            }
        }
    }

    fn ask_for_partition_change(&mut self, typed: &str) {
        let user = UserName::parse(typed).and_then(|name| {
            let user = self.users.known.get(&name)?;
            Some((name, PartitionChange::of(user.partition.as_ref())))
        });
        let Some((name, change)) = user else {
            self.console.show_page(Page::Partition, partition_form(typed));
            let why = format!("There is no partition `{}`.", escape(typed));
            return self.console.tell(why);
        };
        let lines = vec![format!("Partition {name} is {}.", change.state_before())];
        let question = Dialog::question(Page::PartitionChange.label(), lines, change.buttons());
        self.local.partition = Some(PartitionProcess {
            name,
            change,
            ceremony: None,
        });
        self.console.show_page(Page::PartitionChange, question);
    }

    fn ask_for_partition_pin(&mut self) {
        let Some(process) = &self.local.partition else {
            return;
        };
        let card = process.ceremony.as_ref().map_or_else(
            || "Put the first card of the set into the reader.".to_owned(),
            |ceremony| {
                let (next, required) = (ceremony.presented() + 1, ceremony.required());
                format!("Put card {next} of {required} into the reader.")
            },
        );
        let lines = vec![format!("Partition {}", process.name), card];
        let form = Dialog::form(Page::PartitionPin.label(), lines, vec![Field::pin("PIN")]);
        self.console.show_page(Page::PartitionPin, form);
    }

    /// What a card says that was shown for a partition.
    //= SC-06
    pub(super) fn judge_for_partition(&mut self, cx: &Cx<'_>, shadow: Shadow) {
        let Some(mut process) = self.local.partition.take() else {
            return self.conclude_local_dialog(cx, CardOutcome::Abandoned);
        };
        let Some(user) = self.users.known.get(&process.name).cloned() else {
            self.conclude_local_dialog(cx, CardOutcome::Abandoned);
            self.console.close_dialog();
            return self
                .console
                .tell(format!("There is no partition `{}` any more.", process.name));
        };
        let welcome = match &user.partition {
            None => Welcome::PartitionSet,
            Some(partition) => Welcome::PartitionSetOf(&partition.set),
        };
        let required = shadow.scheme.required();
        match ceremony::present(process.ceremony.take(), shadow, welcome) {
            Step::Refused { unchanged, error } => {
                process.ceremony = unchanged;
                self.local.partition = Some(process);
                self.refuse_local_card(cx, &error.into());
            }
            Step::Intermediary(ceremony) => {
                let (presented, required) = (ceremony.presented(), ceremony.required());
                process.ceremony = Some(ceremony);
                self.local.partition = Some(process);
                self.conclude_local_dialog(cx, CardOutcome::Accepted { presented, required });
                self.ask_for_partition_pin();
            }
            Step::Complete(quorum) => {
                let presented = required;
                self.conclude_local_dialog(cx, CardOutcome::Accepted { presented, required });
                self.console.close_dialog();
                let partition = Partition {
                    set: quorum.key.binding(),
                    authorized: process.change == PartitionChange::Authorized,
                };
                let user = User {
                    partition: Some(partition),
                    ..user
                };
                let (name, change) = (process.name, process.change);
                let told = format!("Partition {name} is {change}.");
                let event = Event::PartitionChanged {
                    name: name.clone(),
                    change,
                };
                let change = self.put_user(name, user);
                self.promise_locally(change, event, told);
            }
            Step::OtherSet | Step::Mismatch => {
                self.refuse_local_card(cx, &ErrorName::SvmkMismatch.into());
                self.console.close_dialog();
            }
        }
    }

    /// A card for a partition was refused; another one may be shown.
    pub(super) fn on_partition_card_refused(&mut self) {
        self.ask_for_partition_pin();
    }
}

fn partition_form(typed: &str) -> Dialog {
    let lines = vec!["The user whose partition it is.".to_owned()];
    let field = Field::text("Partition", USER_NAME_CHARACTERS_MAX).filled_with(typed);
    Dialog::form(Page::Partition.label(), lines, vec![field])
}
