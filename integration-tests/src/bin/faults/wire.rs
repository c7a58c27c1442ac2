//! The way to the brokers: every connection of the workload goes through a task that forwards
//! frames, and that can cut, stall or slow it down, or keep a reply to itself.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use ottla::client::connector::{Connector, from_fn};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::TcpStream,
    sync::watch,
    time::sleep,
};

use crate::faults::Faults;

/// A request kind, by Kafka's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Api(pub(crate) i16);

impl Api {
    pub(crate) const PRODUCE: Self = Self(0);
    pub(crate) const FETCH: Self = Self(1);
    pub(crate) const OFFSET_COMMIT: Self = Self(8);
    pub(crate) const JOIN_GROUP: Self = Self(11);
    pub(crate) const HEARTBEAT: Self = Self(12);
    pub(crate) const SYNC_GROUP: Self = Self(14);

    fn name(self) -> &'static str {
        match self {
            Self::PRODUCE => "produce",
            Self::FETCH => "fetch",
            Self::OFFSET_COMMIT => "commit",
            Self::JOIN_GROUP => "join",
            Self::HEARTBEAT => "heartbeat",
            Self::SYNC_GROUP => "sync",
            _ => "other",
        }
    }
}

/// What happens to one reply, or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The request was carried out; its reply, and all that would follow it, never arrive, and the
    /// connection stays open until the client gives up.
    Swallow,
    /// The request was carried out, and the connection ends instead of the reply.
    CutBeforeReply,
    /// The connection ends in the middle of the reply.
    CutWithinReply,
    /// The connection ends in the middle of the request, which is not carried out.
    CutWithinRequest,
}

impl Blow {
    fn name(self) -> &'static str {
        match self {
            Self::Swallow => "reply swallowed",
            Self::CutBeforeReply => "cut before a reply",
            Self::CutWithinReply => "cut within a reply",
            Self::CutWithinRequest => "cut within a request",
        }
    }
}

/// What is wrong with all connections, or with those to one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Grows when all connections are to be cut at once.
    cuts: u64,
    /// Which ones: 0 is all.
    cut_port: u16,
    /// To this port nothing is forwarded in either direction.
    stalled: Option<u16>,
    /// Every reply takes this much longer.
    delay: Duration,
}

/// Shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    weather: Arc<watch::Sender<Weather>>,
    blows: Arc<Mutex<Vec<(Api, Blow)>>>,
    faults: Faults,
}

impl Wire {
    pub(crate) fn new(faults: Faults) -> Self {
        let weather = Arc::new(watch::Sender::new(Weather::default()));
        Self { weather, blows: Arc::default(), faults }
    }

    /// Connections over TCP that go through here.
    pub(crate) fn connector(&self) -> impl Connector {
        let wire = self.clone();
        from_fn(move |host: String, port| {
            let wire = wire.clone();
            async move {
                let broker = TcpStream::connect((host.as_str(), port)).await?;
                broker.set_nodelay(true)?;
                let (ours, theirs) = tokio::io::duplex(1 << 16);
                tokio::spawn(wire.forward(ours, broker, port));
                Ok(theirs)
            }
        })
    }

    /// The next reply, or request, of this kind is dealt with like that.
    pub(crate) fn arm(&self, api: Api, blow: Blow) {
        self.blows.lock().push((api, blow));
    }

    pub(crate) fn cut(&self, port: u16) {
        self.weather.send_modify(|weather| {
            weather.cuts += 1;
            weather.cut_port = port;
        });
    }

    pub(crate) fn stall(&self, port: Option<u16>) {
        self.weather.send_modify(|weather| weather.stalled = port);
    }

    pub(crate) fn delay(&self, by: Duration) {
        self.weather.send_modify(|weather| weather.delay = by);
    }

    /// Everything is as it should be from here on.
    pub(crate) fn clear(&self) {
        self.blows.lock().clear();
        self.stall(None);
        self.delay(Duration::ZERO);
    }

    fn strikes(&self, api: Api, is_request: bool) -> Option<Blow> {
        let mut blows = self.blows.lock();
        let fits = |(of, blow): &(Api, Blow)| {
            *of == api && (*blow == Blow::CutWithinRequest) == is_request
        };
        let index = blows.iter().position(fits)?;
        let (_, blow) = blows.swap_remove(index);
        let number = self.faults.begin(blow.name(), api.name().to_owned());
        self.faults.end(number);
        Some(blow)
    }

    /// Ends with the connection, whoever ends it.
    async fn forward(self, client: DuplexStream, broker: TcpStream, port: u16) {
        let mut weather = self.weather.subscribe();
        let cuts = weather.borrow().cuts;
        let cut = async {
            let is_cut = |now: &Weather| now.cuts > cuts && [0, port].contains(&now.cut_port);
            let _ = weather.wait_for(is_cut).await;
        };
        let asked = Mutex::new(HashMap::new());
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_broker, mut to_broker) = broker.into_split();
        let requests = async {
            while self.request(&mut from_client, &mut to_broker, port, &asked).await.is_ok() {}
        };
        let replies = async {
            while self.reply(&mut from_broker, &mut to_client, port, &asked).await.is_ok() {}
        };
        tokio::select! {
            () = requests => {}
            () = replies => {}
            () = cut => {}
        }
    }

    async fn request(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        port: u16,
        asked: &Mutex<HashMap<i32, Api>>,
    ) -> io::Result<()> {
        let length = from.read_i32().await?;
        let api = from.read_i16().await?;
        let version = from.read_i16().await?;
        let correlation = from.read_i32().await?;
        self.fair(port).await;
        asked.lock().insert(correlation, Api(api));
        let rest = u64::try_from(length - 8).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut head = [0; 12];
        for (place, byte) in head.iter_mut().zip(
            length
                .to_be_bytes()
                .into_iter()
                .chain(api.to_be_bytes())
                .chain(version.to_be_bytes())
                .chain(correlation.to_be_bytes()),
        ) {
            *place = byte;
        }
        let blow = self.strikes(Api(api), true);
        to.write_all(&head).await?;
        let part = if blow.is_some() { rest / 2 } else { rest };
        tokio::io::copy(&mut from.take(part), to).await?;
        to.flush().await?;
        if blow.is_some() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    async fn reply(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        port: u16,
        asked: &Mutex<HashMap<i32, Api>>,
    ) -> io::Result<()> {
        let length = from.read_i32().await?;
        let correlation = from.read_i32().await?;
        self.fair(port).await;
        let delay = self.weather.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let api = asked.lock().remove(&correlation);
        let rest = u64::try_from(length - 4).map_err(|_| io::ErrorKind::InvalidData)?;
        let blow = api.and_then(|api| self.strikes(api, false));
        match blow {
            Some(Blow::Swallow) => {
                // For good: what comes later has nobody to go to either.
                tokio::io::copy(from, &mut tokio::io::sink()).await?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Some(Blow::CutBeforeReply) => return Err(io::ErrorKind::ConnectionReset.into()),
            _ => {}
        }
        to.write_i32(length).await?;
        to.write_i32(correlation).await?;
        let part = if blow.is_some() { rest / 2 } else { rest };
        tokio::io::copy(&mut from.take(part), to).await?;
        to.flush().await?;
        if blow.is_some() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    /// Waits while nothing is forwarded.
    async fn fair(&self, port: u16) {
        let mut weather = self.weather.subscribe();
        let _ = weather.wait_for(|weather| weather.stalled != Some(port)).await;
    }
}
