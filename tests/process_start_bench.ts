/**
 * Host time of a process's start, when the image of its program is in memory.
 *
 * Expected: phase two of the largest program under 200 ms, a start under 5 ms.
 * - "load" is what the kernel does: find the image by the IL's bytes, and evaluate it in a compartment.
 * - "start" is all of it on a booted machine: the process manager reads manifest and IL through FAT32,
 *   places the program and has it launched; the program runs to its end.
 */

import { readManifests, readSource, shippedManifests } from "../hw/host/program_files.ts";
import { isaTables } from "../hw/cpu/isa_tables.ts";
import { createProgramLoader, targetOf } from "../kernel/boot/program_loader.ts";
import { IlBuilder } from "../kernel/compiler/phase_one.ts";
import { compileIl } from "../kernel/compiler/phase_two.ts";
import { parseManifest } from "../kernel/placement/manifest.ts";
import { BootedMachine } from "./machine_bench.ts";

const builder = new IlBuilder(readSource);
const programs = readManifests(shippedManifests).programs
  .map(({ file, text }) => parseManifest(text, file))
  .map(({ name, source }) => ({ name, bytes: new TextEncoder().encode(builder.build(source).il) }))
  .sort((one, other) => other.bytes.length - one.bytes.length);
const largest = programs[0]!;
const isa = isaTables["x86-k8"];
const load = createProgramLoader();
const decoder = new TextDecoder();
const textOf = () => decoder.decode(largest.bytes);
const kilobytes = `${largest.name}, ${Math.round(largest.bytes.length / 1000)} kB`;

Deno.bench(`phase two of the largest program (${kilobytes})`, () => void compileIl(textOf(), targetOf(isa)));

Deno.bench(`load of the largest program, image cached (${kilobytes})`, () => void load(textOf(), isa));

const booted = new BootedMachine();
for (const program of ["Ping", "Shell -c echo"]) {
  Deno.bench(`start of ${program}, image cached, to its end`, () => void booted.command(`run ${program}`));
}

Deno.bench("a command without a process, for comparison", () => void booted.command("echo"));
