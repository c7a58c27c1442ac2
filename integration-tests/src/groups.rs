//! What Kafka's own tool says about a group: `kafka-consumer-groups --describe`.

use crate::{Kafka, LaunchError, tool::Tool};

/// The state of one partition in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The committed offset; `None` if nothing was committed.
    pub committed: Option<i64>,
    /// The end of the partition's log; `None` if unknown.
    pub log_end: Option<i64>,
    /// The tool's difference of the two.
    pub lag: Option<i64>,
    /// The member that has the partition, if one has.
    pub member: Option<String>,
    /// The client id of that member.
    pub client: Option<String>,
}

impl Kafka {
    /// The committed offsets of a group, with or without members, ordered by topic and partition.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] if there is no such group; [`LaunchError::Unreadable`].
    pub async fn group_offsets(&self, group: &str) -> Result<Vec<GroupOffset>, LaunchError> {
        let printed = self.run(self.groups().args(["--describe", "--group", group])).await?;
        let mut offsets = read_description(&printed)?;
        offsets.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(offsets)
    }

    /// Deletes a group that has no members.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] in the words of Kafka.
    pub async fn delete_group(&self, group: &str) -> Result<(), LaunchError> {
        self.run(self.groups().args(["--delete", "--group", group])).await.map(drop)
    }

    fn groups(&self) -> Tool {
        Tool::new("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand")
            .args(["--bootstrap-server", self.bootstrap()])
    }
}

/// The columns and their order differ between versions of Kafka, so they are found by their heads.
fn read_description(printed: &str) -> Result<Vec<GroupOffset>, LaunchError> {
    let unreadable = |text: &str| LaunchError::Unreadable {
        what: "the description of a group",
        text: text.to_owned(),
    };
    let mut heads: Option<Vec<&str>> = None;
    let mut offsets = Vec::new();
    for line in printed.lines() {
        let cells: Vec<_> = line.split_whitespace().collect();
        if cells.first() == Some(&"GROUP") && cells.contains(&"CURRENT-OFFSET") {
            heads = Some(cells);
            continue;
        }
        let Some(heads) = &heads else { continue };
        if cells.is_empty() {
            continue;
        }
        if cells.len() != heads.len() {
            return Err(unreadable(line));
        }
        let cell = |name: &str| {
            let at = heads.iter().position(|head| *head == name)?;
            cells.get(at).copied().filter(|text| *text != "-")
        };
        let number = |name| cell(name).map(str::parse).transpose().map_err(|_| unreadable(line));
        // A member without partitions has a line with dashes for them.
        let (Some(topic), Some(partition)) = (cell("TOPIC"), cell("PARTITION")) else { continue };
        offsets.push(GroupOffset {
            topic: topic.to_owned(),
            partition: partition.parse().map_err(|_| unreadable(line))?,
            committed: number("CURRENT-OFFSET")?,
            log_end: number("LOG-END-OFFSET")?,
            lag: number("LAG")?,
            member: cell("CONSUMER-ID").map(str::to_owned),
            client: cell("CLIENT-ID").map(str::to_owned),
        });
    }
    // A group that does not exist has no heads; one that never committed has no lines.
    if heads.is_none() && !printed.trim().is_empty() {
        return Err(unreadable(printed));
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_their_absence_are_read() {
        let printed = "\n\
            GROUP  TOPIC  PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID\n\
            g      in     1          -               7               -    -            -     -\n\
            g      in     0          5               7               2    m-1          /h    c\n\
            g      -      -          -               -               -    m-2          /h    c\n";
        let offsets = read_description(printed).unwrap();
        assert_eq!(offsets.len(), 2);
        assert_eq!(
            (offsets[0].committed, offsets[0].log_end, offsets[0].lag),
            (None, Some(7), None)
        );
        assert_eq!(offsets[0].member, None);
        assert_eq!((offsets[1].committed, offsets[1].lag), (Some(5), Some(2)));
        assert_eq!(offsets[1].member.as_deref(), Some("m-1"));
    }

    #[test]
    fn what_is_not_understood_is_not_ignored() {
        assert!(read_description("Error: something\n").is_err());
        assert!(read_description("GROUP TOPIC PARTITION CURRENT-OFFSET\ng t 0\n").is_err());
        assert!(read_description("GROUP TOPIC PARTITION CURRENT-OFFSET\ng t x 5\n").is_err());
    }
}
