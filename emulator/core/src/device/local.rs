//! What a person at the device can do: keys, the local reader, the power button. Has priority over everything that
//! a manager does (RM-10).

use apdu::{PinEntry, ReaderAnswer, ReaderCommand};
use machine::Cx;
use protocol::{Error, ErrorName};

use super::{Device, Output, Promise, RemoteManagement, operations::Requester, partition::PartitionProcess};
use crate::{
    Activity, Change, DisabledBy, Event, Key, LastStop, LifeCycle, LocalCard, Shadow, Vault, Where,
    card_dialog::{CardDialog, Expected, Next},
    ceremony::{self, Ceremony, Step, Welcome},
    console::{Console, Page, Wish},
    event::CardOutcome,
    smart_card_manager::Told,
};

/// Activation at the console: the cards accepted so far, and the one in the reader. Source: LF-03.
#[derive(Clone, Debug, Default)]
pub(super) struct LocalActivation {
    ceremony: Option<Ceremony>,
    dialog: Option<LocalDialog>,
    pub(super) partition: Option<PartitionProcess>,
}

#[derive(Clone, Debug)]
pub(super) struct LocalDialog {
    card: CardDialog,
    /// Sent to the card once, then gone.
    pin: Option<PinEntry>,
    counts_for: CountsFor,
}

/// What the card that is being read is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountsFor {
    Activation,
    Partition,
}

impl LocalDialog {
    fn for_activation(pin: PinEntry) -> Self {
        Self {
            card: CardDialog::new(),
            pin: Some(pin),
            counts_for: CountsFor::Activation,
        }
    }

    pub(super) fn for_partition(pin: PinEntry) -> Self {
        Self {
            counts_for: CountsFor::Partition,
            ..Self::for_activation(pin)
        }
    }
}

impl LocalActivation {
    pub(super) fn ceremony(&self) -> Option<&Ceremony> {
        self.ceremony.as_ref()
    }
}

impl Device {
    pub(super) fn on_key(&mut self, cx: &mut Cx<'_>, key: Key) {
        //= PK-01
        if !self.profile.has_console() {
            return;
        }
        match (self.state.is_on(), self.remote_management) {
            (false, RemoteManagement::Disabled) => {}
            //= RM-03
            (true, RemoteManagement::Enabled) if key == Key::Esc => self.disable(cx, DisabledBy::Esc),
            //= OP-11
            (_, RemoteManagement::Enabling | RemoteManagement::Enabled) => {
                self.on_activity(cx, Activity::Key);
            }
            //= RM-12
            // A device that has accepted to stop takes no wishes: one of them would be written after the stop.
            (true, RemoteManagement::Disabled) if self.is_stop_promised() || self.is_binding() => {}
            (true, RemoteManagement::Disabled) => {
                // While a card is read, only what says so can be left.
                if self.local.dialog.is_none() || self.console.page() == Some(Page::PartitionCard) {
                    let wish = self.console.handle_key(key, self.state);
                    if let Some(wish) = wish {
                        self.grant(cx, wish);
                    }
                }
            }
        }
    }

    pub(super) fn on_power_button(&mut self, cx: &Cx<'_>) {
        match self.remote_management {
            RemoteManagement::Enabling | RemoteManagement::Enabled if self.profile.has_console() => {
                self.on_activity(cx, Activity::PowerButton);
            }
            RemoteManagement::Enabling | RemoteManagement::Enabled | RemoteManagement::Disabled => {
                self.stop_locally(LastStop::LocalPowerOff, Vec::new());
            }
        }
    }

    /// Local activity disables remote management and is consumed; without it, it is nothing special.
    //= RM-17
    pub(super) fn on_activity(&mut self, cx: &Cx<'_>, activity: Activity) {
        match (self.state, self.remote_management) {
            (LifeCycle::Off, _) | (_, RemoteManagement::Disabled) => {}
            //= PK-01
            _ if !self.profile.has_console() => {}
            (
                LifeCycle::Starting
                | LifeCycle::FirstBoot
                | LifeCycle::Waiting
                | LifeCycle::Stopped
                | LifeCycle::Running
                | LifeCycle::StoppedLocked
                | LifeCycle::RunningLocked
                | LifeCycle::Stopping,
                RemoteManagement::Enabling | RemoteManagement::Enabled,
            ) => self.disable(cx, DisabledBy::Activity(activity)),
        }
    }

