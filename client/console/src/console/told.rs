//! What the session says, and what the screens make of it. Answers to no key.

use hsm_client::{Ending, Fingerprint, InvalidWebAddress, Notice, StationOutput, WebAddress};
use machine::Instant;
use protocol::{Error, ErrorName, Header, Method, NetworkSettings, Progress};

use super::{
    Console, ConsoleOutput, Dialog, FIRST_USE, Leaving, Managing, PASSWORD, Reader, Tab, Told, Trouble, View,
    halves,
};
use crate::{countdown::Countdown, entry::Entry, network_form::NetworkForm, words};

impl Console {
    pub(super) fn on_station(&mut self, output: StationOutput, now: Instant) {
        match output {
            StationOutput::Notice(notice) => self.on_notice(notice, now),
            StationOutput::AskForCard => {
                let entry = match &self.settings.reader {
                    Reader::Images(_) => {
                        let proposed = self.proposals.front().map_or("", String::as_str);
                        Some(Entry::plain(proposed))
                    }
                    Reader::Named(_) => None,
                };
                self.prompt(Dialog::InsertCard { entry, trouble: None });
            }
            StationOutput::AskForPin => {
                let trouble = match &self.dialog {
                    // The session has just said why it asks again.
                    Some(Dialog::Pin { trouble, .. }) => trouble.clone(),
                    _ => None,
                };
                let entry = Entry::secret();
                self.prompt(Dialog::Pin { entry, trouble });
            }
            StationOutput::WithdrawPrompt => {
                if matches!(self.dialog, Some(Dialog::InsertCard { .. } | Dialog::Pin { .. })) {
                    self.set_dialog(Dialog::card("Waiting for the device."));
                }
            }
            // The reader is the shell's.
            StationOutput::Reader(_) => {}
        }
    }

    /// A session on its way out asks for nothing any more.
    fn prompt(&mut self, dialog: Dialog) {
        if let View::Session(_) = self.view {
            self.set_dialog(dialog);
        }
    }

    fn on_notice(&mut self, notice: Notice, now: Instant) {
        match notice {
            // The shell answers the first, with `FirstUse` if it is one; `Ended` follows the others and says the same.
            Notice::Secured(_) | Notice::Denied { .. } | Notice::ProtocolBroken(_) => {}
            Notice::FingerprintChanged { pinned, presented } => self.keep_told(vec![
                "This is not the trusted device. Nothing was sent to it.".into(),
                format!("trusted   {}", halves(pinned).0),
                format!("          {}", halves(pinned).1),
                format!("presented {}", halves(presented).0),
                format!("          {}", halves(presented).1),
                "If it was replaced on purpose: `hsm-client trust --forget`, then `hsm-client trust`.".into(),
            ]),
            Notice::Opened { header, ceremony } => self.on_opened(header, ceremony, now),
            Notice::Closing { reason, text } => {
                let mut told = words::ending(&Ending::Closing(reason));
                if text != reason.sentence() {
                    told.push(text);
                }
                self.keep_told(told);
            }
            Notice::Header(header) | Notice::HeaderChanged(header) => {
                if let View::Session(managing) = &mut self.view {
                    managing.header = header;
                    let items = self.items().len();
                    self.cursor = self.cursor.min(items.saturating_sub(1));
                }
            }
            Notice::Info(info) => self.with_session(|managing| managing.info = Some(info)),
            Notice::Network(network) => self.on_network(network),
            Notice::HttpConsoleUrl { url } => match WebAddress::try_from(url.as_str()) {
                Ok(address) => self.outputs.push_back(ConsoleOutput::OpenBrowser(address)),
                Err(InvalidWebAddress) => {
                    self.say("The device named no `https://` address. Nothing was opened.");
                }
            },
            Notice::Intermediary {
                presented,
                required,
                expires_in_ms,
            } => self.on_intermediary(
                Progress {
                    presented,
                    required,
                    expires_in_ms,
                },
                now,
            ),
            Notice::Administrator {
                presented,
                required,
                activated,
            } => self.on_administrator(presented, required, activated),
            Notice::Activated => self.on_activated(),
            Notice::Done { act } => self.on_done(act),
            Notice::Refused {
                act: Method::Close, ..
            } => self.tell(Told::HangUp),
            Notice::Refused { act, error } => self.on_refused(act, &error),
            Notice::NotSent { act, .. } => {
                match act {
                    Method::Close => self.tell(Told::HangUp),
                    Method::Network => self.with_session(Managing::on_network_answered),
                    Method::SetNetwork => {
                        if let Some(form) = self.take_sent_form() {
                            self.set_dialog(Dialog::Network(form));
                        }
                    }
                    _ => {}
                }
                self.say("This was not sent: the device has not answered what was asked before.");
            }
            Notice::CeremonyProgress(progress) => {
                self.countdown = (progress.presented > 0).then(|| Countdown::new(progress, now));
            }
            Notice::CeremonyReset { reason } => {
                self.countdown = None;
                self.say(&format!("All start again: {}.", reason.sentence()));
            }
            Notice::OperationProgress { percent, text } => {
                if let Some(Dialog::Working {
                    text: shown,
                    percent: bar,
                    is_card: false,
                    ..
                }) = &mut self.dialog
                {
                    (*shown, *bar) = (text, Some(percent.min(100)));
                }
            }
            Notice::PinRefused(why) => {
                let trouble = Some(format!("{why}; the card has not seen it"));
                let entry = Entry::secret();
                self.prompt(Dialog::Pin { entry, trouble });
            }
            Notice::CardRequestRefused { method, .. } => self.say(&format!(
                "The device asked for what a station does not do (`{method}`). Nothing went to the card."
            )),
            Notice::Ended { ending } => self.on_ended(&ending),
        }
    }

