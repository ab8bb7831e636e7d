//! What `stoa dev` prints: where things are, and lines to paste.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::config::{DEV_KEY, DEV_SECRET};

/// Who signs in to the console of `stoa dev`; the password is the same.
pub const DEMO_ADMIN: &str = "admin";

/// The text. `base` is the HTTP address, `udp` the media port, `admin` = the demo administrator may sign in.
#[must_use]
pub fn text(base: &str, udp: u16, data: &str, color: bool, admin: bool) -> String {
    let (bold, dim, cyan, off) = if color { ("\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m") } else { ("", "", "", "") };
    let sign_in = if admin { format!("   {dim}sign in as{off} {DEMO_ADMIN}") } else { String::new() };
    let ws = base.replacen("http", "ws", 1);
    let mut t = String::new();
    let _ = writeln!(
        t,
        "\n  {bold}Stoa{off} {} {dim}- demo logins: the password is the user name{off}\n",
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in [
        ("Rooms", format!("{base}/")),
        ("Classroom", format!("{base}/#/class")),
        ("Talk", format!("{base}/#/talk")),
        ("Console", format!("{base}/#/console{sign_in}")),
        ("API docs", format!("{base}/docs")),
        ("LiveKit URL", format!("{ws}   {dim}key{off} {DEV_KEY} {dim}secret{off} {DEV_SECRET}")),
        ("Media", format!("UDP {udp}, TCP on the HTTP port")),
        ("Data", data.to_owned()),
    ] {
        let _ = writeln!(t, "  {name:<12} {cyan}{value}{off}");
    }
    let _ = writeln!(t, "\n  {bold}Try it{off} {dim}(paste line by line; needs curl and sed){off}\n");
    for line in curl_lines(base) {
        let _ = writeln!(t, "  {line}");
    }
    let _ = writeln!(t, "\n  {dim}Ctrl-C stops.{off}\n");
    t
}

/// The lines to paste: log in, make a room, get a media token, take a seat.
#[must_use]
pub fn curl_lines(base: &str) -> [String; 4] {
    let api = format!("{base}/api/chatroom");
    let auth = r#"-H "Authorization: Bearer $TOKEN""#;
    [
        format!(
            r#"TOKEN=$(curl -s {base}/login -d '{{"username":"alice","password":"alice"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')"#
        ),
        format!(
            r#"ROOM=$(curl -s {api}/create {auth} -d '{{"title":"Friday jazz","anchor":"alice"}}' | sed 's/.*"chat_id":"\([^"]*\)".*/\1/')"#
        ),
        format!(r#"curl -s {api}/getRtcAuthToken {auth} -d '{{"room_id":"'$ROOM'","user_id":"alice"}}'"#),
        format!(r#"curl -s {api}/joinMic {auth} -d '{{"id":"'$ROOM'","user_id":"alice"}}'"#),
    ]
}

/// Prints it to standard output.
pub fn print(base: &str, udp: u16, data: &str, admin: bool) {
    print!("{}", text(base, udp, data, std::io::stdout().is_terminal(), admin));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_is_short_and_names_everything() {
        let t = text("http://127.0.0.1:7880", 7882, "./data", false, true);
        assert!(!text("http://127.0.0.1:7880", 7882, "./data", false, false).contains("sign in"));
        assert!(t.lines().count() <= 21, "{}", t.lines().count());
        for part in [
            "http://127.0.0.1:7880/docs",
            "http://127.0.0.1:7880/#/class",
            "http://127.0.0.1:7880/#/talk",
            "ws://127.0.0.1:7880",
            DEV_SECRET,
            "http://127.0.0.1:7880/#/console   sign in as admin",
            "UDP 7882",
            "joinMic",
        ] {
            assert!(t.contains(part), "{part}");
        }
        assert!(!t.contains('\x1b'));
    }
}
