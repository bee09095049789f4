//! A station against a rustls server in memory: whom it trusts, what it says before that, and that no bytes harm it.

use std::{
    io::{Read, Write},
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion, pki_types::PrivateKeyDer};

use super::*;
use protocol::{ManagerRequest, Method};

use crate::{Fingerprint, Secured, TlsError, Trust};

const OPENED: &[u8] = br#"{"jsonrpc":"2.0","method":"session.opened","params":{"protocol":1,"ceremony":null,"header":{"service":"running","model":"CD","serial":"TCA0000001","firmware":"5.0.22.1","ip":"10.0.0.1","mode":"NRM"}}}
"#;

static IDENTITY: LazyLock<rcgen::CertifiedKey<rcgen::KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(vec!["TCA0000001".into()]).unwrap());

fn fingerprint() -> Fingerprint {
    Fingerprint::of_certificate(IDENTITY.cert.der())
}

/// The device's end, with another key than the certificate's if that is asked for.
fn device(versions: &[&'static SupportedProtocolVersion]) -> ServerConnection {
    let key = PrivateKeyDer::Pkcs8(IDENTITY.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![IDENTITY.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![protocol::ALPN.to_vec()];
    ServerConnection::new(Arc::new(config)).unwrap()
}

/// A device and a station with nothing but a wire between them.
struct Wire {
    device: ServerConnection,
    station: Connection,
    /// The plaintext that reached the device.
    at_device: Vec<u8>,
    notices: Vec<Notice>,
    is_disconnected: bool,
}

impl Wire {
    fn new(trust: Trust, versions: &[&'static SupportedProtocolVersion]) -> Self {
        Self {
            device: device(versions),
            station: Connection::new(&TlsClientConfig::new(trust)),
            at_device: Vec::new(),
            notices: Vec::new(),
            is_disconnected: false,
        }
    }

    /// Carries bytes both ways until nobody has any more.
    fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(output) = self.station.poll_output() {
                moved = true;
                match output {
                    ConnectionOutput::Transmit(bytes) => {
                        let mut rest = &bytes[..];
                        while !rest.is_empty() && self.device.read_tls(&mut rest).unwrap() > 0 {
                            let _ = self.device.process_new_packets();
                        }
                        let _ = self.device.reader().read_to_end(&mut self.at_device);
                    }
                    ConnectionOutput::Disconnect => self.is_disconnected = true,
                    ConnectionOutput::Station(StationOutput::Notice(notice)) => self.notices.push(notice),
                    ConnectionOutput::Line { .. } => {}
                    ConnectionOutput::Station(other) => panic!("no dialog was begun: {other:?}"),
                    ConnectionOutput::Told(told) => panic!("nobody traces: {told:?}"),
                }
            }
            let mut bytes = Vec::new();
            while self.device.wants_write() {
                self.device.write_tls(&mut bytes).unwrap();
            }
            if !bytes.is_empty() {
                moved = true;
                self.station.handle_input(ConnectionInput::Received(bytes));
            }
            if !moved {
                return;
            }
        }
    }

    fn device_says(&mut self, plaintext: &[u8]) {
        self.device.writer().write_all(plaintext).unwrap();
        self.run();
    }

    fn ask(&mut self, request: ManagerRequest) {
        self.station
            .handle_input(ConnectionInput::Station(StationInput::Ask(request)));
        self.run();
    }
}

#[track_caller]
fn check_handshake(trust: Trust, versions: &[&'static SupportedProtocolVersion], expected: &Secured) {
    let mut wire = Wire::new(trust, versions);
    wire.run();
    assert_eq!(wire.notices, [Notice::Secured(expected.clone())]);
    assert_eq!(wire.device.alpn_protocol(), Some(protocol::ALPN));
    wire.device_says(OPENED);
    assert!(matches!(wire.notices[1..], [Notice::Opened { .. }]));
    assert_eq!(wire.at_device, b"");
    wire.ask(ManagerRequest::Header);
    let line = b"{\"id\":0,\"jsonrpc\":\"2.0\",\"method\":\"device.header\"}\n";
    assert_eq!(wire.at_device, line);
}

//= CL-06
#[test]
fn the_pinned_device_and_a_first_one_are_trusted_and_their_fingerprint_is_told() {
    let secured = |version, cipher_suite: &str| Secured {
        fingerprint: fingerprint(),
        cipher_suite: cipher_suite.into(),
        version,
    };
    let tls13 = secured("TLSv1.3", "TLS_AES_256_GCM_SHA384");
    let tls12 = secured("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    for trust in [Trust::Pinned(fingerprint()), Trust::FirstUse] {
        check_handshake(trust, rustls::ALL_VERSIONS, &tls13);
        check_handshake(trust, &[&rustls::version::TLS12], &tls12);
    }
}

//= CL-06
#[test]
fn a_changed_fingerprint_ends_the_attempt_before_the_first_line_and_both_are_told() {
    let pinned = Fingerprint::from_bytes([0xAB; 32]);
    for versions in [rustls::ALL_VERSIONS, &[&rustls::version::TLS12]] {
        let mut wire = Wire::new(Trust::Pinned(pinned), versions);
        wire.run();
        wire.ask(ManagerRequest::Header);
        let presented = fingerprint();
        let why = TlsError::FingerprintChanged { pinned, presented };
        let text = why.to_string();
        assert!(text.contains(&pinned.to_string()) && text.contains(&presented.to_string()));
        let (act, not_open) = (Method::Header, crate::NotSent::Over);
        assert_eq!(
            wire.notices,
            [
                Notice::FingerprintChanged { pinned, presented },
                Notice::Ended {
                    ending: Ending::Tls(why)
                },
                Notice::NotSent { act, why: not_open },
            ]
        );
        assert!(wire.is_disconnected && wire.device.is_handshaking());
        assert_eq!(wire.at_device, b"");
    }
}

/// Signs with a key of its own whatever certificate it shows.
#[derive(Debug)]
struct Impostor(Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Impostor {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[test]
fn the_right_certificate_without_its_key_is_not_trusted() {
    let other = rcgen::KeyPair::generate().unwrap();
    let key = PrivateKeyDer::Pkcs8(other.serialize_der().into());
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![IDENTITY.cert.der().clone()], key);
    let shown = Arc::new(Impostor(Arc::new(shown)));
    for versions in [rustls::ALL_VERSIONS, &[&rustls::version::TLS12]] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![protocol::ALPN.to_vec()];
        let mut wire = Wire::new(Trust::Pinned(fingerprint()), versions);
        wire.device = ServerConnection::new(Arc::new(config)).unwrap();
        wire.run();
        let bad_signature = rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature);
        let ending = Ending::Tls(TlsError::Protocol(bad_signature));
        assert_eq!(wire.notices, [Notice::Ended { ending }]);
        assert_eq!(wire.at_device, b"");
    }
}

fn opened() -> Wire {
    let mut wire = Wire::new(Trust::FirstUse, rustls::ALL_VERSIONS);
    wire.run();
    wire.device_says(OPENED);
    wire.notices.clear();
    wire
}

#[test]
fn a_closed_session_is_closed_by_both_sides_in_order() {
    let mut wire = opened();
    wire.ask(ManagerRequest::Close);
    wire.device_says(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}\n");
    assert!(wire.is_disconnected);
    wire.device.send_close_notify();
    wire.run();
    let (act, ending) = (Method::Close, Ending::Closed);
    assert_eq!(wire.notices, [Notice::Done { act }, Notice::Ended { ending }]);
    assert!(wire.device.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn an_end_without_close_notify_is_told_from_one_with_it() {
    let mut torn = opened();
    torn.station.handle_input(ConnectionInput::Closed);
    torn.run();
    assert_eq!(torn.notices, [Notice::Ended { ending: Ending::Torn }]);
    let mut left = opened();
    left.device.send_close_notify();
    left.run();
    assert_eq!(
        left.notices,
        [Notice::Ended {
            ending: Ending::LeftByDevice
        }]
    );
    assert!(left.is_disconnected);
}

/// A line that asks for an answer, and then bytes that are no TLS, in one piece: the answer has nobody to go to.
#[test]
fn a_device_that_asks_and_then_breaks_tls_ends_the_session_and_not_the_program() {
    let mut wire = opened();
    wire.ask(ManagerRequest::AuthStart);
    let request = b"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"card.power_off\"}\n";
    wire.device.writer().write_all(request).unwrap();
    let mut bytes = Vec::new();
    while wire.device.wants_write() {
        wire.device.write_tls(&mut bytes).unwrap();
    }
    bytes.extend([0x17, 0x03, 0x03, 0x00, 0x20]);
    bytes.extend([0xAA; 32]);
    wire.station.handle_input(ConnectionInput::Received(bytes));
    wire.run();
    assert!(
        matches!(
            wire.notices.last(),
            Some(Notice::Ended {
                ending: Ending::Tls(_)
            })
        ),
        "{:?}",
        wire.notices
    );
}

#[test]
fn a_line_that_never_ends_is_hung_up_on_and_fills_no_memory() {
    let mut wire = opened();
    for _ in 0..8 {
        wire.device_says(&[b'x'; 16_384]);
    }
    assert!(wire.is_disconnected);
    assert_eq!(wire.notices, [Notice::ProtocolBroken(crate::Broken::LineTooLong)]);
    assert!(wire.station.lines.unfinished_len() <= protocol::LINE_BYTES_MAX + 16_384);
}

proptest! {
    #[test]
    fn no_bytes_make_a_station_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)) {
        let mut station = Connection::new(&TlsClientConfig::new(Trust::FirstUse));
        for piece in pieces {
            station.handle_input(ConnectionInput::Received(piece));
            while station.poll_output().is_some() {}
        }
        station.handle_input(ConnectionInput::Closed);
        prop_assert!(!station.is_open());
    }

    #[test]
    fn no_line_makes_a_station_panic(lines in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut wire = opened();
        wire.device_says(&lines);
        wire.station.handle_input(ConnectionInput::Closed);
        wire.run();
        let is_told = matches!(wire.notices.last(), Some(Notice::Ended { .. }));
        prop_assert!(is_told);
    }
}
