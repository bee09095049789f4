//! What a command wants of a session, as a machine: told notices, it says what to do next and how it ended. Opens
//! nothing and prints nothing.

use hsm_client::{Notice, WebAddress};
use protocol::{
    ActivationPassword, CeremonyResetReason, ErrorName, Header, ManagerRequest, Method, Progress,
};

use crate::{
    address::Address,
    outcome::{Known, Outcome},
};

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Status,
    Info,
    Network,
    /// To be the custodian of one card, and the administrator until leaving, if that was the last; or to be the
    /// administrator by password.
    Authenticate(Proof),
    /// To set the activation password of a Pocket that has none, and leave.
    SetPassword(ActivationPassword),
    /// To be the administrator, operate, and leave.
    Operate {
        proof: Proof,
        operation: Operation,
        request: ManagerRequest,
    },
    /// To know where the HTTP console is.
    Web,
    /// To see who answers.
    Trust,
}

/// How a user shows to be the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// With the last custodian's card.
    Card,
    /// With the activation password of a Pocket.
    Password(ActivationPassword),
}

impl Proof {
    fn request(&self) -> ManagerRequest {
        match self {
            Self::Card => ManagerRequest::AuthStart,
            Self::Password(password) => ManagerRequest::Activate {
                password: password.clone(),
            },
        }
    }
}

/// What an administrator can do to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Operation {
    /// Stop the HSM service
    StopService,
    /// Start the HSM service
    StartService,
    /// Restart the device
    Restart,
    /// Switch the device off
    PowerOff,
    /// Unlock user master
    UnlockMaster,
    /// Online synchronization (Database live sync)
    LiveSync,
    /// Return to factory mode
    FactoryReset,
    /// Change the operating mode
    SetMode,
    /// Change network settings: `network set`
    #[value(skip)]
    SetNetwork,
    /// Change the activation password: `password change`
    #[value(skip)]
    ChangePassword,
}

impl Operation {
    /// As on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::StopService => "stop-service",
            Self::StartService => "start-service",
            Self::Restart => "restart",
            Self::PowerOff => "power-off",
            Self::UnlockMaster => "unlock-master",
            Self::LiveSync => "live-sync",
            Self::FactoryReset => "factory-reset",
            Self::SetMode => "set-mode",
            Self::SetNetwork => "network set",
            Self::ChangePassword => "password change",
        }
    }
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Have the session do this.
    Ask(ManagerRequest),
    /// End the connection without a word.
    HangUp,
    /// This station is the administrator: say so, and watch for the end of input.
    Stay(Outcome),
    /// Say this, and go on.
    Tell(Talk),
}

/// What happens meanwhile.
#[derive(Debug, PartialEq)]
pub(crate) enum Talk {
    /// A device was met for the first time.
    FirstUse {
        hsm: String,
        fingerprint: String,
    },
    HeaderChanged(Header),
    /// Another manager is connected; another attempt follows.
    Busy,
    /// No card is in the reader.
    AskForCard {
        reader: String,
    },
    CeremonyProgress(Progress),
    CeremonyReset(CeremonyResetReason),
    OperationProgress {
        percent: u8,
        text: String,
    },
    PinRefused(String),
    CardRequestRefused {
        method: String,
    },
}

/// One command on its way through one session.
#[derive(Debug)]
pub(crate) struct Errand {
    hsm: Address,
    goal: Goal,
    phase: Phase,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    ExpectOpening,
    Working,
    Administrator,
    /// The outcome is decided; only the connection is still there.
    Leaving,
    Over,
}

impl Errand {
    pub(crate) const fn new(hsm: Address, goal: Goal) -> Self {
        Self {
            hsm,
            goal,
            phase: Phase::ExpectOpening,
            outcome: None,
        }
    }

