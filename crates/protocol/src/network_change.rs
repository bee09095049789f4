//! What a network setting may be: the changes of one `network.set`, each checked by itself and with the others. Knows
//! no device and changes nothing in place.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Error, ErrorName, Interface, NetworkSettings};

/// Name servers, at most. Source: NW-01.
pub const DNS_SERVERS_MAX: usize = 2;
/// Time servers, at most. Source: NW-01.
pub const NTP_SERVERS_MAX: usize = 16;
/// Bytes of a time server's name, at most: those of any name in the DNS.
pub const SERVER_NAME_BYTES_MAX: usize = 253;
/// What an interface's speed can be set to: `auto`, or Mb/s.
const SPEEDS: [&str; 4] = ["auto", "10", "100", "1000"];

/// What is wrong with each field, by its place: `gateway`, `interfaces.0.mask`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(pub BTreeMap<String, String>);

impl FieldErrors {
    /// The answer to the request: -32602, with an error per field in `data.fields`. Source: NW-03.
    pub fn into_error(self) -> Error {
        let places: Vec<_> = self.0.keys().map(|place| format!("`{place}`")).collect();
        let fields: Map<String, Value> = self
            .0
            .into_iter()
            .map(|(place, why)| (place, why.into()))
            .collect();
        ErrorName::InvalidParams
            .into_error()
            .saying(format!(
                "the network settings are not valid, and nothing was changed: {}",
                places.join(", ")
            ))
            .with("fields", fields)
    }

    fn add(&mut self, place: impl Into<String>, why: impl Into<String>) {
        self.0.entry(place.into()).or_insert_with(|| why.into());
    }

    /// The value, or nothing and one error more.
    fn check<T>(&mut self, place: impl Into<String>, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|why| self.add(place, why)).ok()
    }
}

impl NetworkSettings {
    /// These settings with the given members changed; members that are not given stay. `interfaces` is a list of
    /// changes, each with the `name` of an interface and what is to change of `ip`, `mask` and `speed`.
    //= NW-03
    pub fn changed_by(&self, members: &Map<String, Value>) -> Result<Self, FieldErrors> {
        let mut changed = self.clone();
        let mut errors = FieldErrors::default();
        match members.get("interfaces") {
            None => {}
            Some(Value::Array(changes)) => {
                for (index, change) in changes.iter().enumerate() {
                    change_interface(&mut changed, &changes[..index], index, change, &mut errors);
                }
            }
            Some(_) => errors.add("interfaces", "expected a list"),
        }
        match members.get("gateway") {
            None => {}
            Some(Value::Null) => changed.gateway = None,
            Some(value) => {
                if let Some(gateway) = errors.check("gateway", host(value)) {
                    changed.gateway = Some(gateway);
                }
            }
        }
        if let Some(dns) = servers(members, "dns", DNS_SERVERS_MAX, host, &mut errors) {
            changed.dns = dns;
        }
        if let Some(ntp) = servers(members, "ntp", NTP_SERVERS_MAX, time_server, &mut errors) {
            changed.ntp = ntp;
        }
        changed.check_together(members, &mut errors);
        if errors.0.is_empty() {
            Ok(changed)
        } else {
            Err(errors)
        }
    }

    /// What only shows when all are there: told at the member that was given, so that whoever changed it sees it.
    fn check_together(&self, members: &Map<String, Value>, errors: &mut FieldErrors) {
        for (number, interface) in self.interfaces.iter().enumerate() {
            let place = members
                .get("interfaces")
                .and_then(Value::as_array)
                .and_then(|changes| {
                    changes
                        .iter()
                        .position(|change| change["name"] == *interface.name)
                })
                .map_or("interfaces".into(), |index| format!("interfaces.{index}.ip"));
            if !is_host_of_its_network(interface) {
                let why = format!(
                    "{} is not the address of a host with mask {}",
                    interface.ip, interface.mask
                );
                errors.add(&place, why);
            }
            if self.interfaces[..number]
                .iter()
                .any(|other| other.ip == interface.ip)
            {
                errors.add(
                    &place,
                    format!("{} is the address of another interface", interface.ip),
                );
            }
        }
        if let Some(gateway) = self.gateway {
            let place = if members.contains_key("gateway") {
                "gateway"
            } else {
                "interfaces"
            };
            let is_near =
                |interface: &Interface| network(interface) == gateway.to_bits() & interface.mask.to_bits();
            if !self.interfaces.iter().any(is_near) {
                errors.add(
                    place,
                    format!("the gateway {gateway} is in the network of no interface"),
                );
            } else if self.interfaces.iter().any(|interface| interface.ip == gateway) {
                errors.add(
                    place,
                    format!("the gateway {gateway} is the address of the device itself"),
                );
            }
        }
    }
}

