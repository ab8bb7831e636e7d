//! The whiteboard's ticket, socket and pictures: the W rows of 9.7, over a real server.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::http::{Method, Request};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use stoa_core::board::{BoardRights, Boards as _};
use stoa_core::id::ClassId;
use stoa_testkit::user;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::Server;

/// Serves on a port of its own until the test ends.
struct Live {
    s: Server,
    at: SocketAddr,
    class: String,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Live {
    async fn new() -> Self {
        let s = Server::new().await;
        let class = s.class().await;
        s.join(&class, "stu01", None).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let routes = s.routes.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::task::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { s, at, class }
    }

    /// The query of a fresh ticket.
    async fn ticket(&self, name: &str) -> String {
        let t = self.s.data(name, "getWhiteboardAuthInfo", json!({})).await;
        query(&t)
    }

    fn path(&self, query: &str) -> String {
        format!("/api/v1/class/whiteboard/{}?{query}", self.class)
    }

    /// Opens a socket with the token in the query, as browsers do; or the refusal's status.
    async fn open(&self, path: &str, token: Option<&str>) -> Result<Socket, u16> {
        let token = token.map(|name| format!("&token={}", self.s.token(name))).unwrap_or_default();
        let request = format!("ws://{}{path}{token}", self.at).into_client_request().unwrap();
        connect(request).await
    }

    async fn plain(&self, path: &str, name: &str) -> u16 {
        let r = Request::get(path).header("authorization", format!("Bearer {}", self.s.token(name)));
        self.s.send(r.body("".into()).unwrap()).await.status.as_u16()
    }
}

async fn connect(request: axum::http::Request<()>) -> Result<Socket, u16> {
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(WsError::Http(response)) => Err(response.status().as_u16()),
        Err(e) => panic!("{e}"),
    }
}

fn query(ticket: &Value) -> String {
    let text = |k: &str| ticket[k].as_str().unwrap().to_owned();
    format!("nonce={}&curTime={}&checksum={}", text("nonce"), ticket["curTime"], text("checksum"))
}

async fn hear(socket: &mut Socket) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => return String::from_utf8(bytes.to_vec()).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The close code, after which nothing comes.
async fn closed(mut socket: Socket) -> CloseCode {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Ping(_) => {}
            Message::Close(frame) => return frame.unwrap().code,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn w01_w02_tickets_differ_and_need_no_body() {
    let s = Server::new().await;
    let mut nonces = BTreeSet::new();
    for _ in 0..1000 {
        let r = s.post_text("/api/v1/class/getWhiteboardAuthInfo", Some(&s.token("other1")), "").await;
        let d = &r.body["data"];
        assert_eq!(d["curTime"], s.now());
        assert_eq!(d["checksum"].as_str().unwrap().len(), 40);
        assert!(nonces.insert(d["nonce"].as_str().unwrap().to_owned()));
    }
}

#[tokio::test]
async fn w04_a_member_draws_on_the_board() {
    let b = Live::new().await;
    let mut teacher = b.open(&b.path(&b.ticket("teacher1").await), Some("teacher1")).await.unwrap();
    assert_eq!(hear(&mut teacher).await, "draw true pages true");
    let mut student = b.open(&b.path(&b.ticket("stu01").await), Some("stu01")).await.unwrap();
    assert_eq!(hear(&mut student).await, "draw false pages false");
    teacher.send(Message::Binary("stroke".into())).await.unwrap();
    assert_eq!(hear(&mut teacher).await, "stroke");
    let mut with_header = format!("ws://{}{}", b.at, b.path(&b.ticket("stu01").await)).into_client_request().unwrap();
    with_header.headers_mut().insert("authorization", format!("Bearer {}", b.s.token("stu01")).parse().unwrap());
    assert_eq!(hear(&mut connect(with_header).await.unwrap()).await, "draw false pages false");
}

#[tokio::test]
async fn w04_refusals_come_before_the_upgrade() {
    let b = Live::new().await;
    let t = b.s.data("stu01", "getWhiteboardAuthInfo", json!({})).await;
    let mut wrong = t.clone();
    wrong["checksum"] = json!("0".repeat(40));
    assert_eq!(b.open(&b.path(&query(&wrong)), Some("stu01")).await.err(), Some(401));
    assert_eq!(b.open(&b.path("x=1"), Some("stu01")).await.err(), Some(401));
    assert_eq!(b.open(&b.path(&query(&t)), None).await.err(), Some(401));
    assert_eq!(b.open(&b.path(&query(&t)), Some("other1")).await.err(), Some(403));
    let unknown = format!("/api/v1/class/whiteboard/{}?{}", "0".repeat(32), query(&t));
    assert_eq!(b.open(&unknown, Some("stu01")).await.err(), Some(404));
    assert!(b.open(&b.path(&query(&t)), Some("stu01")).await.is_ok(), "refusals use nothing up");
    assert_eq!(b.open(&b.path(&query(&t)), Some("stu01")).await.err(), Some(401), "twice");
    let old = b.ticket("stu01").await;
    b.s.pass(300);
    assert!(b.open(&b.path(&old), Some("stu01")).await.is_ok());
    let old = b.ticket("stu01").await;
    b.s.pass(301);
    assert_eq!(b.open(&b.path(&old), Some("stu01")).await.err(), Some(401));
    b.s.kick(&b.class, "stu01").await;
    assert_eq!(b.open(&b.path(&b.ticket("stu01").await), Some("stu01")).await.err(), Some(403));
}

#[tokio::test]
async fn a_plain_request_tells_what_an_upgrade_would_be_told() {
    let b = Live::new().await;
    let path = b.path(&b.ticket("stu01").await);
    for (name, want) in [("other1", 403), ("stu01", 204), ("stu01", 401), ("teacher1", 401)] {
        assert_eq!(b.plain(&path, name).await, want, "{name}");
    }
    assert_eq!(b.open(&path, Some("stu01")).await.err(), Some(401), "used up");
    let r = b.s.verb(Method::POST, &path).await;
    assert_eq!((r.status.as_u16(), r.header("allow")), (405, Some("GET, OPTIONS")));
}

#[tokio::test]
async fn an_open_socket_ends_with_the_right_and_for_what_is_no_message() {
    let b = Live::new().await;
    let open = async |name: &'static str| {
        let mut socket = b.open(&b.path(&b.ticket(name).await), Some(name)).await.unwrap();
        hear(&mut socket).await;
        socket
    };
    for (message, code) in [
        (Message::Binary("bad".into()), 1007),
        (Message::Binary("full".into()), 1009),
        (Message::Text("text".into()), 1003),
    ] {
        let mut socket = open("teacher1").await;
        socket.send(message).await.unwrap();
        assert_eq!(u16::from(closed(socket).await), code);
    }
    let mut large = open("teacher1").await;
    // The server stops reading half-way; what matters is that it ends.
    let _cut_off = large.send(Message::Binary(vec![0; 1024 * 1024 + 1].into())).await;
    assert!(!matches!(large.next().await, Some(Ok(Message::Binary(_)))));
    let mut whole = open("teacher1").await;
    whole.send(Message::Binary(vec![b'x'; 1024 * 1024].into())).await.unwrap();
    assert_eq!(hear(&mut whole).await.len(), 1024 * 1024);
    let student = open("stu01").await;
    b.s.kick(&b.class, "stu01").await;
    assert_eq!(u16::from(closed(student).await), 4403);
    let teacher = open("teacher1").await;
    b.s.data("teacher1", "delete", json!({"id": b.class, "user_id": "teacher1"})).await;
    assert_eq!(u16::from(closed(teacher).await), 4403);
}

