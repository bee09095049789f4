//! What somebody at the console can set: network, date and time, the list of replication nodes. Judges what was typed
//! as a manager's would be (NW-03), and changes nothing that is not valid. The clock that is set here is the calendar
//! of log lines and screens: the device's limits run on another one (RM-24).

use core::net::IpAddr;

use machine::{Cx, WallClock};
use protocol::{Interface, NTP_SERVERS_MAX, SERVER_NAME_BYTES_MAX};
use serde_json::{Map, Value, json};

use super::{Device, Order, Promise, operations::Requester};
use crate::{
    Change, Event,
    console::{Answer, Dialog, Field, Page},
    escape,
};

/// Nodes in the list, at most.
pub const NODES_MAX: usize = 16;
/// Characters of an IPv4 address, and of a netmask.
const ADDRESS_CHARACTERS_MAX: usize = 15;
/// Characters of an address of either version.
const NODE_CHARACTERS_MAX: usize = 45;
/// Characters of an interface's speed.
const SPEED_CHARACTERS_MAX: usize = 4;
/// Characters of `yyyy/mm/dd HH:MM:SS`.
const DATE_TIME_CHARACTERS_MAX: usize = 19;
/// The years that the calendar can be set to.
const YEARS: core::ops::RangeInclusive<&str> = "2000"..="2099";

