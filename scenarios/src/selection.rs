//! Which scenarios a command is about: files on disk or the built-in suite, and of those what tags, requirements and
//! names pick. Matches no steps and runs nothing.

use crate::builtin;
use crate::catalogue::{self, Catalogue};
use crate::diagnostic::Diagnostic;
use crate::edit_distance::edit_distance;
use crate::gherkin::FILE_BYTES_MAX;
use crate::suite::{self, FeatureFile, Scenario};
use program::ExitCode;
use program::Problem;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Most files of one selection.
pub const FILES_MAX: usize = 10_000;

/// Most folders below each other that are looked into.
pub const FOLDER_DEPTH_MAX: usize = 32;

/// What was selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Every file that is about it and has no mistake, in order of path.
    pub files: Vec<FeatureFile>,
    /// The scenarios, in order of path and line.
    pub scenarios: Vec<Scenario>,
    /// Everything that is wrong with the other files, in order of path and line.
    pub diagnostics: Vec<Diagnostic>,
    /// True if this is the whole built-in suite.
    pub is_built_in_suite: bool,
}

/// What one word of the command line picks.
enum Selector<'a> {
    /// A file or a folder, and the line of a scenario if one was given.
    Path { path: PathBuf, line: Option<usize> },
    /// Files of the built-in suite, given by path where there is no such path on disk.
    BuiltIn { path: String, line: Option<usize> },
    /// With its `@`.
    Tag(Cow<'a, str>),
    /// A part of a name, in lower case.
    Name(String),
}

