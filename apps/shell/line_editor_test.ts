/**
 * The line editor, key by key, against a terminal of one line.
 *
 * The terminal obeys the few control sequences that the editor sends, so what a person
 * would see is compared with what the editor says the line is.
 * - A random test types keys of all kinds and compares screen and line after each.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeText } from "../../kernel/abi/text.ts";
import { LineEditor } from "./line_editor.ts";

const prompt = "> ";
const names = ["kernels", "kill", "ping", "ps"];

class Terminal {
  readonly editor = new LineEditor(prompt, (prefix) => names.filter((name) => name.startsWith(prefix)));
  readonly lines: string[] = [];
  screen: string[] = [];
  column = 0;
  bells = 0;
  ended = false;

  constructor() {
    this.#show(this.editor.prompt);
  }

  type(text: string): this {
    for (const byte of encodeText(text)) {
      const { output, line, isEnd } = this.editor.type(byte);
      this.#show(output);
      if (isEnd) this.ended = true;
      if (line === undefined) continue;
      this.lines.push(line);
      this.#show(this.editor.prompt);
    }
    return this;
  }

  /** What stands on the terminal's last line, with a bar where the cursor is. */
  get line(): string {
    const characters = [...this.screen];
    characters.splice(this.column, 0, "|");
    return characters.join("");
  }

  #show(output: string): void {
    const characters = [...output];
    for (let index = 0; index < characters.length; index++) {
      const character = characters[index]!;
      if (character === "\x1b") {
        let end = index + 2;
        while (!/[A-Za-z]/.test(characters[end]!)) end++;
        this.#obey(characters.slice(index + 2, end + 1).join(""));
        index = end;
      } else if (character === "\r") this.column = 0;
      else if (character === "\n") {
        this.screen = [];
        this.column = 0;
      } else if (character === "\x07") this.bells++;
      else this.screen[this.column++] = character;
    }
  }

  #obey(sequence: string): void {
    const count = Number(sequence.slice(0, -1));
    if (sequence === "K") this.screen.length = this.column;
    else if (sequence === "H") this.column = 0;
    else if (sequence === "2J") this.screen = [];
    else if (sequence.endsWith("C")) this.column += count;
    else if (sequence.endsWith("D")) this.column -= count;
    else throw new Error(`The terminal does not know ESC [ ${sequence}`);
  }
}

const left = "\x1b[D", right = "\x1b[C", up = "\x1b[A", down = "\x1b[B";

Deno.test("typed characters are shown and Enter gives the line, CR LF counting once", () => {
  const terminal = new Terminal().type("ps\r\nls\n");
  assertEquals(terminal.lines, ["ps", "ls"]);
  assertEquals(terminal.line, "> |");
});

Deno.test("arrows, Home, End and their control keys move, and typing inserts there", () => {
  assertEquals(new Terminal().type(`acd${left}${left}b`).line, "> ab|cd");
  assertEquals(new Terminal().type(`bc\x01a${right}`).line, "> ab|c");
  assertEquals(new Terminal().type("bc\x1b[Ha\x1b[Fd").line, "> abcd|");
  assertEquals(new Terminal().type("bc\x1bOHa\x05d\x1b[1~<\x1b[4~>").line, "> <abcd>|");
});

Deno.test("Backspace, Delete and Ctrl-D take one character, even of several bytes", () => {
  assertEquals(new Terminal().type("grün\x7f\x7f").line, "> gr|");
  assertEquals(new Terminal().type("a😀b\x01\x1b[3~\x04").line, "> |b");
  assertEquals(new Terminal().type("\x7f").line, "> |");
});

Deno.test("Ctrl-K, Ctrl-U and Ctrl-W cut the rest, the start and a word", () => {
  assertEquals(new Terminal().type(`abcd${left}${left}\x0b`).line, "> ab|");
  assertEquals(new Terminal().type(`abcd${left}${left}\x15`).line, "> |cd");
  assertEquals(new Terminal().type("cat /fs/a  \x17").line, "> cat |");
});

Deno.test("Ctrl-C drops the line, Ctrl-L clears the screen, Ctrl-D on an empty line ends", () => {
  assertEquals(new Terminal().type("abc\x03").line, "> |");
  assertEquals(new Terminal().type("abc\x0c").line, "> abc|");
  assert(new Terminal().type("\x04").ended);
  assert(!new Terminal().type("x\x04").ended);
});

Deno.test("the arrows bring back earlier lines, and the new line after them", () => {
  const terminal = new Terminal().type("one\rtwo\rtwo\r\rnew");
  assertEquals(terminal.type(up).line, "> two|");
  assertEquals(terminal.type(up).line, "> one|");
  assertEquals(terminal.type(up).line, "> one|");
  assertEquals(terminal.type(down + down).line, "> new|");
  assertEquals(terminal.type(`${up}${up}!\r`).lines.at(-1), "one!");
  assertEquals(terminal.type(up).line, "> one!|");
  assertEquals(terminal.type(`${up}${up}`).line, "> one|", "an edited line does not change the history");
});

Deno.test("the history keeps the last hundred lines", () => {
  const terminal = new Terminal();
  for (let count = 0; count < 150; count++) terminal.type(`line ${count}\r`);
  assertEquals(terminal.type(up.repeat(200)).line, "> line 50|");
});

Deno.test("Tab completes a command as far as it is clear, then shows what is possible", () => {
  assertEquals(new Terminal().type("pi\t").line, "> ping |");
  assertEquals(new Terminal().type("k\t").line, "> k|");
  assertEquals(new Terminal().type("ker\t").line, "> kernels |");
  const unknown = new Terminal().type("x\t");
  assertEquals([unknown.line, unknown.bells], ["> x|", 1]);
});

Deno.test("a line holds 1,024 characters and rings the bell for more", () => {
  const terminal = new Terminal().type("x".repeat(1030));
  assertEquals([terminal.line.length, terminal.bells], [2 + 1024 + 1, 6]);
});

Deno.test("keys that mean nothing here change nothing", () => {
  assertEquals(new Terminal().type("a\x1b[15~\x1b[Z\x1bx\x00\x02b").line, "> b|a");
});

Deno.test("whatever is typed, screen and line agree", () => {
  const key = fc.oneof(
    fc.string({ minLength: 1, maxLength: 3 }),
    fc.constantFrom(left, right, up, down, "\x1b[H", "\x1b[F", "\x1b[3~", "\x7f", "\t", "\r", "ü"),
    fc.constantFrom(..."\x01\x03\x05\x0b\x0c\x15\x17"),
  );
  fc.assert(fc.property(fc.array(key), (keys) => {
    const terminal = new Terminal();
    for (const text of keys) {
      terminal.type(text);
      const shown = terminal.screen.join("");
      assert(shown.startsWith(prompt), JSON.stringify(shown));
      // A redraw shows what the editor holds: nothing may change.
      const before = terminal.line;
      assertEquals(terminal.type("\x0c").line, before);
    }
    const shown = terminal.screen.slice(prompt.length).join("");
    assertEquals(terminal.type("\r").lines.at(-1), shown);
  }));
});
