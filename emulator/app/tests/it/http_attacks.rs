//! Attacks on the HTTP console: what was sent, and what came back.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::{
    emulator::PATIENCE,
    hand::{Answer, read_answer},
    http_console::{Console, Login, PASSWORD, set_cookie},
};

/// As in `http/form.rs`.
const BODY_BYTES_MAX: usize = 4096;
/// As in `http/server.rs`.
const CONNECTIONS_MAX: usize = 64;
const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 * 1024;

const SCRIPT: &str = "</p><script>alert(1)</script>\"' onfocus='alert(2)";
const SCRIPT_IN_A_FORM: &str = "%3C/p%3E%3Cscript%3Ealert(1)%3C/script%3E%22%27+onfocus%3D%27alert(2)";
const SCRIPT_ESCAPED: &str =
    "&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onfocus=&#39;alert(2)";

fn console() -> (tempfile::TempDir, Console) {
    let folder = tempfile::tempdir().expect("there is room");
    let console = Console::start(folder.path());
    (folder, console)
}

#[test]
fn session_fixation_a_cookie_that_somebody_else_chose_is_never_that_of_a_session() {
    let (_folder, console) = console();
    let planted = Login {
        cookie: format!("__Host-hsm={}", "a".repeat(64)),
        csrf: String::new(),
    };
    let fields = format!("name=master&password={PASSWORD}");
    let headers = console.of_a_form(Some(&planted));
    let first = console.begin(&console.ask("POST", "/login", &headers, &fields));
    assert_ne!(first.cookie, planted.cookie);
    assert!(!console.is_in(&planted));
    // A session that somebody has seen is over with the next login.
    let headers = console.of_a_form(Some(&first));
    let second = console.begin(&console.ask("POST", "/login", &headers, &fields));
    assert_ne!((&second.cookie, &second.csrf), (&first.cookie, &first.csrf));
    assert!(!console.is_in(&first) && console.is_in(&second));
    // Two cookies of the name are none.
    let both = Login {
        cookie: format!("{}; {}", planted.cookie, second.cookie),
        csrf: String::new(),
    };
    assert!(!console.is_in(&both));
}

#[test]
fn csrf_a_form_that_is_not_of_a_page_of_the_session_changes_nothing() {
    let (_folder, console) = console();
    let login = console.login("master", PASSWORD);
    let other = console.login("master", PASSWORD);
    let fields = format!("old={PASSWORD}&new=other+words&again=other+words");
    let right = format!("csrf={}&{fields}", login.csrf);
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let cookie = format!("Cookie: {}\r\n", login.cookie);
    let ours = console.of_a_form(Some(&login));
    for (what, headers, body) in [
        ("no token", ours.clone(), fields.clone()),
        ("an empty token", ours.clone(), format!("csrf=&{fields}")),
        (
            "the token of another session",
            ours.clone(),
            format!("csrf={}&{fields}", other.csrf),
        ),
        ("two tokens", ours.clone(), format!("csrf={}&{right}", other.csrf)),
        ("no origin", format!("{kind}{cookie}"), right.clone()),
        (
            "another origin",
            format!("Origin: https://evil.example\r\n{kind}{cookie}"),
            right.clone(),
        ),
        (
            "no origin's name",
            format!("Origin: null\r\n{kind}{cookie}"),
            right.clone(),
        ),
        ("HTTP", ours.replace("https://", "http://"), right.clone()),
        (
            "another site",
            format!("{ours}Sec-Fetch-Site: cross-site\r\n"),
            right.clone(),
        ),
        (
            "the same site",
            format!("{ours}Sec-Fetch-Site: same-site\r\n"),
            right.clone(),
        ),
        (
            "a text",
            ours.replace("application/x-www-form-urlencoded", "text/plain"),
            right.clone(),
        ),
    ] {
        let answer = console.ask("POST", "/password", &headers, &body);
        assert!([400, 403, 415].contains(&answer.status), "{what}: {answer:?}");
    }
    // By the address line, where no origin is told.
    let answer = console.get(&format!("/password?{right}"), Some(&login));
    assert!(
        answer.status == 200 && !answer.body.contains("is changed"),
        "{answer:?}"
    );
    assert_eq!(
        console
            .get(&format!("/logout?csrf={}", login.csrf), Some(&login))
            .status,
        405
    );
    // A login that another page sends.
    let evil = format!("Origin: https://evil.example\r\n{kind}");
    let answer = console.ask(
        "POST",
        "/login",
        &evil,
        &format!("name=master&password={PASSWORD}"),
    );
    assert!(
        answer.status == 403 && set_cookie(&answer).is_none(),
        "{answer:?}"
    );
    // Nothing was changed, and what is right is done.
    console.login("master", PASSWORD);
    let answer = console.ask("POST", "/password", &ours, &right);
    assert!(
        answer.status == 200 && answer.body.contains("is changed"),
        "{answer:?}"
    );
}

