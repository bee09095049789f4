//! What a person at the device can do: keys, the local reader, the power button. Has priority over everything that
//! a manager does (RM-10).

use apdu::{PinEntry, ReaderAnswer, ReaderCommand};
use machine::Cx;
use protocol::{Error, ErrorName, ServiceState};

use super::{Device, Output, Promise, RemoteManagement};
use crate::{
    Activity, DisabledBy, Key, LastStop, Power, Shadow, Where,
    card_dialog::{CardDialog, Expected, Next},
    ceremony::{self, Ceremony, Step},
    console::{Console, Wish},
    event::CardOutcome,
};

/// Activation at the console: the cards accepted so far, and the one in the reader. Source: LF-03.
#[derive(Clone, Debug, Default)]
pub(super) struct LocalActivation {
    ceremony: Option<Ceremony>,
    dialog: Option<LocalDialog>,
}

#[derive(Clone, Debug)]
struct LocalDialog {
    card: CardDialog,
    /// Sent to the card once, then gone.
    pin: Option<PinEntry>,
}

impl LocalActivation {
    pub(super) fn ceremony(&self) -> Option<&Ceremony> {
        self.ceremony.as_ref()
    }
}

impl Device {
    pub(super) fn on_key(&mut self, cx: &Cx<'_>, key: Key) {
        match (self.power, self.remote_management) {
            (Power::Off, _) | (Power::Starting | Power::Stopping, RemoteManagement::Disabled) => {}
            //= RM-03
            (Power::On, RemoteManagement::Enabled) if key == Key::Esc => self.disable(cx, DisabledBy::Esc),
            //= OP-11
            (
                Power::Starting | Power::On | Power::Stopping,
                RemoteManagement::Enabling | RemoteManagement::Enabled,
            ) => {
                self.on_activity(cx, Activity::Key);
            }
            //= RM-12
            // A device that has accepted to stop takes no wishes: one of them would be written after the stop.
            (Power::On, RemoteManagement::Disabled) if self.is_stop_promised() => {}
            (Power::On, RemoteManagement::Disabled) => {
                if self.local.dialog.is_none() {
                    let wish = self.console.handle_key(key, self.service);
                    if let Some(wish) = wish {
                        self.grant(cx, wish);
                    }
                }
            }
        }
    }

    pub(super) fn on_power_button(&mut self, cx: &Cx<'_>) {
        match self.remote_management {
            RemoteManagement::Enabling | RemoteManagement::Enabled => {
                self.on_activity(cx, Activity::PowerButton);
            }
            RemoteManagement::Disabled => self.stop_locally(LastStop::LocalPowerOff),
        }
    }

    /// Local activity disables remote management and is consumed; without it, it is nothing special.
    //= RM-17
    pub(super) fn on_activity(&mut self, cx: &Cx<'_>, activity: Activity) {
        match (self.power, self.remote_management) {
            (Power::Off, _) | (_, RemoteManagement::Disabled) => {}
            (
                Power::Starting | Power::On | Power::Stopping,
                RemoteManagement::Enabling | RemoteManagement::Enabled,
            ) => self.disable(cx, DisabledBy::Activity(activity)),
        }
    }

    fn grant(&mut self, cx: &Cx<'_>, wish: Wish) {
        match wish {
            //= RM-16
            Wish::EnableRemoteManagement => self.enable(),
            Wish::StartService => self.set_service(cx, ServiceState::Running),
            Wish::StopService => self.set_service(cx, ServiceState::Stopped),
            Wish::Restart => self.stop_locally(LastStop::LocalRestart),
            Wish::PowerOff => self.stop_locally(LastStop::LocalPowerOff),
            Wish::PresentCard(pin) => {
                self.local.dialog = Some(LocalDialog {
                    card: CardDialog::new(),
                    pin: Some(pin),
                });
                self.drive_local_dialog(cx);
            }
        }
    }

    //= RM-12
    fn stop_locally(&mut self, stop: LastStop) {
        if self.power == Power::On && !self.is_stop_promised() {
            self.promise_stop(stop, Promise::LocalStop(stop));
        }
    }

    // The card in the local reader.

    pub(super) fn on_local_reader(&mut self, cx: &Cx<'_>, answer: ReaderAnswer) {
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
            Some(Next::Finished(Ok(shadow))) => return self.judge_locally(cx, shadow),
            Some(Next::Finished(Err(error))) => return self.refuse_local_card(cx, &error),
        };
        self.outputs.push_back(Output::LocalReader(command));
    }

    fn judge_locally(&mut self, cx: &Cx<'_>, shadow: Shadow) {
        match ceremony::present(self.local.ceremony.take(), shadow, &self.stored.binding) {
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
                let required = quorum.required;
                self.conclude_local_dialog(
                    cx,
                    CardOutcome::Accepted {
                        presented: required,
                        required,
                    },
                );
                self.console = Console::main_menu();
                self.activate(cx, quorum.key, Where::Local);
            }
            Step::Mismatch => self.refuse_local_card(cx, &ErrorName::SvmkMismatch.into()),
        }
    }

    fn refuse_local_card(&mut self, cx: &Cx<'_>, error: &Error) {
        self.conclude_local_dialog(
            cx,
            error.name.map_or(CardOutcome::Abandoned, CardOutcome::Refused),
        );
        self.console.tell(error.message.clone());
    }

    /// Wipes the cards accepted so far; a card that is being read is powered off and logged (AU-14).
    pub(super) fn abandon_local_activation(&mut self, cx: &Cx<'_>) {
        if self.local.dialog.is_some() {
            self.conclude_local_dialog(cx, CardOutcome::Abandoned);
        }
        self.local = LocalActivation::default();
    }

    fn conclude_local_dialog(&mut self, cx: &Cx<'_>, outcome: CardOutcome) {
        let dialog = self.local.dialog.take().expect("a dialog is being concluded");
        self.outputs
            .push_back(Output::LocalReader(ReaderCommand::PowerOff));
        if let Some(event) = dialog.card.event(Where::Local, outcome) {
            self.tell(cx, event);
        }
    }
}
