/**
 * Mail, from a real client through a published port to a disk image that Linux tools read.
 *
 * swaks, mtools and dosfstools are Debian packages; without them a test says that it was skipped.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort, hasProgram, serve, TemporaryFolder } from "./command_line.ts";
import {
  eicar,
  faultsOf,
  forEachInParallel,
  MailClient,
  messageFile,
  sendWithSwaks,
  storedMail,
  withoutTrace,
} from "./mail_client.ts";

const tools = ["swaks", "mdir", "mtype", "fsck.fat"] as const;
const accountOf = (index: number) => index % 4 === 0 ? "bob" : "alice";
const hex = (bytes: Uint8Array) => bytes.toHex();

/** Messages with what mail servers get wrong: dots, blanks, long lines, bytes above 127, sizes. */
function bodyOf(index: number): string[] {
  const lines = [
    `Subject: message ${index}`,
    "X-Long: " + "x".repeat(index % 3 === 0 ? 960 : 10),
    "",
    ".",
    "..",
    ".leading dot",
    "  blanks in front and behind  ",
    "\tTab, ümläut and 漢字",
    "",
    "",
  ];
  for (let line = 0; line < index * 3; line++) lines.push(`line ${line} of ${index}: ${"data ".repeat(10)}`);
  lines.push("last line");
  return lines;
}

Deno.test("swaks delivers 100 messages, 10 at a time, and mtools shows them on the image byte for byte", async () => {
  if (!await hasProgram(...tools)) return;
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  const port = freePort();
  await using machine = await serve(["--disk", image, "--publish", `${port}:25`], 180);
  console.log(`ready after ${machine.readySeconds.toFixed(2)} s of host time`);
  const sent = Array.from({ length: 100 }, (_, index) => messageFile(folder, `${index}.eml`, bodyOf(index)));
  const started = performance.now();
  await forEachInParallel(sent, 10, async ({ file }, index) => {
    const to = `${accountOf(index)}@helios.test`;
    const { status, stdout, stderr } = await sendWithSwaks(port, to, file);
    assertEquals(status, 0, `message ${index}: ${stdout.slice(-600)}${stderr}`);
  });
  console.log(`100 messages in ${((performance.now() - started) / 1000).toFixed(1)} s of host time`);
  const { status, stdout } = await machine.end("SIGINT");
  assertEquals(status, 0, stdout);
  assertEquals(await faultsOf(image), "");
  for (const account of ["alice", "bob"]) {
    const stored = (await storedMail(image, account)).map((message) => hex(withoutTrace(message)));
    const expected = sent.filter((_, index) => accountOf(index) === account).map(({ bytes }) => hex(bytes));
    assertEquals(stored.length, expected.length, account);
    const different = expected.flatMap((message, index) => stored.includes(message) ? [] : [index]);
    assertEquals(different, [], `messages of ${account} that are not on the image as they were sent`);
  }
});

