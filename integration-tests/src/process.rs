//! Processes that may not be our children: looked at and signalled by their id.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Kill,
    Terminate,
    Stop,
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// Sends a signal. The shell's own `kill` does it: a program of that name is not on every system,
/// and the system call would need `unsafe`.
pub(crate) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    let status = Command::new("sh")
        .args(["-c", "kill -\"$1\" \"$2\"", "kill", signal.name(), &pid.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Whether process `pid` exists and has `mark` on its command line: an id may have been given again
/// to another process. It must not be asked about our own child, which cannot be mistaken.
pub(crate) fn exists(pid: u32, mark: &str) -> bool {
    for _ in 0..LOOKS {
        match look(pid) {
            None => return false,
            // While a process starts another program, as `java` does, it has no command line.
            Some(seen) if seen.command_line.is_empty() => thread::sleep(BETWEEN_LOOKS),
            Some(seen) => return seen.command_line.contains(mark),
        }
    }
    false
}

/// Whether process `pid` was stopped by a signal.
pub(crate) fn is_paused(pid: u32) -> bool {
    look(pid).is_some_and(|seen| seen.state == 'T')
}

struct Seen {
    /// The first letter of what `ps` calls the state.
    state: char,
    command_line: String,
}

/// `None` if the process has ended, whether or not its parent has noticed.
fn look(pid: u32) -> Option<Seen> {
    let seen = if Path::new("/proc/self/stat").exists() {
        let process = Path::new("/proc").join(pid.to_string());
        let line = fs::read(process.join("cmdline")).ok()?;
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        // The state follows the name, which is in parentheses and may contain any character.
        let state = stat.rsplit_once(") ")?.1.chars().next()?;
        Seen { state, command_line: String::from_utf8_lossy(&line).into_owned() }
    } else {
        let output = Command::new("ps")
            .args(["-ww", "-o", "stat=", "-o", "args=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (state, line) = text.trim().split_once(' ')?;
        Seen { state: state.chars().next()?, command_line: line.trim().to_owned() }
    };
    (!matches!(seen.state, 'Z' | 'X')).then_some(seen)
}

const LOOKS: u32 = 10;

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_paused_resumed_and_ended() {
        let mut child = Command::new("sleep").arg("123.5").spawn().unwrap();
        let pid = child.id();
        assert!(exists(pid, "123.5"));
        assert!(!exists(pid, "other"), "not the process that was meant");
        let wait_until = |paused| while is_paused(pid) != paused {};
        send(pid, Signal::Stop).unwrap();
        wait_until(true);
        send(pid, Signal::Continue).unwrap();
        wait_until(false);
        send(pid, Signal::Kill).unwrap();
        while exists(pid, "123.5") {}
        assert!(look(pid).is_none(), "a zombie has ended");
        child.wait().unwrap();
        assert!(send(pid, Signal::Kill).is_err());
    }
}
