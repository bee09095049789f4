//! The fields of a form that was sent, each at most once. Knows no page.

use std::collections::BTreeMap;

use axum::{body::to_bytes, extract::Request};
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};

/// Bytes of a request's body, at most. The longest form has a name, two passwords and ten fields.
pub(crate) const BODY_BYTES_MAX: usize = 4096;

/// What somebody typed, by the names of the fields.
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads the body of a request. A status if it is no form, too long, or has a field twice.
    pub(crate) async fn read(request: Request) -> Result<Self, StatusCode> {
        let media_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if media_type != Some(b"application/x-www-form-urlencoded") {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await;
        let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        Self::parse(&body).ok_or(StatusCode::BAD_REQUEST)
    }

    /// The fields of a body or of a query; nothing if one is there twice.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        Some(Self(fields))
    }

    /// What was typed into a field; nothing if it is not there.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a box was ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_there_once_or_the_form_is_refused() {
        let form = Form::parse(b"name=a%3Cb&password=x+y").expect("it is a form");
        assert_eq!((form.field("name"), form.field("password")), ("a<b", "x y"));
        assert!(form.field("other").is_empty() && !form.is_ticked("other"));
        assert!(Form::parse(b"name=a&name=b").is_none());
    }
}
