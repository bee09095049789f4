//! What can be done to a device after authentication, by whom, on which model and in which state: one table of data.
//! Does nothing of it. `docs/operations.md` is printed from it.

use core::fmt::Write as _;

use protocol::{ErrorName, ManagerRequest, Method};

use crate::{LifeCycle, Model};

/// An operation after authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// OP-01.
    StopService,
    /// OP-01.
    StartService,
    /// OP-02.
    Restart,
    /// OP-03.
    PowerOff,
    /// OP-04.
    UnlockMaster,
    /// OP-05.
    LiveSync,
    /// OP-06.
    FactoryReset,
    /// OP-07.
    SetMode,
    /// NW-03.
    SetNetwork,
    /// PK-02.
    ChangePassword,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A manager who has not authenticated: header, information, network, and authentication itself.
    Anyone,
    /// The manager who has.
    Administrator,
    /// Somebody at the menus of the local console.
    Console,
}

impl Access {
    /// Every access.
    pub const ALL: [Self; 3] = [Self::Anyone, Self::Administrator, Self::Console];
}

/// Why not, if not.
pub type Verdict = Result<(), ErrorName>;

/// What holds for one operation.
struct Row {
    operation: Operation,
    /// The models that have it for the administrator.
    remote: &'static [Model],
    /// The models that have it in a menu.
    console: &'static [Model],
    waiting: Verdict,
    stopped: Verdict,
    running: Verdict,
    /// Whether the serial number must be typed. Source: OP-09.
    is_confirmed: bool,
    why: &'static str,
}

const YES: Verdict = Ok(());
const WRONG_STATE: Verdict = Err(ErrorName::WrongState);
const EVERY: &[Model] = &Model::ALL;
const RACK: &[Model] = &[Model::Cd, Model::Xp, Model::St];
const POCKET: &[Model] = &[Model::Pocket];
const NONE: &[Model] = &[];

//= OP-08
const TABLE: [Row; 10] = [
    Row {
        operation: Operation::StopService,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: Err(ErrorName::ServiceNotStarted),
        running: YES,
        is_confirmed: false,
        why: "There is a service only on an activated device, and only one that runs can be stopped (OP-01).",
    },
    Row {
        operation: Operation::StartService,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: Err(ErrorName::ServiceAlreadyStarted),
        is_confirmed: false,
        why: "The way back from a stopped service (OP-01).",
    },
    Row {
        operation: Operation::Restart,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: false,
        why: "Afterwards the device waits for its set or password again (OP-02).",
    },
    Row {
        operation: Operation::PowerOff,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: false,
        why: "Only the power button brings the device back (OP-03). The button itself is no operation: it works in every \
              state, after the rules of RM-17.",
    },
    Row {
        operation: Operation::UnlockMaster,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: false,
        why: "The users are in the database, which nobody changes before activation (OP-04).",
    },
    Row {
        operation: Operation::LiveSync,
        remote: EVERY,
        console: NONE,
        waiting: WRONG_STATE,
        stopped: Err(ErrorName::ServiceNotStarted),
        running: YES,
        is_confirmed: true,
        why: "Needs a running service, a node in the list that is not this device, and no client since the service \
              started (LS-01); what the node says comes after that. No menu offers it.",
    },
    Row {
        operation: Operation::FactoryReset,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: true,
        why: "Destroys the database (OP-06). Whoever lost the set of a rack model has the reset that is offered for \
              another set (LF-05).",
    },
    Row {
        operation: Operation::SetMode,
        remote: EVERY,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: true,
        why: "Destroys the database (OP-07). The mode that the device has already is `wrong_state`.",
    },
    Row {
        operation: Operation::SetNetwork,
        remote: POCKET,
        console: RACK,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: false,
        why: "A rack model has its console for them (NW-02), a Pocket no other way than this (NW-03, NW-04).",
    },
    Row {
        operation: Operation::ChangePassword,
        remote: POCKET,
        console: NONE,
        waiting: WRONG_STATE,
        stopped: YES,
        running: YES,
        is_confirmed: false,
        why: "Only a Pocket has an activation password (PK-02). While wrong ones are waited out it is \
              `activation_wait`.",
    },
];

