//! The numbered requirements, as `docs/requirements` holds them. Knows which ids there are and what they say; not what
//! proves them.

use crate::builtin;
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::edit_distance::edit_distance;
use std::sync::LazyLock;

/// Every requirement there is.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// In the order of the table in `README.md`.
    pub areas: Vec<Area>,
}

/// The requirements of one subject.
#[derive(Clone, Debug)]
pub struct Area {
    /// Two capital letters.
    pub code: String,
    /// What it is about.
    pub title: String,
    /// In order of their file.
    pub requirements: Vec<Requirement>,
}

/// One requirement.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// Two capital letters, a hyphen and two digits.
    pub id: String,
    /// What it says, as Markdown.
    pub text: String,
    /// The marks after `Source:`.
    pub source: String,
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::read(builtin::REQUIREMENTS).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("read the catalogue of requirements:\n{}", errors.join("\n"))
    })
});

impl Catalogue {
    /// The catalogue that the runner carries in itself.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads a catalogue from its files, each a path and a text. The one named `README.md` has the table of areas.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, Vec<Diagnostic>> {
        let mut areas: Vec<Area> = Vec::new();
        let mut errors = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with("README.md")) {
            areas.extend(areas_of(&Source::new(*path, *text)));
        }
        for (path, text) in files.iter().filter(|(path, _)| !path.ends_with("README.md")) {
            read_area(&Source::new(*path, *text), &mut areas, &mut errors);
        }
        if errors.is_empty() {
            Ok(Self { areas })
        } else {
            Err(errors)
        }
    }

    /// Every id, area by area.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let requirements = self.areas.iter().flat_map(|area| &area.requirements);
        requirements.map(|requirement| requirement.id.as_str())
    }

    /// True if there is a requirement with this id.
    pub fn has(&self, id: &str) -> bool {
        self.ids().any(|known| known == id)
    }

    /// What to say about an id that stands nowhere: the ids of its area, or the nearest area.
    pub fn nearest(&self, id: &str) -> String {
        let code = id.get(..2).unwrap_or(id);
        let known = self
            .areas
            .iter()
            .find(|area| area.code.eq_ignore_ascii_case(code));
        if let Some(Area {
            code, requirements, ..
        }) = known
            && let [first, .., last] = &requirements[..]
        {
            return format!("{code} has `{}` to `{}`", first.id, last.id);
        }
        let nearest = self.ids().min_by_key(|known| edit_distance(known, id));
        nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`?"))
    }
}

/// True for two capital letters, a hyphen and two digits.
pub fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 5
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2] == b'-'
        && bytes[3..].iter().all(u8::is_ascii_digit)
}

/// The areas of the table: `| [rm.md](rm.md) | RM | remote management | 24 |`.
fn areas_of(source: &Source) -> impl Iterator<Item = Area> {
    (1..=source.line_count()).filter_map(|number| {
        let mut cells = source.line(number).strip_prefix("| [")?.split(" | ");
        let (_, code, title) = (cells.next()?, cells.next()?, cells.next()?);
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code.then(|| Area {
            code: code.to_owned(),
            title: title.to_owned(),
            requirements: Vec::new(),
        })
    })
}

fn read_area(source: &Source, areas: &mut [Area], errors: &mut Vec<Diagnostic>) {
    let mut open: Option<Requirement> = None;
    for number in 1..=source.line_count() {
        let line = source.line(number);
        let whole = Span {
            line: number,
            column: 1,
            chars: line.chars().count(),
        };
        if let Some(id) = line.strip_prefix("## ") {
            if open.is_some() {
                errors.push(source.error(whole, "expected `Source:` before the next requirement"));
            }
            if !is_id(id) {
                errors.push(source.error(whole, format!("expected an id such as `RM-01`, got `{id}`")));
            }
            open = Some(Requirement {
                id: id.to_owned(),
                text: String::new(),
                source: String::new(),
            });
            continue;
        }
        let Some(requirement) = &mut open else { continue };
        let Some(marks) = line.strip_prefix("Source: ") else {
            if requirement.text.is_empty() && line.is_empty() {
                continue;
            }
            requirement.text.push_str(line);
            requirement.text.push('\n');
            continue;
        };
        marks.clone_into(&mut requirement.source);
        let Some(mut requirement) = open.take() else {
            continue;
        };
        requirement.text.truncate(requirement.text.trim_end().len());
        let area = areas
            .iter_mut()
            .find(|area| requirement.id.starts_with(&area.code));
        match area {
            None => errors.push(source.error(
                whole,
                format!("the area of `{}` is not in the table", requirement.id),
            )),
            Some(area) if area.requirements.iter().any(|known| known.id == requirement.id) => {
                errors.push(source.error(whole, format!("`{}` is there twice", requirement.id)));
            }
            Some(area) => area.requirements.push(requirement),
        }
    }
    if let Some(requirement) = open {
        let end = Span {
            line: source.line_count(),
            column: 1,
            chars: 0,
        };
        errors.push(source.error(end, format!("expected `Source:` of `{}`", requirement.id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_has_as_many_requirements_as_its_table_says() {
        let catalogue = Catalogue::built_in();
        let (_, readme) = builtin::REQUIREMENTS
            .iter()
            .find(|(path, _)| path.ends_with("README.md"))
            .expect("the catalogue has a front page");
        for Area {
            code,
            title,
            requirements,
        } in &catalogue.areas
        {
            let row = format!("| {code} | {title} | {} |", requirements.len());
            assert!(readme.contains(&row), "expected `{row}`");
        }
        assert!(readme.contains(&format!("| **{}** |", catalogue.ids().count())));
    }

    #[test]
    fn an_id_that_stands_nowhere_is_answered_with_the_nearest() {
        let catalogue = Catalogue::built_in();
        assert!(catalogue.has("RM-07") && !catalogue.has("RM-99"));
        assert!(catalogue.nearest("RM-99").starts_with("RM has `RM-01` to `RM-"));
        assert_eq!(catalogue.nearest("RX-07"), "did you mean `RM-07`?");
    }

    #[test]
    fn a_form_that_no_program_could_read_is_refused() {
        let readme = ("README.md", "| [rm.md](rm.md) | RM | remote | 1 |\n");
        for (text, what) in [
            (
                "## RM-1\n\nx\n\nSource: O\n",
                "expected an id such as `RM-01`, got `RM-1`",
            ),
            ("## RM-01\n\nx\n", "expected `Source:` of `RM-01`"),
            ("## RM-01\n## RM-02\n\nSource: O\n", "expected `Source:` before"),
            (
                "## RM-01\nSource: O\n## RM-01\nSource: O\n",
                "`RM-01` is there twice",
            ),
            ("## AU-01\nSource: O\n", "the area of `AU-01` is not in the table"),
        ] {
            let errors = Catalogue::read(&[readme, ("rm.md", text)]).expect_err(text);
            assert!(errors[0].what.starts_with(what), "{text:?}: {}", errors[0].what);
        }
    }
}
