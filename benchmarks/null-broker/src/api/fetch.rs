//! Fetch and ListOffsets.

use std::time::Duration;

use crate::api::{Answer, Request, metadata};
use crate::ledger::MEASURED;
use crate::wire::Writer;

pub fn fetch(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let body = &mut request.body;
    if version <= 14 {
        body.i32()?; // replica
    }
    let max_wait = body.i32()?;
    body.i32()?; // min bytes: there is plenty, or nothing
    let mut left = usize::try_from(body.i32()?).unwrap_or(0);
    body.i8()?; // isolation
    if version >= 7 {
        body.i32()?; // session
        body.i32()?; // its epoch
    }

    out.i32(0); // throttle
    if version >= 7 {
        out.i16(0);
        out.i32(0); // no session
    }
    let (mut measured, mut empty) = (false, true);
    let topics = body.array()?.unwrap_or(0);
    out.array(topics);
    for _ in 0..topics {
        let name = if version >= 13 {
            let id = body.uuid()?;
            out.out.extend_from_slice(&id);
            metadata::topic_name(&id)
        } else {
            let name = body.string()?;
            out.string(name);
            name.unwrap_or_default().to_owned()
        };
        measured |= name == MEASURED;
        let end = request.broker.settings.end_offset;
        let partitions = body.array()?.unwrap_or(0);
        out.array(partitions);
        for _ in 0..partitions {
            let partition = body.i32()?;
            if version >= 9 {
                body.i32()?; // leader epoch
            }
            let offset = body.i64()?;
            if version >= 12 {
                body.i32()?; // epoch of the last fetch
            }
            if version >= 5 {
                body.i64()?; // start of a follower's log
            }
            let limit = usize::try_from(body.i32()?).unwrap_or(0).min(left);
            body.tags()?;

            let known = (0..request.broker.settings.partitions).contains(&partition);
            let within = (0..=end).contains(&offset);
            out.i32(partition);
            out.i16(if !known {
                3 // UNKNOWN_TOPIC_OR_PARTITION
            } else if !within {
                1 // OFFSET_OUT_OF_RANGE
            } else {
                0
            });
            out.i64(end); // high watermark
            out.i64(end); // last stable offset
            if version >= 5 {
                out.i64(0); // start of the log
            }
            out.array(0); // aborted transactions
            if version >= 11 {
                out.i32(-1); // preferred replica
            }
            let size = if known && within && offset < end {
                put_records(request.broker, out, offset, end, limit, empty)
            } else {
                out.bytes_length(0);
                0
            };
            empty &= size == 0;
            left = left.saturating_sub(size);
            out.tags();
        }
        body.tags()?;
        out.tags();
    }
    out.tags();
    if measured {
        request.broker.ledger.fetch.request(request.size, out.out.len());
    }
    Ok(if empty {
        Answer::LongPoll(Duration::from_millis(max_wait.max(0) as u64))
    } else {
        Answer::Delayed
    })
}

/// Appends records with their length; the first of a response is whole, however large it is.
fn put_records(
    broker: &crate::Broker,
    out: &mut Writer<'_>,
    offset: i64,
    end: i64,
    limit: usize,
    first: bool,
) -> usize {
    let prepared = &broker.prepared;
    let per_batch = prepared.batch_records() as i64;
    // The log ends with a whole batch.
    let batches = end / per_batch - offset / per_batch;
    let available = batches as usize * prepared.batch_bytes();
    let least = if first { prepared.batch_bytes() } else { 0 };
    let size = available.min(limit.max(least));
    out.bytes_length(size);
    let at = out.out.len();
    prepared.read(out.out, offset, end, size, first);
    debug_assert_eq!(out.out.len() - at, size);
    size
}

pub fn list_offsets(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let body = &mut request.body;
    body.i32()?; // replica
    if version >= 2 {
        body.i8()?; // isolation
        out.i32(0); // throttle
    }
    let topics = body.array()?.unwrap_or(0);
    out.array(topics);
    for _ in 0..topics {
        out.string(body.string()?);
        let partitions = body.array()?.unwrap_or(0);
        out.array(partitions);
        for _ in 0..partitions {
            out.i32(body.i32()?);
            if version >= 4 {
                body.i32()?; // leader epoch
            }
            let earliest = body.i64()? == -2;
            body.tags()?;
            out.i16(0);
            out.i64(-1); // timestamp
            out.i64(if earliest { 0 } else { request.broker.settings.end_offset });
            if version >= 4 {
                out.i32(0); // leader epoch
            }
            out.tags();
        }
        body.tags()?;
        out.tags();
    }
    out.tags();
    Ok(Answer::Now)
}
