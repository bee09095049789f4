//! The event log as somebody with the permission sees it: searched, downloaded, followed, cleared.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Extension, Request, State},
    response::{IntoResponse as _, Response},
};
use hsm_core::{UserAnswer, UserRequest};
use hyper::{
    HeaderMap, StatusCode,
    body::Frame,
    header::{CONNECTION, CONTENT_DISPOSITION, CONTENT_TYPE},
};
use tokio::{
    sync::{Semaphore, mpsc::Receiver},
    task::spawn_blocking,
};

use super::{
    Desk, Entry, Peer, Visitor, either,
    frame::{END, HTML, News, begin, button, form, page, refused},
    go, login_page,
};
use crate::http::{
    html::Html,
    log_search::{self, LINES_SHOWN_MAX},
    server::{Answer, Lasting},
};

/// Readings of the log at once: each may hold all of it.
const LOG_READERS_MAX: usize = 2;
static LOG_READERS: Semaphore = Semaphore::const_new(LOG_READERS_MAX);

/// The files of the log, if the device lets this user have them.
async fn log_files(desk: &Desk, visitor: &Visitor) -> Result<Vec<std::fs::File>, Response> {
    match desk
        .ask(&visitor.session, visitor.peer, UserRequest::RetrieveLog)
        .await
    {
        Ok(Answer::Log(files)) => files.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Ok(Answer::User(UserAnswer::Refused(refusal))) => {
            Err(refused(visitor, Entry::Log, "Event log", refusal))
        }
        Ok(Answer::User(_) | Answer::Lines(_)) => Err(login_page("", &News::Nothing)),
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
pub(super) async fn log_page(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    either(show_log(&desk, peer, request).await)
}

async fn show_log(desk: &Desk, peer: IpAddr, request: Request) -> Result<Response, Response> {
    let (visitor, query) = desk.reader(peer, request).await?;
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
        .raw("</p><p><a href=\"/log/download\" download>Download the whole log</a></p>")
        .raw("<p><a href=\"/log/follow\">Follow the log</a></p><ul class=\"log\">");
    for line in lines {
        body = body.raw("<li>").text(&line).raw("</li>");
    }
    let body = body
        .raw("</ul><h2>Clear</h2>")
        .piece(&form("/log/clear", &visitor))
        .raw("<p>Throws every line away. The new log begins with who did it.</p>")
        .piece(&button("Clear the log"));
    Ok(page(
        StatusCode::OK,
        "Event log",
        Some((&visitor, Entry::Log)),
        &body,
    ))
}

pub(super) async fn download_log(
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

/// A page that goes on: every line of the log is added to it as it comes.
//= LG-02
pub(super) async fn follow_log(
    State(desk): State<Desk>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    either(tell_log(&desk, peer, &headers).await)
}

async fn tell_log(desk: &Desk, peer: IpAddr, headers: &HeaderMap) -> Result<Response, Response> {
    let visitor = desk.visitor(headers, peer).await?;
    let lines = match desk.ask(&visitor.session, peer, UserRequest::FollowLog).await {
        Ok(Answer::Lines(lines)) => lines,
        Ok(Answer::User(UserAnswer::Refused(refusal))) => {
            return Err(refused(&visitor, Entry::Log, FOLLOWED, refusal));
        }
        Ok(Answer::User(_) | Answer::Log(_)) => return Err(login_page("", &News::Nothing)),
        Err(status) => return Err(status.into_response()),
    };
    let begin = begin(FOLLOWED, Some((&visitor, Entry::Log)))
        .raw("<p>New lines come to the end of this page until your session ends.</p>")
        .raw("<p><a href=\"/log\">All lines</a></p><div role=\"log\" aria-label=\"New lines\"><ul class=\"log\">");
    let page = Followed {
        begin: Some(begin),
        lines,
        is_over: false,
    };
    // The connection serves for nothing else, so that it is over when the page is.
    let headers = [(CONTENT_TYPE, HTML), (CONNECTION, "close")];
    Ok((headers, Extension(Lasting), Body::new(page)).into_response())
}

/// The title of the page that goes on.
const FOLLOWED: &str = "Event log, followed";

/// A page that is over when its lines are.
struct Followed {
    begin: Option<Html>,
    lines: Receiver<String>,
    is_over: bool,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let html = if let Some(begin) = self.begin.take() {
            begin
        } else if self.is_over {
            return Poll::Ready(None);
        } else if let Some(line) = ready!(self.lines.poll_recv(cx)) {
            Html::default().raw("<li>").text(&line).raw("</li>")
        } else {
            self.is_over = true;
            Html::default()
                .raw("</ul></div><p role=\"status\">No more lines come here.</p>")
                .raw(END)
        };
        Poll::Ready(Some(Ok(Frame::data(html.into_string().into()))))
    }
}

pub(super) async fn clear_log(
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
        Ok(News::Bad(refusal)) => refused(&visitor, Entry::Log, "Event log", refusal),
        Ok(_) => go("/log"),
        Err(answer) => answer,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn so_many_read_the_log_at_once_and_one_more_waits() {
        let (began, begun) = mpsc::channel();
        let mut ends = Vec::new();
        let readers: Vec<_> = (0..=LOG_READERS_MAX)
            .map(|_| {
                let (end, ended) = mpsc::channel::<()>();
                ends.push(end);
                let began = began.clone();
                tokio::spawn(read_log(move || {
                    let told = began.send(());
                    // Until the test lets it go on, or has failed.
                    let _ = ended.recv();
                    told.map_err(std::io::Error::other)
                }))
            })
            .collect();
        while LOG_READERS.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..LOG_READERS_MAX {
            begun.recv().expect("they read");
        }
        // Whoever has no place has not begun, and begins as soon as there is one.
        assert!(begun.try_recv().is_err());
        ends.clear();
        for reader in readers {
            assert!(reader.await.expect("it does not panic").is_ok());
        }
        assert!(begun.try_recv().is_ok(), "the one that waited");
        assert_eq!(LOG_READERS.available_permits(), LOG_READERS_MAX);
    }
}
