//! What a custodian at a station can do: one card a dialog, and the process that outlives connections. Knows no key
//! of the console.

use apdu::{Atr, ReaderAnswer, StatusWord};
use machine::Cx;
use protocol::{
    AuthOutcome, CardAtr, CardResponse, CeremonyResetReason, DeviceNotification, DeviceRequest, Error,
    ErrorName, Outcome, PinStatus, Progress,
};
use serde::de::DeserializeOwned;

use super::{Device, Output};
use crate::{
    Event, Shadow, Where,
    card_dialog::{CardDialog, Expected, Next},
    ceremony::{self, Step, Welcome},
    event::CardOutcome,
    remote::RemoteDialog,
};

/// VERIFY of the custodian's PIN: the only header that a station fills with one. Source: AU-22.
const VERIFY_HEADER: [u8; 4] = [0x00, 0x20, 0x00, 0x00];

impl Device {
    //= AU-16
    pub(super) fn start_remote_dialog(&mut self, cx: &Cx<'_>, id: u64) {
        //= PK-04
        if !self.profile.has_console() {
            self.answer(id, Err(ErrorName::NotAvailableOnModel.into()));
            return;
        }
        let manager = self.present_manager();
        //= AU-19
        let busy = manager.dialog.is_some() || manager.owed_operation.is_some();
        if busy || manager.is_administrator {
            self.answer(id, Err(ErrorName::WrongState.into()));
            return;
        }
        manager.dialog = Some(RemoteDialog {
            auth_start: id,
            waiting_for: None,
            card: CardDialog::new(),
        });
        self.drive_remote_dialog(cx);
    }

    //= AU-18
    pub(super) fn cancel_remote_dialog(&mut self, cx: &Cx<'_>) {
        if self.present_manager().dialog.is_some() {
            self.refuse_card(cx, ErrorName::PinCancelled.into());
        }
    }

    /// The station answered a card request.
    pub(super) fn on_card_answer(&mut self, cx: &Cx<'_>, id: u64, outcome: Outcome) {
        let manager = self.present_manager();
        // An answer to a dialog that is over has no meaning any more.
        let Some(dialog) = manager
            .dialog
            .as_mut()
            .filter(|dialog| dialog.waiting_for == Some(id))
        else {
            return;
        };
        dialog.waiting_for = None;
        match told(&mut dialog.card, outcome) {
            Ok(()) => self.drive_remote_dialog(cx),
            Err(error) => self.refuse_card(cx, error),
        }
    }

    fn drive_remote_dialog(&mut self, cx: &Cx<'_>) {
        let manager = self.present_manager();
        let dialog = manager.dialog.as_mut().expect("a dialog is being driven");
        let request = match dialog.card.next() {
            None => return,
            Some(Next::PowerOn) => DeviceRequest::CardPowerOn,
            Some(Next::Transmit(apdu)) => DeviceRequest::CardTransmit { apdu },
            Some(Next::VerifyPin) => DeviceRequest::CardVerifyPin {
                header: VERIFY_HEADER.to_vec(),
            },
            Some(Next::Finished(Ok(shadow))) => return self.judge(cx, shadow),
            Some(Next::Finished(Err(error))) => return self.refuse_card(cx, error),
        };
        match manager.rpc.request(&request) {
            Ok((id, line)) => {
                dialog.waiting_for = Some(id);
                let connection = manager.connection;
                self.outputs.push_back(Output::Send { connection, line });
            }
            // A station that never answers the requests of cancelled dialogs comes to this.
            Err(_) => self.refuse_card(cx, ErrorName::LimitReached.into()),
        }
    }

    /// The last byte of a shadow has come, and now it is checked.
    fn judge(&mut self, cx: &Cx<'_>, shadow: Shadow) {
        let Some(binding) = &self.stored.binding else {
            // A reset was accepted and waits for the disk.
            return self.refuse_card(cx, ErrorName::WrongState.into());
        };
        match ceremony::present(self.ceremony.take(), shadow, Welcome::Bound(binding)) {
            Step::Refused { unchanged, error } => {
                self.ceremony = unchanged;
                self.refuse_card(cx, error.into());
            }
            Step::Intermediary(ceremony) => {
                let (presented, required) = (ceremony.presented(), ceremony.required());
                self.ceremony = Some(ceremony);
                //= AU-06
                self.interval.set(cx.now + self.profile.limits.interval);
                let id = self.conclude_dialog(cx, CardOutcome::Accepted { presented, required });
                let progress = self.progress(cx).expect("a card was just accepted");
                let connection = self.present_manager().connection;
                self.notify(connection, &DeviceNotification::CeremonyProgress(progress));
                //= AU-04
                let expires_in_ms = progress.expires_in_ms;
                self.answer_custodian(
                    id,
                    Ok(AuthOutcome::Intermediary {
                        presented,
                        required,
                        expires_in_ms,
                    }),
                );
            }
            Step::Complete(quorum) => {
                let required = quorum.required;
                self.interval.cancel();
                let id = self.conclude_dialog(
                    cx,
                    CardOutcome::Accepted {
                        presented: required,
                        required,
                    },
                );
                //= AU-05
                let manager = self.present_manager();
                manager.is_administrator = true;
                let (connection, peer) = (manager.connection, manager.peer);
                //= AU-15
                let activated = !self.is_activated();
                if activated {
                    self.activate(cx, quorum.key, Where::Remote(connection));
                }
                self.tell(cx, Event::AdministratorGranted { connection, peer });
                self.answer_custodian(
                    id,
                    Ok(AuthOutcome::Administrator {
                        presented: required,
                        required,
                        activated,
                    }),
                );
            }
            Step::Mismatch | Step::OtherSet => {
                self.interval.cancel();
                self.tell(cx, Event::CeremonyReset(CeremonyResetReason::SvmkMismatch));
                let connection = self.present_manager().connection;
                let reason = CeremonyResetReason::SvmkMismatch;
                self.notify(connection, &DeviceNotification::CeremonyReset { reason });
                self.refuse_card(cx, ErrorName::SvmkMismatch.into());
            }
        }
    }

