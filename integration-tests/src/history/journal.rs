//! The file that a workload writes its history to, while it runs.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

use super::event::{Event, Occurrence};

/// Takes events from any thread, in one order.
///
/// What was written last may be lost if the process is killed, so a history that matters ends
/// with [`Journal::flush`]. Cloning costs a refcount.
#[derive(Clone, Debug)]
pub struct Journal {
    file: Arc<Mutex<Writing>>,
}

#[derive(Debug)]
struct Writing {
    lines: BufWriter<File>,
    /// The first thing that went wrong.
    error: Option<io::Error>,
}

impl Journal {
    /// Begins a history in a new file.
    ///
    /// # Errors
    /// If the file exists or cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let lines = BufWriter::with_capacity(1 << 16, File::create_new(path)?);
        Ok(Self { file: Arc::new(Mutex::new(Writing { lines, error: None })) })
    }

    /// Writes down that something happens now. The time is taken under the lock: times never go
    /// back from line to line unless the clock of the machine does.
    pub fn note(&self, what: Occurrence) {
        let mut writing = self.file.lock();
        let event = Event { at: now(), what };
        if let Err(error) = writeln!(writing.lines, "{event}") {
            writing.error.get_or_insert(error);
        }
    }

    /// Makes sure that everything is in the file.
    ///
    /// # Errors
    /// If that failed now or for any event before.
    pub fn flush(&self) -> io::Result<()> {
        let mut writing = self.file.lock();
        match writing.error.take() {
            Some(error) => Err(error),
            None => writing.lines.flush(),
        }
    }
}

/// Milliseconds since the epoch, as events count them.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Reads a history.
///
/// # Errors
/// If the file cannot be read or has a line that is no event.
pub fn read_journal(path: &Path) -> io::Result<Vec<Event>> {
    let mut events = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let event = line?.parse();
        events.push(event.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?);
    }
    Ok(events)
}
