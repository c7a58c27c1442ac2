//! Ends the nodes of a cluster when the process that started them dies.

use std::{
    io::{self, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A shell that reads from a pipe which only this process holds. However this process ends, the
/// kernel closes the pipe; the shell then kills the nodes and removes their folder.
#[derive(Debug)]
pub(crate) struct Keeper {
    shell: Child,
}

impl Keeper {
    /// Starts to watch over the nodes whose ids are, or will be, in `folder/*/pid`.
    pub(crate) fn watch(folder: &Path) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "keeper"]).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        own_group(&mut command);
        Ok(Self { shell: command.spawn()? })
    }

    /// Tells the keeper that there is nothing left to do.
    pub(crate) fn dismiss(mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _ = pipe.write_all(b"dismissed\n");
        }
        let _ = self.shell.wait();
    }
}

/// Takes a process out of our group, so that Ctrl-C at a terminal does not reach it.
pub(crate) fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Kills only processes that name the folder on their command line: an id may have been given to
/// another process. A node that is being killed may still write, so the removal is repeated.
const SCRIPT: &str = r#"
read -r word && [ "$word" = dismissed ] && exit 0
for file in "$1"/*/pid; do
    pid=$(cat "$file") || continue
    if [ -d /proc/self ]; then line=$(tr '\0' ' ' < "/proc/$pid/cmdline"); else line=$(ps -ww -o args= -p "$pid"); fi
    case $line in *"$1"*) kill -KILL "$pid" ;; esac
done
tries=0
until rm -rf "$1" || [ "$tries" = 50 ]; do tries=$((tries + 1)); sleep 0.1; done
"#;

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;
    use crate::process;

    #[test]
    fn nodes_end_with_the_process_that_started_them() {
        let folder = env::temp_dir().join(format!("ottla-keeper-{:016x}", fastrand::u64(..)));
        let name = folder.display().to_string();
        fs::create_dir_all(folder.join("1")).unwrap();
        fs::create_dir_all(folder.join("2")).unwrap();
        let waiting = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", "read -r word; :", text]).stdin(Stdio::piped()).spawn().unwrap()
        };
        let (mut node, mut stranger) = (waiting(&name), waiting("somebody else"));
        fs::write(folder.join("1/pid"), node.id().to_string()).unwrap();
        fs::write(folder.join("2/pid"), stranger.id().to_string()).unwrap();

        let mut keeper = Keeper::watch(&folder).unwrap();
        drop(keeper.shell.stdin.take());
        keeper.shell.wait().unwrap();
        assert!(!node.wait().unwrap().success());
        assert!(!folder.exists());
        assert!(process::exists(stranger.id(), "somebody else"));
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn a_dismissed_keeper_touches_nothing() {
        let folder = env::temp_dir().join(format!("ottla-keeper-{:016x}", fastrand::u64(..)));
        fs::create_dir_all(&folder).unwrap();
        Keeper::watch(&folder).unwrap().dismiss();
        assert!(folder.exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
