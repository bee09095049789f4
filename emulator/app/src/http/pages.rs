//! The pages: what each shows and what its forms ask of the device. Whether somebody may, the device says; a menu shows
//! what it said last.

mod frame;
mod keys;
mod log;
mod named;
mod users;

use std::net::IpAddr;

use axum::{
    Router,
    extract::{Extension, Request, State},
    middleware::from_fn,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use hsm_core::{ObjectRequest, Password, Permissions, SessionDetails, UserAnswer, UserRefusal, UserRequest};
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE},
};
use tokio::sync::{mpsc::Sender, oneshot};

use self::{
    frame::{News, button, form, page, secret},
    named::{Kind, Which, act, see},
};
use super::{
    form::Form,
    guard,
    html::Html,
    server::{Answer, Visit},
    sessions::{COOKIE, Session, Sessions},
    words::PERMISSIONS,
};

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What the pages need.
#[derive(Clone)]
struct Desk {
    visits: Sender<Visit>,
    sessions: Sessions,
}

/// Somebody who is logged in, as the device said a moment ago.
struct Visitor {
    session: Session,
    details: SessionDetails,
    peer: IpAddr,
}

/// A page of the menu.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Session,
    Keys,
    Password,
    Users,
    Log,
}

impl Entry {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Session, "/", "Session"),
        (Self::Keys, "/keys", "Keys"),
        (Self::Password, "/password", "Password"),
        (Self::Users, "/users", "Users"),
        (Self::Log, "/log", "Event log"),
    ];

    /// Whether somebody with these permissions has something to do there.
    const fn is_for(self, permissions: Permissions) -> bool {
        match self {
            Self::Session | Self::Keys | Self::Password => true,
            Self::Users => {
                permissions.include(Permissions::USER_CREATE) || permissions.include(Permissions::USER_LIST)
            }
            Self::Log => permissions.include(Permissions::USER_REMOTE_LOG),
        }
    }
}

/// Every page of the console.
pub(crate) fn router(visits: Sender<Visit>, sessions: Sessions) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/password", get(password_page).post(change_password))
        .merge(own_keys())
        .merge(every_user())
        .route("/log", get(log::log_page))
        .route("/log/download", get(log::download_log))
        .route("/log/follow", get(log::follow_log))
        .route("/log/clear", post(log::clear_log))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn(guard::protect))
        .with_state(Desk { visits, sessions })
}

fn own_keys() -> Router<Desk> {
    let act = |next, good, ask| act(Kind::Key, next, good, ask);
    let create = act(Which::All, "The key is created.", keys::creation);
    let attributes = act(Which::One, "The attributes are changed.", |name, form| {
        let attributes = keys::attributes(form);
        Ok(keys::about(name, ObjectRequest::SetAttributes(attributes)))
    });
    let block = act(Which::One, "The key is blocked.", |name, _| {
        Ok(keys::about(name, ObjectRequest::Block(true)))
    });
    let release = act(Which::One, "The key is released.", |name, _| {
        Ok(keys::about(name, ObjectRequest::Block(false)))
    });
    let remove = act(Which::One, "The key is removed.", keys::removal);
    Router::new()
        .route("/keys", see(Kind::Key, Which::All))
        .route("/keys/key", see(Kind::Key, Which::One))
        .route("/keys/create", create)
        .route("/keys/attributes", attributes)
        .route("/keys/block", block)
        .route("/keys/release", release)
        .route("/keys/remove", remove)
}

fn every_user() -> Router<Desk> {
    let act = |next, good, ask| act(Kind::User, next, good, ask);
    let create = act(Which::All, "The user is created.", |name, form| {
        Ok(users::creation(name, form))
    });
    let block = act(Which::One, "The user is blocked.", |name, _| {
        Ok(UserRequest::Block { name })
    });
    let unblock = act(Which::One, "The user is not blocked.", |name, _| {
        Ok(UserRequest::Unblock { name })
    });
    let permissions = act(Which::One, "The permissions are changed.", |name, form| {
        Ok(users::other_permissions(name, form))
    });
    let remove = act(Which::One, "The user is removed.", users::removal);
    Router::new()
        .route("/users", see(Kind::User, Which::All))
        .route("/users/user", see(Kind::User, Which::One))
        .route("/users/create", create)
        .route("/users/block", block)
        .route("/users/unblock", unblock)
        .route("/users/permissions", permissions)
        .route("/users/remove", remove)
}

