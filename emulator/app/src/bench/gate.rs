//! Who may pass: a request to this address by its name, from no page of another origin, with the token, or with the
//! session of the bench's own page. Looks at headers only, before anything else does.

use std::net::SocketAddr;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hsm_bench::Ticket;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{AUTHORIZATION, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN},
};

use super::{Refusal, Token, tickets::Tickets};

/// What a browser says of where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const DOING: &str = "let a request to the bench in";

/// What is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// The names under which the bench may be asked for, each with its port.
    hosts: Vec<String>,
    token: Token,
    /// What the page's cookie holds. It ends with the program.
    session: Token,
    /// Cookies know no ports, so each bench has a name for its own.
    cookie: String,
    tickets: Tickets,
}

impl Gate {
    pub(crate) fn new(address: SocketAddr, token: Token) -> Self {
        Self {
            hosts: vec![address.to_string(), format!("localhost:{}", address.port())],
            token,
            session: Token::generate(),
            cookie: format!("bench-{}", address.port()),
            tickets: Tickets::default(),
        }
    }

    /// An address that opens the page once. A browser keeps what stands behind `#` to itself.
    pub(crate) fn page_address(&self) -> String {
        format!("http://{}/#{}", self.hosts[0], self.tickets.issue().expose())
    }

    /// The cookie of a session, for a ticket.
    pub(crate) fn redeem(&self, ticket: &Ticket) -> Option<HeaderValue> {
        if !self.tickets.redeem(ticket) {
            return None;
        }
        let (name, session) = (&self.cookie, self.session.expose());
        let cookie = format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict");
        let mut cookie = HeaderValue::try_from(cookie).expect("hexadecimal digits stand in a header");
        cookie.set_sensitive(true);
        Some(cookie)
    }

    /// Whether somebody who may pass asks for the page.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        self.has_token(headers) || self.has_session(headers)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let token = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix(b"Bearer "));
        token.is_some_and(|token| self.token.is(token))
    }

    /// The cookie of a page that is ours: the browser sends it for pages of other ports, too, and says so.
    fn has_session(&self, headers: &HeaderMap) -> bool {
        let site = only(headers, &SEC_FETCH_SITE);
        let is_ours = !headers.contains_key(SEC_FETCH_SITE) || matches!(site, Some(b"same-origin" | b"none"));
        let mut cookies = headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let session = cookies.find_map(|cookie| {
            let value = cookie.trim_ascii().strip_prefix(self.cookie.as_bytes())?;
            value.strip_prefix(b"=")
        });
        is_ours && session.is_some_and(|session| self.session.is(session))
    }

    /// A request to this address by its name, from no page of another origin.
    fn check_place(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        // A page that had its own name point here would ask for that name.
        let host = only(headers, &HOST);
        if !self.hosts.iter().any(|ours| host == Some(ours.as_bytes())) {
            let expected = format!("the header `Host: {}`", self.hosts[0]);
            let refusal = Refusal::new(
                StatusCode::MISDIRECTED_REQUEST,
                DOING,
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
                DOING,
                "no header `Origin`, or that of the bench",
                "another",
            );
            return Err(refusal.hint("pages of other origins have no hand at the device"));
        }
        Ok(())
    }

    /// Somebody with the token, or the page itself. A page says its origin when it changes something.
    fn check_right(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let changes = method != Method::GET && method != Method::HEAD;
        if self.has_token(headers)
            || (self.has_session(headers) && (!changes || headers.contains_key(ORIGIN)))
        {
            return Ok(());
        }
        let refusal = Refusal::new(
            StatusCode::UNAUTHORIZED,
            DOING,
            "the header `Authorization: Bearer TOKEN`",
            "another or none",
        );
        Err(refusal.hint("the token is in the ready-file; it changes with every start"))
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

/// Lets a request pass that has the right to, or answers it.
pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    match gate
        .check_place(headers)
        .and_then(|()| gate.check_right(request.method(), headers))
    {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Lets a request pass that comes to the door, where nothing is to be seen but the way in.
pub(crate) async fn come_near(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.check_place(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}
