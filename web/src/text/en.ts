/** Every text of the page. Another language is another object of the same type, chosen in `index.ts`. */
export const en = {
  product: "Stoa",
  tagline: "Voice rooms on your own server.",

  signIn: {
    title: "Sign in",
    lead: "Good to see you. Who is speaking?",
    user: "User name",
    password: "Password",
    submit: "Sign in",
    working: "Signing in…",
    demoHint: "Trying it out with a demo server? The password is the same as the user name.",
    expired: "Your session has ended. Please sign in again.",
    showPassword: "Show password",
    hidePassword: "Hide password",
  },

  top: {
    signedInAs: (user: string) => `Signed in as ${user}`,
    signOut: "Sign out",
    home: "Stoa, all rooms",
    skip: "Skip to content",
  },

  rooms: {
    title: "Rooms",
    lead: "Step into a room and listen, or open your own.",
    create: "New room",
    refresh: "Refresh",
    more: "Show more rooms",
    loading: "Loading rooms…",
    emptyTitle: "It is quiet here",
    empty: "No room is open right now. Open the first one and invite somebody.",
    online: (n: number) => (n === 1 ? "1 person inside" : `${n} people inside`),
    seats: (n: number) => `${n} of 8 seats taken`,
    by: (name: string) => `by ${name}`,
    yours: "Yours",
    enter: (title: string) => `Enter ${title}`,
    stale: "The list could not be refreshed.",
  },

  create: {
    title: "Open a new room",
    name: "Title",
    namePlaceholder: "Friday jazz",
    notice: "Notice (optional)",
    noticePlaceholder: "What is it about? Anything to mind?",
    submit: "Open room",
    working: "Opening…",
    cancel: "Cancel",
  },

  room: {
    loading: "Entering the room…",
    back: "All rooms",
    number: (code: number) => `No. ${code}`,
    copyLink: "Copy invitation link",
    copied: "Link copied",
    stage: "On stage",
    host: "Host",
    hostAway: "away",
    you: "You",
    seat: (n: number) => `Seat ${n}`,
    takeSeat: (n: number) => `Take seat ${n}`,
    freeSeat: (n: number) => `Seat ${n}, free`,
    free: "Free",
    manage: (name: string, n: number) => `${name}, seat ${n}. Manage`,
    speaking: "speaking",
    micOff: "microphone off",
    micOn: "microphone on",
    silenced: "silenced by the host",
    away: "away",
    listeners: (n: number) => (n === 1 ? "1 listener" : `${n} listeners`),
    listenersTitle: "Listening",
    noListeners: "Nobody is only listening right now.",
    more: (n: number) => `+${n}`,
    activity: "What happened",
    noActivity: "Seat changes show up here.",
    took: (name: string, seat: number) => `${name} took seat ${seat}`,
    left: (name: string, seat: number) => `${name} left seat ${seat}`,
    youTook: (seat: number) => `You took seat ${seat}`,
    youLeft: (seat: number) => `You left seat ${seat}`,
    stale: "The seats may be out of date: the server does not answer.",
  },

  dock: {
    label: "Your controls",
    micUnmute: "Turn microphone on",
    micMute: "Mute microphone",
    unmute: "Unmute",
    mute: "Mute",
    micWaiting: "Waiting for permission to speak…",
    muted: "Muted",
    live: "You are live",
    starting: "Starting…",
    listening: "You are listening. Take a free seat to speak.",
    full: "You are listening. All seats are taken.",
    offline: "Not connected",
    connecting: "Connecting…",
    reconnecting: "Reconnecting…",
    hostMuted: "Your microphone is off",
    leaveSeat: "Leave seat",
    leave: "Leave room",
    end: "End room",
  },

  mic: {
    denied:
      "The browser does not let this page use the microphone. Allow it in the address bar, then turn it on again.",
    missing: "No microphone was found. Connect one, then turn it on again.",
    insecure: "Browsers give the microphone only to pages opened over https or on localhost.",
    busy: "Another program is using the microphone. Close it there, then turn it on again.",
    failed: "The microphone could not be started. Try again.",
    silenced: "The host has silenced your microphone: nobody hears you.",
  },

  link: {
    connecting: "Connecting to the room…",
    reconnecting: "Connection lost. Getting you back in…",
    lost: (seconds: number) =>
      seconds > 0
        ? `Not connected: you hear nobody and nobody hears you. Next try in ${seconds} s.`
        : "Not connected: you hear nobody and nobody hears you. Trying again…",
    retry: "Try now",
    audioBlocked: "Your browser is holding the sound back.",
    startAudio: "Turn sound on",
    live: "Connected",
  },

  ended: {
    dismissedByMe: {
      title: "You ended the room",
      text: "Everybody has been sent home. Thanks for hosting.",
    },
    dismissed: { title: "This room has ended", text: "The host closed the room for everybody." },
    removed: {
      title: "You are out of this room",
      text: "Somebody in charge of the room or the server removed you, or does not let you in.",
    },
    replaced: {
      title: "You are here somewhere else",
      text: "You entered this room in another window or on another device, so this one stopped.",
    },
    notFound: {
      title: "No such room",
      text: "The link may be incomplete, or the room never existed.",
    },
    toRooms: "See all rooms",
    again: "Enter again",
  },

  dialog: {
    close: "Close",
    cancel: "Cancel",
    freeTitle: (name: string) => `Free the seat of ${name}?`,
    freeText: (name: string) =>
      `${name} stops being heard at once and stays in the room as a listener.`,
    free: "Free the seat",
    endTitle: "End the room for everybody?",
    endText: "All connections close and the room disappears from the list. This cannot be undone.",
    end: "End room",
    leaveTitle: "Leave your own room?",
    leaveText: "The room stays open without you until you come back or end it.",
    leave: "Leave, keep it open",
  },

  failure: {
    unreachable: "The server cannot be reached. Check your connection and try again.",
    busy: "The server is starting, stopping or overloaded. Try again in a moment.",
    "signed-out": "Your session has ended. Please sign in again.",
    credentials: "User name or password is wrong.",
    "bad-input": (detail: string) => `That was not accepted: ${detail}.`,
    refused: "You may not do that.",
    "not-found": "That does not exist any more.",
    throttled: (seconds: number | null) =>
      seconds === null ? "Too many tries. Wait a moment." : `Too many tries. Wait ${seconds} s.`,
    internal: "Something went wrong on the server. Try again.",
    full: "All seats are taken.",
    already: "You already hold a seat in this room.",
    requestId: (id: string) => `Request ${id}`,
  },

  crash: {
    title: "This page stumbled",
    text: "Nothing is lost on the server. Trying again usually helps.",
    again: "Try again",
    requestId: "Request id",
    none: "No request was answered before this happened.",
    details: "Details",
  },
};

export type Texts = typeof en;
