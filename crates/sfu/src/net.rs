//! The shell of a shard: its thread, its socket, its clock.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use stoa_core::media::{Admission, MediaHooks};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::env::Env;
use crate::pc::{Inbound, Via};
use crate::room::Effect;
use crate::shard::{Command, Shard};
use crate::signal::ADMISSION_TIMEOUT;

/// Kernel buffers of the media socket, in bytes. Bursts of key frames to many receivers need the room; smaller ones
/// lose packets before we see them.
const SOCKET_BUFFER: usize = 5 * 1024 * 1024;
/// Datagrams and commands taken in before anything is sent. More batches better, fewer delays less.
const RECEIVE_BATCH: usize = 128;
const COMMAND_BATCH: usize = 256;
/// Largest datagram taken; media clients send less than an Ethernet frame.
const MAX_DATAGRAM: usize = 2048;

/// Binds the media socket with large buffers.
pub(crate) fn bind(addr: SocketAddr) -> std::io::Result<StdUdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    let socket = StdUdpSocket::from(socket);
    let sock = SockRef::from(&socket);
    // Refusals only mean a smaller buffer.
    let _capped = sock.set_recv_buffer_size(SOCKET_BUFFER).and(sock.set_send_buffer_size(SOCKET_BUFFER));
    let got = sock.recv_buffer_size().unwrap_or(0);
    if got < SOCKET_BUFFER {
        tracing::warn!(
            bytes.wanted = SOCKET_BUFFER,
            bytes.got = got,
            "the kernel caps the media socket's buffers: raise net.core.rmem_max and net.core.wmem_max"
        );
    }
    Ok(socket)
}

/// What the thread of a shard needs.
pub(crate) struct Thread {
    pub shard: Shard,
    pub commands: mpsc::Receiver<Command>,
    pub socket: StdUdpSocket,
    pub env: Arc<Env>,
    pub hooks: Arc<dyn MediaHooks>,
    pub back: mpsc::Sender<Command>,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

impl Thread {
    /// Starts the thread; it ends when `stop` is cancelled. Tasks for admission run on the caller's runtime.
    pub(crate) fn start(self) {
        let runtime = tokio::runtime::Handle::current();
        let ended = self.tasks.token();
        let body = move || {
            let _ended = ended;
            let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match built {
                Ok(local) => local.block_on(self.run(runtime)),
                Err(e) => tracing::error!(error = %e, "media thread could not start"),
            }
        };
        if let Err(e) = std::thread::Builder::new().name("media-0".to_owned()).spawn(body) {
            tracing::error!(error = %e, "media thread could not start");
        }
    }

    async fn run(mut self, runtime: tokio::runtime::Handle) {
        let socket = match self.socket.try_clone().and_then(UdpSocket::from_std) {
            Ok(s) => s,
            Err(e) => return tracing::error!(error = %e, "media socket is unusable"),
        };
        let mut buffer = vec![0u8; MAX_DATAGRAM];
        loop {
            let commands = self.take_commands();
            let received = self.take_datagrams(&socket, &mut buffer);
            let now = self.env.clock.now();
            self.shard.pump(now);
            self.send(&socket);
            self.effects(&runtime);
            self.shard.reply();
            if commands || received {
                // Fairness towards the runtime's own driver, or readiness is never seen again.
                tokio::task::yield_now().await;
                if self.stop.is_cancelled() {
                    return;
                }
                continue;
            }
            let wait = self.shard.next(now).saturating_sub(self.env.clock.now().mono);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                command = self.commands.recv() => match command {
                    Some(c) => self.shard.command(self.env.clock.now(), c),
                    None => return,
                },
                _ready = socket.readable() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn take_commands(&mut self) -> bool {
        let mut any = false;
        for _ in 0..COMMAND_BATCH {
            let Ok(command) = self.commands.try_recv() else { break };
            self.shard.command(self.env.clock.now(), command);
            any = true;
        }
        any
    }

    fn take_datagrams(&mut self, socket: &UdpSocket, buffer: &mut [u8]) -> bool {
        let now = self.env.clock.now();
        for n in 0..RECEIVE_BATCH {
            match socket.try_recv_from(buffer) {
                Ok((len, from)) => self.shard.datagram(now, Inbound { via: Via::Udp, from, bytes: &buffer[..len] }),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return n > 0,
                // A report about an earlier packet, e.g. port unreachable.
                Err(_) => {}
            }
        }
        true
    }

    fn send(&mut self, socket: &UdpSocket) {
        for d in self.shard.out.drain(..) {
            match d.via {
                Via::Udp => {
                    if socket.try_send_to(&d.bytes, d.to).is_err() {
                        metrics::counter!("stoa_media_send_errors_total").increment(1);
                    }
                }
                Via::Tcp => {
                    if let Some(conn) = self.shard.tcp.get(&d.to)
                        && conn.try_send(Bytes::copy_from_slice(&d.bytes)).is_err()
                    {
                        metrics::counter!("stoa_media_tcp_drops_total").increment(1);
                    }
                }
            }
        }
    }

    fn effects(&mut self, runtime: &tokio::runtime::Handle) {
        let mut asks = Vec::new();
        for effect in self.shard.effects() {
            match effect {
                Effect::Event(event) => self.hooks.event(*event),
                Effect::AskRefresh { room, pid } => asks.push((room, pid)),
            }
        }
        for (room, pid) in asks {
            self.ask(runtime, room, pid);
        }
    }

    /// Asks whether a session may go on.
    fn ask(&self, runtime: &tokio::runtime::Handle, room: u64, pid: u64) {
        let Some(r) = self.shard.rooms.get(&room) else { return };
        let Some(p) = r.parts.get(&pid) else { return };
        let (key, identity, claims) = (r.key.clone(), p.who.identity.clone(), p.token.claims.clone());
        let (hooks, back, clock) = (self.hooks.clone(), self.back.clone(), self.env.clock.clone());
        let question = async move {
            let now = clock.now().wall;
            let ask = Admission { channel: &key, identity: &identity, claims: &claims, joins: false, now };
            let answer = match tokio::time::timeout(ADMISSION_TIMEOUT, hooks.admit(ask)).await {
                Ok(answer) => answer.map(|a| a.standing),
                Err(_) => Err(stoa_core::media::Refused::Unavailable),
            };
            // Nobody to tell once the shard is gone.
            let _gone = back.send(Command::Refreshed { room, pid, answer }).await;
        };
        self.tasks.spawn_on(question, runtime);
    }
}

/// The `Instant` at which the injected monotonic clock said zero; the one place that looks at the real one.
#[expect(clippy::disallowed_methods, reason = "str0m takes Instants, which only the real clock makes")]
pub(crate) fn base(mono: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(mono).unwrap_or(now)
}
