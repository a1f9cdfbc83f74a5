/**
 * The mail server as a whole: front end, store, scanner and file system, as processes that exchange messages.
 *
 * The net stack is the test's; the disk is a FAT32 volume in memory that mtools read
 * afterwards, as a person would.
 */

import { assert, assertEquals } from "@std/assert";
import { TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import {
  freshDevice,
  fsckRemarks,
  pattern,
  peerTest,
  run,
  TestDisk,
  withImage,
} from "../../fs/fat32/disk_bench_test.ts";
import { eicarTestString } from "../antivirus/signature.ts";
import { MailMachine } from "../mail_store/testing/mail_machine.ts";
import main from "./main.ts";
import { MailClient, netStack } from "./testing/mail_clients.ts";

const sectorCount = 70_000;

/** A machine that serves mail to clients, until all of them are served. */
function serve(clients: readonly MailClient[], device = freshDevice(sectorCount), hasScanner = true) {
  const machine = new MailMachine(device, hasScanner);
  machine.kernel.start("NetStack", netStack([...clients]));
  const smtp = machine.kernel.start("Smtp", main);
  machine.kernel.run(() => clients.every(({ isClosed }) => isClosed), 3600e9);
  assertEquals(smtp.fault, "");
  assertEquals(machine.store.fault, "");
  assert(clients.every(({ isClosed }) => isClosed), "a client was not served to its end");
  return device;
}

/** The steps of one message. */
function message(to: string, text: string): string[] {
  return ["MAIL FROM:<me@example.org>\r\n", `RCPT TO:<${to}@helios.test>\r\n`, "DATA\r\n", `${text}.\r\n`];
}

const hello = "EHLO client.example\r\n";

function read(device: ReturnType<typeof freshDevice>, path: string): string {
  return new TextDecoder().decode(new TestDisk(device).read(path));
}

Deno.test("a message is on disk behind its trace headers, byte for byte", () => {
  const text = "Subject: hello\r\n\r\n..stuffed\r\n\u00e9\u00df \0\r\n\r\n";
  const client = new MailClient([hello, ...message("alice", text), "QUIT\r\n"]);
  const device = serve([client]);
  assertEquals(client.codes, "220 250 250 250 354 250 221");
  assertEquals(
    read(device, "/email/alice/1"),
    "Return-Path: <me@example.org>\r\n" +
      "Received: from client.example ([10.0.2.2])\r\n" +
      "\tby helios.test (Helios) with ESMTP id 1;\r\n" +
      "\tSun, 11 Oct 2009 00:00:00 +0000\r\n" +
      text.replace("..stuffed", ".stuffed"),
  );
});

Deno.test("a client that says HELO and sends from nowhere gets that into its trace headers", () => {
  const client = new MailClient([
    "HELO [10.0.2.2]\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n",
    "x\r\n.\r\n",
  ]);
  const device = serve([client]);
  const lines = read(device, "/email/postmaster/1").split("\r\n");
  assertEquals(lines[0], "Return-Path: <>");
  assertEquals(lines[1], "Received: from [10.0.2.2] ([10.0.2.2])");
  assertEquals(lines[2], "\tby helios.test (Helios) with SMTP id 1;");
});

Deno.test("the EICAR test string is answered 554, in plain and in a base64 attachment, and nothing is stored", () => {
  const attachment = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
    `${btoa(eicarTestString())}\r\n`;
  const client = new MailClient([
    hello,
    ...message("alice", `Subject: test\r\n\r\n${eicarTestString()}\r\n`),
    ...message("bob", attachment),
    ...message("bob", "Subject: clean\r\n\r\n"),
  ]);
  const device = serve([client]);
  assertEquals(client.codes, "220 250 250 250 354 554 250 250 354 554 250 250 354 250");
  assertEquals(client.answers[5], "554 5.7.1 The message is contaminated: Eicar-Test-Signature\r\n");
  assertEquals(new TestDisk(device).names("/email/alice"), []);
  assertEquals(new TestDisk(device).names("/email/bob"), ["1"]);
});

Deno.test("a pipelining client gets the answers to one group of commands in one piece", () => {
  const group =
    "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<carol@helios.test>\r\nRCPT TO:<bob@helios.test>\r\nDATA\r\n";
  const client = new MailClient([group, "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"]);
  const device = serve([client]);
  assertEquals(client.codes, "220 250 250 550 250 354 250 221");
  assert(read(device, "/email/bob/1").endsWith("\r\nSubject: x\r\n\r\nbody\r\n"));
});

/** A hundred messages of different sizes from ten clients at a time. */
function hundredMessages() {
  const sent: string[] = [];
  const clients = Array.from({ length: 10 }, (_, client) => {
    const steps = [hello];
    for (let index = 0; index < 10; index++) {
      const body = Array.from(pattern(client * 10 + index, 40 * index), (byte) => `${byte}\r\n`).join("");
      const text = `Subject: ${client}-${index}\r\n\r\n${body}`;
      sent.push(text);
      steps.push(...message(index % 3 === 0 ? "bob" : "alice", text));
    }
    return new MailClient([...steps, "QUIT\r\n"]);
  });
  return { clients, sent, device: serve(clients) };
}

Deno.test("a hundred messages from ten clients at a time all arrive, each once and whole", () => {
  const { clients, sent, device } = hundredMessages();
  for (const client of clients) {
    assertEquals(client.codes, `220 250 ${"250 250 354 250 ".repeat(10)}221`);
  }
  const found = [...new TestDisk(device).tree("/email").values()].filter((content) => content !== "directory")
    .map((content) => new TextDecoder().decode(content).split("\r\n").slice(4).join("\r\n"));
  assertEquals(found.sort(), sent.sort());
});

peerTest("mdir and mtype show the mail, and fsck.fat has nothing to say", () => {
  const { device, sent } = hundredMessages();
  assertEquals(fsckRemarks(device), "");
  withImage(device, (path) => {
    const listing = run("mdir", "-b", "-i", path, "::/email/bob").text.trim().split("\n");
    assertEquals(listing.length, 40);
    const shown = run("mtype", "-i", path, "::/email/bob/40").text.split("\r\n").slice(4).join("\r\n");
    assert(sent.includes(shown), shown);
  });
});

Deno.test("without a scanner a message is answered 451 and nothing is stored", () => {
  const client = new MailClient([hello, ...message("alice", "Subject: x\r\n\r\n")]);
  const device = serve([client], freshDevice(sectorCount), false);
  assertEquals(client.codes, "220 250 250 250 354 451");
  assertEquals(new TestDisk(device).names("/email/alice"), []);
});

Deno.test("without a mail store recipients are answered 451", () => {
  const client = new MailClient([hello, "MAIL FROM:<a@b>\r\n", "RCPT TO:<alice@helios.test>\r\n"]);
  const kernel = new TestKernel();
  kernel.start("NetStack", netStack([client]));
  kernel.start("Smtp", main);
  kernel.run(() => client.isClosed, 3600e9);
  assertEquals(client.codes, "220 250 250 451");
});

Deno.test("a client that says nothing for five minutes is answered 421 and cut off", () => {
  const client = new MailClient([hello, "MAIL FROM:<a@b>\r\n"], true);
  serve([client]);
  assertEquals(client.codes, "220 250 250 421");
  assertEquals(client.closedAtNs, 300e9);
});

Deno.test("of 65 connections the last is answered 421 at once, and the others are served", () => {
  const clients = Array.from({ length: 65 }, () => new MailClient([hello], true));
  serve(clients);
  for (const client of clients.slice(0, 64)) assertEquals(client.codes, "220 250 421");
  assertEquals(clients[64]!.answers, ["421 4.3.2 helios.test has too many connections, try again later\r\n"]);
  assert(clients[64]!.closedAtNs < 1e9);
});

Deno.test("messages that are too large together are answered 452, and their memory is free again afterwards", () => {
  const line = `${"x".repeat(998)}\r\n`;
  const large = line.repeat(8_500); // needs a block of 16 MiB, a quarter of the budget
  const clients = Array.from({ length: 5 }, () => new MailClient([hello, ...message("alice", large)]));
  const after = new MailClient([hello, ...message("alice", line.repeat(5000))]);
  const machine = new MailMachine(freshDevice(200_000));
  const waiting = [...clients];
  machine.kernel.start("NetStack", netStack(waiting));
  machine.kernel.start("Smtp", main);
  machine.kernel.run(() => clients.every(({ isClosed }) => isClosed));
  waiting.push(after);
  machine.kernel.run(() => after.isClosed);
  const outcomes = clients.map(({ codes }) => codes.split(" ").at(-1)).sort();
  assert(outcomes.includes("452") && outcomes.includes("250"), outcomes.join(" "));
  assertEquals(after.codes, "220 250 250 250 354 250");
});

Deno.test("a client that vanishes in the middle of a message leaves nothing behind", () => {
  const steps = message("alice", "Subject: x\r\n\r\n");
  const client = new MailClient([hello, ...steps.slice(0, 3), "Subject: half\r\n"]);
  const device = serve([client]);
  assertEquals(new TestDisk(device).names("/email/alice"), []);
});
