// Made-up figures of a busy evening: the answers of the console that nothing changes.

export const ROOM = "4f2a9c0e5d1b47a3b8e6f0a1c2d3e4f5";
export const MINUTE = 60_000;
const started = Date.now() - 9 * 86_400_000 - 5 * 3_600_000;

const noise = (seed) => {
  const x = Math.sin(seed * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
};
export const wave = (at, seed) =>
  0.55 + 0.3 * Math.sin(at / 900_000 + seed) + 0.15 * noise(Math.floor(at / 5_000) + seed);

export function overview(bans, accounts) {
  const now = Date.now();
  const w = wave(now, 1);
  return {
    version: "0.4.0",
    started_at: started,
    now,
    uptime_s: Math.floor((now - started) / 1_000),
    rooms_live: 3,
    classes_live: 1,
    talk_channels: 2,
    channels_live: 5,
    participants: Math.round(120 * w),
    publications: 41,
    hub_connections: Math.round(160 * w),
    hub_groups: 9,
    bans: bans.length,
    accounts: accounts.length,
    memory_bytes: 184_000_000 + 9_000_000 * w,
    cpu_percent: 31 * w,
    load_1m: 0.72,
    open_files: 412,
    max_files: 65_536,
    store: { kind: "sqlite", ping_ms: 0.21 },
    media: {
      udp_ports: [7882, 7883],
      packets_in_per_s: 2_140 * w,
      packets_out_per_s: 18_800 * w,
      bits_in_per_s: 1_720_000 * w,
      bits_out_per_s: 14_900_000 * w,
    },
    messages: { published_per_s: 12 * w, delivered_per_s: 310 * w },
    http: { requests_per_s: 22 * w, errors_per_s: 0 },
    clouds: [
      { part: "aliyun.im", state: "ok" },
      {
        part: "rongcloud",
        state: "degraded",
        last_error: "POST /chatroom/create.json: timed out after 3 s",
      },
    ],
    warnings: [
      { code: "demo_logins", text: "demo logins" },
      { code: "one_admin", text: "one administrator" },
    ],
  };
}

export function series(minutes) {
  const step_ms = minutes <= 60 ? 5_000 : MINUTE;
  const length = (minutes * MINUTE) / step_ms;
  const to = Math.floor(Date.now() / step_ms) * step_ms;
  const from = to - (length - 1) * step_ms;
  const row = (size, seed) =>
    Array.from({ length }, (_, i) => {
      // Some minutes the process was not there.
      if (i > length * 0.22 && i < length * 0.27) return null;
      return size * wave(from + i * step_ms, seed);
    });
  const whole = (values) => values.map((value) => (value === null ? null : Math.round(value)));
  const rows = {
    cpu_percent: row(42, 2),
    memory_bytes: row(210_000_000, 0.2),
    participants: whole(row(120, 1)),
    connections: whole(row(160, 1)),
    packets_in: row(2_140, 3),
    packets_out: row(18_800, 3),
    bits_in: row(1_720_000, 3),
    bits_out: row(14_900_000, 3),
    published: row(12, 5),
    delivered: row(310, 5),
    requests: row(22, 4),
    errors: row(22, 4).map((value, i) => (value === null ? null : noise(i) > 0.97 ? 0.4 : 0)),
  };
  return { step_ms, from, names: Object.keys(rows), rows };
}

export function calls() {
  const reasons = ["left", "left", "removed", "ended", "lost"];
  return Array.from({ length: 137 }, (_, i) => {
    const joined_at = Date.now() - i * 11 * MINUTE - 4 * MINUTE;
    const seconds = 120 + Math.floor(noise(i) * 3_000);
    const open = i < 3;
    return {
      app: i % 7 === 6 ? "2000" : "1000",
      user: ["alice", "Ben Adler", "griefer42", "李娜"][i % 4],
      channel: i % 3 ? "raid-7" : ROOM,
      joined_at,
      ...(open
        ? { seconds: 240 }
        : { left_at: joined_at + seconds * 1_000, seconds, reason: reasons[i % 5] }),
    };
  });
}

export const days = (n) =>
  Array.from({ length: n }, (_, i) => {
    const day = new Date(Date.now() - (n - 1 - i) * 86_400_000).toISOString().slice(0, 10);
    const size = Math.floor(40 + 60 * noise(i) + (i % 7 > 4 ? 50 : 0));
    return { day, calls: size, seconds: size * 540, users: Math.floor(size / 3) };
  });

export const requests = () => {
  const made = [
    ["POST", "/api/chatroom/joinMic", 200, "voice"],
    ["POST", "/v1/im/admin_kick_user", 200, "talk"],
    ["GET", "/api/console/v1/overview", 200, "console"],
    ["POST", "/api/v1/class/joinClass", 403, "class"],
    ["POST", "/login", 401, "voice"],
    ["POST", "/api/chatroom/list", 200, "voice"],
    ["GET", "/metrics", 200, "operations"],
    ["POST", "/api/v1/class/getStatistics", 500, "class"],
  ];
  return Array.from({ length: 90 }, (_, i) => {
    const at = Math.floor(Date.now() / 1_000 - i * 1.7) * 1_000;
    const [method, path, status, dialect] = made[Math.floor(noise(at / 1_000) * made.length)];
    return {
      at,
      method,
      path,
      status,
      ms: 0.3 + noise(at) * 14,
      request_id: `9332ba07bd2e-${at % 1_000_000}`,
      dialect,
    };
  });
};

export const APPS = [
  {
    app_id: "1000",
    name: "default",
    appkey: "devkey",
    enabled: true,
    admin_identifiers: ["admin"],
    previous_secrets: 0,
    channels: 6,
    participants: 66,
  },
  {
    app_id: "2000",
    name: "Harbour",
    appkey: "hk-71f3a0",
    enabled: true,
    admin_identifiers: ["*"],
    previous_secrets: 1,
    channels: 1,
    participants: 2,
  },
];
