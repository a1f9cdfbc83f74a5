/**
 * The NIC driver program on a bench: scripted kernel, registers in a map, rings
 * in plain memory, and a test that plays device and client.
 *
 * The program runs until it waits for something that has not happened; `bench.run`
 * takes it up again.
 */

import { assertEquals } from "@std/assert";
import type { Block, Call, Kernel, KernelRequest } from "../../kernel/abi/kernel.ts";
import { nicRegisters, type RegisterName } from "./registers.ts";
import main from "./main.ts";

const waiting = Symbol("waiting");

/** A kernel call of the bench: `run` is tried again until it does not answer `waiting`. */
function* call<T>(operation: string, run: () => T | typeof waiting): Call<T> {
  return (yield { operation, run } as KernelRequest) as T;
}

class BenchBlock implements Block {
  readonly isReadOnly = false;
  readonly capacity: number;
  freed = false;
  #bytes: Uint8Array;
  constructor(readonly address: number, size: number) {
    this.capacity = size;
    this.#bytes = new Uint8Array(size);
  }
  get bytes() {
    return this.#bytes;
  }
  get length() {
    return this.#bytes.length;
  }
  window(offset: number, length: number) {
    this.#bytes = new Uint8Array(this.#bytes.buffer as ArrayBuffer, offset, length);
  }
}

interface Sent {
  readonly tag: string;
  readonly [field: string]: unknown;
}

class BenchClient {
  readonly sent: Sent[] = [];
  closed = false;
  send = (tag: string, body: object = {}) => call("send", () => void this.sent.push({ tag, ...body }));
  close = () => call("close", () => void (this.closed = true));
}

class Bench {
  readonly registers = new Map<number, number>();
  readonly writes: { offset: number; value: number }[] = [];
  readonly memories: Uint8Array[] = [];
  readonly blocks: BenchBlock[] = [];
  readonly registered: string[] = [];
  readonly taken = new Set<string>();
  readonly occurrences: object[] = [];
  now = 0;
  interrupts = 0;
  causes = 0;
  readonly #program: Generator<KernelRequest, number | void, unknown>;
  #request: IteratorResult<KernelRequest, number | void> | undefined = undefined;

  constructor() {
    this.#program = main(this.#kernel() as unknown as Kernel);
    const mac = [0x5452, 0x1200, 0x5634];
    this.onWrite(nicRegisters.EERD.offset, (value) => {
      this.registers.set(nicRegisters.EERD.offset, (mac[value >>> 8 & 0xff]! << 16 | 1 << 4) >>> 0);
    });
  }

  readonly #writers = new Map<number, (value: number) => void>();
  onWrite(offset: number, action: (value: number) => void) {
    this.#writers.set(offset, action);
  }

  set linkUp(up: boolean) {
    this.registers.set(nicRegisters.STATUS.offset, up ? 3 : 1);
  }

  /** The values written to a register, since the beginning. */
  written(name: RegisterName): number[] {
    return this.writes.filter(({ offset }) => offset === nicRegisters[name].offset).map(({ value }) => value);
  }

  /** Lets the device interrupt with these causes, and the program handle it. */
  interrupt(causes: number) {
    this.causes |= causes;
    this.interrupts++;
    this.run();
  }

  happen(occurrence: object) {
    this.occurrences.push(occurrence);
    this.run();
  }

  connect(): BenchClient {
    const endpoint = new BenchClient();
    this.happen({ on: "service", kind: "connection", endpoint });
    return endpoint;
  }

  message(endpoint: BenchClient, tag: string, body: object = {}) {
    this.happen({ on: "clients", kind: "message", endpoint, data: undefined, message: { tag, ...body } });
  }

  block(size: number): BenchBlock {
    const block = new BenchBlock(0x10_0000 + this.blocks.length * 0x1000, size);
    this.blocks.push(block);
    return block;
  }

  /** The device writes a frame into the receive ring's slot and reports it. */
  receive(slot: number, length: number, errors = 0): BenchBlock {
    const ring = new DataView(this.memories[0]!.buffer);
    const address = ring.getUint32(slot * 16, true);
    const block = this.blocks.find((candidate) => candidate.address === address)!;
    block.bytes.fill(slot + 1, 0, length);
    ring.setUint16(slot * 16 + 8, length, true);
    ring.setUint8(slot * 16 + 12, 3);
    ring.setUint8(slot * 16 + 13, errors);
    return block;
  }

  /** The device reports the transmit ring's slot as sent. */
  transmit(slot: number) {
    this.memories[1]![slot * 16 + 12] = 1;
  }

