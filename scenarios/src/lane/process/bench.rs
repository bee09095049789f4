//! The bench of a real emulator as the lane uses it: a request, its answer. One connection for requests that follow each
//! other, HTTP/1.1 and no more of it than the bench speaks. Never prints the token.

use std::{
    fmt,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hsm_bench::{Event, State};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long an answer may take. A step of the clock may wait ten seconds for bytes, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer. The log is the longest.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a connection is kept for the next request. The bench closes one that is idle for ten seconds.
const KEPT_MAX: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 16_384;

/// Where a bench is, and what lets us in.
pub(super) struct Bench {
    address: SocketAddr,
    token: String,
    /// The connection of the last request, and since when nobody uses it.
    kept: Mutex<Option<(TcpStream, Instant)>>,
}

/// With a connection of its own.
impl Clone for Bench {
    fn clone(&self) -> Self {
        Self {
            address: self.address,
            token: self.token.clone(),
            kept: Mutex::default(),
        }
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bench({})", self.address)
    }
}

impl Bench {
    /// `None` if the URL is not one of a bench, which is at an address.
    pub(super) fn at(url: &str, token: &str) -> Option<Self> {
        let address = url.strip_prefix("http://")?.trim_end_matches('/').parse().ok()?;
        let token = token.to_owned();
        Some(Self {
            address,
            token,
            kept: Mutex::default(),
        })
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        self.read("GET", path, None)
    }

    /// Does something at the device, and gives the state after it.
    pub(super) fn act(&self, method: &str, path: &str, body: Option<&Value>) -> Result<State, String> {
        self.read(method, path, body)
    }

    pub(super) fn screen(&self) -> Result<String, String> {
        let body = self.ask("GET", "/v1/console/screen", None)?;
        String::from_utf8(body).map_err(|_| "the bench's screen is not UTF-8".into())
    }

    pub(super) fn events(&self, from: u64) -> Result<Vec<Event>, String> {
        self.get(&format!("/v1/events?from={from}"))
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, String> {
        let answer = self.ask(method, path, body)?;
        serde_json::from_slice(&answer)
            .map_err(|why| format!("read the bench's answer to `{method} {path}`: {why}"))
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Vec<u8>, String> {
        let failed = |why: &dyn fmt::Display| format!("ask the bench `{method} {path}`: {why}");
        let mut stream = self.connection().map_err(|why| failed(&why))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(|why| failed(&why))?;
        let mut answer = Vec::new();
        let mut bytes = [0; READ_BYTES];
        let mut is_open = true;
        while is_open && !is_whole(&answer) && answer.len() <= ANSWER_BYTES_MAX {
            let len = stream.read(&mut bytes).map_err(|why| failed(&why))?;
            answer.extend(&bytes[..len]);
            is_open = len > 0;
        }
        let Answer { status, body, head } =
            parsed(&answer).ok_or_else(|| failed(&"it is no answer of HTTP/1.1"))?;
        if is_open && is_whole(&answer) && header(&head, "connection") != Some("close") {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((stream, Instant::now()));
        }
        if (200..300).contains(&status) {
            Ok(body)
        } else {
            Err(failed(&format!("{status} {}", String::from_utf8_lossy(&body))))
        }
    }
}

impl Bench {
    /// The one before, if it was used just now. Never one that the bench may be closing: nobody knows whether it has
    /// done what was asked last on such a one.
    fn connection(&self) -> std::io::Result<TcpStream> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stream, since)) = kept
            && since.elapsed() <= KEPT_MAX
        {
            return Ok(stream);
        }
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

/// Whether nothing more comes of this answer. One that does not say how long it is ends with its connection.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    match header(&head, "content-length").map(str::parse::<usize>) {
        Some(Ok(len)) => answer.len() - (end + 4) >= len,
        Some(Err(_)) => false,
        None if header(&head, "transfer-encoding").is_some() => {
            parsed(answer).is_some() && answer.ends_with(b"\r\n\r\n")
        }
        // One without content says nothing of its length.
        None => head.starts_with("HTTP/1.1 204"),
    }
}

/// What the header of this name, in lower case, says.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// An answer of HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Its headers, a line each.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// An answer as it came, its body whole or in chunks (RFC 9112, section 7.1).
pub(super) fn parsed(answer: &[u8]) -> Option<Answer> {
    let (answer, is_whole) = begun(answer)?;
    is_whole.then_some(answer)
}

/// What has come of an answer, and whether that is all. A body without chunks is over when the connection is.
pub(super) fn begun(answer: &[u8]) -> Option<(Answer, bool)> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let of = |body: Vec<u8>| Answer {
        status,
        head: head.to_owned(),
        body,
    };
    let mut rest = &answer[end + 4..];
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return Some((of(rest.to_vec()), true));
    }
    let mut body = Vec::new();
    loop {
        let Some(line_len) = rest.windows(2).position(|bytes| bytes == b"\r\n") else {
            return Some((of(body), false));
        };
        let len = std::str::from_utf8(&rest[..line_len]).ok()?;
        let len = usize::from_str_radix(len.split(';').next()?.trim(), 16).ok()?;
        if len == 0 {
            return Some((of(body), true));
        }
        let start = line_len + 2;
        let Some(chunk) = rest.get(start..start.checked_add(len)?) else {
            return Some((of(body), false));
        };
        body.extend_from_slice(chunk);
        let Some(after) = rest.get(start + len + 2..) else {
            return Some((of(body), false));
        };
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_in_chunks() {
        let parsed = |answer: &[u8]| parsed(answer).map(|answer| (answer.status, answer.body));
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parsed(whole), Some((200, b"{}".to_vec())));
        let chunks =
            b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n";
        assert_eq!(parsed(chunks), Some((409, b"abc".to_vec())));
        for torn in [
            &b"HTTP/1.1 200 OK\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
            b"SSH-2.0\r\n\r\n",
        ] {
            assert_eq!(parsed(torn), None);
        }
    }

    #[test]
    fn of_an_answer_that_goes_on_the_whole_chunks_are_known() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (rest, known, is_whole) in [
            ("", "", false),
            ("2\r\na", "", false),
            ("2\r\nab", "ab", false),
            ("2\r\nab\r\n1\r\nc\r\n0", "abc", false),
            ("2\r\nab\r\n0\r\n\r\n", "ab", true),
        ] {
            let (answer, whole) = begun(format!("{head}{rest}").as_bytes()).expect("it has a head");
            assert_eq!(
                (answer.body.as_slice(), whole),
                (known.as_bytes(), is_whole),
                "{rest:?}"
            );
        }
        assert_eq!(begun(format!("{head}x\r\n").as_bytes()), None);
        assert_eq!(begun(head.trim_end().as_bytes()), None);
    }

    #[test]
    fn an_answer_is_whole_when_it_says_so() {
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        for answer in [&length[..], chunks] {
            assert!(is_whole(answer));
            assert!((0..answer.len()).all(|len| !is_whole(&answer[..len])));
        }
        assert!(is_whole(b"HTTP/1.1 204 No Content\r\n\r\n"));
        assert!(
            !is_whole(b"HTTP/1.1 200 OK\r\n\r\n{}"),
            "its end is the connection's"
        );
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"));
    }

    #[test]
    fn a_token_is_not_printed() {
        let bench = Bench::at("http://127.0.0.1:4000", "secret-token").expect("it is a URL of a bench");
        assert_eq!(format!("{bench:?}"), "Bench(127.0.0.1:4000)");
        assert!(Bench::at("https://127.0.0.1:4000", "").is_none());
    }
}
