/**
 * The board driver and a card that answers as its firmware would, or does not.
 *
 * The card is a messaging unit with a script: what it answers to GO, and when.
 * What the driver prints, logs and attaches is compared.
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { Block, Device, Program, SystemCalls } from "../../abi/kernel.ts";
import { encodeText, LineReader } from "../../abi/text.ts";
import { instant, kernelError, TestBlock, testChannel } from "../testing/test_channels.ts";
import { TestInterrupt, TestKernel } from "../testing/test_kernel.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import boardDriver from "./main.ts";

interface Answer {
  readonly afterNs: number;
  readonly code: number;
  readonly address?: number;
}

class TestCard {
  readonly location = "1:0.0";
  readonly interrupt = new TestInterrupt();
  readonly memory = new Map<number, Uint8Array>();
  readonly registers = new Map<number, number>([[0x34, 0xffff_ffff]]);
  command = 0;
  memoryFault = false;
  go: number | undefined;

  get device(): Device {
    return this as unknown as Device;
  }

  read32 = (bar: number, offset: number) =>
    instant("read32", () => {
      assertEquals(bar, 0);
      return this.registers.get(offset) ?? 0;
    });

  write32 = (bar: number, offset: number, value: number) =>
    instant("write32", () => {
      assertEquals(bar, 0);
      if (offset === 0x30) value = (this.registers.get(0x30) ?? 0) & ~value;
      if (offset === 0x10 && value === 1) this.go = this.registers.get(0x14);
      this.registers.set(offset, value);
      this.#raise();
    });

  writeMemory = (bar: number, offset: number, block: Block) =>
    instant("writeMemory", () => {
      if (this.memoryFault) {
        throw kernelError("DeviceFault", "Cannot write 8 bytes at 100000h of BAR 2: beyond it");
      }
      assertEquals(bar, 2);
      this.memory.set(offset, block.bytes.slice());
    });

  readConfiguration32 = (offset: number) =>
    instant("readConfiguration32", () => offset === 4 ? 0x0010_0001 : 0);
  writeConfiguration32 = (offset: number, value: number) =>
    instant("writeConfiguration32", () => {
      assertEquals(offset, 4);
      this.command = value;
    });

  answer({ code, address }: Answer): void {
    this.registers.set(0x1c, address ?? 0);
    this.registers.set(0x18, code);
    this.registers.set(0x30, (this.registers.get(0x30) ?? 0) | 1);
    this.#raise();
  }

  #raise(): void {
    if (((this.registers.get(0x30) ?? 0) & ~(this.registers.get(0x34) ?? 0)) !== 0) this.interrupt.raise();
  }
}

/** Runs the driver against a card that answers GO like this; what it printed, and how it ended. */
function bringUp(answers: readonly Answer[], change: (card: TestCard) => void = () => {}) {
  const bench = new TestKernel();
  const card = new TestCard();
  change(card);
  const attached: unknown[] = [];
  const log: string[] = [];
  const system = {
    satelliteImage: (isa: string) =>
      instant("satelliteImage", () => new TestBlock(encodeText(`HELIOS ${isa}`).slice().buffer)),
    attachCard: (request: unknown) =>
      instant("attachCard", () => {
        attached.push(request);
        return { kernel: "card0" };
      }),
    log: (text: string) => instant("log", () => void log.push(text)),
  } as unknown as SystemCalls;
  const { client, server } = testChannel(pipeContract);
  const options = { device: card.device, system: () => system, stdout: client };
  const driver = bench.start("BoardDriver", boardDriver, options);
  bench.start("Card", function* (kernel): Program {
    while (card.go === undefined && driver.status === undefined) yield* kernel.sleep(1000);
    if (card.go === undefined) return;
    for (const answer of answers) {
      yield* kernel.sleep(answer.afterNs);
      card.answer(answer);
    }
  });
  const printed: string[] = [];
  bench.start("Reader", function* (kernel): Program {
    const lines = new LineReader(kernel, server);
    for (let line = yield* lines.next(); line !== undefined; line = yield* lines.next()) printed.push(line);
  });
  bench.run(() => false, 60e9);
  assertEquals(driver.fault, "");
  return { card, attached, log, printed, status: driver.status, endNs: bench.now };
}

Deno.test("a card that starts its kernel is attached with its boot-info block, and the driver stays", () => {
  const { card, attached, log, printed, status } = bringUp([
    { afterNs: 1e6, code: 0x01 },
    { afterNs: 50e6, code: 0x10, address: 0x0012_3400 },
  ]);
  assertEquals([...card.memory.keys()], [0x0010_0000]);
  assertEquals(card.memory.get(0x0010_0000), encodeText("HELIOS armv5te"));
  assertEquals(card.go, 0x0010_0000);
  assertEquals(attached, [{ messagingUnitBar: 0, memoryBar: 2, bootInfo: 0x0012_3400 }]);
  assertEquals(log, ["card0: satellite kernel up"]);
  assertEquals([printed, status], [[], undefined]);
  assertEquals(card.registers.get(0x34), 0xffff_ffff, "all masked for the kernel that takes over");
});

Deno.test("memory space and bus mastering are switched on without clearing status bits", () => {
  assertEquals(bringUp([{ afterNs: 1, code: 0x10 }]).card.command, 0x0000_0007);
});

Deno.test("each refusal of the firmware is one line with its reason, and exit status 1", () => {
  const reasons: Readonly<Record<number, RegExp>> = {
    0x02: /magic/,
    0x03: /instruction set/,
    0x04: /header's checksum/,
    0x05: /image's checksum/,
    0x06: /does not fit/,
    0x77: /no meaning \(OMR0 = 77h\)/,
  };
  for (const [code, reason] of Object.entries(reasons)) {
    const { printed, status, attached } = bringUp([{ afterNs: 1e6, code: Number(code) }]);
    assertEquals([printed.length, status, attached], [1, 1, []]);
    assertMatch(printed[0]!, /^Cannot start the satellite kernel on the IOP348 at 1:0\.0: /);
    assertMatch(printed[0]!, reason);
  }
});

Deno.test("a card that never answers is given up after 2 s", () => {
  const { printed, status, endNs } = bringUp([]);
  assertEquals(printed, [
    "Cannot start the satellite kernel on the IOP348 at 1:0.0: its firmware has not answered within 2 s",
  ]);
  assertEquals([status, Math.round(endNs / 1e9)], [1, 2]);
});

Deno.test("a card whose kernel does not come up is given up 2 s after it started", () => {
  const { printed, status } = bringUp([{ afterNs: 1e6, code: 0x01 }]);
  assertMatch(printed[0]!, /its kernel was started but has not come up within 2 s$/);
  assertEquals(status, 1);
});

Deno.test("another device's interrupt on the same line does not mislead the driver", () => {
  const { attached } = bringUp(
    [{ afterNs: 5e6, code: 0x10, address: 4096 }],
    (card) => card.interrupt.raise(),
  );
  assertEquals(attached.length, 1);
});

Deno.test("an answer left in the messaging unit from before is not taken for this one", () => {
  const { attached } = bringUp(
    [{ afterNs: 5e6, code: 0x10, address: 4096 }],
    (card) => card.answer({ afterNs: 0, code: 0x05 }),
  );
  assertEquals(attached.length, 1);
});

Deno.test("an image that the card's memory window cannot take is one line, not a fault", () => {
  const { printed, status } = bringUp([], (card) => card.memoryFault = true);
  assertMatch(printed[0]!, /: Cannot write 8 bytes at 100000h of BAR 2: beyond it$/);
  assertEquals(status, 1);
});