  /** Runs the program until it waits. */
  run() {
    this.#request ??= this.#program.next();
    while (!this.#request.done) {
      const answer = (this.#request.value as KernelRequest & { run(): unknown }).run();
      if (answer === waiting) return;
      this.#request = answer instanceof Error ? this.#program.throw(answer) : this.#program.next(answer);
    }
  }

  #kernel() {
    return {
      device: this.#device(),
      sleep: (nanoseconds: number) => call("sleep", () => void (this.now += nanoseconds)),
      allocate: (size: number) => call("allocate", () => this.block(size)),
      free: (block: BenchBlock) => call("free", () => void (block.freed = true)),
      endpointSet: () => ({ add: () => {} }),
      register: (_contract: unknown, path: string) =>
        call("register", () => {
          if (this.taken.has(path)) {
            return Object.assign(new Error(path), { name: "KernelError", code: "AlreadyRegistered" });
          }
          this.registered.push(path);
          return {};
        }),
      select: (_sources: unknown, timeoutNs?: number) =>
        call("select", () => {
          if (this.interrupts > 0) {
            this.interrupts--;
            return { on: "interrupt", kind: "interrupt" };
          }
          const occurrence = this.occurrences.shift();
          return occurrence ?? (timeoutNs === 0 ? { on: "timeout" } : waiting);
        }),
    };
  }

  #device() {
    return {
      location: "0:3.0",
      vendorId: 0x8086,
      deviceId: 0x1026,
      readConfiguration32: () => call("readConfiguration32", () => 0),
      writeConfiguration32: () => call("writeConfiguration32", () => undefined),
      shareMemory: (size: number) =>
        call("shareMemory", () => {
          const memory = new Uint8Array(size);
          this.memories.push(memory);
          return {
            address: 0x1000 * this.memories.length,
            size,
            read: (offset: number, length: number) =>
              call("read", () => memory.slice(offset, offset + length)),
            write: (offset: number, bytes: Uint8Array) => call("write", () => memory.set(bytes, offset)),
          };
        }),
      addressOf: (block: BenchBlock) => call("addressOf", () => block.address),
      read32: (_bar: number, offset: number) =>
        call("read32", () => {
          if (offset !== nicRegisters.ICR.offset) return this.registers.get(offset) ?? 0;
          const causes = this.causes;
          this.causes = 0;
          return causes;
        }),
      write32: (_bar: number, offset: number, value: number) =>
        call("write32", () => {
          this.writes.push({ offset, value });
          this.registers.set(offset, value);
          this.#writers.get(offset)?.(value);
        }),
      interrupt: {
        wait: () => call("wait", () => this.interrupts > 0 ? void this.interrupts-- : waiting),
        acknowledge: () => call("acknowledge", () => undefined),
      },
    };
  }
}

const TXDW = 1;
const LSC = 4;
const RXT0 = 128;

function started(): { bench: Bench; client: BenchClient } {
  const bench = new Bench();
  bench.linkUp = true;
  bench.run();
  const client = bench.connect();
  bench.message(client, "start");
  return { bench, client };
}

Deno.test("the driver advertises its NIC only once the link is up", () => {
  const bench = new Bench();
  bench.linkUp = false;
  bench.run();
  bench.interrupt(LSC);
  assertEquals(bench.registered, []);
  bench.linkUp = true;
  bench.interrupt(LSC);
  assertEquals(bench.registered, ["/dev/nic0"]);
});

Deno.test("the driver takes the lowest free name", () => {
  const bench = new Bench();
  bench.taken.add("/dev/nic0").add("/dev/nic1");
  bench.linkUp = true;
  bench.run();
  assertEquals(bench.registered, ["/dev/nic2"]);
});

Deno.test("the driver describes itself by the address in the EEPROM and sets it as receive address", () => {
  const bench = new Bench();
  bench.linkUp = true;
  bench.run();
  const client = bench.connect();
  bench.message(client, "describe");
  assertEquals(client.sent, [{ tag: "described", mac: 0x525400123456, mtu: 1500, linkUp: true }]);
  assertEquals(bench.written("RAL")[0], 0x12005452);
  assertEquals(bench.written("RAH")[0], 0x80005634);
});

Deno.test("a second client is turned away, and one may come when the first is gone", () => {
  const { bench, client } = started();
  const second = bench.connect();
  assertEquals([client.closed, second.closed], [false, true]);
  bench.happen({ on: "clients", kind: "closed", endpoint: client, data: undefined });
  assertEquals(bench.written("RCTL").at(-1), 0);
  const third = bench.connect();
  bench.message(third, "start");
  assertEquals(third.closed, false);
  assertEquals(third.sent, [{ tag: "started", transmitCredit: 255 }]);
});

Deno.test("a received frame travels in the very block that the device wrote", () => {
  const { bench, client } = started();
  bench.message(client, "grant", { frames: 8 });
  const buffer = bench.receive(0, 60);
  bench.interrupt(RXT0);
  assertEquals(client.sent.slice(1), [{ tag: "received", frame: buffer }]);
  assertEquals([...buffer.bytes], new Array(60).fill(1));
  // The slot's replacement is given at the tail, 255 slots on.
  assertEquals(bench.written("RDT").at(-1), 0);
});

