//! The command line of `hsm-rig`: what is asked for, in which order it is done, and the exit code. Reads no Gherkin and
//! plays nothing itself.

mod compare;
mod drawn_names;
mod run;
mod steps;

use crate::catalogue::Catalogue;
use crate::diagnostic::{Diagnostic, shown};
use crate::gherkin::tree_json;
use crate::lane::process::guard;
use crate::report::wrap;
use crate::rig::Rig;
use crate::selection::{Selection, select};
use crate::suite::Scenario;
use crate::terminal::Terminal;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use program::ExitCode;
use program::Problem;
use serde_json::json;
use std::ffi::OsString;
use std::fmt::Write as _;

/// Plays written scenarios against a software HSM, its cards and its managers, in virtual time.
///
/// Without a command it runs the built-in suite.
#[derive(Debug, Parser)]
#[command(name = "hsm-rig", version = program::VERSION, after_help = exit_codes())]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scenarios
    Run(Box<run::RunArgs>),
    /// List scenarios, their places and their tags
    List {
        #[command(flatten)]
        selectors: Selectors,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Read scenario files and match every step, without playing them
    Check {
        #[command(flatten)]
        selectors: Selectors,
        /// Print the tree of each file as a line of JSON, in the form of the official Gherkin parser
        #[arg(long)]
        tree: bool,
    },
    /// List every step that a scenario can use
    Steps,
    /// Print a script that completes commands and options
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print a manual page
    Man {
        /// The command it is about, instead of all
        command: Option<String>,
    },
    /// Keep the folder of a run until standard input ends, then remove it; a run starts this by itself
    #[command(hide = true)]
    Guard,
}

/// Which scenarios.
#[derive(Debug, Default, Args)]
struct Selectors {
    /// A file, a folder, `file:LINE`, a tag such as `@slow`, a requirement such as `RM-07`, or a part of a scenario's
    /// name; the built-in suite if no path is given
    #[arg(value_name = "PATH | NAME | @TAG | REQUIREMENT-ID", value_parser = NonEmptyStringValueParser::new())]
    selectors: Vec<String>,
}

