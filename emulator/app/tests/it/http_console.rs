//! The HTTP console as a browser without a screen uses it: what each request is, and what comes back.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    path::Path,
};

use rustls::{ClientConnection, StreamOwned};
use serde_json::json;

use crate::{
    hand::{Answer, Bench, read_answer},
    manager::{Manager, tls},
};

/// The factory's.
pub(crate) const PASSWORD: &str = "12345678";
/// Of the Pocket's owner.
const ACTIVATION_PASSWORD: &str = "correct horse";

/// A Pocket whose service runs, the manager who activated it, and the way to its console. Its clock stands still.
pub(crate) struct Console {
    pub(crate) bench: Bench,
    pub(crate) manager: Manager,
    pub(crate) address: SocketAddr,
}

/// A session at the console.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl Console {
    pub(crate) fn start(folder: &Path) -> Self {
        let words = [
            "--model",
            "Pocket",
            "--clock",
            "manual",
            "--http-listen",
            "127.0.0.1:0",
        ];
        let mut bench = Bench::start_with(folder, &words);
        let url = bench.emulator.ready_file()["http"].clone();
        let url = url.as_str().expect("it has a console");
        let address = url.strip_prefix("https://").and_then(|url| url.strip_suffix('/'));
        let address: SocketAddr = address
            .and_then(|address| address.parse().ok())
            .expect("an address");
        // Nobody is served before the service runs.
        assert!(TcpStream::connect(address).is_err());
        let manager = administrator(&bench);
        bench.emulator.wait_for("HTTP console open");
        Self {
            bench,
            manager,
            address,
        }
    }

    pub(crate) fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        tls(self.address, b"http/1.1")
    }

    pub(crate) fn raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("it reads");
        read_answer(stream)
    }

    /// A request with these headers more, each with its CR LF.
    pub(crate) fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        let host = self.address;
        let len = body.len();
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}Content-Length: {len}\r\n\r\n{body}"
        ))
    }

    pub(crate) fn get(&self, path: &str, login: Option<&Login>) -> Answer {
        self.ask("GET", path, &cookie(login), "")
    }

    /// A form as a page of ours sends it.
    pub(crate) fn post(&self, path: &str, login: Option<&Login>, fields: &str) -> Answer {
        let csrf = login.map_or(String::new(), |login| format!("csrf={}&", login.csrf));
        self.ask("POST", path, &self.of_a_form(login), &(csrf + fields))
    }

    /// The headers of such a form.
    pub(crate) fn of_a_form(&self, login: Option<&Login>) -> String {
        format!(
            "Origin: https://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n{}",
            self.address,
            cookie(login)
        )
    }

    pub(crate) fn try_login(&self, name: &str, password: &str) -> Answer {
        self.post("/login", None, &format!("name={name}&password={password}"))
    }

    pub(crate) fn login(&self, name: &str, password: &str) -> Login {
        self.begin(&self.try_login(name, password))
    }

    /// The session that an answer to a login begins.
    pub(crate) fn begin(&self, answer: &Answer) -> Login {
        assert_eq!(answer.status, 303, "{answer:?}");
        let mut login = Login {
            cookie: set_cookie(answer).expect("a cookie"),
            csrf: String::new(),
        };
        let page = self.get("/", Some(&login)).body;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form");
        let (csrf, _) = rest.split_once('"').expect("its end");
        csrf.clone_into(&mut login.csrf);
        login
    }

    /// Whether somebody sees the session page, and not the login page.
    pub(crate) fn is_in(&self, login: &Login) -> bool {
        let page = self.get("/", Some(login)).body;
        let (is_in, is_out) = (page.contains("<h1>Session</h1>"), page.contains("<h1>Login</h1>"));
        assert_ne!(is_in, is_out, "{page}");
        is_in
    }
}

/// The owner of the Pocket at a station: activates it if it is not, and is its administrator.
pub(crate) fn administrator(bench: &Bench) -> Manager {
    let mut manager = Manager::connect(bench.emulator.address());
    let answer = manager.ask_with("auth.activate", &json!({"password": ACTIVATION_PASSWORD}));
    assert!(answer.expect("it answers").get("result").is_some());
    manager
}

