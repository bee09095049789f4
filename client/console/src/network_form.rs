//! The dialog in which the network settings of a Pocket are changed, a line a setting, each with what the device says
//! about it. Judges no setting and sends nothing.

use protocol::{Error, NTP_SERVERS_MAX, NetworkSettings, SERVER_NAME_BYTES_MAX};
use serde_json::{Map, Value};

use crate::entry::Entry;

/// Bytes of a line: room for as many time servers as a device takes.
const LINE_BYTES_MAX: usize = NTP_SERVERS_MAX * (SERVER_NAME_BYTES_MAX + 2);

/// A setting that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A member of the interface with this number.
    Interface(usize, &'static str),
    Gateway,
    /// A list, with commas in between.
    Servers(&'static str),
}

/// A setting as it is typed.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    place: Place,
    pub(crate) label: String,
    /// As the device has it.
    before: String,
    pub(crate) entry: Entry,
    /// What the device says about it.
    pub(crate) error: Option<String>,
}

/// All that can be changed.
#[derive(Clone, Debug)]
pub(crate) struct NetworkForm {
    /// Names of the interfaces.
    names: Vec<String>,
    pub(crate) fields: Vec<Field>,
    /// What the device says about none of the fields.
    pub(crate) others: Vec<String>,
    /// The numbers of the interfaces in the order in which they were sent.
    sent: Vec<usize>,
}

impl NetworkForm {
    pub(crate) fn new(settings: &NetworkSettings) -> Self {
        let mut fields = Vec::new();
        for (number, interface) in settings.interfaces.iter().enumerate() {
            for (member, label, value) in [
                ("ip", "address", interface.ip.to_string()),
                ("mask", "netmask", interface.mask.to_string()),
                ("speed", "speed", interface.speed.clone()),
            ] {
                let label = format!("{} {label}", interface.name);
                fields.push(Field::new(Place::Interface(number, member), label, value));
            }
        }
        let gateway = settings
            .gateway
            .map_or(String::new(), |gateway| gateway.to_string());
        let dns: Vec<_> = settings.dns.iter().map(ToString::to_string).collect();
        fields.extend([
            Field::new(Place::Gateway, "Gateway".into(), gateway),
            Field::new(Place::Servers("dns"), "DNS".into(), dns.join(", ")),
            Field::new(Place::Servers("ntp"), "NTP".into(), settings.ntp.join(", ")),
        ]);
        Self {
            names: settings
                .interfaces
                .iter()
                .map(|interface| interface.name.clone())
                .collect(),
            fields,
            others: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// What was typed over, as members of `network.set`; what is not named stays.
    //= NW-03
    pub(crate) fn changes(&mut self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut interfaces: Vec<Value> = Vec::new();
        self.sent.clear();
        self.others.clear();
        for field in &mut self.fields {
            field.error = None;
            let text = field.entry.text().trim();
            if text == field.before {
                continue;
            }
            match field.place {
                Place::Interface(number, member) => {
                    if self.sent.last() != Some(&number) {
                        self.sent.push(number);
                        interfaces.push(serde_json::json!({"name": self.names[number]}));
                    }
                    let last = interfaces.last_mut().expect("one was pushed with its number");
                    last[member] = text.into();
                }
                Place::Gateway => {
                    let gateway = Some(text).filter(|text| !text.is_empty());
                    members.insert("gateway".into(), gateway.into());
                }
                Place::Servers(name) => {
                    let servers = text.split(',').map(str::trim).filter(|server| !server.is_empty());
                    members.insert(name.into(), servers.collect());
                }
            }
        }
        if !interfaces.is_empty() {
            members.insert("interfaces".into(), interfaces.into());
        }
        members
    }

    /// Puts what the device says beside the settings that it is about; the first of these, or `None` if it says nothing
    /// about any setting.
    pub(crate) fn take_errors(&mut self, error: &Error) -> Option<usize> {
        let errors = error.data.get("fields").and_then(Value::as_object)?;
        for (place, why) in errors {
            let why = why.as_str().unwrap_or("not valid").to_owned();
            let mut parts = place.split('.');
            let (first, number, member) = (parts.next(), parts.next(), parts.next());
            let number: Option<usize> = number.and_then(|number| number.parse().ok());
            let sent = number.and_then(|number| self.sent.get(number).copied());
            let found = self.fields.iter_mut().find(|field| match field.place {
                Place::Interface(interface, name) => {
                    first == Some("interfaces") && sent == Some(interface) && member == Some(name)
                }
                Place::Gateway => first == Some("gateway"),
                Place::Servers(name) => first == Some(name),
            });
            match (found, number) {
                // One sentence is as much as there is room for.
                (Some(field), Some(number)) if matches!(field.place, Place::Servers(_)) => {
                    let why = format!("number {}: {why}", number + 1);
                    field.error.get_or_insert(why);
                }
                (Some(field), _) => field.error = Some(why),
                (None, _) => self.others.push(format!("{place}: {why}")),
            }
        }
        let wrong = self.fields.iter().position(|field| field.error.is_some());
        Some(wrong.unwrap_or(0))
    }
}

impl Field {
    fn new(place: Place, label: String, value: String) -> Self {
        Self {
            place,
            label,
            entry: Entry::long(&value, LINE_BYTES_MAX),
            before: value,
            error: None,
        }
    }
}
