//! The resources of the bench, and the document that describes them. Reads a request strictly, hands it on, and writes
//! down what came of it; what it means is decided elsewhere.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes, HttpBody as _},
    extract::{FromRef, FromRequest, FromRequestParts, Path, Query, Request as HttpRequest, State as Shared},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{delete, get, post, put},
};
use hsm_bench::{
    Advance, Event, EventsQuery, Faults, Insert, Keys, PageAddress, PowerChange, Problem, SeedCards,
    SeedUsers, SeededCards, State, Text, Ticket,
};
use hsm_core::ConnectionId;
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    HeaderMap, StatusCode,
    body::Frame,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{
        Semaphore,
        mpsc::{Sender, channel},
        oneshot,
    },
    task::spawn,
    time::{sleep, timeout},
};
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{Act, EventLog, Refusal, Reply, Request, gate, gate::Gate, page};

/// Bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 65_536;
/// How long a body may take to come.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Who listen to the event stream at once.
pub(crate) const SUBSCRIBERS_MAX: usize = 8;
/// Silence after which a listener is sent a comment, so that one who is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

const JSON: &str = "application/json";
/// What keeps a silent stream alive.
const STILL_HERE: &[u8] = b": still here\n\n";
/// What says that the state or the screen may be another.
const CHANGED: &[u8] = b"event: changed\ndata: {}\n\n";
const EVENT_STREAM: &str = "text/event-stream";
/// The largest number of an event: the largest integer that every JSON reader keeps whole.
const NUMBER_MAX: u64 = 9_007_199_254_740_991;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bench of the HSM emulator",
        description = "What a hand does to the emulated device, for programs. On loopback only. Every request needs the \
                       token of the ready-file, and the host that is named there. The bench's own page has a cookie \
                       instead, which it got for a ticket. A request is answered when \
                       everything that it caused is durable and handed to the sockets.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        state, screen, press, type_text, insert_card, remove_card, change_power, read_clock, advance, read_faults,
        set_faults, drop_connection, events, seed_cards, seed_users, openapi, front, page_address, begin_session
    ),
    components(schemas(Event)),
    security(("token" = [])),
    modifiers(&Security)
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}

/// The document that is served.
pub(crate) fn document() -> Document {
    let mut document = Api::openapi();
    // The version with its commit would make every commit another document.
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document
}

