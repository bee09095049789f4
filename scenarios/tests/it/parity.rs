//! What the official parser must agree with. Does not need it: `ci/gherkin-parity` compares, this prints.

use hsm_rig::gherkin::{parse, tree_json};

/// Writes the lines that `ci/gherkin-parity/compare.mjs` reads to the file named by `GHERKIN_TREES`; without the
/// variable it only checks that every file has a tree.
#[test]
fn every_tree_can_be_handed_to_the_official_parser() {
    let mut lines = String::new();
    for (_, path, bytes) in super::corpus("ok") {
        let document = parse(&path, &bytes)
            .into_result()
            .unwrap_or_else(|errors| panic!("{}", super::render(&errors)));
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        let line = serde_json::json!({ "path": path, "tree": tree_json(&document) });
        lines.extend([
            line.to_string(),
            "
"
            .to_owned(),
        ]);
    }
    if let Some(path) = std::env::var_os("GHERKIN_TREES") {
        std::fs::write(path, lines).expect("the file named by GHERKIN_TREES can be written");
    }
}
