//! A connection to a broker on which somebody changes the answers.
//!
//! ```text
//!   client ─ requests ─► liar ─► test broker
//!          ◄─ lies ───── liar ◄─ answers
//! ```

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ottla::protocol::api::Request;
use ottla::protocol::wire::Encode;
use ottla::protocol::{ApiKey, decode_response, encode_response};
use ottla_test_broker::TestCluster;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// A request that is to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
}

/// What the client gets instead of an answer.
pub(crate) struct Told {
    /// The bytes on the wire, with whatever length stands in front of them.
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

/// What happens to the connection after an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    GoOn,
    Close,
    /// It stays open, and nothing comes any more.
    Silence,
    /// The bytes come one by one, each after this time.
    Drip(Duration),
}

/// Which answers are changed, and how. The answer comes without its length.
pub(crate) struct Lie {
    about: Box<dyn Fn(ApiKey) -> bool + Send>,
    tell: Tell,
}

type Tell = Box<dyn FnMut(Asked, &[u8]) -> Told + Send>;

impl Lie {
    /// Changes the answers to one API.
    pub(crate) fn about<R: Request>(
        mut change: impl FnMut(&mut R::Response) + Send + 'static,
    ) -> Self
    where
        R::Response: Encode,
    {
        Self::bytes_of(R::KEY, move |asked, answer| {
            let answer = Bytes::copy_from_slice(answer);
            let (correlation, mut response) =
                decode_response::<R>(answer, asked.version).expect("the broker's own answer");
            change(&mut response);
            let lie = encode_response::<R>(&response, asked.version, correlation)
                .expect("a lie that the version has a place for");
            Told { bytes: lie.to_bytes().to_vec(), then: Then::GoOn }
        })
    }

    /// Changes the bytes of the answers to one API.
    pub(crate) fn bytes_of(
        key: ApiKey,
        tell: impl FnMut(Asked, &[u8]) -> Told + Send + 'static,
    ) -> Self {
        Self { about: Box::new(move |asked| asked == key), tell: Box::new(tell) }
    }

    /// Changes the bytes of all answers but those of the handshake.
    pub(crate) fn bytes(tell: impl FnMut(Asked, &[u8]) -> Told + Send + 'static) -> Self {
        Self { about: Box::new(|asked| asked != ApiKey::API_VERSIONS), tell: Box::new(tell) }
    }
}

/// An answer with its length in front.
pub(crate) fn framed(answer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(answer.len()).expect("a short answer");
    [&length.to_be_bytes(), answer].concat()
}

/// Everything between the client and the cluster.
pub(crate) struct Liar {
    cluster: TestCluster,
    lie: Mutex<Lie>,
    lying: AtomicBool,
    told: AtomicU64,
    requests: AtomicU64,
    connects: AtomicU64,
}

impl Liar {
    pub(crate) fn new(cluster: TestCluster, lie: Lie) -> Arc<Self> {
        Arc::new(Self {
            cluster,
            lie: Mutex::new(lie),
            lying: AtomicBool::new(true),
            told: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            connects: AtomicU64::new(0),
        })
    }

    /// From now on the truth.
    pub(crate) fn repent(&self) {
        self.lying.store(false, Ordering::Relaxed);
    }

    /// How many lies the client was told.
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// How many requests came from the client.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How often the client tried to connect.
    pub(crate) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    pub(crate) fn connect(self: &Arc<Self>, host: &str, port: u16) -> io::Result<DuplexStream> {
        self.connects.fetch_add(1, Ordering::Relaxed);
        let broker = self.cluster.connect(host, port)?;
        let (client, ours) = tokio::io::duplex(256 * 1024);
        tokio::spawn(Arc::clone(self).relay(ours, broker));
        Ok(client)
    }

    async fn relay(self: Arc<Self>, client: DuplexStream, broker: DuplexStream) {
        let (mut requests, mut lies) = tokio::io::split(client);
        let (mut answers, mut forward) = tokio::io::split(broker);
        let (asked, mut pending) = mpsc::unbounded_channel();
        let up = async {
            loop {
                let request = read_frame(&mut requests).await?;
                let [k0, k1, v0, v1, c0, c1, c2, c3, ..] = *request else {
                    return Err::<(), io::Error>(io::ErrorKind::InvalidData.into());
                };
                self.requests.fetch_add(1, Ordering::Relaxed);
                let _ = asked.send(Asked {
                    key: ApiKey(i16::from_be_bytes([k0, k1])),
                    version: i16::from_be_bytes([v0, v1]),
                    correlation: i32::from_be_bytes([c0, c1, c2, c3]),
                });
                forward.write_all(&framed(&request)).await?;
            }
        };
        let down = async {
            loop {
                let answer = read_frame(&mut answers).await?;
                let asked = pending.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
                let told = self.tell(asked, &answer);
                if let Then::Drip(every) = told.then {
                    for byte in told.bytes {
                        tokio::time::sleep(every).await;
                        lies.write_all(&[byte]).await?;
                    }
                    continue;
                }
                lies.write_all(&told.bytes).await?;
                match told.then {
                    Then::GoOn | Then::Drip(_) => {}
                    Then::Close => return Ok::<(), io::Error>(()),
                    Then::Silence => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            _ = up => {}
            _ = down => {}
        }
    }

    fn tell(&self, asked: Asked, answer: &[u8]) -> Told {
        if self.lying.load(Ordering::Relaxed) {
            let mut lie = self.lie.lock().expect("no lie panics");
            if (lie.about)(asked.key) {
                self.told.fetch_add(1, Ordering::Relaxed);
                return (lie.tell)(asked, answer);
            }
        }
        Told { bytes: framed(answer), then: Then::GoOn }
    }
}

async fn read_frame(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}
