//! What a manager's connection can do: arrive, ask, end. Knows no card and no key of the console.

use core::net::{Ipv4Addr, SocketAddr};

use machine::{Cx, Timer};
use protocol::{
    AuthOutcome, ClosingReason, DeniedReason, DeviceNotification, Error, ErrorName, Header, HttpConsoleUrl,
    Info, LineTooLong, ManagerRequest, NetworkSettings, Outcome, Peer, Received,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Device, Output};
use crate::{
    ConnectionId, Denial, Event, Gone, HTTPS_PORT, HttpConsole, SessionEnd, Where, event::CardOutcome,
    remote::Manager,
};

impl Device {
    //= RM-18
    pub(super) fn on_arrived(
        &mut self,
        cx: &Cx<'_>,
        connection: ConnectionId,
        peer: SocketAddr,
        cipher_suite: String,
    ) {
        //= RM-05
        let denied = if self.manager.is_some() {
            Some(DeniedReason::Busy)
        } else if !self.state.is_on() || self.is_stop_promised() {
            Some(DeniedReason::ShuttingDown)
        } else if !self.is_enabled() {
            //= RM-01
            Some(DeniedReason::NotArmed)
        } else {
            None
        };
        if let Some(reason) = denied {
            let event = Event::ManagerDenied {
                connection,
                peer,
                reason,
            };
            self.tell_denial(cx, peer, Denial::Denied(reason), event);
            self.notify(connection, &DeviceNotification::denied(reason));
            self.outputs.push_back(Output::End { connection });
            return;
        }
        self.tell(
            cx,
            Event::ManagerConnected {
                connection,
                peer,
                cipher_suite: cipher_suite.clone(),
            },
        );
        let opened = DeviceNotification::Opened {
            protocol: protocol::VERSION,
            header: self.header(),
            ceremony: self.progress(cx),
        };
        self.notify(connection, &opened);
        self.manager = Some(Manager {
            connection,
            peer,
            cipher_suite,
            rpc: Peer::default(),
            is_administrator: false,
            dialog: None,
            owed_operation: None,
            //= RM-19
            inactivity: Timer::at(cx.now + self.profile.limits.inactivity),
        });
    }

    pub(super) fn is_manager(&self, connection: ConnectionId) -> bool {
        self.manager
            .as_ref()
            .is_some_and(|manager| manager.connection == connection)
    }

    /// The manager, for callers that were called because of one of its lines.
    pub(super) fn present_manager(&mut self) -> &mut Manager {
        self.manager.as_mut().expect("its line is being handled")
    }

    pub(super) fn on_line(&mut self, cx: &mut Cx<'_>, connection: ConnectionId, line: &[u8]) {
        // What a connection sends that is not, or no longer, the manager's has no meaning.
        if !self.is_manager(connection) {
            return;
        }
        let inactivity = self.profile.limits.inactivity;
        let manager = self.present_manager();
        let received = match manager.rpc.receive(line) {
            Ok(received) => received,
            Err(violation) => {
                self.end_session(cx, ClosingReason::ProtocolError, Some(violation.to_string()));
                return;
            }
        };
        //= RM-19
        if manager.owed_operation.is_none() {
            manager.inactivity.set(cx.now + inactivity);
        }
        match received {
            Received::Request { id, method, params } => match ManagerRequest::decode(&method, &params) {
                Ok(request) => self.on_request(cx, id, request),
                Err(error) => self.answer(id, Err(error)),
            },
            Received::OneTooMany { id } => self.answer(id, Err(ErrorName::LimitReached.into())),
            Received::Notification { .. } => {}
            Received::Answer { id, outcome } => self.on_card_answer(cx, id, outcome),
        }
    }

    pub(super) fn on_line_too_long(&mut self, cx: &Cx<'_>, connection: ConnectionId) {
        if self.is_manager(connection) {
            self.end_session(cx, ClosingReason::ProtocolError, Some(LineTooLong.to_string()));
        }
    }

    pub(super) fn on_gone(&mut self, cx: &Cx<'_>, connection: ConnectionId, how: Gone) {
        if self.is_manager(connection) {
            let end = match how {
                Gone::Finished => SessionEnd::Finished,
                Gone::Reset => SessionEnd::Reset,
            };
            self.take_manager(cx, end, None);
            self.outputs.push_back(Output::End { connection });
        }
    }

