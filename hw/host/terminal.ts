/**
 * The host's terminal at the other end of the machine's serial line.
 *
 * At a terminal: raw mode, every key goes to the guest (Ctrl-C is byte 3), and the mode is put back
 * however the program ends. Without one: standard input is read to its end, then the line hangs up.
 * - Output is written whole before the emulator goes on, so the guest can't outrun a slow reader.
 * - A reader that went away (EPIPE) ends the line quietly: it hangs up, later output is dropped.
 * - SIGINT, SIGTERM and SIGHUP belong to the caller: `onTerminationSignals`. Without a handler they put
 *   the mode back and end the program.
 */

import type { ConsoleLine } from "../machine/machine.ts";

/** Standard input and output; tests bring their own. */
export interface TerminalStreams {
  readonly input: {
    read(into: Uint8Array): Promise<number | null>;
    isTerminal(): boolean;
    setRaw(raw: boolean): void;
  };
  readonly output: { writeSync(bytes: Uint8Array): number };
}

export interface TerminalOptions {
  /** Called before bytes are typed: brings a paced run up to the present. */
  wake(): void;
  readonly streams?: TerminalStreams;
}

export interface HostTerminal {
  /** Resolves when standard input has ended. */
  readonly inputEnded: Promise<void>;
  /** Puts the terminal's mode back and lets go of the console. A read that waits for a key stays. */
  close(): void;
}

const readBytes = 4096;
const fullPipeWaitMs = 1;
const terminationSignals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];
/** Status of a program that a signal ended is 128 + its number, as shells report it. */
const signalNumbers: Partial<Record<Deno.Signal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGTERM: 15,
  SIGBREAK: 21,
};

let terminationHandlers = 0;

/** Calls `handler` for each signal that asks the program to end; answers how to stop doing so. */
export function onTerminationSignals(handler: (signal: Deno.Signal) => void): () => void {
  terminationHandlers++;
  const removals = terminationSignals.map((signal) => {
    const listener = () => handler(signal);
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => {
    terminationHandlers--;
    removals.forEach((remove) => remove());
  };
}

export function attachTerminal(line: ConsoleLine, options: TerminalOptions): HostTerminal {
  return new Terminal(line, options);
}

const standardStreams: TerminalStreams = { input: Deno.stdin, output: Deno.stdout };

class Terminal implements HostTerminal {
  readonly inputEnded: Promise<void>;
  readonly #line: ConsoleLine;
  readonly #wake: () => void;
  readonly #streams: TerminalStreams;
  #restore: (() => void) | undefined;
  #outputLost = false;
  #closed = false;

  constructor(line: ConsoleLine, options: TerminalOptions) {
    this.#line = line;
    this.#wake = options.wake;
    this.#streams = options.streams ?? standardStreams;
    line.onOutput = (bytes) => this.#write(bytes);
    if (this.#streams.input.isTerminal()) this.#enterRawMode();
    this.inputEnded = this.#readInput();
  }

  close(): void {
    this.#closed = true;
    this.#line.onOutput = undefined;
    this.#restore?.();
  }

  #enterRawMode(): void {
    const { input } = this.#streams;
    input.setRaw(true);
    const leave = () => {
      input.setRaw(false);
      this.#restore = undefined;
      for (const event of ["unload", "error", "unhandledrejection"]) removeEventListener(event, leave);
      for (const [signal, listener] of signalListeners) Deno.removeSignalListener(signal, listener);
    };
    const signalListeners = terminationSignals.map((signal) => {
      const listener = () => {
        // A handler of the caller's wants to shut down in order, and closes this terminal then.
        if (terminationHandlers > 0) return;
        leave();
        Deno.exit(128 + (signalNumbers[signal] ?? 0));
      };
      Deno.addSignalListener(signal, listener);
      return [signal, listener] as const;
    });
    // Deno.exit and a normal end dispatch "unload"; what nobody caught dispatches the other two.
    for (const event of ["unload", "error", "unhandledrejection"]) addEventListener(event, leave);
    this.#restore = leave;
  }

  async #readInput(): Promise<void> {
    const buffer = new Uint8Array(readBytes);
    for (;;) {
      // A terminal that is gone fails to read: that is the end of input, too.
      const count = await this.#streams.input.read(buffer).catch(() => null);
      if (this.#closed) return;
      this.#wake();
      if (count === null) return this.#line.hangUp();
      this.#line.type(buffer.slice(0, count));
    }
  }

  #write(bytes: Uint8Array): void {
    if (this.#outputLost) return;
    for (let position = 0; position < bytes.length;) {
      try {
        position += this.#streams.output.writeSync(bytes.subarray(position));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) pause();
        else if (error instanceof Deno.errors.BrokenPipe) return this.#loseOutput();
        else throw error;
      }
    }
  }

  #loseOutput(): void {
    this.#outputLost = true;
    this.#wake();
    this.#line.hangUp();
  }
}

/** Lets the reader of a full non-blocking pipe catch up. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullPipeWaitMs);
}
