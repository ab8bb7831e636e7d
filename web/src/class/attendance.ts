import {
  type CheckIn,
  type CheckInRecord,
  type ClassApi,
  KICKED,
  PRESENT,
  STUDENT,
  type WireMember,
} from "../api/classroom";

/** What is known of who was in a class. The server keeps no time of leaving. */
export interface Attendance {
  members: readonly WireMember[];
  /** Each check-in with who answered it. */
  checkIns: readonly { checkIn: CheckIn; records: readonly CheckInRecord[] }[];
}

export interface AttendanceTexts {
  name: string;
  user: string;
  role: string;
  state: string;
  joined: string;
  checkIn: (n: number, start: string) => string;
  answered: string;
  roles: Readonly<Record<number, string>>;
  inside: string;
  left: string;
  removed: string;
}

export async function loadAttendance(api: ClassApi, id: string): Promise<Attendance> {
  const [members, checkIns] = await Promise.all([api.allMembers(id), api.allCheckIns(id)]);
  const records = await Promise.all(checkIns.map((checkIn) => api.checkInRecords(checkIn.id)));
  return {
    members,
    checkIns: checkIns.map((checkIn, at) => ({ checkIn, records: records[at] ?? [] })),
  };
}

/** How many of those who are asked have answered. */
export interface Tally {
  answered: number;
  asked: number;
}

/**
 * A check-in asks the students. Whoever teaches or assists may answer too, and counts neither here nor there; a student
 * who answered and has left since counts in both, and so does whoever is not on the list, which is cut for a large class.
 */
export function tallyOf(members: readonly WireMember[], records: readonly CheckInRecord[]): Tally {
  const staff = new Set(
    members.filter(({ identity }) => identity !== STUDENT).map(({ user_id }) => user_id),
  );
  const answered = new Set(
    records.map(({ user_id }) => user_id).filter((user) => !staff.has(user)),
  );
  const asked = new Set(answered);
  for (const { user_id, identity, status } of members) {
    if (identity === STUDENT && status === PRESENT) asked.add(user_id);
  }
  return { answered: answered.size, asked: asked.size };
}

/**
 * A row for everybody who was a member, in the order they first came; then who only answered. `over`: the class has
 * ended, and whoever the server still counts as a member is not in it either.
 */
export function attendanceRows(
  { members, checkIns }: Attendance,
  say: AttendanceTexts,
  over = false,
): string[][] {
  const head = [
    ...[say.name, say.user, say.role, say.state, say.joined],
    ...checkIns.map(({ checkIn }, at) => say.checkIn(at + 1, checkIn.start_time)),
    say.answered,
  ];
  const known = new Set(members.map(({ user_id }) => user_id));
  const strangers = checkIns
    .flatMap(({ records }) => records.map(({ user_id }) => user_id))
    .filter((user, at, all) => !known.has(user) && all.indexOf(user) === at);
  const joined = [...members].sort((a, b) => (a.join_time ?? "").localeCompare(b.join_time ?? ""));
  const answers = (user: string, identity: number = STUDENT) => {
    const times = checkIns.map(
      ({ records }) => records.find((record) => record.user_id === user)?.time ?? "",
    );
    // Only students are asked: what somebody else answered is shown, and not counted.
    if (identity !== STUDENT) return [...times, ""];
    return [...times, `${times.filter((time) => time !== "").length}/${checkIns.length}`];
  };
  const state = (status: number) => {
    if (status === KICKED) return say.removed;
    return status === PRESENT && !over ? say.inside : say.left;
  };
  const rows = joined.map((member) => [
    member.user_name === "" ? member.user_id : member.user_name,
    member.user_id,
    say.roles[member.identity] ?? "",
    state(member.status),
    member.join_time ?? "",
    ...answers(member.user_id, member.identity),
  ]);
  return [head, ...rows, ...strangers.map((user) => [user, user, "", "", "", ...answers(user)])];
}

/** As spreadsheet programs read it in every language: UTF-8 with its mark, CRLF, quotes where needed (RFC 4180). */
export function toCsv(rows: readonly (readonly string[])[]): string {
  return `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

/** Names are other people's text: what a program would take for a formula is shown as text. */
function cell(text: string): string {
  const plain = /^\s*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n;\t]|^\s|\s$/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** A name for the file that every system takes. */
export function attendanceFile(title: string, now: Date): string {
  const plain = title
    .replace(/[^\p{L}\p{N} _-]+/gu, "")
    .trim()
    .slice(0, 60);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${plain === "" ? "class" : plain} ${day}.csv`;
}
