//! Where a device says that its HTTP console is. Checks it before it goes to a program of this station; opens nothing.

use core::fmt;

/// Bytes of the longest address that is taken.
pub const WEB_ADDRESS_BYTES_MAX: usize = 2_048;

/// An `https://` address of printable ASCII, without anything that a shell or a browser's command line would take for
/// something else. Source: HT-01.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(String);

impl WebAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the device named is not to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidWebAddress;

impl fmt::Display for InvalidWebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "open the HTTP console: expected an `https://` address, got another text; nothing was opened",
        )
    }
}

impl core::error::Error for InvalidWebAddress {}

//= HT-01
impl TryFrom<&str> for WebAddress {
    type Error = InvalidWebAddress;

    fn try_from(text: &str) -> Result<Self, InvalidWebAddress> {
        let rest = text.strip_prefix("https://").ok_or(InvalidWebAddress)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // No name of a user before the host, which would show another host than the one that is opened.
        let is_host = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!+,;=%&".contains(&byte));
        if is_host && is_plain && text.len() <= WEB_ADDRESS_BYTES_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWebAddress)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_https_address_is_opened() {
        for text in [
            "https://192.0.2.10/",
            "https://[2001:db8::1]:8443/login?a=b&c=%20",
            "https://hsm-1.example",
        ] {
            assert_eq!(
                WebAddress::try_from(text).map(|address| address.to_string()),
                Ok(text.into())
            );
        }
        for text in [
            "",
            "http://192.0.2.10/",
            "HTTPS://192.0.2.10/",
            "file:///etc/passwd",
            "--help",
            "https://",
            "https:///etc",
            "https://trusted@evil.example/",
            "https://a/ b",
            "https://a/\"x",
            "https://a/$(id)",
            "https://a/`id`",
            "https://a/\u{1b}[2J",
            "https://a/\u{202e}",
            "https://a\\b/",
        ] {
            assert_eq!(WebAddress::try_from(text), Err(InvalidWebAddress), "{text:?}");
        }
    }

    #[test]
    fn an_address_has_a_longest_length() {
        let mut text = String::from("https://a/");
        text.extend(core::iter::repeat_n('x', WEB_ADDRESS_BYTES_MAX - text.len()));
        assert!(WebAddress::try_from(text.as_str()).is_ok());
        text.push('x');
        assert_eq!(WebAddress::try_from(text.as_str()), Err(InvalidWebAddress));
    }
}
