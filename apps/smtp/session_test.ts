/**
 * SMTP sessions, word for word: what is sent, what is answered, what is stored.
 *
 * The test plays the session's owner: it knows alice, bob and postmaster and stores what is delivered.
 */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { replies } from "./reply.ts";
import { messageSizeMax, pieceMax, SmtpSession } from "./session.ts";

const encode = (text: string) => new TextEncoder().encode(text);

interface Stored {
  readonly recipients: readonly string[];
  readonly reversePath: string;
  readonly text: string;
}

/** A session and its owner. */
class Bench {
  readonly session = new SmtpSession();
  readonly stored: Stored[] = [];
  readonly accounts = new Set(["alice", "bob", "postmaster"]);
  storeWorks = true;
  /** Bytes of a message that there is room for. */
  room = Infinity;
  output = "";
  closed = false;
  #body: { reversePath: string; text: string } | undefined;

  constructor() {
    this.#drain();
  }

  /** Sends bytes and returns what came back. */
  send(data: string | Uint8Array): string {
    const before = this.output.length;
    const bytes = typeof data === "string" ? encode(data) : data;
    for (let start = 0; start < bytes.length && !this.closed; start += pieceMax) {
      this.session.receive(bytes.subarray(start, start + pieceMax));
      this.#drain();
    }
    return this.output.slice(before);
  }

  /** The reply codes of the answer to some lines. */
  codes(...lines: string[]): string {
    const answer = this.send(lines.map((line) => `${line}\r\n`).join("")).split("\r\n");
    return answer.filter((line) => line[3] === " ").map((line) => line.slice(0, 3)).join(" ");
  }

  #drain(): void {
    for (let action = this.session.next(); action !== undefined; action = this.session.next()) {
      switch (action.kind) {
        case "reply":
          this.output += action.text;
          break;
        case "isAccount":
          this.session.lookedUp(this.storeWorks ? this.accounts.has(action.name) : undefined);
          break;
        case "begin":
          this.#body = { reversePath: action.envelope.reversePath, text: "" };
          break;
        case "body":
          this.#append(new TextDecoder("latin1").decode(action.bytes));
          break;
        case "discard":
          this.#body = undefined;
          break;
        case "deliver":
          this.stored.push({ recipients: action.recipients, ...this.#body! });
          this.session.delivered(replies.stored);
          break;
        case "close":
          this.closed = true;
      }
    }
  }

  #append(text: string): void {
    if (this.#body!.text.length + text.length > this.room) {
      this.#body = undefined;
      this.session.refuseMessage(replies.noMemory);
    } else this.#body!.text += text;
  }
}

/** A session in which a message for alice may be sent next. */
function readyForData(): Bench {
  const bench = new Bench();
  assertEquals(
    bench.codes("EHLO client.example", "MAIL FROM:<me@example.org>", "RCPT TO:<alice@helios.test>"),
    "250 250 250",
  );
  return bench;
}

Deno.test("a message is taken, its text as it was sent with the stuffed dots off", () => {
  const bench = new Bench();
  assertEquals(bench.output, "220 helios.test ESMTP Helios\r\n");
  assertEquals(
    bench.send("EHLO client.example\r\n"),
    "250-helios.test greets client.example\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250-PIPELINING\r\n" +
      "250-ENHANCEDSTATUSCODES\r\n250 HELP\r\n",
  );
  assertEquals(bench.send("MAIL FROM:<me@example.org>\r\n"), "250 2.1.0 Sender OK\r\n");
  assertEquals(bench.send("RCPT TO:<alice@helios.test>\r\n"), "250 2.1.5 Recipient OK\r\n");
  assertEquals(bench.send("DATA\r\n"), "354 Start mail input, end with <CRLF>.<CRLF>\r\n");
  assertEquals(bench.send("Subject: dots\r\n\r\n..\r\n..two\r\n.three\r\n a.\r\n"), "");
  assertEquals(bench.send(".\r\n"), "250 2.0.0 Scanned and on disk\r\n");
  assertEquals(bench.stored, [{
    recipients: ["alice"],
    reversePath: "me@example.org",
    text: "Subject: dots\r\n\r\n.\r\n.two\r\nthree\r\n a.\r\n",
  }]);
  assertEquals(bench.send("QUIT\r\n"), "221 2.0.0 helios.test closes the connection\r\n");
  assertEquals(bench.closed, true);
});

Deno.test("HELO is answered with one line and offers nothing", () => {
  assertEquals(new Bench().send("HELO client.example\r\n"), "250 helios.test\r\n");
});

