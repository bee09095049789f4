//! The pages: what each shows and what its forms ask of the device. Whether somebody may, the device says; a menu shows
//! what it said last.

use std::net::IpAddr;

use axum::{
    Router,
    extract::{Extension, Request, State},
    middleware::from_fn,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use hsm_core::{
    Password, Permissions, SessionDetails, USER_NAME_CHARACTERS_MAX, UserAnswer, UserRefusal, UserRequest,
};
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE},
};
use tokio::{
    sync::{Semaphore, mpsc::Sender, oneshot},
    task::spawn_blocking,
};

use super::{
    form::Form,
    guard,
    html::Html,
    log_search::{self, LINES_SHOWN_MAX},
    server::{Answer, Visit},
    sessions::{COOKIE, Session, Sessions},
    words::{PERMISSIONS, sentence, status},
};

/// Readings of the log at once: each may hold all of it.
const LOG_READERS_MAX: usize = 2;
static LOG_READERS: Semaphore = Semaphore::const_new(LOG_READERS_MAX);

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
    Password,
    Users,
    Log,
}

impl Entry {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Session, "/", "Session"),
        (Self::Password, "/password", "Password"),
        (Self::Users, "/users", "Users"),
        (Self::Log, "/log", "Event log"),
    ];

    /// Whether somebody with these permissions has something to do there.
    const fn is_for(self, permissions: Permissions) -> bool {
        match self {
            Self::Session | Self::Password => true,
            Self::Users => permissions.include(Permissions::USER_CREATE),
            Self::Log => permissions.include(Permissions::USER_REMOTE_LOG),
        }
    }
}

/// How a page begins, if there is something to tell.
enum News {
    Nothing,
    Good(&'static str),
    Bad(UserRefusal),
}

/// Every page of the console.
pub(crate) fn router(visits: Sender<Visit>, sessions: Sessions) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/password", get(password_page).post(change_password))
        .route("/users", get(users_page))
        .route("/users/create", post(create_user))
        .route("/users/remove", post(remove_user))
        .route("/users/unblock", post(unblock_user))
        .route("/log", get(log_page))
        .route("/log/download", get(download_log))
        .route("/log/clear", post(clear_log))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn(guard::protect))
        .with_state(Desk { visits, sessions })
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

    /// What came of a form's request, told at the top of a page.
    async fn news(
        &self,
        visitor: &Visitor,
        request: UserRequest,
        good: &'static str,
    ) -> Result<News, Response> {
        match self.ask(&visitor.session, visitor.peer, request).await {
            Ok(Answer::User(UserAnswer::Done)) => Ok(News::Good(good)),
            Ok(Answer::User(UserAnswer::Refused(refusal))) => Ok(News::Bad(refusal)),
            Ok(_) => Err(login_page("", &News::Nothing)),
            Err(status) => Err(status.into_response()),
        }
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
    // Whatever it answers, the session is over.
    let _ = desk.ask(&visitor.session, peer, UserRequest::Logout).await;
    desk.sessions.end(visitor.session.number);
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
        let told =
            Html::default().raw("<p role=\"alert\">The two new passwords differ. Nothing was changed.</p>");
        return password_form_with(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &told);
    }
    let request = UserRequest::ChangePassword {
        old: Password::from(form.field("old")),
        new: Password::from(form.field("new")),
    };
    let news = desk.news(&visitor, request, "The password is changed.").await;
    either(news.map(|news| password_form(&visitor, &news)))
}

// Users.

async fn users_page(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    either(
        desk.visitor(&headers, peer)
            .await
            .map(|visitor| users_form(&visitor, &News::Nothing)),
    )
}

async fn act_on_users(
    desk: &Desk,
    peer: IpAddr,
    request: Request,
    good: &'static str,
    act: impl FnOnce(&Form) -> UserRequest,
) -> Result<Response, Response> {
    let (visitor, form) = desk.sender(peer, request).await?;
    let news = desk.news(&visitor, act(&form), good).await?;
    Ok(users_form(&visitor, &news))
}

async fn create_user(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let created = act_on_users(&desk, peer, request, "The user is created.", |form| {
        let ticked = PERMISSIONS.iter().filter(|(_, field, _)| form.is_ticked(field));
        UserRequest::Create {
            name: form.field("name").to_owned(),
            password: Password::from(form.field("password")),
            permissions: Permissions(ticked.fold(0, |bits, (permission, ..)| bits | permission.0)),
        }
    });
    either(created.await)
}

async fn remove_user(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let removed = act_on_users(&desk, peer, request, "The user is removed.", |form| {
        UserRequest::Remove {
            name: form.field("name").to_owned(),
        }
    });
    either(removed.await)
}

async fn unblock_user(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let unblocked = act_on_users(&desk, peer, request, "The user is not blocked.", |form| {
        UserRequest::Unblock {
            name: form.field("name").to_owned(),
        }
    });
    either(unblocked.await)
}

