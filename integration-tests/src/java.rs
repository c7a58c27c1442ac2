//! The Java that runs Kafka and its tools.

use std::{env, ffi::OsString, io, path::PathBuf, process::Command};

use crate::{Jars, LaunchError};

/// A Java of version 17 or newer.
#[derive(Clone, Debug)]
pub struct Java {
    program: PathBuf,
}

impl Java {
    /// Finds the Java of `JAVA_HOME`, or else of `PATH`, and checks its version.
    ///
    /// # Errors
    /// [`LaunchError::JavaMissing`] and [`LaunchError::JavaTooOld`] say what to install.
    pub fn find() -> Result<Self, LaunchError> {
        let program = env::var_os("JAVA_HOME")
            .filter(|home| !home.is_empty())
            .map_or_else(|| PathBuf::from("java"), |home| PathBuf::from(home).join("bin/java"));
        let name = program.display().to_string();
        let output = match Command::new(&program).arg("-version").output() {
            Ok(output) => output,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LaunchError::JavaMissing { program: name });
            }
            Err(error) => return Err(LaunchError::io("run", program)(error)),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        match quoted_version(&said) {
            Some(version) if major(version) >= Some(OLDEST) => Ok(Self { program }),
            Some(version) => {
                Err(LaunchError::JavaTooOld { program: name, found: version.to_owned() })
            }
            // macOS has a `java` that only says that there is none.
            None => Err(LaunchError::JavaMissing { program: name }),
        }
    }

    /// A command that runs a class of `jars`, to be added by the caller with its arguments, on the
    /// caller's own input and outputs.
    #[must_use]
    pub fn tool(&self, jars: &Jars) -> Command {
        let mut command = self.command(TOOL_HEAP_MIB);
        command.args(["-cp", &jars.class_path()]);
        command
    }

    /// A command that runs this Java; class path, class and arguments are added by the caller.
    pub(crate) fn command(&self, heap_mib: u32) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(format!("-Xmx{heap_mib}m")).args(OPTIONS);
        command
    }

    /// The same as arguments, for callers that build their own kind of command.
    pub(crate) fn program_and_options(&self, heap_mib: u32) -> (PathBuf, Vec<OsString>) {
        let heap = OsString::from(format!("-Xmx{heap_mib}m"));
        (self.program.clone(), std::iter::once(heap).chain(OPTIONS.map(OsString::from)).collect())
    }
}

/// `openjdk version "17.0.15" 2025-04-15` gives `17.0.15`. Other lines may come before it, such as
/// `Picked up JAVA_TOOL_OPTIONS`.
fn quoted_version(said: &str) -> Option<&str> {
    let rest = said.lines().find_map(|line| line.split_once("version \""))?.1;
    rest.split_once('"').map(|(version, _)| version)
}

/// `17.0.15` gives 17, and `1.8.0_392` gives 8.
fn major(version: &str) -> Option<u32> {
    let version = version.strip_prefix("1.").unwrap_or(version);
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Enough for every tool that tests use.
pub(crate) const TOOL_HEAP_MIB: u32 = 256;

/// What Kafka 4 asks for.
const OLDEST: u32 = 17;

/// Small machines run several of these at once: one collector thread, and no shared memory file,
/// which a killed JVM would leave in the folder for temporary files.
const OPTIONS: [&str; 4] = [
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_old_and_new_are_read() {
        let said = "Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version \"17.0.15\" 2025-04-15\nmore";
        assert_eq!(quoted_version(said), Some("17.0.15"));
        assert_eq!(quoted_version("The operation couldn't be completed."), None);
        assert_eq!(major("17.0.15"), Some(17));
        assert_eq!(major("25-ea"), Some(25));
        assert_eq!(major("1.8.0_392"), Some(8));
        assert_eq!(major("x"), None);
    }
}
