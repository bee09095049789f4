//! HTTP to the bench: one connection a request. Never prints the token.

use std::{fmt, path::Path};

use hsm_bench::Problem as Refusal;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use program::{ExitCode, Problem};
use tokio::{net::TcpStream, runtime::Runtime, task::spawn};
use zeroize::Zeroizing;

use super::read_ready_file;

#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Somebody with a token.
pub(super) struct Client {
    /// `address:port`
    host: String,
    token: Zeroizing<String>,
    runtime: Runtime,
}

impl Client {
    /// Whoever the ready-file lets in.
    pub(super) fn of(ready_file: &Path) -> Result<Self, Problem> {
        let ready = read_ready_file(ready_file)?;
        let text = |name: &str| ready["bench"][name].as_str();
        let host = text("url").and_then(|url| url.strip_prefix("http://"));
        let (Some(host), Some(token)) = (host, text("token")) else {
            let what = format!(
                "read ready-file `{}`: expected a bench, got none",
                ready_file.display()
            );
            return Err(
                Problem::new(ExitCode::Usage, what).hint("start the emulator with `--bench 127.0.0.1:0`")
            );
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(|error| Problem::new(ExitCode::InputOutput, format!("start the runtime: {error}")))?;
        Ok(Self {
            host: host.to_owned(),
            token: Zeroizing::new(token.to_owned()),
            runtime,
        })
    }

    /// Asks, and gives the body of the answer.
    pub(super) fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<String, Problem> {
        self.runtime.block_on(async {
            let answer = self.send(method, path, body, "*/*").await?;
            self.text(answer).await
        })
    }

    /// Listens to the event stream until it ends or `told` has enough.
    pub(super) fn follow(
        &self,
        path: &str,
        mut told: impl FnMut(&str) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.runtime.block_on(async {
            let mut answer = self.send(Method::Get, path, None, "text/event-stream").await?;
            let mut unread = Vec::new();
            while let Some(frame) = answer.frame().await {
                let frame = frame.map_err(|error| self.broken(&error))?;
                unread.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
                while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = unread.drain(..=end).collect();
                    if let Some(event) = String::from_utf8_lossy(&line).strip_prefix("data: ") {
                        told(event.trim_end())?;
                    }
                }
            }
            Ok(())
        })
    }

    /// The answer, if it is one that was hoped for.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        accepts: &str,
    ) -> Result<Response<Incoming>, Problem> {
        let stream = TcpStream::connect(&self.host).await.map_err(|error| {
            let what = format!("connect to the bench at {}: {error}", self.host);
            Problem::new(ExitCode::Network, what).hint("is the emulator of this ready-file still running?")
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        spawn(connection);
        let mut request = Request::builder()
            .method(method.name())
            .uri(path)
            .header(HOST, &self.host)
            .header(ACCEPT, accepts)
            .header(AUTHORIZATION, format!("Bearer {}", *self.token));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| self.broken(&error))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| self.broken(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let text = self.text(answer).await?;
        let Ok(refusal) = serde_json::from_str::<Refusal>(&text) else {
            let what = format!(
                "ask the bench at {}: expected an answer, got status {status}",
                self.host
            );
            return Err(Problem::new(ExitCode::Network, what));
        };
        let hint = Some(refusal.hint).filter(|hint| !hint.is_empty());
        Err(Problem {
            hint,
            ..Problem::new(ExitCode::Refused, refusal.detail)
        })
    }

    async fn text(&self, answer: Response<Incoming>) -> Result<String, Problem> {
        let body = answer.collect().await.map_err(|error| self.broken(&error))?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }

    fn broken(&self, error: &dyn fmt::Display) -> Problem {
        let what = format!("ask the bench at {}: {error}", self.host);
        Problem::new(ExitCode::Network, what).hint("is the emulator of this ready-file still running?")
    }
}
