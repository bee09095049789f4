//! Somebody else's card in a reader of ours: the `vicc` of Debian (packages `vsmartcard-vpicc`,
//! `python3-virtualsmartcard` and `python3-pycryptodome`).

#![expect(clippy::print_stderr, reason = "a skip says why")]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use apdu::{ReaderAnswer, ReaderCommand, StatusWord};
use virtual_card::{Reach, VirtualReader};

use crate::cards::PATIENCE;

/// Where its packages keep the Python modules, which is not where Python looks.
const MODULES: &str = "/usr/lib/python3/site-packages/virtualsmartcard";
/// What it knows as `Crypto` is in Debian's `python3-pycryptodome`, under another name.
const CRYPTO: &str = "/usr/lib/python3/dist-packages/Cryptodome";
const PROGRAM: &str = "/usr/bin/vicc";

/// Killed when the test is over.
struct Vicc(Child);

impl Drop for Vicc {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_card_of_debian_is_a_card_of_the_rig() {
    if let Some(missing) = [PROGRAM, MODULES, CRYPTO]
        .into_iter()
        .find(|path| !Path::new(path).exists())
    {
        eprintln!("skipped: `{missing}` is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut reader = VirtualReader::listen("127.0.0.1:0".parse().unwrap(), Reach::ThisComputer).unwrap();
    let address = reader.address().unwrap();
    std::os::unix::fs::symlink(CRYPTO, folder.path().join("Crypto")).unwrap();
    let vicc = Command::new("/usr/bin/python3")
        .args([
            PROGRAM,
            "--type",
            "iso7816",
            "--hostname",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
        ])
        .env("PYTHONPATH", format!("{}:{MODULES}", folder.path().display()))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _vicc = Vicc(vicc.unwrap());
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert!(matches!(
        reader.answer(&ReaderCommand::PowerOn),
        ReaderAnswer::Atr(_)
    ));
    // GET CHALLENGE, as ISO/IEC 7816-4 has it. (A SELECT ends this program, in release 3.3.)
    let mut challenge = || match reader.answer(&ReaderCommand::Transmit(b"\x00\x84\x00\x00\x08".to_vec())) {
        ReaderAnswer::Response(response) => response,
        other => panic!("expected an answer, got {other:?}"),
    };
    let (one, other) = (challenge(), challenge());
    assert_eq!((one.data.len(), one.status), (8, StatusWord::OK));
    assert_ne!(one, other);
    assert_eq!(reader.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
    assert!(matches!(
        reader.answer(&ReaderCommand::PowerOn),
        ReaderAnswer::Atr(_)
    ));
}
