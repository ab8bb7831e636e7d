//! A board behind a bare WebSocket, without any check, for trying real clients: `ws://127.0.0.1:<port>/<user>/<rights>`,
//! rights of the letters d (draw) and p (pages). Prints its port. In memory only; every path is the same board.
#![allow(clippy::unwrap_used, reason = "an example")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use stoa_board::Whiteboards;
use stoa_core::board::{BoardRights, BoardStore, Boards as _};
use stoa_core::error::Result;
use stoa_core::id::{ClassId, UserId};
use stoa_core::ports::Clock;
use stoa_core::time::{Now, UnixMs};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_util::task::TaskTracker;

const CLASS: ClassId = ClassId([1; 16]);

#[derive(Default)]
struct Memory(Mutex<Vec<Vec<u8>>>);

#[async_trait]
impl BoardStore for Memory {
    async fn board(&self, _board: ClassId) -> Result<Vec<Vec<u8>>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn append_board(&self, _board: ClassId, update: &[u8]) -> Result<bool> {
        self.0.lock().unwrap().push(update.to_vec());
        Ok(true)
    }

    async fn replace_board(&self, _board: ClassId, snapshot: &[u8]) -> Result<bool> {
        *self.0.lock().unwrap() = vec![snapshot.to_vec()];
        Ok(true)
    }
}

struct Since(tokio::time::Instant);

impl Clock for Since {
    fn now(&self) -> Now {
        Now { wall: UnixMs(0), mono: self.0.elapsed() }
    }
}

async fn serve(boards: Whiteboards, tcp: TcpStream) {
    let mut path = String::new();
    // The error is the library's own type, which is large.
    #[expect(clippy::result_large_err, reason = "the signature of the callback")]
    let look = |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(tcp, look).await else { return };
    let (name, rights) = path.trim_start_matches('/').split_once('/').unwrap_or(("somebody", ""));
    let rights = BoardRights { draw: rights.contains('d'), pages: rights.contains('p') };
    let Ok(user) = UserId::new(name) else { return };
    let mut session = boards.open(CLASS, &user, rights).await.unwrap();
    loop {
        tokio::select! {
            out = session.next() => match out {
                Some(bytes) => if socket.send(Message::Binary(bytes.into())).await.is_err() { return },
                None => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => if let Err(e) = session.feed(&bytes).await {
                    println!("{user}: {e}");
                    return;
                },
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

#[tokio::main]
async fn main() {
    let tasks = TaskTracker::new();
    let clock = Arc::new(Since(tokio::time::Instant::now()));
    let boards = Whiteboards::new(Arc::new(Memory::default()), clock, tasks.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        tasks.spawn(serve(boards.clone(), tcp));
    }
}
