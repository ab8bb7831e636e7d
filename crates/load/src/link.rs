//! The sockets under a peer connection: one UDP socket, or one ICE-TCP stream with RFC 4571 framing.
//!
//! Every peer connection has its own, because the server tells connections apart by source address.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use str0m::Candidate;
use str0m::net::{Protocol, TcpType};
use tokio::io::Interest;
use tokio::net::{TcpStream, UdpSocket};

/// Which way media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// UDP.
    #[default]
    Udp,
    /// ICE over TCP, as a client behind a firewall that blocks UDP.
    Tcp,
}

/// Unsent bytes a TCP link may hold; beyond it packets are dropped and counted. 64 KiB is 8 s of audio.
const TCP_OUTBOX: usize = 64 * 1024;
/// Largest datagram read. Ours and the server's stay below the Ethernet frame size.
const DATAGRAM: usize = 2048;

/// A candidate of the other side, as far as opening a socket needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remote {
    transport: Transport,
    addr: SocketAddr,
}

pub(crate) enum Link {
    Udp { socket: UdpSocket, local: SocketAddr },
    Tcp { stream: TcpStream, local: SocketAddr, remote: SocketAddr, inbox: Vec<u8>, outbox: Vec<u8> },
}

impl Link {
    /// Opens a link to the first reachable candidate of that kind in an SDP; `None` when there is none.
    pub async fn open(transport: Transport, sdp: &str) -> io::Result<Option<Self>> {
        let Some(remote) = candidates(sdp).into_iter().find(|c| c.transport == transport) else { return Ok(None) };
        match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((local_ip_towards(remote.addr).await?, 0)).await?;
                let local = socket.local_addr()?;
                Ok(Some(Self::Udp { socket, local }))
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(remote.addr).await?;
                stream.set_nodelay(true)?;
                let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
                Ok(Some(Self::Tcp { stream, local, remote, inbox: Vec::new(), outbox: Vec::new() }))
            }
        }
    }

    /// Our host candidate.
    pub fn candidate(&self) -> Result<Candidate, str0m::error::IceError> {
        match self {
            Self::Udp { local, .. } => Candidate::host(*local, Protocol::Udp),
            Self::Tcp { local, .. } => Candidate::builder().tcp().host(*local).tcptype(TcpType::Active).build(),
        }
    }

    pub fn local(&self) -> SocketAddr {
        match self {
            Self::Udp { local, .. } | Self::Tcp { local, .. } => *local,
        }
    }

    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Udp { .. } => Protocol::Udp,
            Self::Tcp { .. } => Protocol::Tcp,
        }
    }

    /// Resolves when [`Link::receive`] may have something, or queued bytes may be written.
    pub async fn ready(&self) -> io::Result<()> {
        match self {
            Self::Udp { socket, .. } => socket.readable().await,
            Self::Tcp { stream, outbox, .. } if outbox.is_empty() => stream.readable().await,
            Self::Tcp { stream, .. } => stream.ready(Interest::READABLE | Interest::WRITABLE).await.map(drop),
        }
    }

    /// Sends one packet; false = dropped because the socket is full.
    pub fn send(&mut self, to: SocketAddr, packet: &[u8]) -> bool {
        match self {
            Self::Udp { socket, .. } => socket.try_send_to(packet, to).is_ok(),
            Self::Tcp { outbox, .. } => {
                let Ok(len) = u16::try_from(packet.len()) else { return false };
                if outbox.len() + packet.len() + 2 > TCP_OUTBOX {
                    return false;
                }
                outbox.extend_from_slice(&len.to_be_bytes());
                outbox.extend_from_slice(packet);
                self.flush();
                true
            }
        }
    }

    /// Writes what a full TCP stream held back.
    pub fn flush(&mut self) {
        let Self::Tcp { stream, outbox, .. } = self else { return };
        while !outbox.is_empty() {
            match stream.try_write(outbox) {
                Ok(n) => drop(outbox.drain(..n)),
                Err(_) => return,
            }
        }
    }

    /// The next packet with its sender. `Ok(None)` = nothing now; an error = the link is gone.
    pub fn receive(&mut self) -> io::Result<Option<(SocketAddr, Vec<u8>)>> {
        match self {
            Self::Udp { socket, .. } => {
                let mut buf = [0; DATAGRAM];
                loop {
                    match socket.try_recv_from(&mut buf) {
                        Ok((n, from)) => return Ok(Some((from, buf[..n].to_vec()))),
                        Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                        // A closed port answers by ICMP: ICE decides whether the path is dead, not we.
                        Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                        Err(e) => return Err(e),
                    }
                }
            }
            Self::Tcp { stream, remote, inbox, .. } => loop {
                if let Some(packet) = unframe(inbox) {
                    return Ok(Some((*remote, packet)));
                }
                let mut buf = [0; DATAGRAM];
                match stream.try_read(&mut buf) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(n) => inbox.extend_from_slice(&buf[..n]),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                    Err(e) => return Err(e),
                }
            },
        }
    }
}

