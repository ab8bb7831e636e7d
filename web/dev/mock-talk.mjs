// The Talk commands for mock.mjs: one channel in memory with a few made-up people. Signatures are checked for real, the
// rules only as far as the views show them.
import { createHash, randomBytes } from "node:crypto";

const APP = { key: "devkey", secret: "devsecret-devsecret-devsecret-00" };
const AGE_S = 300;

/** name → { users: user → entry, bans: user → unix s, packets: [{ topic, to, body }] } */
const channels = new Map();
let calls = [];

const now = () => Math.floor(Date.now() / 1000);
const entry = (identity, extra = {}) => ({
  identity,
  mic: false,
  grant: false,
  muted: false,
  joined: now() - 1_260,
  kbps: 31,
  device: 1,
  gone: null,
  ...extra,
});

export function seedTalk() {
  channels.clear();
  const users = new Map([
    ["Mira", entry(5, { mic: true, speaks: true, joined: now() - 3_000 })],
    ["Capt. Okafor", entry(4, { mic: true, device: 2 })],
    ["Ben Adler", entry(2)],
    ["Sofia Rossi", entry(1, { muted: true })],
    ["yusuf", entry(3)],
  ]);
  channels.set("raid-7", { users, bans: new Map(), packets: [] });
  channels.set("lobby", { users: new Map(), bans: new Map(), packets: [] });
  calls = [7_400, 5_100, 2_000].map((ago, i) => ({
    ChannelID: i === 1 ? "lobby" : "raid-7",
    JoinTime: now() - ago,
    LeaveTime: now() - ago + 432 * (i + 1),
    CallDuration: 432 * (i + 1),
  }));
}
seedTalk();

class Refusal {
  constructor(code, info) {
    Object.assign(this, { code, info });
  }
}
const refuse = (code, info) => {
  throw new Refusal(code, info);
};

function channelOf(name, code = 100004) {
  return channels.get(name) ?? refuse(code, `channel ${name} does not exist`);
}

function userOf(channel, user, code = 100005) {
  return channel.users.get(user) ?? refuse(code, `user ${user} is not in the channel`);
}

let packetNumber = 0;
function tell(channel, name, topic, body, to = null) {
  packetNumber += 1;
  const id = `01MOCK${String(packetNumber).padStart(20, "0")}`;
  channel.packets.push({ topic, to, body: { id, channel_id: name, ts: Date.now(), ...body } });
}
const NOTICE = "stoa.talk.notice";

const commands = {
  get_talk_channel_list: () => ({ Total: channels.size, ChannelList: [] }),
  get_talk_channel_detail: ({ ChannelID }) => {
    const { users } = channelOf(ChannelID);
    return {
      Kind: "adhoc",
      Status: users.size > 0 ? 3 : 2,
      CreateTime: now() - 3_600,
      Total: users.size,
      UserList: [...users].map(([UserID, u]) => ({
        UserID,
        IdentityType: u.identity,
        Sticky: 0,
        MicGrant: Number(u.grant),
        AudioMuted: Number(u.muted),
        VideoMuted: 0,
        JoinTime: u.joined,
        Devices: u.device,
        Speaker: Number(u.mic && !u.muted),
        VideoUplinkBitRate: 0,
      })),
    };
  },
  query_talk_user_status: ({ UserID }) => ({
    Status: [...channels].flatMap(([ChannelID, { users }]) => {
      const u = users.get(UserID);
      if (!u) return [];
      const on = Number(u.mic && !u.muted);
      const rates = { VideoFrameRate: 0, VideoBitRate: 0, AudioBitRate: on * u.kbps };
      return [{ ChannelID, UseVideo: 0, UseAudio: on, ...rates }];
    }),
  }),
  query_talk_user_call: () => ({ Total: calls.length, Call: calls }),
  create_talk_token: ({ ChannelID, UserID, IdentityType = 1 }, host) => {
    const until = channels.get(ChannelID)?.bans.get(UserID) ?? 0;
    if (until > now()) {
      refuse(100006, `UserID is banned from the channel for ${until - now()} more seconds`);
    }
    const Token = JSON.stringify([ChannelID, UserID, IdentityType]);
    return { Url: `ws://${host}`, Token, Identity: UserID, IdentityType, ExpireTime: now() + 600 };
  },
  admin_kick_user: ({ channel_id, kick_user_id: user, kick_time, op_user }) => {
    const channel = channelOf(channel_id);
    const u = userOf(channel, user);
    channel.bans.set(user, kick_time > 0 ? now() + kick_time : 0);
    const until = kick_time > 0 ? now() + kick_time : 0;
    const body = { user_id: user, op_user, reason: 1, kick_time, until };
    tell(channel, channel_id, NOTICE, { event: "kicked", ...body }, user);
    channel.users.delete(user);
    tell(channel, channel_id, NOTICE, { event: "user_kicked", ...body });
    u.gone = "removed";
    return {};
  },
  delete_talk_ban: ({ ChannelID, UserID }) => {
    const banned = (channels.get(ChannelID)?.bans.get(UserID) ?? 0) > now();
    channels.get(ChannelID)?.bans.delete(UserID);
    return { Removed: Number(banned) };
  },
  change_user_identity: ({ ChannelID, UserID, IdentityType, RequstId }) => {
    const channel = channelOf(ChannelID, 401);
    const u = userOf(channel, UserID, 402);
    const old = u.identity;
    Object.assign(u, { identity: IdentityType, grant: false });
    if (IdentityType === 2 || IdentityType === 3) u.mic = false;
    const types = { identity_type: IdentityType, old_identity_type: old };
    const body = { user_id: UserID, op_user: "admin", ...types };
    if (old !== IdentityType) tell(channel, ChannelID, NOTICE, { event: "identity", ...body });
    return { ChannelID, UserID, ResponetId: RequstId, Code: 0 };
  },
  push_mcu_msg: ({ meeting_id, content, user_id, receiver_id }) => {
    const channel = channelOf(meeting_id);
    if (receiver_id !== "") userOf(channel, receiver_id);
    const body = { event: "message", user_id, receiver_id, content };
    tell(channel, meeting_id, "stoa.talk.msg", body, receiver_id || null);
    return {};
  },
  mute_talk_user: ({ ChannelID, UserID, Audio }) => {
    const channel = channelOf(ChannelID);
    const u = userOf(channel, UserID);
    u.muted = Audio === 1;
    if (u.muted) u.mic = false;
    const body = { user_id: UserID, op_user: "admin", audio: Audio, video: 0, until: 0 };
    tell(channel, ChannelID, NOTICE, { event: "muted", ...body });
    return {};
  },
  set_talk_mic: ({ ChannelID, UserID, Granted }) => {
    const channel = channelOf(ChannelID);
    const u = userOf(channel, UserID);
    if (u.identity !== 2) refuse(100006, "IdentityType of the user is not 2");
    u.grant = Granted === 1;
    if (!u.grant) u.mic = false;
    const body = { user_id: UserID, op_user: "admin", granted: Granted };
    tell(channel, ChannelID, NOTICE, { event: "mic_grant", ...body });
    return { IdentityType: 2, Granted };
  },
  dismiss_talk_channel: ({ ChannelID, op_user }) => {
    const channel = channelOf(ChannelID);
    tell(channel, ChannelID, NOTICE, { event: "dismissed", user_id: "", op_user });
    for (const u of channel.users.values()) u.gone = "dismissed";
    const UserCount = channel.users.size;
    channel.users.clear();
    channels.delete(ChannelID);
    return { UserCount };
  },
};

