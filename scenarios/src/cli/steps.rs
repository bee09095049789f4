//! `hsm-rig steps`: every sentence a scenario can use, and what may stand for its parameters.

use crate::report::summary::WIDTH_MAX;
use crate::report::wrap;
use crate::rig::Rig;
use crate::step::BlockKind;
use crate::terminal::Terminal;
use program::ExitCode;
use program::Problem;
use std::fmt::Write as _;

pub(super) fn steps<V, H: Sync>(rig: &Rig<V, H>, terminal: &mut Terminal<'_>) -> Result<ExitCode, Problem> {
    let style = terminal.data_style();
    let mut text = String::new();
    for definition in rig.steps.definitions() {
        let below = match definition.block {
            BlockKind::None => "",
            BlockKind::Table => " (a table below it)",
            BlockKind::DocString => " (a doc string below it)",
        };
        let explanation = format!("{}{below}", definition.explanation);
        writeln!(text, "{}", style.strong(definition.expression)).expect("a String takes everything");
        indented(&mut text, 4, "", &explanation);
    }
    text.push_str("\nParameters\n");
    let width = rig
        .steps
        .parameters()
        .map(|(name, _)| name.len() + 2)
        .max()
        .unwrap_or(0);
    for (name, description) in rig.steps.parameters() {
        let name = format!("  {:<width$}  ", format!("{{{name}}}"));
        indented(&mut text, width + 4, &name, description);
    }
    terminal.data(&text)?;
    Ok(ExitCode::Passed)
}

/// A text from column `indent` on, the first line after `head`.
fn indented(text: &mut String, indent: usize, head: &str, words: &str) {
    for (index, line) in wrap(words.split_whitespace(), WIDTH_MAX - indent)
        .iter()
        .enumerate()
    {
        let head = if index == 0 { head } else { "" };
        writeln!(text, "{head:<indent$}{line}").expect("a String takes everything");
    }
}
