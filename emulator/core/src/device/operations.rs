//! Operations: judged by the table, accepted, made durable, answered. What is permitted is `operations.rs`; who has
//! which rights is decided elsewhere.

use core::net::SocketAddr;

use machine::Cx;
use protocol::{
    ActivationPassword, ClosingReason, Error, ErrorName, FieldErrors, ManagerRequest, NetworkSettings,
    OperatingMode, ServiceState,
};
use serde_json::{Map, Value, json};

use super::{Device, Promise};
use crate::{Access, Change, ConnectionId, Event, LastStop, Operation, Operator, User, UserName};

/// Who waits for the outcome of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requester {
    Local,
    Remote {
        connection: ConnectionId,
        peer: SocketAddr,
        /// The request that is to be answered.
        id: u64,
    },
}

/// An operation with what it needs; the form of that is checked.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    StopService,
    StartService,
    Restart,
    PowerOff,
    UnlockMaster,
    LiveSync {
        /// As it stands in the list; the first if none is named.
        node: Option<String>,
        confirm: String,
    },
    FactoryReset {
        confirm: String,
    },
    SetMode {
        mode: OperatingMode,
        confirm: String,
    },
    SetNetwork(Box<NetworkSettings>),
    ChangePassword {
        old: ActivationPassword,
        new: ActivationPassword,
    },
}

impl Order {
    const fn operation(&self) -> Operation {
        match self {
            Self::StopService => Operation::StopService,
            Self::StartService => Operation::StartService,
            Self::Restart => Operation::Restart,
            Self::PowerOff => Operation::PowerOff,
            Self::UnlockMaster => Operation::UnlockMaster,
            Self::LiveSync { .. } => Operation::LiveSync,
            Self::FactoryReset { .. } => Operation::FactoryReset,
            Self::SetMode { .. } => Operation::SetMode,
            Self::SetNetwork(_) => Operation::SetNetwork,
            Self::ChangePassword { .. } => Operation::ChangePassword,
        }
    }

    /// What was typed to confirm, if that is asked for.
    fn confirmation(&self) -> Option<&str> {
        match self {
            Self::LiveSync { confirm, .. }
            | Self::FactoryReset { confirm }
            | Self::SetMode { confirm, .. } => Some(confirm),
            Self::StopService
            | Self::StartService
            | Self::Restart
            | Self::PowerOff
            | Self::UnlockMaster
            | Self::SetNetwork(_)
            | Self::ChangePassword { .. } => None,
        }
    }
}

impl Requester {
    const fn access(self, is_administrator: bool) -> Access {
        match self {
            Self::Local => Access::Console,
            Self::Remote { .. } if is_administrator => Access::Administrator,
            Self::Remote { .. } => Access::Anyone,
        }
    }

    const fn operator(self) -> Operator {
        match self {
            Self::Local => Operator::Local,
            Self::Remote { connection, peer, .. } => Operator::Remote { connection, peer },
        }
    }
}

impl Device {
    /// An operation that a manager asks for.
    pub(super) fn operate_remotely(&mut self, cx: &mut Cx<'_>, id: u64, request: ManagerRequest) {
        let manager = self.present_manager();
        let requester = Requester::Remote {
            connection: manager.connection,
            peer: manager.peer,
            id,
        };
        let operation = Operation::requested_by(&request).expect("the caller asks for an operation");
        match self.order_of(request) {
            Ok(order) => self.operate(cx, requester, order),
            Err(error) => self.refuse_operation(cx, requester, operation, error),
        }
    }

    /// The parameters, which are checked before anything else (OP-09).
    fn order_of(&self, request: ManagerRequest) -> Result<Order, Error> {
        Ok(match request {
            ManagerRequest::StopService => Order::StopService,
            ManagerRequest::StartService => Order::StartService,
            ManagerRequest::Restart => Order::Restart,
            ManagerRequest::PowerOff => Order::PowerOff,
            ManagerRequest::UnlockMaster => Order::UnlockMaster,
            ManagerRequest::LiveSync { node, confirm } => Order::LiveSync { node, confirm },
            ManagerRequest::FactoryReset { confirm } => Order::FactoryReset { confirm },
            ManagerRequest::SetMode { mode, confirm } => Order::SetMode { mode, confirm },
            ManagerRequest::SetNetwork(members) => Order::SetNetwork(Box::new(
                self.changed_network(&members).map_err(FieldErrors::into_error)?,
            )),
            ManagerRequest::ChangePassword { old, new } => {
                super::pocket::check_new_password(&new)?;
                Order::ChangePassword { old, new }
            }
            ManagerRequest::Header
            | ManagerRequest::Info
            | ManagerRequest::Network
            | ManagerRequest::HttpConsoleUrl
            | ManagerRequest::AuthStart
            | ManagerRequest::AuthCancel
            | ManagerRequest::Activate { .. }
            | ManagerRequest::Close => unreachable!("the caller asks for an operation"),
        })
    }

