//! A panic as a value. Only those inside [`catch`] are kept from the terminal; any other is told as always.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// What a panic said and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// What it said.
    pub message: String,
    /// File and line of our code.
    pub location: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.location
            .iter()
            .try_for_each(|location| write!(f, " ({location})"))
    }
}

/// What the hook knows of the panic of this thread.
enum Watch {
    Off,
    On,
    Seen(Option<String>),
}

thread_local! {
    static WATCH: RefCell<Watch> = const { RefCell::new(Watch::Off) };
}

/// Calls `work`, and gives its panic back if it has one.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !see(info) {
                others(info);
            }
        }));
    });
    WATCH.set(Watch::On);
    // What `work` may have left half done is thrown away with it.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let watch = WATCH.replace(Watch::Off);
    result.map_err(|payload| Panic {
        message: message(payload.as_ref()),
        location: match watch {
            Watch::Seen(location) => location,
            Watch::Off | Watch::On => None,
        },
    })
}

/// Notes where the panic is, if this thread is watched.
fn see(info: &PanicHookInfo<'_>) -> bool {
    WATCH.with_borrow_mut(|watch| match watch {
        Watch::Off => false,
        Watch::On | Watch::Seen(_) => {
            let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
            *watch = Watch::Seen(place);
            true
        }
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_value_with_its_place() {
        assert_eq!(catch(|| 7), Ok(7));
        let panic = catch(|| -> u8 { panic!("the {} broke", "world") }).expect_err("it panics");
        assert_eq!(panic.message, "the world broke");
        let location = panic.location.expect("it is known");
        assert!(location.contains("panics.rs:"), "{location}");
    }
}
