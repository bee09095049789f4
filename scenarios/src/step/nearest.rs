//! Which expression somebody meant who wrote a step that none fits. Suggests; never decides.

use super::expression::{Compiled, Part};

/// Longest text that is compared; a longer one is no slip of the fingers.
const TEXT_CHARS_MAX: usize = 300;

/// Price of one slip of the fingers in a literal.
const SLIP: usize = 4;

/// Price of a space within an argument after its first word: `{int}` rarely has one, `"a name"` may.
const SPACE: usize = 2;

/// The expression that `text` is closest to, if it is close to one. Of equally close ones, the first with the most
/// literal characters.
pub(super) fn nearest<'a>(text: &str, expressions: impl Iterator<Item = &'a Compiled>) -> Option<usize> {
    let text: Vec<char> = text.chars().collect();
    if text.len() > TEXT_CHARS_MAX {
        return None;
    }
    let of = |variant: &Vec<Part>| {
        let literal_chars = literal_chars(variant);
        let price = price(&text, variant);
        // A third of the letters may be wrong; an expression that is mostly parameters is like anything.
        (price <= (literal_chars * SLIP / 3).max(SLIP)).then_some((price, usize::MAX - literal_chars))
    };
    let scored = expressions.enumerate().filter_map(|(index, expression)| {
        let best = expression.variants().iter().filter_map(of).min()?;
        Some((best, index))
    });
    scored.min().map(|(_, index)| index)
}

fn literal_chars(variant: &[Part]) -> usize {
    let chars = |part: &Part| match part {
        Part::Literal(literal) => literal.chars().filter(|c| !c.is_whitespace()).count(),
        Part::Parameter => 0,
    };
    variant.iter().map(chars).sum()
}

/// Edit distance in which a parameter takes any text, cheaply if it is one word or quoted.
fn price(text: &[char], variant: &[Part]) -> usize {
    let mut row: Vec<usize> = (0..=text.len()).map(|slips| slips * SLIP).collect();
    for part in variant {
        match part {
            Part::Literal(literal) => {
                for c in literal.chars() {
                    let above = row;
                    row = vec![above[0] + SLIP];
                    for (j, &written) in text.iter().enumerate() {
                        let same = above[j]
                            + if written.to_lowercase().eq(c.to_lowercase()) {
                                0
                            } else {
                                SLIP
                            };
                        row.push(same.min(above[j + 1] + SLIP).min(row[j] + SLIP));
                    }
                }
            }
            Part::Parameter => {
                let above = row;
                row = vec![above[0] + SLIP];
                let mut open_quote = None;
                // The cheapest way to be inside the parameter before this character.
                let mut inside = above[0];
                for (j, &written) in text.iter().enumerate() {
                    match open_quote {
                        Some(quote) if quote == written => open_quote = None,
                        None if written == '"' => open_quote = Some(written),
                        Some(_) | None => {}
                    }
                    let space = if written.is_whitespace() && open_quote.is_none() {
                        SPACE
                    } else {
                        0
                    };
                    inside += space;
                    row.push(inside.min(above[j + 1] + SLIP));
                    inside = inside.min(above[j + 1]);
                }
            }
        }
    }
    row[text.len()]
}