impl Device {
    pub(super) fn show_configuration(&mut self, cx: &Cx<'_>, page: Page) {
        let dialog = match page {
            Page::Interface(number) => match self.network().interfaces.get(number) {
                Some(interface) => interface_form(
                    page,
                    &[
                        &interface.ip.to_string(),
                        &interface.mask.to_string(),
                        &interface.speed,
                    ],
                    interface,
                ),
                None => {
                    return self.console.tell(format!("This HSM has no {}.", page.label()));
                }
            },
            Page::Gateway => {
                let gateway = self.network().gateway;
                gateway_form(&gateway.map_or_else(String::new, |gateway| gateway.to_string()))
            }
            Page::NameServers => {
                let typed: Vec<_> = self.network().dns.iter().map(ToString::to_string).collect();
                name_servers_form(&typed.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Page::TimeServers => time_servers_form(&self.network().ntp.join(" ")),
            Page::DateTime => date_time_form(&cx.wall_clock.to_string()),
            Page::NodeList => self.node_list(),
            Page::NewNode | Page::DeleteNode => node_form(page, ""),
            Page::About
            | Page::SelfTest
            | Page::Sessions
            | Page::Database
            | Page::System
            | Page::Partition
            | Page::PartitionChange
            | Page::PartitionPin
            | Page::PartitionCard => unreachable!("the caller shows them"),
        };
        self.console.show_page(page, dialog);
    }

    pub(super) fn on_configured(&mut self, cx: &mut Cx<'_>, page: Page, answer: Answer) {
        let Answer::Entered(entered) = answer else {
            return;
        };
        let typed: Vec<&str> = entered.iter().map(|value| value.trim()).collect();
        match page {
            Page::Interface(number) => {
                let Some(interface) = self.network().interfaces.get(number).cloned() else {
                    return;
                };
                let [ip, mask, speed] = typed[..] else { return };
                let change = json!({"name": interface.name, "ip": ip, "mask": mask, "speed": speed});
                let form = interface_form(page, &typed, &interface);
                self.set_network(cx, page, &[("interfaces", json!([change]))], form);
            }
            Page::Gateway => {
                let [gateway] = typed[..] else { return };
                let member = if gateway.is_empty() {
                    Value::Null
                } else {
                    gateway.into()
                };
                self.set_network(cx, page, &[("gateway", member)], gateway_form(gateway));
            }
            Page::NameServers => {
                let servers: Vec<_> = typed.iter().filter(|server| !server.is_empty()).collect();
                self.set_network(cx, page, &[("dns", json!(servers))], name_servers_form(&typed));
            }
            Page::TimeServers => {
                let [servers] = typed[..] else { return };
                let listed: Vec<_> = servers.split_whitespace().collect();
                self.set_network(cx, page, &[("ntp", json!(listed))], time_servers_form(servers));
            }
            Page::DateTime => {
                let [typed] = typed[..] else { return };
                self.set_clock(cx, typed);
            }
            Page::NewNode => {
                let [node] = typed[..] else { return };
                self.add_node(node);
            }
            Page::DeleteNode => {
                let [node] = typed[..] else { return };
                self.remove_node(node);
            }
            Page::About
            | Page::SelfTest
            | Page::Sessions
            | Page::Database
            | Page::System
            | Page::NodeList
            | Page::Partition
            | Page::PartitionChange
            | Page::PartitionPin
            | Page::PartitionCard => unreachable!("the caller takes their answers"),
        }
    }

    /// Refused field by field, with what was typed still there.
    //= NW-03
    fn set_network(&mut self, cx: &mut Cx<'_>, page: Page, members: &[(&str, Value)], form: Dialog) {
        let members: Map<_, _> = members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        match self.network().changed_by(&members) {
            Ok(settings) => self.operate(cx, Requester::Local, Order::SetNetwork(Box::new(settings))),
            Err(errors) => {
                let fields = errors.0.into_iter().map(|(place, why)| {
                    // A person sees one form, not a list of changes.
                    let field = place.rsplit('.').find(|part| part.parse::<usize>().is_err());
                    format!("{}: {}", field.unwrap_or(&place), escape(&why))
                });
                let mut lines: Vec<_> = fields.collect();
                lines.push("Nothing was changed.".into());
                self.refuse_form(page, form, lines);
            }
        }
    }

    /// Shows the form again, and over it why it was not taken.
    fn refuse_form(&mut self, page: Page, form: Dialog, why: Vec<String>) {
        self.console.show_page(page, form);
        self.console.tell_lines(page.label(), why);
    }

    // Date and time.

    fn set_clock(&mut self, cx: &Cx<'_>, typed: &str) {
        let is_year = typed.get(..4).is_some_and(|year| YEARS.contains(&year));
        let Some(set) = WallClock::parse(typed).filter(|_| is_year) else {
            let why = vec![
                "Expected yyyy/mm/dd HH:MM:SS of the years 2000 to 2099.".into(),
                "Nothing was changed.".into(),
            ];
            return self.refuse_form(Page::DateTime, date_time_form(typed), why);
        };
        // `cx` tells the time with the offset that is in force.
        let by = set.as_unix_millis() - cx.wall_clock.as_unix_millis();
        let offset = self.stored.calendar_offset_millis.saturating_add(by);
        let event = Event::ClockSet {
            from: cx.wall_clock,
            to: set,
        };
        self.promise_locally(
            Change::CalendarOffsetMillis(offset),
            event,
            "Date and time are set.",
        );
    }

    /// Makes a change of somebody at the console, who is told when it is durable.
    pub(super) fn promise_locally(&mut self, change: Change, event: Event, told: impl Into<String>) {
        let told = told.into();
        self.commit(vec![change], Promise::Local { event, told });
    }

    // Replication nodes.

    fn node_list(&self) -> Dialog {
        let mut rows: Vec<_> = (1..)
            .zip(&self.stored.nodes)
            .map(|(number, node)| format!("Node {number:<5} : {node}"))
            .collect();
        if rows.is_empty() {
            rows.push("There is no node in the list.".into());
        }
        Dialog::list(Page::NodeList.label(), rows)
    }

    fn add_node(&mut self, typed: &str) {
        let why = match typed.parse::<IpAddr>() {
            Err(_) => format!("{} is not an IP address.", quoted(typed)),
            Ok(node) if node.is_unspecified() || node.is_loopback() || node.is_multicast() => {
                format!("{node} is not the address of another HSM.")
            }
            Ok(node) if self.network().interfaces.iter().any(|own| node == own.ip) => {
                format!("{node} is the address of this HSM.")
            }
            Ok(node) if self.stored.nodes.contains(&node) => format!("{node} is in the list already."),
            Ok(_) if self.stored.nodes.len() >= NODES_MAX => {
                format!("The list holds {NODES_MAX} nodes and is full.")
            }
            Ok(node) => {
                let mut nodes = self.stored.nodes.clone();
                nodes.push(node);
                let told = format!("{node} is in the list.");
                return self.promise_locally(Change::Nodes(nodes), Event::NodeAdded(node), told);
            }
        };
        self.refuse_form(Page::NewNode, node_form(Page::NewNode, typed), vec![why]);
    }

    fn remove_node(&mut self, typed: &str) {
        let node = typed.parse::<IpAddr>().ok();
        match node.filter(|node| self.stored.nodes.contains(node)) {
            Some(node) => {
                let mut nodes = self.stored.nodes.clone();
                nodes.retain(|other| *other != node);
                let told = format!("{node} is not in the list any more.");
                self.promise_locally(Change::Nodes(nodes), Event::NodeRemoved(node), told);
            }
            None => {
                let why = vec![format!("{} is not in the list.", quoted(typed))];
                self.refuse_form(Page::DeleteNode, node_form(Page::DeleteNode, typed), why);
            }
        }
    }
}

fn quoted(typed: &str) -> String {
    format!("`{}`", escape(typed))
}

fn interface_form(page: Page, typed: &[&str], interface: &Interface) -> Dialog {
    let link = if interface.up { "up" } else { "down" };
    let lines = vec![format!("MAC {}, link {link}", escape(&interface.mac))];
    let fields = [
        ("Address", ADDRESS_CHARACTERS_MAX),
        ("Netmask", ADDRESS_CHARACTERS_MAX),
        ("Speed", SPEED_CHARACTERS_MAX),
    ];
    let fields = fields
        .into_iter()
        .zip(typed)
        .map(|((label, most), typed)| Field::text(label, most).filled_with(typed));
    Dialog::form(page.label(), lines, fields.collect())
}

fn gateway_form(typed: &str) -> Dialog {
    let lines = vec!["Leave it empty for none.".to_owned()];
    let field = Field::text("Address", ADDRESS_CHARACTERS_MAX).filled_with(typed);
    Dialog::form(Page::Gateway.label(), lines, vec![field])
}

fn name_servers_form(typed: &[&str]) -> Dialog {
    let field = |number: usize| {
        let typed = typed.get(number).copied().unwrap_or_default();
        Field::text(format!("Name server {}", number + 1), ADDRESS_CHARACTERS_MAX).filled_with(typed)
    };
    let fields = (0..protocol::DNS_SERVERS_MAX).map(field).collect();
    Dialog::form(Page::NameServers.label(), Vec::new(), fields)
}

fn time_servers_form(typed: &str) -> Dialog {
    let lines = vec![format!(
        "At most {NTP_SERVERS_MAX} addresses or names, with blanks between them."
    )];
    let most = NTP_SERVERS_MAX * (SERVER_NAME_BYTES_MAX + 1);
    let field = Field::text("Servers", most).filled_with(typed);
    Dialog::form(Page::TimeServers.label(), lines, vec![field])
}

fn date_time_form(typed: &str) -> Dialog {
    let lines = vec!["yyyy/mm/dd HH:MM:SS, UTC".to_owned()];
    let field = Field::text("Date and time", DATE_TIME_CHARACTERS_MAX).filled_with(typed);
    Dialog::form(Page::DateTime.label(), lines, vec![field])
}

fn node_form(page: Page, typed: &str) -> Dialog {
    let field = Field::text("Address", NODE_CHARACTERS_MAX).filled_with(typed);
    Dialog::form(page.label(), Vec::new(), vec![field])
}