    fn on_request(&mut self, cx: &mut Cx<'_>, id: u64, request: ManagerRequest) {
        match request {
            ManagerRequest::Header => self.answer_with(id, &self.header()),
            ManagerRequest::Info => self.answer_with(id, &self.info(cx)),
            //= NW-01
            ManagerRequest::Network => self.answer_with(id, &self.network().clone()),
            ManagerRequest::HttpConsoleUrl => {
                //= LF-07
                //= HT-01
                let outcome = if self.is_activated() {
                    // Whoever listens at every address is found at the first interface's.
                    let host = match self.http_console {
                        Some(address) if address.ip().is_unspecified() => {
                            SocketAddr::new(self.ip().into(), address.port()).to_string()
                        }
                        Some(address) => address.to_string(),
                        None => match self.profile.http_console {
                            Some(HttpConsole { port }) if ![0, HTTPS_PORT].contains(&port) => {
                                SocketAddr::new(self.ip().into(), port).to_string()
                            }
                            Some(_) | None => self.ip().to_string(),
                        },
                    };
                    Ok(to_value(HttpConsoleUrl {
                        url: format!("https://{host}/"),
                    }))
                } else {
                    Err(ErrorName::WrongState.into())
                };
                self.answer(id, outcome);
            }
            ManagerRequest::AuthStart => self.start_remote_dialog(cx, id),
            ManagerRequest::AuthCancel => {
                self.cancel_remote_dialog(cx);
                self.answer(id, Ok(json!({})));
            }
            ManagerRequest::Activate { password } => self.try_password(cx, id, password),
            ManagerRequest::SetNetwork(_)
            | ManagerRequest::ChangePassword { .. }
            | ManagerRequest::StopService
            | ManagerRequest::StartService
            | ManagerRequest::Restart
            | ManagerRequest::PowerOff
            | ManagerRequest::UnlockMaster
            | ManagerRequest::LiveSync { .. }
            | ManagerRequest::FactoryReset { .. }
            | ManagerRequest::SetMode { .. } => self.operate_remotely(cx, id, request),
            ManagerRequest::Close => {
                self.answer(id, Ok(json!({})));
                let connection = self.take_manager(cx, SessionEnd::ClosedByManager, None);
                self.outputs
                    .extend(connection.map(|connection| Output::End { connection }));
            }
        }
    }

    // Answers and ends.

    pub(super) fn answer(&mut self, id: u64, outcome: Outcome) {
        let manager = self.present_manager();
        let (connection, line) = (manager.connection, manager.rpc.answer(id, outcome));
        self.outputs.push_back(Output::Send { connection, line });
    }

    /// Answers with facts, which are written as they are.
    fn answer_with(&mut self, id: u64, facts: &impl Serialize) {
        let manager = self.present_manager();
        let (connection, line) = (manager.connection, manager.rpc.answer_with(id, facts));
        self.outputs.push_back(Output::Send { connection, line });
    }

    pub(super) fn answer_custodian(&mut self, id: u64, outcome: Result<AuthOutcome, Error>) {
        self.answer(id, outcome.map(to_value));
    }

    /// Ends the session of the manager, who is told why.
    pub(super) fn end_session(&mut self, cx: &Cx<'_>, reason: ClosingReason, detail: Option<String>) {
        if let Some(connection) = self.take_manager(cx, SessionEnd::Closing(reason), detail.clone()) {
            self.notify(connection, &DeviceNotification::closing(reason, detail));
            self.outputs.push_back(Output::End { connection });
        }
    }

    /// Frees the place; rights and a card dialog in progress end with it.
    //= RM-15
    pub(super) fn take_manager(
        &mut self,
        cx: &Cx<'_>,
        end: SessionEnd,
        detail: Option<String>,
    ) -> Option<ConnectionId> {
        let manager = self.manager.take()?;
        let connection = manager.connection;
        if let Some(dialog) = manager.dialog
            && let Some(event) = dialog
                .card
                .event(Where::Remote(connection), CardOutcome::Abandoned)
        {
            self.tell(cx, event);
        }
        self.tell(
            cx,
            Event::SessionEnded {
                connection,
                peer: manager.peer,
                end,
                detail,
            },
        );
        Some(connection)
    }

    // What anyone may read.

    /// The network settings that are in force.
    pub(super) fn network(&self) -> &NetworkSettings {
        self.stored.network.as_ref().unwrap_or(&self.profile.network)
    }

    /// The address managers reach it at: that of the first interface.
    fn ip(&self) -> Ipv4Addr {
        self.network()
            .interfaces
            .first()
            .map_or(Ipv4Addr::UNSPECIFIED, |interface| interface.ip)
    }

    pub(super) fn notify_header(&mut self) {
        if let Some(connection) = self.manager.as_ref().map(|manager| manager.connection) {
            let header = self.header();
            self.notify(connection, &DeviceNotification::HeaderChanged(header));
        }
    }

    //= HD-01
    fn header(&self) -> Header {
        Header {
            service: self.service(),
            model: self.profile.model.name().into(),
            serial: self.profile.serial.clone(),
            firmware: self.profile.firmware.clone(),
            ip: self.ip(),
            mode: self.stored.mode,
        }
    }

    //= IN-01
    pub(super) fn info(&self, cx: &Cx<'_>) -> Info {
        let database_bytes = self.stored.database_bytes();
        Info {
            model: self.profile.model.name().into(),
            serial: self.profile.serial.clone(),
            firmware: self.profile.firmware.clone(),
            hardware: self.profile.hardware.clone(),
            mode: self.stored.mode,
            service: self.service(),
            activated: self.is_activated(),
            uptime_secs: cx.now.since(self.started_at).as_secs(),
            date_time: cx.wall_clock.to_string(),
            users: u64::try_from(self.stored.users_len()).expect("a length fits into 64 bits"),
            objects: self.stored.objects.count,
            database_bytes,
            free_bytes: self.profile.database_bytes_max.saturating_sub(database_bytes),
            tampered: self.stored.tampered,
            replication_domain: self.stored.replication_domain.clone(),
            last_self_test: self.last_self_test.clone(),
        }
    }
}

fn to_value(result: impl Serialize) -> Value {
    serde_json::to_value(result).expect("our own types have string keys and no failing serializer")
}
