/**
 * How a line is cut into commands, words, files and background runs.
 *
 * Pure function: text in, commands or a complaint out.
 * - Quoting is tested there and back: any words, quoted, come out as they were.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Command, parseLine } from "./command_line.ts";

function command(...words: string[]): Command {
  return { stages: [words], file: undefined, isBackground: false };
}

Deno.test("words are separated by blanks, commands by semicolons, and empty commands are none", () => {
  assertEquals(parseLine("  ps ;ls   /fs;; "), [command("ps"), command("ls", "/fs")]);
  assertEquals(parseLine(""), []);
  assertEquals(parseLine(" ; "), []);
});

Deno.test("quotes and backslashes keep blanks and special characters", () => {
  assertEquals(parseLine(`echo 'a; b' "c > \\"d\\"" e\\ f g'h'"i" ''`), [
    command("echo", "a; b", 'c > "d"', "e f", "ghi", ""),
  ]);
});

Deno.test("output goes to a file, and a program to the background", () => {
  assertEquals(parseLine("echo hi > /fs/x; Web & ps"), [
    { stages: [["echo", "hi"]], file: "/fs/x", isBackground: false },
    { stages: [["Web"]], file: undefined, isBackground: true },
    command("ps"),
  ]);
  assertEquals(parseLine("echo hi>/fs/x"), [{
    stages: [["echo", "hi"]],
    file: "/fs/x",
    isBackground: false,
  }]);
});

Deno.test("commands with a pipe between them are the stages of one", () => {
  assertEquals(parseLine("cat /fs/a|Sort -r | Count > /fs/n; A | B &"), [
    { stages: [["cat", "/fs/a"], ["Sort", "-r"], ["Count"]], file: "/fs/n", isBackground: false },
    { stages: [["A"], ["B"]], file: undefined, isBackground: true },
  ]);
  assertEquals(parseLine("echo 'a|b' \\|"), [command("echo", "a|b", "|")]);
});

Deno.test("a line that cannot be read is one complaint", () => {
  assertEquals(parseLine("echo 'x"), "the quote ' is not closed");
  assertEquals(parseLine("echo x\\"), "the line ends with a backslash");
  assertEquals(parseLine("echo >"), 'after ">" comes the name of a file');
  assertEquals(parseLine("> /fs/x"), 'before ">" comes a command');
  assertEquals(parseLine("ps && ls"), 'before "&" comes a command');
  assertEquals(parseLine("ps > a > b"), "the output of one command goes to one file");
  for (const line of ["| x", "; | x", "ps | | x", "a | > f"]) {
    assertEquals(
      parseLine(line),
      line.includes(">") ? 'before ">" comes a command' : 'before "|" comes a command',
    );
  }
  for (const line of ["ps |", "ps | ; ls", "ps | &"]) {
    assertEquals(parseLine(line), 'after "|" comes a program');
  }
  assertEquals(
    parseLine("ps > f | x"),
    'only the last of several commands with "|" between them can write to a file',
  );
  assertEquals(parseLine("x <y"), `"<" stands for nothing here; write '<' for the character itself`);
});

Deno.test("any words that are quoted come out as they went in", () => {
  fc.assert(fc.property(fc.array(fc.string(), { minLength: 1 }), (words) => {
    const line = words.map((word) => `'${word.replaceAll("'", `'"'"'`)}'`).join(" ");
    assertEquals(parseLine(line), [command(...words)]);
  }));
});
