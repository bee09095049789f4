//! Where a device is, as its user writes it. Resolves no name.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

/// The port of management. Source: RM-04.
const PORT: u16 = 4433;

/// An address or a name, and a port. Prints in the one form under which the device is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// The emulator's own.
impl Default for Address {
    fn default() -> Self {
        Self {
            host: Host::Ip(Ipv4Addr::LOCALHOST.into()),
            port: PORT,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    /// In lower case.
    Name(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// A text that is no address of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidAddress;

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected `ADDRESS`, `NAME`, `ADDRESS:PORT`, `NAME:PORT` or `[IPV6]:PORT`")
    }
}

impl std::error::Error for InvalidAddress {}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self {
                host: Host::Ip(ip),
                port: PORT,
            });
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(Self {
                host: Host::Ip(socket.ip()),
                port: socket.port(),
            });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| InvalidAddress)?),
            None => (text, PORT),
        };
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        // `1.2.3` and `1.2.3.400` are slips, not names.
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !is_name || is_number {
            return Err(InvalidAddress);
        }
        Ok(Self {
            host: Host::Name(name.to_ascii_lowercase()),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_has_one_form() {
        for (text, form) in [
            ("127.0.0.1", "127.0.0.1:4433"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("::1", "[::1]:4433"),
            ("[::1]", "[::1]:4433"),
            ("[0:0::1]:5000", "[::1]:5000"),
            ("HSM-1.example", "hsm-1.example:4433"),
            ("localhost:1", "localhost:1"),
        ] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()),
                Ok(form.into())
            );
        }
    }

    #[test]
    fn slips_are_no_names() {
        for text in [
            "",
            ":1",
            "a:",
            "a:b",
            "a:70000",
            "1.2.3",
            "1.2.3.400",
            "a b",
            "a:1:2",
            "hsm\n",
        ] {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text:?}");
        }
    }
}
