/**
 * Endpoints of derived contracts where those of the base are expected.
 *
 * A contract that extends another adds messages. An end may be treated as one of the
 * base if in the base's states only that end can say more: it then says no more than
 * the peer understands, and hears no more than it knows.
 * - Nothing happens at run time: the channel keeps its contract, and the kernel checks it.
 * - A field of a message takes such an endpoint without this.
 */

import type { Contract, End } from "../contracts/contract.ts";
import type { BaseFor, Endpoint } from "./kernel.ts";

/** The same endpoint as one of its contract's base; does not compile where that would not be sound. */
export function asBase<C extends Contract, E extends End>(
  endpoint: BaseFor<C, E> extends Contract ? Endpoint<C, E> : never,
): BaseFor<C, E> extends infer B extends Contract ? Endpoint<B, E> : never {
  return endpoint as unknown as BaseFor<C, E> extends infer B extends Contract ? Endpoint<B, E> : never;
}
