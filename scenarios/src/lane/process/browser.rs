//! A user at the HTTP console with a browser that has no screen: real requests over real TLS, forms as the pages have
//! them. Believes nothing that no page said.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use hsm_client::{TlsClient, TlsClientConfig, Trust};
use socket2::{Domain, Socket, Type};

use super::bench::{Answer, parsed};

/// How long an answer may take: passwords are derived in real time, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer, TLS and all. The log is the longest.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The name of the cookie that is a session.
const COOKIE: &str = "__Host-hsm=";

/// What came of a request.
pub(super) enum Fetched {
    Answer(Answer),
    /// The port is closed.
    NobodyListens,
}

/// Somebody's browser: one session at most.
pub(super) struct Browser {
    address: IpAddr,
    cookie: Option<String>,
    /// What the forms of this session carry.
    csrf: String,
    /// What the last page said, in the words of the steps.
    pub(super) told: Option<String>,
    /// Lines of the log that were downloaded.
    pub(super) log: Vec<String>,
}

impl Browser {
    /// A browser at this address that knows no session.
    pub(super) fn new(address: IpAddr) -> Self {
        Self {
            address,
            cookie: None,
            csrf: String::new(),
            told: None,
            log: Vec::new(),
        }
    }

    /// Logs in: a session of its own, whatever was before.
    pub(super) fn log_in(&mut self, http: SocketAddr, name: &str, password: &str) -> Result<(), String> {
        self.cookie = None;
        self.csrf.clear();
        self.log.clear();
        // Nobody types into a page that was not shown.
        let shown = self.fetch(http, "GET", "/", "")?;
        let Fetched::Answer(shown) = shown else {
            self.told = Some("nobody listens".into());
            return Ok(());
        };
        check_login_page(&shown)?;
        let body = form(&[("name", name), ("password", password)]);
        let Fetched::Answer(answer) = self.fetch(http, "POST", "/login", &body)? else {
            return Err("log in: the HTTP console closed its port after its login page".into());
        };
        if answer.status != 303 {
            self.told = Some(alert(&answer)?.ok_or_else(|| unexpected("log in", &answer))?);
            return Ok(());
        }
        self.cookie = Some(cookie(&answer).ok_or_else(|| unexpected("log in", &answer))?);
        let Fetched::Answer(session) = self.fetch(http, "GET", "/", "")? else {
            return Err("log in: the HTTP console closed its port after a login".into());
        };
        let csrf = between(&text(&session)?, "name=\"csrf\" value=\"", "\"");
        self.csrf = csrf.ok_or_else(|| unexpected("log in", &session))?;
        self.told = Some("logged in".into());
        Ok(())
    }

    /// Who the session page says is logged in; `None` if it is the login page, or nobody listens.
    pub(super) fn look(&mut self, http: SocketAddr) -> Result<Option<String>, String> {
        let Fetched::Answer(answer) = self.fetch(http, "GET", "/", "")? else {
            return Ok(None);
        };
        let page = text(&answer)?;
        if page.contains("<h1>Login</h1>") {
            return Ok(None);
        }
        let name = between(&page, "<dt>User</dt><dd>", "</dd>");
        name.map(Some).ok_or_else(|| unexpected("look", &answer))
    }

