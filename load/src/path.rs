//! What carries a peer's datagrams: a UDP socket of its own, or a connection of TCP (RFC 4571).

use crate::args::Way;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use str0m::Candidate;
use str0m::net::Protocol;
use tokio::io::Interest;
use tokio::net::{TcpStream, UdpSocket};

/// No datagram of WebRTC's is longer.
const DATAGRAM: usize = 2_000;
/// How many bytes wait to be sent by TCP at most; what there is no room for is lost.
const AHEAD: usize = 64 * 1_024;

pub struct Path {
    pub local: SocketAddr,
    pub server: SocketAddr,
    socket: Socket,
}

enum Socket {
    Udp(UdpSocket),
    Tcp(Stream),
}

impl Path {
    /// A socket that reaches one of the candidates that an answer names: loopback where there is that.
    pub async fn connect(sdp: &str, way: Way) -> Result<Self, String> {
        let protocol = protocol(way);
        let candidates = sdp
            .lines()
            .filter_map(|line| Candidate::from_sdp_string(line.strip_prefix("a=")?).ok())
            .filter(|candidate| candidate.proto() == protocol)
            .map(|candidate| candidate.addr());
        let v4: Vec<SocketAddr> = candidates.filter(SocketAddr::is_ipv4).collect();
        let server = *v4
            .iter()
            .find(|address| address.ip().is_loopback())
            .or(v4.first())
            .ok_or_else(|| format!("the answer names no IPv4 address for {protocol}"))?;
        let connected = async {
            match protocol {
                Protocol::Udp => {
                    let socket = udp(server).await?;
                    Ok((socket.local_addr()?, Socket::Udp(socket)))
                }
                _ => {
                    let stream = TcpStream::connect(server).await?;
                    stream.set_nodelay(true)?;
                    Ok((stream.local_addr()?, Socket::Tcp(Stream::new(stream))))
                }
            }
        };
        let (local, socket) = connected
            .await
            .map_err(|cause: io::Error| format!("no socket towards {server}: {cause}"))?;
        Ok(Self {
            local,
            server,
            socket,
        })
    }

    pub fn protocol(&self) -> Protocol {
        match self.socket {
            Socket::Udp(_) => Protocol::Udp,
            Socket::Tcp(_) => Protocol::Tcp,
        }
    }

    /// Waits for a datagram. May be dropped meanwhile without a loss.
    pub async fn recv(&mut self) -> io::Result<Vec<u8>> {
        match &mut self.socket {
            Socket::Udp(socket) => {
                let mut datagram = vec![0; DATAGRAM];
                let length = socket.recv(&mut datagram).await?;
                datagram.truncate(length);
                Ok(datagram)
            }
            Socket::Tcp(stream) => stream.recv().await,
        }
    }

    /// The next datagram, if it is there.
    pub fn try_recv(&mut self) -> Option<Vec<u8>> {
        match &mut self.socket {
            Socket::Udp(socket) => {
                let mut datagram = vec![0; DATAGRAM];
                let length = socket.try_recv(&mut datagram).ok()?;
                datagram.truncate(length);
                Some(datagram)
            }
            Socket::Tcp(stream) => {
                // One that has ended is found so by the next that waits.
                let _ = stream.read();
                stream.next()
            }
        }
    }

    /// What there is no room for is lost, as on any network.
    pub fn try_send(&mut self, datagram: &[u8]) {
        match &mut self.socket {
            Socket::Udp(socket) => drop(socket.try_send(datagram)),
            Socket::Tcp(stream) => stream.send(datagram),
        }
    }
}

fn protocol(way: Way) -> Protocol {
    match way {
        Way::Tcp => Protocol::Tcp,
        _ => Protocol::Udp,
    }
}

async fn udp(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if server.ip().is_loopback() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    // Tokio sends nothing through a socket that it has not heard of yet.
    socket.writable().await?;
    Ok(socket)
}

/// Datagrams on a connection, each behind its length in two bytes (RFC 4571 section 2).
struct Stream {
    stream: TcpStream,
    came: Vec<u8>,
    leaves: Vec<u8>,
}

impl Stream {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            came: Vec::new(),
            leaves: Vec::new(),
        }
    }

    async fn recv(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(datagram) = self.next() {
                return Ok(datagram);
            }
            let interest = if self.leaves.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            self.stream.ready(interest).await?;
            self.flush();
            self.read()?;
        }
    }

    fn read(&mut self) -> io::Result<()> {
        match self.stream.try_read_buf(&mut self.came) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(cause) if cause.kind() != io::ErrorKind::WouldBlock => Err(cause),
            _ => Ok(()),
        }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let length = usize::from(u16::from_be_bytes(*self.came.first_chunk()?));
        let datagram = self.came.get(2..2 + length)?.to_vec();
        self.came.drain(..2 + length);
        Some(datagram)
    }

    fn send(&mut self, datagram: &[u8]) {
        if let Ok(length) = u16::try_from(datagram.len())
            && self.leaves.len() < AHEAD
        {
            self.leaves.extend(length.to_be_bytes());
            self.leaves.extend(datagram);
            self.flush();
        }
    }

    fn flush(&mut self) {
        if let Ok(length) = self.stream.try_write(&self.leaves) {
            self.leaves.drain(..length);
        }
    }
}
