//! Lists the built-in suite and the catalogue of requirements, so that the runner carries them in itself. Checks
//! nothing: whoever reads them says what is wrong.

use std::{env, fmt::Write as _, fs, io, path::Path};

fn main() -> io::Result<()> {
    let home = env::var("CARGO_MANIFEST_DIR").expect("cargo names the folder of the crate");
    let out = env::var("OUT_DIR").expect("cargo names a folder for what is built");
    let suite = Path::new(&home).join("suite");
    let requirements = Path::new(&home).join("../docs/requirements");
    let list = format!(
        "/// The built-in suite: path below the root of the repository, and what the file holds.\n\
         pub static SUITE: &[(&str, &[u8])] = &[\n{}];\n\n\
         /// The catalogue of requirements: path below the root of the repository, and what the file holds.\n\
         pub static REQUIREMENTS: &[(&str, &str)] = &[\n{}];\n",
        entries(&suite, "scenarios/suite", "feature", "include_bytes")?,
        entries(&requirements, "docs/requirements", "md", "include_str")?,
    );
    fs::write(Path::new(&out).join("builtin.rs"), list)
}

/// One line for each file below `folder` whose name ends with `extension`, in order of path.
fn entries(folder: &Path, shown: &str, extension: &str, include: &str) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    // Without the folder there is no suite, and a run without selectors says so.
    if folder.is_dir() {
        collect(folder, shown, extension, &mut files)?;
    }
    files.sort();
    let mut list = String::new();
    for (shown, path) in files {
        writeln!(list, "    ({shown:?}, {include}!({path:?})),").expect("a String takes everything");
    }
    Ok(list)
}

fn collect(folder: &Path, shown: &str, extension: &str, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::other(format!(
                "list {shown}: expected a name in UTF-8, got {}",
                name.display()
            ))
        })?;
        let shown = format!("{shown}/{name}");
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, &shown, extension, files)?;
        } else if path.extension().is_some_and(|it| it == extension) {
            let path = path.to_str().expect("every part of the path is UTF-8").to_owned();
            files.push((shown, path));
        }
    }
    Ok(())
}