/// Every form that changes keys or users, with what it would change.
const FORMS: [(&str, &str); 10] = [
    ("/keys/create", "name=planted&algorithm=aes128"),
    ("/keys/attributes", "name=k&label=planted"),
    ("/keys/block", "name=k"),
    ("/keys/release", "name=k"),
    ("/keys/remove", "name=k&sure=1"),
    ("/users/create", "name=planted&password=a+password"),
    ("/users/block", "name=ana"),
    ("/users/unblock", "name=ana"),
    ("/users/permissions", "name=ana&operator=1"),
    ("/users/remove", "name=ana&sure=1"),
];

#[test]
fn csrf_no_form_about_keys_or_users_counts_without_the_token_and_the_origin() {
    let (_folder, console) = console();
    let login = console.login("master", PASSWORD);
    let other = console.login("master", PASSWORD);
    for (path, fields) in [
        ("/keys/create", "name=k&algorithm=aes128&label=before"),
        ("/users/create", "name=ana&password=a+password"),
    ] {
        assert_eq!(console.post(path, Some(&login), fields).status, 200);
    }
    let pages = || {
        ["/keys", "/keys/key?name=k", "/users"].map(|path| {
            let page = console.get(path, Some(&login)).body;
            assert!(page.contains("before") || page.contains(">ana</a>"), "{page}");
            page
        })
    };
    let before = pages();
    let ours = console.of_a_form(Some(&login));
    let evil = ours.replace(&format!("https://{}", console.address), "https://evil.example");
    for (path, fields) in FORMS {
        for (what, headers, body) in [
            ("no token", &ours, fields.to_owned()),
            ("another's token", &ours, format!("csrf={}&{fields}", other.csrf)),
            ("another origin", &evil, format!("csrf={}&{fields}", login.csrf)),
        ] {
            let answer = console.ask("POST", path, headers, &body);
            assert!(
                answer.status == 403 && answer.body.is_empty(),
                "{path}, {what}: {answer:?}"
            );
        }
        // By the address line, which an image on another page would ask for.
        let answer = console.get(&format!("{path}?csrf={}&{fields}", login.csrf), Some(&login));
        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        // Without a session nothing but the login page comes back.
        let answer = console.post(path, None, fields);
        assert!(answer.body.contains("<h1>Login</h1>"), "{path}: {answer:?}");
    }
    assert_eq!(pages(), before);
}

#[test]
fn clickjacking_every_answer_says_that_it_is_not_framed_kept_guessed_at_or_told() {
    let (_folder, console) = console();
    let login = console.login("master", PASSWORD);
    for (status, answer) in [
        (200, console.get("/", None)),
        (200, console.get("/", Some(&login))),
        (200, console.get("/log", Some(&login))),
        (200, console.get("/log/download", Some(&login))),
        (200, console.get("/keys", Some(&login))),
        (404, console.get("/keys/key?name=k", Some(&login))),
        (200, console.get("/users", Some(&login))),
        (200, console.get("/users/user?name=master", Some(&login))),
        (200, console.get("/style.css", None)),
        (404, console.get("/nothing", Some(&login))),
        (403, console.try_login("master", "wrong words")),
        (403, console.ask("POST", "/logout", "", "")),
        (405, console.ask("DELETE", "/", "", "")),
        (303, console.post("/logout", Some(&login), "")),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'\r\n",
            "x-frame-options: DENY\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: same-origin\r\n",
            "cache-control: no-store\r\n",
        ] {
            assert!(answer.head.contains(header), "{header}: {answer:?}");
        }
    }
}

