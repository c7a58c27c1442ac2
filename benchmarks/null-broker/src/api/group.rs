//! What consumers ask a coordinator that assign their partitions themselves.

use crate::api::{
    Answer, Request,
    metadata::{HOST, NODE},
};
use crate::wire::Writer;

pub fn find_coordinator(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let port = request.broker.port.into();
    let body = &mut request.body;
    if version >= 1 {
        out.i32(0); // throttle
    }
    if version >= 4 {
        body.i8()?;
        let keys = body.array()?.unwrap_or(0);
        out.array(keys);
        for _ in 0..keys {
            out.string(body.string()?);
            out.i32(NODE);
            out.string(Some(HOST));
            out.i32(port);
            out.i16(0);
            out.string(None);
            out.tags();
        }
    } else {
        out.i16(0);
        if version >= 1 {
            out.string(None);
        }
        out.i32(NODE);
        out.string(Some(HOST));
        out.i32(port);
    }
    out.tags();
    Ok(Answer::Now)
}

pub fn offset_fetch(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let body = &mut request.body;
    body.string()?; // group
    if version >= 3 {
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
            out.i64(-1); // nothing is committed
            if version >= 5 {
                out.i32(-1);
            }
            out.string(Some(""));
            out.i16(0);
            out.tags();
        }
        body.tags()?;
        out.tags();
    }
    if version >= 2 {
        out.i16(0);
    }
    out.tags();
    Ok(Answer::Now)
}

pub fn offset_commit(request: &mut Request<'_>, out: &mut Writer<'_>) -> anyhow::Result<Answer> {
    let version = request.version;
    let body = &mut request.body;
    body.string()?; // group
    body.i32()?; // generation
    body.string()?; // member
    if version >= 7 {
        body.string()?; // instance
    }
    if version <= 4 {
        body.i64()?; // retention
    }
    if version >= 3 {
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
            body.i64()?;
            if version >= 6 {
                body.i32()?;
            }
            body.string()?;
            body.tags()?;
            out.i16(0);
            out.tags();
        }
        body.tags()?;
        out.tags();
    }
    out.tags();
    Ok(Answer::Now)
}
