//! What a dead letter says about where it comes from.

use std::error::Error;

use crate::emit::Output;
use crate::source::Input;

/// Headers of a dead letter. All values are text.
pub mod header {
    /// The topic the record was read from.
    pub const TOPIC: &str = "ottla-dlt-original-topic";
    /// The partition it was read from.
    pub const PARTITION: &str = "ottla-dlt-original-partition";
    /// Its offset there.
    pub const OFFSET: &str = "ottla-dlt-original-offset";
    /// Its timestamp there, in milliseconds since the Unix epoch; -1 if it had none.
    pub const TIMESTAMP: &str = "ottla-dlt-original-timestamp";
    /// The name of the processor that gave it up.
    pub const PROCESSOR: &str = "ottla-dlt-processor";
    /// How many attempts there were.
    pub const ATTEMPTS: &str = "ottla-dlt-attempts";
    /// The error and its causes, at most 1 KiB of it.
    pub const ERROR: &str = "ottla-dlt-error";
}

/// The record as it was, with headers that say where it comes from and what went wrong. A record
/// that was a dead letter before gets a second set, behind the first.
pub(crate) fn dead_letter<M: Input>(
    message: &M,
    processor: &str,
    attempts: u32,
    error: &(dyn Error + 'static),
) -> Output {
    let at = message.topic_partition();
    message
        .to_output()
        .header(header::TOPIC, at.topic.name().to_owned())
        .header(header::PARTITION, at.partition.to_string())
        .header(header::OFFSET, message.offset().to_string())
        .header(header::TIMESTAMP, message.timestamp().to_string())
        .header(header::PROCESSOR, processor.to_owned())
        .header(header::ATTEMPTS, attempts.to_string())
        .header(header::ERROR, describe(error))
}

/// The error and its causes in one line, cut at a length that no broker minds.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    const MOST: usize = 1024;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if text.len() >= MOST {
            break;
        }
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    if text.len() > MOST {
        let cut = (0..=MOST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(cut);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn the_causes_are_told() {
        let error = Outer("x".parse::<i32>().unwrap_err());
        assert_eq!(describe(&error), "outer: invalid digit found in string");
    }

    #[test]
    fn long_errors_are_cut_between_characters() {
        let error = std::io::Error::other("ö".repeat(2000));
        let text = describe(&error);
        assert!(text.len() <= 1024 && text.chars().all(|c| c == 'ö'));
    }
}
