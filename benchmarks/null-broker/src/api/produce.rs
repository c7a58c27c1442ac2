//! Produce and InitProducerId.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use crate::api::{Answer, Request, metadata};
use crate::ledger::MEASURED;
use crate::wire::Writer;

pub fn produce(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let body = &mut request.body;
    body.string()?; // transaction
    let acks = body.i16()?;
    body.i32()?; // time-out
    let mut measured = false;
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
        let partitions = body.array()?.unwrap_or(0);
        out.array(partitions);
        for _ in 0..partitions {
            let partition = body.i32()?;
            let records = body.bytes()?.unwrap_or_default();
            body.tags()?;
            let offset = request.broker.ledger.append(&name, partition, records)?;
            out.i32(partition);
            out.i16(0);
            out.i64(offset);
            out.i64(-1); // append time
            if version >= 5 {
                out.i64(0); // start of the log
            }
            if version >= 8 {
                out.array(0); // errors of records
                out.string(None);
            }
            out.tags();
        }
        body.tags()?;
        out.tags();
    }
    out.i32(0); // throttle
    out.tags();
    if measured {
        request.broker.ledger.produce.request(request.size, out.out.len());
    }
    Ok(if acks == 0 { Answer::None } else { Answer::Delayed })
}

pub fn init_producer_id(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    static NEXT: AtomicI64 = AtomicI64::new(1000);
    let body = &mut request.body;
    body.string()?; // transaction
    body.i32()?; // its time-out
    let (mut id, mut epoch) = (-1, -1);
    if request.version >= 3 {
        (id, epoch) = (body.i64()?, body.i16()?);
    }
    if id < 0 {
        (id, epoch) = (NEXT.fetch_add(1, Relaxed), -1);
    }
    out.i32(0); // throttle
    out.i16(0);
    out.i64(id);
    out.i16(epoch + 1);
    out.tags();
    Ok(Answer::Now)
}
