//! Ports, database, addresses, another machine's clock.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use stoa_core::ports::Clock as _;
use tokio::net::UdpSocket;

use super::{Finding, Patient};
use crate::clock::RealClock;
use crate::config::checks::listen_addr;
use crate::{listener, net, stores};

/// Longest wait for any answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Offset beyond which tokens of other machines are refused (60 s of leeway everywhere).
const CLOCK_OFF_SECS: i64 = 30;

/// All checks that touch the network or the database.
pub async fn look(p: &Patient) -> Vec<Finding> {
    let mut out = vec![tcp(p).await, udp(p).await, database(p).await];
    if let Some(url) = &p.time_from {
        out.push(clock_of(url).await);
    }
    out
}

fn port_fix(port: u16, key: &str, proto: &str) -> String {
    format!("see who has it (`ss -{proto}lpn | grep :{port}`), stop that, or choose another {key}")
}

async fn tcp(p: &Patient) -> Finding {
    const CHECK: &str = "HTTP port";
    if let Some(r) = &p.running {
        return match get(&format!("{}/readyz", r.http)).await {
            Ok((200, _)) => Finding::ok(CHECK, format!("stoa runs at {} and is ready", r.http)),
            Ok((status, _)) => {
                Finding::fault(CHECK, format!("{} answers {status} on /readyz", r.http), "look at the server's log")
            }
            Err(e) => Finding::fault(
                CHECK,
                format!("process {} runs, but {} does not answer: {e}", r.pid, r.http),
                "look at the server's log",
            ),
        };
    }
    let addr = match listen_addr(&p.settings.http.listen) {
        Ok(a) => a,
        Err(e) => return Finding::fault(CHECK, e, "correct http.listen"),
    };
    match listener::bind(addr) {
        Ok(_) => Finding::ok(CHECK, format!("{} is free", p.settings.http.listen)),
        Err(e) => bind_fault(CHECK, addr, &e, "http.listen", "t"),
    }
}

fn bind_fault(check: &'static str, addr: SocketAddr, e: &anyhow::Error, key: &str, proto: &str) -> Finding {
    match e.root_cause().downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::AddrInUse) => Finding::fault(
            check,
            format!("port {} is taken by another program", addr.port()),
            port_fix(addr.port(), key, proto),
        ),
        Some(std::io::ErrorKind::PermissionDenied) => Finding::fault(
            check,
            format!("port {} needs more rights", addr.port()),
            "use a port from 1024 on, or give AmbientCapabilities=CAP_NET_BIND_SERVICE",
        ),
        Some(std::io::ErrorKind::AddrNotAvailable) => {
            Finding::fault(check, format!("{} is no address of this machine", addr.ip()), format!("correct {key}"))
        }
        _ => Finding::fault(check, format!("cannot bind {addr}: {}", e.root_cause()), format!("correct {key}")),
    }
}

/// Binds the media port and sends a packet to the advertised address: it must come back here.
async fn udp(p: &Patient) -> Finding {
    const CHECK: &str = "media port";
    let port = p.settings.media.udp_port;
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    // A running server has the port: test the address with a free one.
    let socket = match UdpSocket::bind(any(if p.running.is_some() { 0 } else { port })).await {
        Ok(s) => s,
        Err(e) => return bind_fault(CHECK, any(port), &e.into(), "media.udp_port", "u"),
    };
    let configured: Option<IpAddr> = p.settings.media.public_ip.parse().ok();
    let loopback = listen_addr(&p.settings.http.listen).is_ok_and(|a| a.ip().is_loopback());
    let ip = configured.or_else(net::primary_address).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let here = if loopback { ", clients on this machine only" } else { "" };
    match echo(&socket, ip).await {
        Ok(()) => Finding::ok(
            CHECK,
            format!(
                "UDP {port} at {ip} reaches this process{here}; a firewall in front can only be tested from outside"
            ),
        ),
        Err(e) if net::is_local(ip) => Finding::fault(
            CHECK,
            format!("UDP sent to {ip} does not arrive: {e}"),
            format!("let UDP {port} through this machine's firewall (`nft list ruleset`)"),
        ),
        Err(e) => Finding::fault(
            CHECK,
            format!("UDP sent to the advertised address {ip} does not arrive: {e}"),
            format!(
                "{ip} is not an address of this machine: correct media.public_ip, or forward UDP {port} to it. Many routers do not send packets back inside: then test from outside"
            ),
        ),
    }
}

