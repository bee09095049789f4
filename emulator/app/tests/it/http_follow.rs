//! The log as users follow it at the HTTP console: a page that goes on, who has one, and when it ends.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned};

use crate::http_console::{Console, Login, PASSWORD};

/// How long a line may take that was written already.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the page that goes on begins with, and no other.
const GOES_ON: &str = "<div role=\"log\" aria-label=\"New lines\">";
/// How often somebody asks for a place that another has left: it is free when the device knows.
const TRIES_MAX: usize = 1000;

/// Somebody's page that goes on, or what came instead.
struct Page(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Page {
    fn open(console: &Console, login: &Login) -> Self {
        let mut stream = console.connect();
        stream
            .sock
            .set_read_timeout(Some(PATIENCE))
            .expect("it is a socket");
        let (host, cookie) = (console.address, &login.cookie);
        let request = format!("GET /log/follow HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        Self(BufReader::new(stream))
    }

    /// What comes up to this text, and perhaps some more; all that comes if it does not.
    fn read_to(&mut self, text: &str) -> String {
        self.read_to_one(&[text])
    }

    fn read_to_one(&mut self, texts: &[&str]) -> String {
        let mut read = Vec::new();
        loop {
            let some = self.0.fill_buf().expect("it comes in time").to_vec();
            self.0.consume(some.len());
            read.extend_from_slice(&some);
            let read = String::from_utf8_lossy(&read);
            if some.is_empty() || texts.iter().any(|text| read.contains(text)) {
                return read.into_owned();
            }
        }
    }

    /// Whether it is the page that goes on, as far as it has come: the other ones end.
    fn goes_on(&mut self) -> bool {
        let begin = self.read_to_one(&[GOES_ON, "</html>"]);
        begin.contains(GOES_ON)
    }
}

fn create(console: &Console, master: &Login, name: &str, permission: &str) -> Login {
    let fields = format!("name={name}&password=a+password{permission}");
    let answer = console.post("/users/create", Some(master), &fields);
    assert_eq!(answer.status, 200, "{answer:?}");
    console.login(name, "a+password")
}

//= LG-02
//= LG-03
#[test]
fn every_line_comes_to_the_page_as_the_text_that_it_is_until_the_session_ends() {
    let folder = tempfile::tempdir().expect("there is room");
    let console = Console::start(folder.path());
    let login = console.login("master", PASSWORD);
    let mut page = Page::open(&console, &login);
    let begin = page.read_to("<ul class=\"log\">");
    assert!(begin.starts_with("HTTP/1.1 200"), "{begin}");
    for part in [
        "connection: close\r\n",
        "content-type: text/html; charset=utf-8\r\n",
        "cache-control: no-store\r\n",
        "x-frame-options: DENY\r\n",
        "default-src 'none'; style-src 'self'",
        "<h1>Event log, followed</h1>",
        GOES_ON,
    ] {
        assert!(begin.contains(part), "{part}: {begin}");
    }
    // Nothing that was before.
    assert!(!begin.contains("<li>20"), "{begin}");
    assert_eq!(console.try_login("<script>a", "wrong words").status, 403);
    let line = page.read_to("refused");
    assert!(
        line.contains("login of &lt;script&gt;a refused") && !line.contains("<script"),
        "{line}"
    );
    assert_eq!(console.post("/logout", Some(&login), "").status, 303);
    let mut end = page.read_to("</html>");
    page.0.read_to_string(&mut end).expect("it ends");
    assert!(end.contains("No more lines come here."), "{end}");
    assert!(end.ends_with("</html>\r\n0\r\n\r\n"), "{end}");
}

//= LG-02
#[test]
fn three_follow_at_once_and_whoever_leaves_makes_room() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut console = Console::start(folder.path());
    let master = console.login("master", PASSWORD);
    let reader = |name| create(&console, &master, name, "&remote_log=1");
    let (ana, bruno, carla) = (reader("ana"), reader("bruno"), reader("carla"));
    let mut pages = [&master, &ana, &bruno].map(|login| Page::open(&console, login));
    for page in &mut pages {
        assert!(page.goes_on());
    }
    let refused = console.get("/log/follow", Some(&carla));
    assert!(
        refused.status == 503 && refused.body.contains("Error 5304 (limit_reached)"),
        "{refused:?}"
    );
    // A second page of a session takes the place of its first.
    let mut again = Page::open(&console, &ana);
    assert!(again.goes_on());
    let end = pages[1].read_to("</html>");
    assert!(end.contains("No more lines come here."), "{end}");
    assert_eq!(console.get("/log/follow", Some(&carla)).status, 503);
    drop(again);
    let page = (0..TRIES_MAX).find_map(|_| {
        let mut page = Page::open(&console, &carla);
        page.goes_on().then_some(page)
    });
    let mut page = page.expect("there is room");
    assert!(console.is_in(&ana), "whoever stops reading is still logged in");
    // Somebody who may not have the log does not follow it.
    let davi = create(&console, &master, "davi", "");
    let refused = console.get("/log/follow", Some(&davi));
    assert!(
        refused.status == 403 && refused.body.contains("Error 5002"),
        "{refused:?}"
    );
    assert!(
        page.read_to("user davi logged in")
            .contains("user davi logged in")
    );
    // The end of the service cuts everybody off.
    let answer = console.manager.ask("ops.stop_service").expect("it answers");
    assert!(answer.get("result").is_some(), "{answer}");
    console.bench.emulator.wait_for("HTTP console closed");
    let mut rest = Vec::new();
    // Closed or reset.
    let _ = page.0.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("</html>"));
}