#[tokio::test]
async fn a_changed_permit_is_told_to_open_boards() {
    let s = Server::new().await;
    let class = s.class().await;
    let all = BoardRights { draw: true, pages: true };
    let _looks = s.boards.open(ClassId::parse(&class).unwrap(), &user("teacher1"), all).await.unwrap();
    s.assistant(&class, "asst1", &["DrawWhiteboard"]).await;
    let told = || s.boards.told.lock().unwrap().last().cloned().unwrap_or_default();
    assert_eq!(told(), "asst1 Some(BoardRights { draw: true, pages: false })");
    s.permit(&class, &["Courceware"]).await;
    assert_eq!(told(), "asst1 Some(BoardRights { draw: false, pages: true })");
    s.data("teacher1", "deleteAssistantPermit", json!({"class_id": class})).await;
    assert_eq!(told(), "asst1 None");
}

#[tokio::test]
async fn a_close_of_the_client_is_answered() {
    let b = Live::new().await;
    let mut socket = b.open(&b.path(&b.ticket("stu01").await), Some("stu01")).await.unwrap();
    hear(&mut socket).await;
    socket.send(Message::Ping("x".into())).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Pong(p))) if p.as_ref() == b"x"));
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    assert!(socket.next().await.is_none());
}

#[tokio::test]
async fn pages_are_drawn_for_members() {
    let b = Live::new().await;
    let image = async |name: &str, query: &str| {
        let path = format!("/api/v1/class/whiteboard/{}/image{query}", b.class);
        let r = Request::get(path).header("authorization", format!("Bearer {}", b.s.token(name)));
        b.s.send(r.body("".into()).unwrap()).await
    };
    let r = image("stu01", "").await;
    assert_eq!((r.status.as_u16(), r.header("content-type"), r.text.as_str()), (200, Some("image/svg+xml"), "Svg 0"));
    assert!(r.header("content-security-policy").unwrap().contains("sandbox"));
    let r = image("teacher1", "?page=1&format=png").await;
    assert_eq!((r.status.as_u16(), r.header("content-type"), r.text.as_str()), (200, Some("image/png"), "Png 1"));
    for (name, query, want) in [
        ("stu01", "?page=2", 404),
        ("stu01", "?page=x", 400),
        ("stu01", "?page=-1", 400),
        ("stu01", "?format=gif", 400),
        ("other1", "", 403),
    ] {
        assert_eq!(image(name, query).await.status.as_u16(), want, "{query}");
    }
    let nobody = b.s.verb(Method::GET, &format!("/api/v1/class/whiteboard/{}/image", b.class)).await;
    assert_eq!(nobody.status.as_u16(), 401);
}
