//! The range assignor: per topic, the members in order get consecutive partitions each.
//!
//! Topics with the same number of partitions are thereby co-partitioned: the member with
//! partition 3 of one has partition 3 of the other. It gives the same answer as Java's
//! `RangeAssignor` without racks, so members of both kinds can share a group.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The name the assignor has in JoinGroup.
pub(crate) const RANGE: &str = "range";

/// A member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) topics: Vec<String>,
}

/// For each member what it gets: topics in order, each with its partitions in order.
pub(crate) type Assignments = BTreeMap<String, BTreeMap<String, Vec<i32>>>;

/// Assigns every partition of the topics that somebody wants. Topics without a count are unknown
/// and assigned to nobody. Every member is in the answer, with nothing if there is nothing.
pub(crate) fn assign(members: &[Member], partitions: &BTreeMap<String, i32>) -> Assignments {
    let mut members: Vec<&Member> = members.iter().collect();
    members.sort_by(|a, b| order(a, b));
    let mut assignments: Assignments =
        members.iter().map(|member| (member.id.clone(), BTreeMap::new())).collect();
    for (topic, &count) in partitions {
        let takers: Vec<&Member> =
            members.iter().copied().filter(|member| member.topics.contains(topic)).collect();
        let mut next = 0_i32;
        for (index, taker) in takers.iter().enumerate() {
            let share = share(count, takers.len(), index);
            if share == 0 {
                break;
            }
            let range: Vec<i32> = (next..next.saturating_add(share)).collect();
            next = next.saturating_add(share);
            if let Some(assignment) = assignments.get_mut(&taker.id) {
                assignment.insert(topic.clone(), range);
            }
        }
    }
    assignments
}

/// How many of `count` partitions the taker at `index` of `takers` gets: the first ones get one
/// more when it does not come out even.
fn share(count: i32, takers: usize, index: usize) -> i32 {
    let (Ok(takers), Ok(index)) = (i32::try_from(takers), i32::try_from(index)) else { return 0 };
    if takers == 0 || count <= 0 {
        return 0;
    }
    count / takers + i32::from(index < count % takers)
}

/// Static members first, by instance, then dynamic ones by id (Java's `MemberInfo.compareTo`), so
/// that a static member keeps its place when its id changes.
fn order(a: &Member, b: &Member) -> Ordering {
    match (&a.instance, &b.instance) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.id.cmp(&b.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn member(id: &str, topics: &[&str]) -> Member {
        Member {
            id: id.to_owned(),
            instance: None,
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        }
    }

    fn counts(topics: &[(&str, i32)]) -> BTreeMap<String, i32> {
        topics.iter().map(|&(topic, count)| (topic.to_owned(), count)).collect()
    }

    fn got(assignments: &Assignments, member: &str, topic: &str) -> Vec<i32> {
        assignments[member].get(topic).cloned().unwrap_or_default()
    }

    #[test]
    fn the_first_members_get_the_remainder() {
        let members = [member("b", &["t"]), member("a", &["t"]), member("c", &["t"])];
        let assigned = assign(&members, &counts(&[("t", 7)]));
        assert_eq!(got(&assigned, "a", "t"), [0, 1, 2]);
        assert_eq!(got(&assigned, "b", "t"), [3, 4]);
        assert_eq!(got(&assigned, "c", "t"), [5, 6]);
    }

    /// The example in the documentation of Java's `RangeAssignor`.
    #[test]
    fn equal_topics_are_co_partitioned() {
        let members = [member("C0", &["t0", "t1"]), member("C1", &["t0", "t1"])];
        let assigned = assign(&members, &counts(&[("t0", 3), ("t1", 3)]));
        for topic in ["t0", "t1"] {
            assert_eq!(got(&assigned, "C0", topic), [0, 1]);
            assert_eq!(got(&assigned, "C1", topic), [2]);
        }
    }

    #[test]
    fn static_members_come_first_and_by_instance() {
        let named = |id: &str, instance: &str| Member {
            instance: Some(instance.to_owned()),
            ..member(id, &["t"])
        };
        let members = [member("a", &["t"]), named("z", "2"), named("y", "1")];
        let assigned = assign(&members, &counts(&[("t", 3)]));
        assert_eq!(got(&assigned, "y", "t"), [0]);
        assert_eq!(got(&assigned, "z", "t"), [1]);
        assert_eq!(got(&assigned, "a", "t"), [2]);
    }

    #[test]
    fn members_without_the_topic_and_topics_without_partitions_get_nothing() {
        let members = [member("a", &["t", "gone"]), member("b", &["other"])];
        let assigned = assign(&members, &counts(&[("t", 2), ("other", 0)]));
        assert_eq!(got(&assigned, "a", "t"), [0, 1]);
        assert!(got(&assigned, "a", "gone").is_empty());
        assert!(assigned["b"].is_empty());
    }

    #[test]
    fn every_partition_is_assigned_once_and_shares_differ_by_one() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let topics: Vec<(String, i32)> =
                (0..random.usize(1..5)).map(|t| (format!("t{t}"), random.i32(0..20))).collect();
            let members: Vec<Member> = (0..random.usize(1..7))
                .map(|m| Member {
                    id: format!("m{m}"),
                    instance: random.bool().then(|| format!("i{}", 100 - m)),
                    topics: topics
                        .iter()
                        .filter(|_| random.u8(0..4) > 0)
                        .map(|(topic, _)| topic.clone())
                        .collect(),
                })
                .collect();
            let partitions: BTreeMap<String, i32> = topics.iter().cloned().collect();
            let assigned = assign(&members, &partitions);
            for (topic, &count) in &partitions {
                let takers: Vec<&Member> =
                    members.iter().filter(|member| member.topics.contains(topic)).collect();
                let shares: Vec<Vec<i32>> =
                    takers.iter().map(|member| got(&assigned, &member.id, topic)).collect();
                let all: Vec<i32> = shares.iter().flatten().copied().collect();
                let distinct: BTreeSet<i32> = all.iter().copied().collect();
                assert_eq!(all.len(), distinct.len(), "seed {seed}: {topic} assigned twice");
                if takers.is_empty() {
                    continue;
                }
                assert_eq!(distinct, (0..count).collect(), "seed {seed}: {topic}");
                let most = shares.iter().map(Vec::len).max().unwrap();
                let least = shares.iter().map(Vec::len).min().unwrap();
                assert!(most - least <= 1, "seed {seed}: {topic} shared as {shares:?}");
            }
        }
    }
}
