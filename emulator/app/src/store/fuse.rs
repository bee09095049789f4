//! What stands between the state and the disk while the power is cut: a fuse that is blown at once, or that lets a number
//! of blocks through first. Knows nothing of what is written.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// As many blocks as anybody writes.
const WHOLE: u64 = u64::MAX;

/// Blocks that may still be written. Shared by those who write and the one who cuts.
#[derive(Clone, Debug)]
pub(crate) struct Fuse(Arc<AtomicU64>);

impl Default for Fuse {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(WHOLE)))
    }
}

impl Fuse {
    /// Lets so many blocks through and no more, for ever. One that is blown stays so.
    pub(crate) fn blow_after(&self, blocks: u64) {
        self.0.fetch_min(blocks, Ordering::SeqCst);
    }

    /// One block more.
    pub(crate) fn spend(&self) -> io::Result<()> {
        let spent = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            if left == WHOLE {
                Some(WHOLE)
            } else {
                left.checked_sub(1)
            }
        });
        spent.map(|_| ()).map_err(|_| cut())
    }

    /// An error if nothing can reach the disk any more.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_blown() { Err(cut()) } else { Ok(()) }
    }

    /// Whether nothing can reach the disk any more.
    pub(crate) fn is_blown(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

fn cut() -> io::Error {
    io::Error::other("the power is cut")
}

#[cfg(test)]
mod tests {
    use super::Fuse;

    #[test]
    fn a_fuse_lets_so_many_blocks_through_and_stays_blown() {
        let fuse = Fuse::default();
        assert!((0..100).all(|_| fuse.spend().is_ok()));
        fuse.clone().blow_after(1);
        assert!(fuse.spend().is_ok() && fuse.spend().is_err());
        assert!(fuse.check().is_err());
        fuse.blow_after(5);
        assert!(fuse.spend().is_err(), "it stays blown");
    }
}
