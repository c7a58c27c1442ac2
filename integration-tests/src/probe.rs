//! Asks a node whether it serves: a port that is open proves nothing.
//!
//! The bytes are written here by hand, so that the launcher depends on nothing that it helps to test.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// What a node says about its cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The brokers that are registered and not fenced.
    pub(crate) brokers: Vec<u32>,
    /// Whether there is a controller.
    pub(crate) has_controller: bool,
}

/// Sends ApiVersions and Metadata to the node at `port`.
pub(crate) fn ask(port: u16) -> io::Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    exchange(&mut stream)
}

fn exchange(stream: &mut (impl Read + Write)) -> io::Result<Answer> {
    let versions = call(stream, &request(API_VERSIONS, 0, 1, &[]))?;
    check_versions(Fields(&versions), 1)?;
    // No topics, and none to be created.
    let metadata = call(stream, &request(METADATA, METADATA_VERSION, 2, &[0, 0, 0, 0, 0]))?;
    read_metadata(Fields(&metadata), 2)
}

fn request(api: i16, version: i16, correlation: i32, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(api.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(correlation.to_be_bytes());
    frame.extend((-1_i16).to_be_bytes()); // no client id
    frame.extend(body);
    frame
}

fn call(stream: &mut (impl Read + Write), frame: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), frame].concat())?;
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix)?;
    let length = u32::from_be_bytes(prefix);
    if length > LARGEST {
        return Err(invalid("the answer is too long"));
    }
    let mut answer = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut answer)?;
    Ok(answer)
}

fn check_versions(mut fields: Fields<'_>, correlation: i32) -> io::Result<()> {
    fields.expect(correlation)?;
    if fields.i16()? != 0 {
        return Err(invalid("ApiVersions answered an error"));
    }
    for _ in 0..fields.i32()? {
        let (api, lowest, highest) = (fields.i16()?, fields.i16()?, fields.i16()?);
        if api == METADATA && (lowest..=highest).contains(&METADATA_VERSION) {
            return Ok(());
        }
    }
    Err(invalid("Metadata is not served"))
}

fn read_metadata(mut fields: Fields<'_>, correlation: i32) -> io::Result<Answer> {
    fields.expect(correlation)?;
    fields.i32()?; // throttle time
    let mut brokers = Vec::new();
    for _ in 0..fields.i32()? {
        let id = u32::try_from(fields.i32()?).map_err(|_| invalid("a broker's id is negative"))?;
        brokers.push(id);
        fields.skip_string()?; // host
        fields.i32()?; // port
        fields.skip_string()?; // rack
    }
    fields.skip_string()?; // cluster id
    let has_controller = fields.i32()? >= 0;
    brokers.sort_unstable();
    Ok(Answer { brokers, has_controller })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| invalid("cut short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i16(&mut self) -> io::Result<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> io::Result<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn skip_string(&mut self) -> io::Result<()> {
        let length = usize::try_from(self.i16()?).unwrap_or(0); // -1 is null
        self.0 = self.0.get(length..).ok_or_else(|| invalid("cut short"))?;
        Ok(())
    }

    fn expect(&mut self, correlation: i32) -> io::Result<()> {
        if self.i32()? == correlation {
            Ok(())
        } else {
            Err(invalid("an answer to something else"))
        }
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const API_VERSIONS: i16 = 18;

const METADATA: i16 = 3;

/// Kafka 0.11 to 4.x serve it, and it is simple to read.
const METADATA_VERSION: i16 = 4;

const PATIENCE: Duration = Duration::from_secs(5);

/// Nothing asked for here is near this.
const LARGEST: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// One broker, id 7, at "h":9, no rack, no cluster id; then the controller.
    fn metadata(controller: i32) -> Vec<u8> {
        let mut answer = vec![0, 0, 0, 2, 0, 0, 0, 0];
        answer.extend([0, 0, 0, 1, 0, 0, 0, 7, 0, 1, b'h', 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff]);
        answer.extend(controller.to_be_bytes());
        answer
    }

    #[test]
    fn brokers_and_controller_are_read() {
        let answer = read_metadata(Fields(&metadata(7)), 2).unwrap();
        assert_eq!(answer, Answer { brokers: vec![7], has_controller: true });
        assert!(!read_metadata(Fields(&metadata(-1)), 2).unwrap().has_controller);
    }

    #[test]
    fn answers_cut_anywhere_are_refused() {
        let whole = metadata(7);
        for end in 0..whole.len() {
            assert!(read_metadata(Fields(&whole[..end]), 2).is_err(), "cut at {end}");
        }
        assert!(read_metadata(Fields(&whole), 3).is_err(), "another correlation id");
    }

    #[test]
    fn a_node_without_metadata_does_not_serve() {
        let answer =
            |api: u8, highest: u8| vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, api, 0, 0, 0, highest];
        assert!(check_versions(Fields(&answer(3, 13)), 1).is_ok());
        assert!(check_versions(Fields(&answer(3, 3)), 1).is_err());
        assert!(check_versions(Fields(&answer(0, 13)), 1).is_err());
    }
}