    fn refuse_card(&mut self, cx: &Cx<'_>, error: Error) {
        let outcome = match error.name {
            Some(ErrorName::PinCancelled) | None => CardOutcome::Abandoned,
            Some(name) => CardOutcome::Refused(name),
        };
        let id = self.conclude_dialog(cx, outcome);
        self.answer_custodian(id, Err(error));
    }

    /// Ends the dialog: logged, the card powered off. Gives the `auth.start` that is still to be answered.
    fn conclude_dialog(&mut self, cx: &Cx<'_>, outcome: CardOutcome) -> u64 {
        let manager = self.present_manager();
        let dialog = manager.dialog.take().expect("a dialog is being concluded");
        let connection = manager.connection;
        if let Some(event) = dialog.card.event(Where::Remote(connection), outcome) {
            // Its answer says nothing that the device waits for, and a station that is full of unanswered requests
            // resets the card by itself when `auth.start` is answered.
            if let Ok((_, line)) = manager.rpc.request(&DeviceRequest::CardPowerOff) {
                self.outputs.push_back(Output::Send { connection, line });
            }
            self.tell(cx, event);
        }
        dialog.auth_start
    }

    // The process.

    /// How far the process has come, if there is one.
    pub(super) fn progress(&self, cx: &Cx<'_>) -> Option<Progress> {
        let (ceremony, deadline) = (self.ceremony.as_ref()?, self.interval.deadline()?);
        let expires_in_ms = u64::try_from(deadline.since(cx.now).as_millis()).unwrap_or(u64::MAX);
        Some(Progress {
            presented: ceremony.presented(),
            required: ceremony.required(),
            expires_in_ms,
        })
    }

    //= AU-06
    //= AU-17
    pub(super) fn on_interval_over(&mut self, cx: &Cx<'_>) {
        let reason = CeremonyResetReason::Interval;
        if self.reset_ceremony(cx, reason).is_some() {
            //= AU-07
            if let Some(connection) = self.manager.as_ref().map(|manager| manager.connection) {
                self.notify(connection, &DeviceNotification::CeremonyReset { reason });
            }
        }
    }

    /// Wipes the cards accepted so far; the reason again if there were any.
    pub(super) fn reset_ceremony(
        &mut self,
        cx: &Cx<'_>,
        reason: CeremonyResetReason,
    ) -> Option<CeremonyResetReason> {
        self.interval.cancel();
        self.ceremony.take()?;
        self.tell(cx, Event::CeremonyReset(reason));
        Some(reason)
    }
}

/// Tells the dialog what the station answered, or why that is no answer.
fn told(card: &mut CardDialog, outcome: Outcome) -> Result<(), Error> {
    let result = outcome.map_err(|error| station_error(&error))?;
    match card.expected() {
        Expected::Atr => {
            let CardAtr { atr } = read(result)?;
            let atr = Atr::try_from(atr.as_slice()).map_err(|why| malformed(&why))?;
            card.on_atr(atr);
        }
        Expected::Response => {
            let CardResponse { response } = read(result)?;
            match ReaderAnswer::from_received(&response) {
                ReaderAnswer::Response(response) => card.on_response(response),
                ReaderAnswer::CardRemoved => return Err(ErrorName::CardRemoved.into()),
                ReaderAnswer::Atr(_)
                | ReaderAnswer::PoweredOff
                | ReaderAnswer::CardAbsent
                | ReaderAnswer::CardMute
                | ReaderAnswer::ReaderUnavailable => return Err(ErrorName::CardMute.into()),
            }
        }
        Expected::PinStatus => {
            let PinStatus { status_word } = read(result)?;
            let status_word: [u8; 2] = status_word
                .try_into()
                .map_err(|_| malformed(&"expected two bytes"))?;
            card.on_pin_status(StatusWord::from(status_word));
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(result: serde_json::Value) -> Result<T, Error> {
    serde_json::from_value(result).map_err(|why| malformed(&why))
}

/// The station's answer has not the shape that the method promises.
fn malformed(why: &dyn core::fmt::Display) -> Error {
    ErrorName::CardMute
        .into_error()
        .saying(format!("the station's answer is malformed: {why}"))
}

/// Errors of the station are passed through with their name; one that is not a station's is none of ours.
fn station_error(error: &Error) -> Error {
    match error.name {
        Some(
            name @ (ErrorName::CardAbsent
            | ErrorName::CardRemoved
            | ErrorName::CardMute
            | ErrorName::ReaderUnavailable
            | ErrorName::PinCancelled
            | ErrorName::ApduRefused),
        ) => name.into(),
        Some(_) | None => malformed(&"an error that is not a station's"),
    }
}
