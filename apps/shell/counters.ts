/**
 * Performance counters of the whole machine, asked of each kernel's own service.
 *
 * The namespace tells which kernels offer them; a kernel that dies in between is left out.
 * - Rows are `CounterRow`s, kernel by kernel in the order of their names.
 */

import { isKernelError, reasonOf } from "../../kernel/abi/errors.ts";
import type { Call, Kernel } from "../../kernel/abi/kernel.ts";
import { takeText } from "../../kernel/abi/text.ts";
import { performanceCountersContract } from "../../kernel/contracts/performance_counters.ts";
import type { Row } from "./table.ts";

const timeoutNs = 2e9;

/** The rows of all kernels, or why there are none. */
export function* counters(kernel: Kernel): Call<readonly Row[] | string> {
  const services = yield* offered(kernel);
  const rows: Row[] = [];
  let reason = "no kernel offers them";
  for (const { path } of services) {
    const found = yield* countersAt(kernel, path);
    if (typeof found === "string") reason = found;
    else rows.push(...found);
  }
  return rows.length === 0 ? reason : rows;
}

function* offered(kernel: Kernel): Call<readonly { readonly path: string }[]> {
  try {
    return (yield* kernel.enumerate("/performance", "children"))
      .filter(({ contract }) => contract === performanceCountersContract.contractName);
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return [];
  }
}

function* countersAt(
  kernel: Kernel,
  path: string,
): Call<readonly Row[] | string> {
  try {
    const service = yield* kernel.bind(performanceCountersContract, path, timeoutNs);
    yield* service.send("read");
    const event = yield* kernel.select({ service }, timeoutNs);
    if (event.on === "timeout") {
      yield* service.close();
      return `${path} does not answer`;
    }
    if (event.on === "unsatisfiable" || event.kind === "closed") return `${path} is gone`;
    const { message } = event;
    const rows = message.tag === "failed"
      ? message.reason
      : JSON.parse(yield* takeText(kernel, message.json)) as readonly Row[];
    yield* service.close();
    return rows;
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return reasonOf(error);
  }
}
