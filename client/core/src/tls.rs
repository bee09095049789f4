//! TLS of a station, told bytes: rustls with the trust of a custodian. Trusts a fingerprint, never a name or an
//! authority, and still checks that the device holds the certificate's key. Opens no socket.

use core::fmt;
use std::{
    io::{Read, Write},
    sync::{Arc, LazyLock},
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    time_provider::TimeProvider,
};

use crate::Fingerprint;

/// Whom a station takes for its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The device whose certificate has this fingerprint, and no other. Source: CL-06.
    Pinned(Fingerprint),
    /// Whoever answers: the first use. Its fingerprint is told ([`Secured`]) and is to be kept and pinned.
    FirstUse,
}

/// Why the connection could not be made, or not be kept, secure.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsError {
    /// The device presents another certificate than the pinned one. No line was sent.
    FingerprintChanged {
        /// The fingerprint that was trusted.
        pinned: Fingerprint,
        /// The fingerprint that the device presented.
        presented: Fingerprint,
    },
    /// The device, or somebody in between, does not keep to TLS.
    Protocol(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FingerprintChanged { pinned, presented } => {
                write!(
                    f,
                    "check device certificate: expected fingerprint {pinned}, got {presented}"
                )
            }
            Self::Protocol(why) => write!(f, "run TLS with the device: {why}"),
        }
    }
}

impl core::error::Error for TlsError {}

impl From<rustls::Error> for TlsError {
    fn from(why: rustls::Error) -> Self {
        if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = &why
            && let Some(Mismatch { pinned, presented }) = other.downcast_ref()
        {
            let (pinned, presented) = (*pinned, *presented);
            return Self::FingerprintChanged { pinned, presented };
        }
        Self::Protocol(why)
    }
}

/// What a finished handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// The device's certificate.
    pub fingerprint: Fingerprint,
    /// The cipher suite by its name in the standards, `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
}

/// The settings of a station's TLS for one [`Trust`]. Made once and cloned cheaply for each connection.
#[derive(Clone, Debug)]
pub struct TlsClientConfig(Arc<ClientConfig>);

/// The algorithms, built once in a process.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

impl TlsClientConfig {
    /// TLS 1.3 or 1.2 with ALPN `hsm-rm/1`: no resumption, no early data, no name sent.
    //= RM-22
    pub fn new(trust: Trust) -> Self {
        Self::with_versions(trust, rustls::ALL_VERSIONS)
    }

    /// The same settings, with the secrets of each connection given to `key_log`: for whoever looks into the lines of
    /// a test device with a tool. A session whose keys are logged protects nothing.
    #[must_use]
    pub fn with_key_log(self, key_log: Arc<dyn rustls::KeyLog>) -> Self {
        let mut config = Arc::unwrap_or_clone(self.0);
        config.key_log = key_log;
        Self(Arc::new(config))
    }

    /// The same trust for what is said in another protocol, by its name in ALPN: `http/1.1`.
    #[must_use]
    pub fn with_alpn(self, protocol: &[u8]) -> Self {
        let mut config = Arc::unwrap_or_clone(self.0);
        config.alpn_protocols = vec![protocol.to_vec()];
        Self(Arc::new(config))
    }

    fn with_versions(trust: Trust, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let verifier = Arc::new(FingerprintVerifier { trust });
        let mut config = ClientConfig::builder_with_details(PROVIDER.clone(), Arc::new(NoTime))
            .with_protocol_versions(versions)
            .expect("the provider has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol::ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = false;
        Self(Arc::new(config))
    }
}

/// The client's end of one TLS connection.
#[derive(Debug)]
pub struct TlsClient {
    connection: ClientConnection,
}

impl TlsClient {
    /// A connection that is about to say its `ClientHello`: [`poll_transmit`](Self::poll_transmit) has it.
    pub fn new(config: &TlsClientConfig) -> Self {
        // Never sent and never compared: the fingerprint is the identity.
        let name = ServerName::try_from("hsm.invalid").expect("it is a name");
        let mut connection = ClientConnection::new(config.0.clone(), name)
            .expect("the configuration offers suites and groups");
        // What waits is bounded above: eight requests of ours and eight answers to the device.
        connection.set_buffer_limit(None);
        Self { connection }
    }

    /// Takes in bytes of the device and appends the plaintext in them, also that before an error. After an error
    /// there may still be an alert to send.
    pub fn receive(&mut self, mut bytes: &[u8], plaintext: &mut Vec<u8>) -> Result<(), TlsError> {
        while !bytes.is_empty() {
            // What is read is processed and drained at once, so the only end is the device's close_notify: nothing
            // after it is read.
            let taken = self.connection.read_tls(&mut bytes);
            if !matches!(taken, Ok(1..)) {
                break;
            }
            let processed = self.connection.process_new_packets();
            // Ends with `WouldBlock`, or in order after close_notify; what it read stays in either case.
            let _ = self.connection.reader().read_to_end(plaintext);
            processed?;
        }
        Ok(())
    }

    /// Sends plaintext; it waits for the end of the handshake.
    pub fn send(&mut self, plaintext: &[u8]) {
        // Fails only after the device has broken TLS, which `receive` tells: then nobody is there to read it.
        let _ = self.connection.writer().write_all(plaintext);
    }

    /// Says that nothing more will be sent (`close_notify`).
    pub fn close(&mut self) {
        self.connection.send_close_notify();
    }

    /// The next bytes for the device, until there are none.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            let written = self.connection.write_tls(&mut bytes);
            written.expect("a vector takes everything");
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Whether the handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the device said that it will send nothing more.
    pub fn has_peer_closed(&mut self) -> bool {
        let state = self.connection.process_new_packets();
        state.is_ok_and(|state| state.peer_has_closed())
    }

    /// What the handshake agreed on, once it is done.
    pub fn secured(&self) -> Option<Secured> {
        if self.is_handshaking() {
            return None;
        }
        let certificate = self.connection.peer_certificates()?.first()?;
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        Some(Secured {
            fingerprint: Fingerprint::of_certificate(certificate),
            cipher_suite: standard_name(suite),
            version: match self.connection.protocol_version()? {
                rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
                _ => "TLSv1.3",
            },
        })
    }
}

/// rustls writes `TLS13_` where the standards write `TLS_`.
fn standard_name(suite: rustls::CipherSuite) -> String {
    let name = suite.as_str().unwrap_or("unknown");
    name.replacen("TLS13_", "TLS_", 1)
}

/// No certificate is judged by its dates, and nothing is resumed, so no clock is read.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(core::time::Duration::ZERO))
    }
}

#[derive(Debug)]
struct FingerprintVerifier {
    trust: Trust,
}

/// How a mismatch travels through rustls, which knows nothing of fingerprints.
#[derive(Debug)]
struct Mismatch {
    pinned: Fingerprint,
    presented: Fingerprint,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected fingerprint {}, got {}", self.pinned, self.presented)
    }
}

impl core::error::Error for Mismatch {}

impl ServerCertVerifier for FingerprintVerifier {
    //= CL-06
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of_certificate(end_entity);
        match self.trust {
            Trust::Pinned(pinned) if pinned != presented => {
                let mismatch = Mismatch { pinned, presented };
                Err(CertificateError::Other(OtherError(Arc::new(mismatch))).into())
            }
            Trust::Pinned(_) | Trust::FirstUse => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &PROVIDER.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &PROVIDER.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}
