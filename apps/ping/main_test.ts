/**
 * The ping program, with the test as its net stack and its reader.
 *
 * The scripted kernel answers each call at once; time moves only when the program
 * sleeps or when an echo takes time.
 */

import { assertEquals } from "@std/assert";
import type { Call, Kernel, KernelRequest } from "../../kernel/abi/kernel.ts";
import { decodeText } from "../../kernel/abi/text.ts";
import { parseArguments } from "./command_line.ts";
import main from "./main.ts";

function* call<T>(run: () => T): Call<T> {
  yield { operation: "bench" };
  return run();
}

/** Runs ping against these answers, each with the time it takes. */
function ping(words: string[], answers: { afterNs: number; message: object | undefined }[]) {
  const echoes: { sequence: number; atNs: number }[] = [];
  let printed = "";
  let now = 0;
  const service = {
    send: (_name: string, body: { sequence: number }) =>
      call(() => void echoes.push({ sequence: body.sequence, atNs: now })),
    receiveOrClosed: () =>
      call(() => {
        const answer = answers.shift()!;
        now += answer.afterNs;
        return answer.message;
      }),
  };
  const kernel = {
    arguments: words,
    stdout: {
      send: (_name: string, body: { data: { bytes: Uint8Array } }) =>
        call(() => void (printed += decodeText(body.data.bytes))),
      receiveOrClosed: () => call(() => ({ tag: "written" })),
    },
    allocate: (size: number) => call(() => ({ bytes: new Uint8Array(size), length: size })),
    bind: () => call(() => service),
    now: () => call(() => now),
    sleep: (nanoseconds: number) => call(() => void (now += nanoseconds)),
  };
  const program: Generator<KernelRequest, number | void, unknown> = main(kernel as unknown as Kernel);
  let step = program.next();
  while (!step.done) step = program.next();
  return { status: step.value, lines: printed.split("\n"), echoes };
}

const reply = { tag: "replied", roundTripNs: 250_000, size: 56, timeToLive: 64 };

Deno.test("ping prints a line for each reply, once a second, and a summary", () => {
  const { status, lines, echoes } = ping(["-c", "2", "10.0.2.2"], [
    { afterNs: 250_000, message: reply },
    { afterNs: 750_000, message: { ...reply, roundTripNs: 750_000 } },
  ]);
  assertEquals(lines, [
    "PING 10.0.2.2: 56 data bytes",
    "64 bytes from 10.0.2.2: icmp_seq=1 ttl=64 time=0.250 ms",
    "64 bytes from 10.0.2.2: icmp_seq=2 ttl=64 time=0.750 ms",
    "--- 10.0.2.2 ping statistics ---",
    "2 packets transmitted, 2 received, 0% packet loss",
    "round-trip min/avg/max = 0.250/0.500/0.750 ms",
    "",
  ]);
  assertEquals(echoes, [{ sequence: 1, atNs: 0 }, { sequence: 2, atNs: 1_000_000_000 }]);
  assertEquals(status, 0);
});

Deno.test("ping says why nothing came back and ends with status 1", () => {
  const { status, lines } = ping(["-c", "3", "10.0.2.9"], [
    { afterNs: 1e9, message: { tag: "timedOut" } },
    { afterNs: 10, message: { tag: "unreachable", from: 0x0a000201, code: 1 } },
    { afterNs: 10, message: { tag: "failed", code: "NoAddress" } },
  ]);
  assertEquals(lines.slice(1, 6), [
    "Request timeout for icmp_seq 1",
    "From 10.0.2.1 icmp_seq=2 Destination host unreachable",
    "Cannot send icmp_seq 3: this machine has no IP address yet",
    "--- 10.0.2.9 ping statistics ---",
    "3 packets transmitted, 0 received, 100% packet loss",
  ]);
  assertEquals(status, 1);
});

Deno.test("ping stops when the net stack is gone", () => {
  const { status, lines } = ping(["10.0.2.2"], [{ afterNs: 5, message: undefined }]);
  assertEquals(lines[1], "Cannot ping: the net stack is gone");
  assertEquals(status, 1);
});

Deno.test("a bad command line is refused with the value that is wrong", () => {
  const refused: [string[], string][] = [
    [[], "Cannot ping: no address given; usage: ping [-c COUNT] ADDRESS"],
    [["10.0.2"], 'Cannot ping "10.0.2": not an IPv4 address, such as 10.0.2.2'],
    [["-c", "0", "10.0.2.2"], 'Cannot ping: count is "0", must be 1 to 65535'],
    [["-c"], 'Cannot ping: count is "", must be 1 to 65535'],
    [["-x", "10.0.2.2"], 'Cannot ping: "-x" is not an option; usage: ping [-c COUNT] ADDRESS'],
    [["10.0.2.2", "now"], 'Cannot ping: "now" comes after the address; usage: ping [-c COUNT] ADDRESS'],
  ];
  for (const [words, line] of refused) assertEquals(parseArguments(words), line);
  assertEquals(parseArguments(["10.0.2.2", "-c", "7"]), { address: 0x0a000202, count: 7 });
});