fn change_interface(
    changed: &mut NetworkSettings,
    earlier: &[Value],
    index: usize,
    change: &Value,
    errors: &mut FieldErrors,
) {
    let Value::Object(members) = change else {
        return errors.add(format!("interfaces.{index}"), "expected an object with a `name`");
    };
    let names: Vec<_> = changed
        .interfaces
        .iter()
        .map(|interface| format!("`{}`", interface.name))
        .collect();
    let name = members.get("name").and_then(Value::as_str);
    let found = changed
        .interfaces
        .iter_mut()
        .find(|interface| Some(interface.name.as_str()) == name);
    let Some(interface) = found else {
        let expected = format!("expected {}", names.join(" or "));
        return errors.add(format!("interfaces.{index}.name"), expected);
    };
    if earlier.iter().any(|other| other["name"] == *interface.name) {
        return errors.add(format!("interfaces.{index}.name"), "the interface is named twice");
    }
    if let Some(value) = members.get("ip")
        && let Some(ip) = errors.check(format!("interfaces.{index}.ip"), host(value))
    {
        interface.ip = ip;
    }
    if let Some(value) = members.get("mask")
        && let Some(mask) = errors.check(format!("interfaces.{index}.mask"), mask(value))
    {
        interface.mask = mask;
    }
    if let Some(value) = members.get("speed")
        && let Some(speed) = errors.check(format!("interfaces.{index}.speed"), speed(value))
    {
        interface.speed = speed;
    }
    // They belong to the socket and its cable; a client that sends back what it read may name them.
    for (member, is) in [
        ("mac", Value::from(interface.mac.as_str())),
        ("up", interface.up.into()),
    ] {
        if members.get(member).is_some_and(|value| *value != is) {
            errors.add(format!("interfaces.{index}.{member}"), "cannot be changed");
        }
    }
}

fn servers<T>(
    members: &Map<String, Value>,
    place: &str,
    servers_max: usize,
    read: impl Fn(&Value) -> Result<T, String>,
    errors: &mut FieldErrors,
) -> Option<Vec<T>> {
    let Value::Array(values) = members.get(place)? else {
        errors.add(place, "expected a list");
        return None;
    };
    if values.len() > servers_max {
        errors.add(
            place,
            format!("expected at most {servers_max}, got {}", values.len()),
        );
        return None;
    }
    // All of them are looked at, so that each wrong one is named.
    let read: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(index, value)| errors.check(format!("{place}.{index}"), read(value)))
        .collect();
    read.into_iter().collect()
}

fn address(value: &Value) -> Result<Ipv4Addr, String> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| "expected an IPv4 address, such as `192.0.2.10`".into())
}

/// An address that a computer in a network can have.
fn host(value: &Value) -> Result<Ipv4Addr, String> {
    let address = address(value)?;
    let is_host = address.octets()[0] != 0
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_broadcast()
        && address.octets()[0] < 240;
    is_host
        .then_some(address)
        .ok_or_else(|| format!("{address} is not the address of a host"))
}

fn mask(value: &Value) -> Result<Ipv4Addr, String> {
    let mask = address(value)?;
    let ones = mask.to_bits().leading_ones();
    let is_mask = mask.to_bits().count_ones() == ones && (1..=30).contains(&ones);
    is_mask
        .then_some(mask)
        .ok_or_else(|| format!("{mask} is not a netmask of 1 to 30 bits, such as `255.255.255.0`"))
}

fn speed(value: &Value) -> Result<String, String> {
    let known = value.as_str().filter(|speed| SPEEDS.contains(speed));
    known
        .map(str::to_owned)
        .ok_or_else(|| "expected `auto`, `10`, `100` or `1000`".into())
}