    /// Sends a form of a page of this session, which is fetched before.
    pub(super) fn send(
        &mut self,
        http: SocketAddr,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<(), String> {
        let Fetched::Answer(shown) = self.fetch(http, "GET", page, "")? else {
            self.told = Some("nobody listens".into());
            return Ok(());
        };
        if let Some(refused) = refused(&shown)? {
            self.told = Some(refused);
            return Ok(());
        }
        let shown = text(&shown)?;
        for needed in fields.iter().map(|(name, _)| *name) {
            if !shown.contains(&format!("name=\"{needed}\"")) {
                return Err(format!("send a form: page `{page}` has no field `{needed}`"));
            }
        }
        if !shown.contains(&format!("action=\"{action}\"")) {
            return Err(format!("send a form: page `{page}` has no form for `{action}`"));
        }
        let csrf = self.csrf.clone();
        let body = form(&[&[("csrf", csrf.as_str())], fields].concat());
        let Fetched::Answer(answer) = self.fetch(http, "POST", action, &body)? else {
            self.told = Some("nobody listens".into());
            return Ok(());
        };
        let is_done = answer.status == 303 || text(&answer)?.contains("<p role=\"status\">");
        self.told = Some(match refused(&answer)? {
            Some(refused) => refused,
            None if is_done => "done".into(),
            None => return Err(unexpected("send a form", &answer)),
        });
        Ok(())
    }

    /// Downloads the log.
    pub(super) fn download_log(&mut self, http: SocketAddr) -> Result<(), String> {
        let Fetched::Answer(answer) = self.fetch(http, "GET", "/log/download", "")? else {
            self.told = Some("nobody listens".into());
            return Ok(());
        };
        if answer.head.to_ascii_lowercase().contains("text/plain") && answer.status == 200 {
            self.log = text(&answer)?.lines().map(str::to_owned).collect();
            return Ok(());
        }
        let refused = refused(&answer)?;
        self.told = Some(refused.ok_or_else(|| unexpected("download the log", &answer))?);
        Ok(())
    }

    /// Whether this browser has a session, which may be over.
    pub(super) fn has_session(&self) -> bool {
        self.cookie.is_some()
    }

    fn fetch(&mut self, http: SocketAddr, method: &str, path: &str, body: &str) -> Result<Fetched, String> {
        let failed = |why: &dyn std::fmt::Display| format!("fetch `{method} {path}`: {why}");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(|why| failed(&why))?;
        socket
            .bind(&SocketAddr::new(self.address, 0).into())
            .map_err(|why| failed(&why))?;
        match socket.connect(&http.into()) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::ConnectionRefused => return Ok(Fetched::NobodyListens),
            Err(why) => return Err(failed(&why)),
        }
        let mut stream = TcpStream::from(socket);
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(|why| failed(&why))?;
        // The console has another certificate after each boot, and nobody knows it before.
        let config = TlsClientConfig::new(Trust::FirstUse).with_alpn(b"http/1.1");
        let mut tls = TlsClient::new(&config);
        let cookie = self
            .cookie
            .as_deref()
            .map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        let of_a_form = if method == "POST" {
            format!("Origin: https://{http}\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        } else {
            String::new()
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n{cookie}{of_a_form}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        tls.send(request.as_bytes());
        let mut plaintext = Vec::new();
        let mut received = 0;
        let mut bytes = vec![0; 16_384];
        loop {
            while let Some(bytes) = tls.poll_transmit() {
                stream.write_all(&bytes).map_err(|why| failed(&why))?;
            }
            let len = match stream.read(&mut bytes) {
                Ok(len) => len,
                // A port that is closed cuts off whoever is connected.
                Err(why) if why.kind() == io::ErrorKind::ConnectionReset => 0,
                Err(why) => return Err(failed(&why)),
            };
            if len == 0 {
                break;
            }
            received += u64::try_from(len).unwrap_or(u64::MAX);
            if received > ANSWER_BYTES_MAX {
                return Err(failed(&format!("expected at most {ANSWER_BYTES_MAX} bytes")));
            }
            tls.receive(&bytes[..len], &mut plaintext)
                .map_err(|why| failed(&why))?;
        }
        parsed(&plaintext)
            .map(Fetched::Answer)
            .ok_or_else(|| failed(&"it is no answer of HTTP/1.1"))
    }
}

fn text(answer: &Answer) -> Result<String, String> {
    let text = std::str::from_utf8(&answer.body);
    text.map(str::to_owned)
        .map_err(|_| "read a page of the HTTP console: it is not UTF-8".into())
}

fn check_login_page(answer: &Answer) -> Result<(), String> {
    if answer.status == 200 && text(answer)?.contains("<form method=\"post\" action=\"/login\">") {
        Ok(())
    } else {
        Err(unexpected("open the login page", answer))
    }
}

/// The name of the refusal at the top of a page: `Error 1014 (login_failed): …`.
fn alert(answer: &Answer) -> Result<Option<String>, String> {
    let page = text(answer)?;
    let Some(alert) = between(&page, "<p role=\"alert\">", "</p>") else {
        return Ok(None);
    };
    let name = between(&alert, "(", ")");
    name.map(Some).ok_or_else(|| {
        format!("read a page of the HTTP console: expected the name of a refusal, got `{alert}`")
    })
}

/// Name and value of the session's cookie that an answer sets, if it has the attributes that it must have.
fn cookie(answer: &Answer) -> Option<String> {
    let mut lines = answer.head.lines();
    let line = lines.find_map(|line| line.strip_prefix("set-cookie: "))?;
    let (cookie, attributes) = line.split_once("; ")?;
    let is_ours = cookie.starts_with(COOKIE) && attributes == "Path=/; Secure; HttpOnly; SameSite=Strict";
    is_ours.then(|| cookie.to_owned())
}

fn unexpected(doing: &str, answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    format!("{doing}: got an unexpected page, {} {body}", answer.status)
}

fn between(text: &str, begin: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0.to_owned())
}

/// The refusal that a page tells, by its name. Whoever sees the login page has no session.
fn refused(answer: &Answer) -> Result<Option<String>, String> {
    let is_login_page = text(answer)?.contains("<h1>Login</h1>");
    Ok(alert(answer)?.or_else(|| is_login_page.then(|| "wrong_state".to_owned())))
}

/// Fields as `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        });
        bytes.collect::<String>()
    };
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)));
    fields.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, head: &str, body: &str) -> Answer {
        Answer {
            status,
            head: head.to_owned(),
            body: body.into(),
        }
    }

    #[test]
    fn a_refusal_is_told_by_its_name() {
        let page = answer(
            403,
            "",
            "<p role=\"alert\">Error 5 (login_failed): It is (not) right.</p>",
        );
        assert_eq!(alert(&page), Ok(Some("login_failed".to_owned())));
        assert_eq!(alert(&answer(200, "", "<p role=\"status\">Done.</p>")), Ok(None));
        assert!(alert(&answer(403, "", "<p role=\"alert\">No.</p>")).is_err());
    }

    #[test]
    fn a_cookie_without_its_attributes_is_none() {
        let head =
            "HTTP/1.1 303 See Other\nset-cookie: __Host-hsm=ab; Path=/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(cookie(&answer(303, head, "")).as_deref(), Some("__Host-hsm=ab"));
        let head = head.replace(" HttpOnly;", "");
        assert_eq!(cookie(&answer(303, &head, "")), None);
    }

    #[test]
    fn fields_are_encoded() {
        assert_eq!(form(&[("name", "a|b"), ("x", "ä c")]), "name=a%7Cb&x=%C3%A4%20c");
    }
}