/// Every way in which a request can be refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
enum Refusals {
    /// It cannot be read
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// It has no token, or another
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// It comes from a page of another origin
    #[response(status = 403, content_type = "application/problem+json")]
    OtherOrigin(#[to_schema] Problem),
    /// There is no such thing
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// There is another method for that
    #[response(status = 405, content_type = "application/problem+json")]
    OtherMethod(#[to_schema] Problem),
    /// Its body took too long to come
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(#[to_schema] Problem),
    /// The device is in no state for it
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
    /// Its body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// Its body is not JSON
    #[response(status = 415, content_type = "application/problem+json")]
    OtherMediaType(#[to_schema] Problem),
    /// It names another host
    #[response(status = 421, content_type = "application/problem+json")]
    OtherHost(#[to_schema] Problem),
    /// There is too much to do, or the emulator is ending
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// What every handler has.
#[derive(Clone)]
struct Desk {
    device: Sender<Request>,
    events: EventLog,
    places: Arc<Semaphore>,
    gate: Gate,
    /// The folder of the cards on the table.
    cards: Option<PathBuf>,
}

impl FromRef<Desk> for Gate {
    fn from_ref(desk: &Desk) -> Self {
        desk.gate.clone()
    }
}

/// Everything that can be asked.
pub(crate) fn router(
    device: Sender<Request>,
    events: EventLog,
    gate: Gate,
    cards: Option<PathBuf>,
) -> Router {
    let desk = Desk {
        device,
        events,
        places: Arc::new(Semaphore::new(SUBSCRIBERS_MAX)),
        gate: gate.clone(),
        cards,
    };
    // Where somebody may come who has no token yet.
    let door = Router::new()
        .route("/", get(front))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/enter.js", get(page::enter_script))
        .route("/icon.svg", get(page::icon))
        .route("/v1/session", post(begin_session))
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::map_response(never_cached))
        .layer(middleware::from_fn_with_state(gate.clone(), gate::come_near));
    Router::new()
        .route("/openapi.json", get(openapi))
        .route("/v1/state", get(state))
        .route("/v1/console/screen", get(screen))
        .route("/v1/console/keys", post(press))
        .route("/v1/console/text", post(type_text))
        .route("/v1/reader/card", put(insert_card).delete(remove_card))
        .route("/v1/power", post(change_power))
        .route("/v1/clock", get(read_clock))
        .route("/v1/clock/advance", post(advance))
        .route("/v1/faults", get(read_faults).put(set_faults))
        .route("/v1/connections/{connection}", delete(drop_connection))
        .route("/v1/events", get(events_of))
        .route("/v1/seed/cards", post(seed_cards))
        .route("/v1/seed/users", put(seed_users))
        .route("/v1/page", post(page_address))
        .fallback(no_such_thing)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::map_response(never_cached))
        .layer(middleware::from_fn_with_state(gate, gate::pass))
        .merge(door)
        .with_state(desk)
}

async fn never_cached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn no_such_thing() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "find what is asked for",
        "a path of `/openapi.json`",
        "another",
    )
}

async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "find what is asked for",
        "a method of the header `Allow`",
        "another",
    )
}

impl Desk {
    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let asked = self.device.send(request(reply)).await;
        asked.map_err(|_| Refusal::ending())?;
        answer.await.map_err(|_| Refusal::ending())?
    }

    async fn act(&self, act: Act) -> Result<Json<State>, Refusal> {
        self.ask(|reply| Request::Act(act, reply)).await.map(Json)
    }
}

/// The body as JSON, strictly.
struct Strict<T>(T);

impl<T: DeserializeOwned> FromRequest<Desk> for Strict<T> {
    type Rejection = Refusal;

    async fn from_request(request: HttpRequest, _: &Desk) -> Result<Self, Refusal> {
        let doing = "read the body";
        let media_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let media_type = media_type.and_then(|value| value.split(|byte| *byte == b';').next());
        if !media_type.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(JSON.as_bytes())) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let refusal = Refusal::new(
                status,
                doing,
                format!("`Content-Type: {JSON}`"),
                "another or none",
            );
            return Err(refusal.hint("say what it is, with `curl --json` for example"));
        }
        let bytes = whole(request.into_body(), doing).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            // What serde says names members and types; values it may repeat are numbers and names, never texts.
            let expected = "a body as `/openapi.json` describes it";
            let came = if error.is_data() {
                format!("another: {}", about(&error))
            } else {
                "no JSON".to_owned()
            };
            Refusal::new(StatusCode::BAD_REQUEST, doing, expected, came)
        })?;
        Ok(Self(value))
    }
}

/// What serde says, unless it repeats a text: that could be a PIN in the wrong place.
fn about(error: &serde_json::Error) -> String {
    let said = error.to_string();
    if said.contains("invalid type: string") || said.contains("invalid value: string") {
        format!(
            "a text where none belongs, line {} column {}",
            error.line(),
            error.column()
        )
    } else {
        said
    }
}

async fn whole(body: Body, doing: &'static str) -> Result<Bytes, Refusal> {
    let too_large = || {
        let expected = format!("at most {BODY_BYTES_MAX} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, doing, expected, "more")
    };
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let read = timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match read {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            doing,
            "all of it",
            "a part",
        )),
        Err(_) => {
            let expected = format!("all of it within {} s", BODY_TIMEOUT.as_secs());
            Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                doing,
                expected,
                "a part",
            ))
        }
    }
}