fn cookie(login: Option<&Login>) -> String {
    login.map_or(String::new(), |login| format!("Cookie: {}\r\n", login.cookie))
}

/// Name and value of the cookie that an answer sets.
pub(crate) fn set_cookie(answer: &Answer) -> Option<String> {
    let line = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))?;
    let (cookie, rest) = line.split_once("; ").expect("it has attributes");
    assert_eq!(rest, "Path=/; Secure; HttpOnly; SameSite=Strict");
    Some(cookie.to_owned())
}

//= HC-01
//= HT-01
#[test]
fn nothing_is_shown_without_a_login_and_the_manager_knows_the_way() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut console = Console::start(folder.path());
    let told = console.manager.ask("http_console.url").expect("it answers");
    assert_eq!(told["result"]["url"], format!("https://{}/", console.address));
    for path in [
        "/",
        "/keys",
        "/keys/key?name=k",
        "/password",
        "/users",
        "/users/user?name=master",
        "/log",
        "/log/download",
    ] {
        let answer = console.get(path, None);
        assert!(answer.body.contains("<h1>Login</h1>"), "{path}: {answer:?}");
        assert!(!answer.body.contains("master"), "{path}");
    }
    let login = console.login("master", PASSWORD);
    assert!(console.get("/", Some(&login)).body.contains("<dd>master</dd>"));
    let answer = console.post("/logout", Some(&login), "");
    assert_eq!(answer.status, 303);
    assert!(
        answer
            .head
            .contains("set-cookie: __Host-hsm=; Path=/; Max-Age=0;"),
        "{answer:?}"
    );
    assert!(!console.is_in(&login), "the cookie is of no use any more");
}

//= HC-01
#[test]
fn the_console_is_up_and_down_with_the_service_and_has_another_certificate_after_each_boot() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut console = Console::start(folder.path());
    let certificate = |console: &Console| {
        let mut stream = console.connect();
        stream.conn.complete_io(&mut stream.sock).expect("it answers");
        stream.conn.peer_certificates().expect("it has one")[0].to_vec()
    };
    let login = console.login("master", PASSWORD);
    let first = certificate(&console);
    assert!(
        console
            .manager
            .ask("ops.stop_service")
            .expect("it answers")
            .get("result")
            .is_some()
    );
    console.bench.emulator.wait_for("HTTP console closed");
    assert!(TcpStream::connect(console.address).is_err());
    assert!(
        console
            .manager
            .ask("ops.start_service")
            .expect("it answers")
            .get("result")
            .is_some()
    );
    console.bench.emulator.wait_for("HTTP console open");
    assert!(!console.is_in(&login), "the service's end was the session's");
    assert_eq!(certificate(&console), first, "it is the same boot");
    drop(console);
    assert_ne!(certificate(&Console::start(folder.path())), first);
}

//= HC-02
#[test]
fn a_session_ends_after_five_minutes_of_the_devices_clock() {
    let folder = tempfile::tempdir().expect("there is room");
    let console = Console::start(folder.path());
    let login = console.login("master", PASSWORD);
    console.bench.advance(299_999);
    assert!(console.is_in(&login), "and the request begins the time anew");
    console.bench.advance(299_999);
    assert!(console.is_in(&login));
    console.bench.advance(300_000);
    assert!(!console.is_in(&login));
}

#[test]
fn a_user_changes_the_own_password() {
    let folder = tempfile::tempdir().expect("there is room");
    let console = Console::start(folder.path());
    let login = console.login("master", PASSWORD);
    let change = |old: &str, new: &str, again: &str| {
        let fields = format!("old={old}&new={new}&again={again}");
        console.post("/password", Some(&login), &fields)
    };
    let answer = change(PASSWORD, "other+words", "other+word");
    assert!(
        answer.status == 422 && answer.body.contains("The two new passwords differ"),
        "{answer:?}"
    );
    let answer = change("wrong+words", "other+words", "other+words");
    assert!(
        answer.status == 403 && answer.body.contains("Error 5002"),
        "{answer:?}"
    );
    let answer = change(PASSWORD, "short", "short");
    assert!(
        answer.status == 422 && answer.body.contains("Error 5011"),
        "{answer:?}"
    );
    let answer = change(PASSWORD, "other+words", "other+words");
    assert!(
        answer.status == 200 && answer.body.contains("The password is changed."),
        "{answer:?}"
    );
    assert_eq!(console.try_login("master", PASSWORD).status, 403);
    console.login("master", "other+words");
}

