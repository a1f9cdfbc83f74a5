/**
 * The types of messages, derived from contracts: what may be sent, what can be received, which end may stand for which.
 *
 * A wrong message, argument or end does not compile; contract_types_test.ts shows what is meant by that.
 * - Only types stand here; programs import those that they need from kernel.ts.
 */

import type { Contract, End, EndpointType, FieldType, RangeType, ScalarType } from "../contracts/contract.ts";
import type { Block, Endpoint } from "./kernel.ts";

export type ValueOf<F> = F extends "bool" ? boolean
  : F extends ScalarType | RangeType ? number
  : F extends "string" ? string
  : F extends "bytes" ? Block
  : F extends readonly (infer W)[] ? W
  : F extends EndpointType ? Endpoint<F["endpoint"], F["end"]>
  : never;

/** What a sender gives for a field: for an endpoint, one of the contract or one that may stand for it. */
type GivenFor<F> = F extends EndpointType ? StandIn<F["endpoint"], F["end"]> : ValueOf<F>;

type BodyOf<M> = M extends { readonly body: infer B } ? { readonly [K in keyof B]: ValueOf<B[K]> }
  // deno-lint-ignore ban-types
  : {};

/** The messages of a contract, with those of its bases. */
export type MessagesOf<C extends Contract> = C extends { readonly base: infer B extends Contract }
  ? MessagesOf<B> & C["messages"]
  : C["messages"];

/** Names of the messages that `E` may send under contract `C`. */
export type MessageName<C extends Contract, E extends End> = {
  [K in keyof MessagesOf<C>]: MessagesOf<C>[K] extends { readonly from: E } ? K : never;
}[keyof MessagesOf<C>];

/** A received message: a union, told apart by `tag`. */
export type MessageFrom<C extends Contract, E extends End> = {
  [K in MessageName<C, E>]: { readonly tag: K } & BodyOf<MessagesOf<C>[K]>;
}[MessageName<C, E>];

/** The body to give when sending message `N`; nothing at all when it has none. */
export type BodyArguments<C extends Contract, N extends keyof MessagesOf<C>> = MessagesOf<C>[N] extends
  { readonly body: infer B extends Readonly<Record<string, FieldType>> }
  ? [body: { readonly [K in keyof B]: GivenFor<B[K]> }]
  : [];

// ---------------------------------------------------------------- derived contracts

/** Names of the messages that `C` adds to states which its base `B` has as well. */
type AddedNames<C extends Contract, B extends Contract> = {
  [S in keyof C["states"] & keyof B["states"]]: keyof C["states"][S];
}[keyof C["states"] & keyof B["states"]];

/** `C`'s base, if an end `E` of `C` may stand for one of it: in the base's states only `E` can say more. */
export type BaseFor<C extends Contract, E extends End> = C extends { readonly base: infer B extends Contract }
  ? [Exclude<AddedNames<C, B>, MessageName<C, E>>] extends [never] ? B : "no base"
  : "no base";

/** The key under which an endpoint's type says for which base it may stand; no value has it. */
export declare const standsFor: unique symbol;

/** An end of `B`, or one of a contract derived from it that may stand for it; the kernel checks the same. */
export type StandIn<B extends Contract, E extends End> =
  | Endpoint<B, E>
  | { readonly end: E; readonly [standsFor]?: B };
