/**
 * Services for tests of the boot: they register a name and serve nobody.
 *
 * - What a program serves has to stand in its description, too: `serves` says so.
 */

import type { Program } from "../../abi/kernel.ts";
import { writeText } from "../../abi/text.ts";
import type { Contract } from "../../contracts/contract.ts";
import type { Main } from "./test_kernel.ts";

export const testContract = {
  name: "test/1",
  contractName: "TestContract",
  messages: {},
  start: "ready",
  states: { ready: {} },
} as const satisfies Contract;

/** A service that registers `path` after a while, says so, and serves nobody. */
export function service(path: string, afterNs = 1e6, contract: Contract = testContract): Main {
  return function* (kernel): Program {
    yield* kernel.sleep(afterNs);
    const served = yield* kernel.register(contract, path);
    yield* writeText(kernel, kernel.stdout, `${kernel.programName} serves ${path}\n`);
    for (;;) yield* served.accept();
  };
}

export const noVolume = "No boot volume is mounted: programs come from the boot archive";

export const serves = (path: string) => ({ services: [{ contract: "TestContract", path }] });
