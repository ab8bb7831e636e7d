//! ICE over TCP (RFC 6544, framing of RFC 4571): for clients whose UDP is blocked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::engine::Inner;
use crate::shard::Command;

/// Longest frame taken. Clients send datagrams of less than an Ethernet frame.
const MAX_FRAME: usize = 2048;
/// Frames that may wait for a slow client; then packets are dropped, as a network would.
const SEND_QUEUE: usize = 512;
/// A connection that says nothing for so long is closed; ICE checks come every few seconds.
const IDLE: Duration = Duration::from_secs(30);
/// A frame that has begun must end by then.
const FRAME_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at a time.
const MAX_CONNECTIONS: usize = 4096;

static OPEN: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one connection until it ends.
pub(crate) fn serve(inner: &Arc<Inner>, stream: TcpStream, peer: SocketAddr) {
    let Some((tasks, stop)) = inner.tasks.get() else { return };
    let counted = Counted;
    if OPEN.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
        return;
    }
    // A refusal only costs latency.
    let _slower = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (send, queue) = mpsc::channel(SEND_QUEUE);
    let commands = inner.port.commands.clone();
    let stop = stop.clone();
    tasks.spawn(async move {
        let _counted = counted;
        if commands.send(Command::TcpOpen { peer, send }).await.is_err() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = receive(read, peer, &commands) => {}
            () = transmit(write, queue) => {}
        }
        // Nobody to tell once the shard is gone.
        let _gone = commands.send(Command::TcpClosed { peer }).await;
    });
}

async fn receive(read: OwnedReadHalf, peer: SocketAddr, commands: &mpsc::Sender<Command>) {
    let mut read = BufReader::new(read);
    loop {
        let Ok(Some(bytes)) = frame(&mut read).await else { return };
        if commands.send(Command::TcpData { peer, bytes }).await.is_err() {
            return;
        }
    }
}

/// The next frame; `None` at the end, an error for one that is too long or does not come.
async fn frame(read: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let Ok(first) = tokio::time::timeout(IDLE, read.read_u8()).await else { return Ok(None) };
    let high = match first {
        Ok(b) => b,
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    };
    let rest = async {
        let len = usize::from(u16::from_be_bytes([high, read.read_u8().await?]));
        if len > MAX_FRAME {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; len];
        read.read_exact(&mut bytes).await?;
        Ok(Some(bytes))
    };
    tokio::time::timeout(FRAME_TIMEOUT, rest).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

async fn transmit(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Bytes>) {
    let mut buffer = Vec::new();
    while let Some(first) = queue.recv().await {
        buffer.clear();
        push(&mut buffer, &first);
        while let Ok(next) = queue.try_recv() {
            push(&mut buffer, &next);
        }
        let sent = tokio::time::timeout(IDLE, write.write_all(&buffer)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn push(buffer: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing of ours is longer than a datagram.
    let Ok(len) = u16::try_from(bytes.len()) else { return };
    buffer.extend_from_slice(&len.to_be_bytes());
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut out = Vec::new();
            while let Ok(Some(f)) = frame(&mut bytes).await {
                out.push(f);
            }
            out
        })
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read_back(list in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8)) {
            let mut wire = Vec::new();
            list.iter().for_each(|f| push(&mut wire, f));
            prop_assert_eq!(frames(&wire), list);
        }

        #[test]
        fn no_bytes_break_the_reader(wire in prop::collection::vec(any::<u8>(), 0..5000)) {
            for f in frames(&wire) {
                prop_assert!(f.len() <= MAX_FRAME);
            }
        }
    }
}
