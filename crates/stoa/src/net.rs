//! Which addresses this machine has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// The address that packets to the rest of the world leave from. Nothing is sent: connecting a UDP
/// socket only asks the routing table. The target is a documentation address.
#[must_use]
pub fn primary_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SocketAddr::from(([192, 0, 2, 1], 9))).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

/// Whether `ip` belongs to this machine: only then can a socket be bound to it.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}
