import { describe, expect, it } from "vitest";
import { AVATAR_COLOURS, avatarColour, initials } from "./avatar";
import { classesHash, classHash, parseRoute, roomHash, talkHash } from "./route";

describe("avatars", () => {
  it("take the first letters of the first and last word", () => {
    expect(initials("alice")).toBe("A");
    expect(initials("Priya Maria Nair")).toBe("PN");
    expect(initials("bob.smith@example")).toBe("BE");
    expect(initials("")).toBe("?");
  });

  it("never cut a character in half", () => {
    expect(initials("用户一")).toBe("用");
    expect(initials("👩‍🚀 crew")).toBe("👩‍🚀C");
  });

  it("keep one colour per name, in range and spread out", () => {
    const colours = new Set<number>();
    for (let i = 0; i < 200; i += 1) {
      const colour = avatarColour(`user ${i}`);
      expect(colour).toBe(avatarColour(`user ${i}`));
      expect(colour).toBeGreaterThanOrEqual(0);
      expect(colour).toBeLessThan(AVATAR_COLOURS);
      colours.add(colour);
    }
    expect(colours.size).toBe(AVATAR_COLOURS);
  });
});

describe("routes", () => {
  it("bring a room link back to its room", () => {
    const id = "5f0c2b7e9d3a4c16a8e4d1b07c92f35a";
    expect(parseRoute(roomHash(id))).toEqual({ view: "room", id });
    expect(parseRoute(roomHash(id).toUpperCase())).toEqual({ view: "room", id });
  });

  it("have one for the Talk page", () => {
    expect(parseRoute(talkHash)).toEqual({ view: "talk" });
  });

  it("have one for the classes and one for each", () => {
    const id = "5f0c2b7e9d3a4c16a8e4d1b07c92f35a";
    expect(parseRoute(classesHash)).toEqual({ view: "class", id: null });
    expect(parseRoute(classHash(id))).toEqual({ view: "class", id });
    expect(parseRoute(classHash(id.toUpperCase()))).toEqual({ view: "class", id });
  });

  it("leave it to the server to say that there is no such room or class", () => {
    expect(parseRoute("#/room/5f0c2b7e")).toEqual({ view: "room", id: "5f0c2b7e" });
    expect(parseRoute("#/class/5f0c2b7e")).toEqual({ view: "class", id: "5f0c2b7e" });
  });

  it("show the rooms for everything else", () => {
    for (const hash of ["", "#", "#/", "#/talk/x", "#/room/", "#/room/../x", "#/class/"]) {
      expect(parseRoute(hash)).toEqual({ view: "rooms" });
    }
  });
});
