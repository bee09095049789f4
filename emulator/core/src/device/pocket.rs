//! The activation password of a device without a console: set at the first connection, tried, counted, changed. Knows
//! no card.

use core::net::SocketAddr;

use machine::{Cx, Instant};
use protocol::{
    ACTIVATION_PASSWORD_CHARACTERS_MAX, ACTIVATION_PASSWORD_CHARACTERS_MIN, Activated, ActivationPassword,
    Error, ErrorName,
};
use serde_json::json;

use super::{Device, Errand as AnyErrand, Promise, operations::Requester};
use crate::{
    Change, ConnectionId, Event, LifeCycle, Operation, Operator, ServerMasterKey, Vault, Where,
    activation::Seal, derivation::DerivedKey,
};

/// What a device knows of passwords besides what is durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Pocket {
    /// Until when no password is tried. Source: PK-03.
    wait_until: Option<Instant>,
    /// A password is being tried or set.
    is_busy: bool,
}

/// Whose password it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    connection: ConnectionId,
    peer: SocketAddr,
    /// The request that waits for its answer.
    id: u64,
}

impl Owner {
    const fn requester(self) -> Requester {
        let Self { connection, peer, id } = self;
        Requester::Remote { connection, peer, id }
    }
}

/// What is to be done if the password is right.
#[derive(Clone, Debug)]
pub(super) enum Aim {
    Enter,
    Change(ActivationPassword),
}

/// What waits for a durable write.
#[derive(Clone, Debug)]
pub(super) enum Promised {
    /// The try is counted: compare.
    Counted {
        owner: Owner,
        password: ActivationPassword,
        aim: Aim,
    },
    /// The first password is set.
    Set { owner: Owner, key: ServerMasterKey },
    /// The password was right, and the count is cleared.
    Right { owner: Owner, key: ServerMasterKey },
    /// Another password is set.
    Changed { owner: Owner },
}

/// What waits for a derivation.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Compare {
        owner: Owner,
        aim: Aim,
    },
    SealFirst {
        owner: Owner,
        seal: Seal,
        key: ServerMasterKey,
    },
    SealAgain {
        owner: Owner,
        seal: Seal,
        key: ServerMasterKey,
    },
}

/// Whether it may be set. Source: PK-02.
pub(super) fn check_new_password(password: &ActivationPassword) -> Result<(), Error> {
    if password.has_permitted_length() {
        return Ok(());
    }
    Err(ErrorName::InvalidParams.into_error().saying(format!(
        "an activation password has {ACTIVATION_PASSWORD_CHARACTERS_MIN} to {ACTIVATION_PASSWORD_CHARACTERS_MAX} \
         characters"
    )))
}

impl Device {
    /// `auth.activate`.
    //= PK-02
    pub(super) fn try_password(&mut self, cx: &mut Cx<'_>, id: u64, password: ActivationPassword) {
        let manager = self.present_manager();
        let (connection, peer) = (manager.connection, manager.peer);
        let (is_administrator, is_owed) = (manager.is_administrator, manager.owed_operation.is_some());
        let owner = Owner { connection, peer, id };
        if self.profile.has_console() {
            return self.answer(id, Err(ErrorName::NotAvailableOnModel.into()));
        }
        if is_administrator || is_owed || self.is_stop_promised() {
            return self.answer(id, Err(ErrorName::WrongState.into()));
        }
        if let Err(error) = self.check_password_may_be_tried(cx) {
            return self.answer(id, Err(error));
        }
        if self.stored.activation.is_some() {
            return self.count_try(owner, password, Aim::Enter);
        }
        if let Err(error) = check_new_password(&password) {
            return self.answer(id, Err(error));
        }
        self.pocket.is_busy = true;
        let key = ServerMasterKey::generate(cx.rng);
        let seal = Seal::generate(self.profile.password_hash, cx.rng);
        let derivation = seal.derivation(&password);
        self.derive(
            derivation,
            AnyErrand::Pocket(Errand::SealFirst { owner, seal, key }),
        );
    }

    /// `auth.change_password`, permitted.
    pub(super) fn change_password(
        &mut self,
        requester: Requester,
        old: ActivationPassword,
        new: ActivationPassword,
    ) {
        let Requester::Remote { connection, peer, id } = requester else {
            unreachable!("no cell of the table permits it at a console")
        };
        self.count_try(Owner { connection, peer, id }, old, Aim::Change(new));
    }