//= HC-02
//= LG-02
#[test]
fn users_have_the_pages_that_they_may_use_and_no_others() {
    let folder = tempfile::tempdir().expect("there is room");
    let console = Console::start(folder.path());
    let master = console.login("master", PASSWORD);
    for (name, permission) in [("ana", "&remote_log=1"), ("bruno", "")] {
        let fields = format!("name={name}&password=a+password{permission}");
        let answer = console.post("/users/create", Some(&master), &fields);
        assert!(
            answer.status == 200 && answer.body.contains("The user is created."),
            "{answer:?}"
        );
    }
    let answer = console.post("/users/create", Some(&master), "name=ana&password=a+password");
    assert!(
        answer.status == 409 && answer.body.contains("Error 5013"),
        "{answer:?}"
    );
    let (ana, bruno) = (
        console.login("ana", "a+password"),
        console.login("bruno", "a+password"),
    );
    let menu = |login: &Login| {
        let page = console.get("/", Some(login)).body;
        ["/keys", "/password", "/users", "/log"].map(|path| page.contains(&format!("href=\"{path}\"")))
    };
    assert_eq!(menu(&master), [true, true, true, true]);
    assert_eq!(menu(&ana), [true, true, false, true]);
    assert_eq!(menu(&bruno), [true, true, false, false]);
    // What no menu shows is refused to whoever asks for it.
    for (path, fields) in [
        ("/users/create", "name=carla&password=a+password"),
        ("/users/remove", "name=ana&sure=1"),
        ("/users/block", "name=ana"),
        ("/users/unblock", "name=ana"),
        ("/users/permissions", "name=bruno&operator=1"),
        ("/log/clear", ""),
    ] {
        let answer = console.post(path, Some(&bruno), fields);
        assert!(
            answer.status == 403 && answer.body.contains("Error 5002"),
            "{path}: {answer:?}"
        );
    }
    for path in [
        "/users",
        "/users/user?name=ana",
        "/log",
        "/log/download",
        "/log/follow",
    ] {
        let answer = console.get(path, Some(&bruno));
        assert!(
            answer.status == 403 && answer.body.contains("Error 5002"),
            "{path}: {answer:?}"
        );
    }
    let log = console.get("/log?search=CREATED", Some(&ana));
    assert!(log.body.contains("2 of 2 lines"), "{log:?}");
    let download = console.get("/log/download", Some(&ana));
    assert!(
        download
            .head
            .contains("content-disposition: attachment; filename=\"events.log\"")
    );
    assert!(download.body.lines().count() > 2 && download.body.contains("created"));
    // Each line is the one that is kept.
    let page = console.get("/log", Some(&ana)).body;
    let first = download.body.lines().next().expect("there are some");
    assert!(
        first.contains('|') && page.contains(&format!("<li>{first}</li>")),
        "{page}"
    );
    assert_eq!(console.post("/log/clear", Some(&ana), "").status, 303);
    let log = console.get("/log", Some(&ana));
    assert!(
        log.body.contains("1 of 1 lines") && log.body.contains("ana"),
        "{log:?}"
    );
    // A user that is removed leaves at once.
    let answer = console.post("/users/remove", Some(&master), "name=bruno&sure=1");
    assert!(answer.body.contains("The user is removed."), "{answer:?}");
    assert!(!console.is_in(&bruno));
    let answer = console.post("/users/remove", Some(&master), "name=master&sure=1");
    assert!(
        answer.status == 403 && answer.body.contains("Error 5018"),
        "{answer:?}"
    );
}
