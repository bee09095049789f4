//! The bench's own socket: connections, their limits, and how long somebody may take to ask. Its limits run on real
//! time, whatever the device's clock does: they guard the program, not the device.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, response::IntoResponse as _};
use hyper::{StatusCode, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc::Receiver, mpsc::channel},
    task::spawn,
    time::sleep,
};
use tracing::{debug, warn};

use super::{EventLog, Refusal, Request, Token, api, gate::Gate};

/// Connections to the bench at once; one more is told so and closed.
pub(crate) const CONNECTIONS_MAX: usize = 32;
/// Connections that are being told that there are too many; more are just closed.
const REFUSED_MAX: usize = 8;
/// How long a request's head may take to come, and a connection may be idle.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
pub(crate) const HEADERS_MAX: usize = 64;
/// Requests that wait for the device.
const REQUESTS_MAX: usize = 16;
/// How long nobody is accepted after the system refused to hand over a connection.
const REFUSAL_PAUSE: Duration = Duration::from_millis(100);

/// A bench that is served.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where, its port chosen.
    pub(crate) address: SocketAddr,
    /// What lets a request pass.
    pub(crate) token: Token,
    /// What happens to the device, to be told by its owner.
    pub(crate) events: EventLog,
    /// What is asked of the device, in order.
    pub(crate) requests: Receiver<Request>,
}

impl Server {
    /// Takes the address and begins to serve. Must be called inside a runtime, and its address is one of loopback.
    /// `cards` is the folder of the cards on the table, an absolute path.
    pub(crate) async fn start(address: SocketAddr, cards: Option<PathBuf>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (sender, requests) = channel(REQUESTS_MAX);
        let (token, events) = (Token::generate(), EventLog::new());
        let router = api::router(sender, events.clone(), Gate::new(address, token.clone()), cards);
        spawn(serve(listener, router));
        Ok(Self {
            address,
            token,
            events,
            requests,
        })
    }
}

async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let refusals = Arc::new(Semaphore::new(REFUSED_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // It was gone before we took it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            // Most likely there is no file descriptor left.
            Err(error) => {
                warn!("accept a connection to the bench: {error}; trying again");
                sleep(REFUSAL_PAUSE).await;
                continue;
            }
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let router = router.clone();
            spawn(async move {
                talk(stream, router).await;
                drop(place);
            });
        } else if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
            spawn(async move {
                refuse(stream).await;
                drop(place);
            });
        }
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    http
}

async fn talk(stream: TcpStream, router: Router) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!("turn off Nagle's algorithm: {error}");
    }
    let served = http().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = served.await {
        debug!("serve a connection to the bench: {error}");
    }
}

/// Answers one request with the news that there are too many.
async fn refuse(stream: TcpStream) {
    let answer = service_fn(|_| async {
        let refusal = Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "accept a connection to the bench",
            format!("at most {CONNECTIONS_MAX} at once"),
            "one more",
        );
        let refusal = refusal.hint("close connections that are not needed");
        Ok::<_, std::convert::Infallible>(refusal.into_response())
    });
    let mut http = http();
    let served = http
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        debug!("refuse a connection to the bench: {error}");
    }
}
