//! The logs of a workload, read by Java and from the nodes' folders.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    batch::{Batch, read_batches},
    commit::Commit,
    event::{Group, Place, RecordId, Topic},
    logs::{Content, Logged, Logs},
    payload::{java_hash, payload},
};
use crate::{Kafka, LaunchError, java_client::program, tool::Tool};

impl Kafka {
    /// Reads everything that a workload left: both topics and all commits by Java, the heads of
    /// the batches from the folders of the nodes. Nothing may write any more.
    ///
    /// # Errors
    /// If a tool fails, takes too long, or says what is not understood.
    pub async fn read_logs(&self, partitions: i32) -> Result<Logs, LaunchError> {
        let mut logs = Logs::default();
        for topic in Topic::ALL {
            for partition in 0..partitions {
                logs.records.insert(Place { topic, partition }, Vec::new());
            }
        }
        let topics = Topic::ALL.map(Topic::name);
        let summarize = Tool::new(program("SummarizeRecords")).limit(LIMIT);
        let printed = self.run(summarize.args([self.bootstrap()]).args(topics)).await?;
        for line in printed.lines() {
            let (place, logged) = record(line).ok_or_else(|| unreadable(line))?;
            logs.records.entry(place).or_default().push(logged);
        }
        logs.records.values_mut().for_each(|all| all.sort_by_key(|record| record.offset));
        let commits = Tool::new(program("ReadCommits")).limit(LIMIT).args([self.bootstrap()]);
        for line in self.run(commits).await?.lines() {
            logs.commits.extend(commit(line).ok_or_else(|| unreadable(line))?);
        }
        for group in Group::ALL {
            for at in self.group_offsets(group.name()).await? {
                if let (Some(topic), Some(offset)) = (topic(&at.topic), at.committed) {
                    let place = Place { topic, partition: at.partition };
                    logs.committed.insert((group, place), offset);
                }
            }
        }
        let places: Vec<_> = logs.records.keys().copied().collect();
        logs.batches = self
            .control(move |cluster| {
                let nodes: Vec<_> = cluster.nodes().iter().map(crate::Node::id).collect();
                let folder = cluster.folder().to_owned();
                batches(&folder, &nodes, &places)
            })
            .await?;
        Ok(logs)
    }
}

/// The batches of each partition, from the node that has most of them.
fn batches(
    cluster: &Path,
    nodes: &[u32],
    places: &[Place],
) -> Result<BTreeMap<Place, Vec<Batch>>, LaunchError> {
    let mut all = BTreeMap::new();
    for place in places {
        let mut longest = Vec::new();
        for node in nodes {
            let name = format!("{}-{}", place.topic.name(), place.partition);
            let folder = cluster.join(node.to_string()).join("data").join(name);
            let found = of_folder(&folder).map_err(LaunchError::io("read the logs in", &folder))?;
            if found.len() > longest.len() {
                longest = found;
            }
        }
        all.insert(*place, longest);
    }
    Ok(all)
}

fn of_folder(folder: &Path) -> io::Result<Vec<Batch>> {
    let mut files: Vec<PathBuf> = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                files.push(entry?.path());
            }
        }
        // Only some nodes have a copy if there are many.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Files are named by the first offset in them, all with the same number of digits.
    files.retain(|file| file.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    let mut batches = Vec::new();
    for file in files {
        batches.extend(read_batches(&file)?);
    }
    Ok(batches)
}

fn record(line: &str) -> Option<(Place, Logged)> {
    let mut cells = line.split(' ');
    let place = Place { topic: topic(cells.next()?)?, partition: cells.next()?.parse().ok()? };
    let offset = cells.next()?.parse().ok()?;
    let timestamp = cells.next()?.parse().ok()?;
    let key = cells.next()?.strip_prefix('k').and_then(|key| key.parse().ok());
    let word = cells.next()?;
    let length = cells.next()?.parse().ok()?;
    let hash = cells.next()?.parse().ok()?;
    let content = content(word, length, hash).unwrap_or(Content::Garbled);
    cells.next().is_none().then_some((place, Logged { offset, timestamp, key, content }))
}

/// What a value is, of which only the first word, the length and the hash are known.
fn content(word: &str, length: usize, hash: i32) -> Option<Content> {
    let mut numbers = word.split(':');
    let first = numbers.next()?;
    if first != "copy" {
        let id = RecordId { stream: first.parse().ok()?, number: numbers.next()?.parse().ok()? };
        let intact = numbers.next().is_none() && java_hash(&payload(id, length)) == hash;
        return intact.then_some(Content::Record(id));
    }
    let place = Place { topic: Topic::Load, partition: numbers.next()?.parse().ok()? };
    let offset = numbers.next()?.parse().ok()?;
    let id =
        RecordId { stream: numbers.next()?.parse().ok()?, number: numbers.next()?.parse().ok()? };
    let intact = numbers.next().is_none() && java_hash(word.as_bytes()) == hash;
    intact.then_some(Content::Copy(place, offset, id))
}

/// `Some(None)` if it is of another group.
fn commit(line: &str) -> Option<Option<Commit>> {
    let mut cells = line.split(' ');
    let name = cells.next()?;
    let Some(group) = Group::ALL.into_iter().find(|group| group.name() == name) else {
        return Some(None);
    };
    let place = Place { topic: topic(cells.next()?)?, partition: cells.next()?.parse().ok()? };
    let offset = cells.next()?.parse().ok()?;
    let at = cells.next()?.parse().ok()?;
    cells.next().is_none().then_some(Some(Commit { group, place, offset, at }))
}

fn topic(name: &str) -> Option<Topic> {
    Topic::ALL.into_iter().find(|topic| topic.name() == name)
}

fn unreadable(line: &str) -> LaunchError {
    LaunchError::Unreadable {
        what: "a line of a log printed by Java",
        text: line.chars().take(500).collect(),
    }
}

const LIMIT: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_copies_are_told_from_what_is_neither() {
        let id = RecordId { stream: 3, number: 14 };
        let value = payload(id, 50);
        let line = format!("load 2 7 99 k5 3:14 50 {}", java_hash(&value));
        let place = Place { topic: Topic::Load, partition: 2 };
        let content = Content::Record(id);
        let logged = Logged { offset: 7, timestamp: 99, key: Some(5), content };
        assert_eq!(record(&line), Some((place, logged)));
        let other = format!("load 2 7 99 - 3:14 50 {}", java_hash(&value) + 1);
        let content = Content::Garbled;
        assert_eq!(record(&other), Some((place, Logged { key: None, content, ..logged })));

        let word = "copy:2:7:3:14";
        let line = format!("copies 1 0 5 - {word} {} {}", word.len(), java_hash(word.as_bytes()));
        let found = record(&line).map(|(_, logged)| logged.content);
        assert_eq!(found, Some(Content::Copy(place, 7, id)));
        assert_eq!(record("load 2 7 99"), None);
    }

    #[test]
    fn commits_of_others_are_passed_over() {
        let place = Place { topic: Topic::Load, partition: 4 };
        let read = Commit { group: Group::Readers, place, offset: 10, at: 77 };
        assert_eq!(commit("readers load 4 10 77"), Some(Some(read)));
        assert_eq!(commit("strangers load 4 10 77"), Some(None));
        assert_eq!(commit("readers load 4 10"), None);
    }
}
