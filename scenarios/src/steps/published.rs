//! Steps about what the project publishes: the fidelity notes, the client's table of outcomes and its JSON Schema. The
//! pages are those that the runner carries in itself. Knows no world: a page says the same in every one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Args, Steps, define, expect, mismatch};
use crate::{catalogue::Catalogue, lane::Mismatch};

const FIDELITY: &str = include_str!("../../../docs/fidelity.md");
const CLIENT: &str = include_str!("../../../docs/client.md");
const CLIENT_OUTPUT: &str = include_str!("../../../docs/client-output.schema.json");
const EXIT_CODES: &str = include_str!("../../../docs/exit-codes.md");

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "the fidelity notes say of {string} that the vendor says {string}, and what is done instead",
        "a row of the table of what is not reproduced, with its quote",
        |_, args| check_topic(args),
    );
    define(
        steps,
        "the fidelity notes say of every topic what the vendor says, what is done and why",
        "in every table, with requirements that the catalogue knows",
        |_, _| check_topics(),
    );
    define(
        steps,
        "every outcome of the client has an exit code of the table and a JSON form of its own",
        "the page of the client, the JSON Schema and the table of exit codes agree",
        |_, _| check_outcomes(),
    );
}

/// The row of the table of what is not reproduced that these arguments name.
pub(crate) fn check_topic(args: &Args) -> Result<(), Mismatch> {
    let (topic, quote) = (args.string(0), args.string(1));
    let rows = rows_of(FIDELITY);
    let row = rows.iter().find(|row| row.first() == Some(&topic));
    let row = row.ok_or_else(|| mismatch(format!("a row `{topic}`"), "none"))?;
    let said = row.get(1).copied().unwrap_or_default();
    if !said.contains(quote) {
        return Err(mismatch(format!("the quote `{quote}`"), said));
    }
    check_complete(row)
}

/// Every row of the fidelity notes.
pub(crate) fn check_topics() -> Result<(), Mismatch> {
    let known = Catalogue::built_in();
    let is_known = |id: &str| {
        let mut all = known.areas.iter().flat_map(|area| &area.requirements);
        all.any(|requirement| requirement.id == id)
    };
    let rows = rows_of(FIDELITY);
    for row in &rows {
        check_complete(row)?;
        let ids = row.get(3).copied().unwrap_or_default();
        if let Some(stranger) = ids.split_whitespace().find(|word| is_id(word) && !is_known(word)) {
            return Err(mismatch("ids of the catalogue", stranger));
        }
    }
    expect(!rows.is_empty(), "rows", || "none".to_owned())
}

/// What the page of the client, the JSON Schema and the table of exit codes say of outcomes.
pub(crate) fn check_outcomes() -> Result<(), Mismatch> {
    let (page, schema) = (outcomes_of_the_page(), outcomes_of_the_schema()?);
    expect(
        !page.is_empty() && page == schema,
        &format!("{page:?}, as the page says"),
        || format!("{schema:?}"),
    )?;
    let codes: Vec<_> = rows_of(EXIT_CODES).iter().map(|row| row[0]).collect();
    let stranger = page.iter().find(|(_, code)| !codes.contains(&code.as_str()));
    expect(stranger.is_none(), "codes of the table", || {
        format!("{stranger:?}")
    })
}

/// Whether a word is two capital letters, a hyphen and two digits.
fn is_id(word: &str) -> bool {
    matches!(
        word.as_bytes(),
        [b'A'..=b'Z', b'A'..=b'Z', b'-', b'0'..=b'9', b'0'..=b'9']
    )
}

/// The rows of every table of a page, without the heads of the tables; the cells as they are written.
fn rows_of(page: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut is_past_the_head = false;
    for line in page.lines() {
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            is_past_the_head = false;
            continue;
        };
        if cells.starts_with("---") {
            is_past_the_head = true;
        } else if is_past_the_head {
            rows.push(cells.split('|').map(str::trim).collect());
        }
    }
    rows
}

fn check_complete(row: &[&str]) -> Result<(), Mismatch> {
    expect(
        row.len() > 1 && row.iter().all(|cell| !cell.is_empty()),
        "no empty cell",
        || row.join(" | "),
    )
}

/// Every outcome with its exit code, as the table of the page has them.
fn outcomes_of_the_page() -> BTreeMap<String, String> {
    let table = CLIENT.split("| `outcome` |").nth(1).unwrap_or_default();
    // The head of the table was cut off with what stands before it.
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| `"));
    let named = rows.filter_map(|row| row.split_once("` | "));
    named
        .filter_map(|(name, rest)| Some((name.to_owned(), rest.split_once(" |")?.0.to_owned())))
        .collect()
}

/// The same, as the JSON Schema has them. One that depends on what was found is said to be 0 by the page.
fn outcomes_of_the_schema() -> Result<BTreeMap<String, String>, Mismatch> {
    let schema: Value =
        serde_json::from_str(CLIENT_OUTPUT).map_err(|error| mismatch("JSON", error.to_string()))?;
    let forms = schema["oneOf"].as_array().into_iter().flatten();
    let mut outcomes = BTreeMap::new();
    for properties in forms.map(|form| &form["properties"]) {
        let Some(name) = properties["outcome"]["const"].as_str() else {
            continue;
        };
        let code = properties["exit_code"]["const"].as_u64().unwrap_or_default();
        if outcomes.insert(name.to_owned(), code.to_string()).is_some() {
            return Err(mismatch("one form an outcome", format!("two of `{name}`")));
        }
    }
    Ok(outcomes)
}