Deno.test("commands and keywords are understood in any case, with blanks at the end", () => {
  const bench = new Bench();
  assertEquals(
    bench.codes("ehlo [10.0.2.2]  ", "mail from: <me@example.org>", "Rcpt To:<ALICE@Helios.Test>"),
    "250 250 250",
  );
  assertEquals(bench.codes("data", "", "."), "354 250");
  assertEquals(bench.stored[0]!.recipients, ["alice"]);
});

Deno.test("commands out of order are answered 503", () => {
  assertEquals(
    new Bench().codes("MAIL FROM:<a@b.example>", "RCPT TO:<alice@helios.test>", "DATA"),
    "503 503 503",
  );
  const bench = new Bench();
  assertEquals(
    bench.codes("EHLO c", "RCPT TO:<alice@helios.test>", "DATA", "MAIL FROM:<a@b>", "DATA"),
    "250 503 503 250 503",
  );
  assertEquals(bench.codes("MAIL FROM:<c@d>"), "503");
});

Deno.test("RSET, a new EHLO and a delivered message end the transaction", () => {
  for (const ending of [["RSET"], ["EHLO again"], ["RCPT TO:<bob@helios.test>", "DATA", "."]]) {
    const bench = new Bench();
    bench.codes("EHLO c", "MAIL FROM:<a@b>", ...ending);
    assertEquals(bench.codes("RCPT TO:<alice@helios.test>", "MAIL FROM:<a@b>"), "503 250", ending[0]);
  }
});

Deno.test("unknown commands are answered 500, known ones that are not offered 502, bad arguments 501", () => {
  const bench = new Bench();
  assertEquals(
    bench.codes("XYZZY", "", "DATA1", "EXPN staff", "STARTTLS", "AUTH PLAIN"),
    "500 500 500 502 502 502",
  );
  assertEquals(
    bench.codes("EHLO", "HELO", "EHLO two words", "HELO <x>", "RSET now", "DATA now", "QUIT now"),
    "501 501 501 501 501 501 501",
  );
  assertEquals(
    bench.codes("EHLO c", "MAIL", "MAIL <a@b>", "MAIL FROM:a@b", "MAIL FROM:<a@b>x"),
    "250 501 501 501 501",
  );
  assertEquals(
    bench.codes("MAIL FROM:<a@b>", "RCPT", "RCPT alice", "RCPT TO:alice@helios.test"),
    "250 501 501 501",
  );
});

Deno.test("NOOP and HELP are answered at any time, NOOP with anything behind it", () => {
  assertEquals(new Bench().codes("NOOP", "NOOP what ever", "HELP", "HELP MAIL"), "250 250 214 214");
});

Deno.test("the null reverse-path, quoted users and source routes are taken", () => {
  for (
    const [path, mailbox] of [
      ["<>", ""],
      ['<"a > b"@example.org>', '"a > b"@example.org'],
      ["<@one.example,@two.example:me@example.org>", "me@example.org"],
      ["<me@[10.0.2.2]>", "me@[10.0.2.2]"],
    ] as const
  ) {
    const bench = new Bench();
    assertEquals(
      bench.codes("EHLO c", `MAIL FROM:${path}`, "RCPT TO:<bob@helios.test>", "DATA", "."),
      "250 250 250 354 250",
      path,
    );
    assertEquals(bench.stored[0]!.reversePath, mailbox);
  }
});

Deno.test("malformed addresses are answered 553", () => {
  const bench = new Bench();
  bench.codes("EHLO c");
  for (
    const path of ["a", "a@", "@b", "a..b@c", "a@b..c", "a@-b", "a b@c", '"a@b', "@x:", `${"a".repeat(65)}@b`]
  ) {
    const code = path === '"a@b' ? "501" : "553"; // the quotes hide the closing bracket
    assertEquals(bench.codes(`MAIL FROM:<${path}>`), code, path);
  }
  assertEquals(bench.codes(`MAIL FROM:<a@${"b".repeat(60)}.${"c.".repeat(97)}d>`), "553");
  assertEquals(bench.codes("MAIL FROM:<a@b>", "RCPT TO:<>", "RCPT TO:<alice@>"), "250 553 553");
});

Deno.test("recipients are accounts of this domain, and postmaster needs no domain", () => {
  const bench = new Bench();
  bench.codes("EHLO c", "MAIL FROM:<a@b>");
  assertEquals(
    bench.codes("RCPT TO:<carol@helios.test>", "RCPT TO:<alice@elsewhere.test>", "RCPT TO:<alice>"),
    "550 550 553",
  );
  assertEquals(
    bench.codes("RCPT TO:<Postmaster>", 'RCPT TO:<"bob"@helios.test>', "DATA", "."),
    "250 250 354 250",
  );
  assertEquals(bench.stored[0]!.recipients, ["postmaster", "bob"]);
});