/// A query, strictly.
struct StrictQuery<T>(T);

impl<T: DeserializeOwned> FromRequestParts<Desk> for StrictQuery<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Refusal> {
        let read = Query::from_request_parts(parts, desk).await;
        read.map(|Query(value)| Self(value)).map_err(|_| {
            let expected = "parameters as `/openapi.json` describes them";
            Refusal::new(StatusCode::BAD_REQUEST, "read the query", expected, "others")
        })
    }
}

/// Everything at one moment
#[utoipa::path(get, path = "/v1/state", responses((status = 200, description = "What is the matter", body = State), Refusals))]
async fn state(Shared(desk): Shared<Desk>) -> Result<Json<State>, Refusal> {
    desk.ask(Request::Look).await.map(Json)
}

/// The console's screen
#[utoipa::path(get, path = "/v1/console/screen", responses(
    (status = 200, description = "25 lines of 80 characters, each ended by a line feed", body = String, content_type = "text/plain"),
    Refusals
))]
async fn screen(Shared(desk): Shared<Desk>) -> Result<Response, Refusal> {
    let text = desk.ask(Request::Screen).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Press keys, one after the other
#[utoipa::path(post, path = "/v1/console/keys", request_body = Keys, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn press(Shared(desk): Shared<Desk>, Strict(body): Strict<Keys>) -> Result<Json<State>, Refusal> {
    desk.act(Act::Keys(body.keys)).await
}

/// Type a text, character by character
#[utoipa::path(post, path = "/v1/console/text", request_body = Text, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn type_text(Shared(desk): Shared<Desk>, Strict(body): Strict<Text>) -> Result<Json<State>, Refusal> {
    desk.act(Act::Type(body)).await
}

/// Put a card into the local reader
#[utoipa::path(put, path = "/v1/reader/card", request_body = Insert, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn insert_card(
    Shared(desk): Shared<Desk>,
    Strict(body): Strict<Insert>,
) -> Result<Json<State>, Refusal> {
    desk.act(Act::InsertCard(PathBuf::from(body.card))).await
}

/// Take the card out of the local reader
#[utoipa::path(delete, path = "/v1/reader/card", responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn remove_card(Shared(desk): Shared<Desk>) -> Result<Json<State>, Refusal> {
    desk.act(Act::RemoveCard).await
}

/// Switch on or off, or pull the cable out
#[utoipa::path(post, path = "/v1/power", request_body = PowerChange, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn change_power(
    Shared(desk): Shared<Desk>,
    Strict(body): Strict<PowerChange>,
) -> Result<Json<State>, Refusal> {
    desk.act(Act::Power(body.action)).await
}

/// The device's clock
#[utoipa::path(get, path = "/v1/clock", responses((status = 200, description = "What it says", body = hsm_bench::Clock), Refusals))]
async fn read_clock(Shared(desk): Shared<Desk>) -> Result<Json<hsm_bench::Clock>, Refusal> {
    desk.ask(Request::Look).await.map(|state| Json(state.clock))
}

/// Move a manual clock; everything that is due happens, in order, before the answer
#[utoipa::path(post, path = "/v1/clock/advance", request_body = Advance, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn advance(Shared(desk): Shared<Desk>, Strict(body): Strict<Advance>) -> Result<Json<State>, Refusal> {
    desk.ask(|reply| Request::Advance(body, reply)).await.map(Json)
}

/// What goes wrong
#[utoipa::path(get, path = "/v1/faults", responses((status = 200, description = "All of it", body = Faults), Refusals))]
async fn read_faults(Shared(desk): Shared<Desk>) -> Result<Json<Faults>, Refusal> {
    desk.ask(Request::Look).await.map(|state| Json(state.faults))
}