    fn grant(&mut self, cx: &mut Cx<'_>, wish: Wish) {
        match wish {
            //= RM-16
            Wish::EnableRemoteManagement => self.enable(),
            Wish::Operate(order) => self.operate(cx, Requester::Local, order),
            //= LC-05
            Wish::Lock => {
                self.state
                    .on_locked()
                    .expect("only an activated console shows the menu");
                self.tell(cx, Event::ConsoleLocked);
                self.show_first_screen();
            }
            //= LF-05
            Wish::ResetForOtherSet => {
                let changes = self.factory_reset();
                self.stop_locally(LastStop::FactoryReset, changes);
            }
            Wish::SmartCard(operation) => self.begin_smart_cards(cx, operation),
            // The Smart Card Manager alone has dialogs shown that are no pages.
            Wish::Answered(answer) => self.tell_smart_cards(cx, Told::Answered(answer)),
            Wish::Show(page) => self.show_page(cx, page),
            Wish::Entered(page, answer) => self.on_entered(cx, page, answer),
            Wish::PresentCard(pin) => self.present_local_card(cx, LocalDialog::for_activation(pin)),
        }
    }

    pub(super) fn present_local_card(&mut self, cx: &Cx<'_>, dialog: LocalDialog) {
        self.local.dialog = Some(dialog);
        self.drive_local_dialog(cx);
    }

    /// The key of a set was shown and waits for the disk, which binds the device to it.
    fn is_binding(&self) -> bool {
        self.promises
            .iter()
            .any(|(_, promise)| matches!(promise, Promise::Bind(_)))
    }

    //= RM-12
    fn stop_locally(&mut self, stop: LastStop, changes: Vec<Change>) {
        if self.state.is_on() && !self.is_stop_promised() {
            self.promise_stop(None, Requester::Local, stop, changes);
        }
    }

    // The card in the local reader.

    //= RM-17
    pub(super) fn on_local_card(&mut self, cx: &mut Cx<'_>, card: LocalCard) {
        let activity = match card {
            LocalCard::Inserted => Activity::CardInserted,
            LocalCard::Removed => Activity::CardRemoved,
        };
        self.on_activity(cx, activity);
        self.tell_smart_cards(cx, Told::Card(card));
    }

    pub(super) fn on_local_reader(&mut self, cx: &mut Cx<'_>, answer: ReaderAnswer) {
        if self.smart_cards.is_some() {
            return self.tell_smart_cards(cx, Told::Reader(answer));
        }
        let Some(dialog) = self.local.dialog.as_mut() else {
            return;
        };
        let failure = match (answer, dialog.card.expected()) {
            (ReaderAnswer::Atr(atr), Expected::Atr) => {
                dialog.card.on_atr(atr);
                None
            }
            (ReaderAnswer::Response(response), Expected::Response) => {
                dialog.card.on_response(response);
                None
            }
            (ReaderAnswer::Response(response), Expected::PinStatus) => {
                dialog.card.on_pin_status(response.status);
                None
            }
            (ReaderAnswer::CardAbsent, _) => Some(ErrorName::CardAbsent),
            (ReaderAnswer::CardRemoved, _) => Some(ErrorName::CardRemoved),
            (ReaderAnswer::ReaderUnavailable, _) => Some(ErrorName::ReaderUnavailable),
            (ReaderAnswer::CardMute | ReaderAnswer::PoweredOff, _)
            | (ReaderAnswer::Atr(_), Expected::Response | Expected::PinStatus)
            | (ReaderAnswer::Response(_), Expected::Atr) => Some(ErrorName::CardMute),
        };
        match failure {
            None => self.drive_local_dialog(cx),
            Some(name) => self.refuse_local_card(cx, &name.into()),
        }
    }

