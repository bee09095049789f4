//! The pages of the console that only tell: About, Monitor, Self Test. Changes nothing but the result of the last self
//! test, and the service after one that failed.

use core::fmt::Display;

use machine::Cx;
use protocol::{SelfTest, ServiceState};

use super::{Device, counters::Counters};
use crate::{
    Event, Operation, RemoteManagement,
    console::{Answer, Dialog, Page},
    escape, self_test,
};

/// A row of a list: what, and how it is.
fn row(label: &str, value: impl Display) -> String {
    format!("{label:<20} : {value}")
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

impl Device {
    pub(super) fn show_page(&mut self, cx: &Cx<'_>, page: Page) {
        let dialog = match page {
            Page::About => self.about(cx),
            Page::SelfTest => self.test_itself(cx),
            Page::Sessions => self.sessions_page(),
            Page::Database => self.database_page(cx),
            Page::System => self.system_page(cx),
            Page::Interface(_)
            | Page::Gateway
            | Page::NameServers
            | Page::TimeServers
            | Page::DateTime
            | Page::NodeList
            | Page::NewNode
            | Page::DeleteNode => return self.show_configuration(cx, page),
            Page::Partition | Page::PartitionChange | Page::PartitionPin | Page::PartitionCard => {
                return self.show_partition();
            }
        };
        self.console.show_page(page, dialog);
    }

    pub(super) fn on_entered(&mut self, cx: &mut Cx<'_>, page: Page, answer: Answer) {
        match page {
            Page::About
            | Page::SelfTest
            | Page::Sessions
            | Page::Database
            | Page::System
            | Page::NodeList => {}
            Page::Interface(_)
            | Page::Gateway
            | Page::NameServers
            | Page::TimeServers
            | Page::DateTime
            | Page::NewNode
            | Page::DeleteNode => self.on_configured(cx, page, answer),
            Page::Partition | Page::PartitionChange | Page::PartitionPin | Page::PartitionCard => {
                self.on_partition_answer(cx, page, answer);
            }
        }
    }

    /// What the monitor shows is what is so now.
    pub(super) fn refresh_monitor(&mut self, cx: &Cx<'_>) {
        let dialog = match self.console.page() {
            Some(Page::Sessions) => self.sessions_page(),
            Some(Page::Database) => self.database_page(cx),
            Some(Page::System) => self.system_page(cx),
            Some(
                Page::About
                | Page::SelfTest
                | Page::Interface(_)
                | Page::Gateway
                | Page::NameServers
                | Page::TimeServers
                | Page::DateTime
                | Page::NodeList
                | Page::NewNode
                | Page::DeleteNode
                | Page::Partition
                | Page::PartitionChange
                | Page::PartitionPin
                | Page::PartitionCard,
            )
            | None => return,
        };
        self.console.refresh(dialog);
    }

    //= LC-02
    fn about(&self, cx: &Cx<'_>) -> Dialog {
        let info = self.info(cx);
        let mut rows = vec![
            row("Model", &info.model),
            row("Serial Number", escape(&info.serial)),
            row("Firmware", escape(&info.firmware)),
            row("Hardware", escape(&info.hardware)),
            row("Operating Mode", info.mode),
            row("Tampered", yes_or_no(info.tampered)),
            row("Date and Time", format!("{} UTC", info.date_time)),
            row("Uptime", duration(info.uptime_secs)),
        ];
        for interface in &self.network().interfaces {
            rows.push(row(
                &escape(&interface.name),
                format!("{} / {}", interface.ip, interface.mask),
            ));
        }
        let gateway = self.network().gateway;
        rows.push(row(
            "Default Gateway",
            gateway.map_or_else(|| "<none>".to_owned(), |gateway| gateway.to_string()),
        ));
        rows.push(row("SVMK Check Value", self.check_value()));
        rows.push(row("Last Self Test", self_test_text(&info.last_self_test)));
        Dialog::list(Page::About.label(), rows)
    }

    /// Six digits that tell one Server Master Key from another, and the key from nobody.
    fn check_value(&self) -> String {
        self.stored.binding.as_ref().map_or_else(
            || "<none>".to_owned(),
            |binding| {
                let [a, b, c] = binding.check_value.0;
                format!("{a:02X}{b:02X}{c:02X}")
            },
        )
    }

    fn sessions_page(&self) -> Dialog {
        let Counters {
            managers,
            authenticated,
            denied,
            turned_away,
            logins,
            logins_refused,
            cards,
            ..
        } = self.counters;
        let armed = match self.remote_management {
            RemoteManagement::Disabled => "disabled",
            RemoteManagement::Enabling => "being enabled",
            RemoteManagement::Enabled => "enabled",
        };
        Dialog::list(
            "Sessions",
            vec![
                row("Service", service_text(self.service())),
                row("User Sessions", self.users.sessions()),
                row("User Logins", logins),
                row("Logins Refused", logins_refused),
                row("Log Followers", self.users.followers().len()),
                row("Remote Management", armed),
                row("Managers Connected", managers),
                row("Managers Authorized", authenticated),
                row("Managers Denied", denied),
                row("Turned Away", turned_away),
                row("Cards Used", cards),
            ],
        )
    }

    fn database_page(&self, cx: &Cx<'_>) -> Dialog {
        let info = self.info(cx);
        Dialog::list(
            "Database",
            vec![
                row("Users", info.users),
                row("Objects", info.objects),
                row("Size", format!("{} bytes", info.database_bytes)),
                row("Free", format!("{} bytes", info.free_bytes)),
                row("Replication Nodes", self.stored.nodes.len()),
                row(
                    "Replication Domain",
                    info.replication_domain
                        .as_deref()
                        .map_or_else(|| "<none>".to_owned(), escape),
                ),
            ],
        )
    }

    fn system_page(&self, cx: &Cx<'_>) -> Dialog {
        let info = self.info(cx);
        Dialog::list(
            "System",
            vec![
                row("Date and Time", format!("{} UTC", info.date_time)),
                row("Uptime", duration(info.uptime_secs)),
                row("Activated", yes_or_no(info.activated)),
                row("SVMK Check Value", self.check_value()),
                row("Log Records", self.next_event),
                row("Durable Writes", self.counters.writes),
                row("Writes Pending", self.promises.len()),
                row("Derivations Pending", self.errands.len()),
                row("Last Self Test", self_test_text(&info.last_self_test)),
            ],
        )
    }

    // Self test.

    /// Tests every algorithm and tells what came of it; whether all gave their known answers.
    pub(super) fn run_self_test(&mut self, cx: &Cx<'_>) -> Vec<self_test::Tested> {
        let results = self_test::run(self.forced_to_fail);
        let passed = results.iter().all(|tested| tested.passed);
        self.last_self_test = SelfTest {
            passed,
            date_time: cx.wall_clock.to_string(),
        };
        for tested in &results {
            if !tested.passed {
                self.tell(cx, Event::AlgorithmFailed(tested.algorithm));
            }
        }
        self.tell(cx, Event::SelfTest { passed });
        results
    }

    /// Somebody asked for the self test. What gives wrong answers serves nobody.
    //= LC-06
    fn test_itself(&mut self, cx: &Cx<'_>) -> Dialog {
        let results = self.run_self_test(cx);
        let mut rows: Vec<_> = results
            .iter()
            .map(|tested| {
                let outcome = if tested.passed { "passed" } else { "FAILED" };
                format!(
                    "{:<14} : {outcome}  ({})",
                    tested.algorithm.name(),
                    tested.algorithm.source()
                )
            })
            .collect();
        rows.push(String::new());
        if self.last_self_test.passed {
            rows.push("Every algorithm gave its known answer.".into());
        } else {
            rows.push("An algorithm gave a wrong answer: the service is stopped".into());
            rows.push("until a self test passes.".into());
            self.set_service(cx, ServiceState::Stopped);
        }
        Dialog::list(Page::SelfTest.label(), rows)
    }

    /// Whether the last self test keeps the service from starting.
    pub(super) fn is_held_by_self_test(&self, operation: Operation) -> bool {
        operation == Operation::StartService && !self.last_self_test.passed
    }
}

fn service_text(service: ServiceState) -> &'static str {
    match service {
        ServiceState::Running => "running",
        ServiceState::Stopped => "stopped",
    }
}

fn self_test_text(tested: &SelfTest) -> String {
    let outcome = if tested.passed { "passed" } else { "FAILED" };
    format!("{outcome} {}", tested.date_time)
}

/// Days and a time of the day.
fn duration(secs: u64) -> String {
    let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
    format!("{days} d {hours:02}:{minutes:02}:{:02}", secs % 60)
}
