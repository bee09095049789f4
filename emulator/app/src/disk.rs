//! The durable writes of a device on their way to the disk, the reads between them, and what may go wrong with them. Keeps their order, and knows
//! nothing of what is written.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
    time::Duration,
};

use hsm_bench::{CutMoment, Faults};
use hsm_core::{Change, ImportStep, Job, Query, Ticket};
use machine::Instant;
use program::{ExitCode, Problem};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::store::{Store, Work, Writer, Written};

/// The disk of a device, with or without power.
pub(crate) struct Disk {
    writing: Option<Writing>,
    /// What did not begin, each with the moment at which it may.
    waiting: VecDeque<(Instant, Work)>,
    faults: Faults,
}

/// A disk with power.
struct Writing {
    writer: Writer,
    written: UnboundedReceiver<Written>,
    /// Writes that began and of which nothing was told yet.
    begun: usize,
}

impl Disk {
    /// A disk without power.
    pub(crate) fn new() -> Self {
        Self {
            writing: None,
            waiting: VecDeque::new(),
            faults: Faults::default(),
        }
    }

    /// Gives it power.
    pub(crate) fn plug_in(&mut self, store: Store) -> Result<(), Problem> {
        let (tell, written) = unbounded_channel();
        let writer = Writer::start(store, tell)
            .map_err(|error| Problem::new(ExitCode::InputOutput, format!("start a thread: {error}")))?;
        self.writing = Some(Writing {
            writer,
            written,
            begun: 0,
        });
        Ok(())
    }

    pub(crate) fn faults(&self) -> Faults {
        self.faults
    }

    /// Lets this go wrong from now on, and nothing else. A write that waits goes on if nothing holds it any more.
    pub(crate) fn set_faults(&mut self, now: Instant, faults: Faults) {
        self.faults = faults;
        if faults.write_delay_ms == 0 {
            for (at, ..) in &mut self.waiting {
                *at = now;
            }
        }
        self.begin(now);
    }

    /// Takes a write.
    pub(crate) fn write(&mut self, now: Instant, ticket: Ticket, changes: Vec<Change>) {
        self.take(now, Work::Write(ticket, changes));
    }

    /// Takes a read, which sees every write before it.
    pub(crate) fn fetch(&mut self, now: Instant, job: Job, query: Query) {
        self.take(now, Work::Fetch(job, query));
    }

    /// Lets an image of the database go.
    pub(crate) fn close_image(&mut self, now: Instant, image: u64) {
        self.take(now, Work::CloseImage(image));
    }

    /// Takes a step of an import.
    pub(crate) fn import(&mut self, now: Instant, job: Option<Job>, step: ImportStep) {
        self.take(now, Work::Import(job, step));
    }

    fn take(&mut self, now: Instant, work: Work) {
        let after_others = self.waiting.back().map_or(now, |(at, ..)| *at);
        let at = (now + Duration::from_millis(self.faults.write_delay_ms)).max(after_others);
        self.waiting.push_back((at, work));
        self.begin(now);
    }

    /// When the next write may begin, if it waits for that alone.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let (at, ..) = self.waiting.front()?;
        (!self.faults.write_hangs).then_some(*at)
    }

    /// Begins every write that may.
    pub(crate) fn begin(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let Some(((_, work), writing)) = self.waiting.pop_front().zip(self.writing.as_mut()) else {
                return;
            };
            let cut = match &work {
                Work::Write(..) => take_cut(&mut self.faults),
                Work::Fetch(..) | Work::CloseImage(_) | Work::Import(..) => None,
            };
            writing.writer.hand_over(work, cut);
            writing.begun += 1;
        }
    }

    /// Writes that are not durable.
    pub(crate) fn pending(&self) -> usize {
        self.begun() + self.waiting.len()
    }

    /// Writes that the disk is busy with.
    pub(crate) fn begun(&self) -> usize {
        self.writing.as_ref().map_or(0, |writing| writing.begun)
    }

    /// What came of the oldest write of which nothing was told yet.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Written> {
        // Asked at every turn, and there is hardly ever one.
        let Some(writing) = self.writing.as_mut().filter(|writing| writing.begun > 0) else {
            return Poll::Pending;
        };
        match writing.written.poll_recv(cx) {
            Poll::Ready(Some(written)) => {
                writing.begun -= 1;
                Poll::Ready(written)
            }
            // After its last write it says nothing more.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Cuts the power: what is not on the disk at this moment is lost.
    pub(crate) fn cut(&mut self) {
        self.waiting.clear();
        if let Some(writing) = self.writing.take() {
            writing.writer.cut();
        }
    }

    /// Ends in order: what began becomes durable, and so does what waits, unless it hangs. Tells the first that failed.
    pub(crate) fn close(mut self) -> Result<(), Problem> {
        if !self.faults.write_hangs {
            self.begin(Instant::from_micros(u64::MAX));
        }
        let Some(mut writing) = self.writing else {
            return Ok(());
        };
        writing.writer.close();
        while let Ok(written) = writing.written.try_recv() {
            match written {
                Written::Durable(_) | Written::Fetched(..) | Written::Imported(_) | Written::Nothing => {}
                Written::Cut => return Ok(()),
                Written::Failed(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Counts one write down, and says at which moment of it the power is cut, if it is.
fn take_cut(faults: &mut Faults) -> Option<CutMoment> {
    match faults.cut_at_write {
        0 => None,
        1 => {
            faults.cut_at_write = 0;
            Some(faults.cut_moment)
        }
        later => {
            faults.cut_at_write = later - 1;
            None
        }
    }
}
