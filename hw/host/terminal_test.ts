/**
 * The terminal at the machine's serial line, with streams that the tests bring.
 *
 * The mode must be put back on every way out; what the streams were told is the proof.
 */

import { assertEquals } from "@std/assert";
import type { ConsoleLine } from "../machine/machine.ts";
import { attachTerminal, onTerminationSignals, type TerminalStreams } from "./terminal.ts";

class BenchLine implements ConsoleLine {
  readonly typed: number[] = [];
  hungUp = 0;
  onOutput: ((bytes: Uint8Array) => void) | undefined;

  type(bytes: Uint8Array): void {
    this.typed.push(...bytes);
  }

  hangUp(): void {
    this.hungUp++;
  }
}

function streamsOnABench(input: readonly (readonly number[])[], isTerminal = false) {
  const chunks = [...input];
  const modes: boolean[] = [];
  const written: number[] = [];
  const streams: TerminalStreams = {
    input: {
      read: (into) => {
        const chunk = chunks.shift();
        into.set(chunk ?? []);
        return Promise.resolve(chunk === undefined ? null : chunk.length);
      },
      isTerminal: () => isTerminal,
      setRaw: (raw) => void modes.push(raw),
    },
    output: {
      writeSync: (bytes) => {
        // A slow pipe: at most three bytes at a time, and now and then none.
        if (written.length % 5 === 4) {
          written.push(-1);
          throw new Deno.errors.WouldBlock();
        }
        const part = [...bytes.subarray(0, Math.min(3, 4 - written.length % 5))];
        written.push(...part);
        return part.length;
      },
    },
  };
  return { streams, modes, written };
}

Deno.test("without a terminal input is typed to its end and then the line hangs up", async () => {
  const line = new BenchLine();
  const { streams, modes } = streamsOnABench([[1, 2], [3]]);
  let wakes = 0;
  const terminal = attachTerminal(line, { wake: () => wakes++, streams });
  await terminal.inputEnded;
  assertEquals([line.typed, line.hungUp, modes, wakes], [[1, 2, 3], 1, [], 3]);
  terminal.close();
});

Deno.test("at a terminal the mode is raw until it is closed, and Ctrl-C goes to the guest", async () => {
  const line = new BenchLine();
  const { streams, modes } = streamsOnABench([[3]], true);
  const terminal = attachTerminal(line, { wake: () => {}, streams });
  await terminal.inputEnded;
  assertEquals([line.typed, modes], [[3], [true]]);
  terminal.close();
  terminal.close();
  assertEquals(modes, [true, false]);
});

Deno.test("the mode is put back when something throws and nobody catches it", async () => {
  const { streams, modes } = streamsOnABench([], true);
  const terminal = attachTerminal(new BenchLine(), { wake: () => {}, streams });
  await terminal.inputEnded;
  dispatchEvent(new Event("error"));
  assertEquals(modes, [true, false]);
  terminal.close();
  assertEquals(modes, [true, false]);
});

Deno.test("output is written whole, however little the reader takes at a time", () => {
  const line = new BenchLine();
  const { streams, written } = streamsOnABench([]);
  attachTerminal(line, { wake: () => {}, streams });
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
  line.onOutput!(bytes);
  assertEquals(written.filter((byte) => byte >= 0), [...bytes]);
});

Deno.test("a reader that went away hangs the line up once, and later output is dropped", () => {
  const line = new BenchLine();
  const { streams } = streamsOnABench([]);
  const broken = {
    ...streams,
    output: {
      writeSync: () => {
        throw new Deno.errors.BrokenPipe();
      },
    },
    input: { ...streams.input, read: () => new Promise<null>(() => {}) },
  };
  attachTerminal(line, { wake: () => {}, streams: broken });
  line.onOutput!(Uint8Array.of(1));
  line.onOutput!(Uint8Array.of(2));
  assertEquals(line.hungUp, 1);
});

Deno.test("a closed terminal types nothing any more", async () => {
  const line = new BenchLine();
  const { streams } = streamsOnABench([[1]]);
  const terminal = attachTerminal(line, { wake: () => {}, streams });
  terminal.close();
  await terminal.inputEnded;
  assertEquals([line.typed, line.hungUp, line.onOutput], [[], 0, undefined]);
});

Deno.test("termination signals reach the handler until it is taken away", async () => {
  const heard: Deno.Signal[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const remove = onTerminationSignals((signal) => {
    heard.push(signal);
    resolve();
  });
  // A listener alone does not keep the program alive.
  const alive = setTimeout(() => {}, 60_000);
  Deno.kill(Deno.pid, "SIGTERM");
  await promise;
  clearTimeout(alive);
  remove();
  assertEquals(heard, ["SIGTERM"]);
});