/** Answers `/v1/im/<command>`. */
export function answerTalk(url, text, host) {
  const body = JSON.parse(text || "{}");
  try {
    const command = url.pathname.split("/").pop().toLowerCase();
    if (!(command in commands)) refuse(60009, `unknown command ${command}`);
    authenticate(url.searchParams);
    const answer = commands[command](body, host);
    return { ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "", AppID: 1000, ...answer };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ActionStatus: "FAIL", ErrorCode: error.code, ErrorInfo: error.info };
  }
}

function authenticate(parameters) {
  const [key, time] = [parameters.get("appkey"), parameters.get("curtime")];
  if (key !== APP.key) refuse(70020, "appkey is not known");
  const expected = createHash("sha1")
    .update(APP.secret + time)
    .digest("hex");
  if (parameters.get("checksum") !== expected) refuse(70009, "checksum does not match");
  if (Math.abs(now() - Number(time)) > AGE_S) refuse(70001, `curtime is too old, it is ${now()}`);
}

/** What the mock media asks for: what a LiveKit room would report, and the packets since the last look. */
export function lookAtTalk({ channel: name, user, identity, mic, session, since }) {
  if (!channels.has(name) && since === 0) {
    channels.set(name, { users: new Map(), bans: new Map(), packets: [] });
  }
  const channel = channels.get(name);
  const known = sessions.get(session);
  if (!known) {
    const me = entry(identity, { joined: now(), speaks: true });
    channel.users.set(user, me);
    sessions.set(session, { me, packets: channel.packets, start: channel.packets.length });
  }
  const { me, packets, start } = sessions.get(session);
  const speaks = [1, 4, 5, 6].includes(me.identity) || (me.identity === 2 && me.grant);
  me.mic = mic && speaks && !me.muted;
  const first = start + since;
  return {
    gone: me.gone,
    mayPublish: speaks,
    mic: me.mic,
    next: packets.length - start,
    packets: packets
      .slice(first)
      .filter(({ to, body }) => (to === null ? !(me.gone && body.user_id === user) : to === user)),
    members: [...(channel?.users ?? [])].map(([name, u]) => ({
      user: name,
      identity: u.identity,
      maySpeak: [1, 4, 5, 6].includes(u.identity) || u.grant,
      micOpen: u.mic,
      audioMuted: u.muted,
      videoMuted: false,
      speaking: Boolean(u.speaks && u.mic),
      level: Math.random(),
      devices: u.device,
    })),
  };
}
const sessions = new Map();

export const leaveTalk = ({ channel, user }) => {
  channels.get(channel)?.users.delete(user);
  return {};
};

export const newSession = () => ({ session: randomBytes(8).toString("hex") });
