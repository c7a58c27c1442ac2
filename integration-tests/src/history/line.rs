//! Events as lines of text: a letter for what it is, the time, then its fields.

use std::{fmt, str::FromStr};

use super::event::{End, Event, Group, Occurrence, Outcome, Place, RecordId, Topic};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match &self.what {
            Occurrence::Sending { id, partition, key } => {
                write!(f, "s {at} {} {} {} {}", id.stream, id.number, Dash(*partition), Dash(*key))
            }
            Occurrence::Settled { id, outcome } => {
                let RecordId { stream, number } = id;
                match outcome {
                    Outcome::Written { partition, offset } => {
                        write!(f, "w {at} {stream} {number} {partition} {}", Dash(*offset))
                    }
                    Outcome::NotWritten { reason } => {
                        write!(f, "n {at} {stream} {number} {}", Word(reason))
                    }
                    Outcome::Unknown { reason } => {
                        write!(f, "u {at} {stream} {number} {}", Word(reason))
                    }
                }
            }
            Occurrence::Joining { member, group } => write!(f, "j {at} {member} {}", group.name()),
            Occurrence::Assigned { member, place, epoch, generation } => {
                write!(f, "a {at} {member} {} {epoch} {generation}", Flat(*place))
            }
            Occurrence::Revoked { member, place, epoch } => {
                write!(f, "r {at} {member} {} {epoch}", Flat(*place))
            }
            Occurrence::Lost { member, place, epoch } => {
                write!(f, "l {at} {member} {} {epoch}", Flat(*place))
            }
            Occurrence::Handed { member, place, epoch, offset, id } => {
                write!(f, "h {at} {member} {} {epoch} {offset}", Flat(*place))?;
                match id {
                    Some(id) => write!(f, " {} {}", id.stream, id.number),
                    None => f.write_str(" - -"),
                }
            }
            Occurrence::Marked { member, place, epoch, next, began, accepted } => {
                let accepted = u8::from(*accepted);
                write!(f, "m {at} {member} {} {epoch} {next} {began} {accepted}", Flat(*place))
            }
            Occurrence::Committing { member, ticket } => write!(f, "c {at} {member} {ticket}"),
            Occurrence::Committed { member, ticket, confirmed } => {
                write!(f, "C {at} {member} {ticket} {}", u8::from(*confirmed))
            }
            Occurrence::Ended { member, how } => {
                let how = match how {
                    End::Clean => "clean",
                    End::Failed => "failed",
                    End::Crashed => "crashed",
                };
                write!(f, "e {at} {member} {how}")
            }
            Occurrence::FaultBegan { number, kind, target } => {
                write!(f, "f {at} {number} {} {}", Word(kind), Word(target))
            }
            Occurrence::FaultEnded { number } => write!(f, "F {at} {number}"),
            Occurrence::Healed => write!(f, "H {at}"),
            Occurrence::Flushed => write!(f, "L {at}"),
            Occurrence::Drained => write!(f, "D {at}"),
        }
    }
}

/// A line that is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no event: {0}")]
pub struct NoEvent(String);

impl FromStr for Event {
    type Err = NoEvent;

    fn from_str(line: &str) -> Result<Self, NoEvent> {
        let mut cells = Cells(line.split(' '));
        let read = cells.event();
        read.filter(|_| cells.0.next().is_none()).ok_or_else(|| NoEvent(line.to_owned()))
    }
}

/// The fields of a line, from left to right.
struct Cells<'a>(std::str::Split<'a, char>);

impl Cells<'_> {
    fn event(&mut self) -> Option<Event> {
        let letter = self.0.next()?;
        let at = self.number()?;
        let what = match letter {
            "s" => {
                Occurrence::Sending { id: self.id()?, partition: self.maybe()?, key: self.maybe()? }
            }
            "w" => Occurrence::Settled {
                id: self.id()?,
                outcome: Outcome::Written { partition: self.number()?, offset: self.maybe()? },
            },
            "n" => Occurrence::Settled {
                id: self.id()?,
                outcome: Outcome::NotWritten { reason: self.word()? },
            },
            "u" => Occurrence::Settled {
                id: self.id()?,
                outcome: Outcome::Unknown { reason: self.word()? },
            },
            "j" => Occurrence::Joining { member: self.number()?, group: self.group()? },
            "a" => Occurrence::Assigned {
                member: self.number()?,
                place: self.place()?,
                epoch: self.number()?,
                generation: self.number()?,
            },
            "r" => Occurrence::Revoked {
                member: self.number()?,
                place: self.place()?,
                epoch: self.number()?,
            },
            "l" => Occurrence::Lost {
                member: self.number()?,
                place: self.place()?,
                epoch: self.number()?,
            },
            "h" => Occurrence::Handed {
                member: self.number()?,
                place: self.place()?,
                epoch: self.number()?,
                offset: self.number()?,
                id: match (self.maybe()?, self.maybe()?) {
                    (Some(stream), Some(number)) => Some(RecordId { stream, number }),
                    _ => None,
                },
            },
            "m" => Occurrence::Marked {
                member: self.number()?,
                place: self.place()?,
                epoch: self.number()?,
                next: self.number()?,
                began: self.number()?,
                accepted: self.flag()?,
            },
            "c" => Occurrence::Committing { member: self.number()?, ticket: self.number()? },
            "C" => Occurrence::Committed {
                member: self.number()?,
                ticket: self.number()?,
                confirmed: self.flag()?,
            },
            "e" => Occurrence::Ended {
                member: self.number()?,
                how: match self.0.next()? {
                    "clean" => End::Clean,
                    "failed" => End::Failed,
                    "crashed" => End::Crashed,
                    _ => return None,
                },
            },
            "f" => Occurrence::FaultBegan {
                number: self.number()?,
                kind: self.word()?,
                target: self.word()?,
            },
            "F" => Occurrence::FaultEnded { number: self.number()? },
            "H" => Occurrence::Healed,
            "L" => Occurrence::Flushed,
            "D" => Occurrence::Drained,
            _ => return None,
        };
        Some(Event { at, what })
    }

    fn number<N: FromStr>(&mut self) -> Option<N> {
        self.0.next()?.parse().ok()
    }

    /// The outer `None` is a mistake, the inner one a dash.
    fn maybe<N: FromStr>(&mut self) -> Option<Option<N>> {
        match self.0.next()? {
            "-" => Some(None),
            text => text.parse().ok().map(Some),
        }
    }

    fn flag(&mut self) -> Option<bool> {
        match self.0.next()? {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }
    }

    fn word(&mut self) -> Option<String> {
        self.0.next().map(str::to_owned)
    }

    fn id(&mut self) -> Option<RecordId> {
        Some(RecordId { stream: self.number()?, number: self.number()? })
    }

    fn group(&mut self) -> Option<Group> {
        let name = self.0.next()?;
        Group::ALL.into_iter().find(|group| group.name() == name)
    }

    fn place(&mut self) -> Option<Place> {
        let name = self.0.next()?;
        let topic = Topic::ALL.into_iter().find(|topic| topic.name() == name)?;
        Some(Place { topic, partition: self.number()? })
    }
}

/// A number or a dash.
struct Dash<N>(Option<N>);

impl<N: fmt::Display> fmt::Display for Dash<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Text as one word.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        self.0.chars().try_for_each(|c| {
            let plain = if c.is_whitespace() || c.is_control() { '_' } else { c };
            fmt::Write::write_char(f, plain)
        })
    }
}

struct Flat(Place);

impl fmt::Display for Flat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.topic.name(), self.0.partition)
    }
}
