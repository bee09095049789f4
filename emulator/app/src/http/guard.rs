//! What every request must be and every answer says, whatever page it is about. Looks at headers only.

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::sessions;

/// What a browser says of where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// No script, nothing from elsewhere, no frame around it, no form that goes elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// Whether a request may be looked at: it names one host, and one that changes something comes from a page of ours.
pub(crate) fn check(request: &Request) -> Result<(), StatusCode> {
    let headers = request.headers();
    let host = only(headers, &HOST).ok_or(StatusCode::BAD_REQUEST)?;
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        Method::POST => {
            let origin = only(headers, &ORIGIN).and_then(|origin| origin.strip_prefix(b"https://"));
            let is_ours = !headers.contains_key(SEC_FETCH_SITE)
                || only(headers, &SEC_FETCH_SITE) == Some(b"same-origin");
            if origin == Some(host) && is_ours {
                Ok(())
            } else {
                Err(StatusCode::FORBIDDEN)
            }
        }
        _ => Err(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The cookie of a session, if there is exactly one of that name.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<Vec<u8>> {
    let all = headers.get_all(COOKIE).iter();
    let mut ours = all
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|cookie| {
            let value = cookie.trim_ascii().strip_prefix(sessions::COOKIE.as_bytes())?;
            value.strip_prefix(b"=")
        });
    match (ours.next(), ours.next()) {
        (Some(cookie), None) => Some(cookie.to_vec()),
        _ => None,
    }
}

/// Says to the browser what the page is not: kept, framed, guessed at, told to others.
pub(crate) async fn protect(request: Request, next: axum::middleware::Next) -> Response {
    let mut response = match check(&request) {
        Ok(()) => next.run(request).await,
        Err(status) => status.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would take away the origin that forms are checked by.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
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
    response
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}
