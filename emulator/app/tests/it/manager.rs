//! A manager that believes any certificate, over a blocking socket.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use hsm_listener::AnyCertificate;
use rustls::{ClientConfig, ClientConnection, StreamOwned, crypto::aws_lc_rs, pki_types::ServerName};
use serde_json::{Value, json};

use crate::emulator::PATIENCE;

pub(crate) struct Manager {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Manager {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = BufReader::new(tls(address, protocol::ALPN));
        Self { stream }
    }
    /// The next line; `None` at the end or when the connection breaks.
    pub(crate) fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(1..) => Some(serde_json::from_str(&line).expect("it is JSON")),
            Ok(0) | Err(_) => None,
        }
    }

    pub(crate) fn send(&mut self, message: &Value) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{message}\n").as_bytes())
    }

    /// Asks and gives the answer; `None` if the connection ends instead.
    pub(crate) fn ask(&mut self, method: &str) -> Option<Value> {
        self.ask_with(method, &json!({}))
    }

    /// Asks with these parameters, and gives the answer; `None` if the connection ends instead.
    pub(crate) fn ask_with(&mut self, method: &str, params: &Value) -> Option<Value> {
        self.send(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            .ok()?;
        loop {
            let message = self.receive()?;
            if message.get("id").is_some() {
                return Some(message);
            }
        }
    }

    /// The SHA-256 fingerprint of what the device showed.
    pub(crate) fn fingerprint(&self) -> String {
        let certificates = self.stream.get_ref().conn.peer_certificates();
        let certificate = &certificates.expect("the handshake is complete")[0];
        hsm_emulator::fingerprint(certificate)
    }
}

/// A connection to whoever is there, whatever the certificate.
pub(crate) fn tls(address: SocketAddr, alpn: &[u8]) -> StreamOwned<ClientConnection, TcpStream> {
    let socket = TcpStream::connect(address).expect("it accepts");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    tls_over(address, socket, alpn)
}

/// The same over this socket, which is connected to that address.
pub(crate) fn tls_over(
    address: SocketAddr,
    socket: TcpStream,
    alpn: &[u8],
) -> StreamOwned<ClientConnection, TcpStream> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = AnyCertificate::new(&provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the library has them")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::IpAddress(address.ip().into());
    let tls = ClientConnection::new(Arc::new(config), name).expect("the configuration is fine");
    StreamOwned::new(tls, socket)
}
