/**
 * The largest program of this tree, the network stack, for the measurements of compilation.
 *
 * - `firstBurst` starts a process of its own from an image and runs it to its first kernel call; any
 *   kernel will do, because nothing of it is used before.
 */

import { readSource } from "../../../hw/host/program_files.ts";
import type { Image } from "../image.ts";
import { instantiate } from "../instantiate.ts";
import { buildIl } from "../phase_one.ts";

export function largestIl(): string {
  return buildIl("net/stack/main.ts", readSource).il;
}

/** A kernel on which every call waits. */
const waitingKernel: object = new Proxy({}, {
  get: () =>
    function* (): Generator<unknown, void> {
      yield undefined;
    },
});

export function firstBurst(image: Image): void {
  const { done } = instantiate(image).start(waitingKernel).next();
  if (done) throw new Error("The program has ended without a kernel call");
}