// Event log.

/// The files of the log, if the device lets this user have them.
async fn log_files(desk: &Desk, visitor: &Visitor) -> Result<Vec<std::fs::File>, Response> {
    match desk
        .ask(&visitor.session, visitor.peer, UserRequest::RetrieveLog)
        .await
    {
        Ok(Answer::Log(files)) => files.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Ok(Answer::User(UserAnswer::Refused(refusal))) => Err(page(
            status(refusal),
            "Event log",
            Some((visitor, Entry::Log)),
            &told(&News::Bad(refusal)),
        )),
        Ok(Answer::User(_)) => Err(login_page("", &News::Nothing)),
        Err(status) => Err(status.into_response()),
    }
}

/// Reads the log aside: a time in which nobody else shall wait.
async fn read_log<T: Send + 'static>(
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Response> {
    let failed = || StatusCode::INTERNAL_SERVER_ERROR.into_response();
    let _place = LOG_READERS.acquire().await.map_err(|_| failed())?;
    spawn_blocking(read)
        .await
        .map_err(|_| failed())?
        .map_err(|_| failed())
}

//= LG-02
async fn log_page(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    either(show_log(&desk, peer, request).await)
}

async fn show_log(desk: &Desk, peer: IpAddr, request: Request) -> Result<Response, Response> {
    let visitor = desk.visitor(request.headers(), peer).await?;
    let query = Form::parse(request.uri().query().unwrap_or("").as_bytes());
    let query = query.ok_or_else(|| StatusCode::BAD_REQUEST.into_response())?;
    let files = log_files(desk, &visitor).await?;
    let text = query.field("search").to_owned();
    let (lines, found) = read_log(move || log_search::search(files, &text)).await?;
    let mut body = Html::default()
        .raw("<form method=\"get\" action=\"/log\"><label for=\"search\">Search</label>")
        .raw("<input id=\"search\" name=\"search\" maxlength=\"64\" value=\"")
        .text(query.field("search"))
        .raw("\"><button>Search</button></form><p>")
        .text(&format!(
            "{} of {found} lines, at most the last {LINES_SHOWN_MAX}.",
            lines.len()
        ))
        .raw("</p><p><a href=\"/log/download\" download>Download the whole log</a></p><ul class=\"log\">");
    for line in lines {
        body = body.raw("<li>").text(&line).raw("</li>");
    }
    let body = body
        .raw("</ul><h2>Clear</h2><form method=\"post\" action=\"/log/clear\">")
        .piece(&csrf(&visitor))
        .raw("<p>Throws every line away. The new log begins with who did it.</p><button>Clear the log</button></form>");
    Ok(page(
        StatusCode::OK,
        "Event log",
        Some((&visitor, Entry::Log)),
        &body,
    ))
}

async fn download_log(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    either(send_log(&desk, peer, &headers).await)
}

async fn send_log(desk: &Desk, peer: IpAddr, headers: &HeaderMap) -> Result<Response, Response> {
    let visitor = desk.visitor(headers, peer).await?;
    let files = log_files(desk, &visitor).await?;
    let bytes = read_log(move || log_search::whole(files)).await?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"events.log\""),
    ];
    Ok((headers, bytes).into_response())
}

async fn clear_log(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (visitor, _) = match desk.sender(peer, request).await {
        Ok(sender) => sender,
        Err(answer) => return answer,
    };
    match desk
        .news(&visitor, UserRequest::ClearLog, "The log is cleared.")
        .await
    {
        Ok(News::Bad(refusal)) => page(
            status(refusal),
            "Event log",
            Some((&visitor, Entry::Log)),
            &told(&News::Bad(refusal)),
        ),
        Ok(_) => go("/log"),
        Err(answer) => answer,
    }
}

// What they look like.

fn page(
    status: StatusCode,
    title: &'static str,
    visitor: Option<(&Visitor, Entry)>,
    body: &Html,
) -> Response {
    let mut html = Html::default()
        .raw("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>")
        .raw(title)
        .raw(" - HSM HTTP console</title><link rel=\"stylesheet\" href=\"/style.css\">")
        .raw("<link rel=\"icon\" href=\"/icon.svg\"></head><body><header><p>HSM HTTP console</p>");
    if let Some((visitor, current)) = visitor {
        html = html.raw("<nav aria-label=\"Menu\"><ul>");
        let permissions = visitor.details.permissions;
        for (entry, path, name) in Entry::ALL
            .into_iter()
            .filter(|(entry, ..)| entry.is_for(permissions))
        {
            html = html.raw("<li><a href=\"").raw(path).raw("\"");
            html = if entry == current {
                html.raw(" aria-current=\"page\">")
            } else {
                html.raw(">")
            };
            html = html.raw(name).raw("</a></li>");
        }
        html = html.raw("</ul></nav>");
    }
    let html = html
        .raw("</header><main><h1>")
        .raw(title)
        .raw("</h1>")
        .piece(body)
        .raw("</main></body></html>");
    (
        status,
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        html.into_string(),
    )
        .into_response()
}