/// Does what the arguments ask for, the first of them being the program's name.
pub fn execute<V, H: Sync>(
    rig: &Rig<V, H>,
    args: impl IntoIterator<Item = OsString>,
    terminal: &mut Terminal<'_>,
) -> ExitCode {
    let done = match Cli::try_parse_from(args) {
        Ok(cli) => match cli.command.unwrap_or_else(|| Command::Run(Box::default())) {
            Command::Run(args) => run::run(rig, &args, terminal),
            Command::List { selectors, json } => list(&selectors, json, terminal),
            Command::Check { selectors, tree } => check(rig, &selectors, tree, terminal),
            Command::Steps => steps::steps(rig, terminal),
            Command::Completions { shell } => {
                let script = program::completions(Cli::command(), shell);
                terminal
                    .data(&script)
                    .map(|()| ExitCode::Passed)
                    .map_err(Problem::from)
            }
            Command::Man { command } => man(command.as_deref(), terminal),
            Command::Guard => guard().map(|()| ExitCode::Passed),
        },
        Err(error) if error.use_stderr() => {
            terminal.talk(&error.render().to_string());
            Ok(ExitCode::Usage)
        }
        // Help or the version, which were asked for.
        Err(error) => terminal
            .data(&error.render().to_string())
            .map(|()| ExitCode::Passed)
            .map_err(Problem::from),
    };
    done.unwrap_or_else(|problem| {
        terminal.talk_error(&problem.to_string());
        problem.exit_code
    })
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for code in ExitCode::ALL {
        for (index, line) in wrap(code.meaning().split(' '), 90).iter().enumerate() {
            let number = if index == 0 {
                code.code().to_string()
            } else {
                String::new()
            };
            writeln!(text, "  {number:>2}  {line}").expect("a String takes everything");
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// `hsm-rig man`
fn man(command: Option<&str>, terminal: &mut Terminal<'_>) -> Result<ExitCode, Problem> {
    let page = program::manual(Cli::command(), command).ok_or_else(|| {
        Problem::new(ExitCode::Usage, "find manual page: there is no such command")
            .hint("`hsm-rig --help` lists them")
    })?;
    terminal.data(&page)?;
    Ok(ExitCode::Passed)
}

/// `hsm-rig list`
fn list(
    Selectors { selectors }: &Selectors,
    is_json: bool,
    terminal: &mut Terminal<'_>,
) -> Result<ExitCode, Problem> {
    let selection = select(selectors, Catalogue::built_in())?;
    if !selection.diagnostics.is_empty() {
        return Ok(refuse_files(&selection.diagnostics, terminal));
    }
    let text = if is_json {
        let scenarios = selection
            .scenarios
            .iter()
            .map(|scenario| scenario_json(scenario).to_string());
        format!("[\n{}\n]\n", scenarios.collect::<Vec<_>>().join(",\n"))
    } else {
        list_text(&selection.scenarios)
    };
    terminal.data(&text)?;
    Ok(ExitCode::Passed)
}

fn scenario_json(scenario: &Scenario) -> serde_json::Value {
    let pickle = &scenario.pickle;
    json!({
        "path": pickle.source.path(),
        "line": pickle.line(),
        "name": pickle.name,
        "row": scenario.row,
        "feature": pickle.feature,
        "rule": pickle.rule,
        "tags": pickle.tags.iter().map(|tag| &tag.value).collect::<Vec<_>>(),
    })
}

fn list_text(scenarios: &[Scenario]) -> String {
    let places: Vec<String> = scenarios
        .iter()
        .map(|scenario| shown(&scenario.place()))
        .collect();
    let width = places
        .iter()
        .map(|place| place.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (scenario, place) in scenarios.iter().zip(&places) {
        let tags = scenario.pickle.tags.iter().map(|tag| tag.value.as_str());
        let tags: Vec<&str> = tags.collect();
        let line = format!(
            "{place:<width$}  {}  {}",
            shown(&scenario.title()),
            shown(&tags.join(" "))
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `hsm-rig check`
fn check<V, H: Sync>(
    rig: &Rig<V, H>,
    Selectors { selectors }: &Selectors,
    is_tree: bool,
    terminal: &mut Terminal<'_>,
) -> Result<ExitCode, Problem> {
    let selection = select(selectors, Catalogue::built_in())?;
    if is_tree {
        let mut lines = String::new();
        for file in &selection.files {
            let line = json!({ "path": file.path(), "tree": tree_json(&file.document) });
            writeln!(lines, "{line}").expect("a String takes everything");
        }
        terminal.data(&lines)?;
    }
    let diagnostics = all_diagnostics(rig, &selection);
    if !diagnostics.is_empty() {
        return Ok(refuse_files(&diagnostics, terminal));
    }
    let steps: usize = selection
        .scenarios
        .iter()
        .map(|scenario| scenario.pickle.steps.len())
        .sum();
    let counts = format!(
        "{} and {} in {} are right\n",
        count(selection.scenarios.len(), "scenario"),
        count(steps, "step"),
        count(selection.files.len(), "file"),
    );
    terminal.talk(&counts);
    Ok(ExitCode::Passed)
}

/// Everything that is wrong with the files or the steps, in order of path and place.
fn all_diagnostics<V, H: Sync>(rig: &Rig<V, H>, selection: &Selection) -> Vec<Diagnostic> {
    let mut diagnostics = selection.diagnostics.clone();
    diagnostics.extend(rig.check(&selection.scenarios));
    diagnostics.sort_by(|one, other| {
        let place = |diagnostic: &Diagnostic| diagnostic.place.span;
        let paths = one.place.source.path().cmp(other.place.source.path());
        paths.then(place(one).cmp(&place(other)))
    });
    diagnostics
}

fn refuse_files(diagnostics: &[Diagnostic], terminal: &mut Terminal<'_>) -> ExitCode {
    for diagnostic in diagnostics {
        terminal.talk_error(&format!("{diagnostic}\n"));
    }
    terminal.talk(&format!("{}\n", count(diagnostics.len(), "mistake")));
    ExitCode::WrongFile
}

/// `1 file`, `2 files`
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