impl Operation {
    /// Every operation, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::StopService,
        Self::StartService,
        Self::Restart,
        Self::PowerOff,
        Self::UnlockMaster,
        Self::LiveSync,
        Self::FactoryReset,
        Self::SetMode,
        Self::SetNetwork,
        Self::ChangePassword,
    ];

    /// The operation that this request asks for, if it asks for one.
    pub const fn requested_by(request: &ManagerRequest) -> Option<Self> {
        Self::of(request.method())
    }

    /// The operation behind a method, if there is one.
    pub const fn of(method: Method) -> Option<Self> {
        match method {
            Method::StopService => Some(Self::StopService),
            Method::StartService => Some(Self::StartService),
            Method::Restart => Some(Self::Restart),
            Method::PowerOff => Some(Self::PowerOff),
            Method::UnlockMaster => Some(Self::UnlockMaster),
            Method::LiveSync => Some(Self::LiveSync),
            Method::FactoryReset => Some(Self::FactoryReset),
            Method::SetMode => Some(Self::SetMode),
            Method::SetNetwork => Some(Self::SetNetwork),
            Method::ChangePassword => Some(Self::ChangePassword),
            Method::Header
            | Method::Info
            | Method::Network
            | Method::HttpConsoleUrl
            | Method::AuthStart
            | Method::AuthCancel
            | Method::Activate
            | Method::Close => None,
        }
    }

    /// The method that asks for it.
    pub const fn method(self) -> Method {
        match self {
            Self::StopService => Method::StopService,
            Self::StartService => Method::StartService,
            Self::Restart => Method::Restart,
            Self::PowerOff => Method::PowerOff,
            Self::UnlockMaster => Method::UnlockMaster,
            Self::LiveSync => Method::LiveSync,
            Self::FactoryReset => Method::FactoryReset,
            Self::SetMode => Method::SetMode,
            Self::SetNetwork => Method::SetNetwork,
            Self::ChangePassword => Method::ChangePassword,
        }
    }

    /// The operation's name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopService => "stop service",
            Self::StartService => "start service",
            Self::Restart => "restart",
            Self::PowerOff => "power off",
            Self::UnlockMaster => "unlock master",
            Self::LiveSync => "live sync",
            Self::FactoryReset => "factory reset",
            Self::SetMode => "set operating mode",
            Self::SetNetwork => "set network",
            Self::ChangePassword => "change activation password",
        }
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.operation == self)
            .expect("a test counts the rows")
    }

    /// Whether the serial number must be typed to confirm it. Source: OP-09.
    pub fn is_confirmed(self) -> bool {
        self.row().is_confirmed
    }

    /// Access, model and state, in this order; parameters come before and the confirmation after (OP-09).
    //= OP-09
    pub fn verdict(self, access: Access, model: Model, state: LifeCycle) -> Verdict {
        let row = self.row();
        let models = match access {
            Access::Anyone => return Err(ErrorName::NotAuthenticated),
            Access::Administrator => row.remote,
            Access::Console => row.console,
        };
        if !models.contains(&model) {
            return Err(ErrorName::NotAvailableOnModel);
        }
        match state {
            LifeCycle::Off | LifeCycle::Starting | LifeCycle::Stopping => WRONG_STATE,
            // Nobody is the administrator there, and the console shows no menu.
            LifeCycle::FirstBoot | LifeCycle::Waiting => row.waiting,
            LifeCycle::StoppedLocked | LifeCycle::RunningLocked if access == Access::Console => WRONG_STATE,
            LifeCycle::Stopped | LifeCycle::StoppedLocked => row.stopped,
            LifeCycle::Running | LifeCycle::RunningLocked => row.running,
        }
    }

    /// The table as Markdown, every cell of it: a section for each operation, a line for each state.
    pub fn table() -> String {
        let mut page = String::new();
        for operation in Self::ALL {
            let row = operation.row();
            let confirmed = if row.is_confirmed {
                ", confirmed by serial number"
            } else {
                ""
            };
            let method = operation.method().name();
            let _ = writeln!(page, "### `{method}`{confirmed}\n\n{}\n", row.why);
            page.push_str(
                "| state | anyone | administrator | administrator, Pocket | console | console, Pocket |\n",
            );
            page.push_str("|---|---|---|---|---|---|\n");
            for state in LifeCycle::ALL {
                let cell = |access, model| match operation.verdict(access, model, state) {
                    Ok(()) => "yes".to_owned(),
                    Err(error) => format!("`{error}`"),
                };
                // The rack models differ in nothing here; a test holds that.
                let _ = writeln!(
                    page,
                    "| {} | {} | {} | {} | {} | {} |",
                    state.name(),
                    cell(Access::Anyone, Model::Xp),
                    cell(Access::Administrator, Model::Xp),
                    cell(Access::Administrator, Model::Pocket),
                    cell(Access::Console, Model::Xp),
                    cell(Access::Console, Model::Pocket),
                );
            }
            page.push('\n');
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_one_row() {
        let rows: Vec<_> = TABLE.iter().map(|row| row.operation).collect();
        assert_eq!(rows, Operation::ALL);
        for operation in Operation::ALL {
            assert_eq!(Operation::of(operation.method()), Some(operation));
        }
        let asked = Method::ALL
            .iter()
            .filter(|method| Operation::of(**method).is_some());
        assert_eq!(asked.count(), Operation::ALL.len());
    }

    #[test]
    fn the_rack_models_differ_in_nothing() {
        for operation in Operation::ALL {
            for access in Access::ALL {
                for state in LifeCycle::ALL {
                    let verdicts = [Model::Cd, Model::Xp, Model::St]
                        .map(|model| operation.verdict(access, model, state));
                    assert!(
                        verdicts.iter().all(|verdict| *verdict == verdicts[0]),
                        "{operation:?}"
                    );
                }
            }
        }
    }
}
