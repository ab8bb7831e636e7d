import type { IdentityType } from "../api/talk";
import type { MicBlock } from "../talk/state";

const ROLES: Record<IdentityType, string> = {
  1: "Free talker",
  2: "On-demand talker",
  3: "Listener",
  4: "Commander",
  5: "Host",
  6: "Guest",
};

const role = (type: IdentityType) => ROLES[type];

/** "2 hours 5 minutes", the two largest units that are not zero. */
function duration(seconds: number): string {
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), "day"],
    [Math.floor(seconds / 3_600) % 24, "hour"],
    [Math.floor(seconds / 60) % 60, "minute"],
    [Math.floor(seconds) % 60, "second"],
  ];
  const said = units.filter(([n]) => n > 0).slice(0, 2);
  if (said.length === 0) return "0 seconds";
  return said.map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`).join(" ");
}

const somebody = (by: string) => (by === "" ? "The operator" : by);

/** Texts of the Talk page; loaded with it. */
export const talkEn = {
  title: "Talk channel",
  lead: "One page, both sides: your server, which signs the requests, and a player, who only gets a token.",
  duration,

  server: {
    title: "Your server",
    hint: "In a product these stay on your server. Here they are kept in memory only and are gone with the tab.",
    dev: "This server runs in development mode: the key pair everybody knows is filled in.",
    appkey: "App key",
    secret: "App secret",
    show: "Show secret",
    hide: "Hide secret",
    needed: "Fill in the app key and secret to act as the server.",
  },

  join: {
    title: "A player",
    channel: "Channel",
    user: "User name",
    identity: "Role",
    device: "Device (optional)",
    deviceHint: "Tells two devices of one user apart.",
    submit: "Join",
    working: "Joining…",
    needed: "Fill in the app key and secret first: the token is signed with them.",
  },

  how: {
    title: "How it works",
    steps: [
      {
        title: "Your server makes a token",
        text: "It signs create_talk_token with the app secret and hands the token to the player.",
      },
      {
        title: "The player joins with it",
        text: "Any LiveKit SDK does: web, iOS, Android, Unity. The first one opens the channel.",
      },
      {
        title: "Your server stays in charge",
        text: "Roles, mutes, kicks and pushed texts are one signed request each, and hold at once.",
      },
    ],
    more: "Every command with its fields:",
    docs: "API documentation",
  },

  roles: ROLES,
  role,
  roleHint: {
    1: "Speaks at any time.",
    2: "Speaks while the operator gives the microphone.",
    3: "Only listens.",
    4: "Speaks, may play background music.",
    5: "Speaks, may play background music.",
    6: "Speaks at any time.",
  } satisfies Record<IdentityType, string>,
  option: (type: IdentityType) => `${type} · ${ROLES[type]}`,

  channel: {
    members: "In the channel",
    count: (n: number) => (n === 1 ? "1 person" : `${n} people`),
    you: "You",
    unknownRole: "Role not known yet",
    micOpen: "microphone open",
    micClosed: "microphone closed",
    speaking: "speaking",
    mutedByServer: "muted by the operator",
    devices: (n: number) => `${n} devices`,
    volume: (user: string) => `Volume of ${user}`,
    log: "What happened",
    noLog: "Pushed texts and what the operator does show up here.",
    onlyYou: "only to you",
    act: (user: string) => `Act on ${user}`,
    connecting: "Joining the channel…",
    reconnecting: "Connection lost. Getting you back in…",
    readNews: "Got it",
  },

  dock: {
    label: "Your controls",
    open: "Open microphone",
    close: "Close microphone",
    leave: "Leave channel",
    live: "Your microphone is open",
    closed: "Your microphone is closed",
    block: {
      offline: "Not connected",
      switching: "One moment…",
      muted: "The operator has muted you: nobody hears you.",
      listener: "Listeners do not speak. The operator can change your role.",
      "no-grant": "On-demand talkers speak once the operator gives them the microphone.",
      "no-right": "The server does not let you speak right now.",
    } satisfies Record<MicBlock, string>,
  },

  mine: {
    identity: (by: string, from: IdentityType, to: IdentityType) =>
      `${somebody(by)} changed your role from ${role(from)} to ${role(to)}.`,
    granted: (by: string) => `${somebody(by)} gave you the microphone. You may open it now.`,
    withdrawn: (by: string) => `${somebody(by)} took the microphone away from you.`,
    muted: (by: string, what: string, until: string) =>
      `${somebody(by)} muted your ${what}${until}.`,
    unmuted: (by: string) => `${somebody(by)} lifted your mute. Your microphone is yours again.`,
  },

  line: {
    message: (sender: string) => (sender === "" ? "The server" : sender),
    kickedYou: (by: string, ban: string) => `${somebody(by)} removed you from the channel${ban}.`,
    kicked: (by: string, user: string, ban: string) => `${somebody(by)} removed ${user}${ban}.`,
    banFor: (seconds: number) => `, banned for ${duration(seconds)}`,
    identity: (by: string, user: string, from: IdentityType, to: IdentityType) =>
      `${somebody(by)} changed ${user} from ${role(from)} to ${role(to)}.`,
    granted: (by: string, user: string) => `${somebody(by)} gave ${user} the microphone.`,
    withdrawn: (by: string, user: string) =>
      `${somebody(by)} took the microphone away from ${user}.`,
    muted: (by: string, user: string, what: string, until: string) =>
      `${somebody(by)} muted ${user} (${what})${until}.`,
    unmuted: (by: string, user: string) => `${somebody(by)} unmuted ${user}.`,
    dismissed: (by: string) => `${somebody(by)} closed the channel.`,
    microphone: "microphone",
    camera: "camera",
    both: "microphone and camera",
    until: (time: string) => ` until ${time}`,
  },

  ended: {
    removed: {
      title: "You were removed",
      text: "Somebody in charge of the server removed you from the channel.",
    },
    dismissed: {
      title: "The channel was closed",
      text: "Everybody was sent home. The next join opens it anew.",
    },
    replaced: {
      title: "You are here somewhere else",
      text: "The same user and device joined in another window, so this one stopped.",
    },
    lost: {
      title: "The connection was lost",
      text: "It did not come back by itself. Try to join again.",
    },
    kickedBy: (by: string, ban: string) => `${somebody(by)} removed you from the channel${ban}.`,
    banLeft: (seconds: number) =>
      seconds > 0
        ? `You may come back in ${duration(seconds)}.`
        : "The ban is over: you may come back.",
    noBan: "There is no ban: you may come back at once.",
    again: "Join again",
    change: "Change something first",
  },

  operator: {
    title: "Operator",
    show: "Operator panel",
    channelEmpty: "Name a channel in the form to see what goes on in it.",
    noChannel: "This channel does not exist right now. The first join opens it.",
    users: "users here",
    speakers: "open microphones",
    channels: "channels of the app",
    waiting: "Asking…",
    target: "Act on user",
    targetHint: "Pick somebody, or type the name of somebody who is not here.",
    here: "Users in the channel",
    actions: (user: string) => `What to do with ${user}`,
    absent: "Not in the channel.",
    noRates: "Sends nothing.",
    audioRate: (kbps: number) => `audio ${kbps} kbit/s`,
    videoRate: (kbps: number, fps: number) => `video ${kbps} kbit/s at ${fps} fps`,
    elsewhere: (channel: string) => `in ${channel}:`,
    since: (time: string) => `here since ${time}`,
    grant: "has the microphone",

    kick: "Kick",
    minutes: "Ban, minutes",
    minutesHint: "0 removes without a ban and lifts one that stands.",
    lift: "Lift ban",
    identity: "Role",
    setIdentity: "Set role",
    mute: "Mute",
    unmute: "Unmute",
    giveMic: "Give microphone",
    takeMic: "Take microphone",
    micHint: "Only on-demand talkers (role 2) need the microphone given.",

    push: "Text to push",
    pushTo: "To",
    pushAll: "Everybody",
    pushOne: (user: string) => `Only ${user}`,
    send: "Push text",

    calls: "Call records",
    callsDay: "Day",
    callsHint: "A day is counted in the server's time zone; a call belongs to the day it began.",
    callsShow: "Show calls",
    callsOf: (user: string, n: number) =>
      n === 1 ? `1 finished call of ${user}` : `${n} finished calls of ${user}`,
    noCalls: (user: string) => `No finished call of ${user} on that day.`,
    firstCalls: (n: number) => `The first ${n} are shown.`,
    callChannel: "Channel",
    callFrom: "From",
    callTo: "To",
    callLength: "Length",

    dismiss: "Close channel",
    dismissTitle: (channel: string) => `Close ${channel} for everybody?`,
    dismissText: "Everybody is sent home. The next join opens the channel anew; bans stay.",

    done: {
      kicked: (user: string, seconds: number) =>
        seconds === 0
          ? `${user} was removed, without a ban.`
          : `${user} is out and banned for ${duration(seconds)}.`,
      absentBarred: (user: string, time: string) =>
        `${user} is not here; entry is barred until ${time}.`,
      absentFree: (user: string) => `${user} is not here; entry is not barred.`,
      lifted: (user: string) => `The ban of ${user} is lifted.`,
      noBan: (user: string) => `${user} was not banned.`,
      identity: (user: string, type: IdentityType) => `${user} is now ${role(type)}.`,
      muted: (user: string) => `${user} is muted.`,
      unmuted: (user: string) => `${user} is muted no longer.`,
      granted: (user: string) => `${user} has the microphone.`,
      withdrawn: (user: string) => `${user} has the microphone no longer.`,
      pushed: "The text is on its way.",
      dismissed: (n: number) =>
        n === 1
          ? "The channel is closed, 1 user sent home."
          : `The channel is closed, ${n} users sent home.`,
    },
  },

  failure: {
    unreachable: "The server cannot be reached. Check your connection and try again.",
    insecure:
      "Requests are signed in this page, and browsers allow that only over https or on localhost. Open the page there.",
    "no-api": "This address does not answer Talk requests.",
    media:
      "The media connection could not be made. Check that the server's media port is reachable.",
    other: "The server refused the request.",
    detail: (code: number, info: string) => `Code ${code}: ${info}`,
    requestId: (id: string) => `Request ${id}`,
    codes: {
      60002: "The server could not read the request.",
      60003: "The server could not read the request.",
      60004: "Something of the signature is missing. Are app key and secret filled in?",
      60005: "The signature is not written as it should be.",
      60006: "The app is switched off, or the request was meant for another app.",
      60009: "The server does not know this command. It may be older than this page.",
      60010: "“admin” is not among the administrators of this app.",
      60018: "Too many requests at once. Wait a moment.",
      70001: "The clock of this device is more than five minutes off the server's.",
      70009: "The app secret is wrong.",
      70020: "The server does not know this app key.",
      100001: "Something went wrong on the server. Try again.",
      100002: "A value was not accepted.",
      100004: "This channel does not exist right now.",
      100005: "That user is not in the channel.",
      100006: "That is not allowed right now.",
      401: "This channel does not exist right now.",
      402: "That user is not in the channel.",
      403: "A later change of this user's role is in force already.",
      500: "Something went wrong on the server, nothing was changed. Try again.",
    } as Record<number, string>,
  },
};

export type TalkTexts = typeof talkEn;
