//! One request over TLS and what comes back, as far as it has come. Knows no page.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use hsm_client::{TlsClient, TlsClientConfig, Trust};
use socket2::{Domain, Socket, Type};

use super::bench::{Answer, begun};

/// How long an answer may take: passwords are derived in real time, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer, TLS and all. The log is the longest.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A request that was sent.
pub(super) struct Exchange {
    what: String,
    stream: TcpStream,
    tls: TlsClient,
    received: u64,
    plaintext: Vec<u8>,
    is_over: bool,
}

impl Exchange {
    /// Sends a request; `None` if the port is closed.
    pub(super) fn begin(
        from: IpAddr,
        http: SocketAddr,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Option<Self>, String> {
        let what = format!("fetch `{method} {path}`");
        let failed = |why: io::Error| format!("{what}: {why}");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(failed)?;
        socket.bind(&SocketAddr::new(from, 0).into()).map_err(failed)?;
        match socket.connect(&http.into()) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            Err(why) => return Err(failed(why)),
        }
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        // The console has another certificate after each boot, and nobody knows it before.
        let config = TlsClientConfig::new(Trust::FirstUse).with_alpn(b"http/1.1");
        let mut tls = TlsClient::new(&config);
        let len = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n{headers}\
             Content-Length: {len}\r\n\r\n{body}"
        );
        tls.send(request.as_bytes());
        Ok(Some(Self {
            what,
            stream,
            tls,
            received: 0,
            plaintext: Vec::new(),
            is_over: false,
        }))
    }

    /// What has come so far; `None` if that is not even the head of an answer.
    pub(super) fn so_far(&self) -> Option<Answer> {
        begun(&self.plaintext).map(|(answer, _)| answer)
    }

    /// Reads until this is so, or nothing more comes. Whether it is so.
    pub(super) fn read_until(&mut self, is_so: impl Fn(&Answer) -> bool) -> Result<bool, String> {
        loop {
            if self.so_far().is_some_and(|answer| is_so(&answer)) {
                return Ok(true);
            }
            if self.is_over {
                return Ok(false);
            }
            self.read().map_err(|why| format!("{}: {why}", self.what))?;
        }
    }

    /// The whole answer.
    pub(super) fn finish(mut self) -> Result<Answer, String> {
        self.read_until(|_| false)?;
        match begun(&self.plaintext) {
            Some((answer, true)) => Ok(answer),
            Some((_, false)) | None => Err(format!("{}: it is no answer of HTTP/1.1", self.what)),
        }
    }

    fn read(&mut self) -> Result<(), String> {
        while let Some(bytes) = self.tls.poll_transmit() {
            self.stream.write_all(&bytes).map_err(|why| why.to_string())?;
        }
        let mut bytes = vec![0; 16_384];
        let len = match self.stream.read(&mut bytes) {
            Ok(len) => len,
            // A port that is closed cuts off whoever is connected.
            Err(why) if why.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(why) => return Err(why.to_string()),
        };
        self.is_over = len == 0;
        if self.is_over {
            return Ok(());
        }
        self.received += u64::try_from(len).unwrap_or(u64::MAX);
        if self.received > ANSWER_BYTES_MAX {
            return Err(format!("expected at most {ANSWER_BYTES_MAX} bytes"));
        }
        let received = self.tls.receive(&bytes[..len], &mut self.plaintext);
        received.map_err(|why| why.to_string())
    }
}