    /// Whether nothing is in the way of a try: another one, or the wait.
    //= PK-03
    pub(super) fn check_password_may_be_tried(&self, cx: &Cx<'_>) -> Result<(), Error> {
        if self.pocket.is_busy {
            return Err(ErrorName::WrongState.into());
        }
        match self.pocket.wait_until {
            Some(until) if cx.now < until => {
                let wait_ms = u64::try_from(until.since(cx.now).as_millis()).unwrap_or(u64::MAX);
                Err(ErrorName::ActivationWait.into_error().with("wait_ms", wait_ms))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// After a restart, a wait begins anew: switching off and on is no way around it.
    //= PK-03
    pub(super) fn begin_wait_anew(&mut self, cx: &Cx<'_>) {
        let limits = &self.profile.limits;
        if self.stored.activation_failures >= limits.activation_tries {
            self.pocket.wait_until = Some(cx.now + limits.activation_wait);
        }
    }

    /// The try is written down before anything is compared, so that no cut of power gives a free one.
    fn count_try(&mut self, owner: Owner, password: ActivationPassword, aim: Aim) {
        self.pocket.is_busy = true;
        let failures = self.stored.activation_failures.saturating_add(1);
        let promised = Promised::Counted { owner, password, aim };
        self.commit(
            vec![Change::ActivationFailures(failures)],
            Promise::Pocket(promised),
        );
    }

    pub(super) fn on_password_durable(&mut self, cx: &mut Cx<'_>, promised: Promised) {
        match promised {
            Promised::Counted { owner, password, aim } => {
                let Some(activation) = &self.stored.activation else {
                    unreachable!("only a reset takes it away, and that ends all passwords on their way")
                };
                let derivation = activation.derivation(&password);
                self.derive(derivation, AnyErrand::Pocket(Errand::Compare { owner, aim }));
            }
            Promised::Set { owner, key } => {
                self.tell(cx, Event::Bound);
                self.let_in(cx, owner, key);
            }
            Promised::Right { owner, key } => self.let_in(cx, owner, key),
            Promised::Changed { owner } => {
                self.pocket.is_busy = false;
                self.tell(cx, Event::OperationDone(Operation::ChangePassword));
                self.end_operation(cx, owner.requester(), Ok(json!({})));
            }
        }
    }

    pub(super) fn on_password_derived(&mut self, cx: &mut Cx<'_>, errand: Errand, derived: &DerivedKey) {
        match errand {
            Errand::Compare { owner, aim } => {
                let opened = self
                    .stored
                    .activation
                    .as_ref()
                    .and_then(|activation| activation.open(derived));
                match (opened, aim) {
                    (None, aim) => self.refuse_password(cx, owner, &aim),
                    (Some(key), Aim::Enter) => {
                        let promised = Promised::Right { owner, key };
                        self.commit(vec![Change::ActivationFailures(0)], Promise::Pocket(promised));
                    }
                    (Some(key), Aim::Change(new)) => {
                        let seal = Seal::generate(self.profile.password_hash, cx.rng);
                        let derivation = seal.derivation(&new);
                        self.derive(
                            derivation,
                            AnyErrand::Pocket(Errand::SealAgain { owner, seal, key }),
                        );
                    }
                }
            }
            Errand::SealFirst { owner, seal, key } => {
                let mut changes = vec![
                    Change::Activation(Some(seal.close(&key, derived))),
                    //= LF-02
                    Change::Binding(Some(key.binding())),
                    Change::ActivationFailures(0),
                ];
                changes.extend(self.seal_users(&Vault::of(&key)));
                self.commit(changes, Promise::Pocket(Promised::Set { owner, key }));
            }
            Errand::SealAgain { owner, seal, key } => {
                let changes = vec![
                    Change::Activation(Some(seal.close(&key, derived))),
                    Change::ActivationFailures(0),
                ];
                self.commit(changes, Promise::Pocket(Promised::Changed { owner }));
            }
        }
    }

    //= PK-03
    fn refuse_password(&mut self, cx: &Cx<'_>, owner: Owner, aim: &Aim) {
        self.pocket.is_busy = false;
        let limits = &self.profile.limits;
        let tries_left = limits
            .activation_tries
            .saturating_sub(self.stored.activation_failures);
        if tries_left == 0 {
            self.pocket.wait_until = Some(cx.now + limits.activation_wait);
        }
        let Owner { connection, peer, id } = owner;
        self.tell(
            cx,
            Event::ActivationPasswordWrong {
                connection,
                peer,
                tries_left,
            },
        );
        let name = ErrorName::ActivationPasswordWrong;
        let error = name.into_error().with("tries_left", tries_left);
        match aim {
            Aim::Enter if self.is_manager(connection) => self.answer(id, Err(error)),
            Aim::Enter => {}
            Aim::Change(_) => {
                let (operation, by) = (Operation::ChangePassword, Operator::Remote { connection, peer });
                let refused = Event::OperationRefused {
                    operation,
                    by,
                    error: name,
                };
                self.tell(cx, refused);
                self.end_operation(cx, owner.requester(), Err(error));
            }
        }
    }

    /// The password was right: the device is activated, and whoever knew it, if still there, is the administrator.
    fn let_in(&mut self, cx: &Cx<'_>, owner: Owner, key: ServerMasterKey) {
        self.pocket.is_busy = false;
        self.pocket.wait_until = None;
        let Owner { connection, peer, id } = owner;
        if matches!(self.state, LifeCycle::FirstBoot | LifeCycle::Waiting) {
            self.activate(cx, key, Where::Remote(connection));
        }
        if self.is_manager(connection) {
            self.present_manager().is_administrator = true;
            self.tell(cx, Event::AdministratorGranted { connection, peer });
            let outcome = serde_json::to_value(Activated::Administrator).expect("a text");
            self.answer(id, Ok(outcome));
        }
    }
}
