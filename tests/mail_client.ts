/**
 * Mail as a test sends it: with swaks, or with a client of its own where only the answers count.
 *
 * - `sendWithSwaks` gives swaks a message as a file, so that not one byte of it is swaks's own.
 * - `MailClient` speaks SMTP over a socket of the host's, one line or message at a time.
 * - `storedMail` reads messages from a disk image with mtools, never through Helios.
 */

import { assertEquals, fail } from "@std/assert";
import { describe, type Finished, run, type TemporaryFolder } from "./command_line.ts";

/** What all scanners agree to find (eicar.org), in two parts so that none finds it in this file. */
export const eicar = String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";

/** Sends the message that `file` holds, whose lines end as they do on Linux. */
export async function sendWithSwaks(port: number, to: string, file: string): Promise<Finished> {
  return await run("swaks", [
    ...["--server", "127.0.0.1", "--port", `${port}`, "--protocol", "ESMTP", "--timeout", "60"],
    ...["--ehlo", "client.example", "--from", "sender@client.example", "--to", to],
    ...["--data", `@${file}`],
  ]);
}

/** Does something for each item, `width` at a time. */
export async function forEachInParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next++;
      await act(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
}

export class MailClient {
  readonly #connection: Deno.Conn;
  #unread = "";

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects and takes the greeting. */
  static async connect(port: number): Promise<MailClient> {
    const client = new MailClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    assertEquals((await client.reply())?.slice(0, 4), "220 ");
    return client;
  }

  /** Says something and gives the last line of the reply; undefined when the connection has ended. */
  async ask(text: string): Promise<string | undefined> {
    try {
      await this.#write(text);
    } catch {
      return undefined;
    }
    return await this.reply();
  }

  /** Sends one message; gives the reply to its end, or the first refusal. */
  async send(to: string, message: string): Promise<string | undefined> {
    for (const line of ["MAIL FROM:<sender@client.example>\r\n", `RCPT TO:<${to}>\r\n`, "DATA\r\n"]) {
      const reply = await this.ask(line);
      if (reply === undefined || !/^[23]/.test(reply)) return reply;
    }
    return await this.ask(`${message}\r\n.\r\n`);
  }

  async reply(): Promise<string | undefined> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const end = /^\d{3} .*\r\n/m.exec(this.#unread);
      if (end !== null) {
        this.#unread = this.#unread.slice(end.index + end[0].length);
        return end[0].trimEnd();
      }
      const count = await this.#connection.read(buffer).catch(() => null);
      if (count === null) return undefined;
      this.#unread += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let position = 0; position < bytes.length;) {
      position += await this.#connection.write(bytes.subarray(position));
    }
  }
}

/** What fsck.fat says about an image beyond its version and its sums; "" is as it should be. */
export async function faultsOf(image: string): Promise<string> {
  const finished = await run("fsck.fat", ["-n", image]);
  const rest = finished.stdout.split("\n").filter((line) =>
    line !== "" && !line.startsWith("fsck.fat ") && !/^\S+: \d+ files, \d+\/\d+ clusters$/.test(line)
  );
  return finished.status === 0 ? rest.join("\n") : describe(finished);
}

/** The messages of an account on an image, as bytes, by mtools. */
export async function storedMail(image: string, account: string): Promise<Uint8Array[]> {
  const listing = await run("mdir", ["-b", "-i", image, `::/email/${account}`]);
  if (listing.status !== 0) fail(`mdir: ${describe(listing)}`);
  const names = listing.stdout.split("\n").filter((line) => line !== "" && !line.endsWith("/"));
  const messages: Uint8Array[] = [];
  await forEachInParallel(names, 4, async (name, index) => {
    messages[index] = await readFromImage(image, name);
  });
  return messages;
}

/** The bytes of a file on an image; its path is as mtools wants it: `::/name`. */
export async function readFromImage(image: string, path: string): Promise<Uint8Array> {
  const { code, stdout, stderr } = await new Deno.Command("mtype", { args: ["-i", image, path] }).output();
  if (code !== 0) fail(`mtype ${path}: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** A message without the trace headers that the server puts in front: Return-Path and Received. */
export function withoutTrace(message: Uint8Array): Uint8Array {
  // Latin-1 gives one character per byte.
  const text = new TextDecoder("latin1").decode(message);
  const trace = /^(?:(?:Return-Path|Received):[^\n]*\r\n(?:[ \t][^\n]*\r\n)*)+/.exec(text);
  return message.subarray(
    trace?.[0].length ?? fail(`a message has no trace headers:\n${text.slice(0, 300)}`),
  );
}

/** Writes a file for swaks, which ends the last line itself, and gives the bytes that are to arrive. */
export function messageFile(folder: TemporaryFolder, name: string, lines: readonly string[]) {
  const file = folder.write(name, lines.join("\n"));
  return { file, bytes: new TextEncoder().encode(`${lines.join("\r\n")}\r\n`) };
}
