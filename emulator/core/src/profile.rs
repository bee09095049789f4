//! What differs from one device to the next and never changes while it runs, and how a profile file says it. Values
//! only; no behaviour. The schema is in `docs/profiles.md`.

use core::{fmt, net::Ipv4Addr, time::Duration};
use std::sync::LazyLock;

use protocol::NetworkSettings;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::DerivationSettings;

/// Bytes of a profile file, at most.
pub const PROFILE_BYTES_MAX: usize = 65_536;
/// Characters of the hardware string, at most. Source: IN-01.
pub const HARDWARE_CHARACTERS_MAX: usize = 255;
/// Ethernet interfaces of a device, at most.
pub const INTERFACES_MAX: usize = 4;
/// The port that an address of HTTPS does not name.
pub const HTTPS_PORT: u16 = 443;
/// The longest limit that a profile may set, in seconds: a day.
pub const LIMIT_SECS_MAX: u64 = 86_400;

/// The device's identity, addresses and limits. Everything the requirements set in bold stands here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Which of the vendor's models it is.
    pub model: Model,
    /// Three letters and seven digits.
    #[serde(deserialize_with = "serial")]
    pub serial: String,
    /// Four dotted numbers.
    #[serde(deserialize_with = "firmware")]
    pub firmware: String,
    /// The hardware string, at most [`HARDWARE_CHARACTERS_MAX`] characters.
    #[serde(deserialize_with = "hardware")]
    pub hardware: String,
    /// How custodians or the owner prove themselves; with cards comes a local console.
    pub authentication: Authentication,
    /// The device's addresses out of the factory. What a manager reads with `network.get`.
    #[serde(deserialize_with = "network")]
    pub network: NetworkSettings,
    /// Bytes the database may take.
    pub database_bytes_max: u64,
    /// Whether the service starts by itself after activation. Source: LF-08.
    pub service_starts_after_activation: bool,
    /// How long things last.
    pub limits: Limits,
    /// What holds for the users of the database.
    pub users: UserPolicy,
    /// What one hash of a password costs.
    pub password_hash: DerivationSettings,
    /// What a return to factory mode leaves.
    pub factory_reset: FactoryReset,
    /// The HTTP console, if the device has one.
    pub http_console: Option<HttpConsole>,
}

/// The vendor's models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Model {
    /// For a rack.
    #[serde(rename = "CD")]
    Cd,
    /// For a rack.
    #[serde(rename = "XP")]
    Xp,
    /// For a rack.
    #[serde(rename = "ST")]
    St,
    /// Without a local console and without cards. Source: PK-01.
    Pocket,
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 4] = [Self::Cd, Self::Xp, Self::St, Self::Pocket];

    /// The vendor's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cd => "CD",
            Self::Xp => "XP",
            Self::St => "ST",
            Self::Pocket => "Pocket",
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a device is activated and administered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// By custodians with cards, at a local console or remotely. Remote management is enabled at the console.
    Cards,
    /// By the activation password. There is no console, and remote management is always enabled. Source: PK-01, PK-02.
    Password,
}

/// The device's limits, all measured on monotonic time. Source: RM-24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// A session without a complete line ends after this. Source: RM-07.
    #[serde(rename = "inactivity_secs", deserialize_with = "secs_over_zero")]
    pub inactivity: Duration,
    /// A process without another accepted card starts again after this. Source: AU-06.
    #[serde(rename = "interval_secs", deserialize_with = "secs_over_zero")]
    pub interval: Duration,
    /// Wrong activation passwords in a row before the wait, 1 to 100. Source: PK-03.
    #[serde(deserialize_with = "tries")]
    pub activation_tries: u32,
    /// How long no activation password is tried then. Source: PK-03.
    #[serde(rename = "activation_wait_secs", deserialize_with = "secs_over_zero")]
    pub activation_wait: Duration,
    /// From switching on to the first screen that takes keys. Ours.
    #[serde(rename = "start_secs", deserialize_with = "secs")]
    pub start: Duration,
    /// From an accepted restart or switch-off to the network going down. Ours.
    #[serde(rename = "stop_secs", deserialize_with = "secs")]
    pub stop: Duration,
}

