//! One broker, and every topic that anybody asks for.

use crate::api::{Answer, Request};
use crate::ledger::MEASURED;
use crate::wire::Writer;

pub const HOST: &str = "127.0.0.1";
pub const NODE: i32 = 1;

pub fn metadata(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let body = &mut request.body;
    let mut names = Vec::new();
    let asked = body.array()?;
    for _ in 0..asked.unwrap_or(0) {
        if version >= 10 {
            let id = body.uuid()?;
            let name = body.string()?;
            names.push(name.map_or_else(|| topic_name(&id), str::to_owned));
        } else {
            names.push(body.string()?.unwrap_or_default().to_owned());
        }
        body.tags()?;
    }
    if asked.is_none() || (version == 0 && names.is_empty()) {
        names.push(MEASURED.to_owned());
    }

    if version >= 3 {
        out.i32(0); // throttle
    }
    out.array(1);
    out.i32(NODE);
    out.string(Some(HOST));
    out.i32(request.broker.port.into());
    if version >= 1 {
        out.string(None); // rack
    }
    out.tags();
    if version >= 2 {
        out.string(Some("null-broker")); // cluster
    }
    if version >= 1 {
        out.i32(NODE); // controller
    }
    out.array(names.len());
    for name in &names {
        out.i16(0);
        out.string(Some(name));
        if version >= 10 {
            out.out.extend_from_slice(&topic_id(name));
        }
        if version >= 1 {
            out.i8(0); // internal
        }
        let partitions = request.broker.settings.partitions;
        out.array(partitions as usize);
        for partition in 0..partitions {
            out.i16(0);
            out.i32(partition);
            out.i32(NODE);
            if version >= 7 {
                out.i32(0); // leader epoch
            }
            for _ in 0..2 {
                // replicas, in sync
                out.array(1);
                out.i32(NODE);
            }
            if version >= 5 {
                out.array(0); // offline
            }
            out.tags();
        }
        if version >= 8 {
            out.i32(i32::MIN); // operations: not asked for
        }
        out.tags();
    }
    if (8..=10).contains(&version) {
        out.i32(i32::MIN);
    }
    out.tags();
    Ok(Answer::Now)
}

/// A topic's id is its name, filled up.
pub fn topic_id(name: &str) -> [u8; 16] {
    let mut id = [b'.'; 16];
    for (to, from) in id.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    id
}

pub fn topic_name(id: &[u8; 16]) -> String {
    String::from_utf8_lossy(id).trim_end_matches('.').to_owned()
}
