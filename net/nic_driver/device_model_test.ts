/**
 * The driver against the emulated 8254x: two of each, joined by a cable.
 *
 * Nothing between program and device is scripted: registers, DMA of rings and
 * buffers, interrupts and their throttling are the model's own.
 */

import { assert, assertEquals } from "@std/assert";
import { createNic } from "../../hw/intel_8254x/nic.ts";
import type { Station } from "../../hw/ethernet/link.ts";
import { BusFault } from "../../hw/memory/bus_target.ts";
import type { PciDevice } from "../../hw/pci/device.ts";
import { silentLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import { type Instant, later, microseconds, nanoseconds } from "../../hw/time/time.ts";
import type {
  Block,
  Call,
  Device,
  Endpoint,
  Kernel,
  KernelRequest,
  Program,
} from "../../kernel/abi/kernel.ts";
import { instant } from "../../kernel/programs/testing/test_channels.ts";
import { TestInterrupt, TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import { nicDeviceContract } from "../contracts/nic_device.ts";
import main from "./main.ts";

type Client = Endpoint<typeof nicDeviceContract, "client">;

const nsPerByte = 8;
const wireOverhead = 24;

/** Memory that devices reach: rings and blocks, each at its bus address. */
class Memory {
  readonly #regions: { address: number; size: number; buffer: () => ArrayBufferLike }[] = [];
  #next = 0x10_0000;

  add(size: number, buffer: () => ArrayBufferLike): number {
    const address = this.#next;
    this.#next += Math.ceil(size / 4096) * 4096;
    this.#regions.push({ address, size, buffer });
    return address;
  }

  at(address: number, length: number): Uint8Array {
    const region = this.#regions.find((each) =>
      address >= each.address && address + length <= each.address + each.size
    );
    if (region === undefined) throw new BusFault("memory", address, `no ${length} bytes there`);
    return new Uint8Array(region.buffer(), address - region.address, length);
  }
}

class Bench {
  readonly kernel = new TestKernel();
  readonly queue = new EventQueue();
  readonly #memory = new Memory();
  readonly #stations: Station[] = [];

  constructor() {
    const { queue } = this;
    const request = {
      operation: "devices",
      ready: () => false,
      // Register accesses bring new events, so the time of the next one is asked for anew each time.
      get deadline() {
        return queue.nextInstant() ?? Infinity;
      },
    } as KernelRequest;
    const catchUp = () => this.#catchUp();
    this.kernel.start("devices", function* () {
      for (;;) {
        catchUp();
        yield request;
      }
    });
  }

  /** Runs the devices up to the programs' present. */
  #catchUp() {
    this.queue.runUntil(this.kernel.now as Instant);
  }

  /** Plugs a NIC into the cable, with a driver. */
  addNic(model: "82540EM" | "82545GM", lastByte: number) {
    const { queue } = this;
    const interrupt = new TestInterrupt();
    let wireFreeAt = queue.now;
    const nic = createNic({
      name: `nic${lastByte}`,
      model,
      macAddress: Uint8Array.of(0x52, 0x54, 0, 0, 0, lastByte),
      plug: (station) => {
        this.#stations.push(station);
        return {
          bitsPerSecond: 1e9,
          transmit: (frame, sent) => {
            const wireTime = nanoseconds((frame.length + wireOverhead) * nsPerByte);
            wireFreeAt = later(Math.max(wireFreeAt, queue.now) as Instant, wireTime);
            queue.at(wireFreeAt, () => {
              sent?.();
              for (const other of this.#stations) if (other !== station) other.receive(frame);
            });
          },
        };
      },
    })(
      {
        clock: queue,
        log: silentLog,
        dma: {
          read: (address, length, done) =>
            queue.after(microseconds(1), () => done(this.#memory.at(address, length).slice())),
          write: (address, bytes, done) =>
            queue.after(microseconds(1), () => {
              this.#memory.at(address, bytes.length).set(bytes);
              done();
            }),
        },
        interrupt: { set: (asserted) => asserted ? interrupt.raise() : undefined },
        cacheLineSize: () => 0,
        reportAbort: () => {},
      } as Parameters<ReturnType<typeof createNic>>[0],
    );
    this.kernel.start(`NicDriver ${lastByte}`, main, { device: this.#device(nic, interrupt) });
  }

  #device(nic: PciDevice, interrupt: TestInterrupt): Device {
    const registers = nic.bars[0]!.target;
    const word = new Uint8Array(4);
    const view = new DataView(word.buffer);
    const access = <T>(operation: string, act: () => T): Call<T> =>
      instant(operation, () => {
        this.#catchUp();
        return act();
      });
    return {
      location: "0:3.0",
      vendorId: nic.identity.vendorId,
      deviceId: nic.identity.deviceId,
      interrupt,
      readConfiguration32: () => instant("readConfiguration32", () => 0),
      writeConfiguration32: () => instant("writeConfiguration32", () => {}),
      read32: (_bar: number, offset: number) =>
        access("read32", () => {
          registers.read(offset, word);
          return view.getUint32(0, true);
        }),
      write32: (_bar: number, offset: number, value: number) =>
        access("write32", () => {
          view.setUint32(0, value, true);
          registers.write(offset, word);
        }),
      shareMemory: (size: number) =>
        instant("shareMemory", () => {
          const bytes = new Uint8Array(size);
          return {
            address: this.#memory.add(size, () => bytes.buffer),
            size,
            read: (offset: number, length: number) =>
              access("read", () => bytes.slice(offset, offset + length)),
            write: (offset: number, from: Uint8Array) => access("write", () => bytes.set(from, offset)),
          };
        }),
      addressOf: (block: Block) =>
        instant("addressOf", () => this.#memory.add(block.capacity, () => block.bytes.buffer)),
    } as unknown as Device;
  }

  /** Runs until both programs have ended. */
  run(...programs: ((kernel: Kernel) => Program)[]) {
    const processes = programs.map((program, index) => this.kernel.start(`program ${index}`, program));
    this.kernel.run(() => processes.every(({ status }) => status !== undefined), 10e9);
    for (const { name, fault } of this.kernel.processes) assertEquals(fault, "", name);
    assertEquals(processes.map(({ status }) => status), processes.map(() => 0));
  }
}

function* open(kernel: Kernel, path: string): Call<{ nic: Client; mac: number; credit: number }> {
  const nic = yield* kernel.bind(nicDeviceContract, path);
  yield* nic.send("describe");
  const described = yield* nic.receive();
  yield* nic.send("start");
  const started = yield* nic.receive();
  if (described.tag !== "described" || started.tag !== "started") throw new Error("the NIC does not start");
  assertEquals(described.linkUp, true);
  return { nic, mac: described.mac, credit: started.transmitCredit };
}

/** A frame for station `to`, numbered, of `length` bytes, somewhere inside its block. */
function* frameFor(kernel: Kernel, to: number, number: number, length: number): Call<Block> {
  const block = yield* kernel.allocate(2048);
  block.window(number % 7, length);
  const bytes = block.bytes;
  bytes.set([0x52, 0x54, 0, 0, 0, to]);
  for (let index = 12; index < length; index++) bytes[index] = number + index;
  return block;
}

const lengthOf = (number: number) => 60 + number * 37 % 1455;

for (const model of ["82540EM", "82545GM"] as const) {
  Deno.test(`frames cross the cable whole and in order between two NICs of model ${model}`, () => {
    const count = 1000;
    const bench = new Bench();
    bench.addNic(model, 1);
    bench.addNic(model, 2);
    let receivedAt = 0;
    bench.run(function* (kernel) {
      yield* kernel.sleep(100e6);
      const { nic, credit: initial } = yield* open(kernel, "/dev/nic0");
      yield* kernel.sleep(1e6);
      let credit = initial;
      for (let number = 0; number < count || credit < initial;) {
        if (credit === 0 || number === count) {
          const message = yield* nic.receive();
          if (message.tag === "transmitted") credit += message.frames;
        } else {
          credit--;
          yield* nic.send("transmit", { frame: yield* frameFor(kernel, 2, number, lengthOf(number)) });
          number++;
        }
      }
      yield* nic.send("count");
      const counted = yield* nic.receive();
      assert(counted.tag === "counted" && counted.transmitted === count && counted.dropped === 0);
    }, function* (kernel) {
      yield* kernel.sleep(100e6);
      const { nic, mac } = yield* open(kernel, "/dev/nic1");
      assertEquals(mac, 0x525400000002);
      yield* nic.send("grant", { frames: 64 });
      for (let number = 0; number < count;) {
        const message = yield* nic.receive();
        if (message.tag !== "received") continue;
        const { bytes } = message.frame;
        assertEquals(bytes.length, lengthOf(number));
        assertEquals([bytes[5], bytes[12], bytes.at(-1)], [
          2,
          number + 12 & 255,
          number + bytes.length - 1 & 255,
        ]);
        yield* kernel.free(message.frame);
        yield* nic.send("grant", { frames: 1 });
        number++;
      }
      receivedAt = yield* kernel.now();
    });
    // 1000 frames of some 790 bytes take 6.5 ms on the wire; throttling adds 125 us at its end.
    assert(receivedAt - 101e6 < 8e6, `took ${receivedAt - 101e6} ns`);
  });
}

Deno.test("frames that find no credit and then no descriptor are missed, and the rest arrive later", () => {
  const count = 400;
  const bench = new Bench();
  bench.addNic("82545GM", 1);
  bench.addNic("82545GM", 2);
  bench.run(function* (kernel) {
    yield* kernel.sleep(100e6);
    const { nic, credit: initial } = yield* open(kernel, "/dev/nic0");
    yield* kernel.sleep(1e6);
    let credit = initial;
    for (let number = 0; number < count; number++) {
      yield* nic.send("transmit", { frame: yield* frameFor(kernel, 2, number, 60) });
      credit--;
      while (credit === 0) {
        const message = yield* nic.receive();
        if (message.tag === "transmitted") credit += message.frames;
      }
    }
    yield* kernel.sleep(200e6);
  }, function* (kernel) {
    yield* kernel.sleep(100e6);
    const { nic } = yield* open(kernel, "/dev/nic1");
    yield* kernel.sleep(100e6);
    yield* nic.send("grant", { frames: 1000 });
    let received = 0;
    for (;;) {
      const answer = yield* kernel.select({ nic }, 10e6);
      if (answer.on !== "nic" || answer.kind === "closed") break;
      if (answer.message.tag === "received") {
        assertEquals(answer.message.frame.bytes[12], received + 12 & 255);
        yield* kernel.free(answer.message.frame);
        received++;
      }
    }
    yield* nic.send("count");
    const counted = yield* nic.receive();
    if (counted.tag !== "counted") throw new Error(counted.tag);
    assertEquals([received, counted.received, counted.missed > 0, received + counted.missed], [
      255,
      255,
      true,
      count,
    ]);
  });
});