async fn echo(socket: &UdpSocket, ip: IpAddr) -> Result<(), String> {
    let port = socket.local_addr().map_err(|e| e.to_string())?.port();
    let out = UdpSocket::bind(if ip.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }).await.map_err(|e| e.to_string())?;
    let probe = format!("stoa doctor {} {port}", std::process::id());
    let mut buf = [0u8; 128];
    let exchange = async {
        loop {
            out.send_to(probe.as_bytes(), (ip, port)).await?;
            // One lost packet proves nothing: ask again every 300 ms.
            if let Ok(r) = tokio::time::timeout(Duration::from_millis(300), socket.recv(&mut buf)).await
                && buf.get(..r?) == Some(probe.as_bytes())
            {
                return Ok::<(), std::io::Error>(());
            }
        }
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(r) => r.map_err(|e| e.to_string()),
        Err(_) => Err(format!("nothing within {} s", PATIENCE.as_secs())),
    }
}

async fn database(p: &Patient) -> Finding {
    const CHECK: &str = "database";
    if let stores::Kind::Sqlite(file) = stores::kind(&p.settings) {
        if !file.exists() {
            return Finding::ok(CHECK, "SQLite, made at the first start");
        }
        if p.running.is_some() {
            return Finding::ok(CHECK, format!("SQLite {}, in use by the running server", file.display()));
        }
    }
    match tokio::time::timeout(PATIENCE, stores::reachable(&p.settings)).await {
        Ok(Ok(what)) => Finding::ok(CHECK, what),
        Ok(Err(e)) => {
            Finding::fault(CHECK, format!("{e:#}"), "correct store.url, start the database, or let this machine in")
        }
        Err(_) => Finding::fault(
            CHECK,
            format!("no answer within {} s", PATIENCE.as_secs()),
            "correct the host in store.url, start the database, or open its port in the firewall",
        ),
    }
}

async fn clock_of(url: &str) -> Finding {
    const CHECK: &str = "clock";
    let date = match get(url).await {
        Ok((_, Some(date))) => date,
        Ok((_, None)) => return Finding::warn(CHECK, format!("{url} sends no Date"), "name another web server"),
        Err(e) => return Finding::warn(CHECK, format!("cannot ask {url}: {e}"), "name another web server"),
    };
    let Ok(theirs) = jiff::fmt::rfc2822::parse(&date) else {
        return Finding::warn(CHECK, format!("{url} sends an odd Date"), "name another web server");
    };
    let off = RealClock::new().now().wall.secs() - theirs.timestamp().as_second();
    if off.abs() > CLOCK_OFF_SECS {
        let way = if off > 0 { "ahead" } else { "behind" };
        Finding::fault(
            CHECK,
            format!("this machine's clock is {} s {way} of {url}", off.abs()),
            "set the clock (timedatectl set-ntp true); tokens would be refused or live too long",
        )
    } else {
        Finding::ok(CHECK, format!("within {} s of {url}", off.abs().max(1)))
    }
}

async fn get(url: &str) -> Result<(u16, Option<String>), String> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(|e| e.to_string())?;
    let answer = client.get(url).send().await.map_err(|e| e.without_url().to_string())?;
    let date = answer.headers().get("date").and_then(|d| d.to_str().ok()).map(str::to_owned);
    Ok((answer.status().as_u16(), date))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::config::{DEV_DEFAULTS, Sources};

    fn patient(sets: &[String]) -> Patient {
        let s = Sources { sets: sets.to_vec(), command_defaults: DEV_DEFAULTS.into(), ..Sources::default() };
        Patient { settings: s.load().unwrap().settings, running: None, time_from: None }
    }

    #[tokio::test]
    async fn taken_ports_and_foreign_addresses_are_named() {
        let tcp_taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let udp_taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let p = patient(&[
            format!("http.listen=127.0.0.1:{}", tcp_taken.local_addr().unwrap().port()),
            format!("media.udp_port={}", udp_taken.local_addr().unwrap().port()),
        ]);
        for f in [tcp(&p).await, udp(&p).await] {
            assert!(f.level == Level::Fault && f.found.contains("taken"), "{f:?}");
        }
        // A documentation address: packets to it come back from nowhere.
        let p =
            patient(&["media.udp_port=0".into(), "media.public_ip=192.0.2.7".into(), "http.listen=127.0.0.1:0".into()]);
        assert_eq!(tcp(&p).await.level, Level::Ok);
        let f = udp(&p).await;
        assert!(f.level == Level::Fault && f.fix.contains("media.public_ip"), "{f:?}");
    }

    #[tokio::test]
    async fn an_unreachable_database_is_named() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let f = database(&patient(&[format!("store.url=postgres://u:hunter2@127.0.0.1:{port}/d")])).await;
        assert!(f.level == Level::Fault && !f.found.contains("hunter2"), "{f:?}");
    }
}