    fn drive_local_dialog(&mut self, cx: &Cx<'_>) {
        let dialog = self.local.dialog.as_mut().expect("a dialog is being driven");
        let command = match dialog.card.next() {
            None => return,
            Some(Next::PowerOn) => ReaderCommand::PowerOn,
            Some(Next::Transmit(tpdu)) => ReaderCommand::Transmit(tpdu),
            Some(Next::VerifyPin) => {
                let pin = dialog.pin.take().expect("a dialog presents its PIN once");
                ReaderCommand::Transmit(pin.to_verify().to_tpdu())
            }
            Some(Next::Finished(Ok(shadow))) => {
                return match dialog.counts_for {
                    CountsFor::Activation => self.judge_locally(cx, shadow),
                    CountsFor::Partition => self.judge_for_partition(cx, shadow),
                };
            }
            Some(Next::Finished(Err(error))) => return self.refuse_local_card(cx, &error),
        };
        self.outputs.push_back(Output::LocalReader(command));
    }

    fn judge_locally(&mut self, cx: &Cx<'_>, shadow: Shadow) {
        let welcome = match &self.stored.binding {
            //= LF-02
            None => Welcome::Anybody,
            //= LC-05
            Some(binding) if self.state.is_activated() => Welcome::Bound(binding),
            //= LF-05
            Some(binding) => Welcome::BoundOrOther(binding),
        };
        let required = shadow.scheme.required();
        match ceremony::present(self.local.ceremony.take(), shadow, welcome) {
            Step::Refused { unchanged, error } => {
                self.local.ceremony = unchanged;
                self.refuse_local_card(cx, &error.into());
            }
            Step::Intermediary(ceremony) => {
                let (presented, required) = (ceremony.presented(), ceremony.required());
                self.local.ceremony = Some(ceremony);
                self.conclude_local_dialog(cx, CardOutcome::Accepted { presented, required });
                self.console.ask_for_next_pin();
            }
            Step::Complete(quorum) => {
                self.accept_last_card(cx, required);
                match self.state {
                    LifeCycle::FirstBoot => {
                        let binding = quorum.key.binding();
                        let mut changes = vec![Change::Binding(Some(binding))];
                        changes.extend(self.seal_users(&Vault::of(&quorum.key)));
                        self.commit(changes, Promise::Bind(quorum.key));
                    }
                    LifeCycle::StoppedLocked | LifeCycle::RunningLocked => {
                        self.state.on_unlocked().expect("it is locked");
                        self.tell(cx, Event::ConsoleUnlocked);
                        self.show_first_screen();
                    }
                    LifeCycle::Waiting => {
                        self.activate(cx, quorum.key, Where::Local);
                        self.show_first_screen();
                    }
                    LifeCycle::Off
                    | LifeCycle::Starting
                    | LifeCycle::Stopped
                    | LifeCycle::Running
                    | LifeCycle::Stopping => unreachable!("no PIN is asked for then"),
                }
            }
            Step::OtherSet => {
                self.accept_last_card(cx, required);
                self.tell(cx, Event::OtherSetShown);
                self.console = Console::reset_for_other_set();
            }
            Step::Mismatch => self.refuse_local_card(cx, &ErrorName::SvmkMismatch.into()),
        }
    }

    fn accept_last_card(&mut self, cx: &Cx<'_>, required: u8) {
        let presented = required;
        self.conclude_local_dialog(cx, CardOutcome::Accepted { presented, required });
    }

    pub(super) fn refuse_local_card(&mut self, cx: &Cx<'_>, error: &Error) {
        self.conclude_local_dialog(
            cx,
            error.name.map_or(CardOutcome::Abandoned, CardOutcome::Refused),
        );
        if self.local.partition.is_some() {
            self.on_partition_card_refused();
        }
        self.console.tell(error.message.clone());
    }

    /// Wipes the cards accepted so far; a card that is being read is powered off and logged (AU-14).
    pub(super) fn abandon_local_activation(&mut self, cx: &Cx<'_>) {
        if self.local.dialog.is_some() {
            self.conclude_local_dialog(cx, CardOutcome::Abandoned);
        }
        self.local = LocalActivation::default();
    }

    pub(super) fn conclude_local_dialog(&mut self, cx: &Cx<'_>, outcome: CardOutcome) {
        let dialog = self.local.dialog.take().expect("a dialog is being concluded");
        self.outputs
            .push_back(Output::LocalReader(ReaderCommand::PowerOff));
        if let Some(event) = dialog.card.event(Where::Local, outcome) {
            self.tell(cx, event);
        }
    }
}
