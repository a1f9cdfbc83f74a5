/**
 * How long compilation keeps a kernel: phase two, and the start of a process whose image is cached.
 *
 * Both for the largest program, the network stack. The aims are 200 ms and 5 ms.
 * - A warm phase two is that of a host which has compiled others before; `deno task times` measures the
 *   first one of a fresh host process.
 * - A start is an instance of its own and the first burst, which ends at the first kernel call.
 */

import { firstBurst, largestIl } from "./testing/largest_program.ts";
import { compileIl } from "./phase_two.ts";
import { plainTarget } from "./sample_programs.ts";

const il = largestIl();
const image = compileIl(il, plainTarget);
firstBurst(image);

Deno.bench("phase two of the largest program, warm", () => {
  compileIl(il, plainTarget);
});

Deno.bench("start of the largest program's process, image cached", () => {
  firstBurst(image);
});