fn told(news: &News) -> Html {
    match news {
        News::Nothing => Html::default(),
        News::Good(good) => Html::default().raw("<p role=\"status\">").raw(good).raw("</p>"),
        News::Bad(refusal) => Html::default()
            .raw("<p role=\"alert\">")
            .text(&sentence(*refusal))
            .raw("</p>"),
    }
}

const fn status_of(news: &News) -> StatusCode {
    match news {
        News::Nothing | News::Good(_) => StatusCode::OK,
        News::Bad(refusal) => status(*refusal),
    }
}

fn csrf(visitor: &Visitor) -> Html {
    Html::default()
        .raw("<input type=\"hidden\" name=\"csrf\" value=\"")
        .text(visitor.session.csrf.expose())
        .raw("\">")
}

fn login_page(name: &str, news: &News) -> Response {
    let body = told(news)
        .raw("<form method=\"post\" action=\"/login\"><label for=\"name\">User</label>")
        .raw("<input id=\"name\" name=\"name\" required autocomplete=\"username\" maxlength=\"16\" value=\"")
        .text(name)
        .raw("\"><label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" ")
        .raw("required autocomplete=\"current-password\" maxlength=\"128\"><button>Log in</button></form>");
    page(status_of(news), "Login", None, &body)
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
        .raw("</dl><form method=\"post\" action=\"/logout\">")
        .piece(&csrf(visitor))
        .raw("<button>Log out</button></form>");
    page(StatusCode::OK, "Session", Some((visitor, Entry::Session)), &body)
}

fn password_form(visitor: &Visitor, news: &News) -> Response {
    password_form_with(visitor, status_of(news), &told(news))
}

fn password_form_with(visitor: &Visitor, status: StatusCode, told: &Html) -> Response {
    let body = told
        .clone()
        .raw("<form method=\"post\" action=\"/password\">")
        .piece(&csrf(visitor))
        .piece(&secret("old", "Present password", "current-password"))
        .piece(&secret("new", "New password", "new-password"))
        .piece(&secret("again", "New password again", "new-password"))
        .raw("<button>Change the password</button></form>");
    page(status, "Password", Some((visitor, Entry::Password)), &body)
}

fn secret(id: &'static str, label: &'static str, kind: &'static str) -> Html {
    Html::default()
        .raw("<label for=\"")
        .raw(id)
        .raw("\">")
        .raw(label)
        .raw("</label><input type=\"password\" required maxlength=\"128\" id=\"")
        .raw(id)
        .raw("\" name=\"")
        .raw(id)
        .raw("\" autocomplete=\"")
        .raw(kind)
        .raw("\">")
}

fn user_name(id: &'static str) -> Html {
    Html::default()
        .raw("<label for=\"")
        .raw(id)
        .raw("\">User</label><input required autocomplete=\"off\" name=\"name\" id=\"")
        .raw(id)
        .raw("\" maxlength=\"")
        .text(&USER_NAME_CHARACTERS_MAX.to_string())
        .raw("\">")
}

fn users_form(visitor: &Visitor, news: &News) -> Response {
    let entry = Some((visitor, Entry::Users));
    if !Entry::Users.is_for(visitor.details.permissions) {
        let refusal = UserRefusal::NotPermitted;
        return page(status(refusal), "Users", entry, &told(&News::Bad(refusal)));
    }
    let mut body = told(news)
        .raw("<h2>Create</h2><form method=\"post\" action=\"/users/create\">")
        .piece(&csrf(visitor))
        .piece(&user_name("created"))
        .piece(&secret("password", "Password", "new-password"))
        .raw("<fieldset><legend>Permissions</legend>");
    for (permission, field, name) in PERMISSIONS {
        // Nobody gives away what is not theirs.
        if visitor.details.permissions.include(permission) {
            body = body
                .raw("<label><input type=\"checkbox\" name=\"")
                .raw(field)
                .raw("\" value=\"1\"> ")
                .raw(name)
                .raw("</label>");
        }
    }
    body = body
        .raw("</fieldset><button>Create the user</button></form>")
        .raw("<h2>Remove</h2><form method=\"post\" action=\"/users/remove\">")
        .piece(&csrf(visitor))
        .piece(&user_name("removed"))
        .raw("<button>Remove the user</button></form>");
    if visitor.details.permissions.include(Permissions::SYS_OPERATOR) {
        body = body
            .raw("<h2>Unblock</h2><form method=\"post\" action=\"/users/unblock\">")
            .piece(&csrf(visitor))
            .piece(&user_name("unblocked"))
            .raw("<button>Unblock the user</button></form>");
    }
    page(status_of(news), "Users", entry, &body)
}