/// Finds, reads and filters. No selectors select the built-in suite.
pub fn select(selectors: &[String], catalogue: &Catalogue) -> Result<Selection, Problem> {
    let parsed: Vec<(&str, Selector<'_>)> = selectors
        .iter()
        .map(|text| (text.as_str(), Selector::new(text)))
        .collect();
    let (picks, filters): (Vec<_>, Vec<_>) = parsed.iter().partition(|(_, selector)| selector.is_path());

    let contents = if picks.is_empty() {
        built_in("")
    } else {
        find(&picks)?
    };
    let mut selection = Selection {
        is_built_in_suite: selectors.is_empty(),
        ..Selection::default()
    };
    for (path, bytes) in &contents {
        match suite::read(path, bytes, catalogue) {
            Ok(file) => selection.files.push(file),
            Err(diagnostics) => selection.diagnostics.extend(diagnostics),
        }
    }

    let all: Vec<&Scenario> = selection.files.iter().flat_map(|file| &file.scenarios).collect();
    let mut problems = Vec::new();
    let of_paths = pick(&all, &picks, &mut problems);
    let scenarios = pick(&of_paths, &filters, &mut problems);
    // With a wrong file among them nobody knows what would have matched.
    if let (true, Some(problem)) = (selection.diagnostics.is_empty(), problems.into_iter().next()) {
        let near = if of_paths.is_empty() { &all } else { &of_paths };
        return Err(describe_nothing(problem, near, catalogue));
    }
    if selection.diagnostics.is_empty() && scenarios.is_empty() {
        return Err(Problem::new(
            ExitCode::NothingSelected,
            "the built-in suite holds no scenario",
        ));
    }
    selection.scenarios = scenarios.into_iter().cloned().collect();
    Ok(selection)
}

impl<'a> Selector<'a> {
    fn new(text: &'a str) -> Self {
        let is_there = |path: &str| fs::symlink_metadata(path).is_ok();
        let (before, line) = match text.rsplit_once(':') {
            Some((path, line)) => (path, line.parse().ok()),
            None => (text, None),
        };
        if text.starts_with('@') {
            return Self::Tag(text.into());
        }
        if catalogue::is_id(text) {
            return Self::Tag(format!("@{text}").into());
        }
        for (path, line) in [(text, None), (before, line)] {
            if is_there(path) && (line.is_some() || path == text) {
                let path = PathBuf::from(path);
                return Self::Path { path, line };
            }
            let built_in = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
            if (line.is_some() || path == text) && !self::built_in(built_in).is_empty() {
                let path = built_in.to_owned();
                return Self::BuiltIn { path, line };
            }
        }
        Self::Name(text.to_lowercase())
    }

    const fn is_path(&self) -> bool {
        match self {
            Self::Path { .. } | Self::BuiltIn { .. } => true,
            Self::Tag(_) | Self::Name(_) => false,
        }
    }

    fn picks(&self, scenario: &Scenario) -> bool {
        let pickle = &scenario.pickle;
        let has_line = |line: &Option<usize>| {
            line.is_none_or(|line| {
                let mut steps = pickle.steps.iter().filter(|step| !step.is_background);
                line == pickle.line() || line == pickle.span.line || steps.any(|step| step.span.line == line)
            })
        };
        match self {
            Self::Path { path, line } => is_below(pickle.source.path(), &shown_path(path)) && has_line(line),
            Self::BuiltIn { path, line } => is_below(pickle.source.path(), path) && has_line(line),
            Self::Tag(name) => pickle.tags.iter().any(|tag| tag.value == *name),
            Self::Name(part) => pickle.name.to_lowercase().contains(part),
        }
    }
}

/// What any of the selectors picks, or everything if there are none. Adds each selector that picks nothing.
fn pick<'s, 'a>(
    scenarios: &[&'s Scenario],
    selectors: &[&'a (&'a str, Selector<'a>)],
    problems: &mut Vec<&'a (&'a str, Selector<'a>)>,
) -> Vec<&'s Scenario> {
    if selectors.is_empty() {
        return scenarios.to_vec();
    }
    let nothing = |(_, selector): &&&(&str, Selector<'_>)| !scenarios.iter().any(|it| selector.picks(it));
    problems.extend(selectors.iter().filter(nothing));
    let any = |scenario: &&&Scenario| selectors.iter().any(|(_, selector)| selector.picks(scenario));
    scenarios.iter().filter(any).copied().collect()
}

/// A selector that picks nothing, with the nearest that would.
fn describe_nothing(
    (text, selector): &(&str, Selector<'_>),
    scenarios: &[&Scenario],
    catalogue: &Catalogue,
) -> Problem {
    let problem = |what: String| Problem::new(ExitCode::NothingSelected, what);
    match selector {
        Selector::Path { path, line: None } => {
            let path = path.display();
            problem(format!("select `{path}`: no file below it ends with `.feature`"))
        }
        Selector::BuiltIn { path, line: None } => problem(format!("select `{path}`: it holds no scenario")),
        Selector::Path { line: Some(line), .. } | Selector::BuiltIn { line: Some(line), .. } => {
            let path = text.rsplit_once(':').map_or(*text, |(path, _)| path);
            let wanted = Selector::new(path);
            let places = scenarios.iter().filter(|it| wanted.picks(it));
            let nearest = places.min_by_key(|it| it.pickle.line().abs_diff(*line));
            let problem = problem(format!("select `{text}`: no scenario stands at line {line}"));
            match nearest {
                Some(nearest) => problem.hint(format!(
                    "the nearest is `{}`: {}",
                    nearest.place(),
                    nearest.title()
                )),
                None => problem,
            }
        }
        Selector::Tag(tag) => {
            let name = tag.trim_start_matches('@');
            if catalogue.has(name) {
                return problem(format!("select `{text}`: no scenario is tagged `{tag}`"));
            }
            if catalogue::is_id(name) {
                let nearest = catalogue.nearest(name);
                return problem(format!("select `{text}`: there is no requirement `{name}`")).hint(nearest);
            }
            let tags = scenarios.iter().flat_map(|it| &it.pickle.tags);
            let nearest = tags.min_by_key(|known| edit_distance(&known.value, tag));
            let problem = problem(format!("select `{text}`: no scenario is tagged `{tag}`"));
            match nearest {
                Some(nearest) => problem.hint(format!("the nearest tag is `{}`", nearest.value)),
                None => problem,
            }
        }
        Selector::Name(_) if looks_like_path(text) => Problem::new(
            ExitCode::InputOutput,
            format!("read `{text}`: there is no such file or folder"),
        ),
        Selector::Name(part) => {
            let problem = problem(format!("select `{text}`: no name of a scenario contains it"));
            match nearest_name(part, scenarios) {
                Some(name) => problem.hint(format!("the nearest name is `{name}`")),
                None => problem.hint("`hsm-rig list` lists every scenario"),
            }
        }
    }
}

fn looks_like_path(text: &str) -> bool {
    let path = match text.rsplit_once(':') {
        Some((path, line)) if line.parse::<usize>().is_ok() => path,
        Some(_) | None => text,
    };
    let is_feature = Path::new(path).extension().is_some_and(|it| it == "feature");
    is_feature || (path.contains('/') && !path.contains(' '))
}

/// The name that shares most words with `part`, give or take a slip of the fingers; at least half of them.
fn nearest_name<'s>(part: &str, scenarios: &[&'s Scenario]) -> Option<&'s str> {
    const WORDS_MAX: usize = 20;
    let words: Vec<&str> = part.split_whitespace().take(WORDS_MAX).collect();
    let shared = |scenario: &&&Scenario| {
        let is_near = |word: &&&str| {
            let mut others = scenario.pickle.name.split_whitespace();
            others.any(|other| edit_distance(word, other) <= word.chars().count() / 3)
        };
        words.iter().filter(is_near).count()
    };
    // The first of equals.
    let nearest = scenarios.iter().rev().max_by_key(shared)?;
    let is_near = shared(&nearest) * 2 >= words.len();
    is_near.then_some(nearest.pickle.name.as_str())
}

/// The files of the built-in suite at or below a path; all for the empty one.
fn built_in(path: &str) -> BTreeMap<String, Cow<'static, [u8]>> {
    let files = builtin::SUITE.iter().filter(|(known, _)| is_below(known, path));
    files
        .map(|&(path, bytes)| (path.to_owned(), Cow::Borrowed(bytes)))
        .collect()
}

