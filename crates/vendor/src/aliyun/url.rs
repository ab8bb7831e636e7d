//! Addresses of Aliyun's media: real-time (classroom.md 6.4) and through its CDN (6.5).

use md5::{Digest as _, Md5};

use super::Rtc;
use crate::text::percent_encode;

/// Where publishers and viewers of the real-time service connect.
const RTC_HOST: &str = "live.aliyun.com";

/// The pair of addresses of one user in one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcUrls {
    /// Where the user publishes.
    pub push: String,
    /// Where others play what the user publishes.
    pub pull: String,
}

impl Rtc<'_> {
    /// The addresses, signed with the key of the media application. The signature is over the raw user id; in the
    /// address it is encoded.
    #[must_use]
    pub fn urls(&self, app_key: &str) -> RtcUrls {
        let query = format!(
            "sdkAppId={}&userId={}&timestamp={}&token={}",
            percent_encode(self.app_id),
            percent_encode(self.user),
            self.timestamp,
            self.token(app_key),
        );
        let url = |verb: &str| format!("artc://{RTC_HOST}/{verb}/{}?{query}", percent_encode(self.channel));
        RtcUrls { push: url("push"), pull: url("play") }
    }
}

/// What a stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// The camera.
    Camera,
    /// The shared screen.
    Screen,
}

/// The name of a stream on the CDN: application, meeting, owner, picture.
#[must_use]
pub fn stream_name(app_id: &str, meeting: &str, owner: &str, picture: Picture) -> String {
    let suffix = match picture {
        Picture::Camera => "camera",
        Picture::Screen => "shareScreen",
    };
    format!("{app_id}_{meeting}_{owner}_{suffix}")
}

/// The value of `auth_key`: the vendor's form A, with neither random part nor user.
#[must_use]
pub fn auth_key(path: &str, expires: i64, key: &str) -> String {
    let signed = hex::encode(Md5::digest(format!("{path}-{expires}-0-0-{key}")));
    format!("{expires}-0-0-{signed}")
}

/// How streams are played through the CDN.
#[derive(Debug, Clone, Copy)]
pub struct Cdn<'a> {
    /// `aliyun.live.pull_domain`.
    pub domain: &'a str,
    /// `aliyun.live.app_name`; part of the address and of what is signed.
    pub app_name: &'a str,
    /// End of the addresses' life, Unix seconds.
    pub expires: i64,
}

/// One stream in four protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullUrls {
    /// RTMP.
    pub rtmp: String,
    /// The vendor's low-delay form, same signature as RTMP.
    pub rts: String,
    /// FLV over HTTPS.
    pub flv: String,
    /// HLS.
    pub hls: String,
}

/// All sixteen addresses of `cdn_pull_info`: both pictures, each as it is and with AAC audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdnPullInfo {
    /// `*_url`.
    pub camera: PullUrls,
    /// `*_oriaac_url`.
    pub camera_aac: PullUrls,
    /// `*_screen_url`.
    pub screen: PullUrls,
    /// `*_screen_oriaac_url`.
    pub screen_aac: PullUrls,
}