    /// Whether nothing is left but to end the connection.
    pub(crate) const fn is_decided(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether the connection is gone, too.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// How it ended. A connection that is not over yet is left.
    pub(crate) fn into_outcome(self) -> Outcome {
        self.outcome.unwrap_or(Outcome::GaveUp)
    }

    /// Whoever answers is the trusted device.
    pub(crate) fn on_trusted(&mut self, fingerprint: hsm_client::Fingerprint, known: Known) -> Option<Step> {
        match &self.goal {
            Goal::Trust => {
                let hsm = self.hsm.clone();
                self.decide(Outcome::Trusted {
                    hsm,
                    fingerprint,
                    known,
                });
                Some(Step::HangUp)
            }
            Goal::Status
            | Goal::Info
            | Goal::Network
            | Goal::Web
            | Goal::Authenticate(_)
            | Goal::SetPassword(_)
            | Goal::Operate { .. } => (known == Known::New).then(|| {
                Step::Tell(Talk::FirstUse {
                    hsm: self.hsm.to_string(),
                    fingerprint: fingerprint.to_string(),
                })
            }),
        }
    }

    /// Something on this side makes it pointless to go on.
    pub(crate) fn on_failure(&mut self, outcome: Outcome) -> Step {
        self.decide(outcome);
        Step::HangUp
    }

    /// The device owes a word and does not say it.
    pub(crate) fn on_silence(&mut self) -> Step {
        let outcome = if self.phase == Phase::ExpectOpening {
            Outcome::Unreachable {
                hsm: self.hsm.clone(),
                message: "it took the connection and says nothing (`--answer-timeout`)".into(),
            }
        } else {
            Outcome::SessionEnded {
                reason: crate::outcome::EndReason::Silent,
                message: "the device stopped answering (`--answer-timeout`)".into(),
            }
        };
        self.on_failure(outcome)
    }

    /// The user leaves: by Ctrl-C, or at the end of input.
    pub(crate) fn on_leave(&mut self) -> Step {
        match self.phase {
            Phase::Administrator => self.leave_with(Outcome::Left),
            Phase::ExpectOpening | Phase::Working | Phase::Leaving | Phase::Over => {
                self.on_failure(Outcome::GaveUp)
            }
        }
    }

    /// What is worth saying about a notice before what follows from it: how far the custodians have come.
    //= AU-02
    pub(crate) fn talk_before(&self, notice: &Notice) -> Option<Talk> {
        match (&self.goal, notice) {
            (
                Goal::Authenticate(_) | Goal::Operate { .. },
                Notice::Opened {
                    ceremony: Some(progress),
                    ..
                },
            ) => Some(Talk::CeremonyProgress(*progress)),
            _ => None,
        }
    }

    /// The session tells something.
    pub(crate) fn on_notice(&mut self, notice: Notice) -> Option<Step> {
        match notice {
            // `Secured` is for whoever keeps the known devices, and comes back as `on_trusted`.
            Notice::Secured(_)
            // `Ended` follows and says the same.
            | Notice::FingerprintChanged { .. }
            | Notice::ProtocolBroken(_)
            // Nobody asks for it, or it is the way out.
            | Notice::Header(_)
            | Notice::NotSent { .. }
            // The place is ours alone: our own card did it, and the outcome says so.
            | Notice::CeremonyProgress(_) => None,
            Notice::Opened { header, .. } => Some(self.on_opened(header)),
            Notice::Denied { reason, text } => {
                self.decide(Outcome::Denied { reason, message: text });
                None
            }
            Notice::Closing { reason, text } => {
                let reason = crate::outcome::EndReason::Closing(reason);
                self.decide(Outcome::SessionEnded { reason, message: text });
                None
            }
            Notice::HttpConsoleUrl { url } => Some(match WebAddress::try_from(url.as_str()) {
                Ok(url) => self.leave_with(Outcome::Web { url }),
                Err(why) => self.leave_with(Outcome::Refused(
                    ErrorName::Internal.into_error().saying(why.to_string()),
                )),
            }),
            Notice::Info(info) => Some(self.leave_with(Outcome::Info(Box::new(info)))),
            Notice::Network(network) => Some(self.leave_with(Outcome::Network(network))),
            Notice::Intermediary { presented, required, expires_in_ms } => {
                Some(self.on_intermediary(presented, required, expires_in_ms))
            }
            Notice::Administrator { presented, required, activated } => {
                Some(self.on_administrator(Outcome::Administrator { presented, required, activated }))
            }
            Notice::Activated => Some(match self.goal {
                Goal::SetPassword(_) => self.leave_with(Outcome::PasswordSet),
                Goal::Status
                | Goal::Info
                | Goal::Network
                | Goal::Web
                | Goal::Authenticate(_)
                | Goal::Operate { .. }
                | Goal::Trust => self.on_administrator(Outcome::Activated),
            }),
            Notice::Done { act } => match &self.goal {
                Goal::Operate { operation, request, .. } if request.method() == act => {
                    let operation = *operation;
                    Some(self.leave_with(Outcome::Done { operation }))
                }
                Goal::Operate { .. }
                | Goal::Status
                | Goal::Info
                | Goal::Network
                | Goal::Web
                | Goal::Authenticate(_)
                | Goal::SetPassword(_)
                | Goal::Trust => None,
            },
            Notice::Refused { act: Method::Close, .. } => Some(Step::HangUp),
            Notice::Refused { error, .. } => Some(self.leave_with(Outcome::of_error(error))),
            Notice::HeaderChanged(header) => self.tell(Talk::HeaderChanged(header)),
            Notice::CeremonyReset { reason } => self.tell(Talk::CeremonyReset(reason)),
            Notice::OperationProgress { percent, text } => {
                self.tell(Talk::OperationProgress { percent, text })
            }
            Notice::PinRefused(why) => self.tell(Talk::PinRefused(why.to_string())),
            Notice::CardRequestRefused { method, .. } => self.tell(Talk::CardRequestRefused { method }),
            Notice::Ended { ending } => {
                let opened = self.phase != Phase::ExpectOpening;
                let outcome = Outcome::of_ending(ending, &self.hsm, opened);
                self.decide(outcome);
                self.phase = Phase::Over;
                None
            }
        }
    }

    fn on_opened(&mut self, header: Header) -> Step {
        self.phase = Phase::Working;
        match &self.goal {
            // The device has said it already; to ask again would be a line that nobody needs.
            Goal::Status => self.leave_with(Outcome::Status(header)),
            Goal::Info => Step::Ask(ManagerRequest::Info),
            Goal::Network => Step::Ask(ManagerRequest::Network),
            Goal::Web => Step::Ask(ManagerRequest::HttpConsoleUrl),
            Goal::Authenticate(proof) | Goal::Operate { proof, .. } => Step::Ask(proof.request()),
            Goal::SetPassword(password) => Step::Ask(Proof::Password(password.clone()).request()),
            // It hung up when it was trusted, but the device may have been faster.
            Goal::Trust => Step::HangUp,
        }
    }

    //= AU-04
    //= CL-04
    fn on_intermediary(&mut self, presented: u8, required: u8, expires_in_ms: u64) -> Step {
        self.leave_with(match &self.goal {
            Goal::Operate { operation, .. } => Outcome::MoreCustodiansNeeded {
                operation: *operation,
                presented,
                required,
                expires_in_ms,
            },
            Goal::Status
            | Goal::Info
            | Goal::Network
            | Goal::Web
            | Goal::Authenticate(_)
            | Goal::SetPassword(_)
            | Goal::Trust => Outcome::Intermediary {
                presented,
                required,
                expires_in_ms,
            },
        })
    }

    fn on_administrator(&mut self, standing: Outcome) -> Step {
        match &self.goal {
            Goal::Operate { request, .. } => {
                self.phase = Phase::Working;
                Step::Ask(request.clone())
            }
            Goal::Status
            | Goal::Info
            | Goal::Network
            | Goal::Web
            | Goal::Authenticate(_)
            | Goal::SetPassword(_)
            | Goal::Trust => {
                self.phase = Phase::Administrator;
                Step::Stay(standing)
            }
        }
    }

    fn leave_with(&mut self, outcome: Outcome) -> Step {
        self.decide(outcome);
        Step::Ask(ManagerRequest::Close)
    }

    /// The first outcome counts.
    fn decide(&mut self, outcome: Outcome) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.phase = Phase::Leaving;
        }
    }

    /// What happens behind one's back while leaving is nobody's concern any more.
    fn tell(&self, talk: Talk) -> Option<Step> {
        (!self.is_decided()).then_some(Step::Tell(talk))
    }
}
