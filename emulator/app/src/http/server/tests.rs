//! The limits of a connection, at each and one past it. The clock stands still while anything else can happen, so that
//! minutes cost nothing and a limit is exact to the millisecond of the library's timers.

use std::pin::Pin;

use axum::{
    Extension,
    body::{Body, Bytes, HttpBody},
    routing::{get, post},
};
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep, sleep_until},
};

use super::*;

const TICK: Duration = Duration::from_millis(1);
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// The browser's side of a connection whose server answers `/` at once and `/body` when it has a body.
fn connect() -> DuplexStream {
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/body", post(|body: String| async move { body }));
    let (ours, theirs) = duplex(4 * HEAD_BYTES_MAX);
    tokio::spawn(converse(theirs, PEER, router));
    ours
}

async fn send(stream: &mut DuplexStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("there is room");
}

/// The status of the next answer, whose body is short; nothing if the connection is over.
async fn status(stream: &mut DuplexStream) -> Option<u16> {
    let mut bytes = [0; 1024];
    let len = stream.read(&mut bytes).await.unwrap_or(0);
    let head = str::from_utf8(&bytes[..len]).expect("it is text");
    let (_, rest) = head.split_once("HTTP/1.1 ")?;
    rest.get(..3)?.parse().ok()
}

/// Whether something ended at its limit: a timer is late by a tick at most.
fn is_at(begin: Instant, limit: Duration) -> bool {
    (limit..=limit + TICK).contains(&begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_begun_ends_the_connection_at_its_limit() {
    let identity = Identity::generate("TXP0000001").expect("it is made");
    let tls = TlsAcceptor::from(identity.server_config().expect("it is right"));
    let (mut ours, theirs) = duplex(1024);
    let begin = Instant::now();
    tokio::spawn(talk(theirs, PEER, tls, Router::new()));
    sleep_until(begin + HANDSHAKE_TIMEOUT - TICK).await;
    // It still reads.
    ours.write_all(&[0x16]).await.expect("it is open");
    assert_eq!(ours.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(is_at(begin, HANDSHAKE_TIMEOUT), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_head_has_its_time_and_so_has_the_pause_before_the_next() {
    let (first, rest) = GET.split_at(9);
    let mut in_time = connect();
    send(&mut in_time, first).await;
    sleep(HEAD_TIMEOUT.saturating_sub(TICK)).await;
    send(&mut in_time, rest).await;
    assert_eq!(status(&mut in_time).await, Some(200));
    // Nothing more comes.
    let begin = Instant::now();
    assert_eq!(status(&mut in_time).await, None);
    assert!(is_at(begin, HEAD_TIMEOUT), "{:?}", begin.elapsed());

    let begin = Instant::now();
    let mut late = connect();
    send(&mut late, first).await;
    assert_ne!(status(&mut late).await, Some(200));
    assert!(is_at(begin, HEAD_TIMEOUT), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_has_its_time_with_its_body() {
    let head = "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na";
    let mut in_time = connect();
    send(&mut in_time, head).await;
    sleep(REQUEST_TIMEOUT.saturating_sub(TICK)).await;
    send(&mut in_time, "b").await;
    assert_eq!(status(&mut in_time).await, Some(200));

    let begin = Instant::now();
    let mut late = connect();
    send(&mut late, head).await;
    assert_eq!(status(&mut late).await, Some(408));
    assert!(is_at(begin, REQUEST_TIMEOUT), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_its_time_whatever_it_does() {
    let begin = Instant::now();
    let mut stream = connect();
    let step = HEAD_TIMEOUT.saturating_sub(Duration::from_secs(1));
    let mut next = begin;
    while next < begin + CONNECTION_TIMEOUT - TICK {
        sleep_until(next).await;
        send(&mut stream, GET).await;
        assert_eq!(status(&mut stream).await, Some(200), "{:?}", begin.elapsed());
        next += step;
    }
    sleep_until(begin + CONNECTION_TIMEOUT - TICK).await;
    send(&mut stream, GET).await;
    assert_eq!(status(&mut stream).await, Some(200));
    assert_eq!(status(&mut stream).await, None);
    assert!(is_at(begin, CONNECTION_TIMEOUT), "{:?}", begin.elapsed());
}

/// A body of which nothing comes.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

//= LG-02
#[tokio::test(start_paused = true)]
async fn a_connection_that_follows_the_log_lasts_longer_and_no_other() {
    for (path, limit) in [("/follow", FOLLOW_TIMEOUT), ("/endless", CONNECTION_TIMEOUT)] {
        let router = Router::new()
            .route(
                "/follow",
                get(|| async { (Extension(Lasting), Body::new(Endless)) }),
            )
            .route("/endless", get(|| async { Body::new(Endless) }));
        let (mut ours, theirs) = duplex(4 * HEAD_BYTES_MAX);
        let begin = Instant::now();
        tokio::spawn(converse(theirs, PEER, router));
        send(&mut ours, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert_eq!(status(&mut ours).await, Some(200));
        assert_eq!(status(&mut ours).await, None);
        assert!(is_at(begin, limit), "{path}: {:?}", begin.elapsed());
    }
}

//= LG-02
#[tokio::test]
async fn so_many_lines_wait_for_a_follower_and_one_more_is_too_many() {
    let mut server = Server::reserve(SocketAddr::new(PEER, 0)).expect("there is a port");
    let session = UserSession(7);
    let follow = |server: &mut Server| {
        let (reply, mut answer) = oneshot::channel();
        server.wait(session, reply, None, true);
        assert!(server.answer(session, Answer::User(UserAnswer::Done)));
        match answer.try_recv() {
            Ok(Answer::Lines(lines)) => lines,
            _ => panic!("the lines are the answer"),
        }
    };
    let mut lines = follow(&mut server);
    for number in 0..LINES_WAITING_MAX {
        assert!(server.tell_line(session, number.to_string()));
    }
    assert!(!server.tell_line(session, "one more".into()));
    assert!(!server.tell_line(session, "and whatever comes then".into()));
    let mut read = 0;
    while let Some(line) = lines.recv().await {
        assert_eq!(line, read.to_string());
        read += 1;
    }
    assert_eq!(read, LINES_WAITING_MAX);

    // Whoever reads again is not too many, and the page before is over. Who leaves is told of once.
    let mut first = follow(&mut server);
    let second = follow(&mut server);
    assert!(server.tell_line(session, "here".into()));
    assert_eq!(first.recv().await, None);
    drop(second);
    let visit = std::future::poll_fn(|cx| server.poll(cx)).await;
    assert!(matches!(visit, Visit::FollowerLeft(left) if left == session));
    assert!(server.followers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_head_has_so_many_bytes_and_headers() {
    let head = |bytes: usize| {
        let begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
        format!("{begin}{}\r\n\r\n", "y".repeat(bytes - begin.len() - 4))
    };
    let headers = |len: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(len));
    for (request, expected) in [
        (head(HEAD_BYTES_MAX), 200),
        (head(HEAD_BYTES_MAX + 1), 431),
        (headers(HEADERS_MAX), 200),
        (headers(HEADERS_MAX + 1), 431),
    ] {
        let mut stream = connect();
        send(&mut stream, &request).await;
        assert_eq!(
            status(&mut stream).await,
            Some(expected),
            "{} bytes",
            request.len()
        );
    }
}

/// One more is not refused: it waits its turn.
#[tokio::test]
async fn so_many_requests_wait_for_the_device_and_one_more_waits_for_them() {
    let address = SocketAddr::new(PEER, 0);
    let mut server = Server::reserve(address).expect("there is a port");
    let login = || {
        let request = hyper::Request::post("/login")
            .header("host", "h")
            .header("origin", "https://h")
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(pages::Peer(PEER))
            .body("name=a&password=b".to_owned())
            .expect("it is a request");
        TowerToHyperService::new(server.router.clone()).call(request)
    };
    let logins: Vec<_> = (0..=VISITS_MAX).map(|_| tokio::spawn(login())).collect();
    while server.visits.len() < VISITS_MAX {
        tokio::task::yield_now().await;
    }
    let mut seen = 0;
    while seen <= VISITS_MAX {
        assert!(server.visits.len() <= VISITS_MAX);
        let Some(Visit::Ask { reply, .. }) = server.visits.recv().await else {
            panic!("somebody asks")
        };
        let refused = UserAnswer::Refused(hsm_core::UserRefusal::LoginFailed);
        assert!(reply.send(Answer::User(refused)).is_ok(), "somebody waits");
        seen += 1;
    }
    for login in logins {
        let answer = login.await.expect("it does not panic").expect("it cannot fail");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
}