    fn on_opened(&mut self, header: Header, ceremony: Option<Progress>, now: Instant) {
        self.countdown = ceremony.map(|progress| Countdown::new(progress, now));
        if let View::Connecting(_) = self.view {
            let first_use = self.dialog.take();
            self.show(View::Session(Box::new(Managing {
                header,
                tab: Tab::Management,
                network: None,
                info: None,
                is_administrator: false,
                network_reads: 0,
                sent_form: None,
                message: None,
                told: Vec::new(),
            })));
            self.dialog = first_use;
        }
    }

    //= AU-04
    //= CL-04
    fn on_intermediary(&mut self, progress: Progress, now: Instant) {
        self.countdown = Some(Countdown::new(progress, now));
        let Progress {
            presented, required, ..
        } = progress;
        let mut lines = vec![
            format!("Card {presented} of {required} is accepted."),
            "You have no administrative access; the last custodian gets it.".into(),
        ];
        if self.is_next_here {
            lines.push("Take this card out. The next card is inserted at this station.".into());
            self.set_dialog(Dialog::Told {
                title: "Intermediary custodian",
                lines,
                offers_next_card: true,
            });
        } else {
            lines.push("This station has left the device, so that the next custodian can enter.".into());
            self.leave_for(lines, false);
        }
    }

    //= AU-05
    fn on_administrator(&mut self, presented: u8, required: u8, activated: bool) {
        self.countdown = None;
        self.with_session(|managing| managing.is_administrator = true);
        let mut lines = vec![
            format!("{presented} of {required} cards are accepted."),
            "You have administrative access to the HSM, until you leave.".into(),
        ];
        if activated {
            lines.push("The device is activated.".into());
        }
        self.set_dialog(Dialog::Told {
            title: "Final custodian",
            lines,
            offers_next_card: false,
        });
    }

    //= PK-02
    fn on_activated(&mut self) {
        self.with_session(|managing| managing.is_administrator = true);
        self.set_dialog(Dialog::Told {
            title: PASSWORD,
            lines: vec![
                "The device has accepted the activation password.".into(),
                "You have administrative access to the HSM, until you leave.".into(),
            ],
            offers_next_card: false,
        });
    }

    fn on_done(&mut self, act: Method) {
        match act {
            Method::StopService => self.finish("The service is stopped."),
            Method::StartService => self.finish("The service runs."),
            Method::Restart => self.finish("The device restarts."),
            Method::PowerOff => self.finish("The device switches itself off."),
            Method::AuthCancel => self.say("Given up. No try is lost."),
            Method::UnlockMaster => self.finish("The user master is unlocked. Its password is as it was."),
            Method::LiveSync => self.finish("The database is the other node's now."),
            Method::FactoryReset => self.finish("The device returns to factory mode."),
            Method::SetMode => self.finish("The device changes its operating mode."),
            Method::ChangePassword => self.finish("The activation password is changed."),
            // Each has a notice of its own.
            Method::Header
            | Method::Info
            | Method::Network
            | Method::SetNetwork
            | Method::HttpConsoleUrl
            | Method::AuthStart
            | Method::Activate
            | Method::Close => {}
        }
    }

