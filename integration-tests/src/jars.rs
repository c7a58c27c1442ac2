//! The jars of one version of Kafka, from Maven Central into a cache folder.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{LaunchError, Version};

/// A folder with all the jars that Kafka and its tools need.
#[derive(Clone, Debug)]
pub struct Jars {
    version: Version,
    folder: PathBuf,
}

impl Jars {
    /// The jars of `version`: from the cache, or fetched once with Maven (about 55 MB), which
    /// `progress` is told about.
    ///
    /// The cache is `ottla/kafka-<version>` in `$XDG_CACHE_HOME`, or else in `~/.cache`. The fetch goes
    /// into a folder of its own that is renamed when complete: what is in the cache is whole,
    /// and of two fetches at once the second finds the work done.
    ///
    /// # Errors
    /// [`LaunchError::MavenMissing`], [`LaunchError::UnknownVersion`], or [`LaunchError::Fetch`] with
    /// the words of Maven.
    pub fn get(version: &Version, progress: &dyn Fn(&str)) -> Result<Self, LaunchError> {
        Self::get_into(&cache_folder(), version, progress)
    }

    /// The version these jars are of.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What to give Java as its class path.
    pub(crate) fn class_path(&self) -> String {
        format!("{}/*", self.folder.display())
    }

    fn get_into(
        cache: &Path,
        version: &Version,
        progress: &dyn Fn(&str),
    ) -> Result<Self, LaunchError> {
        let folder = cache.join(format!("kafka-{version}"));
        if !folder.is_dir() {
            progress(&format!("fetching Kafka {version} into {}", folder.display()));
            let unfinished = cache.join(format!(".kafka-{version}-{:016x}", fastrand::u64(..)));
            let fetched = fetch(version, &unfinished).and_then(|()| publish(&unfinished, &folder));
            // After a publication there is nothing left to remove.
            let _ = fs::remove_dir_all(&unfinished);
            fetched?;
        }
        Ok(Self { version: version.clone(), folder })
    }
}

fn cache_folder() -> PathBuf {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("ottla")
}

fn fetch(version: &Version, folder: &Path) -> Result<(), LaunchError> {
    fs::create_dir_all(folder).map_err(LaunchError::io("create", folder))?;
    let project = folder.join("pom.xml");
    fs::write(&project, maven_project(version)).map_err(LaunchError::io("write", &project))?;
    let output = Command::new("mvn")
        .args([
            "--quiet",
            "--batch-mode",
            "-Dstyle.color=never",
            "-DincludeScope=runtime",
            "--file",
        ])
        .arg(&project)
        .arg(COPY)
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LaunchError::MavenMissing);
        }
        Err(error) => return Err(LaunchError::io("run", "mvn")(error)),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(refusal(version, &String::from_utf8_lossy(&said)))
}

/// Tells a version that does not exist from a network that does not work.
fn refusal(version: &Version, said: &str) -> LaunchError {
    let version = version.to_string();
    let lacking = ["Could not find artifact org.apache.kafka:", "was not found in"];
    let line = said.lines().find(|line| lacking.iter().any(|words| line.contains(words)));
    match line {
        Some(line) => {
            // The line starts with what Maven tried; what it lacks comes last.
            let at = lacking.iter().find_map(|words| line.find(words)).unwrap_or(0);
            let words = line.get(at..).unwrap_or(line).trim_end_matches(" -> [Help 1]");
            LaunchError::UnknownVersion { version, said: words.to_owned() }
        }
        None => LaunchError::Fetch { version, said: crate::tool::tail(said, 12) },
    }
}

fn publish(unfinished: &Path, folder: &Path) -> Result<(), LaunchError> {
    match fs::rename(unfinished, folder) {
        // Somebody else was first.
        Err(_) if folder.is_dir() => Ok(()),
        done => done.map_err(LaunchError::io("rename the fetched jars to", folder)),
    }
}

fn maven_project(version: &Version) -> String {
    let mut wanted = format!("{}{}", kafka("kafka_2.13", version), kafka("kafka-tools", version));
    if !version.brings_logger() {
        // Without one, what goes wrong in a node stays unsaid.
        wanted.push_str(LOGGER);
    }
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\
         <modelVersion>4.0.0</modelVersion>\
         <groupId>local</groupId><artifactId>kafka-jars</artifactId><version>1</version>\
         <dependencies>{wanted}</dependencies></project>\n"
    )
}

fn kafka(artifact: &str, version: &Version) -> String {
    format!(
        "<dependency><groupId>org.apache.kafka</groupId>\
         <artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
    )
}

/// The goal that copies the jars, pinned so that it acts alike under every Maven.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The logger for the slf4j that Kafka 4 compiles against.
const LOGGER: &str = "<dependency><groupId>org.slf4j</groupId>\
    <artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_version_is_told_from_a_broken_network() {
        let version: Version = "9.9.9".parse().unwrap();
        let absent = "[ERROR] Failed to execute goal on project kafka-jars: Could not resolve \
            dependencies: Could not find artifact org.apache.kafka:kafka_2.13:jar:9.9.9 in central \
            (https://repo.example) -> [Help 1]\n[ERROR] \n";
        let error = refusal(&version, absent);
        assert!(matches!(error, LaunchError::UnknownVersion { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "there is no Kafka 9.9.9: Could not find artifact \
             org.apache.kafka:kafka_2.13:jar:9.9.9 in central (https://repo.example)"
        );
        let offline = "[ERROR] Could not transfer artifact org.apache.kafka:kafka_2.13:pom:4.3.1 \
            from/to central (https://repo.example): Unknown host";
        let error = refusal(&version, offline);
        assert!(matches!(error, LaunchError::Fetch { .. }), "{error}");
        assert!(error.to_string().contains("Unknown host"));
    }

    #[test]
    fn of_two_fetches_at_once_the_second_finds_the_work_done() {
        let cache = env::temp_dir().join(format!("ottla-jars-{:016x}", fastrand::u64(..)));
        let (first, second, folder) = (cache.join("a"), cache.join("b"), cache.join("kafka"));
        for made in [&first, &second] {
            fs::create_dir_all(made).unwrap();
            fs::write(made.join("jar"), "").unwrap();
        }
        publish(&first, &folder).unwrap();
        publish(&second, &folder).unwrap();
        assert!(folder.join("jar").exists());
        assert!(second.exists(), "left for the caller to remove");
        fs::remove_dir_all(&cache).unwrap();
    }
}