fn is_below(path: &str, folder: &str) -> bool {
    let Some(rest) = path.strip_prefix(folder) else {
        return false;
    };
    folder.is_empty() || rest.is_empty() || rest.starts_with('/') || folder.ends_with('/')
}

/// The files that selectors by path are about: shown path, and what it holds.
fn find(picks: &[&(&str, Selector<'_>)]) -> Result<BTreeMap<String, Cow<'static, [u8]>>, Problem> {
    let mut contents = BTreeMap::new();
    for (_, selector) in picks {
        match selector {
            Selector::Path { path, .. } => read_all(path, 0, &mut contents)?,
            Selector::BuiltIn { path, .. } => contents.extend(built_in(path)),
            Selector::Tag(_) | Selector::Name(_) => {}
        }
    }
    Ok(contents)
}

fn read_all(
    path: &Path,
    depth: usize,
    contents: &mut BTreeMap<String, Cow<'static, [u8]>>,
) -> Result<(), Problem> {
    let shown = shown_path(path);
    let refuse = |error: &io::Error| Problem::io("read", Path::new(&shown), error);
    let metadata = fs::metadata(path).map_err(|error| refuse(&error))?;
    if metadata.is_file() {
        if contents.len() == FILES_MAX {
            let what = format!("read `{shown}`: expected at most {FILES_MAX} files");
            return Err(Problem::new(ExitCode::InputOutput, what));
        }
        let limit = u64::try_from(FILE_BYTES_MAX).expect("the limit is small") + 1;
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| refuse(&error))?;
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| refuse(&error))?;
        contents.insert(shown, Cow::Owned(bytes));
        return Ok(());
    }
    if !metadata.is_dir() {
        let what = format!("read `{shown}`: expected a file or a folder, got something else");
        return Err(Problem::new(ExitCode::InputOutput, what));
    }
    if depth == FOLDER_DEPTH_MAX {
        let what = format!("read `{shown}`: expected at most {FOLDER_DEPTH_MAX} folders below each other");
        return Err(Problem::new(ExitCode::InputOutput, what));
    }
    for entry in fs::read_dir(path).map_err(|error| refuse(&error))? {
        let entry = entry.map_err(|error| refuse(&error))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_feature = entry.path().extension().is_some_and(|it| it == "feature");
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && (is_folder || is_feature) {
            read_all(&entry.path(), depth + 1, contents)?;
        }
    }
    Ok(())
}

/// A path as shown, as the same whatever way it was written: below the current folder if it is there, with `/`.
fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here
        .as_deref()
        .and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path);
    let mut shown = String::new();
    for component in below.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => shown.push('/'),
            Component::Prefix(_) | Component::ParentDir | Component::Normal(_) => {
                if !shown.is_empty() && !shown.ends_with('/') {
                    shown.push('/');
                }
                shown.push_str(&component.as_os_str().to_string_lossy());
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_the_same_whatever_way_it_was_written() {
        let here = std::env::current_dir().expect("there is one");
        for (path, shown) in [
            (PathBuf::from("a/b.feature"), "a/b.feature"),
            (PathBuf::from("./a//b.feature"), "a/b.feature"),
            (here.join("a/./b.feature"), "a/b.feature"),
            (PathBuf::from("../a"), "../a"),
            (PathBuf::from("/nowhere/a"), "/nowhere/a"),
            (PathBuf::from("."), ""),
        ] {
            assert_eq!(shown_path(&path), shown);
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it_and_not_its_namesakes() {
        for (path, folder, expected) in [
            ("a/b/c.feature", "a/b", true),
            ("a/b/c.feature", "", true),
            ("a/b/c.feature", "a/b/c.feature", true),
            ("a/bc.feature", "a/b", false),
            ("/x", "/", true),
        ] {
            assert_eq!(is_below(path, folder), expected, "{path} {folder}");
        }
    }
}
