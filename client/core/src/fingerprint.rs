//! The fingerprint of a device's certificate. Knows no trust; see `tls.rs`.

use core::{fmt, str::FromStr};

/// SHA-256 of the DER of the end-entity certificate. Prints as 32 upper-case hexadecimal bytes between colons, as
/// `openssl x509 -fingerprint -sha256` does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The fingerprint of a certificate, given as DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        Self(digest.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A text that is not 32 upper-case hexadecimal bytes between colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFingerprint;

impl fmt::Display for InvalidFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("read fingerprint: expected 32 upper-case hexadecimal bytes between colons, `AB:01:…`")
    }
}

impl core::error::Error for InvalidFingerprint {}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Reads the printed form and no other: one value has one text, so texts can be compared too.
    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let mut bytes = [0; 32];
        let mut words = text.split(':');
        for byte in &mut bytes {
            let word = words.next().ok_or(InvalidFingerprint)?;
            let decoded = data_encoding::HEXUPPER
                .decode(word.as_bytes())
                .map_err(|_| InvalidFingerprint)?;
            let [decoded] = decoded[..] else {
                return Err(InvalidFingerprint);
            };
            *byte = decoded;
        }
        match words.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(InvalidFingerprint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '' | sha256sum`.
    const OF_NOTHING: &str =
        "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";

    #[test]
    fn prints_as_openssl_does_and_is_read_back() {
        let fingerprint = Fingerprint::of_certificate(b"");
        assert_eq!(fingerprint.to_string(), OF_NOTHING);
        assert_eq!(OF_NOTHING.parse(), Ok(fingerprint));
    }

    #[test]
    fn no_other_text_is_read() {
        for text in [
            "",
            &OF_NOTHING[3..],
            &format!("{OF_NOTHING}:00"),
            &format!("{OF_NOTHING}:"),
            &format!(" {OF_NOTHING}"),
            &OF_NOTHING.to_lowercase(),
            &OF_NOTHING.replace(':', ""),
            &OF_NOTHING.replace("E3:", "E3C:"),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(InvalidFingerprint), "{text}");
        }
    }
}