Deno.test("frames beyond the credit wait in the ring until the client grants more", () => {
  const { bench, client } = started();
  bench.message(client, "grant", { frames: 2 });
  const buffers = [0, 1, 2].map((slot) => bench.receive(slot, 100));
  bench.interrupt(RXT0);
  assertEquals(client.sent.slice(1).map(({ frame }) => frame), buffers.slice(0, 2));
  bench.message(client, "grant", { frames: 1 });
  assertEquals(client.sent.slice(1).map(({ frame }) => frame), buffers);
});

Deno.test("a damaged frame is counted and its buffer used again", () => {
  const { bench, client } = started();
  bench.message(client, "grant", { frames: 8 });
  const damaged = bench.receive(0, 60, 1);
  bench.interrupt(RXT0);
  assertEquals(client.sent.length, 1);
  assertEquals(damaged.freed, false);
  assertEquals(new DataView(bench.memories[0]!.buffer).getUint32(255 * 16, true), damaged.address);
  bench.registers.set(nicRegisters.MPC.offset, 7);
  bench.message(client, "count");
  assertEquals(client.sent.at(-1), {
    tag: "counted",
    received: 0,
    missed: 7,
    bad: 1,
    transmitted: 0,
    dropped: 0,
  });
});

Deno.test("frames that were received for an earlier client are not given to the next", () => {
  const { bench, client } = started();
  bench.happen({ on: "clients", kind: "closed", endpoint: client, data: undefined });
  const stale = bench.receive(0, 60);
  const next = bench.connect();
  bench.message(next, "start");
  bench.message(next, "grant", { frames: 8 });
  const fresh = bench.receive(1, 60);
  bench.interrupt(RXT0);
  assertEquals(stale.freed, true);
  assertEquals(next.sent.slice(1), [{ tag: "received", frame: fresh }]);
});

Deno.test("frames to send go out from where their window is, with one doorbell for all that wait", () => {
  const { bench, client } = started();
  const frames = [bench.block(200), bench.block(200)];
  frames[1]!.window(40, 100);
  bench.occurrences.push({
    on: "clients",
    kind: "message",
    endpoint: client,
    message: { tag: "transmit", frame: frames[0] },
  });
  bench.message(client, "transmit", { frame: frames[1] });
  assertEquals(bench.written("TDT"), [0, 2]);
  const ring = new DataView(bench.memories[1]!.buffer);
  assertEquals([ring.getUint32(0, true), ring.getUint16(8, true)], [frames[0]!.address, 200]);
  assertEquals([ring.getUint32(16, true), ring.getUint16(24, true)], [frames[1]!.address + 40, 100]);
});

Deno.test("a sent frame's block is freed and its credit comes back", () => {
  const { bench, client } = started();
  const frames = [bench.block(60), bench.block(60), bench.block(60)];
  for (const frame of frames) bench.message(client, "transmit", { frame });
  bench.transmit(0);
  bench.transmit(1);
  bench.interrupt(TXDW);
  assertEquals(frames.map(({ freed }) => freed), [true, true, false]);
  assertEquals(client.sent.slice(1), [{ tag: "transmitted", frames: 2 }]);
});

Deno.test("a frame of a length that Ethernet forbids is dropped, counted, and its credit comes back", () => {
  const { bench, client } = started();
  const frames = [bench.block(13), bench.block(1515)];
  for (const frame of frames) bench.message(client, "transmit", { frame });
  assertEquals(frames.map(({ freed }) => freed), [true, true]);
  assertEquals(client.sent.slice(1), [{ tag: "transmitted", frames: 1 }, { tag: "transmitted", frames: 1 }]);
  bench.message(client, "count");
  assertEquals(client.sent.at(-1)!.dropped, 2);
});

Deno.test("a client hears of the link going down and coming back", () => {
  const { bench, client } = started();
  bench.linkUp = false;
  bench.interrupt(LSC);
  bench.interrupt(LSC);
  bench.linkUp = true;
  bench.interrupt(LSC);
  assertEquals(client.sent.slice(1), [{ tag: "linkChanged", up: false }, { tag: "linkChanged", up: true }]);
});

Deno.test("a client that has not seen two changes of the link hears how it stands when it has", () => {
  const { bench, client } = started();
  for (const up of [false, true, false, true, false]) {
    bench.linkUp = up;
    bench.interrupt(LSC);
  }
  assertEquals(client.sent.length, 3);
  bench.message(client, "linkSeen");
  assertEquals(client.sent.slice(3), [{ tag: "linkChanged", up: false }]);
  bench.message(client, "linkSeen");
  assertEquals(client.sent.length, 4);
});

Deno.test("a device that stops sending is reset, what it held is counted as dropped, and frames come in again", () => {
  const { bench, client } = started();
  const frame = bench.block(60);
  bench.message(client, "transmit", { frame });
  bench.happen({ on: "timeout" });
  assertEquals(frame.freed, true);
  assertEquals(client.sent.slice(1), [{ tag: "transmitted", frames: 1 }]);
  assertEquals(bench.written("CTRL_DUP").length, 2);
  assertEquals(bench.registers.get(nicRegisters.RCTL.offset)! >>> 1 & 1, 1);
});
