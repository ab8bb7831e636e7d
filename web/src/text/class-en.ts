import type { Right } from "../api/classroom";
import type { Device } from "../class/media-port";
import type { DeviceBlock, EndReason, News } from "../class/state";
import type { UploadProblem } from "../class/uploads";
import type { MicProblem } from "../room/state";

const people = (n: number) => (n === 1 ? "1 person" : `${n} people`);

/** "1:05" */
const clock = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

const CAMERA: Record<MicProblem, string> = {
  denied:
    "The browser does not let this page use the camera. Allow it in the address bar, then turn it on again.",
  missing: "No camera was found. Connect one, then turn it on again.",
  insecure: "Browsers give the camera only to pages opened over https or on localhost.",
  busy: "Another program is using the camera. Close it there, then turn it on again.",
  failed: "The camera could not be started. Try again.",
};

const SCREEN: Record<MicProblem, string> = {
  denied: "The browser does not let this page share the screen.",
  missing: "This browser cannot share the screen.",
  insecure: "Browsers share the screen only with pages opened over https or on localhost.",
  busy: "The screen cannot be shared right now.",
  failed: "The screen could not be shared. Try again.",
};

/** Texts of the classroom pages; loaded with them. */
export const classEn = {
  list: {
    title: "Classes",
    lead: "Teach a class of your own, or join one.",
    create: "New class",
    refresh: "Refresh",
    loading: "Loading classes…",
    more: "Show more classes",
    emptyTitle: "No class yet",
    empty: "Create the first one: you are its teacher.",
    by: (name: string) => `by ${name}`,
    yours: "Yours",
    enter: (title: string) => `Enter ${title}`,
    online: (n: number) => `${people(n)} inside`,
    stale: "The list could not be refreshed.",
  },

  status: ["Not started", "In class", "Ended"] as readonly string[],
  paused: "Paused",
  modes: ["Open class", "Big class", "Small class"] as readonly string[],
  modeHints: [
    "For anybody who finds it.",
    "One teaches, many listen.",
    "A few who know each other.",
  ] as readonly string[],

  create: {
    title: "Create a class",
    name: "Title",
    namePlaceholder: "Algebra 1",
    mode: "Kind of class",
    notice: "Announcement (optional)",
    noticePlaceholder: "What to bring, what to read?",
    submit: "Create class",
    working: "Creating…",
    cancel: "Cancel",
  },

  lobby: {
    loading: "Looking for the class…",
    joining: "Joining the class…",
    teacher: (name: string) => `Taught by ${name}`,
    student: "Join as student",
    assistant: "Join as assistant",
    noAssistant: "The teacher has not opened a place for an assistant.",
    ended: "This class is over.",
    back: "All classes",
  },

  roles: { 1: "Student", 2: "Assistant", 3: "Teacher" } as Readonly<Record<number, string>>,
  you: "You",

  head: {
    back: "Leave, back to all classes",
    copyLink: "Copy invitation link",
    copied: "Link copied",
    start: "Start class",
    again: "Start class again",
    resume: "Resume class",
    pause: "Pause",
    end: "End class",
    people,
    were: (n: number) => `${people(n)} took part`,
    notice: "Announcement",
  },

  video: {
    label: "Teacher and stage",
    teacherAway: "The teacher is not here yet",
    away: "away",
    cameraOff: "camera off",
    micOn: "microphone on",
    micOff: "microphone off",
    speaking: "speaking",
    screen: (name: string) => `Screen of ${name}`,
    myScreen: "You are sharing your screen",
    full: "Full screen",
    layout: "What is large",
    board: "Whiteboard",
    faces: "Faces",
  },

  panes: {
    label: "Parts of the class",
    video: "Video",
    board: "Board",
    chat: "Chat",
    people: "People",
  },

  dock: {
    label: "Your controls",
    devices: {
      mic: { on: "Turn microphone on", off: "Turn microphone off", short: "Mic" },
      camera: { on: "Turn camera on", off: "Turn camera off", short: "Camera" },
      screen: { on: "Share screen", off: "Stop sharing", short: "Screen" },
    } satisfies Record<Device, { on: string; off: string; short: string }>,
    raise: "Raise hand",
    lower: "Lower hand",
    leave: "Leave",
    stepDown: "Leave stage",
    micAll: "The teacher has switched all microphones off.",
    micMe: "The teacher has switched your microphone off.",
    invited: "You are invited onto the stage.",
    live: "You are live",
    quiet: "Nobody hears you",
    seen: "You are seen, not heard",
    handUp: "Your hand is up. The teacher will call you.",
    listening: "You are listening. Raise your hand to speak.",
    switching: "One moment…",
    resting: "The class is over",
    block: {
      offline: "Not connected",
      waiting: "Waiting for permission to speak…",
      "not-on-stage": "You are listening. Raise your hand to speak.",
    } satisfies Record<DeviceBlock, string>,
  },

  link: {
    connecting: "Connecting to the class…",
    resting: "This class is over. You may start it again; everybody can come back then.",
    stale: "What you see may be out of date: the server does not answer.",
  },

  news: {
    "on-stage": "You are on stage: turn on your microphone or camera and speak.",
    "off-stage": "You are off the stage again. Your microphone and camera are off.",
    declined: "Not now: the teacher took your hand down.",
    late: "Too late: that is over.",
    "invite-over": "The invitation to the stage was taken back.",
    "stage-full": "There is no place on the stage now.",
    muted: "The teacher switched your microphone off.",
    "muted-all": "The teacher switched all microphones off.",
    unmuted: "You may turn your microphone on again.",
  } satisfies Record<Exclude<News, "invite-declined">, string>,
  inviteDeclined: (name: string) => `${name} does not come onto the stage now.`,
  invitation: {
    text: (teacher: string) => `${teacher} invites you onto the stage.`,
    accept: "Come on stage",
    decline: "Not now",
  },
  gotIt: "Got it",

  problem: { camera: CAMERA, screen: SCREEN },

  tabs: {
    label: "About the class",
    people: "People",
    chat: "Chat",
    unread: (n: number) => (n === 1 ? "1 new message" : `${n} new messages`),
    hands: (n: number) => (n === 1 ? "1 raised hand" : `${n} raised hands`),
    courseware: "Courseware",
    checkIn: "Check-in",
    settings: "Class",
  },

  people: {
    hands: "Raised hands",
    hand: "hand up",
    accept: "Accept",
    acceptName: (name: string) => `Accept ${name}`,
    decline: "Decline",
    declineName: (name: string) => `Decline ${name}`,
    inside: "In class",
    nobody: "Nobody is here yet.",
    wasInside: "Took part",
    over: "The class is over, nobody is in it now.",
    onStage: "on stage",
    invite: "Invite",
    inviteName: (name: string) => `Invite onto the stage: ${name}`,
    inviting: "invited…",
    uninvite: "Take back",
    uninviteName: (name: string) => `Take back the invitation of ${name}`,
    mute: "Mute",
    muteName: (name: string) => `Mute ${name}`,
    unmute: "Unmute",
    unmuteName: (name: string) => `Unmute ${name}`,
    micOff: "muted",
    muteAll: "Mute all",
    unmuteAll: "Allow microphones",
    allMuted: "All microphones on stage are off.",
    search: "Search people",
    searchPlaceholder: "Name",
    roleFilter: "Who is shown",
    filter: { all: "Everybody", stage: "On stage", students: "Students", staff: "Teaching" },
    none: "Nobody like that is here.",
    noneWas: "Nobody like that was here.",
    takeOff: "Take off",
    takeOffName: (name: string) => `Take off stage: ${name}`,
    removeName: (name: string) => `Remove ${name}`,
    more: (n: number) => `and ${n} more`,
    removed: "Removed from class",
    letBack: "Lift ban",
    letBackName: (name: string) => `Lift ban of ${name}`,
    lifted: "may come back",
    kickTitle: (name: string) => `Remove ${name} from the class?`,
    kickText: (name: string) =>
      `${name} is out at once. With a ban, ${name} cannot come back until you lift it.`,
    kick: "Remove and ban",
    kickOnly: "Only remove",
  },

  courseware: {
    none: "Nothing here yet.",
    name: "Name",
    namePlaceholder: "Chapter 3",
    url: "Address",
    urlPlaceholder: "https://…",
    add: "Add",
    adding: "Adding…",
    badUrl: "An address starts with https:// or http://",
    remove: (name: string) => `Remove ${name}`,
    newTab: "opens in a new tab",
    noUrl: "no address",
    upload: "Upload files",
    uploadHint: (max: string) =>
      `PNG, JPEG, GIF, WebP or PDF, at most ${max} each. You can drop them here.`,
    drop: "Drop files to upload them",
    uploads: "Uploads",
    waiting: "waiting",
    progress: (name: string) => `Upload of ${name}`,
    cancel: (name: string) => `Do not upload ${name}`,
    again: "Try again",
    againName: (name: string) => `Try ${name} again`,
    problem: {
      type: "only PNG, JPEG, GIF, WebP and PDF",
      full: "no room left: remove something first",
      large: "too large",
      empty: "the file is empty",
      refused: "you may not upload here",
      busy: "the server is busy",
      network: "the connection broke",
    } satisfies Record<UploadProblem, string>,
    open: (name: string) => `Open ${name}`,
    download: (name: string) => `Download ${name}`,
    close: "Close",
    link: "Add a link",
    removeTitle: (name: string) => `Remove ${name}?`,
    removeText: "Nobody in class can open it any more.",
    removeYes: "Remove",
  },

  checkIn: {
    for: "Open for",
    seconds: (n: number) => (n < 60 ? `${n} seconds` : n === 60 ? "1 minute" : `${n / 60} minutes`),
    start: "Start check-in",
    left: (seconds: number) => `${clock(seconds)} left`,
    tally: (here: number, all: number) => `${here} of ${all} checked in`,
    last: "Last check-in",
    none: "Nobody has been asked to check in so far.",
    nobody: "Nobody so far.",
    prompt: "The teacher asks who is here.",
    submit: "Check in",
    done: "You are checked in.",
    attendance: "Attendance",
    attendanceHint:
      "Everybody who was in class and every check-in, as a table for spreadsheet programs.",
    download: "Download list (CSV)",
    downloading: "Preparing…",
    table: {
      name: "Name",
      user: "User",
      role: "Role",
      state: "State",
      joined: "Joined (server time)",
      checkIn: (n: number, start: string) => `Check-in ${n} (server time ${start})`,
      answered: "Answered",
      inside: "in class",
      left: "left",
      removed: "removed",
    },
  },

  settings: {
    notice: "Announcement",
    noticeHint: "Everybody in class sees it.",
    publish: "Publish",
    published: "Published",
    assistant: "Assistant",
    assistantHint: "One person may join as your assistant while this is on.",
    allow: "Allow an assistant",
    rights: "The assistant may",
    right: {
      Courceware: "manage courseware, turn pages",
      DrawWhiteboard: "draw on the whiteboard",
      CheckInManagement: "hold check-ins",
      EditAnnouncement: "change the announcement",
      MemberManagement: "remove people",
      RemoveGroupMessage: "remove messages",
      MuteGroup: "pause the chat",
    } satisfies Record<Right, string>,
    nobody: "Nobody has taken the place.",
    holder: (name: string) => `${name} is your assistant.`,
    gone: (name: string) => `${name} was your assistant and has left.`,
    yours: "You assist in this class",
    yoursHint: "The teacher decides what you may do here:",
    yoursNone: "The teacher has not allowed you anything so far.",
  },

  ended: {
    kicked: {
      title: "You were removed from the class",
      text: "The teacher has removed you and does not let you back in for now.",
    },
    banned: {
      title: "You may not enter this class",
      text: "You were removed from it and not let back in so far.",
    },
    removed: {
      title: "You were removed from the class",
      text: "Somebody in charge ended your stay. You may join again.",
    },
    "permit-gone": {
      title: "You are no assistant any more",
      text: "The teacher closed the place for an assistant. You may join again as a student.",
    },
    replaced: {
      title: "You are here somewhere else",
      text: "You joined this class in another window or on another device, so this one stopped.",
    },
    over: { title: "The class is over", text: "The teacher has ended it. See you next time." },
    deleted: {
      title: "No such class",
      text: "It was deleted, the link may be incomplete, or it never existed.",
    },
    "no-permit": {
      title: "No place for an assistant",
      text: "The teacher has not opened one, or has named somebody else. You may join as a student.",
    },
    "has-assistant": {
      title: "There is an assistant already",
      text: "A class has one at most. You may join as a student.",
    },
  } satisfies Record<EndReason, { title: string; text: string }>,
  again: "Join again",
  asStudent: "Join as student",
  allClasses: "All classes",

  endTitle: "End the class for everybody?",
  endText: "All connections close. You may start the same class again later.",
  end: "End class",
};

export type ClassTexts = typeof classEn;