#[test]
fn script_reflected_or_stored_is_shown_as_the_text_that_it_is() {
    let (_folder, console) = console();
    // Reflected by the login page, and stored in the log by the same.
    let answer = console.try_login(SCRIPT_IN_A_FORM, "wrong words");
    let shown = |answer: &Answer| answer.body.contains(SCRIPT_ESCAPED) && !answer.body.contains("<script");
    assert!(answer.status == 403 && shown(&answer), "{answer:?}");
    let login = console.login("master", PASSWORD);
    let log = console.get("/log", Some(&login));
    assert!(log.body.contains("login of ") && shown(&log), "{log:?}");
    // Reflected by the search.
    let found = console.get(&format!("/log?search={SCRIPT_IN_A_FORM}"), Some(&login));
    assert!(
        shown(&found) && found.body.contains(&format!("value=\"{SCRIPT_ESCAPED}\"")),
        "{found:?}"
    );
    // Every other field that is typed into is refused, and shown nowhere.
    for (path, fields) in [
        (
            "/users/create",
            format!("name={SCRIPT_IN_A_FORM}&password=a+password"),
        ),
        (
            "/users/create",
            format!("name=ana&password={}", SCRIPT_IN_A_FORM.repeat(4)),
        ),
        ("/users/remove", format!("name={SCRIPT_IN_A_FORM}&sure=1")),
        ("/users/block", format!("name={SCRIPT_IN_A_FORM}")),
        ("/users/unblock", format!("name={SCRIPT_IN_A_FORM}")),
        ("/users/permissions", format!("name={SCRIPT_IN_A_FORM}")),
        (
            "/keys/create",
            format!("name={SCRIPT_IN_A_FORM}&algorithm=aes128"),
        ),
        ("/keys/create", format!("name=k1&algorithm={SCRIPT_IN_A_FORM}")),
        ("/keys/attributes", format!("name={SCRIPT_IN_A_FORM}&label=x")),
        ("/keys/block", format!("name={SCRIPT_IN_A_FORM}")),
        ("/keys/release", format!("name={SCRIPT_IN_A_FORM}")),
        ("/keys/remove", format!("name={SCRIPT_IN_A_FORM}&sure=1")),
        (
            "/password",
            format!("old={SCRIPT_IN_A_FORM}&new=other+words&again=other+words"),
        ),
    ] {
        let answer = console.post(path, Some(&login), &fields);
        assert!(
            (400..500).contains(&answer.status) && answer.body.contains("role=\"alert\""),
            "{answer:?}"
        );
        assert!(
            !answer.body.contains("<script") && !answer.body.contains("alert("),
            "{path}: {answer:?}"
        );
    }
    for path in [
        "/keys?after=",
        "/keys/key?name=",
        "/users?after=",
        "/users/user?name=",
    ] {
        let answer = console.get(&format!("{path}{SCRIPT_IN_A_FORM}"), Some(&login));
        assert!(
            !answer.body.contains("<script") && !answer.body.contains("alert("),
            "{path}: {answer:?}"
        );
    }
    // Stored as what a user may say of a key, and shown in the list, in the facts and in the field of the form.
    let fields = format!("name=k1&algorithm=aes128&label={SCRIPT_IN_A_FORM}");
    let list = console.post("/keys/create", Some(&login), &fields);
    assert!(
        shown(&list) && list.body.contains(&format!("<td>{SCRIPT_ESCAPED}</td>")),
        "{list:?}"
    );
    for key in [
        console.get("/keys/key?name=k1", Some(&login)),
        console.post(
            "/keys/attributes",
            Some(&login),
            &format!("name=k1&label={SCRIPT_IN_A_FORM}"),
        ),
    ] {
        assert!(
            shown(&key) && key.body.contains(&format!("<dd>{SCRIPT_ESCAPED}</dd>")),
            "{key:?}"
        );
        assert!(
            key.body.contains(&format!("value=\"{SCRIPT_ESCAPED}\"")),
            "{key:?}"
        );
    }
    // What would turn a line around is spelled out.
    let turned = console.post("/keys/attributes", Some(&login), "name=k1&label=%E2%80%AEx");
    assert!(
        turned.body.contains("<dd>\\u{202e}x</dd>") && !turned.body.contains('\u{202e}'),
        "{turned:?}"
    );
    // The file is text, and says so.
    let file = console.get("/log/download", Some(&login));
    assert!(
        file.head.contains("content-type: text/plain; charset=utf-8"),
        "{file:?}"
    );
    assert!(file.body.contains(SCRIPT), "a log keeps what was typed");
}

