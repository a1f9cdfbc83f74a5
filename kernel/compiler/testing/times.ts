/**
 * Prints how long compiling and starting the largest program take in a fresh host: `deno task times`.
 *
 * Each round is a host process of its own, because the host's own compiler makes the first time three
 * times as long as later ones.
 * - Aims: phase two 200 ms, each start whose image is cached 5 ms. Whoever caches the image also has the host compile
 *   its script; an image is loaded after both.
 * - Busy neighbours only ever make a time longer, so the fastest round is shown beside the median.
 */

import { fromFileUrl } from "@std/path";
import { scriptOf } from "../compartment_script.ts";
import { instantiate } from "../instantiate.ts";
import { compileIl } from "../phase_two.ts";
import { plainTarget, sampleImage } from "../sample_programs.ts";
import { firstBurst, largestIl } from "./largest_program.ts";

const rounds = 15;
const names = [
  "phase two, cold",
  "its script",
  "phase two, tenth",
  "first start",
  "later start",
  "later, worst",
];
const laterStarts = 20;

function elapsed(action: () => void): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

/** The times of one round, in the order of the names; phase one, which has the same parser, ran elsewhere. */
function round(il: string): number[] {
  const start = performance.now();
  const image = compileIl(il, plainTarget);
  const cold = performance.now() - start;
  const script = elapsed(() => scriptOf(image));
  for (let count = 0; count < 8; count++) compileIl(il, plainTarget);
  const warm = elapsed(() => compileIl(il, plainTarget));
  // The lockdown of the realm is the first program's, once.
  instantiate(sampleImage("export default function* main(kernel) {}"));
  const first = elapsed(() => firstBurst(image));
  const later = Array.from({ length: laterStarts }, () => elapsed(() => firstBurst(image)));
  return [cold, script, warm, first, Math.min(...later), Math.max(...later)];
}

const [option, file] = Deno.args;
if (option === "--round" && file !== undefined) {
  console.log(JSON.stringify(round(Deno.readTextFileSync(file))));
} else {
  const ilFile = Deno.makeTempFileSync({ suffix: ".il" });
  Deno.writeTextFileSync(ilFile, largestIl());
  const times: number[][] = [];
  for (let count = 0; count < rounds; count++) {
    const args = ["run", "-A", fromFileUrl(import.meta.url), "--round", ilFile];
    const { stdout } = new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).outputSync();
    times.push(JSON.parse(new TextDecoder().decode(stdout)));
  }
  Deno.removeSync(ilFile);
  console.log("".padEnd(20) + "fastest ms".padStart(12) + "median ms".padStart(12));
  names.forEach((name, index) => {
    const sorted = times.map((of) => of[index] ?? NaN).sort((a, b) => a - b);
    const cells = [sorted[0], sorted[rounds >> 1]].map((ms) => ms?.toFixed(1).padStart(12));
    console.log(name.padEnd(20) + cells.join(""));
  });
}