    fn changed_network(&self, members: &Map<String, Value>) -> Result<NetworkSettings, FieldErrors> {
        self.network().changed_by(members)
    }

    pub(super) fn operate(&mut self, cx: &mut Cx<'_>, requester: Requester, order: Order) {
        let operation = order.operation();
        if let Err(error) = self.permit(cx, requester, &order) {
            return self.refuse_operation(cx, requester, operation, error);
        }
        let by = requester.operator();
        self.tell(cx, Event::OperationAccepted { operation, by });
        if let Requester::Remote { id, .. } = requester {
            let manager = self.present_manager();
            manager.owed_operation = Some(id);
            //= RM-19
            if operation.method().is_operation() {
                manager.inactivity.cancel();
            }
        }
        match order {
            Order::StopService => self.operate_service(cx, requester, operation, ServiceState::Stopped),
            Order::StartService => self.operate_service(cx, requester, operation, ServiceState::Running),
            Order::Restart | Order::PowerOff => {
                let stop = match (requester, operation) {
                    (Requester::Remote { .. }, Operation::Restart) => LastStop::RemoteRestart,
                    (Requester::Remote { .. }, _) => LastStop::RemotePowerOff,
                    //= RM-12
                    (Requester::Local, Operation::Restart) => LastStop::LocalRestart,
                    (Requester::Local, _) => LastStop::LocalPowerOff,
                };
                self.promise_stop(Some(operation), requester, stop, Vec::new());
            }
            //= OP-04
            Order::UnlockMaster => {
                let name = UserName::master();
                let user = User {
                    failures: 0,
                    ..self
                        .users
                        .known
                        .get(&name)
                        .cloned()
                        .unwrap_or(User::factory_master())
                };
                let change = self.put_user(name, user);
                self.commit_operation(operation, requester, vec![change], json!({}));
            }
            Order::LiveSync { node, .. } => match self.sync_node(node.as_deref()) {
                Ok(node) => self.begin_sync(cx, requester, node),
                Err(_) => unreachable!("it was found when the operation was permitted"),
            },
            //= OP-06
            Order::FactoryReset { .. } => {
                let changes = self.factory_reset();
                self.promise_stop(Some(operation), requester, LastStop::FactoryReset, changes);
            }
            //= OP-07
            Order::SetMode { mode, .. } => {
                let changes = self.erasure(mode);
                self.promise_stop(Some(operation), requester, LastStop::ModeChange, changes);
            }
            //= NW-03
            Order::SetNetwork(settings) => {
                let result = serde_json::to_value(&settings).expect("addresses and texts");
                let changes = vec![Change::Network(Some(*settings))];
                self.commit_operation(operation, requester, changes, result);
            }
            Order::ChangePassword { old, new } => self.change_password(requester, old, new),
        }
    }

    /// Access, model, state and confirmation, in this order (OP-09).
    //= OP-08
    //= OP-09
    fn permit(&self, cx: &Cx<'_>, requester: Requester, order: &Order) -> Result<(), Error> {
        let operation = order.operation();
        let manager = self.manager.as_ref();
        let access = requester.access(manager.is_some_and(|manager| manager.is_administrator));
        operation.verdict(access, self.profile.model, self.state)?;
        //= LC-06
        if self.is_held_by_self_test(operation) {
            return Err(ErrorName::WrongState
                .into_error()
                .saying("the last self test failed: the service does not start until one passes"));
        }
        let is_owed = manager.is_some_and(|manager| manager.owed_operation.is_some());
        if is_owed || self.is_stop_promised() {
            return Err(ErrorName::WrongState.into());
        }
        match order {
            Order::SetMode { mode, .. } if *mode == self.stored.mode => {
                return Err(ErrorName::WrongState.into());
            }
            Order::ChangePassword { .. } => self.check_password_may_be_tried(cx)?,
            Order::LiveSync { node, .. } => {
                self.sync_node(node.as_deref())?;
            }
            Order::StopService
            | Order::StartService
            | Order::Restart
            | Order::PowerOff
            | Order::UnlockMaster
            | Order::FactoryReset { .. }
            | Order::SetMode { .. }
            | Order::SetNetwork(_) => {}
        }
        match order.confirmation() {
            Some(typed) if typed != self.profile.serial => Err(ErrorName::ConfirmationMismatch.into()),
            Some(_) | None => Ok(()),
        }
    }

    fn refuse_operation(&mut self, cx: &Cx<'_>, requester: Requester, operation: Operation, error: Error) {
        if let Some(name) = error.name {
            let by = requester.operator();
            self.tell(
                cx,
                Event::OperationRefused {
                    operation,
                    by,
                    error: name,
                },
            );
        }
        match requester {
            Requester::Remote { id, .. } => self.answer(id, Err(error)),
            Requester::Local => self.console.tell(error.message),
        }
    }