/// Let something go wrong, or nothing any more
#[utoipa::path(put, path = "/v1/faults", request_body = Faults, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn set_faults(
    Shared(desk): Shared<Desk>,
    Strict(body): Strict<Faults>,
) -> Result<Json<State>, Refusal> {
    desk.act(Act::Faults(body)).await
}

/// Break a connection: both ends see a reset
#[utoipa::path(delete, path = "/v1/connections/{connection}",
    params(("connection" = u64, Path, description = "Its number", minimum = 0)),
    responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn drop_connection(
    Shared(desk): Shared<Desk>,
    connection: Result<Path<u64>, axum::extract::rejection::PathRejection>,
) -> Result<Json<State>, Refusal> {
    let Ok(Path(connection)) = connection else {
        let (doing, expected) = ("break a connection", "its number");
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            doing,
            expected,
            "another text",
        ));
    };
    desk.act(Act::DropLink(ConnectionId::new(connection))).await
}

/// What happened: the events that are kept, or with `Accept: text/event-stream` those and all that come
#[utoipa::path(get, path = "/v1/events", operation_id = "events", params(
        EventsQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "Begin after this number", nullable = false,
            minimum = 0, maximum = 9_007_199_254_740_990_u64)
    ), responses(
    (status = 200, description = "The events", content((Vec<Event> = "application/json"), (String = "text/event-stream"))),
    (status = 410, description = "That event is forgotten; `oldest` is not", body = Problem, content_type = "application/problem+json"),
    Refusals
))]
async fn events(
    Shared(desk): Shared<Desk>,
    StrictQuery(query): StrictQuery<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let first = first_event(query, &headers)?;
    let kept = desk.events.from(first)?;
    if !accepts_event_stream(&headers) {
        return Ok(Json(kept).into_response());
    }
    let Ok(place) = Arc::clone(&desk.places).try_acquire_owned() else {
        let (doing, expected) = ("listen to events", format!("at most {SUBSCRIBERS_MAX} listeners"));
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            doing,
            expected,
            "one more",
        ));
    };
    let (sender, receiver) = channel(1);
    let next = kept.last().map_or_else(
        || first.unwrap_or_else(|| desk.events.range().next),
        |event| event.number + 1,
    );
    spawn(async move {
        tell(kept, next, query.changes, &desk.events, &sender).await;
        drop(place);
    });
    Ok(([(CONTENT_TYPE, EVENT_STREAM)], Body::new(Stream(receiver))).into_response())
}
use events as events_of;

fn first_event(query: EventsQuery, headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(last) = headers.get(LAST_EVENT_ID) else {
        return Ok(query.from);
    };
    let number = last.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    match number
        .filter(|number| *number < NUMBER_MAX)
        .map(|number| number + 1)
    {
        // Whoever comes back to a stream knows better than its address.
        Some(first) => Ok(Some(first)),
        None => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "read the header `Last-Event-ID`",
            "the number of an event",
            "another text",
        )),
    }
}

fn accepts_event_stream(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| {
        value.to_str().is_ok_and(|value| {
            let mut ranges = value
                .split(',')
                .map(|range| range.split(';').next().unwrap_or_default());
            ranges.any(|range| range.trim().eq_ignore_ascii_case(EVENT_STREAM))
        })
    })
}

/// Sends events, and if that is wanted news of changes, until the listener is gone or so far behind that the next event
/// is forgotten.
async fn tell(kept: Vec<Event>, mut next: u64, changes: bool, log: &EventLog, listener: &Sender<Bytes>) {
    let mut news = log.watch();
    let mut change = log.watch_change();
    let mut events = kept;
    loop {
        for event in &events {
            next = event.number + 1;
            if listener.send(as_message(event)).await.is_err() {
                return;
            }
        }
        let other = tokio::select! {
            came = news.wait_for(|number| *number > next) => match came.map(|_| log.from(Some(next))) {
                Ok(Ok(came)) => {
                    events = came;
                    continue;
                }
                Ok(Err(_)) | Err(_) => return,
            },
            told = change.changed(), if changes => match told {
                Ok(()) => CHANGED,
                Err(_) => return,
            },
            () = sleep(KEEP_ALIVE) => STILL_HERE,
            () = listener.closed() => return,
        };
        events = Vec::new();
        if listener.send(Bytes::from_static(other)).await.is_err() {
            return;
        }
    }
}