Deno.test("a recipient named twice gets the message once", () => {
  const bench = readyForData();
  assertEquals(bench.codes("RCPT TO:<Alice@HELIOS.test>", "DATA", "."), "250 354 250");
  assertEquals(bench.stored[0]!.recipients, ["alice"]);
});

Deno.test("a hundred recipients are taken, the next one is answered 452", () => {
  const bench = readyForData();
  for (let index = 1; index <= 100; index++) bench.accounts.add(`user${index}`);
  for (let index = 1; index < 100; index++) {
    assertEquals(bench.codes(`RCPT TO:<user${index}@helios.test>`), "250");
  }
  assertEquals(bench.codes("RCPT TO:<user100@helios.test>", "RCPT TO:<user1@helios.test>"), "452 250");
  assertEquals(bench.codes("DATA", "."), "354 250");
  assertEquals(bench.stored[0]!.recipients.length, 100);
});

Deno.test("SIZE and BODY are read, other parameters are answered 555", () => {
  const mail = (parameters: string) => {
    const bench = new Bench();
    bench.codes("EHLO c");
    return bench.codes(`MAIL FROM:<a@b> ${parameters}`);
  };
  assertEquals(["SIZE=1000", "BODY=8BITMIME size=10485760", "body=7bit"].map(mail).join(" "), "250 250 250");
  assertEquals(["SIZE=10485761", "SIZE=99999999999999999999"].map(mail).join(" "), "552 552");
  assertEquals(
    ["SIZE", "SIZE=", "SIZE=-1", "SIZE=1e3", "BODY=BINARYMIME", "SIZE=1 SIZE=1"].map(mail).join(" "),
    "501 501 501 501 501 501",
  );
  assertEquals(["RET=FULL", "SMTPUTF8"].map(mail).join(" "), "555 555");
  assertEquals(readyForData().codes("RCPT TO:<bob@helios.test> NOTIFY=NEVER"), "555");
});

Deno.test("VRFY confirms accounts without promising and denies others", () => {
  const bench = new Bench();
  assertEquals(bench.send("VRFY Alice\r\n"), "252 2.1.5 <alice@helios.test> is taken\r\n");
  assertEquals(
    bench.codes("VRFY <bob@helios.test>", "VRFY carol", "VRFY bob@elsewhere.test", "VRFY"),
    "252 550 550 501",
  );
});

Deno.test("while the store does not answer, recipients are told to try again later", () => {
  const bench = new Bench();
  bench.storeWorks = false;
  assertEquals(
    bench.codes("EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<alice@helios.test>", "VRFY bob"),
    "250 250 451 451",
  );
});

Deno.test("a command line over 512 bytes is answered 500 as a whole, and MAIL may have 43 more", () => {
  const bench = new Bench();
  assertEquals(
    bench.codes(`NOOP ${"x".repeat(505)}`, `NOOP ${"x".repeat(506)}`, `NOOP ${"x".repeat(100_000)}`),
    "250 500 500",
  );
  const mail = `MAIL FROM:<${"a".repeat(60)}@b> SIZE=1`;
  bench.codes("EHLO c");
  assertEquals(bench.codes(mail.padEnd(553), "RSET", mail.padEnd(554)), "250 250 500");
});

Deno.test("a command line with a CR or LF that stands alone, or with other than ASCII, is refused as a whole", () => {
  const bench = new Bench();
  assertEquals(bench.codes("NOOP\nNOOP", "NOOP\rNOOP", "NOOP\r\r", "\nNOOP"), "500 500 500 500");
  assertEquals(bench.codes("NOOP \u00e9", "NOOP \0", "NOOP\tx"), "500 500 250");
});

Deno.test("only CR LF . CR LF ends a message, and a lone CR or LF in it is answered 554 at its end", () => {
  for (
    const smuggled of ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n.\r\r\n", "\0\n"]
  ) {
    const bench = readyForData();
    bench.send("DATA\r\n");
    assertEquals(bench.send(`one${smuggled}MAIL FROM:<evil@b>\r\n`), "", JSON.stringify(smuggled));
    assertEquals(bench.codes("RCPT TO:<bob@helios.test>", "DATA", "."), "554", JSON.stringify(smuggled));
    assertEquals(bench.stored, []);
    assertEquals(bench.codes("MAIL FROM:<a@b>"), "250");
  }
});