Deno.test("mail that is infected, for nobody, or out of order is refused with its own code, and nothing is stored", async () => {
  if (!await hasProgram(...tools)) return;
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  const port = freePort();
  await using machine = await serve(["--disk", image, "--publish", `${port}:25`]);
  const to = "alice@helios.test";
  const infected = messageFile(folder, "eicar.eml", ["Subject: test", "", eicar]);
  const bySwaks = await sendWithSwaks(port, to, infected.file);
  assert(bySwaks.status !== 0);
  assertMatch(bySwaks.stdout, /<\*\*\s+554 /);
  const nobody = await sendWithSwaks(port, "nobody@helios.test", infected.file);
  assertMatch(nobody.stdout, /<\*\*\s+550 /);

  const client = await MailClient.connect(port);
  const code = async (line: string) => (await client.ask(`${line}\r\n`))?.slice(0, 3);
  assertEquals(await code("MAIL FROM:<a@b.example>"), "503", "MAIL before HELO");
  assertEquals(await code("EHLO client.example"), "250");
  assertEquals(await code("DATA"), "503", "DATA before MAIL");
  assertEquals(await code(`RCPT TO:<${to}>`), "503", "RCPT before MAIL");
  assertEquals(await code("FROB me"), "500");
  assertEquals(await code("MAIL FROM:<a@b.example>"), "250");
  assertEquals(await code("RCPT TO:<nobody@helios.test>"), "550");
  assertEquals(await code("DATA"), "503", "DATA without a recipient");
  assertEquals(await code("RSET"), "250");
  const encoded = btoa(`${eicar}\r\n`);
  const attachment = [
    ...["Subject: hidden", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=part", ""],
    ...["--part", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", ""],
    ...[encoded, "--part--"],
  ].join("\r\n");
  assertEquals((await client.send(to, attachment))?.slice(0, 3), "554", "an infected attachment");
  assertEquals((await client.send(to, "Subject: clean\r\n\r\nclean"))?.slice(0, 3), "250");
  client.close();

  assertEquals((await machine.end("SIGTERM")).status, 0);
  assertEquals(await faultsOf(image), "");
  const stored = await storedMail(image, "alice");
  const texts = stored.map((message) => new TextDecoder().decode(withoutTrace(message)));
  assertEquals(texts, ["Subject: clean\r\n\r\nclean\r\n"]);
  for (const account of ["bob", "postmaster"]) assertEquals(await storedMail(image, account), []);
});

Deno.test("Ctrl-C in the middle of mail traffic loses no message that was answered with 250", async () => {
  if (!await hasProgram(...tools)) return;
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  const port = freePort();
  await using machine = await serve(["--disk", image, "--publish", `${port}:25`]);
  const acknowledged: string[] = [];
  let enough: () => void = () => {};
  const flowing = new Promise<void>((resolve) => enough = resolve);
  const keepSending = async (sender: number) => {
    const client = await MailClient.connect(port);
    await client.ask("EHLO client.example\r\n");
    for (let count = 0;; count++) {
      const message = `Subject: ${sender}-${count}\r\n\r\n${`${sender}-${count} `.repeat(count * 20)}end`;
      const reply = await client.send("bob@helios.test", message);
      if (reply?.startsWith("250") !== true) break;
      acknowledged.push(`${message}\r\n`);
      if (acknowledged.length === 25) enough();
    }
    client.close();
  };
  const senders = Promise.all([0, 1, 2, 3].map(keepSending));
  await flowing;
  const { status, stdout, stderr } = await machine.end("SIGINT");
  await senders;
  assertEquals(status, 0, stdout + stderr);
  assertEquals(await faultsOf(image), "");
  const stored = (await storedMail(image, "bob")).map((message) =>
    new TextDecoder().decode(withoutTrace(message))
  );
  const lost = acknowledged.filter((message) => !stored.includes(message));
  assertEquals(lost.map((message) => message.slice(0, 20)), [], `of ${acknowledged.length} messages`);
  console.log(`${acknowledged.length} answered with 250, ${stored.length} stored`);
});

Deno.test("a message of many clusters arrives whole, one above the announced size is refused, and a client may vanish", async () => {
  if (!await hasProgram("mdir", "mtype", "fsck.fat")) return;
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  const port = freePort();
  await using machine = await serve(["--disk", image, "--publish", `${port}:25`]);
  const message = (size: number) => `Subject: large\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(size / 72)}end`;
  const client = await MailClient.connect(port);
  await client.ask("EHLO client.example\r\n");
  const large = message(2 << 20);
  assertEquals((await client.send("alice@helios.test", large))?.slice(0, 3), "250");
  assertEquals((await client.ask("MAIL FROM:<a@client.example> SIZE=20000000\r\n"))?.slice(0, 3), "552");
  client.close();
  const vanishing = await MailClient.connect(port);
  await vanishing.ask("HELO client.example\r\n");
  for (const line of ["MAIL FROM:<a@client.example>", "RCPT TO:<bob@helios.test>", "DATA"]) {
    await vanishing.ask(`${line}\r\n`);
  }
  vanishing.close();
  const next = await MailClient.connect(port);
  assertEquals((await next.ask("NOOP\r\n"))?.slice(0, 3), "250");
  next.close();
  assertEquals((await machine.end("SIGINT")).status, 0);
  assertEquals(await faultsOf(image), "");
  const [stored] = await storedMail(image, "alice");
  assertEquals(hex(withoutTrace(stored!)) === hex(new TextEncoder().encode(`${large}\r\n`)), true);
  assertEquals(await storedMail(image, "bob"), []);
});