/// Takes one length-prefixed packet off the front.
fn unframe(inbox: &mut Vec<u8>) -> Option<Vec<u8>> {
    let len = usize::from(u16::from_be_bytes([*inbox.first()?, *inbox.get(1)?]));
    if inbox.len() < 2 + len {
        return None;
    }
    let packet = inbox[2..2 + len].to_vec();
    inbox.drain(..2 + len);
    Some(packet)
}

/// The local address the system would use towards `to`.
async fn local_ip_towards(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let probe = UdpSocket::bind((any, 0)).await?;
    probe.connect(to).await?;
    Ok(probe.local_addr()?.ip())
}

/// Candidates of an SDP with a literal address. TCP ones only if they can be connected to.
fn candidates(sdp: &str) -> Vec<Remote> {
    let mut found = Vec::new();
    for line in sdp.lines() {
        let Some(rest) = line.trim().trim_start_matches("a=").strip_prefix("candidate:") else { continue };
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [_, _, proto, _, ip, port, ..] = words[..] else { continue };
        let (Ok(ip), Ok(port)) = (ip.parse::<IpAddr>(), port.parse()) else { continue };
        let passive = words.windows(2).any(|w| w == ["tcptype", "passive"]);
        let transport = match proto.to_ascii_lowercase().as_str() {
            "udp" => Transport::Udp,
            "tcp" if passive => Transport::Tcp,
            _ => continue,
        };
        found.push(Remote { transport, addr: SocketAddr::new(ip, port) });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_from_sdp_text() {
        let sdp = "v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.7 7882 typ host\r\n\
                   a=candidate:2 1 tcp 1518280447 192.0.2.7 7880 typ host tcptype passive\r\n\
                   a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n\
                   a=candidate:4 1 udp 1 0c6f1bb6.local 5000 typ host\r\n";
        let got = candidates(sdp);
        assert_eq!(
            got,
            [
                Remote { transport: Transport::Udp, addr: "192.0.2.7:7882".parse().unwrap() },
                Remote { transport: Transport::Tcp, addr: "192.0.2.7:7880".parse().unwrap() },
            ]
        );
    }

    #[test]
    fn frames_survive_any_split() {
        let bytes = [0, 3, 1, 2, 3, 0, 0, 0, 1, 9];
        for cut in 0..bytes.len() {
            let mut inbox = bytes[..cut].to_vec();
            let mut got = Vec::new();
            while let Some(p) = unframe(&mut inbox) {
                got.push(p);
            }
            inbox.extend_from_slice(&bytes[cut..]);
            while let Some(p) = unframe(&mut inbox) {
                got.push(p);
            }
            assert_eq!(got, [vec![1, 2, 3], vec![], vec![9]], "cut at {cut}");
        }
    }
}