#[test]
fn path_traversal_nothing_but_the_pages_is_served() {
    let (_folder, console) = console();
    let login = console.login("master", PASSWORD);
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/log/../../state.redb",
        "/log/download/../../state.redb",
        "/style.css/../../state.redb",
        "/log/download%00.txt",
        "/./log",
        "/keys/../../state.redb",
        "/keys/key/../../../state.redb",
        "/keys/..%2f..%2fstate.redb",
        "/users/user/../../../etc/passwd",
        "/users/%2e%2e/keys",
    ] {
        let answer = console.get(path, Some(&login));
        assert!(
            [400, 404].contains(&answer.status) && answer.body.is_empty(),
            "{path}: {answer:?}"
        );
    }
    let answer = console.get("/log?search=../../etc/passwd", Some(&login));
    assert!(answer.body.contains("0 of 0 lines"), "{answer:?}");
    // In the place of a name that is looked up.
    for name in [
        "../../etc/passwd",
        "..%2F..%2Fetc%2Fpasswd",
        "%00",
        "k%00.x",
        "%2Fetc%2Fpasswd",
        "master/../ana",
    ] {
        for path in ["/keys/key?name=", "/keys?after=", "/users/user?name="] {
            let answer = console.get(&format!("{path}{name}"), Some(&login));
            assert!(
                answer.status == 422 && answer.body.contains("Error 5014 (invalid_name)"),
                "{path}{name}: {answer:?}"
            );
            assert!(!answer.body.contains("passwd"), "{path}{name}: {answer:?}");
        }
        for (path, fields) in [
            ("/keys/create", "&algorithm=aes128"),
            ("/keys/remove", "&sure=1"),
            ("/users/block", ""),
        ] {
            let answer = console.post(path, Some(&login), &format!("name={name}{fields}"));
            assert!(
                answer.status == 422 && answer.body.contains("Error 5014"),
                "{path}, {name}: {answer:?}"
            );
        }
    }
    // Two dots are a name of an object, and no more than that.
    let answer = console.post("/keys/create", Some(&login), "name=..&algorithm=aes128");
    assert!(
        answer.status == 200 && answer.body.contains("<a href=\"/keys/key?name=..\">..</a>"),
        "{answer:?}"
    );
    assert!(
        console
            .get("/keys/key?name=..", Some(&login))
            .body
            .contains("<dd>..</dd>")
    );
}

#[test]
fn header_injection_what_is_typed_begins_no_line_of_an_answer() {
    let (_folder, console) = console();
    let answer = console.try_login(
        "a%0d%0aSet-Cookie:+__Host-hsm=planted%0d%0a%0d%0a<p>",
        "wrong+words",
    );
    assert!(
        answer.status == 403 && set_cookie(&answer).is_none(),
        "{answer:?}"
    );
    assert!(!answer.head.contains("planted"), "{answer:?}");
    let login = console.login("master", PASSWORD);
    let log = console.get("/log?search=planted%0d%0aX:+y", Some(&login));
    assert!(
        !log.head.contains("planted") && log.body.contains("0 of 0 lines"),
        "{log:?}"
    );
    // The log has one line of it.
    let log = console.get("/log?search=planted", Some(&login));
    assert!(log.body.contains("1 of 1 lines"), "{log:?}");
    // In every field of the forms about keys and users.
    let line = "x%0d%0aSet-Cookie:+__Host-hsm=injected%0d%0a%0d%0a";
    for (path, fields) in [
        ("/keys/create", format!("name={line}&algorithm=aes128")),
        ("/keys/create", format!("name=k1&algorithm={line}")),
        ("/keys/create", format!("name=k1&algorithm=aes128&label={line}")),
        ("/keys/remove", format!("name={line}&sure=1")),
        ("/users/create", format!("name={line}&password=a+password")),
        ("/users/permissions", format!("name={line}")),
    ] {
        let answer = console.post(path, Some(&login), &fields);
        assert!(
            answer.status == 422 && set_cookie(&answer).is_none() && !answer.head.contains("injected"),
            "{path}: {answer:?}"
        );
    }
    for path in [
        "/keys?after=",
        "/keys/key?name=",
        "/users?after=",
        "/users/user?name=",
    ] {
        let answer = console.get(&format!("{path}{line}"), Some(&login));
        assert!(!answer.head.contains("injected"), "{path}: {answer:?}");
    }
    // Two hosts, and two lengths, as a smuggler sends them.
    let host = console.address;
    for request in [
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
        format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"
        ),
    ] {
        assert_eq!(console.raw(&request).status, 400, "{request}");
    }
}

