//! What the library of the client costs when a connection is made: from the socket to the greeting of the device, beside a
//! bare rustls client that makes the same handshake with the same device and reads the same line. How they leave is not
//! counted.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use hsm_client::{
    Connection, ConnectionInput, ConnectionOutput, Notice, StationInput, StationOutput, TlsClientConfig,
    Trust,
};
use hsm_listener::AnyCertificate;
use rustls::{
    ClientConfig, ClientConnection, StreamOwned, client::Resumption, crypto::aws_lc_rs, pki_types::ServerName,
};

use super::{Demo, Pair};

/// Connections of each. The median is that of single connections, which a computer that is busy with something else moves
/// less than it moves sums.
const CONNECTIONS: usize = 1_200;

/// Adds a row: both connect to one device, a connection each in turn.
pub(crate) fn row(demo: &Demo, table: &mut String) -> io::Result<()> {
    let device = demo.start()?;
    let (ours, bare) = (TlsClientConfig::new(Trust::FirstUse), bare_config()?);
    let mut took = Pair::default();
    for _ in 0..CONNECTIONS {
        took.ours
            .push(by_the_library(device.address, &ours)?.as_secs_f64() * 1e6);
        took.beside
            .push(by_bare_rustls(device.address, &bare)?.as_secs_f64() * 1e6);
    }
    took.row(
        table,
        "client's connection set-up to the greeting, µs, beside a bare rustls client",
        "≤ 110 %",
        |us| format!("{us:.0}"),
    );
    Ok(())
}

/// As `hsm-client` does it: everything between the socket and the notice that the session is open.
fn by_the_library(device: SocketAddr, config: &TlsClientConfig) -> io::Result<Duration> {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(device)?;
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(config);
    let mut bytes = [0; 16_384];
    let mut took = None;
    loop {
        while let Some(output) = connection.poll_output() {
            match output {
                ConnectionOutput::Transmit(bytes) => stream.write_all(&bytes)?,
                ConnectionOutput::Station(StationOutput::Notice(Notice::Opened { .. })) => {
                    took = Some(begin.elapsed());
                    connection.handle_input(ConnectionInput::Station(StationInput::HangUp));
                }
                ConnectionOutput::Disconnect => stream.shutdown(Shutdown::Write)?,
                ConnectionOutput::Station(_) | ConnectionOutput::Told(_) | ConnectionOutput::Line { .. } => {}
            }
        }
        match (stream.read(&mut bytes)?, took) {
            // The device has freed the place before it closes its half.
            (0, Some(took)) => return Ok(took),
            (0, None) => return Err(io::Error::other("the device let the library not in")),
            (read, _) => connection.handle_input(ConnectionInput::Received(bytes[..read].to_vec())),
        }
    }
}

fn by_bare_rustls(device: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Duration> {
    let begin = Instant::now();
    let stream = TcpStream::connect(device)?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("hsm.invalid").map_err(io::Error::other)?;
    let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(tls, stream));
    let mut greeting = String::new();
    stream.read_line(&mut greeting)?;
    let took = begin.elapsed();
    if !greeting.contains("session.opened") {
        return Err(io::Error::other(greeting));
    }
    let mut stream = stream.into_inner();
    stream.conn.send_close_notify();
    stream.flush()?;
    stream.sock.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(took)
}

/// The same versions, suites and ALPN as a station's, and no resumption either.
fn bare_config() -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    // As a station's at the first use.
    let verifier = AnyCertificate::new(&provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol::ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}
