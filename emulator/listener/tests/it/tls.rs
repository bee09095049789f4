//! What TLS is spoken on the port, and that nothing of it carries over to another connection.

use std::sync::Arc;

use rustls::{
    AlertDescription, Error, HandshakeKind, NamedGroup, ProtocolVersion,
    version::{TLS12, TLS13},
};

use crate::bench::{Bench, config, manager};

//= RM-18
#[test]
fn a_client_that_offers_no_alpn_means_management() {
    let mut bench = Bench::started();
    let client = bench.connect(&Arc::new(config(&[&TLS13], &[])));
    assert_eq!(client.told(), ["session.opened"]);
}

//= RM-23
#[test]
fn a_client_that_offers_only_another_alpn_gets_an_alert_and_no_line_and_takes_no_place() {
    for version in [&TLS13, &TLS12] {
        let mut bench = Bench::started();
        let client = bench.connect(&Arc::new(config(&[version], &[b"http/1.1", b"hsm-sync/2"])));
        assert_eq!(
            client.error,
            Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol))
        );
        assert!(client.plaintext.is_empty());
        assert_eq!(bench.connect(&manager()).told(), ["session.opened"]);
    }
}

//= RM-23
#[test]
fn tls_1_2_with_every_aead_suite_of_the_library_is_good_enough() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&Arc::new(config(&[&TLS12], &[protocol::ALPN])));
    assert_eq!(client.tls.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    client.ask(&mut bench, 0, "device.header");
    assert_eq!(client.told(), ["session.opened", "answer 0"]);
}

#[test]
fn a_post_quantum_key_exchange_is_what_comes_of_it_by_default() {
    let mut bench = Bench::started();
    let client = bench.connect(&manager());
    let group = client
        .tls
        .negotiated_key_exchange_group()
        .map(rustls::crypto::SupportedKxGroup::name);
    assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
}

//= RM-22
#[test]
fn nothing_is_given_that_could_resume_a_session_and_early_data_is_not_taken() {
    for version in [&TLS13, &TLS12] {
        let mut bench = Bench::started();
        let mut eager = config(&[version], &[protocol::ALPN]);
        eager.enable_early_data = true;
        let eager = Arc::new(eager);
        for _ in 0..2 {
            let mut client = bench.connect(&eager);
            assert_eq!(client.told(), ["session.opened"]);
            assert_ne!(client.tls.handshake_kind(), Some(HandshakeKind::Resumed));
            assert_eq!(client.tls.tls13_tickets_received(), 0);
            assert!(client.tls.early_data().is_none() && !client.tls.is_early_data_accepted());
            client.ask(&mut bench, 0, "session.close");
        }
    }
}