/// What holds for users and their passwords. Source: HC-02.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPolicy {
    /// Wrong passwords in a row that block a user, 1 to 100.
    #[serde(deserialize_with = "tries")]
    pub login_tries: u32,
    /// Characters of a password, at least.
    pub password_characters_min: usize,
    /// Characters of a password, at most.
    pub password_characters_max: usize,
    /// The password of `master` until it is changed. It is printed in a public file, so it is no secret.
    pub factory_password: String,
}

/// What a return to factory mode leaves. The certificate and the log always stay (OP-06, LG-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactoryReset {
    /// Whether network settings that were changed stay.
    pub keeps_network: bool,
}

/// Where users find the HTTP console. Source: HC-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConsole {
    /// The port, [`HTTPS_PORT`] on the real device; 0 is one that is free.
    pub port: u16,
}

/// What is wrong with a profile file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProfile {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What was expected and what came.
    pub why: String,
}

impl fmt::Display for InvalidProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.why)
    }
}

impl core::error::Error for InvalidProfile {}

/// The texts of the built-in profiles, in the order of [`Model::ALL`].
const TEXTS: [&str; 4] = [
    include_str!("../../../profiles/cd.toml"),
    include_str!("../../../profiles/xp.toml"),
    include_str!("../../../profiles/st.toml"),
    include_str!("../../../profiles/pocket.toml"),
];

static BUILT_IN: LazyLock<[Profile; 4]> =
    LazyLock::new(|| TEXTS.map(|text| Profile::parse(text).expect("a test reads every built-in profile")));

impl Profile {
    /// Reads a profile file. Every field must be there and none may be unknown.
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        if text.len() > PROFILE_BYTES_MAX {
            return Err(at(
                text,
                0,
                format!("expected at most {PROFILE_BYTES_MAX} bytes, got more"),
            ));
        }
        let profile: Self = toml::from_str(text).map_err(|error| {
            at(
                text,
                error.span().map_or(0, |span| span.start),
                error.message().replace('\n', ", "),
            )
        })?;
        let policy = &profile.users;
        if policy.password_characters_min == 0
            || policy.password_characters_min > policy.password_characters_max
            || policy.password_characters_max > crate::PASSWORD_CHARACTERS_MAX
        {
            let start = text.find("password_characters_min").unwrap_or(0);
            let why = format!(
                "expected 1 ≤ `password_characters_min` ≤ `password_characters_max` ≤ {}",
                crate::PASSWORD_CHARACTERS_MAX
            );
            return Err(at(text, start, why));
        }
        Ok(profile)
    }

    /// The built-in profile of a model.
    pub fn of(model: Model) -> Self {
        BUILT_IN[model as usize].clone()
    }

    /// The text of a built-in profile.
    pub const fn text_of(model: Model) -> &'static str {
        TEXTS[model as usize]
    }

    /// A rack model CD.
    pub fn cd() -> Self {
        Self::of(Model::Cd)
    }

    /// A rack model XP.
    pub fn xp() -> Self {
        Self::of(Model::Xp)
    }

    /// A rack model ST.
    pub fn st() -> Self {
        Self::of(Model::St)
    }

    /// A Pocket.
    pub fn pocket() -> Self {
        Self::of(Model::Pocket)
    }

    /// Whether there is a local console, with a reader for cards. Source: PK-01.
    pub fn has_console(&self) -> bool {
        self.authentication == Authentication::Cards
    }
}

/// A place in a text as a person counts it.
fn at(text: &str, start: usize, why: String) -> InvalidProfile {
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |feed| feed + 1);
    InvalidProfile {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        why,
    }
}

fn serial<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let serial = String::deserialize(from)?;
    let is_serial = serial.len() == 10
        && serial.bytes().take(3).all(|byte| byte.is_ascii_uppercase())
        && serial.bytes().skip(3).all(|byte| byte.is_ascii_digit());
    if is_serial {
        Ok(serial)
    } else {
        Err(D::Error::custom(
            "expected three capital letters and seven digits, such as `TXP0000001`",
        ))
    }
}

fn firmware<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let firmware = String::deserialize(from)?;
    let numbers: Vec<_> = firmware.split('.').collect();
    if numbers.len() == 4 && numbers.iter().all(|number| number.parse::<u16>().is_ok()) {
        Ok(firmware)
    } else {
        Err(D::Error::custom(
            "expected four dotted numbers, such as `5.0.22.0`",
        ))
    }
}