    pub(super) fn finish(&mut self, message: &str) {
        self.close_dialog();
        self.say(message);
    }

    /// The settings as they are now: read, or changed.
    fn on_network(&mut self, network: NetworkSettings) {
        let is_changed = self.take_sent_form().is_some();
        self.with_session(|managing| {
            managing.network = Some(network);
            if !is_changed {
                managing.on_network_answered();
            }
        });
        if is_changed {
            self.finish("The network settings are changed.");
        }
    }

    fn take_sent_form(&mut self) -> Option<NetworkForm> {
        match &mut self.view {
            View::Session(managing) => managing.sent_form.take(),
            View::Start { .. } | View::Connecting(_) | View::Leaving(_) | View::Gone => None,
        }
    }

    fn on_refused(&mut self, act: Method, error: &Error) {
        match act {
            Method::Network => self.with_session(Managing::on_network_answered),
            //= NW-03
            Method::SetNetwork => {
                if let Some(mut form) = self.take_sent_form()
                    && let Some(wrong) = form.take_errors(error)
                {
                    self.set_dialog(Dialog::Network(form));
                    self.cursor = wrong;
                    return self.say("Nothing was changed. What is wrong is said beside each setting.");
                }
            }
            _ => {}
        }
        if act == Method::AuthStart && error.name == Some(ErrorName::PinCancelled) {
            return self.finish("Given up. No try is lost.");
        }
        let title = match act {
            Method::AuthStart => "The card was not accepted",
            Method::Activate => "The activation password was not accepted",
            _ => "The device refused",
        };
        if let View::Session(_) = self.view {
            self.set_dialog(Dialog::Told {
                title,
                lines: words::refused(error),
                offers_next_card: false,
            });
        }
    }

    fn on_ended(&mut self, ending: &Ending) {
        let leaving = match core::mem::replace(&mut self.view, View::Gone) {
            View::Connecting(leaving) | View::Leaving(leaving) => leaving,
            View::Session(managing) => Leaving {
                told: managing.told,
                exits: false,
            },
            // Nothing was open.
            view @ (View::Start { .. } | View::Gone) => {
                self.view = view;
                return;
            }
        };
        self.arrive(leaving, words::ending(ending));
    }

    /// The connection is gone: what was kept to be told is told, else what came of it.
    fn arrive(&mut self, leaving: Leaving, came: Vec<String>) {
        let is_first_use = matches!(&self.dialog, Some(Dialog::Told { title, .. }) if *title == FIRST_USE);
        if !is_first_use {
            self.dialog = None;
        }
        if leaving.exits {
            self.view = View::Gone;
            self.outputs.push_back(ConsoleOutput::Exit);
            return;
        }
        let told = if leaving.told.is_empty() {
            came
        } else {
            leaving.told
        };
        self.show(View::Start { told });
    }

    pub(super) fn on_first_use(&mut self, fingerprint: Fingerprint) {
        let (first, second) = halves(fingerprint);
        self.set_dialog(Dialog::Told {
            title: FIRST_USE,
            lines: vec![
                "This device is met for the first time. Its fingerprint is".into(),
                first,
                second,
                "It is remembered from now on. Compare it with its owner's.".into(),
            ],
            offers_next_card: false,
        });
    }

    pub(super) fn on_trouble(&mut self, trouble: Trouble) {
        let told = [Some(trouble.what), trouble.hint].into_iter().flatten().collect();
        let leaving = match core::mem::replace(&mut self.view, View::Gone) {
            View::Connecting(leaving) | View::Leaving(leaving) => leaving,
            View::Session(_) => Leaving::default(),
            view @ (View::Start { .. } | View::Gone) => {
                self.view = view;
                return;
            }
        };
        self.arrive(leaving, told);
    }

    pub(super) fn on_card_not_inserted(&mut self, trouble: Trouble) {
        let hint = trouble.hint.map_or(String::new(), |hint| format!("; {hint}"));
        let trouble = Some(format!("{}{hint}", trouble.what));
        let entry = Some(Entry::plain(""));
        self.prompt(Dialog::InsertCard { entry, trouble });
    }
}
