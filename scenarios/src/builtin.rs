//! What the runner carries in itself: the files of the built-in suite and of the catalogue, as they were when it was
//! built. Reads nothing.

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
