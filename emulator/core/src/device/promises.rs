//! What waits for the disk or for a thread of its own: promises for durable writes, errands for derivations, keys and reads.
//! Nothing that was promised is told before it is durable.

use core::net::IpAddr;

use machine::Cx;
use protocol::{CeremonyResetReason, ClosingReason, DeviceNotification};

use super::{Device, Job, Output, RemoteManagement, Ticket, live_sync, objects, operations, pocket, users};
use crate::{
    Change, ConnectionId, Derivation, DerivedKey, DisabledBy, Event, Fetched, GeneratedKey, Generation,
    LastStop, Operation, Query, ServerMasterKey, Where, smart_card_manager::Told,
};

/// What waits for a durable write.
#[derive(Clone, Debug)]
pub(super) enum Promise {
    Nothing,
    Enable,
    /// The device is bound to the key of the set that was shown at the console, and is activated with it.
    Bind(ServerMasterKey),
    /// Tell that remote management is disabled, and the manager of that moment that its session is over.
    Disable {
        by: DisabledBy,
        manager: Option<ConnectionId>,
        ceremony_reset: Option<CeremonyResetReason>,
        reason: ClosingReason,
    },
    /// Answer an operation.
    Operation {
        operation: Operation,
        requester: operations::Requester,
        result: serde_json::Value,
    },
    /// Answer an operation that ends the session, then stop.
    Stop {
        /// None if it was the power button, or the reset that was offered for another set.
        operation: Option<Operation>,
        requester: operations::Requester,
        stop: LastStop,
    },
    /// Go on with cards at the Smart Card Manager.
    SmartCards,
    /// Tell what somebody at the console has changed.
    Local {
        event: Event,
        /// On the screen.
        told: String,
    },
    /// Go on with an activation password.
    Pocket(pocket::Promised),
    /// Go on with what a user asked for.
    User(users::Promised),
    /// Another node's database is here.
    LiveSync {
        requester: operations::Requester,
        node: IpAddr,
        connection: ConnectionId,
        objects: u64,
    },
}

/// What waits for a derivation, a key or something of the database.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Pocket(pocket::Errand),
    User(users::Errand),
    Object(objects::Errand),
    Sync(live_sync::Errand),
}

impl Device {
    /// Makes these changes here at once, and durable soon.
    pub(super) fn commit(&mut self, changes: Vec<Change>, promise: Promise) {
        self.give_way_to(&changes);
        for change in &changes {
            self.stored.apply(change);
        }
        if changes.contains(&Change::EraseDatabase) {
            self.forget_users();
        }
        self.counters.writes += 1;
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.promises.push_back((ticket, promise));
        self.outputs.push_back(Output::Persist { ticket, changes });
    }

    pub(super) fn new_job(&mut self, errand: Errand) -> Job {
        let job = Job(self.next_job);
        self.next_job += 1;
        self.errands.insert(job, errand);
        job
    }

    pub(super) fn derive(&mut self, derivation: Derivation, errand: Errand) {
        let job = self.new_job(errand);
        self.outputs.push_back(Output::Derive { job, derivation });
    }

    pub(super) fn fetch(&mut self, query: Query, errand: Errand) {
        let job = self.new_job(errand);
        self.outputs.push_back(Output::Fetch { job, query });
    }

    pub(super) fn generate(&mut self, generation: Generation, errand: Errand) {
        let job = self.new_job(errand);
        self.outputs.push_back(Output::Generate { job, generation });
    }

    pub(super) fn on_persisted(&mut self, cx: &mut Cx<'_>, ticket: Ticket) {
        let Some(position) = self.promises.iter().position(|(promised, _)| *promised == ticket) else {
            return;
        };
        let (_, promise) = self.promises.remove(position).expect("it was just found");
        match promise {
            Promise::Nothing => {}
            Promise::Enable => {
                if self.remote_management == RemoteManagement::Enabling {
                    self.remote_management = RemoteManagement::Enabled;
                    self.tell(cx, Event::RemoteManagementEnabled);
                    self.update_listening();
                }
            }
            Promise::Disable {
                by,
                manager,
                ceremony_reset,
                reason,
            } => {
                self.tell(cx, Event::RemoteManagementDisabled(by));
                if let Some(connection) = manager {
                    if let Some(reason) = ceremony_reset {
                        self.notify(connection, &DeviceNotification::CeremonyReset { reason });
                    }
                    self.notify(connection, &DeviceNotification::closing(reason, None));
                    self.outputs.push_back(Output::End { connection });
                }
            }
            //= LF-02
            Promise::Bind(key) => {
                self.tell(cx, Event::Bound);
                self.activate(cx, key, Where::Local);
                self.show_first_screen();
            }
            Promise::Operation {
                operation,
                requester,
                result,
            } => self.on_operation_durable(cx, operation, requester, result),
            Promise::Stop {
                operation,
                requester,
                stop,
            } => {
                self.on_stop_durable(cx, operation, requester, stop);
                self.stop(cx, stop);
            }
            Promise::SmartCards => self.tell_smart_cards(cx, Told::Kept),
            Promise::Local { event, told } => {
                self.tell(cx, event);
                self.console.tell(told);
            }
            Promise::Pocket(promised) => self.on_password_durable(cx, promised),
            Promise::User(promised) => self.on_user_durable(cx, promised),
            Promise::LiveSync {
                requester,
                node,
                connection,
                objects,
            } => self.on_database_durable(cx, requester, node, connection, objects),
        }
    }

    pub(super) fn on_derived(&mut self, cx: &mut Cx<'_>, job: Job, derived: &DerivedKey) {
        match self.errands.remove(&job) {
            // The device has stopped since.
            None => {}
            Some(Errand::Pocket(errand)) => self.on_password_derived(cx, errand, derived),
            Some(Errand::User(errand)) => self.on_user_derived(cx, errand, derived),
            Some(Errand::Object(_) | Errand::Sync(_)) => unreachable!("they wait for something else"),
        }
    }

    pub(super) fn on_fetched(&mut self, cx: &Cx<'_>, job: Job, fetched: Fetched) {
        match self.errands.remove(&job) {
            // The device has stopped since.
            None => {}
            Some(Errand::Object(errand)) => self.on_object_fetched(cx, errand, fetched),
            Some(Errand::Sync(errand)) => self.on_sync_fetched(cx, &errand, fetched),
            Some(Errand::Pocket(_) | Errand::User(_)) => unreachable!("they wait for derivations"),
        }
    }

    pub(super) fn on_generated(&mut self, cx: &Cx<'_>, job: Job, key: Option<GeneratedKey>) {
        match self.errands.remove(&job) {
            // The device has stopped since.
            None => {}
            Some(Errand::Object(errand)) => self.on_object_generated(cx, errand, key),
            Some(Errand::Pocket(_) | Errand::User(_) | Errand::Sync(_)) => {
                unreachable!("they wait for something else")
            }
        }
    }
}
