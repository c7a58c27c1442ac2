//! The requests that clients make, and what they are answered.

mod fetch;
mod group;
mod metadata;
mod produce;

use std::time::Duration;

use anyhow::{Context, bail};

use crate::Broker;
use crate::wire::{Reader, Writer};

/// When an answer goes out.
pub enum Answer {
    /// Never: a produce that asked for no acknowledgement.
    None,
    Now,
    /// As late as this broker is.
    Delayed,
    /// After there was nothing to be had for so long.
    LongPoll(Duration),
}

/// A request to answer: its body is next to be read.
pub struct Request<'a> {
    pub broker: &'a Broker,
    pub version: i16,
    pub body: Reader<'a>,
    /// With its length.
    pub size: usize,
}

/// An API: its key, the versions of it, and the first flexible one.
struct Api {
    key: i16,
    name: &'static str,
    versions: std::ops::RangeInclusive<i16>,
    flexible: i16,
}

const fn api(key: i16, name: &'static str, first: i16, last: i16, flexible: i16) -> Api {
    Api { key, name, versions: first..=last, flexible }
}

const APIS: [Api; 9] = [
    api(0, "Produce", 3, 13, 9),
    api(1, "Fetch", 4, 17, 12),
    api(2, "ListOffsets", 1, 7, 6),
    api(3, "Metadata", 0, 12, 9),
    api(8, "OffsetCommit", 2, 8, 8),
    api(9, "OffsetFetch", 1, 7, 6),
    api(10, "FindCoordinator", 0, 4, 3),
    api(18, "ApiVersions", 0, 4, 3),
    api(22, "InitProducerId", 0, 4, 2),
];

/// Answers one request: appends a frame to `out`.
pub fn answer(broker: &Broker, request: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Answer> {
    let mut body = Reader::new(request);
    let (key, version) = (body.i16()?, body.i16()?);
    let correlation = body.i32()?;
    let Some(api) = APIS.iter().find(|api| api.key == key) else {
        bail!("API {key} is not served")
    };
    broker.ledger.count(api.name, version);
    body.string().context("client id")?;

    let mut writer = Writer { out, flexible: false };
    writer.i32(0);
    writer.i32(correlation);
    if !api.versions.contains(&version) {
        // Only this API may be asked in a version the broker does not have.
        anyhow::ensure!(key == 18, "{} version {version} is not served", api.name);
        api_versions(&mut writer, 0, 35);
        return finish(writer.out, Answer::Now);
    }
    body.flexible = version >= api.flexible;
    body.tags()?;
    writer.flexible = body.flexible;
    if key != 18 {
        // The answer to ApiVersions has the oldest header in all versions.
        writer.tags();
    }
    let mut request = Request { broker, version, body, size: request.len() + 4 };
    let context = || format!("{} version {version}", api.name);
    let answer = match key {
        0 => produce::produce(&mut request, &mut writer),
        1 => fetch::fetch(&mut request, &mut writer),
        2 => fetch::list_offsets(&mut request, &mut writer),
        3 => metadata::metadata(&mut request, &mut writer),
        8 => group::offset_commit(&mut request, &mut writer),
        9 => group::offset_fetch(&mut request, &mut writer),
        10 => group::find_coordinator(&mut request, &mut writer),
        22 => produce::init_producer_id(&mut request, &mut writer),
        _ => {
            api_versions(&mut writer, version, 0);
            Ok(Answer::Now)
        }
    };
    finish(writer.out, answer.with_context(context)?)
}

fn finish(out: &mut [u8], answer: Answer) -> anyhow::Result<Answer> {
    let length = i32::try_from(out.len() - 4)?;
    out[..4].copy_from_slice(&length.to_be_bytes());
    Ok(answer)
}

fn api_versions(out: &mut Writer<'_>, version: i16, error: i16) {
    out.i16(error);
    out.array(APIS.len());
    for api in &APIS {
        out.i16(api.key);
        out.i16(*api.versions.start());
        out.i16(*api.versions.end());
        out.tags();
    }
    if version >= 1 {
        out.i32(0); // throttle
    }
    out.tags();
}
