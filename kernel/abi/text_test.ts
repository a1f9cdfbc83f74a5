/**
 * Text for programs: UTF-8 against the host's own coder, and lines over a pipe
 * whose other end the test plays.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Call, Endpoint, Kernel, KernelRequest } from "./kernel.ts";
import type { pipeContract } from "../contracts/pipe.ts";
import { decodeText, encodeText, lineBytesMax, LineReader, writeText } from "./text.ts";

function* answer<T>(value: T): Call<T> {
  yield { operation: "bench" };
  return value;
}

const finish = <T>(call: Generator<KernelRequest, T, unknown>): T => {
  for (;;) {
    const step = call.next();
    if (step.done) return step.value;
  }
};

const blockOf = (bytes: Uint8Array) => ({ bytes, length: bytes.length });
const kernel = {
  allocate: (size: number) => answer(blockOf(new Uint8Array(size))),
  free: () => answer(undefined),
} as unknown as Kernel;

/** A reader whose pipe delivers these writes and then closes; `log` counts the answers. */
function readerOf(writes: readonly Uint8Array[]) {
  const waiting = [...writes];
  const log: string[] = [];
  const input = {
    receiveOrClosed: () => {
      const data = waiting.shift();
      return answer(data === undefined ? undefined : { tag: "write", data: blockOf(data) });
    },
    send: (name: string) => answer(void log.push(name)),
  } as unknown as Endpoint<typeof pipeContract, "server">;
  return { reader: new LineReader(kernel, input), log };
}

function linesOf(writes: readonly Uint8Array[]): string[] {
  const { reader } = readerOf(writes);
  const lines: string[] = [];
  for (let line = finish(reader.next()); line !== undefined; line = finish(reader.next())) lines.push(line);
  return lines;
}

Deno.test("text is encoded as the host encodes it, half surrogate pairs included", () => {
  const text = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
  fc.assert(fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (text) => {
    assertEquals(encodeText(text), new TextEncoder().encode(text));
  }));
});

Deno.test("well-formed UTF-8 is decoded as the host decodes it", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(decodeText(new TextEncoder().encode(text)), text);
  }));
});

Deno.test("each byte of malformed UTF-8 becomes one replacement character", () => {
  const text = (...bytes: number[]) => decodeText(Uint8Array.of(...bytes));
  assertEquals(text(0x61, 0xff, 0x62), "a\ufffdb");
  assertEquals(text(0xc0, 0x80), "\ufffd\ufffd"); // overlong
  assertEquals(text(0xe0, 0x80, 0x80), "\ufffd\ufffd\ufffd"); // overlong
  assertEquals(text(0xed, 0xa0, 0x80), "\ufffd\ufffd\ufffd"); // surrogate
  assertEquals(text(0xf4, 0x90, 0x80, 0x80), "\ufffd\ufffd\ufffd\ufffd"); // above 10FFFFh
  assertEquals(text(0xe2, 0x82), "\ufffd\ufffd"); // cut off
});

Deno.test("lines come whole, however the writer cut them", () => {
  const text = "one\n\r\nthree\r\n\nfünf\nlast";
  const bytes = encodeText(text);
  fc.assert(fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
    const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    const writes = places.slice(1).map((end, index) => bytes.slice(places[index], end));
    assertEquals(linesOf(writes), ["one", "", "three", "", "fünf", "last"]);
  }));
});

Deno.test("each write is answered once it is taken", () => {
  const { reader, log } = readerOf([encodeText("a\nb\n"), encodeText("c\n")]);
  finish(reader.next());
  finish(reader.next());
  assertEquals(log, ["written"]);
  finish(reader.next());
  assertEquals(log, ["written", "written"]);
});

Deno.test("a line that is too long is cut, and its rest is no line of its own", () => {
  const long = new Uint8Array(2 * lineBytesMax + 10).fill(0x61);
  const lines = linesOf([encodeText("first\n"), long, encodeText("; rest\nlast\n")]);
  assertEquals([lines[0], lines[2], lines.length], ["first", "last", 3]);
  assertEquals(new Set(lines[1]), new Set("a"));
});

Deno.test("writing waits for the reader and says when there is none", () => {
  for (const reply of [{ tag: "written" }, undefined]) {
    const sent: string[] = [];
    const output = {
      send: (_name: string, { data }: { data: { bytes: Uint8Array } }) =>
        answer(void sent.push(decodeText(data.bytes))),
      receiveOrClosed: () => answer(reply),
    } as unknown as Endpoint<typeof pipeContract, "client">;
    assertEquals(finish(writeText(kernel, output, "hello\n")), reply !== undefined);
    assertEquals(sent, ["hello\n"]);
  }
});
