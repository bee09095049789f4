//! HTML that is put together from our own words and everybody else's. The one place where a text is escaped: what is not
//! one of our constants can only come in through [`Html::text`]. Knows no page.

use program::is_unseen;

/// A piece of HTML.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Our own words, as they stand in the source.
    pub(crate) fn raw(mut self, ours: &'static str) -> Self {
        self.0.push_str(ours);
        self
    }

    /// A text from anywhere else, between tags or in an attribute that stands in double quotes. What would not be seen, or
    /// would turn the line around, is spelled out.
    //= LG-03
    pub(crate) fn text(mut self, theirs: &str) -> Self {
        for character in theirs.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                unseen if is_unseen(unseen) => self.0.extend(unseen.escape_unicode()),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Another piece.
    pub(crate) fn piece(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// The whole document.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_becomes_a_tag_an_attribute_or_a_line() {
        let hostile = "</p><script>alert(\"1\")</script>' onload='x & |\\ \n\u{202e}";
        let html = Html::default().raw("<p>").text(hostile).raw("</p>").into_string();
        assert_eq!(
            html,
            "<p>&lt;/p&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; onload=&#39;x &amp; |\\ \
             \\u{a}\\u{202e}</p>"
        );
    }
}
