//! The console's own port: connections, TLS, and how long each thing may take. Polled by the task that owns the device,
//! which hears of requests here and answers them. Its limits run on real time, whatever the device's clock does: they
//! guard the program, not the device. Knows no page.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    response::{IntoResponse as _, Response},
};
use hsm_core::{UserAnswer, UserRequest, UserSession};
use hsm_listener::Identity;
use hyper::{
    StatusCode,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use program::{ExitCode, Port, Problem};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{
        OwnedMutexGuard,
        mpsc::{Receiver, Sender, channel},
        oneshot,
    },
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::{pages, sessions::Sessions};

/// Connections at once; one more is closed.
pub(crate) const CONNECTIONS_MAX: usize = 64;
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request's head may take to come, and a connection may be idle.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take from its head to its answer's head, its body included.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may last, whatever it does.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of a request's head.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
pub(crate) const HEADERS_MAX: usize = 64;
/// How long a connection may last that follows the log, instead.
pub(crate) const FOLLOW_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Lines of the log that wait for somebody who follows it; whoever is that far behind follows it no more.
const LINES_WAITING_MAX: usize = 256;
/// Requests that wait for the device.
const VISITS_MAX: usize = 16;

/// What the device's owner gives back.
pub(crate) enum Answer {
    /// What the device says.
    User(UserAnswer),
    /// The files of the log, the oldest first.
    Log(io::Result<Vec<File>>),
    /// Every line of the log from now on. Over when the device says so, or when the reader is too far behind.
    Lines(Receiver<String>),
}

/// On an answer: its connection lasts as long as somebody follows the log there.
#[derive(Clone, Copy)]
pub(crate) struct Lasting;

/// Something that a browser wants.
pub(crate) enum Visit {
    /// A user asks.
    Ask {
        session: UserSession,
        peer: IpAddr,
        request: UserRequest,
        /// Where the answer goes. Nobody may be there any more to hear it.
        reply: oneshot::Sender<Answer>,
        /// The session's turn, kept until there is an answer.
        turn: Option<OwnedMutexGuard<()>>,
    },
    /// A session is of no use any more.
    Left(UserSession),
    /// Whoever followed the log in a session reads it no more.
    FollowerLeft(UserSession),
}

struct Waiting {
    reply: oneshot::Sender<Answer>,
    /// The log is what was asked for, line by line.
    is_follower: bool,
    _turn: Option<OwnedMutexGuard<()>>,
}

/// The console: its port, who is connected, who waits for the device.
pub(crate) struct Server {
    port: Port,
    /// Made at each boot; nobody is served before.
    tls: Option<TlsAcceptor>,
    connections: JoinSet<()>,
    router: Router,
    sessions: Sessions,
    visits: Receiver<Visit>,
    waiting: BTreeMap<UserSession, Waiting>,
    /// Where the lines of the log go. The device bounds how many there are.
    followers: BTreeMap<UserSession, Sender<String>>,
}

impl Server {
    /// Takes the address; nobody can connect yet. Must be called inside a runtime.
    pub(crate) fn reserve(address: SocketAddr) -> io::Result<Self> {
        let port = Port::reserve(address)?;
        let (sender, visits): (Sender<Visit>, _) = channel(VISITS_MAX);
        let sessions = Sessions::default();
        Ok(Self {
            port,
            tls: None,
            connections: JoinSet::new(),
            router: pages::router(sender, sessions.clone()),
            sessions,
            visits,
            waiting: BTreeMap::new(),
            followers: BTreeMap::new(),
        })
    }

    /// Where, its port chosen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.port.is_open()
    }

    /// The device has started: it has another certificate from now on. Gives the certificate.
    //= HC-01
    pub(crate) fn boot(&mut self, serial: &str) -> Result<Identity, Problem> {
        let identity = Identity::generate(serial);
        let identity = identity.map_err(|error| Problem::new(ExitCode::Internal, error.to_string()))?;
        let config = identity.server_config();
        let config = config.map_err(|error| Problem::new(ExitCode::Internal, error.to_string()))?;
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        self.tls = Some(TlsAcceptor::from(Arc::new(config)));
        Ok(identity)
    }

    /// Serves, or serves nobody any more: whoever is connected is cut off. Whether that changes anything.
    //= HC-01
    pub(crate) fn serve(&mut self, serves: bool) -> io::Result<bool> {
        if serves == self.port.is_open() {
            return Ok(false);
        }
        if serves {
            self.port.open()?;
        } else {
            self.port.close();
            self.connections.abort_all();
            self.waiting.clear();
            self.followers.clear();
            self.sessions.end_all();
            // What is still in the channel was asked before this, of sessions that are over.
            while let Ok(visit) = self.visits.try_recv() {
                drop(visit);
            }
        }
        Ok(true)
    }

    /// The next that a browser wants. Takes in connections meanwhile.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Visit> {
        while let Poll::Ready(Some(ended)) = self.connections.poll_join_next(cx) {
            if let Err(error) = ended
                && error.is_panic()
            {
                debug!("a connection of the HTTP console ended: {error}");
            }
        }
        // Whoever left has ended a connection, so that this is not waited for.
        let mut followers = self.followers.iter();
        if let Some((session, _)) = followers.find(|(_, lines)| lines.is_closed()) {
            let session = *session;
            self.followers.remove(&session);
            return Poll::Ready(Visit::FollowerLeft(session));
        }
        while let Poll::Ready((stream, peer)) = self.port.poll_accept(cx) {
            if self.connections.len() >= CONNECTIONS_MAX {
                debug!("HTTP console: closed a connection from {peer}: at most {CONNECTIONS_MAX} at once");
            } else if let Some(tls) = self.tls.clone() {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!("turn off Nagle's algorithm: {error}");
                }
                let router = self.router.clone();
                self.connections.spawn(talk(stream, peer.ip(), tls, router));
            }
        }
        match self.visits.poll_recv(cx) {
            Poll::Ready(Some(visit)) => Poll::Ready(visit),
            // It is never over: the router holds an end of it.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Somebody waits for what the device says in a session.
    pub(crate) fn wait(
        &mut self,
        session: UserSession,
        reply: oneshot::Sender<Answer>,
        turn: Option<OwnedMutexGuard<()>>,
        is_follower: bool,
    ) {
        let waiting = Waiting {
            reply,
            is_follower,
            _turn: turn,
        };
        self.waiting.insert(session, waiting);
    }

    /// Whether somebody was there to hear it.
    pub(crate) fn answer(&mut self, session: UserSession, answer: Answer) -> bool {
        let Some(waiting) = self.waiting.remove(&session) else {
            return false;
        };
        let answer = match answer {
            Answer::User(UserAnswer::Done) if waiting.is_follower => {
                let (sender, lines) = channel(LINES_WAITING_MAX);
                // A page that followed in this session before is over.
                self.followers.insert(session, sender);
                Answer::Lines(lines)
            }
            answer => answer,
        };
        waiting.reply.send(answer).is_ok()
    }

    /// A line of the log, for whoever follows it in a session. Whether there is still somebody who does.
    //= LG-02
    pub(crate) fn tell_line(&mut self, session: UserSession, line: String) -> bool {
        let follows = |lines: &Sender<String>| lines.try_send(line).is_ok();
        let is_told = self.followers.get(&session).is_some_and(follows);
        if !is_told {
            self.followers.remove(&session);
        }
        is_told
    }

    /// The device has ended a session.
    pub(crate) fn end(&mut self, session: UserSession) {
        self.sessions.end(session);
        self.followers.remove(&session);
        self.answer(session, Answer::User(UserAnswer::LoggedOut));
    }
}

