//! A user at the HTTP console with a browser that has no screen: real requests over real TLS, forms as the pages have
//! them. Believes nothing that no page said.

use std::net::{IpAddr, SocketAddr};

use super::{bench::Answer, https::Exchange};

/// The name of the cookie that is a session.
const COOKIE: &str = "__Host-hsm=";
/// What is told while the port is closed.
pub(super) const NOBODY_LISTENS: &str = "nobody listens";

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
    log: Vec<String>,
    /// The page that goes on, if it is open.
    followed: Option<Exchange>,
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
            followed: None,
        }
    }

    /// Logs in: a session of its own, whatever was before.
    pub(super) fn log_in(&mut self, http: SocketAddr, name: &str, password: &str) -> Result<(), String> {
        self.cookie = None;
        self.csrf.clear();
        self.log.clear();
        self.followed = None;
        // Nobody types into a page that was not shown.
        let shown = self.fetch(http, "GET", "/", "")?;
        let Fetched::Answer(shown) = shown else {
            self.told = Some(NOBODY_LISTENS.into());
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

    /// Sends a form of a page of this session, which is fetched before. What the page does not offer is sent all the same,
    /// as by somebody who writes the form by hand, and the device must refuse it.
    pub(super) fn send(
        &mut self,
        http: SocketAddr,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<(), String> {
        let Some(shown) = self.open(http, page)? else {
            return Ok(());
        };
        let is_offered = offers(&shown, action, fields.iter().map(|(name, _)| *name));
        let csrf = self.csrf.clone();
        let body = form(&[&[("csrf", csrf.as_str())], fields].concat());
        let Fetched::Answer(answer) = self.fetch(http, "POST", action, &body)? else {
            self.told = Some(NOBODY_LISTENS.into());
            return Ok(());
        };
        let is_done = answer.status == 303 || text(&answer)?.contains("<p role=\"status\">");
        self.told = Some(match refused(&answer)? {
            Some(refused) => refused,
            None if is_done && is_offered => "done".into(),
            None if is_done => {
                let what = format!("page `{page}` has no such form for `{action}`, and the device did it");
                return Err(format!("send a form: {what}"));
            }
            None => return Err(unexpected("send a form", &answer)),
        });
        Ok(())
    }

    /// Opens a page with a list. What it says are the names there, in their order.
    pub(super) fn list(&mut self, http: SocketAddr, page: &str) -> Result<(), String> {
        if let Some(shown) = self.open(http, page)? {
            let names = names(&shown).ok_or_else(|| format!("read page `{page}`: it has no list"))?;
            self.told = Some(names.join(", "));
        }
        Ok(())
    }

    /// Opens the page about one thing. What it says is the name under this heading of it.
    pub(super) fn look_at(&mut self, http: SocketAddr, page: &str, heading: &str) -> Result<(), String> {
        if let Some(shown) = self.open(http, page)? {
            let name = between(&shown, &format!("<dt>{heading}</dt><dd>"), "</dd>");
            let name = name.ok_or_else(|| format!("read page `{page}`: it has no `{heading}`"))?;
            self.told = Some(name);
        }
        Ok(())
    }

    /// A page of this session; `None` if it is not shown, and what is said instead is told.
    fn open(&mut self, http: SocketAddr, page: &str) -> Result<Option<String>, String> {
        let Fetched::Answer(shown) = self.fetch(http, "GET", page, "")? else {
            self.told = Some(NOBODY_LISTENS.into());
            return Ok(None);
        };
        if let Some(refused) = refused(&shown)? {
            self.told = Some(refused);
            return Ok(None);
        }
        text(&shown).map(Some)
    }

    /// Downloads the log.
    pub(super) fn download_log(&mut self, http: SocketAddr) -> Result<(), String> {
        let Fetched::Answer(answer) = self.fetch(http, "GET", "/log/download", "")? else {
            self.told = Some(NOBODY_LISTENS.into());
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
    /// Follows the log from now on, on a page that goes on.
    pub(super) fn follow_log(&mut self, http: SocketAddr) -> Result<(), String> {
        let Some(mut exchange) = self.call(http, "GET", "/log/follow", "")? else {
            self.told = Some(NOBODY_LISTENS.into());
            return Ok(());
        };
        if exchange.read_until(|answer| lines(answer).is_some())? {
            self.followed = Some(exchange);
            self.told = Some("done".into());
            return Ok(());
        }
        let answer = exchange.finish()?;
        let refused = refused(&answer)?;
        self.told = Some(refused.ok_or_else(|| unexpected("follow the log", &answer))?);
        Ok(())
    }

    /// Whether this was in a line of the log, downloaded or followed. Waits for what comes.
    pub(super) fn has_read(&mut self, text: &str) -> Result<bool, String> {
        let is_it = |line: &String| line.contains(text);
        if self.log.iter().any(is_it) {
            return Ok(true);
        }
        self.followed.as_mut().map_or(Ok(false), |followed| {
            followed.read_until(|answer| lines(answer).is_some_and(|lines| lines.iter().any(is_it)))
        })
    }

    pub(super) fn has_session(&self) -> bool {
        self.cookie.is_some()
    }

    fn fetch(&self, http: SocketAddr, method: &str, path: &str, body: &str) -> Result<Fetched, String> {
        match self.call(http, method, path, body)? {
            Some(exchange) => exchange.finish().map(Fetched::Answer),
            None => Ok(Fetched::NobodyListens),
        }
    }

    fn call(
        &self,
        http: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Option<Exchange>, String> {
        let cookie = self.cookie.as_deref();
        let cookie = cookie.map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        let of_a_form = if method == "POST" {
            format!("Origin: https://{http}\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        } else {
            String::new()
        };
        let headers = cookie + &of_a_form;
        Exchange::begin(self.address, http, method, path, &headers, body)
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

/// The lines so far of the page that goes on; `None` if it is another one.
fn lines(answer: &Answer) -> Option<Vec<String>> {
    let page = text(answer).ok()?;
    let (_, rest) = page.split_once("<div role=\"log\" aria-label=\"New lines\"><ul class=\"log\">")?;
    let lines = rest.split("<li>").skip(1);
    let lines = lines.filter_map(|line| line.split_once("</li>"));
    Some(lines.map(|(line, _)| unescaped(line)).collect())
}

/// What a text of a page says.
fn unescaped(html: &str) -> String {
    let characters = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    characters
        .iter()
        .fold(html.to_owned(), |text, (written, is)| text.replace(written, is))
}

/// Whether a page has a form for this with fields of these names.
fn offers<'f>(page: &str, action: &str, mut fields: impl Iterator<Item = &'f str>) -> bool {
    let form = between(
        page,
        &format!("<form method=\"post\" action=\"{action}\">"),
        "</form>",
    );
    form.is_some_and(|form| fields.all(|field| form.contains(&format!(" name=\"{field}\""))))
}

/// The first cell of each row of a page's list; `None` if the page has none.
fn names(page: &str) -> Option<Vec<String>> {
    let rows = page.split("<tr><td>").skip(1);
    let cells = rows.map(|row| {
        let cell = row.split_once("</td>")?.0;
        let Some(link) = cell.strip_prefix("<a href=") else {
            return Some(cell.to_owned());
        };
        between(link, ">", "</a>")
    });
    let names: Vec<_> = cells.collect::<Option<_>>()?;
    let says_that_there_is_none = page.contains("<p>There is no key here.</p>");
    (names.is_empty() == says_that_there_is_none).then_some(names)
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
    fn a_page_that_goes_on_has_the_lines_that_have_come() {
        let begin = "<p>x</p><div role=\"log\" aria-label=\"New lines\"><ul class=\"log\">";
        let page = format!("{begin}<li>a &amp;lt; &lt;b&gt;</li><li>cut");
        assert_eq!(
            lines(&answer(200, "", &page)),
            Some(vec!["a &lt; <b>".to_owned()])
        );
        assert_eq!(lines(&answer(200, "", begin)), Some(Vec::new()));
        assert_eq!(lines(&answer(200, "", "<ul class=\"log\"><li>a</li>")), None);
    }

    #[test]
    fn a_form_is_offered_with_all_of_its_fields_or_not() {
        let page = "<form method=\"post\" action=\"/a\"><input name=\"one\"></form>\
                    <form method=\"post\" action=\"/b\"><input name=\"two\"></form>";
        assert!(offers(page, "/a", ["one"].into_iter()));
        assert!(!offers(page, "/a", ["one", "two"].into_iter()));
        assert!(!offers(page, "/c", [].into_iter()));
    }

    #[test]
    fn a_list_has_names_or_says_that_there_are_none() {
        let page = "<table><tr><th>Name</th></tr><tr><td><a href=\"/k?name=a\">a</a></td><td>x</td></tr>\
                    <tr><td>b</td><td>y</td></tr></table>";
        assert_eq!(names(page), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(names("<p>There is no key here.</p>"), Some(Vec::new()));
        assert_eq!(names("<p>Something else.</p>"), None);
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
