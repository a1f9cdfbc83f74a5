/**
 * The UART, driven through its registers on one side and its terminal on the other.
 * - Times count from the character time of the fastest line.
 * - The interrupt line is recorded as the levels that it changed to.
 */

import { assertEquals } from "@std/assert";
import { type EventLog, silentLog } from "../time/event_log.ts";
import { EventQueue } from "../time/event_queue.ts";
import { later, nanoseconds } from "../time/time.ts";
import { uartRegisters as reg } from "./registers.ts";
import { Uart } from "./uart.ts";

/** One character at divisor 1 with 8 bits, no parity, one stop bit: 10 bits of 250 ns. */
const characterNs = 2500;
const ready = 0b1011;

function bench(log: EventLog = silentLog) {
  const queue = new EventQueue();
  const levels: boolean[] = [];
  let level = false;
  const uart = new Uart("uart0", queue, log, {
    set: (asserted) => {
      if (asserted !== level) levels.push(level = asserted);
    },
  });
  const output: string[] = [];
  uart.onOutput = (bytes) => output.push(`${String.fromCharCode(...bytes)}@${queue.now}`);
  const read = (register: { offset: number }) => {
    const into = new Uint8Array(1);
    uart.registers.read(register.offset, into);
    return into[0]!;
  };
  const write = (register: { offset: number }, value: number) =>
    uart.registers.write(register.offset, Uint8Array.of(value));
  const run = (ns: number) => queue.runUntil(later(queue.now, nanoseconds(ns)));
  const type = (text: string) => uart.type(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  const received = () => {
    let text = "";
    while ((read(reg.LSR) & 1) !== 0) text += String.fromCharCode(read(reg.RBR_THR));
    return text;
  };
  return { queue, uart, levels, output, read, write, run, type, received };
}

function withFifos(trigger = 0) {
  const parts = bench();
  parts.write(reg.IIR_FCR, trigger << 6 | 0b111);
  parts.write(reg.MCR, ready);
  return parts;
}

Deno.test("the uart sends 16 bytes from its FIFO, one character time each", () => {
  const { write, run, output, read } = withFifos();
  for (const letter of "0123456789abcdef") write(reg.RBR_THR, letter.charCodeAt(0));
  assertEquals(read(reg.LSR), 0);
  run(15 * characterNs);
  assertEquals(read(reg.LSR) >> 5 & 3, 0b01, "the FIFO is empty, the shift register is not");
  run(characterNs);
  assertEquals(read(reg.LSR) >> 5 & 3, 0b11);
  assertEquals(output, [`0123456789abcdef@${16 * characterNs}`]);
});

Deno.test("the divisor latch sets the speed", () => {
  const { write, run, output } = withFifos();
  write(reg.LCR, 0x83);
  write(reg.RBR_THR, 0x10);
  write(reg.IER, 0x01);
  write(reg.LCR, 0x03);
  write(reg.RBR_THR, 65);
  run(0x110 * characterNs);
  assertEquals(output, [`A@${0x110 * characterNs}`]);
});

Deno.test("the transmitter-empty interrupt comes when enabled and when the FIFO runs empty; reading IIR clears it", () => {
  const { write, run, levels, read } = withFifos();
  write(reg.IER, 2);
  assertEquals(levels, [true]);
  assertEquals(read(reg.IIR_FCR), 0xc2);
  assertEquals(levels, [true, false]);
  assertEquals(read(reg.IIR_FCR), 0xc1);
  write(reg.RBR_THR, 65);
  write(reg.RBR_THR, 66);
  run(characterNs - 1);
  assertEquals(levels, [true, false], "filling the FIFO announces nothing");
  run(1);
  assertEquals(levels, [true, false, true]);
  assertEquals(read(reg.IIR_FCR), 0xc2);
});

Deno.test("without OUT2 no interrupt leaves the chip", () => {
  const { write, levels } = withFifos();
  write(reg.MCR, 0b0011);
  write(reg.IER, 2);
  assertEquals(levels, []);
});

Deno.test("typed bytes arrive one character time apart and announce themselves at the trigger level", () => {
  const { write, run, levels, type, read, received } = withFifos(1);
  write(reg.IER, 1);
  type("abcd");
  run(4 * characterNs - 1);
  assertEquals(levels, []);
  run(1);
  assertEquals([levels, read(reg.IIR_FCR)], [[true], 0xc4]);
  assertEquals(received(), "abcd");
  assertEquals(levels, [true, false]);
});

Deno.test("bytes below the trigger level announce themselves after four idle characters", () => {
  const { write, run, levels, type, read, received } = withFifos(3);
  write(reg.IER, 1);
  type("a");
  run(5 * characterNs - 1);
  assertEquals(levels, []);
  run(1);
  assertEquals([levels, read(reg.IIR_FCR)], [[true], 0xcc]);
  assertEquals([received(), levels], ["a", [true, false]]);
});

Deno.test("a paste of any length arrives complete, however late it is read", () => {
  const { run, type, received } = withFifos();
  const text = "0123456789".repeat(50);
  type(text);
  let got = "";
  for (let round = 0; round < 100; round++) {
    run(100 * characterNs);
    got += received();
  }
  assertEquals(got, text);
});

Deno.test("nothing arrives before RTS is on, and nothing after it went off", () => {
  const { write, run, type, received } = bench();
  write(reg.IIR_FCR, 1);
  type("ab");
  run(10 * characterNs);
  assertEquals(received(), "");
  write(reg.MCR, ready);
  run(characterNs);
  write(reg.MCR, 0b1001);
  run(10 * characterNs);
  assertEquals(received(), "ab", "the one on the wire still arrives");
  type("c");
  run(10 * characterNs);
  assertEquals(received(), "");
});

Deno.test("more than a mebibyte typed ahead is dropped, counted and logged", () => {
  const lines: string[] = [];
  const { uart } = bench({ record: (source, text) => void lines.push(`${source} ${text}`) });
  uart.type(new Uint8Array(2 ** 20 - 1));
  uart.type(new Uint8Array(5));
  assertEquals(lines, ["uart0 4 typed bytes dropped: too many wait"]);
});

Deno.test("hanging up drops the carrier once all that was typed has been read", () => {
  const { uart, write, run, type, read, received, levels } = withFifos();
  assertEquals(read(reg.MSR), 0xb0);
  write(reg.IER, 8);
  type("ab");
  uart.hangUp();
  run(100 * characterNs);
  assertEquals(read(reg.MSR), 0xb0);
  assertEquals([received(), levels, read(reg.IIR_FCR)], ["ab", [true], 0xc0]);
  assertEquals([read(reg.MSR), levels], [0x38, [true, false]]);
  assertEquals(read(reg.MSR), 0x30);
});
