import { expect, test } from "vitest";
import { alignSequences, NO_PARTNER } from "./sequence";

function align(a: string, b: string, cellsMax?: number): string {
  const partners = alignSequences(a.length, b.length, { of: (i, j) => (a[i] === b[j] ? 1 : 0), best: 1 }, cellsMax);
  return [...partners].map((at) => (at === NO_PARTNER ? "." : b[at])).join("");
}

test.each([
  ["abc", "abc", "abc"],
  ["abc", "", "..."],
  ["", "abc", ""],
  ["abcd", "acd", "a.cd"],
  ["acd", "abcd", "acd"],
  ["abcxyz", "xyzabc", "...xyz"],
  ["kitten", "sitting", ".itt.n"],
])("%s against %s keeps the longest that both have", (a, b, kept) => {
  const aligned = align(a, b);
  expect(aligned.replaceAll(".", "").length).toBe(kept.replaceAll(".", "").length);
});

test.each([undefined, 1])("partners stand in order, and each once (limit %s)", (cellsMax) => {
  const random = lcg(7);
  for (let round = 0; round < 200; round++) {
    const [a, b] = [word(random), word(random)];
    const partners = alignSequences(a.length, b.length, { of: (i, j) => (a[i] === b[j] ? 1 : 0), best: 1 }, cellsMax);
    const paired = [...partners].filter((at) => at !== NO_PARTNER);
    expect(paired).toEqual([...new Set(paired)].sort((x, y) => x - y));
    for (const [at, partner] of partners.entries()) if (partner !== NO_PARTNER) expect(a[at]).toBe(b[partner]);
  }
});

test("of several that are alike the one most alike is taken", () => {
  const [a, b] = [
    ["x1", "x2"],
    ["x9", "x1", "x2"],
  ];
  const of = (i: number, j: number) => (a?.[i] === b?.[j] ? 12 : 8);
  expect([...alignSequences(2, 3, { of, best: 12 })]).toEqual([1, 2]);
});

test("beyond the limit it goes on from the nearest", () => {
  expect(align("abcdef", "abXcdef", 1)).toBe("abcdef");
  expect(align("aQbcdR", "abXcdZ", 1)).toBe("a.bcd.");
});

test("5,000 against 5,000 unlike items is quick", () => {
  const [a, b] = [items(1), items(2)];
  const began = performance.now();
  alignSequences(5000, 5000, { of: (i, j) => (a[i] === b[j] ? 1 : 0), best: 1 });
  expect(performance.now() - began).toBeLessThan(1500);
});

function items(seed: number): number[] {
  const random = lcg(seed);
  return Array.from({ length: 5000 }, () => Math.floor(random() * 5000));
}

function word(random: () => number): string {
  return Array.from({ length: Math.floor(random() * 12) }, () => "abcd"[Math.floor(random() * 4)]).join("");
}

function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