    fn operate_service(
        &mut self,
        cx: &Cx<'_>,
        requester: Requester,
        operation: Operation,
        service: ServiceState,
    ) {
        self.answer_operation(cx, requester, json!({}));
        self.set_service(cx, service);
        self.tell(cx, Event::OperationDone(operation));
    }

    fn commit_operation(
        &mut self,
        operation: Operation,
        requester: Requester,
        changes: Vec<Change>,
        result: Value,
    ) {
        let promise = Promise::Operation {
            operation,
            requester,
            result,
        };
        self.commit(changes, promise);
    }

    pub(super) fn on_operation_durable(
        &mut self,
        cx: &Cx<'_>,
        operation: Operation,
        requester: Requester,
        result: Value,
    ) {
        //= OP-11
        if operation == Operation::UnlockMaster {
            self.tell(cx, Event::UserUnblocked(UserName::master()));
        }
        self.tell(cx, Event::OperationDone(operation));
        self.answer_operation(cx, requester, result);
        match (operation, requester) {
            //= HD-02
            (Operation::SetNetwork, Requester::Remote { .. }) => self.notify_header(),
            (Operation::SetNetwork, Requester::Local) => {
                self.console.tell("The network settings are changed.");
            }
            (Operation::UnlockMaster, Requester::Local) => {
                self.console.tell("The user master is unlocked.");
            }
            (_, Requester::Local | Requester::Remote { .. }) => {}
        }
    }

    /// Answers an operation, if whoever asked for it is still there; the inactivity limit starts anew.
    fn answer_operation(&mut self, cx: &Cx<'_>, requester: Requester, result: Value) {
        self.end_operation(cx, requester, Ok(result));
    }

    pub(super) fn end_operation(&mut self, cx: &Cx<'_>, requester: Requester, outcome: Result<Value, Error>) {
        let inactivity = self.profile.limits.inactivity;
        match requester {
            Requester::Remote { connection, id, .. } if self.is_manager(connection) => {
                let manager = self.present_manager();
                manager.owed_operation = None;
                //= RM-19
                manager.inactivity.set(cx.now + inactivity);
                self.answer(id, outcome);
            }
            Requester::Remote { .. } | Requester::Local => {}
        }
    }

    // Operations after which the device stops.

    /// What is gone when the database is. Source: OP-06, OP-07, LF-05.
    fn erasure(&self, mode: OperatingMode) -> Vec<Change> {
        vec![
            Change::EraseDatabase,
            Change::Binding(None),
            Change::Activation(None),
            Change::ActivationFailures(0),
            Change::Mode(mode),
            //= PK-01
            Change::RemoteManagement(!self.profile.has_console()),
        ]
    }

    /// The same, and what else is not as it left the factory. The certificate and the log stay.
    pub(super) fn factory_reset(&self) -> Vec<Change> {
        let mut changes = self.erasure(OperatingMode::Nrm);
        if !self.profile.factory_reset.keeps_network {
            changes.push(Change::Network(None));
        }
        changes
    }

    /// Writes down that the device stops, and why; it does once that is durable, with everything else.
    //= OP-10
    pub(super) fn promise_stop(
        &mut self,
        operation: Option<Operation>,
        requester: Requester,
        stop: LastStop,
        mut changes: Vec<Change>,
    ) {
        changes.push(Change::LastStop(stop));
        changes.push(Change::SwitchedOn(stop.restarts()));
        let promise = Promise::Stop {
            operation,
            requester,
            stop,
        };
        self.commit(changes, promise);
    }

    /// An operation that ends the session is answered first, now that it is durable.
    pub(super) fn on_stop_durable(
        &mut self,
        cx: &Cx<'_>,
        operation: Option<Operation>,
        requester: Requester,
        stop: LastStop,
    ) {
        let reason = match stop {
            LastStop::FactoryReset | LastStop::ModeChange => {
                self.tell(cx, Event::DatabaseErased);
                //= OP-11
                if let Some(operation) = operation {
                    self.tell(cx, Event::OperationDone(operation));
                }
                if stop == LastStop::FactoryReset {
                    ClosingReason::FactoryReset
                } else {
                    ClosingReason::ModeChanged
                }
            }
            LastStop::RemoteRestart | LastStop::LocalRestart => {
                self.finishing = operation;
                ClosingReason::Restart
            }
            LastStop::RemotePowerOff | LastStop::LocalPowerOff | LastStop::PowerCut => {
                self.finishing = operation;
                ClosingReason::PowerOff
            }
        };
        match requester {
            //= OP-11
            Requester::Remote { connection, .. } if !self.is_manager(connection) => {}
            Requester::Remote { .. } => {
                self.end_operation(cx, requester, Ok(json!({})));
                self.end_session(cx, reason, None);
            }
            // On a device without a console a manager may be there: the power button is no local activity then.
            Requester::Local => self.end_session(cx, reason, None),
        }
    }
}
