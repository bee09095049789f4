//! Who may pass: a request to this address by its name, from no page of another origin, with the token. Looks at
//! headers only, before anything else does.

use std::net::SocketAddr;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hyper::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, HOST, HeaderName, ORIGIN},
};

use super::{Refusal, Token};

/// What is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// The names under which the bench may be asked for, each with its port.
    hosts: Vec<String>,
    token: Token,
}

impl Gate {
    pub(crate) fn new(address: SocketAddr, token: Token) -> Self {
        Self {
            hosts: vec![address.to_string(), format!("localhost:{}", address.port())],
            token,
        }
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let doing = "let a request to the bench in";
        // A page that had its own name point here would ask for that name.
        let host = only(headers, &HOST);
        if !self.hosts.iter().any(|ours| host == Some(ours.as_bytes())) {
            let expected = format!("the header `Host: {}`", self.hosts[0]);
            let refusal = Refusal::new(
                StatusCode::MISDIRECTED_REQUEST,
                doing,
                expected,
                "another or none",
            );
            return Err(refusal.hint("use the URL of the ready-file"));
        }
        let is_ours = |origin: &[u8]| {
            let host = origin.strip_prefix(b"http://");
            host.is_some_and(|host| self.hosts.iter().any(|ours| host == ours.as_bytes()))
        };
        if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(is_ours) {
            let refusal = Refusal::new(
                StatusCode::FORBIDDEN,
                doing,
                "no header `Origin`, or that of the bench",
                "another",
            );
            return Err(refusal.hint("pages of other origins have no hand at the device"));
        }
        let token = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix(b"Bearer "));
        if !token.is_some_and(|token| self.token.is(token)) {
            let refusal = Refusal::new(
                StatusCode::UNAUTHORIZED,
                doing,
                "the header `Authorization: Bearer TOKEN`",
                "another or none",
            );
            return Err(refusal.hint("the token is in the ready-file; it changes with every start"));
        }
        Ok(())
    }
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}

/// Lets a request pass, or answers it.
pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}