fn hardware<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let hardware = String::deserialize(from)?;
    let is_short = hardware.chars().count() <= HARDWARE_CHARACTERS_MAX;
    if is_short && !hardware.chars().any(char::is_control) {
        Ok(hardware)
    } else {
        let why = format!("expected at most {HARDWARE_CHARACTERS_MAX} characters, none of them a control");
        Err(D::Error::custom(why))
    }
}

/// Settings that a device can have: sending them back to itself changes nothing.
fn network<'de, D: Deserializer<'de>>(from: D) -> Result<NetworkSettings, D::Error> {
    let network = Network::deserialize(from)?;
    let settings = NetworkSettings {
        interfaces: network.interfaces.into_iter().map(Into::into).collect(),
        gateway: network.gateway,
        dns: network.dns,
        ntp: network.ntp,
    };
    if !(1..=INTERFACES_MAX).contains(&settings.interfaces.len()) {
        return Err(D::Error::custom(format!(
            "expected 1 to {INTERFACES_MAX} interfaces"
        )));
    }
    let members = serde_json::to_value(&settings).map_err(D::Error::custom)?;
    let members = members.as_object().cloned().unwrap_or_default();
    settings.changed_by(&members).map_err(|errors| {
        let errors: Vec<_> = errors
            .0
            .iter()
            .map(|(place, why)| format!("`{place}`: {why}"))
            .collect();
        D::Error::custom(errors.join("; "))
    })
}

/// As in the file, where an unknown field is an error and a gateway may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    interfaces: Vec<Interface>,
    #[serde(default)]
    gateway: Option<Ipv4Addr>,
    dns: Vec<Ipv4Addr>,
    ntp: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Interface {
    name: String,
    mac: String,
    ip: Ipv4Addr,
    mask: Ipv4Addr,
    speed: String,
    up: bool,
}

impl From<Interface> for protocol::Interface {
    fn from(interface: Interface) -> Self {
        let Interface {
            name,
            mac,
            ip,
            mask,
            speed,
            up,
        } = interface;
        Self {
            name,
            mac,
            ip,
            mask,
            speed,
            up,
        }
    }
}

fn secs<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let secs = u64::deserialize(from)?;
    if secs <= LIMIT_SECS_MAX {
        Ok(Duration::from_secs(secs))
    } else {
        Err(D::Error::custom(format!(
            "expected at most {LIMIT_SECS_MAX} s, got {secs}"
        )))
    }
}

fn secs_over_zero<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let span = secs(from)?;
    if span.is_zero() {
        Err(D::Error::custom("expected at least 1 s, got 0"))
    } else {
        Ok(span)
    }
}

