import { describe, expect, it } from "vitest";
import { leaves } from "./leaves";
import { talkEn } from "./talk-en";
import { talkZh } from "./talk-zh";
import { testEn } from "./test-en";
import { testZh } from "./test-zh";

const PARTS: [string, object, object, string[]][] = [
  ["Talk", talkEn, talkZh, [".server.appkey", ".server.secret", ".line.message"]],
  ["the connection test", testEn, testZh, [".facts.device", ".facts.picture", ".result"]],
];

describe.each(PARTS)("Chinese of %s", (_name, english, chinese, same) => {
  it("has every text of the English one", () => {
    const paths = (texts: object) =>
      leaves(texts)
        .map(([path]) => path)
        .sort();
    expect(paths(chinese)).toEqual(paths(english));
  });

  it("leaves none in English", () => {
    const left = leaves(chinese).filter(
      ([path, words]) => words !== "" && !same.includes(path) && !/\p{Script=Han}/u.test(words),
    );
    expect(left).toEqual([]);
  });
});
