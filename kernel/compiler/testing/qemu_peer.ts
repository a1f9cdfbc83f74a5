/**
 * Compares the speed of accounted code with that of the same C program under qemu-arm: `deno task peer`.
 *
 * The C program, `peer.c`, is compiled for armv5te and run by Debian's qemu-user over the same bytes, in
 * between the rounds of the accounted code; of each the fastest round counts.
 * - Needs `apt-get install qemu-user gcc-arm-linux-gnueabi libc6-dev-armel-cross`; says so and ends with
 *   status 3 where they are missing.
 * - Fails when the two disagree about what they found.
 */

import { fromFileUrl, join } from "@std/path";
import { type WorkloadRun, workloadRun } from "./workload_runs.ts";
import { type Workload, workloads } from "./workloads.ts";

const compiler = "arm-linux-gnueabi-gcc";
const emulator = "qemu-arm";
const packages = "qemu-user gcc-arm-linux-gnueabi libc6-dev-armel-cross";
const names = ["CRC-32", "Aho-Corasick scan"];
const turns = 5;
const rounds = 100;

/** What a program printed, or undefined when it is not installed. */
function output(program: string, parameters: readonly string[]): string | undefined {
  try {
    const { success, stdout, stderr } = new Deno.Command(program, { args: [...parameters] }).outputSync();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`${program} ${parameters.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

interface Measured {
  readonly workload: Workload;
  readonly run: WorkloadRun;
  found: number;
  accountedMs: number;
  peerMs: number;
}

function measure(measured: readonly Measured[], program: string, text: string): void {
  for (const entry of measured) {
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      entry.found = Number(entry.run.accounted());
      entry.accountedMs = Math.min(entry.accountedMs, performance.now() - start);
    }
  }
  for (const line of output(emulator, [program, text, `${rounds}`])?.trim().split("\n") ?? []) {
    const [name, found, ns] = line.split("\t");
    const entry = measured.find(({ workload }) => workload.name === name);
    if (entry === undefined) continue;
    if (Number(found) !== entry.found) {
      throw new Error(`${name}: the peer found ${found}, not ${entry.found}`);
    }
    entry.peerMs = Math.min(entry.peerMs, Number(ns) / 1e6);
  }
}

if (output(compiler, ["--version"]) === undefined || output(emulator, ["--version"]) === undefined) {
  console.error(`Skipped: ${compiler} or ${emulator} is not installed (apt-get install ${packages})`);
  Deno.exit(3);
}
const folder = Deno.makeTempDirSync();
try {
  const [program, text] = [join(folder, "peer"), join(folder, "text")];
  const source = fromFileUrl(new URL("peer.c", import.meta.url));
  output(compiler, ["-O2", "-march=armv5te", "-static", "-o", program, source]);
  const measured = workloads.filter(({ name }) => names.includes(name)).map((workload): Measured => {
    return { workload, run: workloadRun(workload), found: NaN, accountedMs: Infinity, peerMs: Infinity };
  });
  const [first] = measured;
  if (first?.workload.makeInput === undefined) throw new Error("The workloads have no bytes");
  Deno.writeFileSync(text, first.workload.makeInput(first.workload.size));
  for (let turn = 0; turn < turns; turn++) measure(measured, program, text);
  console.log(
    "workload".padEnd(20) + "accounted MB/s".padStart(16) + "qemu-arm MB/s".padStart(16) +
      "ratio".padStart(8),
  );
  for (const { workload: { name, size }, accountedMs, peerMs } of measured) {
    const [ours, theirs] = [size / accountedMs / 1000, size / peerMs / 1000];
    console.log(
      name.padEnd(20) + ours.toFixed(0).padStart(16) + theirs.toFixed(0).padStart(16) +
        (ours / theirs).toFixed(2).padStart(8),
    );
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