Deno.test("a line of 1000 bytes is taken, a longer one makes the message be answered 500", () => {
  const lines: [string, string][] = [["x".repeat(998), "250"], ["x".repeat(999), "500"], [
    `..${"x".repeat(997)}`,
    "250",
  ]];
  for (const [line, code] of lines) {
    const bench = readyForData();
    assertEquals(bench.codes("DATA", "Subject: x", line, "."), `354 ${code}`);
    assertEquals(bench.stored.length, code === "250" ? 1 : 0);
    assertEquals(bench.codes("NOOP"), "250");
  }
});

Deno.test("a message of 10 MiB is taken, one byte more is answered 552 when it has ended", () => {
  const line = `${"x".repeat(510)}\r\n`;
  const whole = encode(line.repeat(messageSizeMax / 512));
  const bench = readyForData();
  bench.send("DATA\r\n");
  assertEquals(bench.send(whole), "");
  assertEquals(bench.codes("."), "250");
  assertEquals(bench.stored[0]!.text.length, messageSizeMax);
  bench.codes("MAIL FROM:<a@b>", "RCPT TO:<bob@helios.test>", "DATA");
  bench.send(whole.subarray(0, -2));
  assertEquals(bench.codes("x", "."), "552");
  assertEquals(bench.stored.length, 1);
});

Deno.test("a message for which there is no room is answered 452 when it has ended", () => {
  const bench = readyForData();
  bench.room = 10;
  assertEquals(bench.codes("DATA"), "354");
  assertEquals(bench.codes("twenty bytes at least", "."), "452");
  assertEquals(bench.stored, []);
});

Deno.test("an empty message is a message", () => {
  const bench = readyForData();
  assertEquals(bench.codes("DATA", "."), "354 250");
  assertEquals(bench.stored[0]!.text, "");
});

Deno.test("a whole session sent at once is answered in order", () => {
  const bench = new Bench();
  const first = [
    "EHLO c",
    "MAIL FROM:<a@b>",
    "RCPT TO:<carol@helios.test>",
    "RCPT TO:<bob@helios.test>",
    "DATA",
  ];
  const second = ["text", ".", "MAIL FROM:<>", "RCPT TO:<alice@helios.test>", "RSET", "QUIT", "NOOP"];
  assertEquals(bench.codes(...first, ...second), "250 250 550 250 354 250 250 250 250 221");
  assertEquals(bench.stored.map(({ text }) => text), ["text\r\n"]);
});

Deno.test("more bytes than a session has room for are its owner's mistake", () => {
  assertThrows(() => new SmtpSession().receive(new Uint8Array(pieceMax + 1)));
});

/** Scraps that sessions are made of, right and wrong. */
const scraps = fc.constantFrom(
  ..."EHLO c,HELO c,MAIL FROM:<a@b>,RCPT TO:<alice@helios.test>,RCPT TO:<carol@helios.test>,DATA".split(",")
    .concat("RSET,NOOP,VRFY bob,QUIT,.,\r\n.,,text".split(",")).map((line) => `${line}\r\n`),
  ...[".", "\r", "\n", "..", "text", "x".repeat(600), "x".repeat(999), "\0", "\u00e9"],
  "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@helios.test>\r\nDATA\r\n",
);

Deno.test("what a session answers and stores does not depend on how its bytes are cut into pieces", () => {
  fc.assert(
    fc.property(
      fc.array(scraps, { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }),
      (parts, cuts) => {
        const bytes = encode(parts.join(""));
        const whole = new Bench();
        whole.send(bytes);
        const pieces = new Bench();
        for (let start = 0, cut = 0; start < bytes.length; cut++) {
          const end = start + cuts[cut % cuts.length]!;
          pieces.send(bytes.subarray(start, end));
          start = end;
        }
        assertEquals(pieces.output, whole.output);
        assertEquals(pieces.stored, whole.stored);
        assertEquals(pieces.closed, whole.closed);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("any text is stored as it was sent, when its dots are stuffed as clients do", () => {
  const lines = fc.array(
    fc.array(fc.constantFrom(...[".", "..", "a", " ", "\t", "\u00ff", "\0", ".b"]), { maxLength: 20 })
      .map((parts) => parts.join("")),
    { maxLength: 20 },
  );
  fc.assert(fc.property(lines, (lines) => {
    const bench = readyForData();
    const stuffed = lines.map((line) => `${line.startsWith(".") ? "." : ""}${line}\r\n`).join("");
    const latin1 = Uint8Array.from(`DATA\r\n${stuffed}.\r\n`, (character) => character.charCodeAt(0));
    assertEquals(bench.send(latin1).split("\r\n")[1], "250 2.0.0 Scanned and on disk");
    assertEquals(bench.stored[0]!.text, lines.map((line) => `${line}\r\n`).join(""));
  }));
});
