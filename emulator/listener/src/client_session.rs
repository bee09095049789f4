//! The first bytes of a client session of the HSM service, and the error they are answered with until sessions are
//! served. Source: the vendor's ISC-licensed client library (npm `@dinamonetworks/hsm-dinamo` 4.9.1).

use protocol::ServiceState;

/// The hello: 0x48454C4F in little-endian order.
pub(crate) const HELLO: [u8; 4] = [0x4F, 0x4C, 0x45, 0x48];

/// The answer: an error message with the vendor's number for the reason, its top bit set.
pub(crate) fn error_message(service: ServiceState) -> [u8; 8] {
    /// `D_ERR_SERVER_NOT_STARTED`.
    const NOT_STARTED: u32 = 5702;
    /// `D_ERR_NOT_IMPLEMENTED`.
    const NOT_IMPLEMENTED: u32 = 5019;
    let number = match service {
        ServiceState::Stopped => NOT_STARTED,
        ServiceState::Running => NOT_IMPLEMENTED,
    };
    let mut message = [0xFF; 8];
    message[4..].copy_from_slice(&(number | 0x8000_0000).to_le_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_protocol_page() {
        let stopped = [0xFF, 0xFF, 0xFF, 0xFF, 0x46, 0x16, 0x00, 0x80];
        assert_eq!(error_message(ServiceState::Stopped), stopped);
        let running = [0xFF, 0xFF, 0xFF, 0xFF, 0x9B, 0x13, 0x00, 0x80];
        assert_eq!(error_message(ServiceState::Running), running);
    }
}
