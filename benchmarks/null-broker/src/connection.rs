//! One connection: a thread that reads and answers, and one that writes late if answers are late.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::Broker;
use crate::api::{self, Answer};

const LARGEST_REQUEST: i32 = 256 << 20;

pub fn serve(broker: &Broker, mut socket: TcpStream) -> anyhow::Result<()> {
    socket.set_nodelay(true)?;
    let mut input = BufReader::with_capacity(256 << 10, socket.try_clone()?);
    let late = (!broker.settings.delay.is_zero()).then(|| late_writer(&socket)).transpose()?;
    let (mut request, mut response) = (Vec::new(), Vec::new());
    while read_request(&mut input, &mut request).context("reading a request")? {
        response.clear();
        let arrived = Instant::now();
        let wait = match api::answer(broker, &request, &mut response)? {
            Answer::None => continue,
            Answer::Now => Duration::ZERO,
            Answer::Delayed => broker.settings.delay,
            Answer::LongPoll(wait) => {
                // Kafka too reads nothing more from a connection while one of its requests waits.
                std::thread::sleep(wait);
                Duration::ZERO
            }
        };
        let written = match &late {
            None => socket.write_all(&response),
            Some(late) => {
                let at = arrived + wait;
                late.send((at, std::mem::take(&mut response)))
                    .map_err(|_| ErrorKind::BrokenPipe.into())
            }
        };
        if let Err(error) = written {
            // The client is gone: it need not wait for answers to what it no longer wants.
            return if gone(error.kind()) { Ok(()) } else { Err(error.into()) };
        }
    }
    Ok(())
}

/// Reads a frame's content; `false` at the end.
fn read_request(input: &mut BufReader<TcpStream>, request: &mut Vec<u8>) -> anyhow::Result<bool> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if gone(error.kind()) => return Ok(false),
        other => other?,
    }
    let length = i32::from_be_bytes(length);
    ensure!((0..=LARGEST_REQUEST).contains(&length), "a request of {length} bytes");
    request.resize(length as usize, 0);
    match input.read_exact(request) {
        Err(error) if gone(error.kind()) => Ok(false),
        other => Ok(other.map(|()| true)?),
    }
}

fn gone(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | BrokenPipe | ConnectionAborted)
}

/// Writes answers in order, each when it is due, while further requests are read.
fn late_writer(socket: &TcpStream) -> anyhow::Result<mpsc::Sender<(Instant, Vec<u8>)>> {
    let (sender, answers) = mpsc::channel::<(Instant, Vec<u8>)>();
    let mut socket = socket.try_clone()?;
    std::thread::spawn(move || {
        for (due, answer) in answers {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if socket.write_all(&answer).is_err() {
                return;
            }
        }
    });
    Ok(sender)
}