/// The event in the form of the HTML standard, "Server-sent events".
fn as_message(event: &Event) -> Bytes {
    let data =
        serde_json::to_string(event).expect("our own types have string keys and no failing serializer");
    Bytes::from(format!("id: {}\ndata: {data}\n\n", event.number))
}

/// A body that ends with its sender.
struct Stream(tokio::sync::mpsc::Receiver<Bytes>);

impl axum::body::HttpBody for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Bind a device without power to a new set of cards
#[utoipa::path(post, path = "/v1/seed/cards", request_body = SeedCards, responses((status = 200, description = "The cards", body = SeededCards), Refusals))]
async fn seed_cards(
    Shared(desk): Shared<Desk>,
    Strict(body): Strict<SeedCards>,
) -> Result<Json<SeededCards>, Refusal> {
    desk.ask(|reply| Request::SeedCards(body, reply)).await.map(Json)
}

/// Give a device without power other users
#[utoipa::path(put, path = "/v1/seed/users", request_body = SeedUsers, responses((status = 200, description = "What came of it", body = State), Refusals))]
async fn seed_users(
    Shared(desk): Shared<Desk>,
    Strict(body): Strict<SeedUsers>,
) -> Result<Json<State>, Refusal> {
    desk.act(Act::SeedUsers(body.users)).await
}

/// The bench's page, for a browser that has a session; for another, how to get one
#[utoipa::path(get, path = "/", operation_id = "page", security(()), responses((status = 200, description = "The page", body = String, content_type = "text/html"), Refusals))]
async fn front(Shared(desk): Shared<Desk>, headers: HeaderMap) -> Result<Response, Refusal> {
    if !desk.gate.knows(&headers) {
        return Ok(page::enter());
    }
    let sight = desk.ask(Request::See).await?;
    Ok(page::page(&sight, &desk.events, desk.cards.as_deref()))
}

/// Make an address that opens the page in a browser, once
#[utoipa::path(post, path = "/v1/page", responses((status = 200, description = "The address", body = PageAddress), Refusals))]
async fn page_address(Shared(gate): Shared<Gate>) -> Json<PageAddress> {
    Json(PageAddress {
        url: gate.page_address(),
    })
}

/// Begin the session of a browser, with the ticket of an address
#[utoipa::path(post, path = "/v1/session", request_body = Ticket, security(()), responses((status = 204, description = "The cookie is in the header `Set-Cookie`"), Refusals))]
async fn begin_session(
    Shared(gate): Shared<Gate>,
    Strict(ticket): Strict<Ticket>,
) -> Result<Response, Refusal> {
    page::begin_session(&gate, &ticket)
}

/// This document
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value), Refusals))]
async fn openapi() -> Json<Document> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_the_committed_one() {
        let text = document().to_pretty_json().expect("it is JSON");
        let committed = include_str!("../../../../docs/bench-openapi.json");
        if std::env::var_os("BLESS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bench-openapi.json");
            std::fs::write(path, format!("{text}\n")).expect("it can be written");
            return;
        }
        assert_eq!(text, committed.trim_end(), "BLESS=1 writes this one");
    }

    #[test]
    fn an_event_stream_must_be_asked_for_by_name() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            accepts_event_stream(&headers)
        };
        assert!(accepts("text/event-stream"));
        assert!(accepts("application/json;q=0.1, Text/Event-Stream; q=1"));
        assert!(!accepts("*/*") && !accepts("application/json"));
        assert!(!accepts_event_stream(&HeaderMap::new()));
    }
}
