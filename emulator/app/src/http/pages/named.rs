//! What the pages of keys and of users have in common: one of all of them, one of each, and forms about one. What is asked
//! and shown is their own.

use axum::{
    extract::{Extension, Request, State},
    response::Response,
    routing::{MethodRouter, get, post},
};
use hsm_core::UserRequest;

use super::{
    Desk, Entry, Peer, Visitor, either,
    frame::{News, page},
    keys, users,
};
use crate::http::form::Form;

/// Something with a name.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Of the own partition.
    Key,
    User,
}

/// Which page of them.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// That of one; that of all, if the one is no more.
    One,
    /// That of all of them.
    All,
}

/// A page of them, as its address says.
pub(super) fn see(kind: Kind, which: Which) -> MethodRouter<Desk> {
    get(
        move |State(desk): State<Desk>, Extension(Peer(peer)): Extension<Peer>, request: Request| async move {
            either(
                async {
                    let (visitor, query) = desk.reader(peer, request).await?;
                    match which {
                        Which::All => list(kind, &desk, &visitor, query.field("after"), &News::Nothing).await,
                        Which::One => show(kind, &desk, &visitor, query.field("name"), &News::Nothing).await,
                    }
                }
                .await,
            )
        },
    )
}

/// A form about one of them: which page comes next, what it says when it is done, and what the device is asked for.
pub(super) fn act(
    kind: Kind,
    next: Which,
    good: &'static str,
    ask: fn(String, &Form) -> Result<UserRequest, &'static str>,
) -> MethodRouter<Desk> {
    post(
        move |State(desk): State<Desk>, Extension(Peer(peer)): Extension<Peer>, request: Request| async move {
            either(
                async {
                    let (visitor, form) = desk.sender(peer, request).await?;
                    let name = form.field("name");
                    let news = match ask(name.to_owned(), &form) {
                        Ok(request) => desk.news(&visitor, request, good).await?,
                        Err(why) => News::Unclear(why),
                    };
                    match next {
                        Which::All => list(kind, &desk, &visitor, "", &news).await,
                        Which::One => show(kind, &desk, &visitor, name, &news).await,
                    }
                }
                .await,
            )
        },
    )
}

async fn list(
    kind: Kind,
    desk: &Desk,
    visitor: &Visitor,
    after: &str,
    news: &News,
) -> Result<Response, Response> {
    match kind {
        Kind::Key => keys::list(desk, visitor, after, news).await,
        Kind::User => users::list(desk, visitor, after, news).await,
    }
}

/// The page of one; that of all of them if it cannot be shown, as after a removal.
async fn show(
    kind: Kind,
    desk: &Desk,
    visitor: &Visitor,
    name: &str,
    news: &News,
) -> Result<Response, Response> {
    let (title, entry, request) = match kind {
        Kind::Key => ("Key", Entry::Keys, keys::showing(name)),
        Kind::User => ("User", Entry::Users, users::showing(name)),
    };
    match desk.told(visitor, request).await? {
        Ok(answer) => {
            let facts = match kind {
                Kind::Key => keys::facts(visitor, &answer),
                Kind::User => users::facts(visitor, &answer),
            };
            let body = news.html().piece(&facts);
            Ok(page(news.status(), title, Some((visitor, entry)), &body))
        }
        Err(refusal) => {
            let of_this_one = News::Bad(refusal);
            let news = if matches!(news, News::Nothing) {
                &of_this_one
            } else {
                news
            };
            list(kind, desk, visitor, "", news).await
        }
    }
}
