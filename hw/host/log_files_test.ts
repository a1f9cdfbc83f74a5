/**
 * Trace and packet capture: the bytes that tools of the host will read.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { LineEventLog } from "../time/event_log.ts";
import type { Instant } from "../time/time.ts";
import { HostFileError } from "./host_file_error.ts";
import { PcapFile } from "./pcap_file.ts";
import { TraceFile } from "./trace_file.ts";

function withFile(run: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  try {
    run(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("the hash is that of the trace file's bytes, and the same without a file", () => {
  withFile((path) => {
    const clock = { now: 0 as Instant };
    const traces = [new TraceFile(path), new TraceFile()];
    const logs = traces.map((trace) => new LineEventLog(clock, trace.write));
    for (let index = 0; index < 5000; index++) {
      clock.now = (index * 12.5) as Instant;
      for (const log of logs) log.record("nic0", `sent ${index} bytes, naïvely`);
    }
    const hashes = traces.map((trace) => trace.hash());
    traces.forEach((trace) => trace.close());
    const written = Deno.readFileSync(path);
    assertEquals(hashes, new Array(2).fill(createHash("sha256").update(written).digest("hex")));
    assertStringIncludes(new TextDecoder().decode(written), "\n62487.5 nic0 sent 4999 bytes, naïvely\n");
  });
});

Deno.test("an empty log has the hash of nothing; a closed one takes no more", () => {
  const trace = new TraceFile();
  assertEquals(trace.hash(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  trace.write("late\n");
  assertThrows(() => trace.flush(), Error, "went on after its hash was taken");
});

Deno.test("a trace that cannot be written is refused in one line", () => {
  assertEquals(
    assertThrows(() => new TraceFile("/nowhere/at/all"), HostFileError).message,
    `Cannot write trace "/nowhere/at/all": not found`,
  );
});

Deno.test("a capture is a nanosecond pcap with virtual time stamps", () => {
  withFile((path) => {
    const clock = { now: 0 as Instant };
    const capture = new PcapFile(path, clock);
    const frames = Array.from({ length: 100 }, (_, index) => new Uint8Array(60 + index * 14).fill(index));
    frames.forEach((frame, index) => {
      clock.now = (index * 1.5e9 + 7.9) as Instant;
      capture.frame(frame);
    });
    capture.close();
    const bytes = Deno.readFileSync(path);
    const view = new DataView(bytes.buffer);
    assertEquals([0, 16, 20].map((at) => view.getUint32(at, true)), [0xa1b23c4d, 262144, 1]);
    assertEquals([view.getUint16(4, true), view.getUint16(6, true)], [2, 4]);
    let at = 24;
    frames.forEach((frame, index) => {
      assertEquals([0, 4, 8, 12].map((field) => view.getUint32(at + field, true)), [
        Math.floor(index * 1.5),
        index % 2 === 1 ? 500_000_007 : 7,
        frame.length,
        frame.length,
      ]);
      assertEquals(bytes.subarray(at + 16, at + 16 + frame.length), frame);
      at += 16 + frame.length;
    });
    assertEquals(at, bytes.length);
  });
});
