//! Which paths are ours, and which command they mean (talk.md 2.1).

use std::borrow::Cow;

use crate::command::Command;
use crate::query::percent_decode;

/// Whether this path has the form `/v<digits>/<service>/<command>`, which this dialect alone answers.
#[must_use]
pub fn is_ours(path: &str) -> bool {
    let Some(all) = segments(path) else { return false };
    let version = fold(all[0]);
    version.is_some_and(|v| v.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
}

/// The command of a path of ours; `None` = version, service or command unknown, or percent-encoding broken.
pub(crate) fn command(path: &str) -> Option<Command> {
    let [version, service, command] = segments(path)?;
    let known = fold(version)? == "v1" && ["im", "talk"].contains(&&*fold(service)?);
    known.then(|| Command::parse(&fold(command)?)).flatten()
}

/// The segments that are not empty, if there are three.
fn segments(path: &str) -> Option<[&str; 3]> {
    let mut all = path.split('/').filter(|s| !s.is_empty());
    let three = [all.next()?, all.next()?, all.next()?];
    all.next().is_none().then_some(three)
}

/// Published spellings differ in case and blanks, which some clients send as `+`.
fn fold(segment: &str) -> Option<Cow<'_, str>> {
    if segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Some(segment.into());
    }
    let text = percent_decode(segment)?;
    Some(
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '+')
            .map(|c| c.to_ascii_lowercase())
            .collect::<String>()
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c25_every_spelling_of_the_published_blank_is_the_command() {
        for path in [
            "/v1/im/change_user_Identity",
            "/v1/im/change_user_%20Identity",
            "/v1/im/change_user_+Identity",
            "/v1/im/change_user_identity",
            "/v1/im/change_user_Identity/",
            "//v1//im/change_user_Identity",
            "/V1/IM/CHANGE_USER_IDENTITY",
            "/v1/talk/change%5Fuser%5F%09identity",
        ] {
            assert_eq!(command(path), Some(Command::Identity), "{path}");
            assert!(is_ours(path), "{path}");
        }
    }

    #[test]
    fn c22_both_services_know_every_command() {
        for c in Command::ALL {
            assert_eq!(command(&format!("/v1/im/{}", c.name())), Some(c));
            assert_eq!(command(&format!("/v1/talk/{}", c.name())), Some(c));
        }
    }

    #[test]
    fn c23_unknown_ones_and_broken_escapes_are_ours_but_no_command() {
        for path in [
            "/v2/im/push_mcu_msg",
            "/v01/im/push_mcu_msg",
            "/v1/video/push_mcu_msg",
            "/v1/im/nope",
            "/v1/im/%zz",
            "/v1/im/%",
            "/v1/im/%ff",
            "/v1/%20/push_mcu_msg",
            "/v1/im/push%2Fmcu_msg",
        ] {
            assert!(is_ours(path) && command(path).is_none(), "{path}");
        }
    }

    #[test]
    fn other_parts_keep_their_paths() {
        for path in [
            "/",
            "/login",
            "/v1",
            "/v1/im",
            "/v1/im/push_mcu_msg/x",
            "/vx/im/push_mcu_msg",
            "/v/im/push_mcu_msg",
            "/api/chatroom/create",
            "/rtc/v1/validate",
            "/twirp/livekit.RoomService/ListRooms",
            "/hub/v1/token",
            "/%zz/im/x",
        ] {
            assert!(!is_ours(path), "{path}");
        }
    }
}