#[test]
fn oversized_requests_are_refused_one_past_each_limit() {
    let (_folder, console) = console();
    let form = console.of_a_form(None);
    let body = |len: usize| format!("name={}", "a".repeat(len - "name=".len()));
    assert_eq!(
        console.ask("POST", "/login", &form, &body(BODY_BYTES_MAX)).status,
        403
    );
    assert_eq!(
        console
            .ask("POST", "/login", &form, &body(BODY_BYTES_MAX + 1))
            .status,
        413
    );
    // The same in chunks, where no length is told.
    let chunked = |len: usize| {
        let (host, body) = (console.address, body(len));
        console.raw(&format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{form}Transfer-Encoding: chunked\r\n\r\n\
             {len:x}\r\n{body}\r\n0\r\n\r\n"
        ))
    };
    assert_eq!(chunked(BODY_BYTES_MAX).status, 403);
    assert_eq!(chunked(BODY_BYTES_MAX + 1).status, 413);
    // Each of the other forms has the same limit, behind a login.
    let login = console.login("master", PASSWORD);
    for (path, fields) in FORMS {
        let form = console.of_a_form(Some(&login));
        let padded = |len: usize| {
            let fields = format!("csrf={}&{fields}&padding=", login.csrf);
            let rest = len - fields.len();
            fields + &"x".repeat(rest)
        };
        let answer = console.ask("POST", path, &form, &padded(BODY_BYTES_MAX));
        assert!(answer.status != 413, "{path}: {answer:?}");
        let answer = console.ask("POST", path, &form, &padded(BODY_BYTES_MAX + 1));
        assert_eq!(answer.status, 413, "{path}");
    }
    // `Host`, `Connection` and `Content-Length` are headers, too.
    let headers = |len: usize| "X: y\r\n".repeat(len - 3);
    assert_eq!(console.ask("GET", "/", &headers(HEADERS_MAX), "").status, 200);
    assert_eq!(console.ask("GET", "/", &headers(HEADERS_MAX + 1), "").status, 431);
    let long = |len: usize| format!("X: {}\r\n", "y".repeat(len));
    assert_eq!(console.ask("GET", "/", &long(HEAD_BYTES_MAX / 2), "").status, 200);
    assert_eq!(console.ask("GET", "/", &long(HEAD_BYTES_MAX), "").status, 431);
}

#[test]
fn slow_handshakes_and_bodies_keep_nobody_waiting_and_come_to_an_end() {
    let (_folder, console) = console();
    let silent: Vec<_> = (0..CONNECTIONS_MAX / 4)
        .map(|_| TcpStream::connect(console.address).expect("it accepts"))
        .collect();
    let form = console.of_a_form(None);
    let slow: Vec<_> = (0..CONNECTIONS_MAX / 4)
        .map(|_| {
            let mut stream = console.connect();
            let host = console.address;
            let head =
                format!("POST /login HTTP/1.1\r\nHost: {host}\r\n{form}Content-Length: 100\r\n\r\nname=");
            stream.write_all(head.as_bytes()).expect("it reads");
            stream
        })
        .collect();
    let login = console.login("master", PASSWORD);
    assert!(console.is_in(&login));
    for mut stream in silent {
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        // Closed or reset, and not a word before.
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    for stream in slow {
        assert_eq!(read_answer(stream).status, 408);
    }
}

#[test]
fn one_connection_too_many_is_closed_and_there_is_room_again_when_one_ends() {
    let (_folder, console) = console();
    let established = || {
        let mut stream = console.connect();
        stream.conn.complete_io(&mut stream.sock).map(|_| stream)
    };
    let mut streams: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|_| established().expect("there is room"))
        .collect();
    assert!(established().is_err());
    let host = console.address;
    let mut last = streams.pop().expect("there are some");
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    last.write_all(request.as_bytes()).expect("it reads");
    assert_eq!(read_answer(&mut last).status, 200);
    // Its end is the device's: there is room before it is seen.
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    drop(last);
    let again = (0..1000).find_map(|_| established().ok());
    assert!(again.is_some());
}

//= HC-02
#[test]
fn login_guessing_seven_wrong_passwords_block_a_user_and_a_restart_changes_nothing() {
    let (folder, console) = console();
    let master = console.login("master", PASSWORD);
    let answer = console.post("/users/create", Some(&master), "name=ana&password=a+password");
    assert_eq!(answer.status, 200);
    for guess in 0..7 {
        let answer = console.try_login("ana", &format!("guess+{guess}"));
        assert!(
            answer.status == 403 && answer.body.contains("Error 5002"),
            "{answer:?}"
        );
        // The same words for a name that nobody has.
        let nobody = console.try_login("nobody", &format!("guess+{guess}"));
        assert_eq!(nobody.body.replace("nobody", "ana"), answer.body);
    }
    let refused = |console: &Console| {
        let answer = console.try_login("ana", "a+password");
        assert!(
            answer.status == 403 && answer.body.contains("Error 5120"),
            "{answer:?}"
        );
        assert!(set_cookie(&answer).is_none());
    };
    refused(&console);
    drop(console);
    let console = Console::start(folder.path());
    refused(&console);
    let master = console.login("master", PASSWORD);
    let answer = console.post("/users/unblock", Some(&master), "name=ana");
    assert!(answer.body.contains("The user is not blocked."), "{answer:?}");
    console.login("ana", "a+password");
}
