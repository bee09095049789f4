//! Completions and manual pages, made from a command line. Knows no command.

use clap::Command;
use clap_complete::Shell;

/// The script that completes commands and options in this shell.
pub fn completions(mut program: Command, shell: Shell) -> String {
    let name = program.get_name().to_owned();
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut program, &name, &mut bytes);
    let text = String::from_utf8(bytes).expect("scripts are texts");
    // clap_complete 4.6.11 takes a hyphen of the name for a step to a command in one of two places that must agree, so
    // that bash would complete no command's options.
    text.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
}

/// The manual page of the program, or of one of its commands; `None` if there is no such command.
pub fn manual(mut program: Command, command: Option<&str>) -> Option<String> {
    program.build();
    let about = match command {
        None => program,
        Some(name) => program.find_subcommand(name)?.clone(),
    };
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(about).render(&mut page);
    rendered.expect("a vector takes everything");
    Some(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn program() -> Command {
        Command::new("two-words")
            .subcommand(Command::new("do").arg(Arg::new("it").long("it")))
            .subcommand(Command::new("leave"))
    }

    #[test]
    fn bash_finds_what_each_command_takes() {
        let script = completions(program(), Shell::Bash);
        let assigned = script
            .lines()
            .filter_map(|line| line.trim().strip_prefix("cmd=\"two")?.strip_suffix('"'));
        let mut commands = 0;
        for name in assigned.map(|rest| format!("two{rest}")) {
            assert!(
                script.contains(&format!("        {name})\n            opts=")),
                "{name}"
            );
            commands += 1;
        }
        assert!(commands >= 3, "{script}");
    }

    #[test]
    fn the_manual_has_a_page_for_each_command_and_for_no_other() {
        let all = manual(program(), None).expect("the program has a page");
        assert!(all.contains("leave"), "{all}");
        let one = manual(program(), Some("do")).expect("the command has a page");
        assert!(one.contains("it") && !one.contains("leave"), "{one}");
        assert_eq!(manual(program(), Some("undo")), None);
    }
}
