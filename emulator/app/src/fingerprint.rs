//! The fingerprint that a manager may be given to know the device by.

use std::fmt::Write as _;

use aws_lc_rs::digest;

/// SHA-256 of a certificate's DER: 32 upper-case hexadecimal bytes between colons, as
/// `openssl x509 -fingerprint -sha256` prints it.
pub fn fingerprint(certificate: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, certificate);
    let mut text = String::new();
    for (index, byte) in digest.as_ref().iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("a String takes everything");
    }
    text
}
