//! Known-answer tests of the algorithms that this device itself runs, at every start. Vectors are the standards'.

use aws_lc_rs::{digest, hmac};

use crate::key::gf256;

/// Whether every algorithm gives its known answer.
pub(crate) fn run() -> bool {
    sha_256() && hmac_sha_256() && field_of_256_elements()
}

fn sha_256() -> bool {
    // FIPS 180-2, appendix B.1: the digest of "abc" begins with these bytes.
    let known = [0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA];
    digest::digest(&digest::SHA256, b"abc")
        .as_ref()
        .starts_with(&known)
}

fn hmac_sha_256() -> bool {
    // RFC 4231, section 4.3 (test case 2).
    let known = [0x5B, 0xDC, 0xC1, 0x46, 0xBF, 0x60, 0x75, 0x4E];
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
    hmac::sign(&key, b"what do ya want for nothing?")
        .as_ref()
        .starts_with(&known)
}

fn field_of_256_elements() -> bool {
    // FIPS 197, section 4.2.
    gf256::multiply(0x57, 0x83) == 0xC1 && gf256::multiply(0x57, gf256::invert(0x57)) == 1
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_algorithm_gives_its_known_answer() {
        assert!(super::sha_256());
        assert!(super::hmac_sha_256());
        assert!(super::field_of_256_elements());
    }
}
