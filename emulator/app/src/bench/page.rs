//! The page of the bench: the device's front panel in a browser. Everything that is on it is written here, and its
//! script only moves hands and swaps what changed. Does nothing to the device.

mod parts;

use std::path::Path;

use axum::response::{IntoResponse as _, Response};
use hsm_bench::Ticket;
use hyper::{
    HeaderMap, StatusCode,
    header::{
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, SET_COOKIE,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{EventLog, Refusal, Sight, card_folder, gate::Gate};

/// Lines of the event log on the page; the script keeps as many.
const LOG_LINES_MAX: usize = 200;

const PAGE: &str = include_str!("page/page.html");
const ENTER: &str = include_str!("page/enter.html");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One of the files that are the same for everybody, and hold nothing that is anybody's.
pub(crate) async fn style() -> Response {
    file(CSS, include_str!("page/page.css"))
}

pub(crate) async fn script() -> Response {
    file(SCRIPT, include_str!("page/page.js"))
}

pub(crate) async fn enter_script() -> Response {
    file(SCRIPT, include_str!("page/enter.js"))
}

pub(crate) async fn icon() -> Response {
    file(SVG, include_str!("page/icon.svg"))
}

/// What somebody sees who has no session: how to get one.
pub(crate) fn enter() -> Response {
    file(HTML, ENTER)
}

/// The page of somebody who has.
pub(crate) fn page(sight: &Sight, events: &EventLog, cards: Option<&Path>) -> Response {
    file(HTML, filled(sight, events, cards))
}

fn filled(sight: &Sight, events: &EventLog, cards: Option<&Path>) -> String {
    let state = &sight.state;
    let listed = cards.map(card_folder::list);
    let (lines, next) = events.last(LOG_LINES_MAX);
    let mut page = PAGE.to_owned();
    // What is put in is escaped, so that no mark stands in it.
    for (mark, part) in [
        ("lamps", parts::lamps(state)),
        ("screen", parts::screen(sight)),
        ("spoken", parts::spoken(sight)),
        ("keys", parts::keys()),
        ("slot", parts::slot(state)),
        ("cards", parts::cards(state, cards, listed.as_ref())),
        ("clock", parts::clock(state)),
        ("clock hands", parts::clock_hands(state)),
        ("manager", parts::manager(state)),
        ("ceremony", parts::ceremony(state)),
        ("connections", parts::connections(state)),
        ("limits", parts::limits(state)),
        ("faults", parts::faults(state)),
        ("next", next.to_string()),
        ("log", parts::log(&lines)),
    ] {
        page = page.replacen(&format!("<!-- {mark} -->"), &part, 1);
    }
    page
}

/// What a session begins with: the cookie, if the ticket is one.
pub(crate) fn begin_session(gate: &Gate, ticket: &Ticket) -> Result<Response, Refusal> {
    let Some(cookie) = gate.redeem(ticket) else {
        let refusal = Refusal::new(
            StatusCode::UNAUTHORIZED,
            "open the bench's page",
            "an address that was not used yet",
            "another",
        );
        return Err(refusal.hint("ask for another with `hsm-emulator bench page`"));
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

fn file(media_type: &'static str, body: impl Into<String>) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (headers, body.into()).into_response()
}