fn tries<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let tries = u32::deserialize(from)?;
    if (1..=100).contains(&tries) {
        Ok(tries)
    } else {
        Err(D::Error::custom(format!("expected 1 to 100 tries, got {tries}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XP: &str = Profile::text_of(Model::Xp);

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        assert_eq!(
            Profile::parse(text).expect_err("it is wrong").to_string(),
            expected
        );
    }

    #[test]
    fn every_built_in_profile_is_of_its_model() {
        for model in Model::ALL {
            let profile = Profile::parse(Profile::text_of(model)).expect("it is right");
            assert_eq!(profile.model, model);
            assert_eq!(profile.has_console(), model != Model::Pocket);
            assert_eq!(profile, Profile::of(model));
        }
    }

    /// Line and column of the first place in which two texts differ are where the error is.
    #[test]
    fn a_wrong_field_is_refused_where_it_stands() {
        check_refused(
            &XP.replace("serial = \"TXP0000001\"", "serial = \"TXP000001\""),
            "3:10: expected three capital letters and seven digits, such as `TXP0000001`",
        );
        check_refused(
            &XP.replace("firmware", "frimware"),
            "4:1: unknown field `frimware`, expected one of `model`, `serial`, `firmware`, `hardware`, \
             `authentication`, `network`, `database_bytes_max`, `service_starts_after_activation`, `limits`, \
             `users`, `password_hash`, `factory_reset`, `http_console`",
        );
        check_refused(
            &XP.replace("inactivity_secs = 120", "inactivity_secs = 0"),
            "33:19: expected at least 1 s, got 0",
        );
        check_refused(
            &XP.replace("model = \"XP\"", "model = \"XQ\""),
            "2:9: unknown variant `XQ`, expected one of `CD`, `XP`, `ST`, `Pocket`",
        );
        check_refused(
            &XP.replace("start_secs = 20", "start_secs = 86401"),
            "37:14: expected at most 86400 s, got 86401",
        );
        assert!(Profile::parse(&XP.replace("start_secs = 20", "start_secs = 86400")).is_ok());
        check_refused(
            &XP.replace("login_tries = 7", "login_tries = 101"),
            "41:15: expected 1 to 100 tries, got 101",
        );
        check_refused(
            &XP.replace("lanes = 1", "lanes = \"é\" \"x\""),
            "49:13: unexpected key or value, expected newline, `#`",
        );
    }

    #[test]
    fn an_http_console_has_a_port_or_is_not_there() {
        let with = |table: &str| Profile::parse(&format!("{XP}\n[http_console]\n{table}\n"));
        assert_eq!(Profile::xp().http_console, None);
        for port in [0, HTTPS_PORT, 65_535] {
            let profile = with(&format!("port = {port}")).expect("it is right");
            assert_eq!(profile.http_console, Some(HttpConsole { port }));
        }
        for (table, why) in [
            ("", "missing field `port`"),
            ("port = 65536", "invalid value: integer `65536`, expected u16"),
            ("port = 1\nname = \"x\"", "unknown field `name`, expected `port`"),
        ] {
            let refused = with(table).expect_err("it is wrong");
            assert_eq!(refused.why, why);
        }
    }

    #[test]
    fn a_missing_field_is_refused_where_its_table_begins() {
        check_refused(
            &XP.replace("interval_secs = 120\n", ""),
            "32:1: missing field `interval_secs`",
        );
        check_refused(
            &XP.replace("hardware = \"Dinamo XP (emulated)\"\n", ""),
            "1:1: missing field `hardware`",
        );
        check_refused(
            &XP.replace("mac = \"02:00:00:00:00:02\"\n", ""),
            "24:1: missing field `mac`",
        );
    }

    #[test]
    fn network_settings_that_contradict_each_other_are_refused() {
        check_refused(
            &XP.replace("gateway = \"192.0.2.1\"", "gateway = \"203.0.113.1\""),
            "11:1: `gateway`: the gateway 203.0.113.1 is in the network of no interface",
        );
        assert!(Profile::parse(&XP.replace("gateway = \"192.0.2.1\"\n", "")).is_ok());
    }

    #[test]
    fn what_can_grow_has_a_limit() {
        let hardware = |len: usize| XP.replace("Dinamo XP (emulated)", &"ß".repeat(len));
        assert!(Profile::parse(&hardware(HARDWARE_CHARACTERS_MAX)).is_ok());
        check_refused(
            &hardware(HARDWARE_CHARACTERS_MAX + 1),
            "5:12: expected at most 255 characters, none of them a control",
        );
        let password = |len: usize| {
            let limit = format!("password_characters_max = {len}");
            XP.replace("password_characters_max = 16", &limit)
        };
        assert!(Profile::parse(&password(crate::PASSWORD_CHARACTERS_MAX)).is_ok());
        check_refused(
            &password(crate::PASSWORD_CHARACTERS_MAX + 1),
            "42:1: expected 1 ≤ `password_characters_min` ≤ `password_characters_max` ≤ 128",
        );
        let end = XP.find("\n[limits]").expect("there are limits");
        let (before, behind) = XP.split_at(end);
        let there = before.matches("[[network.interfaces]]").count();
        let interfaces = |len: usize| {
            let more = (there..len).map(|number| {
                format!(
                    "\n[[network.interfaces]]\nname = \"Interface {}\"\nmac = \"02:00:00:00:00:1{number}\"\n\
                     ip = \"198.51.{number}.10\"\nmask = \"255.255.255.0\"\nspeed = \"auto\"\nup = true\n",
                    number + 1
                )
            });
            format!("{before}{}{behind}", more.collect::<String>())
        };
        let parsed = Profile::parse(&interfaces(INTERFACES_MAX)).expect("as many as there may be");
        assert_eq!(parsed.network.interfaces.len(), INTERFACES_MAX);
        check_refused(
            &interfaces(INTERFACES_MAX + 1),
            "11:1: expected 1 to 4 interfaces",
        );
    }

    #[test]
    fn a_file_has_a_size() {
        let padded = |len: usize| format!("{XP}#{}", "x".repeat(len - XP.len() - 1));
        assert!(Profile::parse(&padded(PROFILE_BYTES_MAX)).is_ok());
        assert!(Profile::parse(&padded(PROFILE_BYTES_MAX + 1)).is_err());
    }
}