async fn style() -> Response {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("style.css"),
    )
        .into_response()
}

async fn icon() -> Response {
    (
        [(CONTENT_TYPE, "image/svg+xml")],
        include_str!("../bench/page/icon.svg"),
    )
        .into_response()
}

// Whoever asks.

impl Desk {
    /// Hands a request to the device and waits for what it says. A session asks for one thing after the other.
    async fn ask(&self, session: &Session, peer: IpAddr, request: UserRequest) -> Result<Answer, StatusCode> {
        let turn = session.turn.clone().lock_owned().await;
        let (reply, answer) = oneshot::channel();
        let visit = Visit::Ask {
            session: session.number,
            peer,
            request,
            reply,
            turn: Some(turn),
        };
        self.visits
            .send(visit)
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        answer.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Who asks; the login page, or another answer, if it is nobody.
    async fn visitor(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Visitor, Response> {
        let session = guard::cookie(headers).and_then(|cookie| self.sessions.find(&cookie));
        let Some(session) = session else {
            return Err(login_page("", &News::Nothing));
        };
        match self.ask(&session, peer, UserRequest::Details).await {
            Ok(Answer::User(UserAnswer::Details(details))) => Ok(Visitor {
                session,
                details,
                peer,
            }),
            Ok(_) => Err(login_page("", &News::Nothing)),
            Err(status) => Err(status.into_response()),
        }
    }

    /// Who asks for a page, and what stands behind the `?` of its address.
    async fn reader(&self, peer: IpAddr, request: Request) -> Result<(Visitor, Form), Response> {
        let visitor = self.visitor(request.headers(), peer).await?;
        let query = Form::parse(request.uri().query().unwrap_or("").as_bytes());
        let query = query.ok_or_else(|| StatusCode::BAD_REQUEST.into_response())?;
        Ok((visitor, query))
    }

    /// Who sent a form, and the form, if it is one of a page of this session.
    async fn sender(&self, peer: IpAddr, request: Request) -> Result<(Visitor, Form), Response> {
        let visitor = self.visitor(request.headers(), peer).await?;
        let form = Form::read(request)
            .await
            .map_err(axum::response::IntoResponse::into_response)?;
        if visitor.session.csrf.is(form.field("csrf").as_bytes()) {
            Ok((visitor, form))
        } else {
            Err(StatusCode::FORBIDDEN.into_response())
        }
    }

    /// What the device says to somebody; the login page, or another answer, if that is nobody any more.
    async fn told(
        &self,
        visitor: &Visitor,
        request: UserRequest,
    ) -> Result<Result<UserAnswer, UserRefusal>, Response> {
        match self.ask(&visitor.session, visitor.peer, request).await {
            Ok(Answer::User(UserAnswer::LoggedOut) | Answer::Log(_) | Answer::Lines(_)) => {
                Err(login_page("", &News::Nothing))
            }
            Ok(Answer::User(UserAnswer::Refused(refusal))) => Ok(Err(refusal)),
            Ok(Answer::User(answer)) => Ok(Ok(answer)),
            Err(status) => Err(status.into_response()),
        }
    }

    /// What came of a form's request, told at the top of a page.
    async fn news(
        &self,
        visitor: &Visitor,
        request: UserRequest,
        good: &'static str,
    ) -> Result<News, Response> {
        let told = self.told(visitor, request).await?;
        Ok(told.map_or_else(News::Bad, |_| News::Good(good)))
    }
}

/// An answer, whichever end it came from.
fn either(answer: Result<Response, Response>) -> Response {
    answer.unwrap_or_else(|answer| answer)
}

// Login and session.

async fn home(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    either(
        desk.visitor(&headers, peer)
            .await
            .map(|visitor| session_page(&visitor)),
    )
}

//= HC-01
//= HC-02
async fn log_in(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let before = guard::cookie(request.headers()).and_then(|cookie| desk.sessions.find(&cookie));
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(status) => return status.into_response(),
    };
    let number = desk.sessions.next_number();
    let (reply, answer) = oneshot::channel();
    let visit = Visit::Ask {
        session: number,
        peer,
        request: UserRequest::Login {
            name: form.field("name").to_owned(),
            password: Password::from(form.field("password")),
        },
        reply,
        turn: None,
    };
    if desk.visits.send(visit).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(Answer::User(UserAnswer::LoggedIn { .. })) => {
            let cookie = desk.sessions.begin(number);
            // Whoever logs in anew is not two people.
            if let Some(before) = before {
                desk.sessions.end(before.number);
                // Without a device nobody is logged in.
                let _ = desk.visits.send(Visit::Left(before.number)).await;
            }
            let cookie = format!(
                "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict",
                cookie.expose()
            );
            let mut cookie = HeaderValue::try_from(cookie).expect("hexadecimal digits stand in a header");
            cookie.set_sensitive(true);
            let mut response = go("/");
            response.headers_mut().insert(SET_COOKIE, cookie);
            response
        }
        Ok(Answer::User(UserAnswer::Refused(refusal))) => login_page(form.field("name"), &News::Bad(refusal)),
        Ok(_) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn log_out(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (visitor, _) = match desk.sender(peer, request).await {
        Ok(sender) => sender,
        Err(answer) => return answer,
    };
    // Whatever it answers, the session is over, and with it a page that follows the log.
    let _ = desk.ask(&visitor.session, peer, UserRequest::Logout).await;
    desk.sessions.end(visitor.session.number);
    let _ = desk.visits.send(Visit::Left(visitor.session.number)).await;
    let mut response = go("/");
    let cookie = const_cookie();
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

/// The cookie that takes a cookie away.
fn const_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-hsm=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
}

fn go(path: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

// Password.

async fn password_page(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let visitor = desk.visitor(&headers, peer).await;
    either(visitor.map(|visitor| password_form(&visitor, &News::Nothing)))
}

async fn change_password(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (visitor, form) = match desk.sender(peer, request).await {
        Ok(sender) => sender,
        Err(answer) => return answer,
    };
    if form.field("new") != form.field("again") {
        let news = News::Unclear("The two new passwords differ. Nothing was changed.");
        return password_form(&visitor, &news);
    }
    let request = UserRequest::ChangePassword {
        old: Password::from(form.field("old")),
        new: Password::from(form.field("new")),
    };
    let news = desk.news(&visitor, request, "The password is changed.").await;
    either(news.map(|news| password_form(&visitor, &news)))
}

// What they look like.

fn login_page(name: &str, news: &News) -> Response {
    let body = news
        .html()
        .raw("<form method=\"post\" action=\"/login\"><label for=\"name\">User</label>")
        .raw("<input id=\"name\" name=\"name\" required autocomplete=\"username\" maxlength=\"16\" value=\"")
        .text(name)
        .raw("\"><label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" ")
        .raw("required autocomplete=\"current-password\" maxlength=\"128\"><button>Log in</button></form>");
    page(news.status(), "Login", None, &body)
}

fn session_page(visitor: &Visitor) -> Response {
    let details = &visitor.details;
    let mut body = Html::default()
        .raw("<dl><dt>User</dt><dd>")
        .text(details.name.as_str())
        .raw("</dd><dt>Logged in from</dt><dd>")
        .text(&details.peer.to_string())
        .raw("</dd><dt>Since</dt><dd>")
        .text(&details.since.to_string())
        .raw("</dd><dt>Ends</dt><dd>After 5 minutes without a request</dd><dt>Permissions</dt>");
    let mut has_some = false;
    for (permission, _, name) in PERMISSIONS {
        if details.permissions.include(permission) {
            has_some = true;
            body = body.raw("<dd>").raw(name).raw("</dd>");
        }
    }
    if !has_some {
        body = body.raw("<dd>The own partition</dd>");
    }
    let body = body
        .raw("</dl>")
        .piece(&form("/logout", visitor))
        .piece(&button("Log out"));
    page(StatusCode::OK, "Session", Some((visitor, Entry::Session)), &body)
}

fn password_form(visitor: &Visitor, news: &News) -> Response {
    let body = news
        .html()
        .piece(&form("/password", visitor))
        .piece(&secret("old", "Present password", "current-password"))
        .piece(&secret("new", "New password", "new-password"))
        .piece(&secret("again", "New password again", "new-password"))
        .piece(&button("Change the password"));
    page(news.status(), "Password", Some((visitor, Entry::Password)), &body)
}