/// An IPv4 address, or a name of the DNS.
fn time_server(value: &Value) -> Result<String, String> {
    if value
        .as_str()
        .is_some_and(|text| text.parse::<Ipv4Addr>().is_ok())
    {
        return host(value).map(|address| address.to_string());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name of figures and dots alone is an address with a mistake.
    let is_name = |text: &&str| {
        text.len() <= SERVER_NAME_BYTES_MAX
            && text.split('.').all(is_label)
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let name = value.as_str().filter(is_name);
    name.map(str::to_owned)
        .ok_or_else(|| "expected an IPv4 address or the name of a computer".into())
}

fn network(interface: &Interface) -> u32 {
    interface.ip.to_bits() & interface.mask.to_bits()
}

fn is_host_of_its_network(interface: &Interface) -> bool {
    let (host, mask) = (
        interface.ip.to_bits() & !interface.mask.to_bits(),
        interface.mask.to_bits(),
    );
    host != 0 && host != !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings() -> NetworkSettings {
        let interface = |number: u8, ip| Interface {
            name: format!("Interface {number}"),
            mac: format!("02:00:00:00:00:{number:02X}"),
            ip,
            mask: Ipv4Addr::new(255, 255, 255, 0),
            speed: "auto".into(),
            up: number == 1,
        };
        NetworkSettings {
            interfaces: vec![
                interface(1, Ipv4Addr::new(192, 0, 2, 10)),
                interface(2, Ipv4Addr::new(198, 51, 100, 10)),
            ],
            gateway: Some(Ipv4Addr::new(192, 0, 2, 1)),
            dns: vec![Ipv4Addr::new(192, 0, 2, 53)],
            ntp: vec!["192.0.2.123".into()],
        }
    }

    fn changed(members: &Value) -> Result<NetworkSettings, Vec<String>> {
        let members = members.as_object().expect("an object");
        let changed = settings().changed_by(members);
        changed.map_err(|errors| errors.0.into_keys().collect())
    }

    fn check_refused(members: &Value, places: &[&str]) {
        assert_eq!(changed(members).expect_err("it is wrong"), places, "{members}");
    }

    #[test]
    fn what_is_given_changes_and_the_rest_stays() {
        let members = json!({
            "interfaces": [{"name": "Interface 1", "ip": "203.0.113.7", "mask": "255.255.255.128"}],
            "gateway": "203.0.113.1",
        });
        let changed = changed(&members).expect("it is right");
        assert_eq!(changed.interfaces[0].ip, Ipv4Addr::new(203, 0, 113, 7));
        assert_eq!(changed.interfaces[0].mask, Ipv4Addr::new(255, 255, 255, 128));
        assert_eq!(changed.interfaces[1], settings().interfaces[1]);
        assert_eq!(changed.gateway, Some(Ipv4Addr::new(203, 0, 113, 1)));
        assert_eq!((changed.dns, changed.ntp), (settings().dns, settings().ntp));
    }

    #[test]
    fn settings_that_were_read_can_be_sent_back() {
        let members = serde_json::to_value(settings()).expect("JSON");
        assert_eq!(changed(&members), Ok(settings()));
        assert_eq!(
            changed(&json!({"gateway": null})).map(|changed| changed.gateway),
            Ok(None)
        );
    }

    //= NW-03
    #[test]
    fn every_wrong_field_is_named() {
        let members = json!({
            "interfaces": [
                {"name": "Interface 1", "ip": "192.0.2.256", "mask": "255.0.255.0", "speed": "11", "up": false},
                {"name": "Interface 3"},
                7,
                {"name": "Interface 1"},
            ],
            "gateway": "224.0.0.1",
            "dns": ["192.0.2.53", "x"],
            "ntp": ["-", "1.2.3", "pool.example.org"],
        });
        check_refused(
            &members,
            &[
                "dns.1",
                "gateway",
                "interfaces.0.ip",
                "interfaces.0.mask",
                "interfaces.0.speed",
                "interfaces.0.up",
                "interfaces.1.name",
                "interfaces.2",
                "interfaces.3.name",
                "ntp.0",
                "ntp.1",
            ],
        );
        check_refused(
            &json!({"interfaces": {}, "dns": "192.0.2.53"}),
            &["dns", "interfaces"],
        );
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let ip = |ip: &str| json!({"interfaces": [{"name": "Interface 1", "ip": ip}]});
        check_refused(&ip("192.0.2.255"), &["interfaces.0.ip"]);
        check_refused(&ip("192.0.2.0"), &["interfaces.0.ip"]);
        check_refused(&ip("203.0.113.7"), &["interfaces"]);
        check_refused(&ip("192.0.2.1"), &["interfaces"]);
        check_refused(&json!({"gateway": "203.0.113.1"}), &["gateway"]);
        check_refused(&json!({"gateway": "192.0.2.10"}), &["gateway"]);
        let second = json!({"interfaces": [{"name": "Interface 2", "ip": "192.0.2.10"}]});
        check_refused(&second, &["interfaces.0.ip"]);
    }

    #[test]
    fn addresses_that_no_host_has_are_refused() {
        for address in [
            "0.0.0.1",
            "127.0.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "",
            "::1",
        ] {
            check_refused(&json!({"dns": [address]}), &["dns.0"]);
        }
        for mask in ["0.0.0.0", "255.255.255.254", "255.255.255.255", "255.255.0.255"] {
            let members = json!({"interfaces": [{"name": "Interface 2", "mask": mask}]});
            check_refused(&members, &["interfaces.0.mask"]);
        }
    }

    #[test]
    fn lists_have_their_limits() {
        let dns = |len: usize| json!({"dns": vec!["192.0.2.53"; len]});
        assert!(changed(&dns(DNS_SERVERS_MAX)).is_ok());
        check_refused(&dns(DNS_SERVERS_MAX + 1), &["dns"]);
        let ntp = |len: usize| json!({"ntp": vec!["ntp.example.org"; len]});
        assert!(changed(&ntp(NTP_SERVERS_MAX)).is_ok());
        check_refused(&ntp(NTP_SERVERS_MAX + 1), &["ntp"]);
        let named = |len: usize| json!({"ntp": [format!("{}a", "a.".repeat(len / 2))]});
        assert!(changed(&named(SERVER_NAME_BYTES_MAX)).is_ok());
        check_refused(&named(SERVER_NAME_BYTES_MAX + 2), &["ntp.0"]);
    }
}
