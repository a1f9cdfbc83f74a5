/**
 * How long compilation keeps a kernel: phase two, and the start of a process whose image is cached.
 *
 * Both for the largest program, the network stack. The aims are 200 ms and 5 ms.
 * - A warm phase two is that of a host which has compiled others before; `deno task times` measures the
 *   first one of a fresh host process.
 * - Code with private names has to be as fast in each instance of an image as in the first.
 * - A start is an instance of its own and the first burst, which ends at the first kernel call.
 */

import { instantiate } from "./instantiate.ts";
import { firstBurst, largestIl } from "./testing/largest_program.ts";
import { compileIl } from "./phase_two.ts";
import { finish, plainTarget, sampleImage } from "./sample_programs.ts";

const il = largestIl();
const image = compileIl(il, plainTarget);
firstBurst(image);

Deno.bench("phase two of the largest program, warm", () => {
  compileIl(il, plainTarget);
});

const countsInPrivate = sampleImage(`
  class Counter { #count = 0; add(n) { this.#count += n; } get count() { return this.#count; } }
  export default function* main() {
    const counter = new Counter();
    for (let i = 0; i < 1e6; i++) counter.add(i);
    return counter.count;
  }`);
for (const which of ["first", "second"]) {
  const instance = instantiate(countsInPrivate);
  Deno.bench(`private names, the ${which} instance of an image`, { group: "private names" }, () => {
    finish(instance);
  });
}

Deno.bench("start of the largest program's process, image cached", () => {
  firstBurst(image);
});
