//! The device's TLS identity and configuration. Drawing a new identity is the one thing in this crate that takes
//! randomness from the operating system: keys come from the crypto library, never from a seed.

use core::fmt;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};

/// A self-signed ECDSA P-256 certificate and its key. Made at first boot and kept; a factory reset keeps it.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no identity, or none that TLS accepts.
#[derive(Debug)]
pub enum IdentityError {
    /// The certificate could not be made.
    Make(rcgen::Error),
    /// TLS refuses what was read from the store.
    Refused(rustls::Error),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(why) => write!(f, "make the device's certificate: {why}"),
            Self::Refused(why) => write!(f, "use the device's certificate: {why}"),
        }
    }
}

impl core::error::Error for IdentityError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Make(why) => Some(why),
            Self::Refused(why) => Some(why),
        }
    }
}

impl Identity {
    /// A new identity whose subject is the device's serial number.
    pub fn generate(serial: &str) -> Result<Self, IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(IdentityError::Make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, serial);
        let certificate = params.self_signed(&key).map_err(IdentityError::Make)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        })
    }

    /// The identity that was kept: a certificate and its PKCS #8 key, both DER. Whether they are of one another and
    /// of use to TLS shows in [`server_config`](Self::server_config).
    pub fn kept(certificate: Vec<u8>, key: Vec<u8>) -> Self {
        Self {
            certificate: certificate.into(),
            key: PrivateKeyDer::Pkcs8(key.into()),
        }
    }

    /// The key as DER. Secret: the caller writes it to the store and nowhere else.
    pub fn key(&self) -> &[u8] {
        self.key.secret_der()
    }

    /// The certificate as it crosses the network.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The configuration of every connection: TLS 1.3, or 1.2 with AEAD suites (the only ones there are); no
    /// client certificate, no ticket, no resumption, no early data.
    //= RM-22
    //= RM-23
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, IdentityError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            })
            .map_err(IdentityError::Refused)?;
        config.alpn_protocols = vec![protocol::ALPN.to_vec(), hsm_core::SYNC_ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_identity_is_the_one_that_was_made_and_halves_of_two_are_refused() {
        let [one, two] = [(); 2].map(|()| Identity::generate("TXP0000001").expect("the library makes one"));
        let kept = Identity::kept(one.certificate().to_vec(), one.key().to_vec());
        assert_eq!(kept.certificate(), one.certificate());
        assert!(kept.server_config().is_ok());
        let mixed = Identity::kept(one.certificate().to_vec(), two.key().to_vec());
        assert!(matches!(mixed.server_config(), Err(IdentityError::Refused(_))));
        let garbage = Identity::kept(one.certificate().to_vec(), vec![0; 16]);
        assert!(matches!(garbage.server_config(), Err(IdentityError::Refused(_))));
    }
}
