import { describe, expect, it, vi } from "vitest";
import type { ClassApi, WireMember } from "../api/classroom";
import { classEn } from "../text/class-en";
import { attendanceFile, attendanceRows, loadAttendance, tallyOf, toCsv } from "./attendance";

const say = { ...classEn.checkIn.table, roles: classEn.roles };
const member = (user: string, over: Partial<WireMember> = {}): WireMember => ({
  ...{ user_id: user, user_name: "", identity: 1, status: 1, join_time: "2026/01/02 08:00:00" },
  ...over,
});
const checkIn = (id: string, start: string) => ({
  id,
  start_time: start,
  now_time: start,
  duration: 60,
});

describe("the table", () => {
  it("has everybody in the order they came, and what they answered", () => {
    const rows = attendanceRows(
      {
        members: [
          member("bob", { join_time: "2026/01/02 08:05:00", status: 2 }),
          member("ann", { user_name: "Ann", status: 3 }),
          member("li", { identity: 3, join_time: "2026/01/02 07:50:00" }),
        ],
        checkIns: [
          { checkIn: checkIn("1", "08:10"), records: [{ user_id: "bob", time: "08:11" }] },
          { checkIn: checkIn("2", "08:20"), records: [{ user_id: "eve", time: "08:21" }] },
        ],
      },
      say,
    );
    expect(rows).toEqual([
      [
        "Name",
        "User",
        "Role",
        "State",
        "Joined (server time)",
        "Check-in 1 (server time 08:10)",
        "Check-in 2 (server time 08:20)",
        "Answered",
      ],
      ["li", "li", "Teacher", "in class", "2026/01/02 07:50:00", "", "", ""],
      ["Ann", "ann", "Student", "removed", "2026/01/02 08:00:00", "", "", "0/2"],
      ["bob", "bob", "Student", "left", "2026/01/02 08:05:00", "08:11", "", "1/2"],
      ["eve", "eve", "", "", "", "", "08:21", "1/2"],
    ]);
  });

  it("counts the answers of students alone", () => {
    const records = ["li", "tom", "ann"].map((user_id) => ({ user_id, time: "08:11" }));
    const rows = attendanceRows(
      {
        members: [member("li", { identity: 3 }), member("tom", { identity: 2 }), member("ann")],
        checkIns: [{ checkIn: checkIn("1", "08:10"), records }],
      },
      say,
    );
    expect(rows.slice(1).map((row) => row.slice(-2))).toEqual([
      ["08:11", ""],
      ["08:11", ""],
      ["08:11", "1/1"],
    ]);
  });

  it("has nobody in a class that is over", () => {
    const members = [member("ann"), member("bob", { status: 2 }), member("eve", { status: 3 })];
    const states = (over: boolean) =>
      attendanceRows({ members, checkIns: [] }, say, over).map((row) => row[3]);
    expect(states(true)).toEqual(["State", "left", "left", "removed"]);
    expect(states(false)).toEqual(["State", "in class", "left", "removed"]);
  });

  it("is asked for in as many pages as there are members", async () => {
    const api = {
      allMembers: vi.fn(async () => [member("ann")]),
      allCheckIns: vi.fn(async () => [checkIn("1", "a"), checkIn("2", "b")]),
      checkInRecords: vi.fn(async (id: string) => [{ user_id: id, time: id }]),
    };
    const found = await loadAttendance(api as unknown as ClassApi, "c");
    expect(found.checkIns.map(({ records }) => records[0]?.user_id)).toEqual(["1", "2"]);
  });
});

describe("the tally of a running check-in", () => {
  const record = (user_id: string) => ({ user_id, time: "08:11" });
  const members = [
    member("li", { identity: 3 }),
    member("tom", { identity: 2 }),
    member("ann"),
    member("bob"),
    member("cem", { status: 2 }),
    member("dia", { status: 2 }),
  ];

  it("counts students who are here, and nobody who teaches or assists", () => {
    expect(tallyOf(members, [])).toEqual({ answered: 0, asked: 2 });
    const records = ["li", "tom", "ann"].map(record);
    expect(tallyOf(members, records)).toEqual({ answered: 1, asked: 2 });
  });

  it("never has more answers than people who were asked", () => {
    expect(tallyOf(members, ["ann", "bob", "cem"].map(record))).toEqual({ answered: 3, asked: 3 });
    expect(tallyOf(members, ["zoe", "zoe"].map(record))).toEqual({ answered: 1, asked: 3 });
  });
});

describe("the file", () => {
  it("quotes what needs it, and begins with the mark of UTF-8", () => {
    const rows = [
      ["a", 'b "c"', "d,e"],
      ["第一", "f\ng", " h"],
    ];
    expect(toCsv(rows)).toBe('\ufeffa,"b ""c""","d,e"\r\n第一,"f\ng"," h"\r\n');
  });

  it("holds no formulas", () => {
    for (const bad of ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1"]) {
      const cell = toCsv([[bad]])
        .slice(1, -2)
        .replace(/^"|"$/g, "");
      expect(cell.startsWith("'"), JSON.stringify(bad)).toBe(true);
    }
    expect(toCsv([['=HYPERLINK("http://x","y")']])).toBe(
      `\ufeff"'=HYPERLINK(""http://x"",""y"")"\r\n`,
    );
    expect(toCsv([["a=b", "1-2", "0/2"]])).toBe("\ufeffa=b,1-2,0/2\r\n");
  });

  it("has a name that every system takes", () => {
    const day = new Date(2026, 0, 2);
    expect(attendanceFile("代数/1: <x>", day)).toBe("代数1 x 2026-01-02.csv");
    expect(attendanceFile("///", day)).toBe("class 2026-01-02.csv");
  });
});