/// A stream that bytes come from and go to, a socket or what TLS makes of one.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

async fn talk(stream: impl Stream, peer: IpAddr, tls: TlsAcceptor, router: Router) {
    match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => converse(stream, peer, router).await,
        Ok(Err(error)) => debug!("TLS handshake of {peer} with the HTTP console: {error}"),
        Err(_) => debug!("TLS handshake of {peer} with the HTTP console: not finished in time"),
    }
}

/// Requests and answers, until one side has had enough.
async fn converse(stream: impl Stream, peer: IpAddr, router: Router) {
    let service = TowerToHyperService::new(router);
    let is_lasting = Arc::new(AtomicBool::new(false));
    let lasts = Arc::clone(&is_lasting);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(pages::Peer(peer));
        let answered = timeout(REQUEST_TIMEOUT, service.call(request));
        let lasts = Arc::clone(&lasts);
        async move {
            match answered.await {
                Ok(answered) => answered.inspect(|answer: &Response| {
                    if answer.extensions().get::<Lasting>().is_some() {
                        lasts.store(true, Ordering::Relaxed);
                    }
                }),
                Err(_) => Ok::<Response, _>(StatusCode::REQUEST_TIMEOUT.into_response()),
            }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let mut conversation = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut ended = timeout(CONNECTION_TIMEOUT, conversation.as_mut()).await;
    if ended.is_err() && is_lasting.load(Ordering::Relaxed) {
        ended = timeout(FOLLOW_TIMEOUT.saturating_sub(CONNECTION_TIMEOUT), conversation).await;
    }
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("serve a connection of the HTTP console: {error}"),
        Err(_) => debug!("a connection of the HTTP console lasted too long"),
    }
}

#[cfg(test)]
mod tests;