impl Cdn<'_> {
    /// Addresses of one stream. What is signed is the raw name, what is in the address is encoded.
    #[must_use]
    pub fn urls(&self, key: &str, stream: &str) -> PullUrls {
        let (domain, app, name) = (self.domain, percent_encode(self.app_name), percent_encode(stream));
        let url = |scheme: &str, suffix: &str| {
            let signed = auth_key(&format!("/{}/{stream}{suffix}", self.app_name), self.expires, key);
            format!("{scheme}://{domain}/{app}/{name}{suffix}?auth_key={signed}")
        };
        PullUrls { rtmp: url("rtmp", ""), rts: url("artc", ""), flv: url("https", ".flv"), hls: url("https", ".m3u8") }
    }

    /// All addresses of an owner's streams. The owner is the teacher, or the teacher's shadow, whoever asks.
    #[must_use]
    pub fn pull_info(&self, key: &str, rtc_app: &str, meeting: &str, owner: &str) -> CdnPullInfo {
        let name = |picture, aac: &str| format!("{}{aac}", stream_name(rtc_app, meeting, owner, picture));
        CdnPullInfo {
            camera: self.urls(key, &name(Picture::Camera, "")),
            camera_aac: self.urls(key, &name(Picture::Camera, "_oriaac")),
            screen: self.urls(key, &name(Picture::Screen, "")),
            screen_aac: self.urls(key, &name(Picture::Screen, "_oriaac")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEETING: &str = "e65c9abd-0def-49c3-b7db-29380dbc0001";

    #[test]
    fn class_6_4_rtc_tokens_and_urls_meet_every_vector() {
        for (user, encoded, token) in [
            ("teacher1", "teacher1", "2cb97555402016a67188cce4f01b108609076f0b679815bfd4aa8d7277c19a4b"),
            ("teacher1_shadow", "teacher1_shadow", "3904a644adc71d32328b0808246ff747ab0c49c08fb171beabbc1d381beb7faf"),
            (
                "李 老师&x=1",
                "%E6%9D%8E%20%E8%80%81%E5%B8%88%26x%3D1",
                "45efa175eaa1734d2ba5ed6b7c16ced8fb33552c6172696b85df13a17819de05",
            ),
        ] {
            let rtc = Rtc { app_id: "micapp01", channel: MEETING, user, timestamp: 1_700_884_074 };
            assert_eq!(rtc.token("mickey01"), token, "{user}");
            let query = format!("{MEETING}?sdkAppId=micapp01&userId={encoded}&timestamp=1700884074&token={token}");
            let urls = rtc.urls("mickey01");
            assert_eq!(urls.push, format!("artc://live.aliyun.com/push/{query}"));
            assert_eq!(urls.pull, format!("artc://live.aliyun.com/play/{query}"));
        }
    }

    /// Stream, then the signatures of RTMP and RTS, FLV, HLS.
    const CDN_VECTORS: [(&str, &str, &str, &str); 8] = [
        (
            "camera",
            "7a14b8d4b25b2d1cc22e644c69c2fd18",
            "5de01f7407da9aa4a38a8299bdfd1c24",
            "b075c4efe945ad025534632f640b4e0d",
        ),
        (
            "camera_oriaac",
            "03f745bd15ae0ebec3eba7eb66582c74",
            "f5be7a2f2ccd6df7aff04784bb5bfd7c",
            "cbf624b9632208f79c50d5cbf3c337ac",
        ),
        (
            "shareScreen",
            "9fc72cc9946c8e373e88712c44cb0a68",
            "557dd63c4d683c1bd0dc41c2df0f5552",
            "142888c92255010c20b9e28c12787bfe",
        ),
        (
            "shareScreen_oriaac",
            "fbaf7b1e0cb3d7cc8fa56f1dc0fa9eb1",
            "cb8d6a13499ff8c3744be42ead618009",
            "98dfe2a8f670e8a4ee612ded9d69f510",
        ),
        (
            "shadow_camera",
            "cab8d508d3d21ed40553c8d64ad69b41",
            "7ea127cac82b1e3333bc422566ec0340",
            "052bd423808097944cfefdbe688b8ca0",
        ),
        (
            "shadow_camera_oriaac",
            "1fd8090f24d73b299afab619dafaaf65",
            "84057082b2d9ae052e45181024e614bf",
            "cfbdfaec1ff4d0be3bb62ceb800a4f57",
        ),
        (
            "shadow_shareScreen",
            "6e9d629c469c283db74893926a0578f1",
            "44a813b2d7c4139c5b7232ed39d5816e",
            "fb83436bfd92baab424765a265cf73db",
        ),
        (
            "shadow_shareScreen_oriaac",
            "6ff2d3964caca15631aff2530ee91d19",
            "b78d310700ea976943fd62bee4477784",
            "dce08dedcec74c15d80b85c560a366eb",
        ),
    ];

    #[test]
    fn class_6_5_cdn_urls_meet_all_24_vectors() {
        let cdn = Cdn { domain: "pull.example.com", app_name: "live", expires: 1_701_402_474 };
        let mut made = Vec::new();
        for owner in ["teacher1", "teacher1_shadow"] {
            let info = cdn.pull_info("pullkey01", "micapp01", MEETING, owner);
            made.extend([info.camera, info.camera_aac, info.screen, info.screen_aac]);
        }
        for (urls, (suffix, rtmp, flv, hls)) in made.iter().zip(CDN_VECTORS) {
            let path = format!("pull.example.com/live/micapp01_{MEETING}_teacher1_{suffix}");
            assert_eq!(urls.rtmp, format!("rtmp://{path}?auth_key=1701402474-0-0-{rtmp}"));
            assert_eq!(urls.rts, format!("artc://{path}?auth_key=1701402474-0-0-{rtmp}"));
            assert_eq!(urls.flv, format!("https://{path}.flv?auth_key=1701402474-0-0-{flv}"));
            assert_eq!(urls.hls, format!("https://{path}.m3u8?auth_key=1701402474-0-0-{hls}"));
        }
        assert_eq!(made.len(), CDN_VECTORS.len());
    }

    #[test]
    fn the_application_name_is_in_the_url_and_in_what_is_signed() {
        let cdn = Cdn { domain: "d", app_name: "school", expires: 1 };
        let signed = auth_key("/school/s.flv", 1, "k");
        assert_eq!(cdn.urls("k", "s").flv, format!("https://d/school/s.flv?auth_key={signed}"));
    }

    #[test]
    fn an_owner_cannot_add_to_an_address() {
        let cdn = Cdn { domain: "d", app_name: "live", expires: 1 };
        let url = cdn.pull_info("k", "a", "m", "x?auth_key=1#/../y").camera.flv;
        assert_eq!(url.matches('?').count(), 1, "{url}");
        assert!(!url.contains('#') && !url.contains("/../"), "{url}");
    }
}
